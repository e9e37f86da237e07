//! How much of the time nodes could be reached, as DNS seeders reckon it.
//!
//! For each of the [`WINDOWS`] a node has three averages that fade (`CAddrStat` of sipa's bitcoin-seeder). A visit that comes
//! `age` after the one before multiplies all of them by f = e^(-age/τ); then
//!
//! - the *reliability* gains 1 - f if the visit reached the node: a share of the time, of which the last τ weighs most;
//! - the *weight* gains 1 - f: what the reliability would be had every visit reached it;
//! - the *count* gains 1: how many visits the window holds.
//!
//! A node's reckoning begins with the first visit that reached it, so addresses where nobody ever answered take no room, and
//! a store whose old visits were thinned gives nearly the same: only counts are lower. Calls that never came to the
//! node (`not_tried`, `proxy_error`, `sam_error`) say nothing of it.

use std::collections::{BTreeMap, HashMap};
use std::ops::RangeInclusive;
use std::time::Duration;

use listing::Uptime;
use proto::outcome::Outcome;
use proto::routable::unroutable;
use proto::version::Version;
use proto::{Chain, Network, PeerAddr};
use serde::Serialize;

use super::tables::section;
use super::{Cell, Section};
use crate::store::{Glimpse, Store, StoreError};
use crate::summary::Figure;

/// What a seeder looks at, and from when on it names a node for that alone: the ladder of sipa's bitcoin-seeder.
pub const WINDOWS: [Window; 5] = [
    Window::new("2 h", 2, 0.85, 2.0),
    Window::new("8 h", 8, 0.70, 4.0),
    Window::new("1 d", 24, 0.55, 8.0),
    Window::new("1 w", 24 * 7, 0.45, 16.0),
    Window::new("1 m", 24 * 30, 0.35, 32.0),
];

/// How long before its first visit a node counts as unknown: sipa's `MIN_RETRY`.
const FIRST_AGE: Duration = Duration::from_secs(1_000);

/// The oldest protocol version that a seeder names: sipa's `REQUIRE_VERSION`.
pub const MIN_GOOD_VERSION: i32 = 70_001;

/// How far from the height of the chain a good node may claim to be: two days' blocks, for its claim may be a day old.
pub const MAX_BLOCKS_OFF: i32 = 288;

/// What [`is_good`] is, for people.
pub const GOOD: &str = "a seeder would name it (sipa's rule): it has the chain's default port, is routable, announces NETWORK and protocol 70001 or \
     later, claims a height within 288 blocks of the chain's, and at least half of its 1 to 3 visits reached it, or its \
     reliability is above 85 % over 2 h with more than 2 visits in the window, 70 % over 8 h with 4, 55 % over 1 d with 8, \
     45 % over 1 w with 16 or 35 % over 1 m with 32";

/// The service bit of a node that serves the whole block chain: Bitcoin Core's `NODE_NETWORK`.
const NETWORK: u64 = 1 << 0;

/// How much of a window must have been watched for a share of it to say something.
const MIN_WEIGHT: f64 = 0.5;

/// One of the times over which uptime is reckoned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    /// How people write it.
    pub name: &'static str,
    /// After this time a visit weighs 1/e of what it did.
    pub tau: Duration,
    /// A node is good above this reliability, from 0 to 1,
    pub min_reliability: f64,
    /// where more visits than this are in the window.
    pub min_count: f64,
}

impl Window {
    const fn new(name: &'static str, hours: u64, min_reliability: f64, min_count: f64) -> Window {
        Window {
            name,
            tau: Duration::from_hours(hours),
            min_reliability,
            min_count,
        }
    }
}

/// What the visits of a node so far say of its uptime.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeUptime {
    /// How often it was visited, from the first time on that it was reached.
    pub n_visits: u32,
    /// How often it was reached.
    pub n_reached: u32,
    /// When it was last visited, microseconds since 1970.
    pub visited_at_us: i64,
    /// When it was last reached, microseconds since 1970.
    pub reached_at_us: i64,
    /// The averages over [`WINDOWS`].
    pub averages: [Average; WINDOWS.len()],
}

