//! How many addresses two sides share.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Side, by_network, networks};
use crate::summary::share;

/// What [`Overlap`] is, for people.
pub(super) const DEFINITION: &str = "addresses that only A has as up, only B, and both; Jaccard: both of all that A or B has; precision of B against A: \
     the share of B's that A has too; recall: the share of A's that B has too";

/// How many addresses of a network are in which side.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Overlap {
    /// Which network, or `all`.
    pub network: &'static str,
    /// Addresses that only A has.
    pub only_a: u64,
    /// Addresses that only B has.
    pub only_b: u64,
    /// Addresses that both have.
    pub both: u64,
    /// Both of all, from 0 to 1; absent where there are none.
    pub jaccard: Option<f64>,
    /// Both of those of B, from 0 to 1.
    pub precision: Option<f64>,
    /// Both of those of A, from 0 to 1.
    pub recall: Option<f64>,
}

impl Overlap {
    /// Counts all addresses, and those of each network that has any.
    pub(super) fn of(a: &Side, b: &Side) -> Vec<Overlap> {
        let n_of_a = by_network(a.up().map(|(addr, _)| addr));
        let n_of_b = by_network(b.up().map(|(addr, _)| addr));
        let shared = a.up().map(|(addr, _)| addr).filter(|addr| b.has(addr));
        let n_both = by_network(shared);
        let rows = networks().map(|network| {
            let n = |counts: &BTreeMap<_, u64>| counts.get(network).copied().unwrap_or(0);
            Overlap::new(network, n(&n_of_a), n(&n_of_b), n(&n_both))
        });
        rows.filter(|it| it.network == super::ALL || it.only_a + it.only_b + it.both > 0)
            .collect()
    }

    fn new(network: &'static str, n_of_a: u64, n_of_b: u64, both: u64) -> Overlap {
        Overlap {
            network,
            only_a: n_of_a - both,
            only_b: n_of_b - both,
            both,
            jaccard: share(both, n_of_a + n_of_b - both),
            precision: share(both, n_of_b),
            recall: share(both, n_of_a),
        }
    }
}
