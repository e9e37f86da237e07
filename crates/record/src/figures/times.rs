//! How well nodes answer: how long it takes, what calls wait for, how many bytes it costs.

use std::collections::BTreeMap;
use std::time::Duration;

use proto::addr::Network;
use proto::outcome::Outcome;
use serde::Serialize;

use super::quantiles::columns;
use super::tables::section;
use super::{Cell, Node, Quantiles, Section, Snapshot, Unreached};
use crate::summary::{Figure, Moments, PHASES, micros, rounded, share};

/// Countries with fewer timed nodes say little: their quantiles would be single nodes.
const MIN_NODES: usize = 5;
/// How many points a curve has at the most.
const MAX_POINTS: usize = 100;

/// The phases that tables of groups show, and what stands above them: half take up to p50, nine in ten up to p90.
const SHOWN_PHASES: [&str; 4] = ["connect", "version", "answers", "visit"];
const SHOWN_COLUMNS: [&str; 8] = [
    "connect p50",
    "p90",
    "version p50",
    "p90",
    "answers p50",
    "p90",
    "visit p50",
    "p90",
];

/// How well reachable nodes answer; where the observer noted no times, there are none.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HowWell {
    /// How long each phase took with all.
    pub all: Figure<Vec<PhaseQuantiles>>,
    /// The same by network, of those that have any.
    pub networks: Figure<Vec<Group>>,
    /// The same by country, the one with the most nodes first.
    pub countries: Figure<Vec<Group>>,
    /// By when which part of the nodes had answered, by network.
    pub curves: Figure<Vec<Curve>>,
    /// What the time of the calls went into.
    pub waited: Figure<Vec<Waited>>,
    /// Bytes that a visit read.
    pub bytes_in: Figure<Option<Quantiles<u64>>>,
    /// Bytes that a visit wrote.
    pub bytes_out: Figure<Option<Quantiles<u64>>>,
}

/// How long one phase of the visits took.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct PhaseQuantiles {
    /// Its name.
    pub phase: &'static str,
    /// From what to what it goes.
    pub definition: &'static str,
    /// In microseconds; `None` where no visit got through it.
    pub took_us: Option<Quantiles<u64>>,
}

/// How long the visits of some nodes took.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Group {
    /// The network, or the two letters of the country.
    pub name: String,
    /// How many nodes there are whose times are known.
    pub n: usize,
    /// How long each phase took.
    pub phases: Vec<PhaseQuantiles>,
}

/// By when which part of the nodes of a network had answered: a distribution function.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Curve {
    /// Which network.
    pub network: &'static str,
    /// How many nodes it is of.
    pub n: usize,
    /// At most a hundred points, rising in both.
    pub points: Vec<Point>,
}

/// A point of a [`Curve`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Point {
    /// Microseconds since the dial.
    pub at_us: u64,
    /// The part of the nodes whose `version` was there by then.
    pub share: f64,
}

/// What calls waited for, and how long.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Waited {
    /// The phase in which they were, or `end` behind all of them.
    pub phase: &'static str,
    /// All together, in microseconds.
    pub took_us: u64,
    /// The part of the time of all calls.
    pub share: Option<f64>,
}

/// A node whose visit was timed.
struct Timed<'a> {
    node: &'a Node,
    moments: Moments,
}

impl HowWell {
    /// Measures the last visits.
    pub fn of(snapshot: &Snapshot) -> HowWell {
        let timed = snapshot.nodes.iter().filter_map(Timed::of);
        let timed: Vec<Timed<'_>> = timed.collect();
        let bytes = |of: fn(&Node) -> u64| {
            let known = snapshot.nodes.iter().map(of).filter(|it| *it > 0);
            Quantiles::of(known.collect())
        };
        HowWell {
            all: Figure::new(
                measure(timed.iter()),
                "how long each phase of the visits to reachable addresses took, of those that got through it",
            ),
            networks: Figure::new(
                networks(&timed)
                    .map(|(it, of)| Group::of(it.name(), &of))
                    .collect(),
                "how long each phase of the visits to reachable addresses took, by network",
            ),
            countries: Figure::new(
                countries(&timed),
                "how long each phase of the visits to reachable addresses took, by country, where it is known and has at least 5 \
                 of them",
            ),
            curves: Figure::new(
                networks(&timed)
                    .filter_map(|(it, of)| Curve::of(it, &of))
                    .collect(),
                "by when, since the dial, which part of the reachable addresses had sent their version, by network",
            ),
            waited: Figure::new(
                waited(snapshot),
                "what the time of the last calls went into, those to unreachable addresses too: the phase in which a call \
                 was, whether it got through it or not, and `end` behind all of them",
            ),
            bytes_in: Figure::new(
                bytes(|it| it.visit.call.heard.bytes_in),
                "bytes read in a visit to a reachable address, where they were counted",
            ),
            bytes_out: Figure::new(
                bytes(|it| it.visit.call.heard.bytes_out),
                "bytes written in a visit to a reachable address, where they were counted",
            ),
        }
    }

