//! Our own exports: a visit, with everything that it brought, and where the node is.
//!
//! They do not keep the number of the attempt, nor of the source. A `version` without its payload is one of which another
//! observer told.

use data_encoding::HEXLOWER_PERMISSIVE;
use jiff::Timestamp;
use proto::features::Features;
use proto::gossip::{Gossip, ToldCounts};
use proto::limits::MAX_KEPT_PAYLOAD;
use proto::version::{NetAddr, Version};
use proto::visit::{Call, Dialect, Heard, Transport};
use proto::{Outcome, Visit};

use crate::cell::can_be_counted;
use crate::named::Named;
use crate::row::RowError;
use crate::{Listed, ListedNode};

pub(crate) const COLUMNS: [&str; 3] = ["address", "network", "outcome"];

pub(crate) fn read(row: &dyn Named, default_port: u16) -> Result<ListedNode, RowError> {
    let addr = row.addr("address", default_port)?;
    let reason = row.text("reason")?;
    let outcome = row.read("outcome", "a published word", |it| {
        Outcome::from_code(it, reason.as_deref())
    })?;
    let dialect = row.read("dialect", "a manner of speaking", Dialect::from_name)?;
    let started_at = row.moment("started_at")?;
    let outcome = outcome.ok_or_else(|| row.wrong("outcome", "a published word"))?;
    let call = Call {
        started_at_us: started_at.map_or(0, Timestamp::as_microsecond),
        took: row.duration("took_us", 1)?.unwrap_or_default(),
        connect: row.duration("connect_us", 1)?,
        transport: row.read("transport", "v1 or v2", Transport::from_name)?,
        tried: read_tried(row)?,
        outcome,
        reason,
        heard: read_heard(row, outcome)?,
    };
    let addr = addr.ok_or_else(|| row.wrong("address", "text"))?;
    let visit = Visit {
        addr,
        source: 0,
        attempt: 1,
        dialect: dialect.unwrap_or_default(),
        call,
    };
    let said = Listed {
        country: row.text("country")?,
        asn: row.integer("asn")?.map(|it: u32| format!("AS{it}")),
        organisation: row.text("organisation")?,
        city: row.text("city")?,
        latitude: row.number("latitude")?,
        longitude: row.number("longitude")?,
        timezone: row.text("timezone")?,
        hostname: row.text("hostname")?,
        ..Listed::from(visit)
    };
    let said = Some(Box::new(said));
    Ok(ListedNode { addr, said })
}

fn read_tried(row: &dyn Named) -> Result<Vec<Transport>, RowError> {
    let tried = row.read("tried", "a JSON list of transports", |it| {
        let names: Vec<String> = serde_json::from_str(it).ok()?;
        names.iter().map(|it| Transport::from_name(it)).collect()
    })?;
    Ok(tried.unwrap_or_default())
}

fn read_heard(row: &dyn Named, outcome: Outcome) -> Result<Heard, RowError> {
    let payload = read_hex(row, "version_payload_hex")?;
    let version = match (&payload, outcome) {
        (_, Outcome::MalformedVersion) => None,
        (Some(payload), _) => Version::decode(payload).ok(),
        (None, _) => read_version(row)?,
    };
    let features = row.read("features", "a JSON object of features", |it| {
        serde_json::from_str::<Features>(it).ok()
    })?;
    let told = row.read("addresses_told", "a JSON object of counts", |it| {
        let told: ToldCounts = serde_json::from_str(it).ok()?;
        can_be_counted(&told).then_some(told)
    })?;
    Ok(Heard {
        version: version.map(Box::new),
        version_payload: payload,
        version_at: row.duration("version_us", 1)?,
        verack_at: row.duration("verack_us", 1)?,
        answered_at: row.duration("addrs_us", 1)?,
        features: features.unwrap_or_default(),
        gossip: told.map(|told| Gossip {
            claims: Vec::new(),
            told,
        }),
        bytes_in: row.integer("bytes_in")?.unwrap_or_default(),
        bytes_out: row.integer("bytes_out")?.unwrap_or_default(),
        story: Vec::new(),
    })
}

fn read_version(row: &dyn Named) -> Result<Option<Version>, RowError> {
    let Some(services) = row.integer("services")? else {
        return Ok(None);
    };
    let addr = |name| {
        let addr = row.addr(name, 0)?;
        Ok::<_, RowError>(addr.map(|it| NetAddr::from_host(&it.host, it.port)))
    };
    let user_agent = match read_hex(row, "user_agent_hex")? {
        Some(bytes) => Some(bytes),
        None => row.text("user_agent")?.map(String::into_bytes),
    };
    Ok(Some(Version {
        protocol_version: row.integer("protocol_version")?.unwrap_or_default(),
        services,
        timestamp: row.integer("timestamp")?.unwrap_or_default(),
        addr_recv: addr("addr_recv")?.unwrap_or_default(),
        addr_from: addr("addr_from")?,
        nonce: row.integer("nonce")?,
        user_agent,
        start_height: row.integer("start_height")?,
        relay: row.integer("relay")?,
        trailing: Vec::new(),
    }))
}

fn read_hex(row: &dyn Named, name: &'static str) -> Result<Option<Vec<u8>>, RowError> {
    row.read(name, "up to 65,536 pairs of hexadecimal digits", |it| {
        let bytes = HEXLOWER_PERMISSIVE.decode(it.as_bytes()).ok()?;
        (bytes.len() <= MAX_KEPT_PAYLOAD).then_some(bytes)
    })
}
