//! Neighbourhoods of addresses: how many of each may be known, and how fast each is called.
//!
//! The tables have a fixed size, whatever is told. Where prefixes share a place by chance, they share its budget or its
//! pace: which ones do depends on the seed, so that nobody can aim at it.

use std::time::Duration;

use proto::routable::unroutable;
use proto::{Host, PeerAddr};

use super::rules::Rules;

/// Places for IPv4 /16: one for each.
const IPV4_16: usize = 1 << 16;
/// Places for IPv6 /32: providers announce about 100,000 of them, nodes live in less than a thousand.
const IPV6_32: usize = 1 << 16;
/// Places for IPv6 /64: as many as addresses may be known.
const IPV6_64: usize = 1 << 20;
/// Places for the pace.
const NEIGHBOURHOODS: usize = 1 << 16;

/// How many told addresses of each prefix have not answered.
#[derive(Debug)]
pub(super) struct Crowds {
    /// IPv4 /16, then IPv6 /32, then IPv6 /64.
    counts: Vec<u32>,
    seed: u64,
}

/// A place in the table, and how many may be there.
struct Budget {
    place: usize,
    most: u32,
}

impl Crowds {
    pub(super) fn new(seed: u64) -> Crowds {
        Crowds {
            counts: vec![0; IPV4_16 + IPV6_32 + IPV6_64],
            seed,
        }
    }

    /// Returns whether no more addresses like this one may come.
    pub(super) fn is_full(&self, addr: &PeerAddr, rules: &Rules) -> bool {
        self.budgets(addr, rules)
            .into_iter()
            .flatten()
            .any(|it| self.counts[it.place] >= it.most)
    }

    /// Counts `addr` in, full or not.
    pub(super) fn enter(&mut self, addr: &PeerAddr, rules: &Rules) {
        for budget in self.budgets(addr, rules).into_iter().flatten() {
            self.counts[budget.place] += 1;
        }
    }

    /// Counts `addr` out, which was counted in before.
    pub(super) fn leave(&mut self, addr: &PeerAddr, rules: &Rules) {
        for budget in self.budgets(addr, rules).into_iter().flatten() {
            self.counts[budget.place] -= 1;
        }
    }

    fn budgets(&self, addr: &PeerAddr, rules: &Rules) -> [Option<Budget>; 2] {
        if unroutable(addr).is_some() {
            return [None, None];
        }
        match addr.host {
            Host::Ipv4([a, b, _, _]) => {
                let place = usize::from(u16::from_be_bytes([a, b]));
                let most = rules.max_per_ipv4_16;
                [Some(Budget { place, most }), None]
            }
            Host::Ipv6(ip) => {
                let site = first_half(ip);
                let provider = self.place(site >> 32, IPV6_32);
                let of_provider = Budget {
                    place: IPV4_16 + provider,
                    most: rules.max_per_ipv6_32,
                };
                let of_site = Budget {
                    place: IPV4_16 + IPV6_32 + self.place(site, IPV6_64),
                    most: rules.max_per_ipv6_64,
                };
                [Some(of_provider), Some(of_site)]
            }
            Host::OnionV2(_) | Host::Onion(_) | Host::I2p(_) | Host::Cjdns(_) => [None, None],
        }
    }

    fn place(&self, prefix: u64, n_places: usize) -> usize {
        place(prefix, self.seed, n_places)
    }
}

/// When each IPv4 /24 and IPv6 /64 may be called again.
#[derive(Debug)]
pub(super) struct Neighbourhoods {
    turns: Vec<Turns>,
    seed: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Turns {
    /// No connection before this time.
    free_at: Duration,
    /// The first time that nobody was told to come back at.
    next_turn: Duration,
}

impl Neighbourhoods {
    pub(super) fn new(seed: u64) -> Neighbourhoods {
        Neighbourhoods {
            turns: vec![Turns::default(); NEIGHBOURHOODS],
            seed,
        }
    }

