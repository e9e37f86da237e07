//! What SQLite is asked.

use std::collections::BTreeMap;
use std::io;

use proto::Visit;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, Transaction, TransactionBehavior, params};

use super::{column, edges_row, learned_row, listed_row, visit_row};
use crate::Thinning;
use crate::import::Seen;
use crate::store::{Batch, Crawl, CrawlEnd, CrawlId, CrawlState, Feed, NewCrawl, Standing};

pub(super) const IS_CRAWL: &str = "SELECT 1 FROM crawls WHERE crawl_id = ?1";
pub(super) const HAS_LEARNED: &str = "SELECT 1 FROM learned WHERE crawl_id = ?1";
const FINISH_CRAWL: &str = "UPDATE crawls SET finished_at_us = ?2, state = ?3 WHERE crawl_id = ?1";
const NOTE_STANDING: &str = "UPDATE crawls SET problems = ?2, snapshot = ?3 WHERE crawl_id = ?1";
const REOPEN_CRAWL: &str =
    "UPDATE crawls SET finished_at_us = NULL, state = 'running' WHERE crawl_id = ?1";
// We hold the lock, so nobody else is crawling.
const INTERRUPT_OTHERS: &str = "UPDATE crawls SET state = 'interrupted' WHERE state = 'running'";
const FORGET_LEARNED: &str = "DELETE FROM learned WHERE crawl_id = ?1";
const FORGET_LEARNED_OF_CHAIN: &str =
    "DELETE FROM learned WHERE crawl_id IN (SELECT crawl_id FROM crawls WHERE chain = ?1)";
const COUNT_VISITS: &str =
    "UPDATE crawls SET n_visits = n_visits + ?2, n_reachable = n_reachable + ?3,
        first_visit_id = coalesce(first_visit_id, ?4), last_visit_id = ?5 WHERE crawl_id = ?1";
const NOTE_LEFT_OUT: &str = "UPDATE crawls SET left_out = ?2 WHERE crawl_id = ?1";
// One crawl writes at a time, so its visits have numbers in a row, or in a few rows where it was stopped and went on: no
// index is needed to find them, nor to sort them.
pub(super) const READ_VISITS: &str =
    "SELECT visits.* FROM crawls JOIN visits NOT INDEXED USING (crawl_id)
    WHERE crawl_id = ?1 AND visit_id BETWEEN first_visit_id AND last_visit_id ORDER BY visit_id";
pub(super) const READ_LEARNED: &str =
    "SELECT * FROM learned WHERE crawl_id = ?1 ORDER BY learned_id";
pub(super) const READ_EDGES: &str = "SELECT address, claims FROM crawls
    JOIN edges ON edges.visit_id BETWEEN first_visit_id AND last_visit_id
    JOIN visits ON visits.visit_id = edges.visit_id AND visits.crawl_id = crawls.crawl_id
    WHERE crawls.crawl_id = ?1 ORDER BY edges.visit_id";
pub(super) const READ_LISTED: &str = "SELECT address, said FROM crawls
    JOIN listed ON listed.visit_id BETWEEN first_visit_id AND last_visit_id
    JOIN visits ON visits.visit_id = listed.visit_id AND visits.crawl_id = crawls.crawl_id
    WHERE crawls.crawl_id = ?1 ORDER BY listed.visit_id";
// Visits are kept as they end, so a crawl whose last one ended before that time has none that began after it.
pub(super) const READ_GLIMPSES: &str =
    "SELECT address, visits.started_at_us, outcome, reason, addresses_told IS NOT NULL AS was_asked
    FROM visits NOT INDEXED CROSS JOIN crawls USING (crawl_id)
    WHERE chain = ?1 AND observer IS NULL AND visits.started_at_us BETWEEN ?2 AND ?3 AND visit_id >= (
        SELECT min(first_visit_id) FROM crawls WHERE chain = ?1 AND observer IS NULL AND coalesce(finished_at_us, (
            SELECT last.started_at_us + last.took_us FROM visits AS last WHERE last.visit_id = last_visit_id
        ), ?2) >= ?2
    ) ORDER BY visit_id";
// The columns of a version say the same as its payload, and are read faster.
pub(super) const READ_SIGHTINGS: &str =
    "SELECT address, outcome IN ('complete', 'version_only') AS was_reached, transport, protocol_version, services,
        user_agent, start_height
    FROM crawls JOIN visits NOT INDEXED USING (crawl_id)
    WHERE crawl_id = ?1 AND visit_id BETWEEN first_visit_id AND last_visit_id
        AND (series IS NOT NULL OR outcome IN ('complete', 'version_only')) ORDER BY visit_id";
const DELETE_VISIT: &str = "DELETE FROM visits WHERE visit_id = ?1";
const DELETE_EDGES: &str = "DELETE FROM edges WHERE visit_id = ?1";
const READ_TO_THIN: &str =
    "SELECT visits.*, series FROM visits NOT INDEXED CROSS JOIN crawls USING (crawl_id)
    WHERE visit_id > ?1 AND chain = ?2 AND observer IS NULL ORDER BY visit_id LIMIT ?3";

