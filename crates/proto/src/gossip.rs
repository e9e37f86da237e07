//! Addresses that peers tell each other: `addr` and `addrv2`.

use serde::{Deserialize, Serialize};

use crate::addr::{Host, HostError, PeerAddr};
use crate::limits::{MAX_ADDRS, MAX_ADDRV2_LEN, MAX_CLAIMS};
use crate::wire::{DecodeError, Reader, write_compact_size, write_var_bytes};

/// One entry of an `addr` message, as it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddrEntry {
    /// When the node is said to have been seen, Unix seconds; absent before protocol 31402.
    pub time: Option<u32>,
    /// Service bits claimed for it.
    pub services: u64,
    /// An IPv6 address, or an IPv4 address mapped into it.
    pub ip: [u8; 16],
    /// Its port.
    pub port: u16,
}

/// One entry of an `addrv2` message (BIP 155), as it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddrV2Entry {
    /// When the node is said to have been seen, Unix seconds.
    pub time: u32,
    /// Service bits claimed for it.
    pub services: u64,
    /// The address, or what was sent instead of one.
    pub host: Result<Host, OddHost>,
    /// Its port.
    pub port: u16,
}

/// Bytes in the place of an address that are none, or belong to a network of the future.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OddHost {
    /// The number of the network (BIP 155).
    pub network_id: u8,
    /// What was sent: at most [`MAX_ADDRV2_LEN`] bytes.
    pub bytes: Vec<u8>,
    /// What is wrong with it.
    pub why: HostError,
}

/// What a peer said about another one: a claim, never proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Whom it is about.
    pub addr: PeerAddr,
    /// When the node is said to have been seen, Unix seconds as sent; may be zero or in the future.
    pub time: Option<u32>,
    /// Service bits claimed for it.
    pub services: u64,
}

/// What one peer told of other nodes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Gossip {
    /// The claims, in the order in which it told them; at most [`MAX_CLAIMS`].
    pub claims: Vec<Claim>,
    /// How many entries it told, with those that are no claims.
    pub told: ToldCounts,
}

/// How many entries of `addr` and `addrv2` messages a peer told, by their network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ToldCounts {
    /// On the internet, version 4.
    #[serde(skip_serializing_if = "is_zero")]
    pub ipv4: u32,
    /// On the internet, version 6.
    #[serde(skip_serializing_if = "is_zero")]
    pub ipv6: u32,
    /// In Tor, version 3.
    #[serde(skip_serializing_if = "is_zero")]
    pub onion: u32,
    /// In I2P.
    #[serde(skip_serializing_if = "is_zero")]
    pub i2p: u32,
    /// In CJDNS.
    #[serde(skip_serializing_if = "is_zero")]
    pub cjdns: u32,
    /// In Tor, version 2, which is gone.
    #[serde(skip_serializing_if = "is_zero")]
    pub onion_v2: u32,
    /// Of an unknown network, or no address at all.
    #[serde(skip_serializing_if = "is_zero")]
    pub other: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
fn is_zero(n: &u32) -> bool {
    *n == 0
}

impl Gossip {
    /// Takes in one entry: its claim, or why it is none.
    pub fn note(&mut self, entry: Result<Claim, HostError>) {
        self.told.note(entry.as_ref().ok().map(|it| &it.addr.host));
        if let Ok(claim) = entry
            && self.claims.len() < MAX_CLAIMS
        {
            self.claims.push(claim);
        }
    }

    /// Takes in an `addr` payload, `with_time` as in [`decode_addr`]; returns how many entries it has.
    ///
    /// One that cannot be read to its end leaves nothing behind.
    pub fn read_addr(&mut self, payload: &[u8], with_time: bool) -> Result<usize, DecodeError> {
        self.read(Reader::new(payload), |reader| {
            Ok(AddrEntry::read(reader, with_time)?.claim())
        })
    }

    /// Takes in an `addrv2` payload; returns how many entries it has, with those that are no claims.
    ///
    /// One that cannot be read to its end leaves nothing behind.
    pub fn read_addrv2(&mut self, payload: &[u8]) -> Result<usize, DecodeError> {
        self.read(Reader::new(payload), |reader| {
            let parts = V2Parts::read(reader)?;
            Ok(parts.host().map(|host| parts.claim(host)))
        })
    }

