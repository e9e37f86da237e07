//! The embedded store: one SQLite file, enough for one observer.
//!
//! The file is in WAL mode: many may read while one crawl writes. That one holds `FILE.lock` ([`CrawlLock`]), so that a
//! crawl whose process died is told from one that runs. Visits are for people who speak SQL too: their columns are
//! described in `migrations/`. Reading back, a `version` is decoded from its payload again, so it is exact, and made
//! of the columns where another observer told of it and there is no payload; times are kept in microseconds, claims are apart ([`Store::read_edges`]), and [`proto::visit::Heard::story`] is not kept.

mod column;
mod edges_row;
mod error;
mod last_visits;
mod learned_row;
mod listed_row;
mod lock;
mod meanings;
mod migrate;
mod queries;
mod query;
mod visit_row;

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use proto::visit::Learned;
use proto::{Chain, PeerAddr};
use rusqlite::{Connection, OpenFlags, Params, Row, params};

pub use self::lock::{CrawlLock, lock_for_crawl};
pub use self::meanings::{ColumnMeaning, TableMeaning};
pub use self::query::{Interrupt, Query, QueryError, TakeRow, Value};

use self::error::in_store;
use self::last_visits::LastVisits;
use self::queries::ImportError;
use crate::Thinning;
use crate::import::Remarks;
use crate::store::{
    Batch, Crawl, CrawlEnd, CrawlId, CrawlState, Edges, Feed, Glimpse, NewCrawl, SNAPSHOT_REACH,
    Sighting, Standing, Store, StoreError, Take,
};

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

    /// Whether some process has the store open for a crawl, be it between two rounds of a watch.
    pub fn is_open_for_crawl(&self) -> bool {
        lock::is_held(&self.path)
    }

    fn read<T>(
        &self,
        sql: &str,
        params: impl Params,
        mut read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
        take: Take<'_, T>,
    ) -> Result<(), StoreError> {
        let here = in_store(&self.path);
        let mut statement = self.connection.prepare_cached(sql).map_err(here)?;
        let mut rows = statement.query(params).map_err(here)?;
        while let Some(row) = rows.next().map_err(here)? {
            let it = read(row).map_err(here)?;
            take(it).map_err(StoreError::Taker)?;
        }
        Ok(())
    }

    fn must_be_known(&self, crawl: CrawlId) -> Result<(), StoreError> {
        must_be_known(self.has(queries::IS_CRAWL, crawl)?, crawl)
    }

    fn has(&self, sql: &str, crawl: CrawlId) -> Result<bool, StoreError> {
        let here = in_store(&self.path);
        let mut statement = self.connection.prepare_cached(sql).map_err(here)?;
        statement.exists([crawl.0]).map_err(here)
    }
}

impl Store for SqliteStore {
    fn begin_crawl(&mut self, new: &NewCrawl) -> Result<CrawlId, StoreError> {
        queries::begin_crawl(&mut self.connection, new).map_err(in_store(&self.path))
    }

    fn append(&mut self, crawl: CrawlId, batch: &Batch<'_>) -> Result<(), StoreError> {
        let is_known = queries::append(&mut self.connection, crawl, batch);
        must_be_known(is_known.map_err(in_store(&self.path))?, crawl)
    }

    fn finish_crawl(
        &mut self,
        crawl: CrawlId,
        finished_at_us: i64,
        end: CrawlEnd,
    ) -> Result<(), StoreError> {
        let is_known = queries::finish_crawl(&mut self.connection, crawl, finished_at_us, end);
        must_be_known(is_known.map_err(in_store(&self.path))?, crawl)
    }

    fn note_standing(&mut self, crawl: CrawlId, standing: &Standing) -> Result<(), StoreError> {
        let is_known = queries::note_standing(&self.connection, crawl, standing);
        must_be_known(is_known.map_err(in_store(&self.path))?, crawl)
    }

    fn thin(
        &mut self,
        thinning: &mut Thinning,
        before_us: i64,
        n_visits: u32,
    ) -> Result<bool, StoreError> {
        let may_be_more = queries::thin(&mut self.connection, thinning, before_us, n_visits);
        if may_be_more.is_err() {
            *thinning = Thinning::new(thinning.chain());
        }
        may_be_more.map_err(in_store(&self.path))
    }