/// Averages that fade, over one window.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Average {
    /// The faded share of the time in which it was reached, from 0 to 1.
    pub reliability: f64,
    /// What that would be had every visit reached it.
    pub weight: f64,
    /// How many visits are left in the window.
    pub count: f64,
}

impl Average {
    fn add(&mut self, was_reached: bool, age: Duration, tau: Duration) {
        let faded = (-age.as_secs_f64() / tau.as_secs_f64()).exp();
        let gained = 1.0 - faded;
        self.reliability = self.reliability * faded + if was_reached { gained } else { 0.0 };
        self.weight = self.weight * faded + gained;
        self.count = self.count * faded + 1.0;
    }

    /// Returns the share of the watched time, from 0 to 1; `None` where too little of the window was watched.
    pub fn share_watched(&self) -> Option<f64> {
        (self.weight >= MIN_WEIGHT).then(|| self.reliability / self.weight)
    }
}

impl NodeUptime {
    /// Returns the reliabilities in per cent, as seeders' dumps have them.
    pub fn shares(&self) -> Uptime {
        let [hours_2, hours_8, day, week, month] =
            self.averages.map(|it| (it.reliability * 100.0).min(100.0));
        Uptime {
            hours_2,
            hours_8,
            day,
            week,
            month,
        }
    }

    /// Whether it was up for enough of the time for a seeder to name it.
    pub fn is_steady(&self) -> bool {
        let is_new = self.n_visits <= 3 && self.n_reached.saturating_mul(2) >= self.n_visits;
        is_new
            || WINDOWS.iter().zip(&self.averages).any(|(window, it)| {
                it.reliability > window.min_reliability && it.count > window.min_count
            })
    }

    fn begin(at_us: i64) -> NodeUptime {
        let mut node = NodeUptime {
            n_visits: 0,
            n_reached: 0,
            visited_at_us: at_us,
            reached_at_us: at_us,
            averages: Default::default(),
        };
        node.add(true, at_us, FIRST_AGE);
        node
    }

    fn add(&mut self, was_reached: bool, at_us: i64, age: Duration) {
        for (average, window) in self.averages.iter_mut().zip(WINDOWS) {
            average.add(was_reached, age, window.tau);
        }
        self.n_visits = self.n_visits.saturating_add(1);
        self.visited_at_us = at_us;
        if was_reached {
            self.n_reached = self.n_reached.saturating_add(1);
            self.reached_at_us = at_us;
        }
    }
}

/// Whether a seeder would name a node to others: [`GOOD`] says when; `latest_height` is that of the chain.
pub fn is_good(
    addr: &PeerAddr,
    version: &Version,
    uptime: &NodeUptime,
    chain: Chain,
    latest_height: Option<i32>,
) -> bool {
    let usual_port = match addr.network() {
        Network::I2p => 0,
        Network::Ipv4 | Network::Ipv6 | Network::Onion | Network::Cjdns => chain.default_port(),
    };
    let is_near_the_tip = latest_height
        .zip(version.start_height)
        .is_some_and(|(chain, own)| chain.abs_diff(own) <= MAX_BLOCKS_OFF.unsigned_abs());
    addr.port == usual_port
        && unroutable(addr).is_none()
        && version.services & NETWORK != 0
        && version.protocol_version >= MIN_GOOD_VERSION
        && is_near_the_tip
        && uptime.is_steady()
}

/// Takes visits in, each node's in the order of time; a node that was ever reached takes about 200 bytes.
#[derive(Debug, Default)]
pub struct UptimeBuilder {
    nodes: HashMap<PeerAddr, NodeUptime>,
}

