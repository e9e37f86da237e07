//! The schema: numbered SQL files, run once each.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::error::in_store;
use crate::store::StoreError;

/// Marks an SQLite file as a census, in the header that `file` and SQLite show: `bcen`.
const APPLICATION_ID: i64 = 0x6263_656e;

/// What makes each version of the schema from the one before; a published file is never edited.
const MIGRATIONS: &[&str] = &[
    include_str!("../../migrations/0001_crawls_and_visits.sql"),
    include_str!("../../migrations/0002_gossip_and_going_on.sql"),
    include_str!("../../migrations/0003_standing_of_a_watch.sql"),
    include_str!("../../migrations/0004_other_observers.sql"),
];

/// How many pages the write-ahead log may have before it is folded into the file: 32 MB.
///
/// SQLite's own 1,000 would sync the disk after every few batches of a fast crawl.
const WAL_PAGES: i64 = 8_000;

/// The version that [`MIGRATIONS`] lead to.
pub(super) const LATEST: i64 = MIGRATIONS.len() as i64;

/// Fails where the file is another program's, or a newer bitcensus's.
pub(super) fn must_be_ours(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let found = version(connection, path)?;
    let store = || path.display().to_string();
    if pragma(connection, "application_id", path)? != APPLICATION_ID && !is_empty(connection, path)?
    {
        return Err(StoreError::OtherDatabase { store: store() });
    }
    if found > LATEST {
        return Err(StoreError::TooNew {
            store: store(),
            found,
            known: LATEST,
        });
    }
    Ok(())
}

/// Whether migrations are still to be run.
pub(super) fn is_old(connection: &Connection, path: &Path) -> Result<bool, StoreError> {
    Ok(version(connection, path)? < LATEST)
}

/// Sets the file up for writing, and runs the migrations that it lacks: all of them, or none.
pub(super) fn bring_up_to_date(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let here = in_store(path);
    connection
        .pragma_update(None, "journal_mode", "wal")
        .map_err(here)?;
    connection
        .pragma_update(None, "synchronous", "normal")
        .map_err(here)?;
    connection
        .pragma_update(None, "wal_autocheckpoint", WAL_PAGES)
        .map_err(here)?;
    if is_old(connection, path)? {
        run(connection).map_err(here)?;
    }
    Ok(())
}

fn run(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Asked again inside the transaction: another process may have come first.
    let done: u16 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    for migration in MIGRATIONS.iter().skip(done.into()) {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", LATEST)?;
    transaction.commit()
}

fn version(connection: &Connection, path: &Path) -> Result<i64, StoreError> {
    pragma(connection, "user_version", path)
}

fn pragma(connection: &Connection, name: &str, path: &Path) -> Result<i64, StoreError> {
    connection
        .pragma_query_value(None, name, |row| row.get(0))
        .map_err(in_store(path))
}

fn is_empty(connection: &Connection, path: &Path) -> Result<bool, StoreError> {
    connection
        .query_row(
            "SELECT NOT EXISTS (SELECT 1 FROM sqlite_schema)",
            [],
            |row| row.get(0),
        )
        .map_err(in_store(path))
}