    /// Writes the chapter for people.
    pub fn sections(&self) -> Vec<Section> {
        vec![
            self.phases_section(),
            groups_section(
                "times_by_network",
                "Times by network",
                "network",
                &self.networks,
            ),
            groups_section(
                "times_by_country",
                "Times by country",
                "country",
                &self.countries,
            ),
            self.waited_section(),
            self.bytes_section(),
        ]
    }

    fn phases_section(&self) -> Section {
        let measured = self.all.value.iter().filter(|it| it.took_us.is_some());
        let row = |it: &PhaseQuantiles| {
            let name = format!("{}: {}", it.phase, it.definition);
            Quantiles::row(name.into(), it.took_us.as_ref(), Cell::Micros)
        };
        let rows = measured.map(row).collect();
        section(
            "times",
            "Times",
            self.all.definition,
            &columns("phase"),
            rows,
        )
    }

    fn waited_section(&self) -> Section {
        let Figure { value, definition } = &self.waited;
        let row = |it: &Waited| {
            let share = it.share.map_or(Cell::Empty, Cell::Share);
            vec![it.phase.into(), Cell::Micros(it.took_us), share]
        };
        let rows = value.iter().filter(|it| it.took_us > 0).map(row);
        let columns = ["phase", "took", "share"];
        section(
            "waited",
            "What calls waited for",
            definition,
            &columns,
            rows.collect(),
        )
    }

    fn bytes_section(&self) -> Section {
        let ways = [("read", &self.bytes_in), ("written", &self.bytes_out)];
        let known = ways.iter().filter(|(_, figure)| figure.value.is_some());
        let rows = known.map(|(name, figure)| {
            Quantiles::row((*name).into(), figure.value.as_ref(), Cell::Count)
        });
        let rows = rows.collect();
        let definition =
            "bytes read and written in a visit to a reachable address, where they were counted";
        section(
            "bytes",
            "Bytes a visit",
            definition,
            &columns("bytes"),
            rows,
        )
    }
}

fn groups_section(
    key: &'static str,
    title: &str,
    heading: &'static str,
    groups: &Figure<Vec<Group>>,
) -> Section {
    let rows = groups.value.iter().map(|group| {
        let took = |phase: &str| {
            let phase = group.phases.iter().find(|it| it.phase == phase);
            phase.and_then(|it| it.took_us)
        };
        let half_and_most = |phase: &str| {
            let took = took(phase).map(|it| [it.p50, it.p90].map(Cell::Micros));
            took.unwrap_or([const { Cell::Empty }; 2])
        };
        let measured = SHOWN_PHASES.map(half_and_most).concat();
        let name = [group.name.clone().into(), Cell::Count(group.n as u64)];
        [&name[..], &measured].concat()
    });
    let columns = [&[heading, "nodes"][..], &SHOWN_COLUMNS].concat();
    section(key, title, groups.definition, &columns, rows.collect())
}

