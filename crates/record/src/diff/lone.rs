//! The addresses that one side has alone: why, and what sets them apart.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use proto::PeerAddr;
use serde::Serialize;

use super::side::meaning_of;
use super::{Says, Side, by_network};
use crate::figures::agents::Agent;

/// What the [`Absence`]s of a comparison are, for people: those from B, and those from A.
pub(super) const WHY_NOT_IN: [&str; 2] = [
    "addresses that only A has as up, by what B knows of them: how its crawl's visit to them ended, or what its list says",
    "addresses that only B has as up, by what A knows of them: how its crawl's visit to them ended, or what its list says",
];

/// What the [`Trait`]s of a comparison are, for people: those of what only A has, and of what only B has.
pub(super) const TRAITS_OF_ONLY: [&str; 2] = [
    "addresses that only A has, and those that both have, by what A says of them: a share that is larger among the former \
     sets them apart",
    "addresses that only B has, and those that both have, by what B says of them: a share that is larger among the former \
     sets them apart",
];

/// How many kinds of software, or sources, are told apart; the others are counted together.
const N_NAMES: usize = 8;

/// From this protocol version on bitnodes counts a node, as others do.
const MIN_COUNTED_VERSION: i64 = 70_001;

/// Why a side does not have addresses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Absence {
    /// In a word: that of an outcome, or `not_known` to a crawl, `not_listed`, `listed_as_down`, `stale`.
    pub why: String,
    /// What the word means, in one line for people.
    pub meaning: &'static str,
    /// How many addresses, by network; `all` is the sum.
    pub networks: BTreeMap<&'static str, u64>,
}

/// One value of a trait, and how often it comes among addresses that one side has alone, and that both have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Trait {
    /// Which trait.
    pub name: &'static str,
    /// Its value; may be hostile text.
    pub value: String,
    /// Addresses that the side has alone.
    pub alone: u64,
    /// Addresses that both have.
    pub both: u64,
}

impl Absence {
    /// Says of all addresses that `has` has and `lacks` does not why `lacks` does not, most frequent first.
    pub(super) fn of(has: &Side, lacks: &Side) -> Vec<Absence> {
        let mut addrs_by_why: BTreeMap<String, Vec<&PeerAddr>> = BTreeMap::new();
        for (addr, _) in has.up().filter(|(addr, _)| !lacks.has(addr)) {
            addrs_by_why
                .entry(lacks.why_not(addr))
                .or_default()
                .push(addr);
        }
        let rows = addrs_by_why.into_iter().map(|(why, addrs)| Absence {
            meaning: meaning_of(&why),
            networks: by_network(addrs.into_iter()),
            why,
        });
        let mut rows: Vec<Absence> = rows.collect();
        rows.sort_by_key(|it| Reverse(it.networks.get(super::ALL).copied()));
        rows
    }
}

/// An address that is up, as one side has it.
struct Node<'a> {
    addr: &'a PeerAddr,
    says: &'a Says,
    /// When the side was observed.
    at_us: Option<i64>,
    default_port: u16,
}

/// A trait, and its value where the side says enough for one.
type ValueOf = (&'static str, fn(&Node<'_>) -> Option<String>);

/// What may set an address apart.
const VALUES: [ValueOf; 6] = [
    ("age", |it| {
        Some(age(it.says.up_since_us?, it.at_us?).to_owned())
    }),
    ("port", |it| {
        let is_usual = [it.default_port, 0].contains(&it.addr.port);
        Some(
            if is_usual {
                "the usual one"
            } else {
                "another one"
            }
            .to_owned(),
        )
    }),
    ("protocol", |it| {
        let is_old = it.says.protocol_version? < MIN_COUNTED_VERSION;
        Some(
            if is_old {
                "below 70001"
            } else {
                "70001 or later"
            }
            .to_owned(),
        )
    }),
    ("software", |it| {
        let agent = Agent::parse(it.says.user_agent.as_ref()?.as_bytes());
        let known = agent.implementation.map(|it| it.name);
        Some(known.unwrap_or("of unknown name").to_owned())
    }),
    ("addresses told", |it| {
        // One alone is the node itself.
        let is_silent = it.says.addresses_told? <= 1;
        Some(
            if is_silent {
                "its own at most"
            } else {
                "those of others"
            }
            .to_owned(),
        )
    }),
    ("source", |it| it.says.source.clone()),
];

impl Trait {
    /// Counts the traits of all addresses of `own`, by what that one says; those of which it says nothing are left out.
    pub(super) fn of(own: &Side, other: &Side, default_port: u16) -> Vec<Trait> {
        let traits = VALUES.into_iter().flat_map(|(name, value)| {
            let mut counts: BTreeMap<String, (u64, u64)> = BTreeMap::new();
            for (addr, says) in own.up() {
                let node = Node {
                    addr,
                    says,
                    at_us: own.at_us,
                    default_port,
                };
                if let Some(value) = value(&node) {
                    let (alone, both) = counts.entry(value).or_default();
                    *if other.has(addr) { both } else { alone } += 1;
                }
            }
            ranked(name, counts)
        });
        traits.collect()
    }
}

/// Says how long a node had been up.
fn age(since_us: i64, at_us: i64) -> &'static str {
    const HOUR_US: i64 = 3_600_000_000;
    match at_us.saturating_sub(since_us) / HOUR_US {
        ..1 => "up for less than an hour",
        1..24 => "up for an hour to a day",
        24..168 => "up for a day to a week",
        _ => "up for a week or longer",
    }
}

/// Puts the values first that are most frequent among lone addresses, and sums up those behind the [`N_NAMES`] first.
fn ranked(name: &'static str, counts: BTreeMap<String, (u64, u64)>) -> Vec<Trait> {
    let mut rows: Vec<(String, (u64, u64))> = counts.into_iter().collect();
    rows.sort_by_key(|(_, counts)| Reverse(*counts));
    let others = rows.split_off(N_NAMES.min(rows.len()));
    if !others.is_empty() {
        let sum = |of: fn(&(u64, u64)) -> u64| others.iter().map(|(_, it)| of(it)).sum();
        let label = format!("{} others", others.len());
        rows.push((label, (sum(|it| it.0), sum(|it| it.1))));
    }
    let rows = rows.into_iter().map(|(value, (alone, both))| Trait {
        name,
        value,
        alone,
        both,
    });
    rows.collect()
}
