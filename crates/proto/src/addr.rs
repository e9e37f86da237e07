//! Addresses of nodes on five networks, and every way in which they are written.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use data_encoding::{BASE32_NOPAD, Encoding, Specification};
use sha3::{Digest, Sha3_256};
use std::sync::LazyLock;

/// The network over which an address is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Network {
    /// The internet, version 4.
    Ipv4,
    /// The internet, version 6.
    Ipv6,
    /// Tor onion services.
    Onion,
    /// The Invisible Internet Project.
    I2p,
    /// CJDNS, a meshed network that uses `fc00::/8`.
    Cjdns,
}

impl Network {
    /// All networks, in the order in which tables show them.
    pub const ALL: [Network; 5] = [
        Network::Ipv4,
        Network::Ipv6,
        Network::Onion,
        Network::I2p,
        Network::Cjdns,
    ];

    /// Returns the word that we store and serve.
    pub fn name(self) -> &'static str {
        match self {
            Network::Ipv4 => "ipv4",
            Network::Ipv6 => "ipv6",
            Network::Onion => "onion",
            Network::I2p => "i2p",
            Network::Cjdns => "cjdns",
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where a node is, without its port.
///
/// An IPv4 address is always [`Host::Ipv4`], never an IPv4-mapped IPv6 one, and `fc00::/8` is always [`Host::Cjdns`]:
/// so two equal places are equal values, and the text form says which network is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Host {
    /// An IPv4 address.
    Ipv4([u8; 4]),
    /// An IPv6 address outside `fc00::/8`, `::ffff:0:0/96` and `fd87:d87e:eb43::/48`.
    Ipv6([u8; 16]),
    /// A Tor v2 onion service, of which there are none since 2021; old lists and old nodes still name them.
    OnionV2([u8; 10]),
    /// The ed25519 public key of a Tor v3 onion service.
    Onion([u8; 32]),
    /// The SHA-256 of an I2P destination.
    I2p([u8; 32]),
    /// An address in `fc00::/8`.
    Cjdns([u8; 16]),
}

/// Why bytes or a text are no address that anybody could call.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum HostError {
    /// An IPv4 or Tor v2 address inside an `addrv2` entry for IPv6, which BIP 155 forbids.
    #[error("an address of another network written as IPv6")]
    Embedded,
    /// `fc00::/8` outside CJDNS is private.
    #[error("an address in fc00::/8 that is not marked as CJDNS")]
    UnmarkedCjdns,
    /// An `addrv2` entry for CJDNS outside `fc00::/8`.
    #[error("a CJDNS address outside fc00::/8")]
    NotCjdns,
    /// Bitcoin Core's own names for hosts that it knows by name only (`fd6b:88c0:8724::/48`).
    #[error("an address that is internal to Bitcoin Core")]
    Internal,
    /// The length does not fit the network.
    #[error("{len} bytes where an address of this network takes {wanted}")]
    WrongLength {
        /// Bytes that were sent.
        len: usize,
        /// Bytes of an address of that network.
        wanted: usize,
    },
    /// A network that BIP 155 does not know yet.
    #[error("network number {0}, which BIP 155 does not know")]
    UnknownNetwork(u8),
}

/// OnionCat's range, in which Tor v2 addresses travelled before BIP 155.
const ONIONCAT: [u8; 6] = [0xfd, 0x87, 0xd8, 0x7e, 0xeb, 0x43];
/// Bitcoin Core's range for names (`INTERNAL_IN_IPV6_PREFIX`).
const INTERNAL: [u8; 6] = [0xfd, 0x6b, 0x88, 0xc0, 0x87, 0x24];
/// The first byte of every CJDNS address.
const CJDNS_PREFIX: u8 = 0xfc;

impl Host {
    /// Returns the network over which this host is reached.
    pub fn network(&self) -> Network {
        match self {
            Host::Ipv4(_) => Network::Ipv4,
            Host::Ipv6(_) => Network::Ipv6,
            Host::OnionV2(_) | Host::Onion(_) => Network::Onion,
            Host::I2p(_) => Network::I2p,
            Host::Cjdns(_) => Network::Cjdns,
        }
    }