impl UptimeBuilder {
    /// Takes the next visit.
    pub fn add(&mut self, glimpse: Glimpse) {
        let at_us = glimpse.started_at_us;
        let was_reached = match glimpse.outcome {
            Outcome::NotTried(_) | Outcome::ProxyError | Outcome::SamError => return,
            tried => tried.is_reachable(),
        };
        match self.nodes.get_mut(&glimpse.addr) {
            Some(node) => {
                let age_us = at_us.saturating_sub(node.visited_at_us);
                let age = Duration::from_micros(age_us.try_into().unwrap_or(0));
                node.add(was_reached, at_us, age);
            }
            None if was_reached => {
                self.nodes.insert(glimpse.addr, NodeUptime::begin(at_us));
            }
            None => (),
        }
    }

    /// Returns what is known of every node that was ever reached.
    pub fn finish(self) -> BTreeMap<PeerAddr, NodeUptime> {
        self.nodes.into_iter().collect()
    }
}

/// Reads the uptimes of all nodes of `chain` that were reached within `time_us`, microseconds since 1970.
pub fn read_uptimes(
    store: &impl Store,
    chain: Chain,
    time_us: RangeInclusive<i64>,
) -> Result<BTreeMap<PeerAddr, NodeUptime>, StoreError> {
    let mut builder = UptimeBuilder::default();
    store.read_glimpses(chain, time_us, &mut |it| {
        builder.add(it);
        Ok(())
    })?;
    Ok(builder.finish())
}

/// How steady the nodes are.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct UptimeFigures {
    /// How many nodes were up for how much of each window.
    pub windows: Figure<Vec<UptimeCount>>,
}

/// How many nodes of a network were up for how much of a window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UptimeCount {
    /// Which window: `2 h`, `8 h`, `1 d`, `1 w` or `1 m`.
    pub window: &'static str,
    /// Which network, or `all`.
    pub network: &'static str,
    /// Nodes that were reached within the window and watched for enough of it.
    pub watched: u64,
    /// Those that were up for more than half of the watched time.
    pub above_50_percent: u64,
    /// Those that were up for more than nine tenths.
    pub above_90_percent: u64,
    /// Those that were up for more than 99 hundredths.
    pub above_99_percent: u64,
}

impl UptimeFigures {
    /// Counts `nodes` as they are at `now_us`, microseconds since 1970.
    pub fn of(nodes: &BTreeMap<PeerAddr, NodeUptime>, now_us: i64) -> UptimeFigures {
        let counts = WINDOWS.iter().enumerate().flat_map(|(place, window)| {
            let tau_us = i64::try_from(window.tau.as_micros()).unwrap_or(i64::MAX);
            let since_us = now_us.saturating_sub(tau_us);
            let mut by_network = vec![UptimeCount::none(window, "all")];
            let own = Network::ALL.map(|it| UptimeCount::none(window, it.name()));
            by_network.extend(own);
            for (addr, node) in nodes {
                let Some(share) = node.averages[place].share_watched() else {
                    continue;
                };
                if node.reached_at_us < since_us {
                    continue;
                }
                let network = addr.network().name();
                let rows = by_network.iter_mut();
                for row in rows.filter(|it| it.network == "all" || it.network == network) {
                    row.add(share);
                }
            }
            by_network
        });
        UptimeFigures {
            windows: Figure::new(
                counts.filter(|it| it.watched > 0).collect(),
                "nodes that were reached within the window, by the share of its watched time in which they could be: seeders' \
                             average, which fades with e^(-age/window), over what it would be for a node that was always up; \
                             at least half of that must have been watched",
            ),
        }
    }

    /// Returns the figures as tables.
    pub fn sections(&self) -> Vec<Section> {
        let row = |it: &UptimeCount| -> Vec<Cell> {
            vec![
                it.window.into(),
                it.network.into(),
                it.watched.into(),
                it.above_50_percent.into(),
                it.above_90_percent.into(),
                it.above_99_percent.into(),
            ]
        };
        let columns = [
            "window",
            "network",
            "nodes watched",
            "up > 50 %",
            "up > 90 %",
            "up > 99 %",
        ];
        let rows = self.windows.value.iter().map(row).collect();
        let definition = self.windows.definition;
        vec![section("uptime", "Uptime", definition, &columns, rows)]
    }
}

