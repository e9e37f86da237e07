//! The connectivity check of peer-observer, of nodes that were reached and of those that were not.
//!
//! Its rows are about addresses that somebody told: who told what is 0 or empty where nobody did. A node that did not give its
//! `version` has 0 for all of it, and -1 for its height.

use std::io::{self, Write};

use proto::{Host, PeerAddr};

use super::{CsvWriter, as_u32};
use crate::Listed;

pub(super) const COLUMNS: &[&str] = &[
    "result_timestamp",
    "addr_address",
    "addr_port",
    "addr_services",
    "addr_timestamp",
    "addr_network_type",
    "addr_version",
    "source_address",
    "source_id",
    "source_tor_exit_node",
    "result_success",
    "result_cached",
    "version",
    "version_useragent",
    "version_relay",
    "version_version",
    "version_services",
    "version_start_height",
    "version_nonce",
    "version_timestamp",
    "version_sender_address",
    "version_sender_port",
];

pub(super) fn write_row<W: Write>(
    addr: &PeerAddr,
    said: &Listed,
    row: &mut CsvWriter<W>,
) -> io::Result<()> {
    let claimed = said.claimed.clone().unwrap_or_default();
    let has_version = said.protocol_version.is_some();
    let network = network(&addr.host);
    row.value(Some(said.seen_at.unwrap_or(0)))?;
    row.value(Some(format_args!("{network}({})", addr.host)))?;
    row.value(Some(addr.port))?;
    row.value(Some(claimed.services.unwrap_or(0)))?;
    row.value(Some(claimed.time.unwrap_or(0)))?;
    row.value(Some(network))?;
    row.value(None::<&str>)?;
    row.value(claimed.by.map(|it| it.host))?;
    row.value(Some(0))?;
    row.value(Some(false))?;
    row.value(Some(said.is_up.unwrap_or(has_version)))?;
    row.value(Some(false))?;
    row.value(Some(has_version))?;
    row.text_or_empty(said.user_agent.as_deref())?;
    // BIP 37: who leaves the relay byte out wants to hear of transactions.
    row.value(Some(has_version && said.relay != Some(0)))?;
    row.value(Some(said.protocol_version.map_or(0, as_u32)))?;
    row.value(Some(said.services.unwrap_or(0)))?;
    row.value(Some(said.height.unwrap_or(-1)))?;
    row.value(Some(said.nonce.unwrap_or(0)))?;
    row.value(Some(said.timestamp.unwrap_or(0)))?;
    row.value(said.addr_from.map(|it| it.host))?;
    row.value(Some(said.addr_from.map_or(0, |it| it.port)))?;
    row.end_row()
}

fn network(host: &Host) -> &'static str {
    match host {
        Host::Ipv4(_) => "IPv4",
        Host::Ipv6(_) => "IPv6",
        Host::OnionV2(_) => "TorV2",
        Host::Onion(_) => "TorV3",
        Host::I2p(_) => "I2p",
        Host::Cjdns(_) => "Cjdns",
    }
}
