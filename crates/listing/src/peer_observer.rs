//! The connectivity check of peer-observer: it calls the addresses that somebody told, of which a row tells too.
//!
//! Whoever did not give its `version` has 0 in all columns of it.

use std::borrow::Cow;

use proto::PeerAddr;

use crate::cell::Cell;
use crate::named::Named;
use crate::row::{RowError, read_addr};
use crate::{Claimed, Listed, ListedNode};

pub(crate) const COLUMNS: [&str; 3] = ["addr_address", "addr_port", "result_success"];

pub(crate) fn read(row: &dyn Named) -> Result<ListedNode, RowError> {
    let addr = read_addr(&bare(row, "addr_address")?, &row.cell("addr_port"))?;
    let is_up = row.flag("result_success")?;
    let called = Listed {
        seen_at: row.time("result_timestamp")?,
        is_up: Some(is_up.ok_or_else(|| row.wrong("result_success", "true or false"))?),
        claimed: read_claimed(row)?,
        ..Listed::default()
    };
    let said = match row.flag("version")? {
        Some(true) => with_version(row, called)?,
        Some(false) | None => called,
    };
    let said = Some(Box::new(said));
    Ok(ListedNode { addr, said })
}

fn with_version(row: &dyn Named, called: Listed) -> Result<Listed, RowError> {
    let port = row.cell("version_sender_port");
    let sender = match bare(row, "version_sender_address")? {
        Cell::Absent => None,
        host => read_addr(&host, &port).ok(),
    };
    Ok(Listed {
        protocol_version: row.wrapped("version_version")?,
        user_agent: Some(row.text("version_useragent")?.unwrap_or_default()),
        services: row.integer("version_services")?,
        height: row.integer("version_start_height")?,
        relay: row.flag("version_relay")?.map(u8::from),
        timestamp: row.integer("version_timestamp")?,
        nonce: row.integer("version_nonce")?,
        addr_from: sender,
        ..called
    })
}

fn read_claimed(row: &dyn Named) -> Result<Option<Claimed>, RowError> {
    let teller = bare(row, "source_address")?.text("source_address")?;
    let claimed = Claimed {
        by: teller.and_then(|it| PeerAddr::from_host_text(&it, 0).ok()),
        time: row.time("addr_timestamp")?.filter(|it| *it != 0),
        services: row.integer("addr_services")?.filter(|it: &u64| *it != 0),
    };
    Ok((claimed != Claimed::default()).then_some(claimed))
}

/// Takes the network off an address that is written like `IPv4(1.2.3.4)`.
fn bare<'t>(row: &'t dyn Named, name: &'static str) -> Result<Cell<'t>, RowError> {
    let Some(text) = row.text(name)? else {
        return Ok(Cell::Absent);
    };
    let inside = text
        .split_once('(')
        .and_then(|(_, rest)| rest.strip_suffix(')'));
    Ok(Cell::Text(Cow::Owned(inside.unwrap_or(&text).to_owned())))
}