    fn read<'p>(
        &mut self,
        mut reader: Reader<'p>,
        next: impl Fn(&mut Reader<'p>) -> Result<Result<Claim, HostError>, DecodeError>,
    ) -> Result<usize, DecodeError> {
        let (n_before, told_before) = (self.claims.len(), self.told);
        let mut read_all = || {
            let count = reader.count(MAX_ADDRS, "the count of addresses")?;
            self.claims
                .reserve_exact(count.min(reader.len() / MIN_ENTRY));
            for _ in 0..count {
                self.note(next(&mut reader)?);
            }
            Ok(count)
        };
        let read = read_all();
        if read.is_err() {
            self.claims.truncate(n_before);
            self.told = told_before;
        }
        read
    }
}

impl ToldCounts {
    /// Counts one entry; `None` for one without a readable address.
    pub fn note(&mut self, host: Option<&Host>) {
        *match host {
            Some(Host::Ipv4(_)) => &mut self.ipv4,
            Some(Host::Ipv6(_)) => &mut self.ipv6,
            Some(Host::Onion(_)) => &mut self.onion,
            Some(Host::I2p(_)) => &mut self.i2p,
            Some(Host::Cjdns(_)) => &mut self.cjdns,
            Some(Host::OnionV2(_)) => &mut self.onion_v2,
            None => &mut self.other,
        } += 1;
    }

    /// Returns how many there are in all.
    pub fn total(&self) -> u64 {
        self.by_network().iter().map(|it| u64::from(it.1)).sum()
    }

    /// Returns each count with the word under which it is stored.
    pub fn by_network(&self) -> [(&'static str, u32); 7] {
        let ToldCounts {
            ipv4,
            ipv6,
            onion,
            i2p,
            cjdns,
            onion_v2,
            other,
        } = *self;
        [
            ("ipv4", ipv4),
            ("ipv6", ipv6),
            ("onion", onion),
            ("i2p", i2p),
            ("cjdns", cjdns),
            ("onion_v2", onion_v2),
            ("other", other),
        ]
    }
}

/// The fewest bytes that an entry of `addr` or `addrv2` can have.
const MIN_ENTRY: usize = 9;

/// One entry of an `addrv2` message, its address unread.
struct V2Parts<'p> {
    time: u32,
    services: u64,
    network_id: u8,
    bytes: &'p [u8],
    port: u16,
}

impl<'p> V2Parts<'p> {
    fn read(reader: &mut Reader<'p>) -> Result<V2Parts<'p>, DecodeError> {
        Ok(V2Parts {
            time: reader.u32("the time of an address")?,
            services: reader.compact_size("the services of an address")?,
            network_id: reader.u8("the network of an address")?,
            bytes: reader.var_bytes(MAX_ADDRV2_LEN, "the length of an address")?,
            port: reader.u16_be("the port of an address")?,
        })
    }

    fn host(&self) -> Result<Host, HostError> {
        Host::from_bip155(self.network_id, self.bytes)
    }

    fn claim(&self, host: Host) -> Claim {
        Claim {
            addr: PeerAddr::new(host, self.port),
            time: Some(self.time),
            services: self.services,
        }
    }
}

impl AddrEntry {
    fn read(reader: &mut Reader<'_>, with_time: bool) -> Result<AddrEntry, DecodeError> {
        Ok(AddrEntry {
            time: match with_time {
                true => Some(reader.u32("the time of an address")?),
                false => None,
            },
            services: reader.u64("the services of an address")?,
            ip: reader.array("an address")?,
            port: reader.u16_be("the port of an address")?,
        })
    }

