//! One visit as one row.

use proto::PeerAddr;
use proto::features::Features;
use proto::gossip::Gossip;
use proto::outcome::Outcome;
use proto::version::{NetAddr, Version};
use proto::visit::{Call, Dialect, Heard, Transport, Visit};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Row, Statement, params};

use super::column;
use super::last_visits::LastVisits;
use crate::store::{CrawlId, Glimpse, Said, Sighting};

/// The columns of the table, in the order in which migrations added them: that of `visits.*`.
const COLUMNS: [&str; 32] = [
    "visit_id",
    "crawl_id",
    "address",
    "network",
    "port",
    "source",
    "attempt",
    "started_at_us",
    "took_us",
    "connect_us",
    "version_us",
    "verack_us",
    "addrs_us",
    "transport",
    "tried",
    "outcome",
    "reason",
    "protocol_version",
    "services",
    "timestamp",
    "nonce",
    "user_agent",
    "start_height",
    "relay",
    "addr_recv",
    "addr_from",
    "version_payload",
    "features",
    "bytes_in",
    "bytes_out",
    "dialect",
    "addresses_told",
];

/// The place of a column in a row that begins with `visits.*`, found by the compiler.
///
/// SQLite looks names up one after the other, in every row: that took longer than all else that reading does.
macro_rules! at {
    ($name:literal) => {
        const { place($name) }
    };
}

const fn place(name: &str) -> usize {
    let mut place = 0;
    while !is_same(COLUMNS[place], name) {
        place += 1;
    }
    place
}

/// Compares, as `==` cannot at compile time.
const fn is_same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut n_same = 0;
    while n_same < a.len() && n_same < b.len() && a[n_same] == b[n_same] {
        n_same += 1;
    }
    n_same == a.len() && n_same == b.len()
}

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
    // An observer that tells of a version without its payload leaves some of it untold, see `crate::import`.
    let payload = heard.version_payload.as_deref();
    let is_told = |is_set: bool| payload.is_some() || is_set;
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
        version
            .map(|it| it.protocol_version)
            .filter(|it| is_told(*it != 0)),
        version.map(|it| it.services.cast_signed()),
        version
            .map(|it| it.timestamp)
            .filter(|it| is_told(*it != 0)),
        version.and_then(|it| Some(it.nonce?.cast_signed())),
        version.and_then(|it| Some(write_user_agent(it.user_agent.as_deref()?))),
        version.and_then(|it| it.start_height),
        version.and_then(|it| it.relay),
        version
            .filter(|it| is_told(it.addr_recv != NetAddr::default()))
            .map(|it| it.addr_recv.to_string()),
        version.and_then(|it| Some(it.addr_from?.to_string())),
        payload,
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
    let outcome = read_outcome(row, at!("outcome"), at!("reason"))?;
    let call = Call {
        started_at_us: row.get(at!("started_at_us"))?,
        took: column::duration(row, at!("took_us"))?.unwrap_or_default(),
        connect: column::duration(row, at!("connect_us"))?,
        transport: column::parsed_or_null(row, at!("transport"), Transport::from_name)?,
        tried: column::parsed_or_null(row, at!("tried"), read_tried)?.unwrap_or_default(),
        heard: read_heard(row, outcome)?,
        outcome,
        reason: row.get(at!("reason"))?,
    };
    Ok(Visit {
        addr: column::addr(row, at!("address"))?,
        source: row.get(at!("source"))?,
        attempt: row.get(at!("attempt"))?,
        dialect: column::parsed_or_null(row, at!("dialect"), Dialect::from_name)?
            .unwrap_or_default(),
        call,
    })
}

/// Reads a row of the table of visits, unless there is a later visit to its address.
pub(super) fn read_if_last(row: &Row<'_>, last: &LastVisits) -> rusqlite::Result<Option<Visit>> {
    let address = row.get_ref(at!("address"))?.as_str()?;
    match last.has(row.get(at!("visit_id"))?, address) {
        true => read(row).map(Some),
        false => Ok(None),
    }
}

/// Reads a glimpse of a visit, a row of [`super::queries::READ_GLIMPSES`].
pub(super) fn read_glimpse(row: &Row<'_>) -> rusqlite::Result<Glimpse> {
    Ok(Glimpse {
        addr: column::addr(row, 0)?,
        started_at_us: row.get(1)?,
        outcome: read_outcome(row, 2, 3)?,
        was_asked: row.get(4)?,
    })
}

