//! How a crawl went, moment by moment: calls in flight, answers and failures a second, nodes reached so far.

use std::time::Duration;

use proto::Visit;
use proto::outcome::Outcome;
use serde::Serialize;

use super::tables::section;
use super::when::{ended_at_us, later};
use super::{Cell, Section, Snapshot};
use crate::summary::{Figure, rounded};

/// How many bins a crawl is cut into at the most.
const MAX_BINS: u64 = 200;
/// How many rows people get.
const MAX_ROWS: usize = 20;
/// The shortest bin, in microseconds.
const MIN_BIN_US: u64 = 1_000;

/// The classes of failures, and the words of those in each.
const CLASSES: [(&str, &str); 6] = [
    ("refused", "connect_refused"),
    ("timed_out", "connect_timeout, version_timeout"),
    ("unreachable", "connect_unreachable, connect_other"),
    ("hung_up", "connect_reset, closed_before_version"),
    ("no_way", "proxy_error, sam_error"),
    (
        "no_node",
        "malformed_version, wrong_network, protocol_violation, v2_failed, self_connection",
    ),
];

/// How a crawl went: every list has one value a bin of time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Timeline {
    /// When the first bin begins, microseconds since 1970.
    pub begin_us: Figure<i64>,
    /// How long each bin is, in microseconds.
    pub bin_us: Figure<u64>,
    /// Calls in flight.
    pub calls_in_flight: Figure<Vec<f64>>,
    /// Connections that stood.
    pub connections: Figure<Vec<f64>>,
    /// Versions that arrived in a second.
    pub answers_per_second: Figure<Vec<f64>>,
    /// Calls that failed in a second, by class.
    pub failures_per_second: Figure<Vec<Failures>>,
    /// Nodes that were reached so far.
    pub reachable: Figure<Vec<u64>>,
}

/// Calls that failed in the same manner.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Failures {
    /// The word for it.
    pub class: &'static str,
    /// How those calls ended.
    pub outcomes: &'static str,
    /// How many in a second, one value a bin.
    pub per_second: Vec<f64>,
}

/// Takes the visits of a crawl in, in any order, those of addresses that are called again too; a few kilobytes.
#[derive(Clone, Debug)]
pub struct TimelineBuilder {
    begin_us: i64,
    length_us: u64,
    bin_us: u64,
    calls: Spans,
    connections: Spans,
    answers: Vec<u64>,
    failures: [Vec<u64>; CLASSES.len()],
}

/// How much of each bin things that last fill.
#[derive(Clone, Debug)]
struct Spans {
    /// Microseconds in bins which they do not fill, added up.
    parts_us: Vec<u64>,
    /// How many more fill a bin than the one before it.
    n_more: Vec<i64>,
}

impl TimelineBuilder {
    /// Begins with a crawl that went on from its start to its end or, where it has none, to that of its last visit.
    pub fn of(snapshot: &Snapshot) -> TimelineBuilder {
        let begin_us = snapshot.crawl.started_at_us;
        TimelineBuilder::between(begin_us, ended_at_us(snapshot))
    }

    /// Begins with the time in which the visits are, microseconds since 1970; one outside counts at its edge.
    pub fn between(begin_us: i64, end_us: i64) -> TimelineBuilder {
        let length_us = u64::try_from(end_us.saturating_sub(begin_us)).unwrap_or(0);
        let length_us = length_us.max(MIN_BIN_US);
        TimelineBuilder::in_bins(begin_us, length_us, bin_width(length_us))
    }

    fn in_bins(begin_us: i64, length_us: u64, bin_us: u64) -> TimelineBuilder {
        let n_bins = usize::try_from(length_us.div_ceil(bin_us)).expect("bins are few");
        TimelineBuilder {
            begin_us,
            length_us,
            bin_us,
            calls: Spans::new(n_bins),
            connections: Spans::new(n_bins),
            answers: vec![0; n_bins],
            failures: CLASSES.map(|_| vec![0; n_bins]),
        }
    }

