//! Every rule of the frontier: its default, and the reason for it.

use std::ops::{Index, IndexMut};
use std::time::Duration;

use proto::routable::unroutable;
use proto::visit::Dialect;
use proto::{Network, Outcome, PeerAddr};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Times up to this one, in March 1973, are no times (Bitcoin Core: `ProcessAddrs`).
const FIRST_TIME: i64 = 100_000_000;
/// How far ahead of ours a clock may be, in seconds (Bitcoin Core: `ProcessAddrs`).
const CLOCKS_DIFFER: i64 = 10 * 60;
/// How old a claim without a believable time counts as (Bitcoin Core: `ProcessAddrs`).
const UNKNOWN_AGE: Duration = Duration::from_secs(5 * 24 * 60 * 60);

/// What the frontier goes by; [`Rules::default`] is for the public internet without proxies.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// Networks that there is a way into: claims about the others are not kept.
    pub networks: PerNetwork<bool>,
    /// Those of them whose public addresses can be reached too: a machine without a way out still has one to itself.
    pub public_networks: PerNetwork<bool>,
    /// Whether claims about loopback and other unroutable addresses are believed.
    ///
    /// A test network lives in a few prefixes, so the budgets and the pace do not apply to such addresses.
    pub allow_private: bool,

    /// Calls in flight at once.
    ///
    /// 10,000: a quarter of a million dead addresses at five seconds each are two minutes then.
    pub max_in_flight: usize,
    /// Calls in flight at once over one network, so that a slow network never holds up a fast one.
    ///
    /// A Tor daemon runs on one core, an I2P router builds tunnels: both answer worse, not faster, when asked more.
    pub max_in_flight_of: PerNetwork<usize>,
    /// The part of either that those who are merely claimed leave free, in per cent.
    ///
    /// A quarter: dead addresses hold a slot for a whole time-out, live ones must not wait for them.
    pub kept_free_percent: usize,

    /// Older claims are left out.
    ///
    /// Seven days: nodes announce themselves about daily, so the time of a live one is never that old, and other
    /// networks of nodes (bitcoin-seeder) draw the same line.
    pub max_age: Duration,
    /// Claims up to this age are fresh.
    ///
    /// A day: what a live node announces itself within.
    pub fresh_age: Duration,
    /// This many different tellers are many.
    ///
    /// Three: two can be one liar and its echo.
    pub many: u8,

    /// New addresses that one peer may bring.
    ///
    /// 2,500: what Bitcoin Core answered up to 0.20 (`ADDRMAN_GETADDR_MAX`); newer ones answer 1,000.
    pub max_new_per_teller: u32,
    /// Addresses that may be told of one IPv4 /16, as long as they have not answered.
    ///
    /// The fullest one of a bitnodes snapshot had 128 nodes (2018), and for one that answers ten to twenty are told.
    pub max_per_ipv4_16: u32,
    /// The same for an IPv6 /32: a provider.
    ///
    /// The fullest one of a bitnodes snapshot had 272 nodes (2018).
    pub max_per_ipv6_32: u32,
    /// The same for an IPv6 /64: one site.
    ///
    /// The fullest one of a bitnodes snapshot had 2 nodes, and hosts change their addresses there about daily.
    pub max_per_ipv6_64: u32,
    /// Known addresses at which nobody can tell new ones; sources can.
    ///
    /// A million is four times what the network gossips, and takes about 80 MB.
    pub max_known: usize,

    /// Calls that a peer may cost before anything that it told turned out real.
    ///
    /// 128: where one address in fifty is real, ten peers that start together find two dozen.
    pub first_credit: u32,
    /// Calls that it may cost for every address that did turn out real.
    ///
    /// 64: the network answers at 4 in 100 told addresses, so that honest peers gain 2.5 times what they spend.
    pub credit_per_real: u32,
    /// Calls made in the end to addresses whose tellers have no credit left, shared evenly among the tellers.
    ///
    /// 2,000: two whole answers. Without them a small network ends where its only teller begins with dead addresses.
    pub last_credit: u32,

    /// The shortest time between new connections to one IPv4 /24 or IPv6 /64.
    ///
    /// 100 ms are ten a second: less than any intrusion detection takes for a scan of ports.
    pub spacing: Duration,

    /// Calls to one address after the first one, where it failed by what can be bad luck.
    pub max_retries: u8,
    /// The wait before the first such call; before the second one it is twice as long.
    ///
    /// Five seconds: a full node frees a slot within seconds, since crawlers and syncing nodes come and go.
    pub retry_after: Duration,
    /// Whether peers that understand nothing of today's protocol are called again in older manners.
    pub legacy: bool,
}

