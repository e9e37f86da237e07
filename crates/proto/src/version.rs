//! The `version` message, every age of it.

use std::borrow::Cow;
use std::fmt;
use std::net::Ipv6Addr;

use crate::addr::{Host, HostError, PeerAddr};
use crate::wire::{DecodeError, Reader, write_compact_size};

/// What a node says of itself, as it said it.
///
/// Since 2009 the message grew at its end, so every field after [`Version::addr_recv`] may be absent: `addr_from`,
/// nonce and user agent came with protocol 106, the height with 209, the relay byte with 70001 (and plenty of later
/// nodes leave it out). As in Bitcoin Core, what is there is told by the bytes and not by the number. The largest is
/// about as long as the payload that it was read from; nothing is judged here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Version {
    /// The protocol version; negative and invented ones exist.
    pub protocol_version: i32,
    /// Service bits, see [`crate::services`].
    pub services: u64,
    /// The sender's clock, Unix seconds; may be absurd.
    pub timestamp: i64,
    /// Whom the sender thinks it talks to.
    pub addr_recv: NetAddr,
    /// Where the sender says it is; Bitcoin Core sends zeros.
    pub addr_from: Option<NetAddr>,
    /// A random number by which a node notices that it called itself.
    pub nonce: Option<u64>,
    /// The name of the software (BIP 14): any bytes, of any length.
    pub user_agent: Option<Vec<u8>>,
    /// The height of the sender's chain.
    pub start_height: Option<i32>,
    /// Whether to announce transactions (BIP 37): 0 no, 1 yes, and other values have been seen.
    pub relay: Option<u8>,
    /// Whatever came after the relay byte.
    pub trailing: Vec<u8>,
}

/// An address inside a `version` message, as it was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NetAddr {
    /// Service bits claimed for that address.
    pub services: u64,
    /// An IPv6 address, or an IPv4 address mapped into it.
    pub ip: [u8; 16],
    /// Its port.
    pub port: u16,
}

impl fmt::Display for NetAddr {
    /// Writes it as [`PeerAddr`] is written; bytes that are no host as the IPv6 address that they look like.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host() {
            Ok(host) => PeerAddr::new(host, self.port).fmt(f),
            Err(_) => write!(f, "[{}]:{}", Ipv6Addr::from(self.ip), self.port),
        }
    }
}

impl NetAddr {
    /// Returns the host that is meant.
    pub fn host(&self) -> Result<Host, HostError> {
        Host::from_ip16(self.ip)
    }

    /// Writes the address of a host; names of Tor v3 and I2P become zeros, as Bitcoin Core has it.
    pub fn from_host(host: &Host, port: u16) -> NetAddr {
        host.to_ip16().map_or_else(NetAddr::default, |ip| NetAddr {
            services: 0,
            ip,
            port,
        })
    }

    fn decode(reader: &mut Reader<'_>, field: &'static str) -> Result<NetAddr, DecodeError> {
        // Read in one go, so that an error names the address and not a part of it.
        let mut reader = Reader::new(reader.bytes(26, field)?);
        Ok(NetAddr {
            services: reader.u64(field)?,
            ip: reader.array(field)?,
            port: reader.u16_be(field)?,
        })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.services.to_le_bytes());
        out.extend_from_slice(&self.ip);
        out.extend_from_slice(&self.port.to_be_bytes());
    }
}

impl Version {
    /// Reads a payload of any age.
    ///
    /// A payload may end behind any field from `addr_recv` on, but not inside one.
    pub fn decode(payload: &[u8]) -> Result<Version, DecodeError> {
        let mut reader = Reader::new(payload);
        let mut version = Version {
            protocol_version: reader.i32("the protocol version")?,
            services: reader.u64("the services")?,
            timestamp: reader.i64("the timestamp")?,
            addr_recv: NetAddr::decode(&mut reader, "addr_recv")?,
            ..Version::default()
        };
        if !reader.is_empty() {
            version.addr_from = Some(NetAddr::decode(&mut reader, "addr_from")?);
        }
        if !reader.is_empty() {
            version.nonce = Some(reader.u64("the nonce")?);
        }
        if !reader.is_empty() {
            let user_agent = reader.var_bytes(payload.len(), "the user agent")?;
            version.user_agent = Some(user_agent.to_vec());
        }
        if !reader.is_empty() {
            version.start_height = Some(reader.i32("the start height")?);
        }
        if !reader.is_empty() {
            version.relay = Some(reader.u8("the relay byte")?);
        }
        version.trailing = reader.rest().to_vec();
        Ok(version)
    }

