//! Where the time of a crawl went.

use std::time::Duration;

use proto::outcome::Outcome;
use proto::visit::Call;
use serde::Serialize;

use super::Figure;
use super::quantile::quantile;

/// When what was reached, since the dial.
#[derive(Debug)]
pub(crate) struct Moments {
    connect: Duration,
    version: Option<Duration>,
    verack: Option<Duration>,
    answered: Option<Duration>,
    took: Duration,
}

impl Moments {
    pub(crate) fn new(connect: Duration, call: &Call) -> Moments {
        Moments {
            connect,
            version: call.heard.version_at,
            verack: call.heard.verack_at,
            answered: call.heard.answered_at,
            took: call.took,
        }
    }
}

/// One phase of a visit.
#[derive(Debug)]
pub(crate) struct Phase {
    /// Its name.
    pub(crate) name: &'static str,
    /// From what to what it goes.
    pub(crate) definition: &'static str,
    /// Returns how long it took in a visit; nothing where the visit did not get through it.
    pub(crate) took: fn(&Moments, Outcome) -> Option<Duration>,
}

/// Every phase, in the order in which a visit goes through them; the last one is the whole visit.
pub(crate) const PHASES: [Phase; 5] = [
    Phase {
        name: "connect",
        definition: "from the dial to the connection",
        took: |it, _| Some(it.connect),
    },
    Phase {
        name: "version",
        definition: "from the connection to the version",
        took: |it, _| Some(it.version?.saturating_sub(it.connect)),
    },
    Phase {
        name: "verack",
        definition: "from the version to the verack",
        took: |it, _| Some(it.verack?.saturating_sub(it.version?)),
    },
    Phase {
        name: "answers",
        definition: "from the verack to the end of the answers",
        took: |it, _| Some(it.answered?.saturating_sub(it.verack?)),
    },
    Phase {
        name: "visit",
        definition: "from the dial to the end, where it was reachable",
        took: |it, outcome| outcome.is_reachable().then_some(it.took),
    },
];

/// How long one phase of the visits took; quantiles are by the nearest rank.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PhaseTimes {
    /// Its name.
    pub phase: &'static str,
    /// From what to what it goes.
    pub definition: &'static str,
    /// How many visits got through it.
    pub n: usize,
    /// Half of them took this many microseconds or less.
    pub p50_us: Option<u64>,
    /// Nine in ten took this or less.
    pub p90_us: Option<u64>,
    /// 99 in 100 took this or less.
    pub p99_us: Option<u64>,
    /// None took more.
    pub max_us: Option<u64>,
}

impl PhaseTimes {
    /// Measures every phase, in the order in which a visit goes through them.
    pub(super) fn of<'a>(visits: impl Iterator<Item = (&'a Moments, Outcome)>) -> Vec<PhaseTimes> {
        let visits: Vec<_> = visits.collect();
        let measure = |phase: &Phase| {
            let took = visits
                .iter()
                .filter_map(|(moments, outcome)| (phase.took)(moments, *outcome));
            PhaseTimes::new(phase.name, phase.definition, took.map(micros).collect())
        };
        PHASES.iter().map(measure).collect()
    }

    fn new(phase: &'static str, definition: &'static str, mut took_us: Vec<u64>) -> PhaseTimes {
        took_us.sort_unstable();
        PhaseTimes {
            phase,
            definition,
            n: took_us.len(),
            p50_us: quantile(&took_us, 50),
            p90_us: quantile(&took_us, 90),
            p99_us: quantile(&took_us, 99),
            max_us: quantile(&took_us, 100),
        }
    }
}

/// What a crawl took, as far as that is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// The time from its begin to its end, in microseconds.
    pub wall_us: Option<u64>,
    /// The time that processors worked for it, in microseconds.
    pub cpu_us: Option<u64>,
}

/// How fast a crawl went, and what it spent its time on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Pace {
    /// How many calls were made.
    pub calls: Figure<u64>,
    /// How long the crawl took.
    pub wall_us: Figure<Option<u64>>,
    /// How long the calls took, all together.
    pub calls_us: Figure<u64>,
    /// Calls for each second.
    pub calls_per_second: Figure<Option<f64>>,
    /// Calls in flight at the same time, on average.
    pub calls_in_flight: Figure<Option<f64>>,
    /// The part of their time in which calls only waited.
    pub waited_share: Figure<Option<f64>>,
}

impl Pace {
    pub(super) fn new(n_calls: u64, calls_took: Duration, spent: Spent) -> Pace {
        let calls_us = micros(calls_took);
        let worked_share = spent.cpu_us.and_then(|it| share(it, calls_us));
        let per_us = spent.wall_us.and_then(|it| share(n_calls, it));
        let in_flight = spent.wall_us.and_then(|it| share(calls_us, it));
        Pace {
            calls: Figure::new(n_calls, "calls made, repeated ones too"),
            wall_us: Figure::new(spent.wall_us, "time from the start of the crawl to its end"),
            calls_us: Figure::new(
                calls_us,
                "time from the dial to the end of each call, added up: what a loop over all of them would take",
            ),
            calls_per_second: Figure::new(
                per_us.map(|it| rounded(it * 1e6)),
                "calls made, divided by the time of the crawl",
            ),
            calls_in_flight: Figure::new(
                in_flight.map(rounded),
                "time of all calls divided by the time of the crawl: how many went on at once on average, and how much \
                 faster than one after the other that was",
            ),
            waited_share: Figure::new(
                worked_share.map(|it| rounded(1.0 - it.min(1.0))),
                "part of the time of all calls in which no processor worked for them: 1 - processor time / time of \
                 all calls",
            ),
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "the result is rounded to four digits anyway"
)]
pub(crate) fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// Four digits behind the point say all that there is to say.
pub(crate) fn rounded(it: f64) -> f64 {
    (it * 1e4).round() / 1e4
}

pub(crate) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
