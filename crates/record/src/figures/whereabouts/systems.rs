//! Nodes by autonomous system.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::Serialize;

use super::super::tables::{self, others, share_of};
use super::super::{Node, Section};
use crate::summary::Figure;

/// How many autonomous systems are told apart.
const N_SYSTEMS: usize = 50;

/// The autonomous systems with the most nodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Systems {
    /// The largest first; where two are equal, in the order of their numbers.
    pub rows: Vec<System>,
    /// How many more there are.
    pub n_other_systems: usize,
    /// How many nodes those have, all together.
    pub n_others: u64,
}

/// One autonomous system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct System {
    /// Its number.
    pub asn: u32,
    /// Who runs it, where that is known.
    pub organisation: Option<String>,
    /// How many nodes it has.
    pub n: u64,
}

impl Systems {
    /// Counts nodes, and returns with it the sizes of all systems, the largest first.
    pub(super) fn of(nodes: &[Node]) -> (Systems, Vec<u64>) {
        let mut by_asn: BTreeMap<u32, (u64, Option<&str>)> = BTreeMap::new();
        for node in nodes {
            let Some(asn) = node.place.asn else { continue };
            let (n, organisation) = by_asn.entry(asn).or_default();
            *n += 1;
            *organisation = organisation.or(node.place.organisation.as_deref());
        }
        let mut all: Vec<_> = by_asn.into_iter().collect();
        all.sort_by_key(|(_, (n, _))| Reverse(*n));
        let sizes: Vec<u64> = all.iter().map(|(_, (n, _))| *n).collect();
        all.truncate(N_SYSTEMS);
        let rows = all.into_iter().map(|(asn, (n, organisation))| System {
            asn,
            organisation: organisation.map(str::to_owned),
            n,
        });
        let others = sizes.get(N_SYSTEMS..).unwrap_or_default();
        let systems = Systems {
            rows: rows.collect(),
            n_other_systems: others.len(),
            n_others: others.iter().sum(),
        };
        (systems, sizes)
    }
}

pub(super) fn section(systems: &Figure<Systems>) -> Section {
    let Figure { value, definition } = systems;
    let total = value.rows.iter().map(|it| it.n).sum::<u64>() + value.n_others;
    let named = value.rows.iter().map(|it| {
        let name = format!("AS{}", it.asn).into();
        let share = share_of(it.n, total);
        vec![name, it.organisation.clone().into(), it.n.into(), share]
    });
    let mut rows: Vec<_> = named.collect();
    if value.n_other_systems > 0 {
        let share = share_of(value.n_others, total);
        let name = others(value.n_other_systems);
        rows.push(vec![name, super::Cell::Empty, value.n_others.into(), share]);
    }
    let columns = ["system", "organisation", "reachable", "share"];
    tables::section("systems", "Autonomous systems", definition, &columns, rows)
}
