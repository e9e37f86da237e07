//! One learned address as one row.

use proto::visit::Learned;
use rusqlite::{Row, Statement, params};

use super::column;
use crate::store::CrawlId;

/// Adds one row.
pub(super) const INSERT: &str =
    "INSERT INTO learned (crawl_id, address, source, teller, time, services)
    VALUES (?, ?, ?, ?, ?, ?)";

/// Runs [`INSERT`] for `learned`.
pub(super) fn insert(
    statement: &mut Statement<'_>,
    crawl: CrawlId,
    learned: &Learned,
) -> rusqlite::Result<()> {
    let Learned {
        addr,
        source,
        teller,
        time,
        services,
    } = learned;
    statement.execute(params![
        crawl.0,
        addr.to_string(),
        source,
        teller.map(|it| it.to_string()),
        time,
        services.cast_signed(),
    ])?;
    Ok(())
}

/// Reads a row of the table of learned addresses.
pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Learned> {
    Ok(Learned {
        addr: column::addr(row, "address")?,
        source: row.get("source")?,
        teller: column::addr_or_null(row, "teller")?,
        time: row.get("time")?,
        services: column::bits(row, "services")?,
    })
}