impl Default for Rules {
    fn default() -> Rules {
        Rules {
            networks: PerNetwork([true, true, false, false, false]),
            public_networks: PerNetwork([true, true, false, false, false]),
            allow_private: false,
            max_in_flight: 10_000,
            max_in_flight_of: PerNetwork([10_000, 10_000, 2_000, 500, 1_000]),
            kept_free_percent: 25,
            max_age: 7 * DAY,
            fresh_age: DAY,
            many: 3,
            max_new_per_teller: 2_500,
            max_per_ipv4_16: 4_096,
            max_per_ipv6_32: 8_192,
            max_per_ipv6_64: 64,
            max_known: 1_000_000,
            first_credit: 128,
            credit_per_real: 64,
            last_credit: 2_000,
            spacing: Duration::from_millis(100),
            max_retries: 2,
            retry_after: Duration::from_secs(5),
            legacy: false,
        }
    }
}

/// Another call to the same address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Retry {
    /// How long to wait for it.
    pub(super) wait: Duration,
    /// In which manner to speak then.
    pub(super) dialect: Dialect,
}

impl Rules {
    /// Whether there is a way to `addr`.
    pub(super) fn lead_to(&self, addr: &PeerAddr) -> bool {
        match unroutable(addr) {
            None => self.public_networks[addr.network()],
            Some(_) => self.networks[addr.network()],
        }
    }

    /// Returns whether and how to call again after the `attempt`th call, from 1, ended with `outcome`.
    pub(super) fn retry(
        &self,
        outcome: Outcome,
        attempt: u8,
        dialect: Dialect,
        was_reachable: bool,
    ) -> Option<Retry> {
        if dialect == Dialect::Modern && attempt <= self.n_retries(outcome, was_reachable) {
            return Some(Retry {
                wait: self.retry_after * u32::from(attempt),
                dialect,
            });
        }
        let dialect = dialect.next_after(outcome).filter(|_| self.legacy)?;
        Some(Retry {
            wait: self.retry_after,
            dialect,
        })
    }

    /// Returns how many more calls an ending is worth.
    fn n_retries(&self, outcome: Outcome, was_reachable: bool) -> u8 {
        match outcome {
            // Full slots: the node is there, and may have room in a moment.
            Outcome::ClosedBeforeVersion => self.max_retries,
            // Our own way out stumbled, or the peer was busy: once more tells.
            Outcome::VersionTimeout | Outcome::ProxyError | Outcome::SamError => {
                self.max_retries.min(1)
            }
            // Most of those who were only told of are gone for good; who was there yesterday deserves a second look.
            Outcome::ConnectTimeout
            | Outcome::ConnectUnreachable
            | Outcome::ConnectReset
            | Outcome::ConnectOther => match was_reachable {
                true => self.max_retries,
                false => 0,
            },
            // An answer, which the next call would hear again.
            Outcome::Complete
            | Outcome::VersionOnly
            | Outcome::ConnectRefused
            | Outcome::MalformedVersion
            | Outcome::WrongNetwork
            | Outcome::ProtocolViolation
            | Outcome::V2Failed
            | Outcome::SelfConnection
            | Outcome::NotTried(_) => 0,
        }
    }

    /// Returns how many of `slots` the merely claimed may take: at least one, or they would never be called.
    pub(super) fn open_to_the_rest(&self, slots: usize) -> usize {
        let kept_free = slots.saturating_mul(self.kept_free_percent.min(100)) / 100;
        (slots - kept_free).max(1)
    }
}

