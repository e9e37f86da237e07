//! Who came and went: between one crawl and the next, and in sessions.

use std::collections::{BTreeMap, HashSet};

use proto::{Network, PeerAddr};
use serde::Serialize;

use super::history::{Nodes, Observer, thinned};
use super::tables::{section, share_of};
use super::{Cell, Section};
use crate::sessions::{Ending, Session};
use crate::store::Crawl;
use crate::summary::Figure;
use crate::summary::quantile::quantile;

/// How many steps of an observer are shown to people.
const N_SHOWN: usize = 12;

const DAY_US: i64 = 86_400_000_000;
/// The network of a row that counts all of them.
const ALL: &str = "all";

/// Who came and went between crawls, by observer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Churn {
    /// From each crawl to the next.
    pub steps: Figure<Vec<Step>>,
    /// The same per day.
    pub rates: Figure<Vec<Rate>>,
}

/// Who came and went from one crawl to the next.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Step {
    /// Who saw it.
    #[serde(flatten)]
    pub observer: Observer,
    /// The number of the earlier crawl.
    pub from_crawl: i64,
    /// The number of the later one.
    pub to_crawl: i64,
    /// When the earlier one ended, microseconds since 1970.
    pub from_us: i64,
    /// When the later one ended, microseconds since 1970.
    pub to_us: i64,
    /// By network, of those that both crawls reached; `all` is the sum of these.
    pub networks: BTreeMap<&'static str, Moves>,
}

/// How many addresses came and went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Moves {
    /// Reachable in both.
    pub stayed: u64,
    /// Reachable in the later one, and never before.
    pub joined: u64,
    /// Reachable in the later one and not in the earlier one, but before that.
    pub came_back: u64,
    /// Reachable in the earlier one alone.
    pub left: u64,
}

/// How many addresses of a network come and go in a day.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rate {
    /// Who saw it.
    #[serde(flatten)]
    pub observer: Observer,
    /// Which network, or `all`.
    pub network: &'static str,
    /// The days between crawls of which this is the mean.
    pub days: f64,
    /// New addresses a day.
    pub joined_per_day: f64,
    /// Addresses that were there before, a day.
    pub came_back_per_day: f64,
    /// Addresses that went, a day.
    pub left_per_day: f64,
    /// Which part of those that were there went, a day; above 1 where those that come back leave again.
    pub left_share_per_day: Option<f64>,
}

/// Takes in what crawls found, those of each observer in the order of time.
#[derive(Debug, Default)]
pub struct ChurnBuilder {
    before: BTreeMap<Observer, Before>,
    steps: Vec<Step>,
}

/// What an observer found so far.
#[derive(Debug)]
struct Before {
    crawl: i64,
    at_us: i64,
    latest: HashSet<PeerAddr>,
    ever: HashSet<PeerAddr>,
}

impl ChurnBuilder {
    /// Takes the next crawl of an observer.
    pub fn add(&mut self, observer: &Observer, crawl: &Crawl, nodes: &Nodes) {
        let at_us = crawl.finished_at_us.unwrap_or(crawl.started_at_us);
        let latest: HashSet<PeerAddr> = nodes.keys().copied().collect();
        let Some(before) = self.before.get_mut(observer) else {
            let before = Before {
                crawl: crawl.id.0,
                at_us,
                ever: latest.clone(),
                latest,
            };
            self.before.insert(observer.clone(), before);
            return;
        };
        self.steps.push(Step {
            observer: observer.clone(),
            from_crawl: before.crawl,
            to_crawl: crawl.id.0,
            from_us: before.at_us,
            to_us: at_us,
            networks: before.moves(&latest),
        });
        before.ever.extend(&latest);
        before.crawl = crawl.id.0;
        before.at_us = at_us;
        before.latest = latest;
    }

    /// Returns the figures.
    pub fn finish(self) -> Churn {
        let rates = Rate::of(&self.steps);
        Churn {
            steps: Figure::new(
                self.steps,
                "addresses reachable in both of two crawls (stayed), in the later one alone (joined, or came back where an earlier \
                 crawl had reached it) and in the earlier one alone (left), of the networks in which both reached somebody",
            ),
            rates: Figure::new(
                rates,
                "addresses that joined, came back and left, by the days between the crawls; whoever came and went between two \
                 crawls is not seen, so crawls that are further apart see less a day; of those there: the part that left, more than \
                 all where those that come back leave again",
            ),
        }
    }
}

