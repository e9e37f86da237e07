//! One visit as one row.

use proto::features::Features;
use proto::gossip::Gossip;
use proto::outcome::Outcome;
use proto::version::Version;
use proto::visit::{Call, Dialect, Heard, Transport, Visit};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Row, Statement, params};

use super::column;
use crate::store::{CrawlId, Glimpse};

/// Adds one row.
pub(super) const INSERT: &str = "INSERT INTO visits (
        crawl_id, address, network, port, source, attempt, started_at_us, took_us, connect_us, version_us, verack_us,
        addrs_us, transport, tried, outcome, reason, protocol_version, services, timestamp, nonce, user_agent, start_height,
        relay, addr_recv, addr_from, version_payload, features, bytes_in, bytes_out, dialect, addresses_told
    ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

/// Runs [`INSERT`] for `visit`.
pub(super) fn insert(
    statement: &mut Statement<'_>,
    crawl: CrawlId,
    visit: &Visit,
) -> rusqlite::Result<()> {
    let Visit {
        addr,
        source,
        attempt,
        dialect,
        call,
    } = visit;
    let heard = &call.heard;
    let version = heard.version.as_deref();
    statement.execute(params![
        crawl.0,
        addr.to_string(),
        addr.network().name(),
        addr.port,
        source,
        attempt,
        call.started_at_us,
        column::micros(Some(call.took)),
        column::micros(call.connect),
        column::micros(heard.version_at),
        column::micros(heard.verack_at),
        column::micros(heard.answered_at),
        call.transport.map(Transport::name),
        write_tried(&call.tried),
        call.outcome.code(),
        call.reason,
        version.map(|it| it.protocol_version),
        version.map(|it| it.services.cast_signed()),
        version.map(|it| it.timestamp),
        version.and_then(|it| Some(it.nonce?.cast_signed())),
        version.and_then(|it| Some(write_user_agent(it.user_agent.as_deref()?))),
        version.and_then(|it| it.start_height),
        version.and_then(|it| it.relay),
        version.map(|it| it.addr_recv.to_string()),
        version.and_then(|it| Some(it.addr_from?.to_string())),
        write_payload(heard),
        write_features(&heard.features),
        heard.bytes_in.cast_signed(),
        heard.bytes_out.cast_signed(),
        (*dialect != Dialect::Modern).then(|| dialect.name()),
        heard.gossip.as_ref().map(write_told),
    ])?;
    Ok(())
}

/// Reads a row of the table of visits.
pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Visit> {
    let outcome = read_outcome(row)?;
    let call = Call {
        started_at_us: row.get("started_at_us")?,
        took: column::duration(row, "took_us")?.unwrap_or_default(),
        connect: column::duration(row, "connect_us")?,
        transport: column::parsed_or_null(row, "transport", Transport::from_name)?,
        tried: column::parsed_or_null(row, "tried", read_tried)?.unwrap_or_default(),
        heard: read_heard(row, outcome)?,
        outcome,
        reason: row.get("reason")?,
    };
    Ok(Visit {
        addr: column::addr(row, "address")?,
        source: row.get("source")?,
        attempt: row.get("attempt")?,
        dialect: column::parsed_or_null(row, "dialect", Dialect::from_name)?.unwrap_or_default(),
        call,
    })
}

/// Reads a glimpse of a visit.
pub(super) fn read_glimpse(row: &Row<'_>) -> rusqlite::Result<Glimpse> {
    Ok(Glimpse {
        addr: column::addr(row, "address")?,
        started_at_us: row.get("started_at_us")?,
        outcome: read_outcome(row)?,
        was_asked: row.get("was_asked")?,
    })
}

fn read_outcome(row: &Row<'_>) -> rusqlite::Result<Outcome> {
    let reason = row.get_ref("reason")?.as_str_or_null()?;
    column::parsed(row, "outcome", |it| Outcome::from_code(it, reason))
}

fn read_heard(row: &Row<'_>, outcome: Outcome) -> rusqlite::Result<Heard> {
    let version_payload: Option<Vec<u8>> = row.get("version_payload")?;
    let features = column::parsed_or_null(row, "features", |it| serde_json::from_str(it).ok())?;
    Ok(Heard {
        version: read_version(version_payload.as_deref(), outcome),
        version_payload,
        version_at: column::duration(row, "version_us")?,
        verack_at: column::duration(row, "verack_us")?,
        answered_at: column::duration(row, "addrs_us")?,
        features: features.unwrap_or_default(),
        gossip: column::parsed_or_null(row, "addresses_told", read_told)?,
        bytes_in: column::bits(row, "bytes_in")?,
        bytes_out: column::bits(row, "bytes_out")?,
        story: Vec::new(),
    })
}

/// What could not be read in the visit stays unread, even where a later decoder is more lenient.
fn read_version(payload: Option<&[u8]>, outcome: Outcome) -> Option<Box<Version>> {
    if outcome == Outcome::MalformedVersion {
        return None;
    }
    Some(Box::new(Version::decode(payload?).ok()?))
}

/// A version that somebody gives without its payload, as an importer might, is kept as if it had been sent.
fn write_payload(heard: &Heard) -> Option<Vec<u8>> {
    let payload = heard.version_payload.clone();
    payload.or_else(|| Some(heard.version.as_ref()?.encode()))
}

fn write_user_agent(user_agent: &[u8]) -> ToSqlOutput<'_> {
    ToSqlOutput::Borrowed(match std::str::from_utf8(user_agent) {
        Ok(_) => ValueRef::Text(user_agent),
        Err(_) => ValueRef::Blob(user_agent),
    })
}

fn write_tried(tried: &[Transport]) -> Option<String> {
    let names: Vec<&str> = tried.iter().map(|it| it.name()).collect();
    (!names.is_empty()).then(|| names.join(","))
}

fn read_tried(text: &str) -> Option<Vec<Transport>> {
    text.split(',').map(Transport::from_name).collect()
}

fn write_features(features: &Features) -> Option<String> {
    if *features == Features::default() {
        return None;
    }
    Some(serde_json::to_string(features).expect("features are texts and numbers"))
}

fn write_told(gossip: &Gossip) -> String {
    serde_json::to_string(&gossip.told).expect("counts are numbers")
}

/// The claims have their own table.
fn read_told(text: &str) -> Option<Gossip> {
    Some(Gossip {
        claims: Vec::new(),
        told: serde_json::from_str(text).ok()?,
    })
}