    /// Reads the 16 bytes of an `addr` entry or a `version` field: IPv6, or IPv4 or Tor v2 mapped into it.
    pub fn from_ip16(bytes: [u8; 16]) -> Result<Host, HostError> {
        if let Some(v4) = Ipv6Addr::from(bytes).to_ipv4_mapped() {
            return Ok(Host::Ipv4(v4.octets()));
        }
        if bytes.starts_with(&INTERNAL) {
            return Err(HostError::Internal);
        }
        match bytes.split_last_chunk::<10>() {
            Some((prefix, name)) if prefix == ONIONCAT => Ok(Host::OnionV2(*name)),
            _ if bytes[0] == CJDNS_PREFIX => Err(HostError::UnmarkedCjdns),
            _ => Ok(Host::Ipv6(bytes)),
        }
    }

    /// Reads one `addrv2` address (BIP 155, Bitcoin Core: `CNetAddr::SetNetFromBIP155Network`).
    pub fn from_bip155(network_id: u8, bytes: &[u8]) -> Result<Host, HostError> {
        match network_id {
            1 => Ok(Host::Ipv4(exactly(bytes)?)),
            2 => match Host::from_ip16(exactly(bytes)?)? {
                Host::Ipv6(ip) => Ok(Host::Ipv6(ip)),
                _ => Err(HostError::Embedded),
            },
            3 => Ok(Host::OnionV2(exactly(bytes)?)),
            4 => Ok(Host::Onion(exactly(bytes)?)),
            5 => Ok(Host::I2p(exactly(bytes)?)),
            6 => match exactly::<16>(bytes)? {
                ip if ip[0] == CJDNS_PREFIX => Ok(Host::Cjdns(ip)),
                _ => Err(HostError::NotCjdns),
            },
            unknown => Err(HostError::UnknownNetwork(unknown)),
        }
    }

    /// Returns the number of its network in `addrv2` messages (BIP 155).
    pub fn bip155_id(&self) -> u8 {
        match self {
            Host::Ipv4(_) => 1,
            Host::Ipv6(_) => 2,
            Host::OnionV2(_) => 3,
            Host::Onion(_) => 4,
            Host::I2p(_) => 5,
            Host::Cjdns(_) => 6,
        }
    }

    /// Returns the bytes of this address as `addrv2` messages carry them.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Host::Ipv4(bytes) => bytes,
            Host::Ipv6(bytes) | Host::Cjdns(bytes) => bytes,
            Host::OnionV2(bytes) => bytes,
            Host::Onion(bytes) | Host::I2p(bytes) => bytes,
        }
    }

    /// Returns the IP address to dial, for the networks that have one.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Host::Ipv4(bytes) => Some(IpAddr::from(*bytes)),
            Host::Ipv6(bytes) | Host::Cjdns(bytes) => Some(IpAddr::from(*bytes)),
            Host::OnionV2(_) | Host::Onion(_) | Host::I2p(_) => None,
        }
    }

    /// Writes the address into 16 bytes as nodes did before BIP 155; `None` for networks that are newer.
    pub fn to_ip16(&self) -> Option<[u8; 16]> {
        match self {
            Host::Ipv4(ip) => Some(Ipv4Addr::from(*ip).to_ipv6_mapped().octets()),
            Host::Ipv6(ip) | Host::Cjdns(ip) => Some(*ip),
            Host::OnionV2(name) => {
                let mut ip = [0; 16];
                ip[..6].copy_from_slice(&ONIONCAT);
                ip[6..].copy_from_slice(name);
                Some(ip)
            }
            Host::Onion(_) | Host::I2p(_) => None,
        }
    }
}

impl From<Ipv4Addr> for Host {
    fn from(ip: Ipv4Addr) -> Host {
        Host::Ipv4(ip.octets())
    }
}

fn exactly<const N: usize>(bytes: &[u8]) -> Result<[u8; N], HostError> {
    bytes.try_into().map_err(|_| HostError::WrongLength {
        len: bytes.len(),
        wanted: N,
    })
}