impl Before {
    fn moves(&self, now: &HashSet<PeerAddr>) -> BTreeMap<&'static str, Moves> {
        let reached = |it: &HashSet<PeerAddr>| -> HashSet<Network> {
            it.iter().map(PeerAddr::network).collect()
        };
        // Who had no way into a network says nothing of who is there.
        let (then, both) = (reached(&self.latest), reached(now));
        let both: HashSet<Network> = both.intersection(&then).copied().collect();
        let mut moves = BTreeMap::<&str, Moves>::from([(ALL, Moves::default())]);
        let mut note = |addr: &PeerAddr, count: fn(&mut Moves) -> &mut u64| {
            if both.contains(&addr.network()) {
                for network in [ALL, addr.network().name()] {
                    *count(moves.entry(network).or_default()) += 1;
                }
            }
        };
        for addr in now {
            note(
                addr,
                match addr {
                    it if self.latest.contains(it) => |it| &mut it.stayed,
                    it if self.ever.contains(it) => |it| &mut it.came_back,
                    _ => |it| &mut it.joined,
                },
            );
        }
        for addr in self.latest.difference(now) {
            note(addr, |it| &mut it.left);
        }
        moves
    }
}

impl Rate {
    /// Sums steps up, by observer and network.
    fn of(steps: &[Step]) -> Vec<Rate> {
        let mut sums: BTreeMap<(&Observer, &'static str), (i64, Moves)> = BTreeMap::new();
        for step in steps {
            for (network, moves) in &step.networks {
                let (us, sum) = sums.entry((&step.observer, network)).or_default();
                *us = us.saturating_add(step.to_us.saturating_sub(step.from_us).max(0));
                sum.stayed += moves.stayed;
                sum.joined += moves.joined;
                sum.came_back += moves.came_back;
                sum.left += moves.left;
            }
        }
        let watched = sums.into_iter().filter(|(_, (us, _))| *us > 0);
        let rates = watched.map(|((observer, network), (us, sum))| {
            let days = us as f64 / DAY_US as f64;
            let per_day = |n: u64| n as f64 / days;
            let n_steps = steps
                .iter()
                .filter(|it| it.observer == *observer && it.networks.contains_key(network));
            // The mean number of those that could leave.
            let there = (sum.stayed + sum.left) as f64 / n_steps.count() as f64;
            Rate {
                observer: observer.clone(),
                network,
                days,
                joined_per_day: per_day(sum.joined),
                came_back_per_day: per_day(sum.came_back),
                left_per_day: per_day(sum.left),
                left_share_per_day: (there > 0.0).then(|| per_day(sum.left) / there),
            }
        });
        rates.collect()
    }
}

impl Churn {
    /// Returns the figures as tables.
    pub fn sections(&self) -> Vec<Section> {
        vec![self.rates(), self.steps()]
    }

    fn rates(&self) -> Section {
        let rows = self.rates.value.iter().map(|it| {
            vec![
                it.observer.name().into(),
                it.network.into(),
                Cell::Number(it.days),
                Cell::Number(it.joined_per_day),
                Cell::Number(it.came_back_per_day),
                Cell::Number(it.left_per_day),
                it.left_share_per_day.map_or(Cell::Empty, Cell::Share),
            ]
        });
        let columns = [
            "observer",
            "network",
            "days",
            "joined a day",
            "came back a day",
            "left a day",
            "of those there",
        ];
        let definition = self.rates.definition;
        section("churn", "Churn", definition, &columns, rows.collect())
    }

    fn steps(&self) -> Section {
        let mut rows = Vec::new();
        let by_observer = self
            .steps
            .value
            .chunk_by(|it, next| it.observer == next.observer);
        for steps in by_observer {
            let times: Vec<i64> = steps.iter().map(|it| it.to_us).collect();
            let shown = thinned(&times, N_SHOWN).into_iter();
            rows.extend(shown.filter_map(|place| steps[place].row()));
        }
        let columns = [
            "observer",
            "until (UTC)",
            "after",
            "stayed",
            "joined",
            "came back",
            "left",
            "of those there",
        ];
        let definition = format!(
            "{}; at most {N_SHOWN} of them are shown",
            self.steps.definition
        );
        section(
            "churn_steps",
            "From crawl to crawl",
            &definition,
            &columns,
            rows,
        )
    }
}

impl Step {
    fn row(&self) -> Option<Vec<Cell>> {
        let moves = self.networks.get(ALL)?;
        Some(vec![
            self.observer.name().into(),
            Cell::Time(self.to_us),
            Cell::Seconds(self.to_us.saturating_sub(self.from_us) / 1_000_000),
            moves.stayed.into(),
            moves.joined.into(),
            moves.came_back.into(),
            moves.left.into(),
            share_of(moves.left, moves.stayed + moves.left),
        ])
    }
}

/// How long nodes stay up.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SessionFigures {
    /// By network.
    pub lengths: Figure<Vec<SessionLengths>>,
}

