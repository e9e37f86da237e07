//! How addresses are written for a caller: `addrv2`, or one of the two older ways.

use proto::Host;
use proto::command::{self, Command};
use proto::gossip::{AddrEntry, AddrV2Entry, encode_addr, encode_addrv2};
use proto::protocol_version::{ADDR_HAS_TIME, HAS_ADDRV2};

/// How addresses are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// As `addrv2` (BIP 155).
    AddrV2,
    /// As `addr`.
    Addr,
    /// As `addr` before protocol 31402.
    AddrWithoutTime,
}

impl Form {
    /// Returns the form between a node and a caller of these protocol versions.
    pub(crate) fn between(node: i32, caller: i32, caller_sent_sendaddrv2: bool) -> Form {
        match node.min(caller) {
            _ if caller_sent_sendaddrv2 && node >= HAS_ADDRV2 => Form::AddrV2,
            ..ADDR_HAS_TIME => Form::AddrWithoutTime,
            _ => Form::Addr,
        }
    }

    /// Writes one message; `None` where this form can carry none of the entries.
    pub(crate) fn encode(self, entries: &[AddrV2Entry]) -> Option<(Command, Vec<u8>)> {
        if self == Form::AddrV2 {
            return Some((command::ADDRV2, encode_addrv2(entries)));
        }
        let carried: Vec<AddrEntry> = entries.iter().filter_map(|it| self.older(it)).collect();
        let is_lost = carried.is_empty() && !entries.is_empty();
        (!is_lost).then(|| (command::ADDR, encode_addr(&carried)))
    }

    /// Whether a message of this form can carry an address.
    pub(crate) fn carries(self, host: &Host) -> bool {
        match host {
            Host::Ipv4(_) | Host::Ipv6(_) | Host::OnionV2(_) => true,
            // CJDNS addresses have as many bytes as IPv6 ones, but nobody could tell them apart.
            Host::Onion(_) | Host::I2p(_) | Host::Cjdns(_) => self == Form::AddrV2,
        }
    }

    fn older(self, entry: &AddrV2Entry) -> Option<AddrEntry> {
        let host = entry.host.as_ref().ok().filter(|it| self.carries(it))?;
        Some(AddrEntry {
            time: (self == Form::Addr).then_some(entry.time),
            services: entry.services,
            ip: host.to_ip16()?,
            port: entry.port,
        })
    }
}