    /// Writes the payload: the fields up to the first absent one.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(128);
        out.extend_from_slice(&self.protocol_version.to_le_bytes());
        out.extend_from_slice(&self.services.to_le_bytes());
        out.extend_from_slice(&self.timestamp.to_le_bytes());
        self.addr_recv.encode(&mut out);
        self.encode_tail(&mut out);
        out
    }

    /// Returns `None` behind the last field that is there.
    fn encode_tail(&self, out: &mut Vec<u8>) -> Option<()> {
        self.addr_from?.encode(out);
        out.extend_from_slice(&self.nonce?.to_le_bytes());
        let user_agent = self.user_agent.as_ref()?;
        write_compact_size(out, user_agent.len() as u64);
        out.extend_from_slice(user_agent);
        out.extend_from_slice(&self.start_height?.to_le_bytes());
        out.push(self.relay?);
        out.extend_from_slice(&self.trailing);
        Some(())
    }

    /// Returns the user agent as text, with U+FFFD for what is no UTF-8; still hostile text, to be escaped.
    pub fn user_agent_lossy(&self) -> Option<Cow<'_, str>> {
        Some(String::from_utf8_lossy(self.user_agent.as_deref()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_payload_may_end_behind_any_field_of_its_age() {
        let whole = sample().encode();
        let ends: Vec<usize> = (0..=whole.len())
            .filter(|end| Version::decode(&whole[..*end]).is_ok())
            .collect();
        // addr_recv, addr_from, nonce, user agent, height, relay byte, two trailing bytes.
        assert_eq!(ends, [46, 72, 80, 96, 100, 101, 102, 103]);
        for end in ends {
            let version = Version::decode(&whole[..end]).unwrap();
            assert_eq!(version.encode(), whole[..end]);
        }
    }

    #[test]
    fn fields_that_are_not_there_are_absent_and_not_zero() {
        let version = Version::decode(&sample().encode()[..46]).unwrap();
        assert_eq!(
            version,
            Version {
                protocol_version: -5,
                services: u64::MAX,
                timestamp: i64::MIN,
                addr_recv: sample().addr_recv,
                ..Version::default()
            }
        );
    }

    #[test]
    fn a_cut_field_is_named() {
        let whole = sample().encode();
        let error = Version::decode(&whole[..98]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "it ends inside the start height, which takes 4 bytes where 2 are left"
        );
    }

    #[test]
    fn a_user_agent_may_be_longer_than_bitcoin_core_allows() {
        let long = Version {
            user_agent: Some(vec![b'x'; 10_000]),
            ..sample()
        };
        assert_eq!(Version::decode(&long.encode()), Ok(long));
    }

    #[test]
    fn its_addresses_are_written_like_all_others() {
        let write = |ip: &str, port| {
            let ip = ip.parse::<Ipv6Addr>().unwrap().octets();
            NetAddr {
                services: 0,
                ip,
                port,
            }
            .to_string()
        };
        assert_eq!(write("::", 0), "[::]:0");
        assert_eq!(write("::ffff:1.2.3.4", 8333), "1.2.3.4:8333");
        assert_eq!(
            write("fd87:d87e:eb43::1", 8333),
            "aaaaaaaaaaaaaaab.onion:8333"
        );
        assert_eq!(write("fc00::1", 8333), "[fc00::1]:8333");
    }

    proptest! {
        #[test]
        fn what_was_read_is_written_to_the_same_bytes(payload in prop::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(version) = Version::decode(&payload) {
                prop_assert_eq!(version.encode(), payload);
            }
        }
    }

    fn sample() -> Version {
        let addr_recv = NetAddr::from_host(&Host::Ipv4([192, 0, 2, 1]), 8333);
        Version {
            protocol_version: -5,
            services: u64::MAX,
            timestamp: i64::MIN,
            addr_recv,
            addr_from: Some(addr_recv),
            nonce: Some(7),
            user_agent: Some(b"/no\xffutf8:1.0.0/".to_vec()),
            start_height: Some(-1),
            relay: Some(2),
            trailing: vec![8, 9],
        }
    }
}