/// How long the sessions of a network are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SessionLengths {
    /// Which network, or `all`.
    pub network: &'static str,
    /// Sessions that were seen to end.
    pub ended: u64,
    /// Sessions that go on.
    pub going_on: u64,
    /// Sessions of which nobody saw the end.
    pub unwatched: u64,
    /// The median length of those that ended, in seconds.
    pub median_s: Option<u64>,
    /// Nine in ten of those that ended were no longer than this, in seconds.
    pub p90_s: Option<u64>,
    /// How many sessions that ended or go on have been up for how long, by the names of [`SPANS`].
    pub spans: BTreeMap<&'static str, u64>,
}

/// Spans of session lengths: their names, and their ends in seconds.
pub const SPANS: [(&str, u64); 6] = [
    ("< 1 h", 3_600),
    ("< 8 h", 8 * 3_600),
    ("< 1 d", 86_400),
    ("< 1 w", 7 * 86_400),
    ("< 30 d", 30 * 86_400),
    (">= 30 d", u64::MAX),
];

impl SessionFigures {
    /// Measures sessions.
    pub fn of(sessions: &[Session]) -> SessionFigures {
        let rows = [None]
            .into_iter()
            .chain(Network::ALL.map(Some))
            .map(|network| {
                let of_network = |it: &&Session| network.is_none_or(|of| it.addr.network() == of);
                let sessions: Vec<&Session> = sessions.iter().filter(of_network).collect();
                SessionLengths::of(network.map_or(ALL, Network::name), &sessions)
            });
        let has_any = |it: &SessionLengths| it.ended + it.going_on + it.unwatched > 0;
        SessionFigures {
            lengths: Figure::new(
                rows.filter(has_any).collect(),
                "times in which a node was up, from the first visit that reached it to the last before one that says that it is gone; \
                 the median is of those that were seen to end, and steady nodes hardly do, so it is a lower bound; those that \
                 were up when the first crawl came were up longer",
            ),
        }
    }

    /// Returns the figures as tables.
    pub fn sections(&self) -> Vec<Section> {
        let rows = self.lengths.value.iter().map(|it| {
            let seconds = |it: Option<u64>| {
                let s = it.map(|it| i64::try_from(it).unwrap_or(i64::MAX));
                s.map_or(Cell::Empty, Cell::Seconds)
            };
            let mut row = vec![
                it.network.into(),
                it.ended.into(),
                it.going_on.into(),
                it.unwatched.into(),
                seconds(it.median_s),
                seconds(it.p90_s),
            ];
            let n = |(name, _): (&str, u64)| it.spans.get(name).copied().unwrap_or(0);
            row.extend(SPANS.map(|it| Cell::Count(n(it))));
            row
        });
        let mut columns = vec!["network", "ended", "go on", "unwatched", "median", "90 %"];
        columns.extend(SPANS.map(|it| it.0));
        let definition = self.lengths.definition;
        vec![section(
            "sessions",
            "Sessions",
            definition,
            &columns,
            rows.collect(),
        )]
    }
}