/// Asks for `columns` of the visits of a crawl and, where it is a round of a watch, of the rounds before it.
pub(super) fn read_with_rounds_before(columns: &str) -> String {
    // CROSS JOIN says in which order to look. All visits from the first to the last are looked at, so none have to be sorted.
    format!(
        "WITH part AS MATERIALIZED (
            SELECT part.* FROM crawls AS asked
            CROSS JOIN crawls AS part ON part.crawl_id = asked.crawl_id OR (part.series = asked.series
                AND part.crawl_id < asked.crawl_id AND part.started_at_us > asked.started_at_us - ?2)
            WHERE asked.crawl_id = ?1
        )
        SELECT {columns} FROM visits NOT INDEXED
        WHERE visit_id BETWEEN (SELECT min(first_visit_id) FROM part) AND (SELECT max(last_visit_id) FROM part)
            AND crawl_id IN (SELECT crawl_id FROM part) ORDER BY visit_id"
    )
}

/// Notes a new crawl.
pub(super) fn begin_crawl(
    connection: &mut Connection,
    new: &NewCrawl,
) -> rusqlite::Result<CrawlId> {
    let transaction = begin(connection)?;
    transaction.execute(INTERRUPT_OTHERS, [])?;
    transaction.execute(FORGET_LEARNED_OF_CHAIN, [new.chain.name()])?;
    let id = insert_crawl(&transaction, new)?;
    transaction.commit()?;
    Ok(id)
}

fn insert_crawl(transaction: &Transaction<'_>, new: &NewCrawl) -> rusqlite::Result<CrawlId> {
    transaction.execute(
        "INSERT INTO crawls (chain, vantage, sources, started_at_us, n_queued, config, series, observer, state,
             n_visits, n_reachable) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 'running', 0, 0)",
        params![
            new.chain.name(),
            new.vantage,
            serde_json::Value::from(new.sources.as_slice()).to_string(),
            new.started_at_us,
            new.n_queued.cast_signed(),
            new.config.to_string(),
            new.series,
            new.observer,
        ],
    )?;
    Ok(CrawlId(transaction.last_insert_rowid()))
}

/// Notes that a crawl goes on, and returns whether there is such a one.
pub(super) fn reopen_crawl(connection: &mut Connection, crawl: CrawlId) -> rusqlite::Result<bool> {
    let transaction = begin(connection)?;
    transaction.execute(INTERRUPT_OTHERS, [])?;
    let n_changed = transaction.execute(REOPEN_CRAWL, [crawl.0])?;
    transaction.commit()?;
    Ok(n_changed > 0)
}

/// Notes the end of a crawl, and returns whether there is such a one.
pub(super) fn finish_crawl(
    connection: &mut Connection,
    crawl: CrawlId,
    finished_at_us: i64,
    end: CrawlEnd,
) -> rusqlite::Result<bool> {
    let transaction = begin(connection)?;
    let state = CrawlState::from(end).name();
    let n_changed = transaction.execute(FINISH_CRAWL, params![crawl.0, finished_at_us, state])?;
    if end == CrawlEnd::Finished {
        transaction.execute(FORGET_LEARNED, [crawl.0])?;
    }
    transaction.commit()?;
    Ok(n_changed > 0)
}

/// Notes what a round says of its watch, and returns whether there is such a crawl.
pub(super) fn note_standing(
    connection: &Connection,
    crawl: CrawlId,
    standing: &Standing,
) -> rusqlite::Result<bool> {
    let problems = serde_json::json!(standing.problems).to_string();
    let reachable = serde_json::json!(standing.reachable).to_string();
    let n_changed = connection.execute(NOTE_STANDING, params![crawl.0, problems, reachable])?;
    Ok(n_changed > 0)
}

/// Adds to a crawl, and returns whether there is such a one.
pub(super) fn append(
    connection: &mut Connection,
    crawl: CrawlId,
    batch: &Batch<'_>,
) -> rusqlite::Result<bool> {
    let transaction = begin(connection)?;
    if !transaction.prepare_cached(IS_CRAWL)?.exists([crawl.0])? {
        return Ok(false);
    }
    if !batch.visits.is_empty() {
        append_visits(&transaction, crawl, batch.visits, batch.with_edges)?;
    }
    let mut insert = transaction.prepare_cached(learned_row::INSERT)?;
    for learned in batch.learned {
        learned_row::insert(&mut insert, crawl, learned)?;
    }
    drop(insert);
    if let Some(left_out) = batch.left_out {
        note_left_out(&transaction, crawl, left_out)?;
    }
    transaction.commit()?;
    Ok(true)
}