/// Lower-case base 32 that reads upper case too, as onion and I2P names are written.
static BASE32: LazyLock<Encoding> = LazyLock::new(|| {
    let mut spec = Specification::new();
    spec.symbols.push_str("abcdefghijklmnopqrstuvwxyz234567");
    spec.translate.from.push_str("ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    spec.translate.to.push_str("abcdefghijklmnopqrstuvwxyz");
    spec.encoding()
        .expect("the alphabet has 32 different symbols")
});

impl fmt::Display for Host {
    /// Writes the canonical text: IPv6 and CJDNS without brackets, names in lower case.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Ipv4(bytes) => Ipv4Addr::from(*bytes).fmt(f),
            Host::Ipv6(bytes) | Host::Cjdns(bytes) => Ipv6Addr::from(*bytes).fmt(f),
            Host::OnionV2(name) => write!(f, "{}.onion", BASE32.encode_display(name)),
            Host::Onion(key) => {
                let mut name = [0; 35];
                name[..32].copy_from_slice(key);
                name[32..34].copy_from_slice(&onion_checksum(key));
                name[34] = ONION_VERSION;
                write!(f, "{}.onion", BASE32.encode_display(&name))
            }
            Host::I2p(hash) => write!(f, "{}.b32.i2p", BASE32.encode_display(hash)),
        }
    }
}

/// The version byte at the end of every Tor v3 name.
const ONION_VERSION: u8 = 3;

/// Returns the two check bytes of a Tor v3 name (Tor `rend-spec-v3` §6).
fn onion_checksum(key: &[u8; 32]) -> [u8; 2] {
    let digest = Sha3_256::new()
        .chain_update(b".onion checksum")
        .chain_update(key)
        .chain_update([ONION_VERSION])
        .finalize();
    [digest[0], digest[1]]
}

/// Host and port of a node.
///
/// Its text form (`Display`) is canonical: `1.2.3.4:8333`, `[2a01::1]:8333`, `….onion:8333`, `….b32.i2p:0`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PeerAddr {
    /// Where the node is.
    pub host: Host,
    /// Its port; 0 on I2P, which has none (SAM 3.1).
    pub port: u16,
}

/// Why a text is no address.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum ParseAddrError {
    /// Nothing there.
    #[error("it is empty")]
    Empty,
    /// The port is no number from 0 to 65535.
    #[error("its port is no number from 0 to 65535")]
    Port,
    /// A `.onion` or `.b32.i2p` name with a wrong length, alphabet, checksum or version.
    #[error("it is not a valid {0} name")]
    Name(Network),
    /// An address that nobody can call.
    #[error("it is {0}")]
    Host(#[from] HostError),
    /// None of the forms that we know.
    #[error("it is no IPv4, IPv6, CJDNS, .onion or .b32.i2p address")]
    NoKnownForm,
}

impl PeerAddr {
    /// Puts a host and a port together.
    pub fn new(host: impl Into<Host>, port: u16) -> PeerAddr {
        PeerAddr {
            host: host.into(),
            port,
        }
    }

    /// Returns the network over which this node is reached.
    pub fn network(&self) -> Network {
        self.host.network()
    }

    /// Returns what to dial, for the networks that have IP addresses.
    pub fn socket_addr(&self) -> Option<SocketAddr> {
        Some(SocketAddr::new(self.host.ip()?, self.port))
    }

    /// Reads every form found in the wild; a missing port means `default_port`, or 0 on I2P.
    ///
    /// An IPv6 address without brackets is taken as one without a port wherever that makes sense, so
    /// `2a01::1:8333` has the default port; with all eight groups written, a ninth one is the port.
    pub fn parse(text: &str, default_port: u16) -> Result<PeerAddr, ParseAddrError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(ParseAddrError::Empty);
        }
        if let Some(rest) = text.strip_prefix('[') {
            let (host, port) = rest.split_once(']').ok_or(ParseAddrError::NoKnownForm)?;
            let ip: Ipv6Addr = host.parse().map_err(|_| ParseAddrError::NoKnownForm)?;
            let port = match port.strip_prefix(':') {
                Some(port) => parse_port(port)?,
                None if port.is_empty() => default_port,
                None => return Err(ParseAddrError::NoKnownForm),
            };
            return Ok(PeerAddr::new(typed_ipv6(ip)?, port));
        }
        if let Ok(ip) = text.parse::<Ipv6Addr>() {
            return Ok(PeerAddr::new(typed_ipv6(ip)?, default_port));
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        };
        let host = parse_host(host)?;
        let port = match port {
            Some(port) => parse_port(port)?,
            None if host.network() == Network::I2p => 0,
            None => default_port,
        };
        Ok(PeerAddr { host, port })
    }

    /// Puts a host as text, without a port and with or without brackets, and a port together.
    pub fn from_host_text(host: &str, port: u16) -> Result<PeerAddr, ParseAddrError> {
        let host = host.trim();
        let bare = host
            .strip_prefix('[')
            .and_then(|it| it.strip_suffix(']'))
            .unwrap_or(host);
        Ok(PeerAddr {
            host: parse_host(bare)?,
            port,
        })
    }
}

