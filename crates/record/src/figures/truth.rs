//! Whether what nodes say is true: their height, their clock, our address, and what others say of their services.

mod clocks;
mod heights;
mod mirror;
mod promises;

use serde::Serialize;

use super::{Section, Snapshot};
use crate::summary::{Figure, LATEST_HEIGHT, latest_height};

pub use self::clocks::{ClockBin, Clocks};
pub use self::heights::{DeadChain, HeightClass, Heights};
pub use self::mirror::Mirror;
pub use self::promises::{Promises, PromisesBuilder};

/// Whether what nodes say is true.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Truth {
    /// The height of the chain.
    pub latest_height: Figure<Option<i32>>,
    /// Where nodes are on it; `None` where nobody claims a height.
    pub heights: Figure<Option<Heights>>,
    /// Heights far behind at which several nodes stand still.
    pub dead_chains: Figure<Vec<DeadChain>>,
    /// How wrong clocks are; `None` where the observer kept none.
    pub clocks: Figure<Option<Clocks>>,
    /// What peers say our address is, by their network.
    pub mirrors: Figure<Vec<Mirror>>,
    /// Services that others claimed for nodes; `None` where no claims were kept.
    pub promises: Figure<Option<Promises>>,
}

impl Truth {
    /// Holds what the reachable nodes say against what is so, and what was claimed of them against what they show.
    pub fn of(snapshot: &Snapshot, promises: PromisesBuilder) -> Truth {
        let nodes = &snapshot.nodes;
        let claimed = nodes.iter().filter_map(|it| it.version()?.start_height);
        let latest = latest_height(claimed.collect());
        let (heights, dead_chains) = match latest {
            Some(latest) => {
                let (heights, dead_chains) = Heights::of(nodes, latest);
                (Some(heights), dead_chains)
            }
            None => (None, Vec::new()),
        };
        Truth {
            latest_height: Figure::new(latest, LATEST_HEIGHT),
            heights: Figure::new(heights, heights::HEIGHTS),
            dead_chains: Figure::new(dead_chains, heights::DEAD_CHAINS),
            clocks: Figure::new(Clocks::of(nodes), clocks::CLOCKS),
            mirrors: Figure::new(Mirror::all(nodes), mirror::MIRRORS),
            promises: Figure::new(promises.finish(), promises::PROMISES),
        }
    }

    /// Writes the chapter for people.
    pub fn sections(&self) -> Vec<Section> {
        let [heights, dead_chains] = heights::sections(&self.heights, &self.dead_chains);
        let [clocks, skew] = clocks::sections(&self.clocks);
        let [mirrors, told] = mirror::sections(&self.mirrors);
        vec![
            heights,
            dead_chains,
            clocks,
            skew,
            mirrors,
            told,
            promises::section(&self.promises),
        ]
    }
}

#[cfg(test)]
mod tests {
    use proto::gossip::Claim;
    use proto::version::NetAddr;
    use proto::{PeerAddr, Visit};

    use super::*;
    use crate::figures::made::{snapshot, written};
    use crate::samples::{ONION, complete};

