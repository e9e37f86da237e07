//! Which addresses can be nodes of the public network, and why the others cannot.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::addr::{Host, Network, PeerAddr};

/// Why no node of the public network has this address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Unroutable {
    /// `0.0.0.0/8` or `::`.
    Unspecified,
    /// `127.0.0.0/8` or `::1`.
    Loopback,
    /// RFC 1918, or `fd00::/8` (RFC 4193).
    Private,
    /// `169.254.0.0/16` (RFC 3927) or `fe80::/10` (RFC 4862).
    LinkLocal,
    /// `100.64.0.0/10`, between a provider and its customers (RFC 6598).
    Shared,
    /// Reserved for examples: RFC 5737, RFC 3849, RFC 9637.
    Documentation,
    /// Reserved for measurements in laboratories: RFC 2544, RFC 5180.
    Benchmarking,
    /// `224.0.0.0/4` or `ff00::/8`.
    Multicast,
    /// `240.0.0.0/4`, `192.0.0.0/24`, ORCHID, or IPv6 that was never given out.
    Reserved,
    /// A Tor v2 onion service: the Tor network dropped them in 2021.
    TorV2,
    /// Port 0 on a network that has ports.
    NoPort,
}

impl Unroutable {
    /// Every reason.
    pub const ALL: [Unroutable; 11] = [
        Unroutable::Unspecified,
        Unroutable::Loopback,
        Unroutable::Private,
        Unroutable::LinkLocal,
        Unroutable::Shared,
        Unroutable::Documentation,
        Unroutable::Benchmarking,
        Unroutable::Multicast,
        Unroutable::Reserved,
        Unroutable::TorV2,
        Unroutable::NoPort,
    ];

    /// Returns the word that we store and serve.
    pub fn code(self) -> &'static str {
        match self {
            Unroutable::Unspecified => "unspecified",
            Unroutable::Loopback => "loopback",
            Unroutable::Private => "private",
            Unroutable::LinkLocal => "link_local",
            Unroutable::Shared => "shared",
            Unroutable::Documentation => "documentation",
            Unroutable::Benchmarking => "benchmarking",
            Unroutable::Multicast => "multicast",
            Unroutable::Reserved => "reserved",
            Unroutable::TorV2 => "tor_v2",
            Unroutable::NoPort => "no_port",
        }
    }
}

impl fmt::Display for Unroutable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// Returns why `addr` cannot be a node of the public network, or `None` where it can.
///
/// The same ranges as Bitcoin Core's `CNetAddr::IsRoutable`, IPv6 that IANA has not given out, and IPv6 that leads to an
/// IPv4 address which has none.
pub fn unroutable(addr: &PeerAddr) -> Option<Unroutable> {
    if addr.port == 0 && addr.network() != Network::I2p {
        return Some(Unroutable::NoPort);
    }
    match addr.host {
        Host::Ipv4(bytes) => unroutable_ipv4(Ipv4Addr::from(bytes)),
        Host::Ipv6(bytes) => unroutable_ipv6(Ipv6Addr::from(bytes))
            .or_else(|| unroutable_ipv4(embedded_ipv4(&addr.host)?)),
        Host::OnionV2(_) => Some(Unroutable::TorV2),
        Host::Onion(_) | Host::I2p(_) | Host::Cjdns(_) => None,
    }
}

/// Returns the IPv4 address to which packets for an IPv6 address go in the end: 6to4 (RFC 3056), Teredo (RFC 4380), or
/// what a machine behind NAT64 calls IPv4 (RFC 6052).
pub fn embedded_ipv4(host: &Host) -> Option<Ipv4Addr> {
    let Host::Ipv6(bytes) = host else {
        return None;
    };
    let bits = |high: u16, low: u16| u32::from(high) << 16 | u32::from(low);
    let ipv4 = match Ipv6Addr::from(*bytes).segments() {
        [0x2002, high, low, ..] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => bits(high, low),
        // Teredo writes the client's address with every bit turned, to hide it from helpful routers.
        [0x2001, 0, _, _, _, _, high, low] => !bits(high, low),
        _ => return None,
    };
    Some(Ipv4Addr::from_bits(ipv4))
}