    /// Takes the right to connect to `addr`, or returns when to come back.
    ///
    /// Everybody who is sent away gets a time of its own: so a thousand that wait are not all looked at ten times a
    /// second.
    pub(super) fn take(
        &mut self,
        addr: &PeerAddr,
        now: Duration,
        spacing: Duration,
    ) -> Result<(), Duration> {
        let Some(prefix) = neighbourhood(addr) else {
            return Ok(());
        };
        let turns = &mut self.turns[place(prefix, self.seed, NEIGHBOURHOODS)];
        if turns.free_at <= now {
            turns.free_at = now + spacing;
            return Ok(());
        }
        let turn = turns.next_turn.max(turns.free_at);
        turns.next_turn = turn + spacing;
        Err(turn)
    }
}

/// Returns the IPv4 /24 or IPv6 /64 of public addresses; others have no neighbours who could feel a crawl.
fn neighbourhood(addr: &PeerAddr) -> Option<u64> {
    if unroutable(addr).is_some() {
        return None;
    }
    match addr.host {
        Host::Ipv4([a, b, c, _]) => Some(u64::from(u32::from_be_bytes([0, a, b, c]))),
        Host::Ipv6(ip) => Some(first_half(ip)),
        Host::OnionV2(_) | Host::Onion(_) | Host::I2p(_) | Host::Cjdns(_) => None,
    }
}

fn first_half(ip: [u8; 16]) -> u64 {
    let [half, ..] = ip.as_chunks::<8>().0 else {
        unreachable!("16 bytes are twice 8")
    };
    u64::from_be_bytes(*half)
}

/// Spreads prefixes over places (the finisher of SplitMix64); `n_places` is a power of two.
fn place(prefix: u64, seed: u64, n_places: usize) -> usize {
    let mut it = prefix ^ seed;
    it = (it ^ (it >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    it = (it ^ (it >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    it ^= it >> 31;
    usize::try_from(it % n_places as u64).expect("less than a table's length")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_prefix_has_its_budget() {
        let rules = Rules {
            max_per_ipv4_16: 2,
            max_per_ipv6_32: 3,
            max_per_ipv6_64: 1,
            ..Rules::default()
        };
        let mut crowds = Crowds::new(7);
        let mut check = |text: &str, expected: bool| {
            let addr = addr(text);
            let is_full = crowds.is_full(&addr, &rules);
            if !is_full {
                crowds.enter(&addr, &rules);
            }
            assert_eq!(!is_full, expected, "{text}");
        };
        check("8.8.1.1:8333", true);
        check("8.8.2.1:8333", true);
        check("8.8.3.1:8333", false);
        check("8.9.3.1:8333", true);
        check("[2a01:4f8:0:1::1]:8333", true);
        check("[2a01:4f8:0:1::2]:8333", false);
        check("[2a01:4f8:0:2::1]:8333", true);
        check("[2a01:4f8:0:3::1]:8333", true);
        check("[2a01:4f8:0:4::1]:8333", false);
        check("[2a01:4f9:0:4::1]:8333", true);
        for _ in 0..10 {
            check("127.0.0.1:8333", true);
            check("[fc00::1]:8333", true);
        }
        crowds.leave(&addr("8.8.1.1:8333"), &rules);
        assert!(!crowds.is_full(&addr("8.8.3.1:8333"), &rules));
    }

    #[test]
    fn a_neighbourhood_is_called_at_its_pace_and_each_waits_for_its_own_turn() {
        let spacing = Duration::from_millis(100);
        let mut neighbourhoods = Neighbourhoods::new(7);
        let mut check = |text: &str, now: u64, expected: Result<(), u64>| {
            let taken = neighbourhoods.take(&addr(text), Duration::from_millis(now), spacing);
            let expected = expected.map_err(Duration::from_millis);
            assert_eq!(taken, expected, "{text} at {now} ms");
        };
        check("8.8.8.1:8333", 0, Ok(()));
        check("8.8.8.2:8333", 0, Err(100));
        check("8.8.8.3:8333", 1, Err(200));
        check("8.8.9.1:8333", 1, Ok(()));
        check("8.8.8.2:8333", 100, Ok(()));
        check("8.8.8.3:8333", 200, Ok(()));
        check("8.8.8.4:8333", 5_000, Ok(()));
        check("8.8.8.5:8333", 5_000, Err(5_100));
        check("[2a01:4f8::1]:8333", 5_000, Ok(()));
        check("[2a01:4f8::2]:8333", 5_000, Err(5_100));
        check("127.0.0.1:1", 5_000, Ok(()));
        check("127.0.0.1:2", 5_000, Ok(()));
        check("[fc00::1]:8333", 5_000, Ok(()));
        check("[fc00::2]:8333", 5_000, Ok(()));
    }

    fn addr(text: &str) -> PeerAddr {
        PeerAddr::parse(text, 8333).unwrap()
    }
}
