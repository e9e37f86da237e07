//! The reachable nodes of virtu's p2p-crawler, as Python's `csv` writes them.
//!
//! Times are in milliseconds, truth is `True` and `False`, numbers of the `version` message are unsigned.

use std::io::{self, Write};

use proto::{Network, PeerAddr};

use super::{CsvWriter, as_u32};
use crate::Listed;

pub(super) const COLUMNS: &[&str] = &[
    "host",
    "port",
    "network",
    "seed_distance",
    "handshake_timestamp",
    "time_connect",
    "handshake_attempts",
    "handshake_successful",
    "handshake_duration",
    "version",
    "services",
    "user_agent",
    "latest_block",
    "relay",
    "version_reply_timestamp_remote",
    "requested_addrs",
    "advertised_addrs_total",
    "advertised_addrs_ipv4",
    "advertised_addrs_ipv6",
    "advertised_addrs_onion_v2",
    "advertised_addrs_onion_v3",
    "advertised_addrs_i2p",
    "advertised_addrs_cjdns",
];

pub(super) fn write_row<W: Write>(
    addr: &PeerAddr,
    said: &Listed,
    row: &mut CsvWriter<W>,
) -> io::Result<()> {
    let connect_us = said.connect_us.unwrap_or(0);
    let handshake_us = said.handshake_us.map(|it| it.saturating_sub(connect_us));
    let told = said.told.unwrap_or_default();
    let told = [
        told.ipv4,
        told.ipv6,
        told.onion_v2,
        told.onion,
        told.i2p,
        told.cjdns,
    ];
    row.value(Some(addr.host))?;
    row.value(Some(addr.port))?;
    row.value(Some(network(addr.network())))?;
    row.value(said.seed_distance)?;
    row.value(said.seen_at)?;
    row.value(said.connect_us.map(|it| it / 1_000))?;
    row.value(said.attempts)?;
    row.value(Some("True"))?;
    row.value(handshake_us.map(|it| it / 1_000))?;
    row.value(said.protocol_version.map(as_u32))?;
    row.value(said.services)?;
    row.text_or_empty(said.user_agent.as_deref())?;
    row.value(said.height.map(as_u32))?;
    row.value(said.relay.map(|it| python_bool(it != 0)))?;
    row.value(said.timestamp.map(i64::cast_unsigned))?;
    row.value(Some(python_bool(said.told.is_some())))?;
    row.value(Some(told.into_iter().map(u64::from).sum::<u64>()))?;
    for n in told {
        row.value(Some(n))?;
    }
    row.end_row()
}

fn network(network: Network) -> &'static str {
    match network {
        Network::Onion => "onion_v3",
        Network::Ipv4 | Network::Ipv6 | Network::I2p | Network::Cjdns => network.name(),
    }
}

fn python_bool(it: bool) -> &'static str {
    if it { "True" } else { "False" }
}
