//! Values of columns that SQLite has no type for.

use std::time::Duration;

use proto::PeerAddr;
use rusqlite::types::Type;
use rusqlite::{Error, Row};

/// What stands in a column, and should not.
#[derive(Debug, thiserror::Error)]
#[error("the column {column} holds {found:?}")]
struct Nonsense {
    column: &'static str,
    found: String,
}

/// Reads a column that holds text of a certain form.
pub(super) fn parsed<T>(
    row: &Row<'_>,
    column: &'static str,
    parse: impl Fn(&str) -> Option<T>,
) -> rusqlite::Result<T> {
    let text = row.get_ref(column)?.as_str()?;
    parse(text).ok_or_else(|| nonsense(Type::Text, column, text))
}

/// Reads a column that holds text of a certain form, or nothing.
pub(super) fn parsed_or_null<T>(
    row: &Row<'_>,
    column: &'static str,
    parse: impl Fn(&str) -> Option<T>,
) -> rusqlite::Result<Option<T>> {
    let Some(text) = row.get_ref(column)?.as_str_or_null()? else {
        return Ok(None);
    };
    match parse(text) {
        Some(value) => Ok(Some(value)),
        None => Err(nonsense(Type::Text, column, text)),
    }
}

/// Reads a column that holds an address with its port.
pub(super) fn addr(row: &Row<'_>, column: &'static str) -> rusqlite::Result<PeerAddr> {
    parsed(row, column, read_addr)
}

/// Reads a column that holds an address with its port, or nothing.
pub(super) fn addr_or_null(
    row: &Row<'_>,
    column: &'static str,
) -> rusqlite::Result<Option<PeerAddr>> {
    parsed_or_null(row, column, read_addr)
}

/// Reads 64 bits that were written as a signed number.
pub(super) fn bits(row: &Row<'_>, column: &'static str) -> rusqlite::Result<u64> {
    Ok(row.get::<_, i64>(column)?.cast_unsigned())
}

/// Reads a number of microseconds, or nothing.
pub(super) fn duration(row: &Row<'_>, column: &'static str) -> rusqlite::Result<Option<Duration>> {
    let Some(us) = row.get::<_, Option<i64>>(column)? else {
        return Ok(None);
    };
    match u64::try_from(us) {
        Ok(us) => Ok(Some(Duration::from_micros(us))),
        Err(_) => Err(nonsense(Type::Integer, column, &us.to_string())),
    }
}

/// Writes a duration as microseconds.
pub(super) fn micros(duration: Option<Duration>) -> Option<i64> {
    let us = duration?.as_micros();
    Some(i64::try_from(us).unwrap_or(i64::MAX))
}

/// Writes a number of things.
pub(super) fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

fn read_addr(text: &str) -> Option<PeerAddr> {
    PeerAddr::parse(text, 0).ok()
}

fn nonsense(kind: Type, column: &'static str, found: &str) -> Error {
    let what = Nonsense {
        column,
        found: found.to_owned(),
    };
    // The place is for rusqlite's own message, which nobody sees.
    Error::FromSqlConversionFailure(0, kind, Box::new(what))
}