fn parse_host(host: &str) -> Result<Host, ParseAddrError> {
    if let Ok(ip) = host.parse::<Ipv4Addr>() {
        return Ok(Host::from(ip));
    }
    if let Ok(ip) = host.parse::<Ipv6Addr>() {
        return typed_ipv6(ip);
    }
    if let Some(name) = strip_suffix_ignore_case(host, ".onion") {
        return parse_onion(name);
    }
    if let Some(name) = strip_suffix_ignore_case(host, ".b32.i2p") {
        let hash = decode_base32::<32>(name).ok_or(ParseAddrError::Name(Network::I2p))?;
        return Ok(Host::I2p(hash));
    }
    Err(ParseAddrError::NoKnownForm)
}

/// In text `fc00::/8` means CJDNS: nobody lists private addresses, and Bitcoin Core reads it so too.
fn typed_ipv6(ip: Ipv6Addr) -> Result<Host, ParseAddrError> {
    match Host::from_ip16(ip.octets()) {
        Err(HostError::UnmarkedCjdns) => Ok(Host::Cjdns(ip.octets())),
        other => Ok(other?),
    }
}

fn parse_onion(name: &str) -> Result<Host, ParseAddrError> {
    if let Some(name) = decode_base32(name) {
        return Ok(Host::OnionV2(name));
    }
    let decoded = decode_base32::<35>(name).ok_or(ParseAddrError::Name(Network::Onion))?;
    let (key, tail) = decoded
        .split_first_chunk::<32>()
        .expect("35 bytes are more than 32");
    let check = onion_checksum(key);
    if tail != [check[0], check[1], ONION_VERSION] {
        return Err(ParseAddrError::Name(Network::Onion));
    }
    Ok(Host::Onion(*key))
}

fn decode_base32<const N: usize>(name: &str) -> Option<[u8; N]> {
    if name.len() != BASE32_NOPAD.encode_len(N) {
        return None;
    }
    BASE32.decode(name.as_bytes()).ok()?.try_into().ok()
}

fn parse_port(port: &str) -> Result<u16, ParseAddrError> {
    // `u16::from_str` would take "+8333" too.
    if !port.bytes().all(|it| it.is_ascii_digit()) {
        return Err(ParseAddrError::Port);
    }
    port.parse().map_err(|_| ParseAddrError::Port)
}

fn strip_suffix_ignore_case<'a>(text: &'a str, suffix: &str) -> Option<&'a str> {
    let at = text.len().checked_sub(suffix.len())?;
    let (head, tail) = text.split_at_checked(at)?;
    tail.eq_ignore_ascii_case(suffix).then_some(head)
}

impl From<SocketAddr> for PeerAddr {
    /// Takes a dialled or resolved socket address; `fc00::/8` becomes CJDNS as in text.
    fn from(addr: SocketAddr) -> PeerAddr {
        let host = match addr.ip() {
            IpAddr::V4(ip) => Host::from(ip),
            IpAddr::V6(ip) => typed_ipv6(ip).unwrap_or(Host::Ipv6(ip.octets())),
        };
        PeerAddr::new(host, addr.port())
    }
}

impl fmt::Display for PeerAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host {
            Host::Ipv6(_) | Host::Cjdns(_) => write!(f, "[{}]:{}", self.host, self.port),
            Host::Ipv4(_) | Host::OnionV2(_) | Host::Onion(_) | Host::I2p(_) => {
                write!(f, "{}:{}", self.host, self.port)
            }
        }
    }
}