    #[test]
    fn every_height_is_in_one_class() {
        let heights = [
            i32::MAX,
            902_017,
            902_016,
            900_003,
            900_002,
            900_000,
            899_998,
            899_997,
            899_994,
            899_993,
            899_856,
            899_855,
            897_984,
            897_983,
            478_558,
            478_558,
            478_558,
            1,
            1,
            0,
            0,
            -1,
            i32::MIN,
        ];
        let mut visits: Vec<Visit> = heights
            .iter()
            .chain(&[900_000; 20])
            .enumerate()
            .map(|(i, height)| {
                complete(
                    &format!("1.2.3.{i}:8333"),
                    format!("/{}/", i % 2).as_bytes(),
                    *height,
                )
            })
            .collect();
        let mut without = complete("9.9.9.9:8333", b"", 1);
        without.call.heard.version.as_mut().unwrap().start_height = None;
        visits.push(without);
        let truth = Truth::of(&snapshot(&visits), PromisesBuilder::default());
        assert_eq!(truth.latest_height.value, Some(900_000));
        let heights = truth.heights.value.as_ref().unwrap();
        assert_eq!((heights.n, heights.n_without), (43, 1));
        check(
            &heights::sections(&truth.heights, &truth.dead_chains),
            "
heights: class | blocks | reachable | share
  invented_high | more than 2,016 above | 2 | 4.7 %
  ahead | 3 to 2,016 above | 2 | 4.7 %
  at_tip | at most 2 below or above | 23 | 53.5 %
  behind_hour | 3 to 6 below | 2 | 4.7 %
  behind_day | 7 to 144 below | 2 | 4.7 %
  behind_two_weeks | 145 to 2,016 below | 2 | 4.7 %
  behind_more | more than 2,016 below, on the way up | 3 | 7.0 %
  dead_chain | more than 2,016 below, with others at the very same height | 3 | 7.0 %
  at_zero | 0 | 2 | 4.7 %
  invented_negative | below 0 | 2 | 4.7 %
dead_chains: height | behind | reachable | user agents
  478558 | 421442 | 3 | 2
",
        );
    }

    #[test]
    fn clocks_are_held_against_the_arrival_of_the_version() {
        // It arrived at .160 of this second.
        let now = 1_793_491_200;
        let times = [
            now,
            now - 2,
            now + 2,
            now + 3,
            now - 11,
            now + 601,
            now - 4_201,
            now + 86_401,
            0,
            -5,
            i64::MIN,
            i64::MAX,
        ];
        let mut visits: Vec<Visit> = times
            .iter()
            .enumerate()
            .map(|(i, time)| {
                let mut visit = complete(&format!("1.2.3.{i}:8333"), b"/a/", 1);
                visit.call.heard.version.as_mut().unwrap().timestamp = *time;
                visit
            })
            .collect();
        visits.push(imported("9.9.9.9:8333"));
        let truth = Truth::of(&snapshot(&visits), PromisesBuilder::default());
        check(
            &clocks::sections(&truth.clocks),
            "
clocks: wrong by | behind | ahead | share
  up to 2 seconds | 2 | 1 | 25.0 %
  up to 10 seconds | 0 | 1 | 8.3 %
  up to a minute | 1 | 0 | 8.3 %
  up to 10 minutes | 0 | 0 | 0.0 %
  up to 70 minutes | 0 | 1 | 8.3 %
  up to a day | 1 | 0 | 8.3 %
  more than a day: absurd | 3 | 2 | 41.7 %
clock_skew:  | n | p10 | p50 | p90 | p99 | max
  skew | 12 | -1793491205 s | -2 s | 86401 s | 9223372035061284607 s | 9223372035061284607 s
",
        );
        let clocks = truth.clocks.value.unwrap();
        assert_eq!(clocks.n_never_set, 3);
        assert_eq!(clocks.skew_s.max, i64::MAX - now);
    }