/// Reads a visit as far as trends need it, a row of [`super::queries::READ_SIGHTINGS`].
pub(super) fn read_sighting(row: &Row<'_>) -> rusqlite::Result<Sighting> {
    let said = match row.get(1)? {
        true => Some(Said {
            transport: column::parsed_or_null(row, 2, Transport::from_name)?,
            protocol_version: row.get(3)?,
            services: row.get::<_, Option<i64>>(4)?.map(i64::cast_unsigned),
            user_agent: row.get_ref(5)?.as_bytes_or_null()?.map(<[u8]>::to_vec),
            start_height: row.get(6)?,
        }),
        false => None,
    };
    Ok(Sighting {
        addr: column::addr(row, 0)?,
        said,
    })
}

fn read_outcome(row: &Row<'_>, outcome: usize, reason: usize) -> rusqlite::Result<Outcome> {
    let reason = row.get_ref(reason)?.as_str_or_null()?;
    column::parsed(row, outcome, |it| Outcome::from_code(it, reason))
}

fn read_heard(row: &Row<'_>, outcome: Outcome) -> rusqlite::Result<Heard> {
    let version_payload: Option<Vec<u8>> = row.get(at!("version_payload"))?;
    let features =
        column::parsed_or_null(row, at!("features"), |it| serde_json::from_str(it).ok())?;
    Ok(Heard {
        version: read_version(row, version_payload.as_deref(), outcome)?.map(Box::new),
        version_payload,
        version_at: column::duration(row, at!("version_us"))?,
        verack_at: column::duration(row, at!("verack_us"))?,
        answered_at: column::duration(row, at!("addrs_us"))?,
        features: features.unwrap_or_default(),
        gossip: column::parsed_or_null(row, at!("addresses_told"), read_told)?,
        bytes_in: column::bits(row, at!("bytes_in"))?,
        bytes_out: column::bits(row, at!("bytes_out"))?,
        story: Vec::new(),
    })
}

/// What could not be read in the visit stays unread, even where a later decoder is more lenient.
fn read_version(
    row: &Row<'_>,
    payload: Option<&[u8]>,
    outcome: Outcome,
) -> rusqlite::Result<Option<Version>> {
    match (payload, outcome) {
        (_, Outcome::MalformedVersion) => Ok(None),
        (Some(payload), _) => Ok(Version::decode(payload).ok()),
        (None, _) => read_told_version(row),
    }
}

/// Reads the version of which another observer told.
fn read_told_version(row: &Row<'_>) -> rusqlite::Result<Option<Version>> {
    let Some(services) = row.get::<_, Option<i64>>(at!("services"))? else {
        return Ok(None);
    };
    let addr = |it: PeerAddr| NetAddr::from_host(&it.host, it.port);
    let nonce: Option<i64> = row.get(at!("nonce"))?;
    let user_agent = row.get_ref(at!("user_agent"))?.as_bytes_or_null()?;
    let addr_recv = column::addr_or_null(row, at!("addr_recv"))?;
    let protocol_version: Option<i32> = row.get(at!("protocol_version"))?;
    let timestamp: Option<i64> = row.get(at!("timestamp"))?;
    Ok(Some(Version {
        protocol_version: protocol_version.unwrap_or_default(),
        services: services.cast_unsigned(),
        timestamp: timestamp.unwrap_or_default(),
        addr_recv: addr_recv.map(addr).unwrap_or_default(),
        addr_from: column::addr_or_null(row, at!("addr_from"))?.map(addr),
        nonce: nonce.map(i64::cast_unsigned),
        user_agent: user_agent.map(<[u8]>::to_vec),
        start_height: row.get(at!("start_height"))?,
        relay: row.get(at!("relay"))?,
        trailing: Vec::new(),
    }))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::SqliteStore;

    #[test]
    fn the_columns_of_a_visit_are_where_they_are_looked_for() {
        let dir = tempfile::TempDir::new().unwrap();
        let store = SqliteStore::open_for_crawl(&dir.path().join("a.db")).unwrap();
        let statement = store.connection.prepare("SELECT * FROM visits").unwrap();
        assert_eq!(statement.column_names(), COLUMNS);
    }
}