    /// Takes the next visit.
    pub fn add(&mut self, visit: &Visit) {
        let call = &visit.call;
        if matches!(call.outcome, Outcome::NotTried(_)) {
            return;
        }
        let since_begin_us =
            |since_dial| self.since_begin_us(later(call.started_at_us, since_dial));
        let dial = since_begin_us(Duration::ZERO);
        let end = since_begin_us(call.took);
        let connect = call.connect.map(since_begin_us);
        let version = call.heard.version_at.map_or(end, since_begin_us);
        self.calls.add(dial, end, self.bin_us);
        if let Some(connect) = connect {
            self.connections.add(connect, end, self.bin_us);
        }
        let bin = |at_us| bin(at_us, self.bin_us, self.answers.len());
        match class(call.outcome) {
            Some(class) => {
                let bin = bin(end);
                self.failures[class][bin] += 1;
            }
            None => {
                let bin = bin(version);
                self.answers[bin] += 1;
            }
        }
    }

    fn since_begin_us(&self, at_us: i64) -> u64 {
        let since = u64::try_from(at_us.saturating_sub(self.begin_us)).unwrap_or(0);
        since.min(self.length_us)
    }

    /// Returns the figures; `None` where no call took any time, since the observer noted none.
    pub fn finish(self) -> Option<Timeline> {
        if self.calls.is_empty() {
            return None;
        }
        let per_second = |counts: &[u64]| {
            let rate = |n: &u64| rounded(*n as f64 * 1e6 / self.bin_us as f64);
            counts.iter().map(rate).collect()
        };
        let mut n_reached = 0;
        let reachable = self.answers.iter().map(|n| {
            n_reached += n;
            n_reached
        });
        let failures = CLASSES.iter().zip(&self.failures);
        let failures = failures.map(|((class, outcomes), counts)| Failures {
            class,
            outcomes,
            per_second: per_second(counts),
        });
        Some(Timeline {
            begin_us: Figure::new(
                self.begin_us,
                "when the crawl began, microseconds since 1970",
            ),
            bin_us: Figure::new(
                self.bin_us,
                "how long each bin of time is; the last one goes on behind the end of the crawl",
            ),
            calls_in_flight: Figure::new(
                self.calls.mean(self.bin_us),
                "calls between their dial and their end, on average over each bin",
            ),
            connections: Figure::new(
                self.connections.mean(self.bin_us),
                "calls between their connection and their end, on average over each bin",
            ),
            answers_per_second: Figure::new(
                per_second(&self.answers),
                "calls that brought a valid version, a second, when it arrived",
            ),
            failures_per_second: Figure::new(
                failures.collect(),
                "calls that brought none, a second, when they ended",
            ),
            reachable: Figure::new(
                reachable.collect(),
                "calls that brought a valid version, from the begin to the end of each bin",
            ),
        })
    }
}

impl Spans {
    fn new(n_bins: usize) -> Spans {
        // What ends with the crawl ends in the bin behind the last one, where that is full.
        Spans {
            parts_us: vec![0; n_bins + 1],
            n_more: vec![0; n_bins + 1],
        }
    }

    fn add(&mut self, from_us: u64, to_us: u64, bin_us: u64) {
        let to_us = to_us.max(from_us);
        let first = bin(from_us, bin_us, self.parts_us.len());
        let last = bin(to_us, bin_us, self.parts_us.len());
        if first == last {
            self.parts_us[first] += to_us - from_us;
            return;
        }
        self.parts_us[first] += bin_us - from_us % bin_us;
        self.parts_us[last] += to_us % bin_us;
        self.n_more[first + 1] += 1;
        self.n_more[last] -= 1;
    }

    fn is_empty(&self) -> bool {
        self.parts_us.iter().all(|it| *it == 0) && self.n_more.iter().all(|it| *it == 0)
    }

    fn mean(&self, bin_us: u64) -> Vec<f64> {
        let mut n_full = 0;
        let bins = self.parts_us.iter().zip(&self.n_more);
        let means = bins.map(|(part_us, n_more)| {
            n_full += n_more;
            rounded(n_full as f64 + *part_us as f64 / bin_us as f64)
        });
        means.take(self.parts_us.len() - 1).collect()
    }
}

/// Returns in which of the bins a moment is; the last one has its end too.
fn bin(at_us: u64, bin_us: u64, n_bins: usize) -> usize {
    usize::try_from(at_us / bin_us)
        .unwrap_or(usize::MAX)
        .min(n_bins - 1)
}