    #[test]
    fn peers_tell_us_our_address_or_something_else() {
        let told = [
            ("1.2.3.1:8333", "192.0.2.1"),
            ("1.2.3.2:8333", "192.0.2.1"),
            ("1.2.3.3:8333", "1.2.3.3"),
            ("1.2.3.4:8333", "1.2.3.3"),
            ("1.2.3.5:8333", "0.0.0.0"),
            ("1.2.3.6:8333", "10.0.0.1"),
            ("1.2.3.7:8333", "fd6b:88c0:8724::1"),
            ("[2a01::1]:8333", "::"),
            ("[2a01::2]:8333", "2a01::3"),
            (ONION, "127.0.0.1"),
        ];
        let mut visits: Vec<Visit> = told.map(|(addr, ours)| saying(addr, ours)).to_vec();
        visits.push(imported("9.9.9.9:8333"));
        let truth = Truth::of(&snapshot(&visits), PromisesBuilder::default());
        check(
            &mirror::sections(&truth.mirrors),
            "
mirrors: network | peers | most say | so many | echo | zeros | unroutable | other
  ipv4 | 7 | 192.0.2.1 | 2 | 1 | 1 | 2 | 1
  ipv6 | 2 | 2a01::3 | 1 | 0 | 1 | 0 | 0
  onion | 1 | 127.0.0.1 | 1 | 0 | 0 | 0 | 0
addresses_told_us: network | address | peers | share
  ipv4 | 192.0.2.1 | 2 | 40.0 %
  ipv4 | 1.2.3.3 | 1 | 20.0 %
  ipv4 | 10.0.0.1 | 1 | 20.0 %
  ipv4 | fd6b:88c0:8724::1 | 1 | 20.0 %
  ipv6 | 2a01::3 | 1 | 100.0 %
  onion | 127.0.0.1 | 1 | 100.0 %
",
        );
    }

    #[test]
    fn claimed_services_are_held_against_those_shown() {
        let snapshot = snapshot(&[
            complete("1.2.3.4:8333", b"/a/", 1),
            imported("9.9.9.9:8333"),
        ]);
        let mut promises = PromisesBuilder::about(&snapshot);
        let now = 1_793_491_200;
        let claims = [
            ("1.2.3.4:8333", Some(now), 0xc09),
            ("1.2.3.4:8333", Some(now - 86_401), 0xc09),
            ("1.2.3.4:8333", Some(u32::MAX), 0xc08 | 1 << 63),
            ("1.2.3.4:8333", None, 0xc0d),
            ("1.2.3.4:8334", Some(now), 0),
            ("9.9.9.9:8333", Some(now), 0),
        ];
        for (addr, time, services) in claims {
            let addr = PeerAddr::parse(addr, 8333).unwrap();
            promises.add(&Claim {
                addr,
                time,
                services,
            });
        }
        let truth = Truth::of(&snapshot, promises);
        check(
            &[promises::section(&truth.promises)],
            "
services_claimed: claims | service | n | share
  all | - | 4 | 100.0 %
  true | - | 2 | 50.0 %
  fresh | - | 2 | 50.0 %
  fresh and true, of the fresh | - | 1 | 50.0 %
  claimed and not shown | BLOOM | 1 | 25.0 %
  claimed and not shown | bit 63 | 1 | 25.0 %
  shown and not claimed | NETWORK | 1 | 25.0 %
",
        );
    }

    #[test]
    fn where_nobody_said_anything_nothing_is_held_against_them() {
        let nobody = snapshot(&[]);
        let truth = Truth::of(&nobody, PromisesBuilder::about(&nobody));
        assert_eq!(
            (truth.heights.value.is_none(), truth.clocks.value.is_none()),
            (true, true)
        );
        check(&truth.sections(), "\n");
    }

    /// A node that says that this is our address.
    fn saying(addr: &str, ours: &str) -> Visit {
        let mut visit = complete(addr, b"/a/", 1);
        let ip = match ours.parse().unwrap() {
            std::net::IpAddr::V4(ip) => ip.to_ipv6_mapped(),
            std::net::IpAddr::V6(ip) => ip,
        };
        let version = visit.call.heard.version.as_mut().unwrap();
        version.addr_recv = NetAddr {
            services: 0,
            ip: ip.octets(),
            port: 0,
        };
        visit
    }

    /// A node that another observer saw: nobody knows what it said, or when.
    fn imported(addr: &str) -> Visit {
        let mut visit = complete(addr, b"/a/", 1);
        visit.call.heard.version_payload = None;
        visit
    }

    #[track_caller]
    fn check(sections: &[Section], expected: &str) {
        let text = written(sections);
        assert_eq!(text, expected[1..], "{text}");
    }
}
