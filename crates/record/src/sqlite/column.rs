//! Values of columns that SQLite has no type for; a column is its name or, where many rows are read, its place.

use std::time::Duration;

use proto::PeerAddr;
use rusqlite::types::Type;
use rusqlite::{Error, Row, RowIndex};

/// What stands in a column, and should not.
#[derive(Debug, thiserror::Error)]
#[error("the column {column} holds {found:?}")]
struct Nonsense {
    column: String,
    found: String,
}

/// Reads a column that holds text of a certain form.
pub(super) fn parsed<T>(
    row: &Row<'_>,
    column: impl RowIndex,
    parse: impl Fn(&str) -> Option<T>,
) -> rusqlite::Result<T> {
    let place = column.idx(row.as_ref())?;
    let text = row.get_ref(place)?.as_str()?;
    parse(text).ok_or_else(|| nonsense(row, place, Type::Text, text))
}

/// Reads a column that holds text of a certain form, or nothing.
pub(super) fn parsed_or_null<T>(
    row: &Row<'_>,
    column: impl RowIndex,
    parse: impl Fn(&str) -> Option<T>,
) -> rusqlite::Result<Option<T>> {
    let place = column.idx(row.as_ref())?;
    let Some(text) = row.get_ref(place)?.as_str_or_null()? else {
        return Ok(None);
    };
    match parse(text) {
        Some(value) => Ok(Some(value)),
        None => Err(nonsense(row, place, Type::Text, text)),
    }
}

/// Reads a column that holds an address with its port.
pub(super) fn addr(row: &Row<'_>, column: impl RowIndex) -> rusqlite::Result<PeerAddr> {
    parsed(row, column, read_addr)
}

/// Reads a column that holds an address with its port, or nothing.
pub(super) fn addr_or_null(
    row: &Row<'_>,
    column: impl RowIndex,
) -> rusqlite::Result<Option<PeerAddr>> {
    parsed_or_null(row, column, read_addr)
}

/// Reads 64 bits that were written as a signed number.
pub(super) fn bits(row: &Row<'_>, column: impl RowIndex) -> rusqlite::Result<u64> {
    Ok(row.get::<_, i64>(column)?.cast_unsigned())
}

/// Reads a number of microseconds, or nothing.
pub(super) fn duration(row: &Row<'_>, column: impl RowIndex) -> rusqlite::Result<Option<Duration>> {
    let place = column.idx(row.as_ref())?;
    let Some(us) = row.get::<_, Option<i64>>(place)? else {
        return Ok(None);
    };
    match u64::try_from(us) {
        Ok(us) => Ok(Some(Duration::from_micros(us))),
        Err(_) => Err(nonsense(row, place, Type::Integer, &us.to_string())),
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

fn nonsense(row: &Row<'_>, place: usize, kind: Type, found: &str) -> Error {
    let what = Nonsense {
        column: row
            .as_ref()
            .column_name(place)
            .unwrap_or_default()
            .to_owned(),
        found: found.to_owned(),
    };
    Error::FromSqlConversionFailure(place, kind, Box::new(what))
}
