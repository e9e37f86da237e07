//! Figures as tables with a title and a definition: what text, pages and files are made of.

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

use crate::text::{coarse_time, grouped, long_time, percent};

/// A table, and what it says.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Section {
    /// Its name in links and file names: small letters and underscores.
    pub key: &'static str,
    /// What stands above it.
    pub title: String,
    /// What was counted or measured, with its unit and its limits, in sentences for people.
    pub definition: String,
    /// The table; one without rows is not shown.
    pub table: Table,
}

/// Rows of cells under headings.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Table {
    /// One heading a column.
    pub columns: Vec<&'static str>,
    /// As many cells a row as there are columns.
    pub rows: Vec<Vec<Cell>>,
}

/// One value, and what it is.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cell {
    /// There is none.
    Empty,
    /// Words, which may be a peer's: hostile text, to be escaped.
    Text(String),
    /// How many.
    Count(u64),
    /// A number that is no count.
    Integer(i64),
    /// A number that is a name: a protocol version, a port.
    Label(i64),
    /// A number with a fraction.
    Number(f64),
    /// A part of a whole, from 0 to 1.
    Share(f64),
    /// A duration in microseconds.
    Micros(u64),
    /// A duration in seconds, negative where it is behind.
    Seconds(i64),
    /// A moment, microseconds since 1970.
    Time(i64),
}

/// Writes what is ours as people read it, and words as they are.
impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Cell::Empty => "-".to_owned(),
            Cell::Text(text) => text.clone(),
            Cell::Count(n) => grouped(n),
            Cell::Integer(n) => grouped(n),
            Cell::Label(n) => n.to_string(),
            Cell::Number(n) => grouped(format_args!("{n:.2}")),
            Cell::Share(share) => percent(*share),
            Cell::Micros(us) => long_time(*us),
            Cell::Seconds(s) => {
                let sign = if *s < 0 { "-" } else { "" };
                format!("{sign}{}", coarse_time(s.unsigned_abs()))
            }
            Cell::Time(us) => match Timestamp::from_microsecond(*us) {
                Ok(time) => time.strftime("%Y-%m-%d %H:%M").to_string(),
                Err(_) => "-".to_owned(), // No year that people count in.
            },
        };
        f.write_str(&text)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Cell {
        Cell::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Cell {
        Cell::Text(text)
    }
}

impl From<u64> for Cell {
    fn from(n: u64) -> Cell {
        Cell::Count(n)
    }
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(it: Option<T>) -> Cell {
        it.map_or(Cell::Empty, Into::into)
    }
}
