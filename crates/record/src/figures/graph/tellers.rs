//! Tellers, and which of them tell of hardly anybody who is there.

use std::cmp::Reverse;

use proto::PeerAddr;
use serde::Serialize;

use super::super::tables::{self, share_of};
use super::super::{Cell, Section};
use super::State;
use crate::summary::{Figure, quantile, rounded};

/// How many suspects are kept.
const MAX_SUSPECTS: usize = 50;
/// Whoever tells fewer addresses may have had bad luck: of the real network, one told address in 25 is reachable.
const MIN_TOLD: u32 = 250;
/// A suspect tells of so many times fewer reachable addresses than the usual teller.
const FEWER: f64 = 10.0;

/// What [`Suspects`] is, for people.
pub(super) const SUSPECTS: &str = "tellers of at least 250 addresses of which the reachable part is at most a tenth of the median of all such \
     tellers; likely they made them up. That part is of all addresses told, since a crawl soon stops to call those of somebody who \
     told of nobody";

/// A peer that told of others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Teller {
    addr: PeerAddr,
    pub(super) n_told: u32,
    n_called: u32,
    n_real: u32,
}

/// Tellers of addresses that are hardly ever reachable.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Suspects {
    /// What part of what a usual teller tells is reachable; `None` where nobody tells enough.
    pub usual_share: Option<f64>,
    /// How many suspects there are.
    pub n: u64,
    /// Those that told most first, fifty at the most.
    pub rows: Vec<Suspect>,
}

/// A teller that has probably made up what it told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Suspect {
    /// Its address.
    pub addr: String,
    /// How many addresses it told.
    pub n_told: u32,
    /// How many of them the crawl called.
    pub n_called: u32,
    /// How many of them are reachable.
    pub n_real: u32,
}

impl Teller {
    pub(super) fn new(addr: PeerAddr) -> Teller {
        Teller {
            addr,
            n_told: 0,
            n_called: 0,
            n_real: 0,
        }
    }

    /// Takes in what came of calling an address that it told.
    pub(super) fn note(&mut self, state: State) {
        self.n_told += 1;
        self.n_called += u32::from(state != State::NotCalled);
        self.n_real += u32::from(state == State::Reachable);
    }

    fn real_share(&self) -> f64 {
        f64::from(self.n_real) / f64::from(self.n_told.max(1))
    }
}

impl Suspects {
    pub(super) fn among(mut tellers: Vec<Teller>) -> Suspects {
        tellers.retain(|it| it.n_told >= MIN_TOLD);
        let mut shares: Vec<f64> = tellers.iter().map(Teller::real_share).collect();
        shares.sort_unstable_by(f64::total_cmp);
        let usual = quantile(&shares, 50);
        tellers.retain(|it| {
            usual.is_some_and(|usual| it.real_share() * FEWER <= usual && usual > 0.0)
        });
        tellers.sort_unstable_by_key(|it| (Reverse(it.n_told), it.addr));
        let rows = tellers.iter().take(MAX_SUSPECTS).map(|it| Suspect {
            addr: it.addr.to_string(),
            n_told: it.n_told,
            n_called: it.n_called,
            n_real: it.n_real,
        });
        Suspects {
            usual_share: usual.map(rounded),
            n: tellers.len() as u64,
            rows: rows.collect(),
        }
    }
}

pub(super) fn section(suspects: &Figure<Suspects>) -> Section {
    let Figure { value, definition } = suspects;
    let row = |it: &Suspect| {
        let [told, called, real] = [it.n_told, it.n_called, it.n_real].map(u64::from);
        let share = share_of(real, told);
        vec![
            it.addr.as_str().into(),
            told.into(),
            called.into(),
            real.into(),
            share,
        ]
    };
    let mut rows: Vec<Vec<Cell>> = value.rows.iter().map(row).collect();
    let n_others = value.n.saturating_sub(rows.len() as u64);
    if n_others > 0 {
        let mut last = vec![Cell::Empty; 5];
        last[0] = format!("{n_others} others").into();
        rows.push(last);
    }
    let columns = ["teller", "told", "called", "reachable", "share"];
    tables::section(
        "suspects",
        "Tellers of the dead",
        definition,
        &columns,
        rows,
    )
}
