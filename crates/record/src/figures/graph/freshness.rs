//! How long ago what was told had been seen, as those say who told it.

use serde::Serialize;

use super::super::quantiles::columns;
use super::super::tables::{self, share_of};
use super::super::{Cell, Quantiles, Section};
use crate::summary::Figure;

const MINUTE_S: i64 = 60;
const HOUR_S: i64 = 3_600;
const DAY_S: i64 = 86_400;
/// A claim that is this far ahead of our clock is of the future: Bitcoin Core takes such ones for five days old.
const MAX_AHEAD_S: i64 = 10 * MINUTE_S;
/// Ages are told apart by the minute up to this one: Bitcoin Core tells nothing older (`ADDRMAN_HORIZON`).
const MAX_AGE_MINUTES: usize = 30 * 24 * 60;

/// What [`Freshness`] is, for people.
pub(super) const FRESHNESS: &str = "when the teller was called minus when it says that the address was seen, one for each edge; zero is a time of 0, \
     future is more than 10 minutes ahead of our clock, and neither counts in the quantiles, which are in whole minutes, and \
     30 days for all that is older";

/// The bounds of the bins, each with its words, in seconds.
const BINS: [(i64, &str); 6] = [
    (10 * MINUTE_S, "up to 10 minutes"),
    (HOUR_S, "up to an hour"),
    (DAY_S, "up to a day"),
    (7 * DAY_S, "up to a week"),
    (30 * DAY_S, "up to 30 days"),
    (i64::MAX, "older"),
];

/// How long ago what was told had been seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Freshness {
    /// Edges with a time of zero.
    pub n_zero: u64,
    /// Edges with a time in the future.
    pub n_future: u64,
    /// The others, from the freshest on.
    pub bins: Vec<AgeBin>,
    /// The age of the others in seconds.
    pub age_s: Option<Quantiles<u64>>,
    /// Edges of tellers of which it is not known when they were called.
    pub n_undated: u64,
}

/// How many claims are that old.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct AgeBin {
    /// In words.
    pub age: &'static str,
    /// How many.
    pub n: u64,
}

/// Ages of claims, counted by the minute: ten million claims take no more room than one.
#[derive(Clone, Debug)]
pub(super) struct Ages {
    n_zero: u64,
    n_future: u64,
    n_undated: u64,
    bins: [u64; BINS.len()],
    by_minute: Vec<u64>,
}

impl Default for Ages {
    fn default() -> Ages {
        Ages {
            n_zero: 0,
            n_future: 0,
            n_undated: 0,
            bins: [0; BINS.len()],
            by_minute: vec![0; MAX_AGE_MINUTES + 1],
        }
    }
}

impl Ages {
    /// Takes in when an address is said to have been seen, Unix seconds, and when that was told.
    pub(super) fn note(&mut self, seen: u32, told_at_us: Option<i64>) {
        let Some(told_at_us) = told_at_us else {
            self.n_undated += 1;
            return;
        };
        let age_s = told_at_us.div_euclid(1_000_000) - i64::from(seen);
        if seen == 0 {
            self.n_zero += 1;
        } else if age_s < -MAX_AHEAD_S {
            self.n_future += 1;
        } else {
            let age_s = age_s.max(0);
            let bin = BINS.iter().position(|(up_to_s, _)| age_s <= *up_to_s);
            self.bins[bin.expect("the last bin holds all")] += 1;
            let minutes = usize::try_from(age_s / MINUTE_S).unwrap_or(usize::MAX);
            self.by_minute[minutes.min(MAX_AGE_MINUTES)] += 1;
        }
    }

    pub(super) fn finish(self) -> Option<Freshness> {
        let n_dated: u64 = self.bins.iter().sum();
        let n = n_dated + self.n_zero + self.n_future + self.n_undated;
        let bins = BINS.iter().zip(self.bins);
        (n > 0).then(|| Freshness {
            n_zero: self.n_zero,
            n_future: self.n_future,
            bins: bins.map(|((_, age), n)| AgeBin { age, n }).collect(),
            age_s: self.quantiles(n_dated),
            n_undated: self.n_undated,
        })
    }

    fn quantiles(&self, n: u64) -> Option<Quantiles<u64>> {
        let age_at = |percent: u64| {
            let rank = (n * percent).div_ceil(100).max(1);
            let mut n_so_far = 0;
            let minute = self.by_minute.iter().position(|it| {
                n_so_far += it;
                n_so_far >= rank
            });
            minute.map(|it| it as u64 * MINUTE_S.unsigned_abs())
        };
        Some(Quantiles {
            n: usize::try_from(n).ok()?,
            p10: age_at(10)?,
            p50: age_at(50)?,
            p90: age_at(90)?,
            p99: age_at(99)?,
            max: age_at(100)?,
        })
    }
}

pub(super) fn sections(freshness: &Figure<Option<Freshness>>) -> [Section; 2] {
    let rows = freshness.value.iter().flat_map(Freshness::rows);
    let ages = freshness.value.iter().filter_map(|it| it.age_s.as_ref());
    let ages = ages.map(|it| {
        let cell = |s: u64| Cell::Seconds(i64::try_from(s).unwrap_or(i64::MAX));
        Quantiles::row("age".into(), Some(it), cell)
    });
    [
        tables::section(
            "freshness",
            "Freshness of claims",
            freshness.definition,
            &["seen", "edges", "share"],
            rows.collect(),
        ),
        tables::section(
            "claim_ages",
            "Ages of claims",
            "how long before it was told each address is said to have been seen, in quantiles, those of zero and of the future aside",
            &columns(""),
            ages.collect(),
        ),
    ]
}

impl Freshness {
    fn rows(&self) -> Vec<Vec<Cell>> {
        let aged = self.bins.iter().map(|it| (it.age, it.n));
        let odd = [
            ("zero", self.n_zero),
            ("future", self.n_future),
            ("not known when told", self.n_undated),
        ];
        let counts: Vec<_> = aged.chain(odd).collect();
        let n = counts.iter().map(|(_, n)| n).sum();
        let there = counts.into_iter().filter(|(_, n)| *n > 0);
        let rows = there.map(|(name, of_it)| vec![name.into(), of_it.into(), share_of(of_it, n)]);
        rows.collect()
    }
}
