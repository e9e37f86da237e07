//! The embedded store: one SQLite file, enough for one observer.
//!
//! The file is in WAL mode: many may read while one crawl writes. That one holds `FILE.lock` ([`CrawlLock`]), so that a
//! crawl whose process died is told from one that runs. Visits are for people who speak SQL too: their columns are
//! described in `migrations/`. Reading back, a `version` is decoded from its payload again, so it is exact; times are
//! kept in microseconds, and [`proto::visit::Heard::story`] is not kept.

mod column;
mod error;
mod lock;
mod migrate;
mod queries;
mod visit_row;

use std::path::{Path, PathBuf};
use std::time::Duration;

use proto::Visit;
use rusqlite::{Connection, OpenFlags, params};

pub use self::lock::{CrawlLock, lock_for_crawl};

use self::error::in_store;
use crate::store::{Crawl, CrawlEnd, CrawlId, CrawlState, NewCrawl, Store, StoreError, Take};

/// How long to wait for another process that is writing.
///
/// A batch of visits takes milliseconds; whoever holds the file for longer is another program.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Crawls and visits in one SQLite file.
#[derive(Debug)]
pub struct SqliteStore {
    connection: Connection,
    path: PathBuf,
    /// Held for as long as this store may crawl.
    _lock: Option<CrawlLock>,
}

impl SqliteStore {
    /// Opens the census at `path` for a crawl: makes it where it is not there, and keeps other crawls out.
    pub fn open_for_crawl(path: &Path) -> Result<SqliteStore, StoreError> {
        let lock = lock_for_crawl(path)?;
        Ok(SqliteStore {
            connection: open_to_write(path)?,
            path: path.to_owned(),
            _lock: Some(lock),
        })
    }

    /// Opens the census at `path` to read it; a crawl is not disturbed.
    pub fn open_to_read(path: &Path) -> Result<SqliteStore, StoreError> {
        if !path.exists() {
            let store = path.display().to_string();
            return Err(StoreError::Missing { store });
        }
        let mut connection = open_read_only(path)?;
        if migrate::is_old(&connection, path)? {
            drop(open_to_write(path)?);
            connection = open_read_only(path)?;
        }
        Ok(SqliteStore {
            connection,
            path: path.to_owned(),
            _lock: None,
        })
    }

    fn read(&self, sql: &str, crawl: CrawlId, take: Take<'_>) -> Result<(), StoreError> {
        let here = in_store(&self.path);
        let mut known = self
            .connection
            .prepare_cached(queries::IS_CRAWL)
            .map_err(here)?;
        if !known.exists([crawl.0]).map_err(here)? {
            return Err(StoreError::UnknownCrawl(crawl));
        }
        let mut statement = self.connection.prepare_cached(sql).map_err(here)?;
        let mut rows = statement.query([crawl.0]).map_err(here)?;
        while let Some(row) = rows.next().map_err(here)? {
            let visit = visit_row::read(row).map_err(here)?;
            take(visit).map_err(StoreError::Taker)?;
        }
        Ok(())
    }
}

impl Store for SqliteStore {
    fn begin_crawl(&mut self, new: &NewCrawl) -> Result<CrawlId, StoreError> {
        queries::begin_crawl(&mut self.connection, new).map_err(in_store(&self.path))
    }

    fn append_visits(&mut self, crawl: CrawlId, visits: &[Visit]) -> Result<(), StoreError> {
        let is_known = queries::append_visits(&mut self.connection, crawl, visits);
        match is_known.map_err(in_store(&self.path))? {
            true => Ok(()),
            false => Err(StoreError::UnknownCrawl(crawl)),
        }
    }

    fn finish_crawl(
        &mut self,
        crawl: CrawlId,
        finished_at_us: i64,
        end: CrawlEnd,
    ) -> Result<(), StoreError> {
        let state = CrawlState::from(end).name();
        let n_changed = self
            .connection
            .execute(
                queries::FINISH_CRAWL,
                params![crawl.0, finished_at_us, state],
            )
            .map_err(in_store(&self.path))?;
        match n_changed {
            0 => Err(StoreError::UnknownCrawl(crawl)),
            _ => Ok(()),
        }
    }

    fn crawls(&self) -> Result<Vec<Crawl>, StoreError> {
        let mut crawls = queries::read_crawls(&self.connection).map_err(in_store(&self.path))?;
        let has_running = crawls.iter().any(|it| it.state == CrawlState::Running);
        if has_running && !lock::is_held(&self.path) {
            for crawl in &mut crawls {
                if crawl.state == CrawlState::Running {
                    crawl.state = CrawlState::Interrupted;
                }
            }
        }
        Ok(crawls)
    }

    fn read_visits(&self, crawl: CrawlId, take: Take<'_>) -> Result<(), StoreError> {
        self.read(queries::READ_VISITS, crawl, take)
    }

    fn read_last_visits(&self, crawl: CrawlId, take: Take<'_>) -> Result<(), StoreError> {
        self.read(queries::READ_LAST_VISITS, crawl, take)
    }
}

fn open_to_write(path: &Path) -> Result<Connection, StoreError> {
    let mut connection = connect(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
    )?;
    migrate::bring_up_to_date(&mut connection, path)?;
    Ok(connection)
}

fn open_read_only(path: &Path) -> Result<Connection, StoreError> {
    connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
}

fn connect(path: &Path, how: OpenFlags) -> Result<Connection, StoreError> {
    let here = in_store(path);
    // One store is used by one thread at a time, which the borrow checker sees to.
    let flags = how | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(here)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(here)?;
    connection
        .pragma_update(None, "foreign_keys", true)
        .map_err(here)?;
    migrate::must_be_ours(&connection, path)?;
    Ok(connection)
}

#[cfg(test)]
mod tests;