    /// Returns the claim in this entry, or why its address is none.
    pub fn claim(&self) -> Result<Claim, HostError> {
        Ok(Claim {
            addr: PeerAddr::new(Host::from_ip16(self.ip)?, self.port),
            time: self.time,
            services: self.services,
        })
    }
}

impl AddrV2Entry {
    /// Returns the claim in this entry, or why its address is none.
    pub fn claim(&self) -> Result<Claim, HostError> {
        let host = self.host.as_ref().map_err(|odd| odd.why)?;
        Ok(Claim {
            addr: PeerAddr::new(*host, self.port),
            time: Some(self.time),
            services: self.services,
        })
    }
}

/// Reads an `addr` payload; `with_time` unless both ends speak less than protocol 31402.
pub fn decode_addr(payload: &[u8], with_time: bool) -> Result<Vec<AddrEntry>, DecodeError> {
    let mut reader = Reader::new(payload);
    let count = reader.count(MAX_ADDRS, "the count of addresses")?;
    let mut entries = Vec::with_capacity(count.min(reader.len() / 26));
    for _ in 0..count {
        entries.push(AddrEntry::read(&mut reader, with_time)?);
    }
    Ok(entries)
}

/// Writes an `addr` payload; entries with and without a time must not be mixed.
pub fn encode_addr(entries: &[AddrEntry]) -> Vec<u8> {
    let mut out = Vec::with_capacity(3 + 30 * entries.len());
    write_compact_size(&mut out, entries.len() as u64);
    for entry in entries {
        if let Some(time) = entry.time {
            out.extend_from_slice(&time.to_le_bytes());
        }
        out.extend_from_slice(&entry.services.to_le_bytes());
        out.extend_from_slice(&entry.ip);
        out.extend_from_slice(&entry.port.to_be_bytes());
    }
    out
}

/// Reads an `addrv2` payload; an entry that makes no sense is kept as [`OddHost`] and costs only itself.
pub fn decode_addrv2(payload: &[u8]) -> Result<Vec<AddrV2Entry>, DecodeError> {
    let mut reader = Reader::new(payload);
    let count = reader.count(MAX_ADDRS, "the count of addresses")?;
    let mut entries = Vec::with_capacity(count.min(reader.len() / MIN_ENTRY));
    for _ in 0..count {
        let parts = V2Parts::read(&mut reader)?;
        entries.push(AddrV2Entry {
            time: parts.time,
            services: parts.services,
            host: parts.host().map_err(|why| OddHost {
                network_id: parts.network_id,
                bytes: parts.bytes.to_vec(),
                why,
            }),
            port: parts.port,
        });
    }
    Ok(entries)
}

/// Writes an `addrv2` payload.
pub fn encode_addrv2(entries: &[AddrV2Entry]) -> Vec<u8> {
    let mut out = Vec::with_capacity(3 + 44 * entries.len());
    write_compact_size(&mut out, entries.len() as u64);
    for entry in entries {
        out.extend_from_slice(&entry.time.to_le_bytes());
        write_compact_size(&mut out, entry.services);
        let (network_id, bytes) = match &entry.host {
            Ok(host) => (host.bip155_id(), host.bytes()),
            Err(odd) => (odd.network_id, odd.bytes.as_slice()),
        };
        out.push(network_id);
        write_var_bytes(&mut out, bytes);
        out.extend_from_slice(&entry.port.to_be_bytes());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_bad_entry_costs_only_itself() {
        let good = AddrV2Entry {
            time: 1,
            services: 9,
            host: Ok(Host::Ipv4([1, 2, 3, 4])),
            port: 8333,
        };
        let odd = |network_id, bytes: &[u8], why| AddrV2Entry {
            host: Err(OddHost {
                network_id,
                bytes: bytes.to_vec(),
                why,
            }),
            ..good.clone()
        };
        let entries = [
            odd(
                1,
                &[1, 2, 3, 4, 5],
                HostError::WrongLength { len: 5, wanted: 4 },
            ),
            good.clone(),
            odd(
                2,
                &Host::OnionV2([7; 10]).to_ip16().unwrap(),
                HostError::Embedded,
            ),
            odd(6, &[0xaa; 16], HostError::NotCjdns),
            odd(0xaa, &[], HostError::UnknownNetwork(0xaa)),
            good.clone(),
        ];
        let payload = encode_addrv2(&entries);
        assert_eq!(decode_addrv2(&payload).unwrap(), entries);
    }

    #[test]
    fn a_thousand_and_one_addresses_are_too_many() {
        let entry = AddrEntry {
            time: Some(0),
            services: 0,
            ip: [0; 16],
            port: 0,
        };
        let at_most = encode_addr(&vec![entry; 1_000]);
        assert_eq!(decode_addr(&at_most, true).unwrap().len(), 1_000);
        let too_many = encode_addr(&vec![entry; 1_001]);
        assert_eq!(
            decode_addr(&too_many, true).unwrap_err().to_string(),
            "the count of addresses is 1001, at most 1000 is allowed"
        );
    }

    #[test]
    fn entries_before_protocol_31402_have_no_time() {
        let entry = AddrEntry {
            time: None,
            services: 1,
            ip: [1; 16],
            port: 8333,
        };
        let payload = encode_addr(&[entry, entry]);
        assert_eq!(payload.len(), 1 + 2 * 26);
        assert_eq!(decode_addr(&payload, false), Ok(vec![entry, entry]));
        assert!(decode_addr(&payload, true).is_err());
    }

    proptest! {
        #[test]
        fn what_was_read_is_written_to_the_same_bytes(payload in prop::collection::vec(any::<u8>(), 0..200)) {
            for with_time in [true, false] {
                if let Ok(entries) = decode_addr(&payload, with_time) {
                    let again = encode_addr(&entries);
                    prop_assert_eq!(&again, &payload[..again.len()]);
                }
            }
            if let Ok(entries) = decode_addrv2(&payload) {
                let again = encode_addrv2(&entries);
                prop_assert_eq!(&again, &payload[..again.len()]);
            }
        }
    }
}