    fn import(&mut self, new: &NewCrawl, feed: Feed<'_>) -> Result<CrawlId, StoreError> {
        let here = in_store(&self.path);
        queries::import(&mut self.connection, new, feed).map_err(|error| match error {
            ImportError::Feed(error) => StoreError::Feed(error),
            ImportError::Database(error) => here(error),
        })
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

    fn resumable(&self, chain: Chain) -> Result<Option<Crawl>, StoreError> {
        let mut crawls = self.crawls()?.into_iter();
        let Some(latest) = crawls.rfind(|it| it.chain == chain && it.observer.is_none()) else {
            return Ok(None);
        };
        let can_go_on =
            latest.state != CrawlState::Finished && self.has(queries::HAS_LEARNED, latest.id)?;
        Ok(can_go_on.then_some(latest))
    }

    fn reopen_crawl(&mut self, crawl: CrawlId) -> Result<(), StoreError> {
        let is_known = queries::reopen_crawl(&mut self.connection, crawl);
        must_be_known(is_known.map_err(in_store(&self.path))?, crawl)
    }

    fn read_visits(&self, crawl: CrawlId, take: Take<'_>) -> Result<(), StoreError> {
        self.must_be_known(crawl)?;
        self.read(queries::READ_VISITS, [crawl.0], visit_row::read, take)
    }

    fn read_last_visits(&self, crawl: CrawlId, take: Take<'_>) -> Result<(), StoreError> {
        self.must_be_known(crawl)?;
        let params = [Some(crawl.0), column::micros(Some(SNAPSHOT_REACH))];
        // SQLite would sort all addresses to find the last visit of each, which takes as long as to read the visits.
        let mut last = LastVisits::default();
        let addresses = queries::read_with_rounds_before("visit_id, address");
        let note = |row: &Row<'_>| {
            last.add(row.get(0)?, row.get_ref(1)?.as_str()?);
            Ok(())
        };
        self.read(&addresses, params, note, &mut Ok)?;
        let visits = queries::read_with_rounds_before("*");
        let read = |row: &Row<'_>| visit_row::read_if_last(row, &last);
        self.read(&visits, params, read, &mut |visit| {
            visit.map_or(Ok(()), &mut *take)
        })
    }

    fn read_learned(&self, crawl: CrawlId, take: Take<'_, Learned>) -> Result<(), StoreError> {
        self.must_be_known(crawl)?;
        self.read(queries::READ_LEARNED, [crawl.0], learned_row::read, take)
    }

    fn read_edges(&self, crawl: CrawlId, take: Take<'_, Edges>) -> Result<(), StoreError> {
        self.must_be_known(crawl)?;
        self.read(queries::READ_EDGES, [crawl.0], edges_row::read, take)
    }

    fn read_listed(
        &self,
        crawl: CrawlId,
        take: Take<'_, (PeerAddr, Remarks)>,
    ) -> Result<(), StoreError> {
        self.must_be_known(crawl)?;
        self.read(queries::READ_LISTED, [crawl.0], listed_row::read, take)
    }

    fn read_sightings(&self, crawl: CrawlId, take: Take<'_, Sighting>) -> Result<(), StoreError> {
        self.must_be_known(crawl)?;
        self.read(
            queries::READ_SIGHTINGS,
            [crawl.0],
            visit_row::read_sighting,
            take,
        )
    }

    fn read_glimpses(
        &self,
        chain: Chain,
        time_us: RangeInclusive<i64>,
        take: Take<'_, Glimpse>,
    ) -> Result<(), StoreError> {
        let params = params![chain.name(), time_us.start(), time_us.end()];
        self.read(
            queries::READ_GLIMPSES,
            params,
            visit_row::read_glimpse,
            take,
        )
    }
}

fn must_be_known(is_known: bool, crawl: CrawlId) -> Result<(), StoreError> {
    match is_known {
        true => Ok(()),
        false => Err(StoreError::UnknownCrawl(crawl)),
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
