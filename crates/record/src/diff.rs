//! What two observations of the network have in common, and why not all: crawls of ours, lists of others.
//!
//! Each is a [`Side`]: what it says of every address it knows. An address is *in* a side that has it as up: its visit
//! brought a valid `version`, or a list names it, does not say that it is down, and was not found stale
//! ([`Side::leave_out_stale`]).

mod fields;
mod lone;
mod overlap;
mod sections;
mod side;

use std::collections::BTreeMap;
use std::fmt::Display;

use proto::{Network, PeerAddr};
use serde::Serialize;

pub use self::fields::{FieldDiff, Pair};
pub use self::lone::{Absence, Trait};
pub use self::overlap::Overlap;
pub use self::side::{Entry, ListSide, Observation, Says, Side, SideFacts, State};

use crate::summary::Figure;

/// The network of a row that counts all of them.
const ALL: &str = "all";

/// Two sides held against each other.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Diff {
    /// What A is.
    pub a: SideFacts,
    /// What B is.
    pub b: SideFacts,
    /// How long after A B was observed, in seconds; negative where it was before, absent where a time is not known.
    pub b_after_a_s: Option<i64>,
    /// How many addresses are where.
    pub overlap: Figure<Vec<Overlap>>,
    /// In what the two differ of addresses that both have.
    pub fields: Figure<Vec<FieldDiff>>,
    /// Why addresses that only A has are not in B.
    pub why_not_in_b: Figure<Vec<Absence>>,
    /// Why addresses that only B has are not in A.
    pub why_not_in_a: Figure<Vec<Absence>>,
    /// What sets the addresses that only A has apart, by what A says of them.
    pub traits_of_only_a: Figure<Vec<Trait>>,
    /// What sets the addresses that only B has apart, by what B says of them.
    pub traits_of_only_b: Figure<Vec<Trait>>,
    /// The addresses that only A has, in their order.
    pub only_a: Vec<Lone>,
    /// The addresses that only B has, in their order.
    pub only_b: Vec<Lone>,
    /// The addresses that both have, in their order.
    pub both: Vec<Shared>,
}

/// An address that one side has alone.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Lone {
    /// The address.
    pub address: String,
    /// Its network.
    pub network: &'static str,
    /// Why the other side does not have it: a word of [`Absence::why`].
    pub why: String,
    /// What the side that has it says of it.
    #[serde(flatten)]
    pub says: Says,
}

/// An address that both sides have.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Shared {
    /// The address.
    pub address: String,
    /// Its network.
    pub network: &'static str,
    /// In which fields the two do not say the same of it.
    pub differs_in: Vec<&'static str>,
}

impl Diff {
    /// Holds two sides against each other; `default_port` is that of nodes of their chain.
    pub fn of(a: &Side, b: &Side, default_port: u16) -> Diff {
        let b_after_a_us = b.at_us.zip(a.at_us).map(|(b, a)| b.saturating_sub(a));
        Diff {
            a: a.facts(),
            b: b.facts(),
            b_after_a_s: b_after_a_us.map(|it| it / 1_000_000),
            overlap: Figure::new(Overlap::of(a, b), overlap::DEFINITION),
            fields: Figure::new(fields::compare(a, b), fields::DEFINITION),
            why_not_in_b: Figure::new(Absence::of(a, b), lone::WHY_NOT_IN[0]),
            why_not_in_a: Figure::new(Absence::of(b, a), lone::WHY_NOT_IN[1]),
            traits_of_only_a: Figure::new(Trait::of(a, b, default_port), lone::TRAITS_OF_ONLY[0]),
            traits_of_only_b: Figure::new(Trait::of(b, a, default_port), lone::TRAITS_OF_ONLY[1]),
            only_a: lone(a, b),
            only_b: lone(b, a),
            both: shared(a, b),
        }
    }
}

fn lone(own: &Side, other: &Side) -> Vec<Lone> {
    let lone = own.up().filter(|(addr, _)| !other.has(addr));
    let lone = lone.map(|(addr, says)| Lone {
        address: addr.to_string(),
        network: addr.network().name(),
        why: other.why_not(addr),
        says: says.clone(),
    });
    lone.collect()
}

fn shared(a: &Side, b: &Side) -> Vec<Shared> {
    let both = a
        .up()
        .filter_map(|(addr, says)| Some((addr, says, b.says(addr)?)));
    let both = both.map(|(addr, a, b)| Shared {
        address: addr.to_string(),
        network: addr.network().name(),
        differs_in: fields::differing(a, b),
    });
    both.collect()
}

/// Counts by network, in the order in which tables show them, with the sum of all in front.
fn by_network<'a>(addrs: impl Iterator<Item = &'a PeerAddr>) -> BTreeMap<&'static str, u64> {
    let mut n = BTreeMap::new();
    for addr in addrs {
        for name in [ALL, addr.network().name()] {
            *n.entry(name).or_default() += 1;
        }
    }
    n
}

/// The names of rows by network, with the sum of all in front.
fn networks() -> impl Iterator<Item = &'static str> {
    [ALL].into_iter().chain(Network::ALL.map(Network::name))
}

/// Writes a value as people compare it; nothing where there is none.
fn shown(value: Option<impl Display>) -> Option<String> {
    value.map(|it| it.to_string())
}

#[cfg(test)]
mod tests;
