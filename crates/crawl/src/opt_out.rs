//! Who does not want to be called.

use std::collections::HashSet;
use std::net::IpAddr;

use proto::routable::embedded_ipv4;
use proto::text::escape;
use proto::{Host, Network, PeerAddr};

/// Addresses and prefixes that are never called, however they came up.
///
/// Text of one entry a line: an address of any network, with a port for one node or without for all of its host, or a
/// prefix of IPv4 or IPv6 as `192.0.2.0/24`. What is behind a `#` is a remark.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OptOut {
    hosts: HashSet<Host>,
    nodes: HashSet<PeerAddr>,
    ipv4: Prefixes,
    ipv6: Prefixes,
}

/// A line that is no entry.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("line {line}: \"{text}\" is no address and no prefix: {why}")]
pub struct BadLine {
    /// Which line, the first being 1.
    pub line: usize,
    /// The entry, made harmless.
    pub text: String,
    /// What is wrong with it.
    pub why: String,
}

/// How much of a wrong entry is shown, in characters.
const SHOWN: usize = 100;
/// The list that comes with this program.
const BUILT_IN: &str = include_str!("../opt_out.txt");

impl OptOut {
    /// Returns the list that comes with this program.
    pub fn built_in() -> OptOut {
        let mut list = OptOut::default();
        list.add(BUILT_IN).expect("a test reads the built-in list");
        list
    }

    /// Adds every entry of `text`, or names the first line that is none.
    pub fn add(&mut self, text: &str) -> Result<(), BadLine> {
        let text = text.trim_start_matches('\u{feff}');
        for (number, line) in (1..).zip(text.lines()) {
            let entry = line.split('#').next().unwrap_or_default().trim();
            if entry.is_empty() {
                continue;
            }
            self.add_entry(entry).map_err(|why| BadLine {
                line: number,
                text: escape(entry, SHOWN),
                why,
            })?;
        }
        Ok(())
    }

    /// Whether `addr` is not to be called, by its own name or by that of the IPv4 address to which it leads.
    pub fn contains(&self, addr: &PeerAddr) -> bool {
        let leads_to = embedded_ipv4(&addr.host).map(|it| PeerAddr::new(it, addr.port));
        self.names(addr) || leads_to.is_some_and(|it| self.names(&it))
    }

    fn names(&self, addr: &PeerAddr) -> bool {
        self.hosts.contains(&addr.host)
            || self.nodes.contains(addr)
            || match addr.host.ip() {
                Some(ip @ IpAddr::V4(_)) => self.ipv4.contain(left_aligned(ip)),
                Some(ip @ IpAddr::V6(_)) => self.ipv6.contain(left_aligned(ip)),
                None => false,
            }
    }

    fn add_entry(&mut self, entry: &str) -> Result<(), String> {
        if let Some((ip, len)) = entry.split_once('/') {
            let ip: IpAddr = ip.parse().map_err(|_| "no IP address before the /")?;
            // IPv4 as a part of IPv6, as in `::ffff:192.0.2.0/120`, is IPv4 everywhere else.
            let mapped = match ip {
                IpAddr::V4(_) => None,
                IpAddr::V6(ip) => ip.to_ipv4_mapped(),
            };
            let (prefixes, ip, shortest, longest) = match (ip, mapped) {
                (IpAddr::V4(_), _) => (&mut self.ipv4, ip, 0, 32),
                (IpAddr::V6(_), Some(ipv4)) => (&mut self.ipv4, ipv4.into(), 96, 128),
                (IpAddr::V6(_), None) => (&mut self.ipv6, ip, 0, 128),
            };
            let len = len.parse().ok();
            let len: u32 = len
                .filter(|it| (shortest..=longest).contains(it))
                .ok_or_else(|| {
                    format!("expected a number from {shortest} to {longest} behind the /")
                })?;
            prefixes.add(left_aligned(ip), len - shortest);
            return Ok(());
        }
        let with_default = |port| PeerAddr::parse(entry, port).map_err(|it| it.to_string());
        let (addr, other) = (with_default(1)?, with_default(2)?);
        // A port that depends on the default was not written; on I2P there are none.
        if addr != other || addr.network() == Network::I2p {
            self.hosts.insert(addr.host);
        } else {
            self.nodes.insert(addr);
        }
        Ok(())
    }
}

/// Prefixes of one kind of address, found by one look-up for each length that occurs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Prefixes {
    by_len: Vec<(u32, HashSet<u128>)>,
}

impl Prefixes {
    fn add(&mut self, bits: u128, len: u32) {
        let place = match self.by_len.iter().position(|(it, _)| *it == len) {
            Some(place) => place,
            None => {
                self.by_len.push((len, HashSet::new()));
                self.by_len.len() - 1
            }
        };
        self.by_len[place].1.insert(first_bits(bits, len));
    }

    fn contain(&self, bits: u128) -> bool {
        let mut lens = self.by_len.iter();
        lens.any(|(len, prefixes)| prefixes.contains(&first_bits(bits, *len)))
    }
}

/// Writes an address so that its first bit is the number's first.
fn left_aligned(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => u128::from(ip.to_bits()) << 96,
        IpAddr::V6(ip) => ip.to_bits(),
    }
}