impl UptimeCount {
    fn none(window: &Window, network: &'static str) -> UptimeCount {
        UptimeCount {
            window: window.name,
            network,
            watched: 0,
            above_50_percent: 0,
            above_90_percent: 0,
            above_99_percent: 0,
        }
    }

    fn add(&mut self, share: f64) {
        self.watched += 1;
        self.above_50_percent += u64::from(share > 0.5);
        self.above_90_percent += u64::from(share > 0.9);
        self.above_99_percent += u64::from(share > 0.99);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::ONION;

    const HOUR_US: i64 = 3_600_000_000;

    #[test]
    fn a_node_that_is_always_up_comes_near_a_hundred_per_cent() {
        // 1 - e^(-(n + 1000 s)/τ) after n hours, whatever is between: the averages know time and not visits.
        check(24, 1, "++++", "100.0 100.0 95.1 35.0 9.6");
        check(1, 1, "+", "13.0 3.4 1.2 0.2 0.0");
        check(1, 73, "+", "100.0 100.0 95.1 35.0 9.6");
        check(2, 37, "+", "100.0 100.0 95.1 35.0 9.6");
    }

    #[test]
    fn a_failure_takes_as_much_as_it_lasted() {
        check(1, 1, "+-", "7.9 3.0 1.1 0.2 0.0");
        check(24, 1, "+++-", "0.0 5.0 31.9 21.7 6.3");
        check(1, 72, "+-", "0.0 0.0 4.7 22.5 8.5");
    }

    #[test]
    fn what_says_nothing_of_a_node_changes_nothing() {
        check(1, 1, "-----", "");
        check(1, 1, "--+", "13.0 3.4 1.2 0.2 0.0");
        check(1, 1, "?+?", "13.0 3.4 1.2 0.2 0.0");
        check(1, 1, "+?+", "68.0 24.8 9.1 1.3 0.3");
    }

    #[test]
    fn a_watched_hour_of_a_long_window_is_no_share_of_it() {
        let node = reckon(1, 1, "++++");
        let shares = node.averages.map(|it| it.share_watched().is_some());
        assert_eq!(shares, [true, false, false, false, false]);
        let node = reckon(24, 1, "++++");
        let shares = node.averages.map(|it| it.share_watched());
        assert_eq!(shares, [Some(1.0), Some(1.0), Some(1.0), None, None]);
    }

    #[test]
    fn a_steady_node_is_good_by_the_shortest_window_that_says_so() {
        let is_steady = |every, text: &str| reckon(every, 1, text).is_steady();
        assert!(is_steady(1, "+"));
        assert!(is_steady(1, "+-"));
        assert!(!is_steady(1, "+--"));
        assert!(is_steady(1, "++-"));
        assert!(!is_steady(1, "++--"));
        // Nearly a third of an hourly node's time in two hours, and nine tenths in eight.
        assert!(is_steady(1, "++++++++++++++++"));
        assert!(is_steady(1, "++++++++++++++++-"));
        assert!(!is_steady(1, "+-+-+-+-+-"));
        // A visit a day leaves no three of them in two hours, nor nine in a day; a month holds more than 32 of four a day.
        assert!(!is_steady(24, &"+".repeat(9)));
        assert!(is_steady(6, &"+".repeat(100)));
    }

    #[test]
    fn a_good_node_meets_every_condition() {
        let addr = |text: &str| PeerAddr::parse(text, 8333).unwrap();
        let good = Version {
            protocol_version: 70_001,
            services: 1,
            start_height: Some(900_000),
            ..Version::default()
        };
        let steady = reckon(1, 1, "+");
        let check = |at: &str, version: &Version, uptime: &NodeUptime, tip, expected| {
            let found = is_good(&addr(at), version, uptime, Chain::Mainnet, tip);
            assert_eq!(found, expected, "{at} {version:?} {tip:?}");
        };
        let tip = Some(900_288);
        let i2p = format!("{}.b32.i2p:0", "a".repeat(52));
        for at in ["1.2.3.4:8333", ONION, &i2p] {
            check(at, &good, &steady, tip, true);
        }
        check("1.2.3.4:8334", &good, &steady, tip, false);
        check("10.2.3.4:8333", &good, &steady, tip, false);
        check("1.2.3.4:8333", &good, &reckon(1, 1, "+--"), tip, false);
        for tip in [None, Some(900_289), Some(899_711), Some(i32::MIN)] {
            check("1.2.3.4:8333", &good, &steady, tip, false);
        }
        for worse in [
            Version {
                protocol_version: 70_000,
                ..good.clone()
            },
            Version {
                services: 0x408,
                ..good.clone()
            },
            Version {
                start_height: None,
                ..good.clone()
            },
        ] {
            check("1.2.3.4:8333", &worse, &steady, tip, false);
        }
    }

    #[test]
    fn the_population_is_counted_by_window_and_network() {
        let now_us = 200 * HOUR_US;
        let reckoned = |text: &str| {
            let mut node = reckon(1, 1, text);
            node.reached_at_us = now_us;
            node
        };
        let gone = NodeUptime {
            reached_at_us: now_us - 3 * HOUR_US,
            ..reckoned(&"+".repeat(10))
        };
        let nodes = [
            ("1.1.1.1:8333", reckoned(&"+".repeat(10))),
            ("2.2.2.2:8333", reckoned("+++++++---")),
            (ONION, reckoned("+++++-++++")),
            ("3.3.3.3:8333", gone),
            ("4.4.4.4:8333", reckoned("+")),
        ];
        let nodes = nodes.map(|(addr, node)| (PeerAddr::parse(addr, 8333).unwrap(), node));
        let figures = UptimeFigures::of(&nodes.into(), now_us);
        let rows = figures.windows.value.iter().map(|it| {
            format!(
                "{} {}: {} watched, {} {} {}",
                it.window,
                it.network,
                it.watched,
                it.above_50_percent,
                it.above_90_percent,
                it.above_99_percent
            )
        });
        assert_eq!(
            rows.collect::<Vec<_>>(),
            [
                "2 h all: 3 watched, 2 2 1",
                "2 h ipv4: 2 watched, 1 1 1",
                "2 h onion: 1 watched, 1 1 0",
                "8 h all: 4 watched, 4 2 2",
                "8 h ipv4: 3 watched, 3 2 2",
                "8 h onion: 1 watched, 1 0 0",
            ]
        );
        let [section] = &figures.sections()[..] else {
            panic!("one section");
        };
        assert_eq!(section.table.rows.len(), 6);
        assert_eq!(section.table.columns.len(), section.table.rows[0].len());
    }

    /// Visits every `hours`, `+` reached, `-` not and `?` not tried, each so many times; shares in per cent, none where
    /// the node is not known.
    #[track_caller]
    fn check(hours: i64, times: i64, text: &str, expected: &str) {
        let nodes = build(hours, times, text).finish();
        let words = nodes.values().map(|it| {
            let it = it.shares();
            let all = [it.hours_2, it.hours_8, it.day, it.week, it.month];
            all.map(|it| format!("{it:.1}")).join(" ")
        });
        assert_eq!(words.collect::<Vec<_>>().join("; "), expected, "{text}");
    }

    fn reckon(hours: i64, times: i64, text: &str) -> NodeUptime {
        let nodes = build(hours, times, text).finish();
        nodes.into_values().next().unwrap()
    }

    fn build(hours: i64, times: i64, text: &str) -> UptimeBuilder {
        let mut builder = UptimeBuilder::default();
        let mut started_at_us = 0;
        for char in text.chars() {
            for _ in 0..times {
                builder.add(Glimpse {
                    addr: PeerAddr::parse("1.2.3.4:8333", 0).unwrap(),
                    started_at_us,
                    outcome: match char {
                        '+' => Outcome::VersionOnly,
                        '-' => Outcome::ClosedBeforeVersion,
                        _ => Outcome::ProxyError,
                    },
                    was_asked: false,
                });
                started_at_us += hours * HOUR_US;
            }
        }
        builder
    }
}