/// Returns the shortest width of 1, 2 or 5 of some power of ten that is enough.
fn bin_width(length_us: u64) -> u64 {
    let powers = (0..16).map(|it| MIN_BIN_US * 10u64.pow(it));
    let mut widths = powers.flat_map(|it| [it, it.saturating_mul(2), it.saturating_mul(5)]);
    let enough = widths.find(|it| length_us.div_ceil(*it) <= MAX_BINS);
    enough.expect("two hundred times ten to the eighteenth is more than there is")
}

/// Returns in which of [`CLASSES`] a failure is; nothing for a success.
fn class(outcome: Outcome) -> Option<usize> {
    match outcome {
        Outcome::Complete | Outcome::VersionOnly | Outcome::NotTried(_) => None,
        Outcome::ConnectRefused => Some(0),
        Outcome::ConnectTimeout | Outcome::VersionTimeout => Some(1),
        Outcome::ConnectUnreachable | Outcome::ConnectOther => Some(2),
        Outcome::ConnectReset | Outcome::ClosedBeforeVersion => Some(3),
        Outcome::ProxyError | Outcome::SamError => Some(4),
        Outcome::MalformedVersion
        | Outcome::WrongNetwork
        | Outcome::ProtocolViolation
        | Outcome::V2Failed
        | Outcome::SelfConnection => Some(5),
    }
}