impl<'a> Timed<'a> {
    fn of(node: &'a Node) -> Option<Timed<'a>> {
        let call = &node.visit.call;
        let moments = Moments::new(call.connect?, call);
        Some(Timed { node, moments })
    }

    fn outcome(&self) -> Outcome {
        self.node.visit.call.outcome
    }
}

impl Group {
    fn of(name: &str, timed: &[&Timed<'_>]) -> Group {
        Group {
            name: name.to_owned(),
            n: timed.len(),
            phases: measure(timed.iter().copied()),
        }
    }
}

fn measure<'a>(timed: impl Iterator<Item = &'a Timed<'a>> + Clone) -> Vec<PhaseQuantiles> {
    let measure = PHASES.iter().map(|phase| {
        let took = timed
            .clone()
            .filter_map(|it| (phase.took)(&it.moments, it.outcome()));
        PhaseQuantiles {
            phase: phase.name,
            definition: phase.definition,
            took_us: Quantiles::of(took.map(micros).collect()),
        }
    });
    measure.collect()
}

/// Returns the networks that have timed nodes, with those.
fn networks<'a>(timed: &'a [Timed<'a>]) -> impl Iterator<Item = (Network, Vec<&'a Timed<'a>>)> {
    let with_nodes = Network::ALL.into_iter().map(|network| {
        let here = timed
            .iter()
            .filter(move |it| it.node.visit.addr.network() == network);
        (network, here.collect::<Vec<_>>())
    });
    with_nodes.filter(|(_, here)| !here.is_empty())
}

fn countries(timed: &[Timed<'_>]) -> Vec<Group> {
    let mut by_country: BTreeMap<&str, Vec<&Timed<'_>>> = BTreeMap::new();
    for it in timed {
        if let Some(country) = &it.node.place.country {
            by_country.entry(country).or_default().push(it);
        }
    }
    let large = by_country
        .into_iter()
        .filter(|(_, here)| here.len() >= MIN_NODES);
    let mut groups: Vec<Group> = large.map(|(name, here)| Group::of(name, &here)).collect();
    groups.sort_by_key(|it| std::cmp::Reverse(it.n));
    groups
}

impl Curve {
    fn of(network: Network, timed: &[&Timed<'_>]) -> Option<Curve> {
        let versions = timed
            .iter()
            .filter_map(|it| it.node.visit.call.heard.version_at);
        let mut at_us: Vec<u64> = versions.map(micros).collect();
        at_us.sort_unstable();
        let n_points = at_us.len().min(MAX_POINTS);
        let points = (1..=n_points).filter_map(|it| {
            let rank = (at_us.len() * it).div_ceil(n_points);
            let share = rounded(share(rank as u64, at_us.len() as u64)?);
            Some(Point {
                at_us: *at_us.get(rank - 1)?,
                share,
            })
        });
        (n_points > 0).then(|| Curve {
            network: network.name(),
            n: at_us.len(),
            points: points.collect(),
        })
    }
}

/// Adds up the time between the moments of all calls; what is behind the last one belongs to the phase that never ended.
fn waited(snapshot: &Snapshot) -> Vec<Waited> {
    let mut sums = [Duration::ZERO; PHASES.len()];
    let reached = snapshot.nodes.iter().map(|it| {
        let call = &it.visit.call;
        let heard = &call.heard;
        let moments = [
            call.connect,
            heard.version_at,
            heard.verack_at,
            heard.answered_at,
        ];
        (moments, call.took)
    });
    let unreached = snapshot
        .unreached
        .iter()
        .map(|it: &Unreached| ([it.connect, None, None, None], it.took));
    for (moments, took) in reached.chain(unreached) {
        let mut since = Duration::ZERO;
        // The moments that came, one behind the other, and the end of the call.
        let came = moments.iter().map_while(|it| *it).chain([took]);
        for (sum, until) in sums.iter_mut().zip(came) {
            *sum = sum.saturating_add(until.saturating_sub(since));
            since = since.max(until);
        }
    }
    let whole = sums
        .iter()
        .fold(Duration::ZERO, |sum, it| sum.saturating_add(*it));
    let names = PHASES
        .iter()
        .map(|it| it.name)
        .take(sums.len() - 1)
        .chain(["end"]);
    let waited = names.zip(sums).map(|(phase, sum)| Waited {
        phase,
        took_us: micros(sum),
        share: share(micros(sum), micros(whole)).map(rounded),
    });
    waited.collect()
}

#[cfg(test)]
mod tests {
    use proto::Visit;

    use super::*;
    use crate::figures::made::{placed_snapshot, snapshot, written};
    use crate::places::Place;
    use crate::samples::{ONION, complete, failed};

    #[test]
    fn every_phase_is_measured_by_network_and_country() {
        let mut visits: Vec<Visit> = (1..=5)
            .map(|it| {
                timed(
                    &format!("1.2.3.{it}:8333"),
                    [it * 10, it * 30, it * 31, it * 40],
                )
            })
            .collect();
        visits.push(timed(ONION, [100, 500, 510, 900]));
        let mut hung_up = timed("9.9.9.9:8333", [1, 2, 3, 4]);
        hung_up.call.outcome = Outcome::VersionOnly;
        hung_up.call.heard.verack_at = None;
        hung_up.call.heard.answered_at = None;
        hung_up.call.heard.bytes_in = 7;
        visits.push(hung_up);
        let mut dead = failed("8.8.8.8:8333", Outcome::ConnectTimeout);
        dead.call.took = Duration::from_millis(5_000);
        visits.push(dead);
        let in_germany = |visit: &Visit| Place {
            country: visit
                .addr
                .to_string()
                .starts_with("1.2.3.")
                .then(|| "DE".to_owned()),
            ..Place::default()
        };
        let how_well = HowWell::of(&placed_snapshot(&visits, in_germany));
        check(
            &how_well,
            "
times: phase | n | p10 | p50 | p90 | p99 | max
  connect: from the dial to the connection | 7 | 1000 µs | 30000 µs | 100000 µs | 100000 µs | 100000 µs
  version: from the connection to the version | 7 | 1000 µs | 60000 µs | 400000 µs | 400000 µs | 400000 µs
  verack: from the version to the verack | 6 | 1000 µs | 3000 µs | 10000 µs | 10000 µs | 10000 µs
  answers: from the verack to the end of the answers | 6 | 9000 µs | 27000 µs | 390000 µs | 390000 µs | 390000 µs
  visit: from the dial to the end, where it was reachable | 7 | 5000 µs | 121000 µs | 901000 µs | 901000 µs | 901000 µs
times_by_network: network | nodes | connect p50 | p90 | version p50 | p90 | answers p50 | p90 | visit p50 | p90
  ipv4 | 6 | 20000 µs | 50000 µs | 40000 µs | 100000 µs | 27000 µs | 45000 µs | 81000 µs | 201000 µs
  onion | 1 | 100000 µs | 100000 µs | 400000 µs | 400000 µs | 390000 µs | 390000 µs | 901000 µs | 901000 µs
times_by_country: country | nodes | connect p50 | p90 | version p50 | p90 | answers p50 | p90 | visit p50 | p90
  DE | 5 | 30000 µs | 50000 µs | 60000 µs | 100000 µs | 27000 µs | 45000 µs | 121000 µs | 201000 µs
waited: phase | took | share
  connect | 5251000 µs | 80.7 %
  version | 701000 µs | 10.8 %
  verack | 28000 µs | 0.4 %
  answers | 525000 µs | 8.1 %
  end | 6000 µs | 0.1 %
bytes: bytes | n | p10 | p50 | p90 | p99 | max
  read | 7 | 7 | 300 | 300 | 300 | 300
  written | 7 | 200 | 200 | 200 | 200 | 200
",
        );
    }

    #[test]
    fn a_curve_has_few_points_and_ends_with_everybody() {
        check_curve(&[30, 10, 20], "3: 10 33 %, 20 67 %, 30 100 %");
        check_curve(&[5], "1: 5 100 %");
        let thousand: Vec<u64> = (1..=1_050).collect();
        let curve = curve(&thousand);
        assert_eq!((curve.n, curve.points.len()), (1_050, MAX_POINTS));
        let [first, .., last] = curve.points[..] else {
            panic!("two points")
        };
        assert_eq!(
            first,
            Point {
                at_us: 11_000,
                share: 0.0105
            }
        );
        assert_eq!(
            last,
            Point {
                at_us: 1_050_000,
                share: 1.0
            }
        );
    }

    #[test]
    fn where_nobody_noted_times_there_are_none() {
        let mut imported = complete("1.2.3.4:8333", b"/a/", 1);
        imported.call.connect = None;
        imported.call.took = Duration::ZERO;
        let heard = &mut imported.call.heard;
        (heard.version_at, heard.verack_at, heard.answered_at) = (None, None, None);
        (heard.bytes_in, heard.bytes_out) = (0, 0);
        check(&HowWell::of(&snapshot(&[imported])), "\n");
        check(&HowWell::of(&snapshot(&[])), "\n");
    }

    /// A visit that connected, had a `version`, a `verack` and its answers after so many milliseconds, and ended one later.
    fn timed(addr: &str, at_ms: [u64; 4]) -> Visit {
        let mut visit = complete(addr, b"/a/", 1);
        let at = at_ms.map(|it| Some(Duration::from_millis(it)));
        visit.call.connect = at[0];
        visit.call.heard.version_at = at[1];
        visit.call.heard.verack_at = at[2];
        visit.call.heard.answered_at = at[3];
        visit.call.took = Duration::from_millis(at_ms[3] + 1);
        visit
    }

    fn curve(at_ms: &[u64]) -> Curve {
        let visits = at_ms.iter().enumerate();
        let visits = visits.map(|(i, at)| {
            let addr = format!("1.2.{}.{}:8333", i / 250, i % 250);
            timed(&addr, [1, *at, *at, *at])
        });
        let how_well = HowWell::of(&snapshot(&visits.collect::<Vec<_>>()));
        let [curve] = &how_well.curves.value[..] else {
            panic!("one network")
        };
        curve.clone()
    }

    #[track_caller]
    fn check_curve(at_ms: &[u64], expected: &str) {
        let curve = curve(at_ms);
        let points = curve.points.iter();
        let points: Vec<String> = points
            .map(|it| format!("{} {:.0} %", it.at_us / 1_000, it.share * 100.0))
            .collect();
        assert_eq!(format!("{}: {}", curve.n, points.join(", ")), expected);
    }

    #[track_caller]
    fn check(how_well: &HowWell, expected: &str) {
        let text = written(&how_well.sections());
        assert_eq!(text, expected[1..], "{text}");
    }
}
