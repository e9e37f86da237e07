//! The reachable nodes of virtu's p2p-crawler; times are in milliseconds.

use proto::gossip::ToldCounts;

use crate::cell::can_be_counted;
use crate::listed::micros;
use crate::named::Named;
use crate::row::{RowError, read_addr};
use crate::{Listed, ListedNode};

const MILLISECOND: u64 = 1_000;

pub(crate) const COLUMNS: [&str; 4] = ["host", "port", "handshake_timestamp", "latest_block"];

pub(crate) fn read(row: &dyn Named) -> Result<ListedNode, RowError> {
    let addr = read_addr(&row.cell("host"), &row.cell("port"))?;
    let connect = row.duration("time_connect", MILLISECOND)?;
    // It is counted from the connection on.
    let handshake = row.duration("handshake_duration", MILLISECOND)?;
    let handshake = handshake.map(|it| connect.unwrap_or_default() + it);
    let said = Listed {
        protocol_version: row.wrapped("version")?,
        user_agent: row.text("user_agent")?,
        services: row.integer("services")?,
        height: row.wrapped("latest_block")?,
        seen_at: row.time("handshake_timestamp")?,
        is_up: Some(row.flag("handshake_successful")?.unwrap_or(true)),
        relay: row.flag("relay")?.map(u8::from),
        timestamp: row
            .integer("version_reply_timestamp_remote")?
            .map(u64::cast_signed),
        connect_us: connect.map(micros),
        handshake_us: handshake.map(micros),
        attempts: row.integer("handshake_attempts")?,
        seed_distance: row.integer("seed_distance")?,
        told: match row.flag("requested_addrs")? {
            Some(true) => Some(read_told(row)?),
            Some(false) | None => None,
        },
        ..Listed::default()
    };
    let said = Some(Box::new(said));
    Ok(ListedNode { addr, said })
}

fn read_told(row: &dyn Named) -> Result<ToldCounts, RowError> {
    let count = |name| Ok::<u32, RowError>(row.integer(name)?.unwrap_or_default());
    let told = ToldCounts {
        ipv4: count("advertised_addrs_ipv4")?,
        ipv6: count("advertised_addrs_ipv6")?,
        onion: count("advertised_addrs_onion_v3")?,
        i2p: count("advertised_addrs_i2p")?,
        cjdns: count("advertised_addrs_cjdns")?,
        onion_v2: count("advertised_addrs_onion_v2")?,
        other: 0,
    };
    match can_be_counted(&told) {
        true => Ok(told),
        false => Err(row.wrong("advertised_addrs_total", "fewer addresses than 2^32")),
    }
}