impl Timeline {
    /// Writes the chapter for people, several bins a row.
    pub fn sections(&self) -> Vec<Section> {
        let n_bins = self.reachable.value.len();
        let n_together = n_bins.div_ceil(MAX_ROWS).max(1);
        let rows = (0..n_bins).step_by(n_together).map(|first| {
            let bins = first..n_bins.min(first + n_together);
            let mean = |values: &[f64]| {
                let values = &values[bins.clone()];
                rounded(values.iter().sum::<f64>() / values.len() as f64)
            };
            let failures = self.failures_per_second.value.iter();
            let failures: f64 = failures.map(|it| mean(&it.per_second)).sum();
            vec![
                Cell::Micros(first as u64 * self.bin_us.value),
                Cell::Number(mean(&self.calls_in_flight.value)),
                Cell::Number(mean(&self.connections.value)),
                Cell::Number(mean(&self.answers_per_second.value)),
                Cell::Number(rounded(failures)),
                Cell::Count(self.reachable.value[bins.end - 1]),
            ]
        });
        let definition = "calls and connections in flight, calls that brought a valid version and calls that failed a second, on average \
             from each moment to the next, and how many brought a version by then; moments are since the crawl began";
        let columns = [
            "from",
            "calls",
            "connections",
            "answers/s",
            "failures/s",
            "reached",
        ];
        vec![section(
            "timeline",
            "Timeline",
            definition,
            &columns,
            rows.collect(),
        )]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::made::{snapshot, written};
    use crate::samples::{ONION, STARTED_AT_US, complete, failed, not_tried};

    #[test]
    fn calls_are_counted_where_they_are_in_flight() {
        let visits = [
            reached(0, [500, 1_500, 3_000]),
            reached(2_500, [100, 200, 300]),
            refused(1_000, 1_000),
            refused(3_200, 50),
            not_tried(ONION),
        ];
        let mut builder = builder(3_500, 1_000_000);
        for visit in &visits {
            builder.add(visit);
        }
        let timeline = builder.finish().unwrap();
        assert_eq!(timeline.calls_in_flight.value, [1.0, 2.0, 1.3, 0.05]);
        assert_eq!(timeline.connections.value, [0.5, 1.0, 1.2, 0.0]);
        assert_eq!(timeline.answers_per_second.value, [0.0, 1.0, 1.0, 0.0]);
        let failures = &timeline.failures_per_second.value;
        assert_eq!(failures[0].per_second, [0.0, 0.0, 1.0, 1.0]);
        assert!(
            failures[1..]
                .iter()
                .flat_map(|it| &it.per_second)
                .all(|it| *it == 0.0)
        );
        assert_eq!(timeline.reachable.value, [0, 1, 2, 2]);
        let text = written(&timeline.sections());
        let expected = "
timeline: from | calls | connections | answers/s | failures/s | reached
  0 µs | 1 | 0.5 | 0 | 0 | 0
  1000000 µs | 2 | 1 | 1 | 0 | 1
  2000000 µs | 1.3 | 1.2 | 1 | 1 | 2
  3000000 µs | 0.05 | 0 | 0 | 1 | 2
";
        assert_eq!(text, expected[1..], "{text}");
    }

    #[test]
    fn the_time_of_all_calls_is_in_the_bins_whatever_their_width() {
        for bin_us in [1_000, 7_000, 50_000, 1_000_000] {
            let mut builder = builder(3_500, bin_us);
            let visits = (0..500).map(|it| refused(it * 5, it * 7 % 900));
            for visit in visits {
                builder.add(&visit);
            }
            let means = builder.calls.mean(bin_us);
            let filled_us = means.iter().map(|mean| mean * bin_us as f64);
            let expected: u64 = (0..500).map(|it| it * 7 % 900).sum();
            let error = filled_us.sum::<f64>() / 1_000.0 - expected as f64;
            assert!(error.abs() < 1.0, "{bin_us}: {error}");
        }
    }

    #[test]
    fn a_crawl_has_few_bins_however_long_it_takes() {
        let bins = |length_us| {
            let builder = TimelineBuilder::between(0, length_us);
            (builder.bin_us, builder.answers.len())
        };
        assert_eq!(bins(-5), (1_000, 1));
        assert_eq!(bins(0), (1_000, 1));
        assert_eq!(bins(1_001), (1_000, 2));
        assert_eq!(bins(200_000), (1_000, 200));
        assert_eq!(bins(200_001), (2_000, 101));
        assert_eq!(bins(3_600_000_000), (20_000_000, 180));
        assert_eq!(bins(i64::MAX), (50_000_000_000_000_000, 185));
    }

    #[test]
    fn a_clock_that_jumps_moves_calls_to_the_edge() {
        let mut builder = builder(3_500, 1_000_000);
        let mut early = refused(0, 1_000);
        early.call.started_at_us = i64::MIN;
        let mut late = refused(0, 1_000);
        late.call.started_at_us = i64::MAX;
        let mut endless = refused(0, 0);
        endless.call.took = Duration::MAX;
        for visit in [early, late, endless] {
            builder.add(&visit);
        }
        let timeline = builder.finish().unwrap();
        // The last bin goes on for half a second behind the end.
        assert_eq!(timeline.calls_in_flight.value, [1.0, 1.0, 1.0, 0.5]);
        assert_eq!(
            timeline.failures_per_second.value[0].per_second,
            [1.0, 0.0, 0.0, 2.0]
        );
    }

    #[test]
    fn the_end_is_that_of_the_crawl_or_of_its_last_visit() {
        let mut snapshot = snapshot(&[reached(100, [1, 2, 3]), refused(50, 77)]);
        assert_eq!(TimelineBuilder::of(&snapshot).length_us, 10_000_000);
        snapshot.crawl.finished_at_us = None;
        assert_eq!(TimelineBuilder::of(&snapshot).length_us, 127_000);
        snapshot.unreached.clear();
        snapshot.nodes.clear();
        assert_eq!(TimelineBuilder::of(&snapshot).length_us, MIN_BIN_US);
    }

    #[test]
    fn where_nobody_noted_times_there_is_no_timeline() {
        let mut builder = builder(3_500, 1_000_000);
        let mut imported = reached(0, [0, 0, 0]);
        imported.call.connect = None;
        imported.call.heard.version_at = None;
        builder.add(&imported);
        assert_eq!(builder.finish(), None);
    }

    /// A crawl of so many milliseconds, in bins of another width than it would choose.
    fn builder(length_ms: u64, bin_us: u64) -> TimelineBuilder {
        TimelineBuilder::in_bins(STARTED_AT_US, length_ms * 1_000, bin_us)
    }

    /// A call that began after so many milliseconds of the crawl, and connected, had a `version` and ended so many later.
    fn reached(began_ms: i64, [connect, version, end]: [u64; 3]) -> Visit {
        let mut visit = complete(&format!("1.2.3.4:{}", began_ms + 1), b"/a/", 1);
        visit.call.started_at_us += began_ms * 1_000;
        visit.call.connect = Some(Duration::from_millis(connect));
        visit.call.heard.version_at = Some(Duration::from_millis(version));
        visit.call.took = Duration::from_millis(end);
        visit
    }

    fn refused(began_ms: u64, took_ms: u64) -> Visit {
        let mut visit = failed("9.9.9.9:8333", Outcome::ConnectRefused);
        visit.call.started_at_us = later(STARTED_AT_US, Duration::from_millis(began_ms));
        visit.call.took = Duration::from_millis(took_ms);
        visit
    }
}
