//! Where nodes are on the chain.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::super::tables::{self, share_of};
use super::super::{Cell, Node, Section};
use crate::summary::Figure;

/// So many blocks up or down are still the tip: blocks come while a crawl lasts.
const NEAR: i64 = 2;
/// An hour, a day and two weeks of blocks.
const HOUR: i64 = 6;
const DAY: i64 = 144;
const TWO_WEEKS: i64 = 2_016;
/// How many nodes must stand at the very same height for it to be no chance: a thousand nodes that fetch the chain and are
/// anywhere on it would do so once in thousands of crawls.
const MIN_DEAD: usize = 3;
/// How many dead chains are kept.
const MAX_DEAD_CHAINS: usize = 20;

/// What [`Heights`] is, for people.
pub(super) const HEIGHTS: &str = "reachable addresses by the height they claim, against the height of the chain: at the tip is up to 2 blocks below \
     or above; ahead is up to 2,016 blocks above, invented is more than that, or below 0; at 0 are nodes that have no block, or \
     hide their height; on a dead chain are those of the figure of that name";

/// What dead chains are, for people.
pub(super) const DEAD_CHAINS: &str = "heights above 0 and more than 2,016 blocks (two weeks) below the chain that at least 3 reachable addresses claim: \
     nodes that fetch the chain do not meet there, so they stand still, on a chain that nobody goes on with or behind a \
     rule that they do not know, or somebody made that number up for all of them";

/// Where nodes are on the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Heights {
    /// How many nodes claim a height.
    pub n: u64,
    /// How many claim none.
    pub n_without: u64,
    /// Every class once, from the highest to the lowest.
    pub classes: Vec<HeightClass>,
}

/// How many nodes are at such a height.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct HeightClass {
    /// Its word.
    pub class: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// How many nodes.
    pub n: u64,
}

/// A height far behind at which several nodes stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeadChain {
    /// The height.
    pub height: i32,
    /// How far below the chain it is, in blocks.
    pub behind: u64,
    /// How many nodes claim it.
    pub n: u64,
    /// How many different user agents they announce.
    pub n_user_agents: usize,
}

/// Where a claimed height is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    FarAbove,
    Ahead,
    AtTip,
    HourBehind,
    DayBehind,
    TwoWeeksBehind,
    FarBehind,
    OnDeadChain,
    AtZero,
    Negative,
}

impl Class {
    const ALL: [(Class, &'static str, &'static str); 10] = [
        (Class::FarAbove, "invented_high", "more than 2,016 above"),
        (Class::Ahead, "ahead", "3 to 2,016 above"),
        (Class::AtTip, "at_tip", "at most 2 below or above"),
        (Class::HourBehind, "behind_hour", "3 to 6 below"),
        (Class::DayBehind, "behind_day", "7 to 144 below"),
        (
            Class::TwoWeeksBehind,
            "behind_two_weeks",
            "145 to 2,016 below",
        ),
        (
            Class::FarBehind,
            "behind_more",
            "more than 2,016 below, on the way up",
        ),
        (
            Class::OnDeadChain,
            "dead_chain",
            "more than 2,016 below, with others at the very same height",
        ),
        (Class::AtZero, "at_zero", "0"),
        (Class::Negative, "invented_negative", "below 0"),
    ];

    fn of(height: i32, latest: i32, dead: &BTreeMap<i32, Vec<&Node>>) -> Class {
        let above = i64::from(height) - i64::from(latest);
        match height {
            ..0 => Class::Negative,
            0 => Class::AtZero,
            _ if dead.contains_key(&height) => Class::OnDeadChain,
            _ if above > TWO_WEEKS => Class::FarAbove,
            _ if above > NEAR => Class::Ahead,
            _ if above >= -NEAR => Class::AtTip,
            _ if above >= -HOUR => Class::HourBehind,
            _ if above >= -DAY => Class::DayBehind,
            _ if above >= -TWO_WEEKS => Class::TwoWeeksBehind,
            _ => Class::FarBehind,
        }
    }
}

impl Heights {
    /// Holds the heights of nodes against that of the chain, and finds those that stand still.
    pub(super) fn of(nodes: &[Node], latest: i32) -> (Heights, Vec<DeadChain>) {
        let heights: Vec<i32> = nodes.iter().filter_map(height).collect();
        let dead = standing_still(nodes, latest);
        let mut n_by_class: BTreeMap<Class, u64> = BTreeMap::new();
        for height in &heights {
            *n_by_class
                .entry(Class::of(*height, latest, &dead))
                .or_default() += 1;
        }
        let classes = Class::ALL.map(|(class, name, meaning)| HeightClass {
            class: name,
            meaning,
            n: n_by_class.get(&class).copied().unwrap_or(0),
        });
        let n = heights.len() as u64;
        let heights = Heights {
            n,
            n_without: nodes.len() as u64 - n,
            classes: classes.to_vec(),
        };
        (heights, DeadChain::ranked(&dead, latest))
    }
}

fn height(node: &Node) -> Option<i32> {
    node.version()?.start_height
}

fn standing_still(nodes: &[Node], latest: i32) -> BTreeMap<i32, Vec<&Node>> {
    let mut by_height: BTreeMap<i32, Vec<&Node>> = BTreeMap::new();
    for node in nodes {
        if let Some(height @ 1..) = height(node)
            && i64::from(latest) - i64::from(height) > TWO_WEEKS
        {
            by_height.entry(height).or_default().push(node);
        }
    }
    by_height.retain(|_, nodes| nodes.len() >= MIN_DEAD);
    by_height
}

impl DeadChain {
    fn ranked(dead: &BTreeMap<i32, Vec<&Node>>, latest: i32) -> Vec<DeadChain> {
        let chain = |(height, nodes): (&i32, &Vec<&Node>)| {
            let user_agents = nodes
                .iter()
                .filter_map(|it| it.version()?.user_agent.as_deref());
            DeadChain {
                height: *height,
                behind: u64::from(latest.abs_diff(*height)),
                n: nodes.len() as u64,
                n_user_agents: user_agents.collect::<BTreeSet<_>>().len(),
            }
        };
        let mut chains: Vec<DeadChain> = dead.iter().map(chain).collect();
        chains.sort_by_key(|it| Reverse(it.n));
        chains.truncate(MAX_DEAD_CHAINS);
        chains
    }
}

pub(super) fn sections(
    heights: &Figure<Option<Heights>>,
    dead_chains: &Figure<Vec<DeadChain>>,
) -> [Section; 2] {
    let rows = heights.value.iter().flat_map(|heights| {
        let there = heights.classes.iter().filter(|it| it.n > 0);
        there.map(|it| {
            let share = share_of(it.n, heights.n);
            vec![it.class.into(), it.meaning.into(), it.n.into(), share]
        })
    });
    let dead_rows = dead_chains.value.iter().map(|it| {
        vec![
            Cell::Integer(it.height.into()),
            it.behind.into(),
            it.n.into(),
            (it.n_user_agents as u64).into(),
        ]
    });
    [
        tables::section(
            "heights",
            "Heights",
            heights.definition,
            &["class", "blocks", "reachable", "share"],
            rows.collect(),
        ),
        tables::section(
            "dead_chains",
            "Dead chains",
            dead_chains.definition,
            &["height", "behind", "reachable", "user agents"],
            dead_rows.collect(),
        ),
    ]
}
