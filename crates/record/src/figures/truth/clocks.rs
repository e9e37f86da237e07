//! How wrong the clocks of nodes are.

use proto::Visit;
use serde::Serialize;

use super::super::quantiles::columns;
use super::super::tables::{self, share_of};
use super::super::{Cell, Node, Quantiles, Section};
use crate::summary::Figure;

/// What [`Clocks`] is, for people.
pub(super) const CLOCKS: &str = "the timestamp in the version of reachable addresses minus our own clock when it arrived, in seconds; above 0 is \
     ahead. Bitcoin Core took clocks that were up to 70 minutes wrong into account, blocks may be two hours ahead, and more \
     than a day is absurd";

/// The bounds of the bins, each with its words, in seconds.
const BINS: [(Option<u64>, &str); 7] = [
    (Some(2), "up to 2 seconds"),
    (Some(10), "up to 10 seconds"),
    (Some(60), "up to a minute"),
    (Some(600), "up to 10 minutes"),
    (Some(4_200), "up to 70 minutes"),
    (Some(86_400), "up to a day"),
    (None, "more than a day: absurd"),
];

/// How wrong clocks are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Clocks {
    /// By how many seconds; negative is behind.
    pub skew_s: Quantiles<i64>,
    /// How many nodes are how wrong, in both directions.
    pub bins: Vec<ClockBin>,
    /// How many have a time of 0 or before 1970: no clock, or one that nobody set. The last bin has them too.
    pub n_never_set: u64,
}

/// How many clocks are that wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ClockBin {
    /// At most so many seconds, and more than in the bin before; `None` for all that is more.
    pub up_to_s: Option<u64>,
    /// The same in words.
    pub meaning: &'static str,
    /// How many are right or behind.
    pub n_behind: u64,
    /// How many are ahead.
    pub n_ahead: u64,
}

impl Clocks {
    /// Looks at those whose `version` came to ourselves: nobody else says when it did.
    pub(super) fn of(nodes: &[Node]) -> Option<Clocks> {
        let skews: Vec<i64> = nodes.iter().filter_map(|it| skew_s(&it.visit)).collect();
        let mut bins = BINS.map(|(up_to_s, meaning)| ClockBin {
            up_to_s,
            meaning,
            n_behind: 0,
            n_ahead: 0,
        });
        for skew in &skews {
            let holds = |it: &&mut ClockBin| it.up_to_s.is_none_or(|s| skew.unsigned_abs() <= s);
            let bin = bins.iter_mut().find(holds).expect("the last bin holds all");
            match skew {
                1.. => bin.n_ahead += 1,
                ..=0 => bin.n_behind += 1,
            }
        }
        let heard = nodes.iter().filter(|it| skew_s(&it.visit).is_some());
        let unset = heard.filter(|it| it.version().is_some_and(|it| it.timestamp <= 0));
        Some(Clocks {
            n_never_set: unset.count() as u64,
            skew_s: Quantiles::of(skews)?,
            bins: bins.to_vec(),
        })
    }
}

fn skew_s(visit: &Visit) -> Option<i64> {
    let heard = &visit.call.heard;
    heard.version_payload.as_ref()?;
    let since_dial_us = i64::try_from(heard.version_at?.as_micros()).ok()?;
    let arrived_us = visit.call.started_at_us.saturating_add(since_dial_us);
    let version = heard.version.as_deref()?;
    Some(
        version
            .timestamp
            .saturating_sub(arrived_us.div_euclid(1_000_000)),
    )
}

pub(super) fn sections(clocks: &Figure<Option<Clocks>>) -> [Section; 2] {
    let rows = clocks.value.iter().flat_map(|clocks| {
        let n = clocks.skew_s.n as u64;
        clocks.bins.iter().map(move |it| {
            let share = share_of(it.n_behind + it.n_ahead, n);
            vec![
                it.meaning.into(),
                it.n_behind.into(),
                it.n_ahead.into(),
                share,
            ]
        })
    });
    let skew = clocks
        .value
        .iter()
        .map(|it| Quantiles::row("skew".into(), Some(&it.skew_s), Cell::Seconds));
    [
        tables::section(
            "clocks",
            "Clocks",
            clocks.definition,
            &["wrong by", "behind", "ahead", "share"],
            rows.collect(),
        ),
        tables::section(
            "clock_skew",
            "Clock skew",
            "the timestamp of reachable addresses minus our own clock when it arrived, in quantiles",
            &columns(""),
            skew.collect(),
        ),
    ]
}