fn note_left_out(
    transaction: &Transaction<'_>,
    crawl: CrawlId,
    left_out: &BTreeMap<String, u64>,
) -> rusqlite::Result<()> {
    let left_out = serde_json::to_string(left_out).expect("counts by their names are JSON");
    let mut note = transaction.prepare_cached(NOTE_LEFT_OUT)?;
    note.execute(params![crawl.0, left_out])?;
    Ok(())
}

fn append_visits(
    transaction: &Transaction<'_>,
    crawl: CrawlId,
    visits: &[Visit],
    with_edges: bool,
) -> rusqlite::Result<()> {
    let mut insert = transaction.prepare_cached(visit_row::INSERT)?;
    let mut insert_edges = transaction.prepare_cached(edges_row::INSERT)?;
    for visit in visits {
        visit_row::insert(&mut insert, crawl, visit)?;
        if with_edges
            && let Some(gossip) = &visit.call.heard.gossip
            && !gossip.claims.is_empty()
        {
            let visit_id = transaction.last_insert_rowid();
            edges_row::insert(&mut insert_edges, visit_id, &gossip.claims)?;
        }
    }
    // That of its edges is the same.
    let last_id = transaction.last_insert_rowid();
    let n_visits = column::count(visits.len());
    let reachable = visits.iter().filter(|it| it.call.outcome.is_reachable());
    transaction.prepare_cached(COUNT_VISITS)?.execute(params![
        crawl.0,
        n_visits,
        column::count(reachable.count()),
        last_id - n_visits + 1,
        last_id,
    ])?;
    Ok(())
}

/// Why nothing was imported.
pub(super) enum ImportError {
    Feed(io::Error),
    Database(rusqlite::Error),
}

impl From<rusqlite::Error> for ImportError {
    fn from(error: rusqlite::Error) -> ImportError {
        ImportError::Database(error)
    }
}

/// Keeps what another observer saw.
pub(super) fn import(
    connection: &mut Connection,
    new: &NewCrawl,
    feed: Feed<'_>,
) -> Result<CrawlId, ImportError> {
    let transaction = begin(connection)?;
    let crawl = insert_crawl(&transaction, new)?;
    let mut failure = None;
    let fed = feed(&mut |seen| {
        append_seen(&transaction, crawl, seen).map_err(|error| {
            failure = Some(error);
            io::Error::other("the store failed")
        })
    });
    if let Some(error) = failure {
        return Err(ImportError::Database(error));
    }
    let left_out = fed.map_err(ImportError::Feed)?;
    note_left_out(&transaction, crawl, &left_out)?;
    // A list is of one moment.
    let state = CrawlState::Finished.name();
    transaction.execute(FINISH_CRAWL, params![crawl.0, new.started_at_us, state])?;
    transaction.commit()?;
    Ok(crawl)
}

fn append_seen(transaction: &Transaction<'_>, crawl: CrawlId, seen: Seen) -> rusqlite::Result<()> {
    append_visits(transaction, crawl, &[seen.visit], true)?;
    let visit_id = transaction.last_insert_rowid();
    let mut insert = transaction.prepare_cached(listed_row::INSERT)?;
    listed_row::insert(&mut insert, visit_id, &seen.remarks)
}

/// Looks at the next visits of a thinning, deletes those that go, and returns whether there may be more.
pub(super) fn thin(
    connection: &mut Connection,
    thinning: &mut Thinning,
    before_us: i64,
    n_visits: u32,
) -> rusqlite::Result<bool> {
    let transaction = begin(connection)?;
    let mut delete = transaction.prepare_cached(DELETE_VISIT)?;
    let mut delete_edges = transaction.prepare_cached(DELETE_EDGES)?;
    let mut read = transaction.prepare_cached(READ_TO_THIN)?;
    let params = params![thinning.upto_id(), thinning.chain().name(), n_visits];
    let mut rows = read.query(params)?;
    let mut n_seen = 0;
    let mut gone = Vec::new();
    while let Some(row) = rows.next()? {
        let visit = visit_row::read(row)?;
        if visit.call.started_at_us >= before_us {
            break;
        }
        n_seen += 1;
        let may_go = row.get_ref("series")? != ValueRef::Null;
        gone.extend(thinning.add(row.get("visit_id")?, may_go, &visit));
    }
    drop(rows);
    for visit_id in gone {
        delete.execute([visit_id])?;
        delete_edges.execute([visit_id])?;
    }
    drop((read, delete, delete_edges));
    transaction.commit()?;
    Ok(n_seen == n_visits)
}

/// Begins a transaction that writes: it waits for another writer here, and nowhere later.
fn begin(connection: &mut Connection) -> rusqlite::Result<Transaction<'_>> {
    connection.transaction_with_behavior(TransactionBehavior::Immediate)
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
        left_out: column::parsed(row, "left_out", |it| serde_json::from_str(it).ok())?,
        series: row.get("series")?,
        observer: row.get("observer")?,
        standing: Standing {
            problems: column::parsed(row, "problems", |it| serde_json::from_str(it).ok())?,
            reachable: column::parsed(row, "snapshot", |it| serde_json::from_str(it).ok())?,
        },
    })
}
