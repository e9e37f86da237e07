//! Prefixes that hold suspiciously many addresses.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use proto::addr::{Host, Network};
use proto::limits::MAX_USER_AGENT;
use proto::{PeerAddr, Version};
use serde::Serialize;

use super::super::tables;
use super::super::{Cell, Node, Section, Snapshot, Unreached};
use crate::summary::{Figure, rounded};

/// How many crowded prefixes are kept.
const MAX_CROWDS: usize = 50;
/// Fewer than this is never suspicious: a small provider, or a house with several nodes.
const MIN_CROWD: u64 = 8;
/// How many standard deviations above the mean are suspicious, as with other observers of the network.
const N_SIGMAS: f64 = 5.0;

/// What [`Crowds`] is, for people.
pub(super) const CROWDS: &str = "prefixes (IPv4 /24, IPv6 /64) with suspiciously many addresses, known or reachable ones: at least 8, and more than \
     the mean and five standard deviations of all prefixes that have any, those that were found suspicious aside, so that \
     none hides behind a larger one";

/// The prefixes that hold suspiciously many addresses.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Crowds {
    /// From how many on it is suspicious, by network.
    pub limits: Vec<Limit>,
    /// Those with the most reachable addresses first, then those with the most known ones.
    pub rows: Vec<Neighbourhood>,
    /// How many more there are.
    pub n_other_prefixes: usize,
}

/// From how many addresses in one prefix on it is suspicious.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Limit {
    /// Which network.
    pub network: &'static str,
    /// Which addresses: `known` or `reachable`.
    pub of: &'static str,
    /// How many the prefixes have on average that have any and are not suspicious.
    pub mean: f64,
    /// The standard deviation of that.
    pub sigma: f64,
    /// So many are suspicious.
    pub from: u64,
}

/// A prefix, and who is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Neighbourhood {
    /// As in `192.0.2.0/24`.
    pub prefix: String,
    /// How many addresses in it the crawl knew.
    pub n_known: u64,
    /// How many of them are reachable.
    pub n_reachable: u64,
    /// The autonomous system of the first reachable one of which it is known.
    pub asn: Option<u32>,
    /// How many different user agents the reachable ones announce.
    pub n_user_agents: usize,
    /// The user agent, where they all announce the same: hostile text, its first 256 bytes.
    pub user_agent: Option<String>,
}

/// Who shares a prefix.
#[derive(Clone, Copy, Debug, Default)]
struct Neighbours<'a> {
    n_known: u64,
    reachable: &'a [Node],
}

/// The first 24 bits of an IPv4 address, or 64 of an IPv6 address: the least that anybody gets (RFC 4291). Shorter ones of IPv6
/// are shared by the customers of a hoster.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Prefix {
    Ipv4([u8; 3]),
    Ipv6([u8; 8]),
}

impl Crowds {
    pub(super) fn of(snapshot: &Snapshot) -> Crowds {
        let by_prefix = by_prefix(snapshot);
        let limits = [Network::Ipv4, Network::Ipv6].map(|network| {
            let here = || {
                let here = by_prefix.iter().filter(move |it| it.0.network() == network);
                here.map(|(_, it)| it)
            };
            let known = here().map(|it| it.n_known).collect();
            let reachable = here().map(|it| it.reachable.len() as u64);
            let reachable = reachable.filter(|it| *it > 0).collect();
            [
                Limit::of(network, "known", known),
                Limit::of(network, "reachable", reachable),
            ]
        });
        let is_crowded = |prefix: &Prefix, it: &Neighbours<'_>| {
            limits.iter().any(|[known, reachable]| {
                let is_many =
                    it.n_known >= known.from || it.reachable.len() as u64 >= reachable.from;
                known.network == prefix.network().name() && is_many
            })
        };
        let mut crowded: Vec<&(Prefix, Neighbours<'_>)> = by_prefix
            .iter()
            .filter(|(prefix, it)| is_crowded(prefix, it))
            .collect();
        crowded.sort_by_key(|(_, it)| (Reverse(it.reachable.len()), Reverse(it.n_known)));
        let rows = crowded
            .iter()
            .take(MAX_CROWDS)
            .map(|(prefix, it)| it.describe(prefix));
        Crowds {
            limits: limits.concat(),
            rows: rows.collect(),
            n_other_prefixes: crowded.len().saturating_sub(MAX_CROWDS),
        }
    }
}