impl fmt::Debug for PeerAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ONION: &str = "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion";
    const I2P: &str = "ukeu3k5oycgaauneqgtnvselmt4yemvoilkln7jpvamvfx7dnkdq.b32.i2p";

    #[test]
    fn every_form_found_in_the_wild_is_read() {
        check("1.2.3.4:8333", "1.2.3.4:8333");
        check("1.2.3.4", "1.2.3.4:8333");
        check(" 1.2.3.4:18333\r\n", "1.2.3.4:18333");
        check("[2a01::1]:8333", "[2a01::1]:8333");
        check("[2A01:0:0::1]", "[2a01::1]:8333");
        check("2a01::1", "[2a01::1]:8333");
        check("2a01::1:18333", "[2a01::1]:18333");
        check(
            "FE80:CD00:0:CDE:1257:0:211E:729C:8333",
            "[fe80:cd00:0:cde:1257:0:211e:729c]:8333",
        );
        check("[::ffff:1.2.3.4]:8333", "1.2.3.4:8333");
        check("::ffff:102:304", "1.2.3.4:8333");
        check("[fc00:1:2:3:4:5:6:7]:8333", "[fc00:1:2:3:4:5:6:7]:8333");
        check(&format!("{ONION}:8333"), &format!("{ONION}:8333"));
        check(&ONION.to_uppercase(), &format!("{ONION}:8333"));
        check("3g2upl4pq6kufc4m.onion:8333", "3g2upl4pq6kufc4m.onion:8333");
        check(
            "[fd87:d87e:eb43:f1f2:f3f4:f5f6:f7f8:f9fa]:8333",
            "6hzph5hv6337r6p2.onion:8333",
        );
        check(&format!("{I2P}:0"), &format!("{I2P}:0"));
        check(I2P, &format!("{I2P}:0"));
    }

    #[test]
    fn what_is_no_address_says_why() {
        check("", "it is empty");
        check("1.2.3.4:65536", "its port is no number from 0 to 65535");
        check("1.2.3.4:+1", "its port is no number from 0 to 65535");
        check(
            "[2a01::1]8333",
            "it is no IPv4, IPv6, CJDNS, .onion or .b32.i2p address",
        );
        check(
            "example.org:8333",
            "it is no IPv4, IPv6, CJDNS, .onion or .b32.i2p address",
        );
        check("é.onion", "it is not a valid onion name");
        check(&ONION.replace("pg6", "pg7"), "it is not a valid onion name");
        check("short.b32.i2p:0", "it is not a valid i2p name");
    }

    #[test]
    fn an_address_is_small_because_a_million_are_kept() {
        assert_eq!(size_of::<PeerAddr>(), 36);
    }

    proptest! {
        #[test]
        fn the_text_of_every_address_reads_back(addr in any_addr()) {
            prop_assert_eq!(PeerAddr::parse(&addr.to_string(), 1), Ok(addr));
        }

        #[test]
        fn any_text_is_an_address_or_an_error(text in "\\PC{0,80}") {
            if let Ok(addr) = PeerAddr::parse(&text, 8333) {
                prop_assert_eq!(PeerAddr::parse(&addr.to_string(), 1), Ok(addr));
            }
        }

        #[test]
        fn any_bytes_of_any_network_are_a_host_or_an_error(id: u8, bytes: Vec<u8>) {
            if let Ok(host) = Host::from_bip155(id, &bytes) {
                prop_assert_eq!(host.bip155_id(), id);
                prop_assert_eq!(host.bytes(), bytes);
            }
        }
    }

    fn any_addr() -> impl Strategy<Value = PeerAddr> {
        let host = (1u8..=6, any::<[u8; 32]>()).prop_filter_map("no such host", |(id, bytes)| {
            let len = match id {
                1 => 4,
                2 | 6 => 16,
                3 => 10,
                _ => 32,
            };
            Host::from_bip155(id, &bytes[..len]).ok()
        });
        (host, any::<u16>()).prop_map(|(host, port)| PeerAddr { host, port })
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let seen = match PeerAddr::parse(text, 8333) {
            Ok(addr) => addr.to_string(),
            Err(error) => error.to_string(),
        };
        assert_eq!(seen, expected, "{text:?}");
    }
}
