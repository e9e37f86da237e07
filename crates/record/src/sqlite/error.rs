//! What SQLite's errors mean to whoever runs the census.

use std::path::Path;

use rusqlite::{Error, ErrorCode};

use crate::store::StoreError;

/// Returns what turns an error of SQLite into one that names the store and says what to do.
pub(super) fn in_store(path: &Path) -> impl Fn(Error) -> StoreError + Copy {
    move |error| explain(error, path)
}

fn explain(error: Error, path: &Path) -> StoreError {
    let store = path.display().to_string();
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => StoreError::NotADatabase { store },
        Some(ErrorCode::CannotOpen | ErrorCode::SystemIoFailure) if path.is_dir() => {
            StoreError::NotADatabase { store }
        }
        Some(ErrorCode::DiskFull) => StoreError::Full { store },
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => StoreError::ReadOnly { store },
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy { store },
        Some(ErrorCode::DatabaseCorrupt) => StoreError::Damaged {
            store,
            what: error.to_string(),
        },
        // SQLite has thirty codes; what is left is shown in its words.
        Some(_) => other(store, error),
        None => match error {
            Error::FromSqlConversionFailure(_, _, what) => StoreError::Damaged {
                store,
                what: what.to_string(),
            },
            Error::InvalidColumnType(_, column, kind) => StoreError::Damaged {
                store,
                what: format!("the column {column} holds a value of type {kind}"),
            },
            error => other(store, error),
        },
    }
}

fn other(store: String, error: Error) -> StoreError {
    StoreError::Database {
        store,
        why: Box::new(error),
    }
}
