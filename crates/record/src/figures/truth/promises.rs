//! Services that others claim for nodes, against those that the nodes show.

use std::collections::HashMap;

use proto::gossip::Claim;
use proto::{PeerAddr, services};
use serde::Serialize;

use super::super::tables::{self, share_of};
use super::super::{Cell, Section, Snapshot};
use crate::summary::{Count, Figure, rounded, share};

/// A claim that is older, in seconds, may have been true when it was made.
const FRESH_S: i64 = 24 * 3_600;

/// What [`Promises`] is, for people.
pub(super) const PROMISES: &str = "service bits that peers claimed for addresses which were reachable, against those that these announced: true \
     where all bits are the same; fresh where the claim says that the node was seen in the 24 hours before its visit";

/// Services claimed for nodes, against those that they show.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Promises {
    /// How many claims there were about reachable addresses.
    pub n: u64,
    /// How many of them were true to the bit.
    pub n_true: u64,
    /// The part that was true.
    pub true_share: Option<f64>,
    /// How many were fresh.
    pub n_fresh: u64,
    /// How many of those were true.
    pub n_fresh_true: u64,
    /// Services that were claimed and not shown, by how often.
    pub claimed_not_shown: Vec<Count>,
    /// Services that were shown and not claimed, by how often.
    pub shown_not_claimed: Vec<Count>,
}

/// Takes claims in, one after the other; takes as much memory as there are reachable nodes.
#[derive(Clone, Debug, Default)]
pub struct PromisesBuilder {
    shown: HashMap<PeerAddr, Shown>,
    n: u64,
    n_true: u64,
    n_fresh: u64,
    n_fresh_true: u64,
    claimed_not_shown: Bits,
    shown_not_claimed: Bits,
}

/// What a node shows.
#[derive(Clone, Copy, Debug)]
struct Shown {
    services: u64,
    /// When it was visited, Unix seconds.
    at: i64,
}

/// How often each service bit came.
#[derive(Clone, Debug)]
struct Bits([u64; 64]);

impl PromisesBuilder {
    /// Remembers what the reachable nodes show.
    pub fn about(snapshot: &Snapshot) -> PromisesBuilder {
        let shown = snapshot.nodes.iter().filter_map(|it| {
            let call = &it.visit.call;
            call.heard.version_payload.as_ref()?; // Other observers may not say.
            let services = it.version()?.services;
            let at = call.started_at_us.div_euclid(1_000_000);
            Some((it.visit.addr, Shown { services, at }))
        });
        PromisesBuilder {
            shown: shown.collect(),
            ..PromisesBuilder::default()
        }
    }

    /// Takes in what somebody claimed of an address, which need not be reachable.
    pub fn add(&mut self, claim: &Claim) {
        let Some(shown) = self.shown.get(&claim.addr) else {
            return;
        };
        let is_true = claim.services == shown.services;
        let is_fresh = claim
            .time
            .is_some_and(|it| i64::from(it) >= shown.at - FRESH_S);
        self.n += 1;
        self.n_true += u64::from(is_true);
        self.n_fresh += u64::from(is_fresh);
        self.n_fresh_true += u64::from(is_fresh && is_true);
        self.claimed_not_shown
            .count(claim.services & !shown.services);
        self.shown_not_claimed
            .count(shown.services & !claim.services);
    }

    /// Returns the figure; `None` where nothing was claimed of anybody reachable.
    pub(super) fn finish(self) -> Option<Promises> {
        (self.n > 0).then(|| Promises {
            n: self.n,
            n_true: self.n_true,
            true_share: share(self.n_true, self.n).map(rounded),
            n_fresh: self.n_fresh,
            n_fresh_true: self.n_fresh_true,
            claimed_not_shown: self.claimed_not_shown.ranked(),
            shown_not_claimed: self.shown_not_claimed.ranked(),
        })
    }
}

impl Default for Bits {
    fn default() -> Bits {
        Bits([0; 64])
    }
}

impl Bits {
    fn count(&mut self, mut services: u64) {
        while services != 0 {
            self.0[services.trailing_zeros() as usize] += 1;
            services &= services - 1;
        }
    }

    fn ranked(&self) -> Vec<Count> {
        let came = self.0.iter().zip(0..64).filter(|(n, _)| **n > 0);
        Count::ranked(came.map(|(n, bit)| (services::names(1 << bit).pop(), *n)))
    }
}

pub(super) fn section(promises: &Figure<Option<Promises>>) -> Section {
    let rows = promises.value.iter().flat_map(Promises::rows);
    let columns = ["claims", "service", "n", "share"];
    let title = "Services claimed by others";
    tables::section(
        "services_claimed",
        title,
        promises.definition,
        &columns,
        rows.collect(),
    )
}

impl Promises {
    fn rows(&self) -> Vec<Vec<Cell>> {
        let row = |what: &str, service: Option<&String>, n, whole| {
            vec![
                what.into(),
                service.cloned().into(),
                Cell::Count(n),
                share_of(n, whole),
            ]
        };
        let mut rows = vec![
            row("all", None, self.n, self.n),
            row("true", None, self.n_true, self.n),
            row("fresh", None, self.n_fresh, self.n),
            row(
                "fresh and true, of the fresh",
                None,
                self.n_fresh_true,
                self.n_fresh,
            ),
        ];
        let differences = [
            ("claimed and not shown", &self.claimed_not_shown),
            ("shown and not claimed", &self.shown_not_claimed),
        ];
        for (what, counts) in differences {
            let counts = counts.iter();
            rows.extend(counts.map(|it| row(what, it.name.as_ref(), it.n, self.n)));
        }
        rows
    }
}