/// Returns the age of a claim; times that cannot be right count as Bitcoin Core counts them.
pub(super) fn age(time: Option<u32>, unix_now: i64) -> Duration {
    let believable = FIRST_TIME + 1..=unix_now.saturating_add(CLOCKS_DIFFER);
    match time.map(i64::from).filter(|it| believable.contains(it)) {
        Some(time) => Duration::from_secs(unix_now.saturating_sub(time).max(0).unsigned_abs()),
        None => UNKNOWN_AGE,
    }
}

/// One value for each network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PerNetwork<T>(
    /// In the order of [`Network::ALL`].
    pub [T; Network::ALL.len()],
);

impl<T> Index<Network> for PerNetwork<T> {
    type Output = T;

    fn index(&self, network: Network) -> &T {
        &self.0[network as usize]
    }
}

impl<T> IndexMut<Network> for PerNetwork<T> {
    fn index_mut(&mut self, network: Network) -> &mut T {
        &mut self.0[network as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_bad_luck_is_tried_again() {
        // Calls after the first one: told of, reachable last time, and the same with old manners.
        let expected = [
            ("complete", 0, 0, 0),
            ("version_only", 0, 0, 0),
            ("connect_refused", 0, 0, 0),
            ("connect_timeout", 0, 2, 2),
            ("connect_unreachable", 0, 2, 2),
            ("connect_reset", 0, 2, 2),
            ("connect_other", 0, 2, 2),
            ("proxy_error", 1, 1, 1),
            ("sam_error", 1, 1, 1),
            ("closed_before_version", 2, 2, 4),
            ("version_timeout", 1, 1, 3),
            ("malformed_version", 0, 0, 0),
            ("wrong_network", 0, 0, 0),
            ("protocol_violation", 0, 0, 2),
            ("v2_failed", 0, 0, 0),
            ("self_connection", 0, 0, 0),
            ("not_tried", 0, 0, 0),
        ];
        let modern = Rules::default();
        let legacy = Rules {
            legacy: true,
            ..Rules::default()
        };
        let seen = Outcome::ALL.map(|it| {
            (
                it.code(),
                retries(&modern, it, false).len(),
                retries(&modern, it, true).len(),
                retries(&legacy, it, true).len(),
            )
        });
        assert_eq!(seen, expected);
    }

    #[test]
    fn retries_are_spaced_and_old_manners_come_last() {
        let rules = Rules {
            legacy: true,
            ..Rules::default()
        };
        let seen = retries(&rules, Outcome::ClosedBeforeVersion, false);
        let seen: Vec<_> = seen
            .iter()
            .map(|it| (it.wait.as_secs(), it.dialect.name()))
            .collect();
        assert_eq!(
            seen,
            [
                (5, "modern"),
                (10, "modern"),
                (5, "old"),
                (5, "old_no_checksum")
            ]
        );
    }

    fn retries(rules: &Rules, outcome: Outcome, was_reachable: bool) -> Vec<Retry> {
        let mut seen: Vec<Retry> = Vec::new();
        for attempt in 1.. {
            let dialect = seen.last().map_or(Dialect::Modern, |it| it.dialect);
            match rules.retry(outcome, attempt, dialect, was_reachable) {
                Some(retry) => seen.push(retry),
                None => break,
            }
        }
        seen
    }

    #[test]
    fn times_that_cannot_be_right_are_five_days_old() {
        let now = 1_800_000_000;
        let hours = |time| age(time, now).as_secs() / 3_600;
        assert_eq!(hours(None), 120);
        assert_eq!(hours(Some(0)), 120);
        assert_eq!(hours(Some(100_000_000)), 120);
        assert_eq!(hours(Some(100_000_001)), 472_222);
        assert_eq!(hours(Some(1_800_000_601)), 120);
        assert_eq!(hours(Some(1_800_000_600)), 0);
        assert_eq!(hours(Some(u32::MAX)), 120);
        assert_eq!(hours(Some(1_800_000_000 - 7_200)), 2);
    }

    #[test]
    fn the_rest_leaves_a_quarter_free_but_is_never_shut_out() {
        let rules = Rules::default();
        let seen = [0, 1, 2, 4, 10, 10_000].map(|it| rules.open_to_the_rest(it));
        assert_eq!(seen, [1, 1, 2, 3, 8, 7_500]);
    }
}
