//! CSV as RFC 4180 has it, which no text can break.

use std::fmt::Display;
use std::io::{self, Write};

use csv::Terminator;

/// What spreadsheets take for the beginning of a formula, or skip in front of one.
const FORMULA_STARTS: &[char] = &['=', '+', '-', '@', '\t', '\r'];

/// How lines of CSV end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineEnd {
    /// As files end their lines on Unix.
    Lf,
    /// As RFC 4180 has it, and Python's `csv`.
    CrLf,
}

/// Writes a table as CSV.
///
/// Cells with commas, quotes or line ends are put into quotes, quotes in them are doubled. U+FFFD stands for NUL, at which
/// many readers stop.
#[derive(Debug)]
pub struct CsvWriter<W: Write> {
    csv: Box<csv::Writer<W>>,
    is_harmless: bool,
}

impl<W: Write> CsvWriter<W> {
    /// Begins a table with a line of its columns.
    ///
    /// If `is_harmless`, texts that begin with `=`, `+`, `-`, `@`, a tab or a carriage return get a `'` in front, so that
    /// a spreadsheet shows them and computes nothing.
    pub fn new(
        out: W,
        line_end: LineEnd,
        is_harmless: bool,
        columns: &[&str],
    ) -> io::Result<CsvWriter<W>> {
        let terminator = match line_end {
            LineEnd::Lf => Terminator::Any(b'\n'),
            LineEnd::CrLf => Terminator::CRLF,
        };
        let csv = csv::WriterBuilder::new()
            .terminator(terminator)
            .from_writer(out);
        let csv = Box::new(csv);
        let mut table = CsvWriter { csv, is_harmless };
        for column in columns {
            table.text(column)?;
        }
        table.end_row()?;
        Ok(table)
    }

    /// Writes a cell of text that may be hostile.
    pub fn text(&mut self, text: &str) -> io::Result<()> {
        let is_formula = self.is_harmless && text.starts_with(FORMULA_STARTS);
        if !is_formula && !text.contains('\0') {
            return self.cell(text);
        }
        let quote = if is_formula { "'" } else { "" };
        self.cell(&format!("{quote}{}", text.replace('\0', "\u{fffd}")))
    }

    /// Writes a cell that is a number, a time or a word of ours; an empty one where there is none.
    pub fn value(&mut self, value: Option<impl Display>) -> io::Result<()> {
        match value {
            Some(value) => self.cell(&value.to_string()),
            None => self.cell(""),
        }
    }

    /// Writes a cell of text that may be hostile, or an empty one where there is none.
    pub fn text_or_empty(&mut self, text: Option<&str>) -> io::Result<()> {
        self.text(text.unwrap_or_default())
    }

    /// Ends a row.
    pub fn end_row(&mut self) -> io::Result<()> {
        self.csv.write_record(None::<&[u8]>).map_err(unwrapped)
    }

    /// Hands on what is held back.
    pub fn flush(&mut self) -> io::Result<()> {
        self.csv.flush()
    }

    fn cell(&mut self, text: &str) -> io::Result<()> {
        self.csv.write_field(text).map_err(unwrapped)
    }
}

/// The writer's own error, whose kind says whether a reader hung up.
fn unwrapped(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        kind => io::Error::other(format!("{kind:?}")),
    }
}
