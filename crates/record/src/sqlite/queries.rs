//! What SQLite is asked.

use proto::Visit;
use rusqlite::{Connection, Row, TransactionBehavior, params};

use super::{column, visit_row};
use crate::store::{Crawl, CrawlId, CrawlState, NewCrawl};

pub(super) const IS_CRAWL: &str = "SELECT 1 FROM crawls WHERE crawl_id = ?1";
pub(super) const FINISH_CRAWL: &str =
    "UPDATE crawls SET finished_at_us = ?2, state = ?3 WHERE crawl_id = ?1";
const COUNT_VISITS: &str =
    "UPDATE crawls SET n_visits = n_visits + ?2, n_reachable = n_reachable + ?3,
        first_visit_id = coalesce(first_visit_id, ?4), last_visit_id = ?5 WHERE crawl_id = ?1";
// One crawl writes at a time, so its visits have numbers in a row: no index is needed to find them, nor to sort them.
pub(super) const READ_VISITS: &str =
    "SELECT visits.* FROM crawls JOIN visits NOT INDEXED USING (crawl_id)
    WHERE crawl_id = ?1 AND visit_id BETWEEN first_visit_id AND last_visit_id ORDER BY visit_id";
pub(super) const READ_LAST_VISITS: &str = "SELECT * FROM visits WHERE visit_id IN (
        SELECT max(visit_id) FROM crawls JOIN visits NOT INDEXED USING (crawl_id)
        WHERE crawl_id = ?1 AND visit_id BETWEEN first_visit_id AND last_visit_id GROUP BY address
    ) ORDER BY visit_id";

/// Notes a new crawl.
pub(super) fn begin_crawl(
    connection: &mut Connection,
    new: &NewCrawl,
) -> rusqlite::Result<CrawlId> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // We hold the lock, so nobody else is crawling.
    transaction.execute(
        "UPDATE crawls SET state = 'interrupted' WHERE state = 'running'",
        [],
    )?;
    transaction.execute(
        "INSERT INTO crawls (chain, vantage, sources, started_at_us, n_queued, config, state,
             n_visits, n_reachable) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'running', 0, 0)",
        params![
            new.chain.name(),
            new.vantage,
            serde_json::Value::from(new.sources.as_slice()).to_string(),
            new.started_at_us,
            new.n_queued.cast_signed(),
            new.config.to_string(),
        ],
    )?;
    let id = CrawlId(transaction.last_insert_rowid());
    transaction.commit()?;
    Ok(id)
}

/// Adds visits to a crawl, and returns whether there is such a one.
pub(super) fn append_visits(
    connection: &mut Connection,
    crawl: CrawlId,
    visits: &[Visit],
) -> rusqlite::Result<bool> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let is_known = transaction.prepare_cached(IS_CRAWL)?.exists([crawl.0])?;
    if !is_known || visits.is_empty() {
        return Ok(is_known);
    }
    let mut insert = transaction.prepare_cached(visit_row::INSERT)?;
    for visit in visits {
        visit_row::insert(&mut insert, crawl, visit)?;
    }
    drop(insert);
    let n_visits = column::count(visits.len());
    let reachable = visits.iter().filter(|it| it.call.outcome.is_reachable());
    let last_id = transaction.last_insert_rowid();
    transaction.prepare_cached(COUNT_VISITS)?.execute(params![
        crawl.0,
        n_visits,
        column::count(reachable.count()),
        last_id - n_visits + 1,
        last_id,
    ])?;
    transaction.commit()?;
    Ok(true)
}

/// Reads all crawls, oldest first.
pub(super) fn read_crawls(connection: &Connection) -> rusqlite::Result<Vec<Crawl>> {
    let mut statement = connection.prepare_cached("SELECT * FROM crawls ORDER BY crawl_id")?;
    statement.query_map([], read_crawl)?.collect()
}

fn read_crawl(row: &Row<'_>) -> rusqlite::Result<Crawl> {
    Ok(Crawl {
        id: CrawlId(row.get("crawl_id")?),
        chain: column::parsed(row, "chain", |it| it.parse().ok())?,
        vantage: row.get("vantage")?,
        sources: column::parsed(row, "sources", |it| serde_json::from_str(it).ok())?,
        started_at_us: row.get("started_at_us")?,
        finished_at_us: row.get("finished_at_us")?,
        n_queued: column::bits(row, "n_queued")?,
        config: column::parsed(row, "config", |it| serde_json::from_str(it).ok())?,
        state: column::parsed(row, "state", CrawlState::from_name)?,
        n_visits: column::bits(row, "n_visits")?,
        n_reachable: column::bits(row, "n_reachable")?,
    })
}