/// Clears all but the first `len` bits.
fn first_bits(bits: u128, len: u32) -> u128 {
    let mask = u128::MAX.checked_shl(128 - len).unwrap_or(0);
    bits & mask
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::net::{Ipv4Addr, Ipv6Addr};

    const ONION: &str = "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion";
    const I2P: &str = "ukeu3k5oycgaauneqgtnvselmt4yemvoilkln7jpvamvfx7dnkdq.b32.i2p";

    #[test]
    fn the_built_in_list_can_be_read_and_names_nobody_yet() {
        assert_eq!(OptOut::built_in(), OptOut::default());
    }

    #[test]
    fn a_host_without_a_port_means_all_of_its_nodes() {
        let list =
            "1.2.3.4\n5.6.7.8:8333 # only this one\r\n\n  # a remark\n[2a01::1]:8333\n2a01::2";
        check(list, "1.2.3.4:1 1.2.3.4:8333", "1.2.3.5:8333");
        check(list, "5.6.7.8:8333", "5.6.7.8:8334");
        check(
            list,
            "[2a01::1]:8333 [2a01::2]:8333",
            "[2a01::1]:1 [2a01::3]:8333",
        );
    }

    #[test]
    fn names_are_addresses_too() {
        let list = format!("\u{feff}{}\n{I2P}:0", ONION.to_uppercase());
        check(
            &list,
            &format!("{ONION}:8333 {ONION}:1 {I2P}:0"),
            "1.2.3.4:8333",
        );
        check(
            &format!("{ONION}:1"),
            &format!("{ONION}:1"),
            &format!("{ONION}:2"),
        );
    }

    #[test]
    fn a_prefix_covers_what_begins_with_it() {
        check(
            "192.0.2.7/24",
            "192.0.2.0:1 192.0.2.255:8333",
            "192.0.3.0:1 [c000:200::]:1",
        );
        check(
            "2a01:4f8::/32",
            "[2a01:4f8:1::1]:8333",
            "[2a01:4f9::1]:8333",
        );
        check("fc12::/16", "[fc12::1]:8333", "[fc13::1]:8333");
        check("0.0.0.0/0", "8.8.8.8:8333", "[2a01::1]:8333");
        check("::/0", "[2a01::1]:8333 [fc00::1]:1", "8.8.8.8:8333");
    }

    #[test]
    fn ipv4_is_the_same_however_ipv6_dresses_it() {
        let dressed = "[2002:808:808::1]:1 [64:ff9b::808:808]:1 [2001::f7f7:f7f7]:1 8.8.8.8:1";
        let others = "[2002:908:808::1]:1 [64:ff9b::808:908]:1 [2001::808:808]:1 9.8.8.8:1";
        for list in [
            "8.8.8.0/24",
            "8.8.8.8",
            "8.8.8.8:1",
            "::ffff:8.8.8.0/120",
            "::ffff:8.8.8.8/128",
            "::ffff:8.8.8.8",
        ] {
            check(list, dressed, others);
        }
        check("::ffff:0:0/96", "9.8.8.8:1", "[2a01::1]:1");
    }

    #[test]
    fn a_wrong_line_is_named() {
        let error = |text: &str| OptOut::default().add(text).unwrap_err().to_string();
        assert_eq!(
            error("1.2.3.4\n# fine\nexample.org"),
            "line 3: \"example.org\" is no address and no prefix: it is no IPv4, IPv6, CJDNS, .onion or .b32.i2p address"
        );
        assert_eq!(
            error("1.2.3.4/33"),
            "line 1: \"1.2.3.4/33\" is no address and no prefix: expected a number from 0 to 32 behind the /"
        );
        assert_eq!(
            error("::ffff:1.2.3.4/24"),
            "line 1: \"::ffff:1.2.3.4/24\" is no address and no prefix: expected a number from 96 to 128 behind the /"
        );
        assert_eq!(
            error("\x1b[2Ja/8"),
            "line 1: \"\\u{1b}[2Ja/8\" is no address and no prefix: no IP address before the /"
        );
    }

    proptest! {
        #[test]
        fn it_finds_what_a_scan_of_all_prefixes_finds(
            v4 in prop::collection::vec((0_u32..64, 0_u32..=32), 0..8),
            v6 in prop::collection::vec((0_u128..64, 0_u32..=128), 0..8),
            asked in 0_u8..64,
        ) {
            // Few values at either end of the addresses, so that prefixes often fit.
            let ipv4 = |n: u32| Ipv4Addr::from_bits(n.rotate_right(3));
            let ipv6 = |n: u128| Ipv6Addr::from_bits(n.rotate_right(3));
            let mut list = OptOut::default();
            for (n, len) in &v4 {
                list.add(&format!("{}/{len}", ipv4(*n))).unwrap();
            }
            for (n, len) in &v6 {
                list.add(&format!("{}/{len}", ipv6(*n))).unwrap();
            }
            let fits = |a: u128, b: u128, len: u32| len == 0 || (a ^ b) >> (128 - len) == 0;
            let ip4 = ipv4(asked.into());
            let bits = |ip: Ipv4Addr| u128::from(ip.to_bits()) << 96;
            let found4 = v4.iter().any(|(n, len)| fits(bits(ipv4(*n)), bits(ip4), *len));
            prop_assert_eq!(list.contains(&PeerAddr::new(ip4, 8333)), found4);
            let ip6 = ipv6(asked.into());
            let found6 = v6.iter().any(|(n, len)| fits(ipv6(*n).to_bits(), ip6.to_bits(), *len));
            let addr = PeerAddr::new(Host::Ipv6(ip6.octets()), 8333);
            prop_assert_eq!(list.contains(&addr), found6);
        }
    }

    /// Checks who of a list of addresses is on the list, and who is not.
    #[track_caller]
    fn check(list: &str, inside: &str, outside: &str) {
        let mut opt_out = OptOut::default();
        opt_out.add(list).unwrap();
        let contains = |text: &str| opt_out.contains(&PeerAddr::parse(text, 0).unwrap());
        let missed: Vec<_> = inside.split(' ').filter(|it| !contains(it)).collect();
        let wrong: Vec<_> = outside.split(' ').filter(|it| contains(it)).collect();
        assert_eq!((missed, wrong), (vec![], vec![]), "{list:?}");
    }
}
