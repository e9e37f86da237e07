//! Files that other programs read.

pub mod bitnodes;
pub mod csv;
pub mod edges;
pub mod listed;
pub mod ndjson;
pub mod nebula;
pub mod parquet;
pub mod sessions;

use std::io;

use jiff::Timestamp;

use crate::store::StoreError;

/// Why an export ended early.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The visits could not be read, or not be written.
    #[error(transparent)]
    Store(StoreError),
    /// The file could not be written.
    #[error("the export could not be written")]
    Write(#[from] io::Error),
}

impl From<StoreError> for ExportError {
    /// Whoever takes what is read is the one who writes here.
    fn from(error: StoreError) -> ExportError {
        match error {
            StoreError::Taker(error) => ExportError::Write(error),
            error => ExportError::Store(error),
        }
    }
}

/// Writes a time as RFC 3339 has it, in UTC and to the microsecond: `2026-11-01T00:00:00.100000Z`.
///
/// `None` outside the years that RFC 3339 can write.
pub fn rfc3339(us: i64) -> Option<String> {
    let time = Timestamp::from_microsecond(us).ok()?;
    Some(format!("{time:.6}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_to_the_microsecond() {
        let expected = Some("1970-01-01T00:00:00.000000Z".to_owned());
        assert_eq!(rfc3339(0), expected);
        let expected = Some("2026-11-01T00:00:00.100000Z".to_owned());
        assert_eq!(rfc3339(crate::samples::STARTED_AT_US), expected);
        let expected = Some("1969-12-31T23:59:59.999999Z".to_owned());
        assert_eq!(rfc3339(-1), expected);
        assert_eq!(rfc3339(i64::MAX), None);
    }
}