/// Gathers neighbours, in the order of their prefixes.
fn by_prefix(snapshot: &Snapshot) -> Vec<(Prefix, Neighbours<'_>)> {
    // A snapshot is in the order of the addresses, so neighbours stand next to each other.
    let of_node = |it: &Node| Prefix::of(&it.visit.addr);
    let reachable = snapshot.nodes.chunk_by(|a, b| of_node(a) == of_node(b));
    let reachable = reachable.filter_map(|nodes| {
        let neighbours = Neighbours {
            n_known: nodes.len() as u64,
            reachable: nodes,
        };
        Some((of_node(nodes.first()?)?, neighbours))
    });
    let of_unreached = |it: &Unreached| Prefix::of(&it.addr);
    let unreached = snapshot
        .unreached
        .chunk_by(|a, b| of_unreached(a) == of_unreached(b));
    let unreached = unreached.filter_map(|unreached| {
        let neighbours = Neighbours {
            n_known: unreached.len() as u64,
            reachable: &[],
        };
        Some((of_unreached(unreached.first()?)?, neighbours))
    });
    let mut all: Vec<_> = reachable.chain(unreached).collect();
    // Stable, so that of equal prefixes the reachable part comes first and stays.
    all.sort_by_key(|(prefix, _)| *prefix);
    all.dedup_by(|(prefix, more), (kept, neighbours)| {
        let is_same = prefix == kept;
        if is_same {
            neighbours.n_known += more.n_known;
        }
        is_same
    });
    all
}

impl Limit {
    /// Looks at how many addresses each prefix has, again and again until no more are suspicious.
    fn of(network: Network, of: &'static str, mut sizes: Vec<u64>) -> Limit {
        loop {
            let n_before = sizes.len();
            let (mean, sigma) = mean_and_sigma(&sizes);
            let outlier = mean + N_SIGMAS * sigma;
            sizes.retain(|it| *it < MIN_CROWD || *it as f64 <= outlier);
            if sizes.len() < n_before {
                continue;
            }
            // The first whole number above it.
            let from = (MIN_CROWD..).find(|it| *it as f64 > outlier);
            return Limit {
                network: network.name(),
                of,
                mean: rounded(mean),
                sigma: rounded(sigma),
                from: from.unwrap_or(u64::MAX),
            };
        }
    }
}

fn mean_and_sigma(sizes: &[u64]) -> (f64, f64) {
    let n = sizes.len().max(1) as f64;
    let mean = sizes.iter().sum::<u64>() as f64 / n;
    let squares = sizes.iter().map(|it| (*it as f64 - mean).powi(2));
    (mean, (squares.sum::<f64>() / n).sqrt())
}

impl Neighbours<'_> {
    fn describe(&self, prefix: &Prefix) -> Neighbourhood {
        let versions = self.reachable.iter().filter_map(Node::version);
        let user_agents: BTreeSet<Option<&[u8]>> = versions.map(user_agent).collect();
        let only = match user_agents.len() {
            1 => user_agents.first().copied().flatten(),
            _ => None,
        };
        Neighbourhood {
            prefix: prefix.to_string(),
            n_known: self.n_known,
            n_reachable: self.reachable.len() as u64,
            asn: self.reachable.iter().find_map(|it| it.place.asn),
            n_user_agents: user_agents.len(),
            user_agent: only.map(|it| String::from_utf8_lossy(it).into_owned()),
        }
    }
}

fn user_agent(version: &Version) -> Option<&[u8]> {
    let user_agent = version.user_agent.as_deref()?;
    Some(&user_agent[..user_agent.len().min(MAX_USER_AGENT)])
}

impl Prefix {
    fn of(addr: &PeerAddr) -> Option<Prefix> {
        match addr.host {
            Host::Ipv4([a, b, c, _]) => Some(Prefix::Ipv4([a, b, c])),
            Host::Ipv6([a, b, c, d, e, f, g, h, ..]) => {
                Some(Prefix::Ipv6([a, b, c, d, e, f, g, h]))
            }
            Host::OnionV2(_) | Host::Onion(_) | Host::I2p(_) | Host::Cjdns(_) => None,
        }
    }

    fn network(self) -> Network {
        match self {
            Prefix::Ipv4(_) => Network::Ipv4,
            Prefix::Ipv6(_) => Network::Ipv6,
        }
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Prefix::Ipv4([a, b, c]) => write!(f, "{}/24", Ipv4Addr::new(a, b, c, 0)),
            Prefix::Ipv6(bytes) => {
                let mut ip = [0; 16];
                ip[..bytes.len()].copy_from_slice(&bytes);
                write!(f, "{}/64", Ipv6Addr::from(ip))
            }
        }
    }
}

pub(super) fn section(crowds: &Figure<Crowds>) -> Section {
    let Figure { value, definition } = crowds;
    let row = |it: &Neighbourhood| {
        let asn = it.asn.map(|it| format!("AS{it}"));
        vec![
            it.prefix.as_str().into(),
            it.n_known.into(),
            it.n_reachable.into(),
            asn.into(),
            (it.n_user_agents as u64).into(),
            it.user_agent.clone().into(),
        ]
    };
    let mut rows: Vec<Vec<Cell>> = value.rows.iter().map(row).collect();
    if value.n_other_prefixes > 0 {
        let mut last = vec![Cell::Empty; 6];
        last[0] = tables::others(value.n_other_prefixes);
        rows.push(last);
    }
    let columns = [
        "prefix",
        "known",
        "reachable",
        "system",
        "user agents",
        "the only one",
    ];
    let title = "Crowded prefixes";
    tables::section("crowded_prefixes", title, definition, &columns, rows)
}