impl SessionLengths {
    fn of(network: &'static str, sessions: &[&Session]) -> SessionLengths {
        let (mut ended, mut spans) = (Vec::new(), BTreeMap::new());
        let (mut going_on, mut unwatched) = (0, 0);
        for session in sessions {
            let us = session.up_to_us.saturating_sub(session.up_from_us);
            let s = u64::try_from(us / 1_000_000).unwrap_or(0);
            match session.ended {
                Some(Ending::Failed(_)) => ended.push(s),
                Some(Ending::Unwatched) => {
                    unwatched += 1;
                    continue;
                }
                None => going_on += 1,
            }
            let span = SPANS.iter().find(|(_, end)| s < *end).unwrap_or(&SPANS[5]);
            *spans.entry(span.0).or_default() += 1;
        }
        ended.sort_unstable();
        SessionLengths {
            network,
            ended: ended.len() as u64,
            going_on,
            unwatched,
            median_s: quantile(&ended, 50),
            p90_s: quantile(&ended, 90),
            spans,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::history::SeenNode;
    use crate::figures::history::tests::crawl;
    use crate::samples::ONION;
    use proto::outcome::Outcome;

    #[test]
    fn whoever_comes_and_goes_is_counted_from_crawl_to_crawl() {
        check(&[""], &[]);
        check(&["a b"], &[]);
        check(
            &["a b c", "b c d e"],
            &["all: 2 stayed, 2 joined, 0 back, 1 left"],
        );
        check(
            &["a b", "a", "a b c"],
            &[
                "all: 1 stayed, 0 joined, 0 back, 1 left",
                "all: 1 stayed, 1 joined, 1 back, 0 left",
            ],
        );
    }

    #[test]
    fn a_network_that_one_of_two_did_not_reach_is_not_compared() {
        check(
            &["a b onion", "a", "a onion"],
            &[
                "all: 1 stayed, 0 joined, 0 back, 1 left",
                "all: 1 stayed, 0 joined, 0 back, 0 left",
            ],
        );
        check(
            &["a onion", "a onion"],
            &["all: 2 stayed, 0 joined, 0 back, 0 left"],
        );
        check(&["a", ""], &["all: 0 stayed, 0 joined, 0 back, 0 left"]);
    }

    #[test]
    fn rates_are_per_day() {
        let churn = churn(&["a b c d", "a b e", "a b c d"]);
        let rates = churn.rates.value.iter().map(|it| {
            format!(
                "{}: in {} days {} {} {} {:.3}",
                it.network,
                it.days,
                it.joined_per_day,
                it.came_back_per_day,
                it.left_per_day,
                it.left_share_per_day.unwrap()
            )
        });
        // One of four left in half a day twice: of three and a half on the whole, three in a day.
        let expected = ["all", "ipv4"].map(|it| format!("{it}: in 1 days 1 2 3 0.857"));
        assert_eq!(rates.collect::<Vec<_>>(), expected);
        let sections = churn.sections();
        let n_rows: Vec<usize> = sections.iter().map(|it| it.table.rows.len()).collect();
        assert_eq!(n_rows, [2, 2]);
    }

    #[test]
    fn each_observer_has_its_own_steps() {
        let mut builder = ChurnBuilder::default();
        for observer in ["x", "y", "x"] {
            let mut crawl = crawl(0);
            crawl.observer = Some(observer.to_owned());
            builder.add(&Observer::of(&crawl), &crawl, &nodes("a"));
        }
        let steps = builder.finish().steps.value;
        let names: Vec<String> = steps.iter().map(|it| it.observer.name()).collect();
        assert_eq!(names, ["x"]);
    }

    #[test]
    fn sessions_are_measured_by_network() {
        let session = |addr, hours: i64, ended| Session {
            addr: PeerAddr::parse(addr, 8333).unwrap(),
            up_from_us: 5,
            up_to_us: 5 + hours * 3_600_000_000,
            ended,
        };
        let gone = Some(Ending::Failed(Outcome::ConnectRefused));
        let figures = SessionFigures::of(&[
            session("1.1.1.1", 0, gone),
            session("1.1.1.1", 7, gone),
            session("1.1.1.1", 10_000, None),
            session(ONION, 24, gone),
            session(ONION, 1, Some(Ending::Unwatched)),
        ]);
        let rows = figures.lengths.value.iter().map(|it| {
            format!(
                "{}: {} {} {}, {:?} {:?}, {:?}",
                it.network, it.ended, it.going_on, it.unwatched, it.median_s, it.p90_s, it.spans
            )
        });
        assert_eq!(
            rows.collect::<Vec<_>>(),
            [
                r#"all: 3 1 1, Some(25200) Some(86400), {"< 1 h": 1, "< 1 w": 1, "< 8 h": 1, ">= 30 d": 1}"#,
                r#"ipv4: 2 1 0, Some(0) Some(25200), {"< 1 h": 1, "< 8 h": 1, ">= 30 d": 1}"#,
                r#"onion: 1 0 1, Some(86400) Some(86400), {"< 1 w": 1}"#,
            ]
        );
        assert_eq!(figures.sections()[0].table.rows.len(), 3);
    }

    #[track_caller]
    fn check(crawls: &[&str], expected: &[&str]) {
        let churn = churn(crawls);
        let steps = churn.steps.value.iter().map(|it| {
            let it = it.networks[ALL];
            format!(
                "all: {} stayed, {} joined, {} back, {} left",
                it.stayed, it.joined, it.came_back, it.left
            )
        });
        assert_eq!(steps.collect::<Vec<_>>(), expected, "{crawls:?}");
    }

    /// Crawls that are half a day apart, and whom each reached.
    fn churn(crawls: &[&str]) -> Churn {
        let mut builder = ChurnBuilder::default();
        let mut at_us = 0;
        for names in crawls {
            let crawl = crawl(at_us);
            builder.add(&Observer::of(&crawl), &crawl, &nodes(names));
            at_us += DAY_US / 2;
        }
        builder.finish()
    }

    fn nodes(names: &str) -> Nodes {
        let nodes = names.split(' ').filter(|it| !it.is_empty()).map(|it| {
            let addr = match it {
                "onion" => ONION.to_owned(),
                letter => format!("1.1.1.{}", letter.as_bytes()[0]),
            };
            (PeerAddr::parse(&addr, 8333).unwrap(), SeenNode::default())
        });
        nodes.collect()
    }
}