fn unroutable_ipv4(ip: Ipv4Addr) -> Option<Unroutable> {
    match ip.octets() {
        [0, ..] => Some(Unroutable::Unspecified),
        [127, ..] => Some(Unroutable::Loopback),
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Some(Unroutable::Private),
        [169, 254, ..] => Some(Unroutable::LinkLocal),
        [100, 64..=127, ..] => Some(Unroutable::Shared),
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Some(Unroutable::Documentation),
        [198, 18..=19, ..] => Some(Unroutable::Benchmarking),
        [224..=239, ..] => Some(Unroutable::Multicast),
        [192, 0, 0, _] | [240..=255, ..] => Some(Unroutable::Reserved),
        _ => None,
    }
}

fn unroutable_ipv6(ip: Ipv6Addr) -> Option<Unroutable> {
    match ip.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => Some(Unroutable::Unspecified),
        [0, 0, 0, 0, 0, 0, 0, 1] => Some(Unroutable::Loopback),
        [0xfc00..=0xfdff, ..] => Some(Unroutable::Private),
        [0xfe80..=0xfebf, ..] => Some(Unroutable::LinkLocal),
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Some(Unroutable::Documentation),
        [0x2001, 0x2, 0, ..] => Some(Unroutable::Benchmarking),
        [0xff00..=0xffff, ..] => Some(Unroutable::Multicast),
        // ORCHID (RFC 4843) and ORCHIDv2 (RFC 7343) name hosts, they do not locate them.
        [0x2001, 0x10..=0x2f, ..] => Some(Unroutable::Reserved),
        [0x2000..=0x3fff, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => None,
        _ => Some(Unroutable::Reserved),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_range_has_its_word() {
        check("0.1.2.3:8333", "unspecified");
        check("127.0.0.1:8333", "loopback");
        check("10.0.0.1:8333", "private");
        check("172.31.255.255:8333", "private");
        check("172.32.0.0:8333", "routable");
        check("192.168.1.1:8333", "private");
        check("169.254.1.1:8333", "link_local");
        check("100.64.0.1:8333", "shared");
        check("100.128.0.1:8333", "routable");
        check("203.0.113.7:8333", "documentation");
        check("198.19.0.1:8333", "benchmarking");
        check("239.1.1.1:8333", "multicast");
        check("255.255.255.255:8333", "reserved");
        check("8.8.8.8:0", "no_port");
        check("[::]:8333", "unspecified");
        check("[::1]:8333", "loopback");
        check("[fd00::1]:8333", "private");
        check("[fe80::1]:8333", "link_local");
        check("[2001:db8::1]:8333", "documentation");
        check("[2001:20::1]:8333", "reserved");
        check("[ff02::1]:8333", "multicast");
        check("[1234::1]:8333", "reserved");
        check("[2a01:4f8::1]:8333", "routable");
        check("[2002:808:808::1]:8333", "routable");
        check("[64:ff9b::808:808]:8333", "routable");
        check("[fc00::1]:8333", "routable");
        check("3g2upl4pq6kufc4m.onion:8333", "tor_v2");
        check(
            "ukeu3k5oycgaauneqgtnvselmt4yemvoilkln7jpvamvfx7dnkdq.b32.i2p:0",
            "routable",
        );
    }

    #[test]
    fn ipv6_that_leads_to_ipv4_is_judged_by_it() {
        check("[2002:a00:1::1]:8333", "private");
        check("[2002:7f00:1::1]:8333", "loopback");
        check("[64:ff9b::c0a8:101]:8333", "private");
        check("[64:ff9b::a9fe:101]:8333", "link_local");
        check("[2001:0:808:808::3f57:fefe]:8333", "private"); // 192.168.1.1, turned.
        check("[2001:0:a00:1::f7f7:f7f7]:8333", "routable");
        check("[64:ff9b:1::808:808]:8333", "reserved");
        let embedded = |text: &str| {
            let addr = PeerAddr::parse(text, 8333).unwrap();
            embedded_ipv4(&addr.host).map(|it| it.to_string())
        };
        let google = Some("8.8.8.8".to_owned());
        assert_eq!(embedded("[2002:808:808:1::1]"), google);
        assert_eq!(embedded("[64:ff9b::8.8.8.8]"), google);
        assert_eq!(embedded("[2001:0:1:2::f7f7:f7f7]"), google);
        assert_eq!(embedded("[64:ff9b::1:808:808]"), None);
        assert_eq!(embedded("[2003:808:808::1]"), None);
        assert_eq!(embedded("8.8.8.8"), None);
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let addr = PeerAddr::parse(text, 8333).unwrap();
        let seen = unroutable(&addr).map_or("routable", Unroutable::code);
        assert_eq!(seen, expected, "{text}");
    }
}
