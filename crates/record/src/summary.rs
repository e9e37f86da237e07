//! What a crawl found, in figures: a pure function of its visits.

mod height;
pub(crate) mod quantile;
mod sections;
mod text;
mod times;
mod told;
mod top;

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use proto::addr::Network;
use proto::gossip::ToldCounts;
use proto::limits::MAX_USER_AGENT;
use proto::outcome::Outcome;
use proto::visit::{Call, Dialect, Transport};
use proto::{PeerAddr, Visit, services};
use serde::Serialize;

pub use self::height::{LATEST_HEIGHT, latest_height};
pub use self::times::{Pace, PhaseTimes, Spent};
pub use self::told::AddressesTold;
pub use self::top::{Count, Top};

pub(crate) use self::quantile::quantile;
pub(crate) use self::times::{Moments, PHASES, micros, rounded, share};

/// How many user agents and protocol versions are told apart; the others are counted together.
const N_TOP: usize = 20;

/// A value, and what exactly it is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figure<T> {
    /// The value.
    pub value: T,
    /// What was counted or measured, in one sentence for people.
    pub definition: &'static str,
}

impl<T> Figure<T> {
    pub(crate) fn new(value: T, definition: &'static str) -> Figure<T> {
        Figure { value, definition }
    }
}

/// All figures of one crawl.
///
/// Where an address was visited several times, its last visit counts; only the [`Pace`] is of all calls.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Addresses that the crawl knew.
    pub addresses: Figure<u64>,
    /// Addresses that were called.
    pub tried: Figure<u64>,
    /// Addresses that brought a valid `version`.
    pub reachable: Figure<u64>,
    /// Addresses that brought a `verack` too.
    pub complete: Figure<u64>,
    /// The same by network.
    pub networks: Figure<Vec<NetworkCount>>,
    /// How the last visits ended.
    pub outcomes: Figure<Vec<Count>>,
    /// Why addresses were not called.
    pub not_tried: Figure<Vec<Count>>,
    /// Why addresses were left out, where some were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left_out: Option<Figure<Vec<Count>>>,
    /// What the peers told of each other, where some were asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub addresses_told: Option<Figure<AddressesTold>>,
    /// How the messages of reachable nodes were carried.
    pub transports: Figure<Vec<Count>>,
    /// Reachable nodes that were called with v2 first.
    pub v2_tried_first: Figure<u64>,
    /// In which manner reachable nodes were spoken to, where that was not today's with all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dialects: Option<Figure<Vec<Count>>>,
    /// The protocol versions of reachable nodes.
    pub protocol_versions: Figure<Top>,
    /// The user agents of reachable nodes: hostile text, with U+FFFD for what is no UTF-8.
    pub user_agents: Figure<Top>,
    /// The service bits of reachable nodes.
    pub services: Figure<Vec<Count>>,
    /// The height of the chain.
    pub latest_height: Figure<Option<i32>>,
    /// What heights reachable nodes claim.
    pub heights: Figure<Option<Heights>>,
    /// How long each phase of the visits took.
    pub times: Figure<Vec<PhaseTimes>>,
    /// How fast the crawl went.
    pub pace: Pace,
}

/// How many addresses of one network there are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NetworkCount {
    /// Which network.
    pub network: &'static str,
    /// Addresses that the crawl knew.
    pub addresses: u64,
    /// Those that were called.
    pub tried: u64,
    /// Those that brought a valid `version`.
    pub reachable: u64,
    /// Those that brought a `verack` too.
    pub complete: u64,
}

/// What heights nodes claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Heights {
    /// How many nodes claim one.
    pub n: usize,
    /// The lowest.
    pub min: i32,
    /// One in ten claims this or less.
    pub p10: i32,
    /// Half of them claim this or less.
    pub median: i32,
    /// Nine in ten claim this or less.
    pub p90: i32,
    /// The highest.
    pub max: i32,
}

/// Takes the visits of one crawl in, one after the other.
#[derive(Debug, Default)]
pub struct SummaryBuilder {
    last: HashMap<PeerAddr, Brief>,
    left_out: BTreeMap<String, u64>,
    n_calls: u64,
    calls_took: Duration,
}

/// What the figures need of a visit; most visits of a crawl bring no connection, so that takes little room.
#[derive(Debug)]
struct Brief {
    outcome: Outcome,
    connected: Option<Box<Connected>>,
}

#[derive(Debug)]
struct Connected {
    /// Other observers may not say when it was.
    moments: Option<Moments>,
    node: Option<Node>,
    told: Option<ToldCounts>,
}

#[derive(Debug)]
struct Node {
    transport: Option<Transport>,
    was_v2_tried_first: bool,
    dialect: Dialect,
    /// Other observers may not say.
    protocol_version: Option<i32>,
    services: u64,
    user_agent: Option<String>,
    start_height: Option<i32>,
}

impl SummaryBuilder {
    /// Takes the next visit: every one, those of addresses that are called again too.
    pub fn add(&mut self, visit: &Visit) {
        if !is_not_tried(visit.call.outcome) {
            self.n_calls += 1;
            self.calls_took = self.calls_took.saturating_add(visit.call.took);
        }
        self.last.insert(visit.addr, Brief::new(visit));
    }

    /// Takes in how many addresses the crawl left out, by reason.
    pub fn leave_out(&mut self, left_out: BTreeMap<String, u64>) {
        self.left_out = left_out;
    }

    /// Returns the figures; `spent` is what the crawl took, as far as that is known.
    pub fn finish(self, spent: Spent) -> Summary {
        let pace = Pace::new(self.n_calls, self.calls_took, spent);
        let total = count("all", self.last.iter());
        let nodes: Vec<&Node> = self.last.values().filter_map(Brief::node).collect();
        let outcomes: Vec<Outcome> = self.last.values().map(|it| it.outcome).collect();
        let heights = || nodes.iter().filter_map(|it| it.start_height);
        let agents = nodes.iter().map(|it| it.user_agent.clone());
        let versions = nodes
            .iter()
            .map(|it| it.protocol_version.map(|it| it.to_string()));
        let connected = || self.last.values().filter_map(|it| it.connected.as_deref());
        let moments = self.last.values().filter_map(|it| {
            let connected = it.connected.as_ref()?;
            Some((connected.moments.as_ref()?, it.outcome))
        });
        Summary {
            addresses: Figure::new(total.addresses, "addresses that the crawl knew"),
            tried: Figure::new(total.tried, "addresses that were called"),
            reachable: Figure::new(
                total.reachable,
                "addresses whose last visit brought a valid version message",
            ),
            complete: Figure::new(
                total.complete,
                "addresses whose last visit brought a version and a verack",
            ),
            networks: Figure::new(
                Network::ALL.map(|it| self.count_network(it)).to_vec(),
                "addresses known, called, and reachable: the last visit brought a valid version",
            ),
            outcomes: Figure::new(
                count_outcomes(&outcomes),
                "how the last visit of each address ended",
            ),
            not_tried: Figure::new(count_not_tried(&outcomes), "why addresses were not called"),
            left_out: (!self.left_out.is_empty()).then(|| {
                let counts = self.left_out.iter().map(|(why, n)| (Some(why.clone()), *n));
                let definition = "why addresses that the crawl heard of were left out";
                Figure::new(Count::ranked(counts), definition)
            }),
            addresses_told: AddressesTold::of(connected().filter_map(|it| it.told))
                .map(|it| Figure::new(it, told::ADDRESSES_TOLD)),
            transports: Figure::new(
                count_transports(&nodes),
                "reachable addresses by the transport that carried their messages",
            ),
            v2_tried_first: Figure::new(
                nodes.iter().filter(|it| it.was_v2_tried_first).count() as u64,
                "reachable addresses that were called with v2 first, whatever carried their messages then",
            ),
            dialects: count_dialects(&nodes).map(|it| {
                let definition = "reachable addresses by the manner in which they were spoken to";
                Figure::new(it, definition)
            }),
            protocol_versions: Figure::new(
                Top::of(versions, N_TOP),
                "reachable addresses by the protocol version they announce",
            ),
            user_agents: Figure::new(
                Top::of(agents, N_TOP),
                "reachable addresses by the user agent they announce, its first 256 bytes",
            ),
            services: Figure::new(
                count_services(&nodes),
                "reachable addresses that announce the service",
            ),
            latest_height: Figure::new(latest_height(heights().collect()), LATEST_HEIGHT),
            heights: Figure::new(
                Heights::of(heights().collect()),
                "heights that reachable addresses claim",
            ),
            times: Figure::new(
                PhaseTimes::of(moments),
                "how long each phase of the last visits took, of those that got through it",
            ),
            pace,
        }
    }

    fn count_network(&self, network: Network) -> NetworkCount {
        let of_network = self
            .last
            .iter()
            .filter(|(addr, _)| addr.network() == network);
        count(network.name(), of_network)
    }
}

impl Brief {
    fn new(visit: &Visit) -> Brief {
        let Call {
            connect,
            outcome,
            ref heard,
            ..
        } = visit.call;
        let was_connected = connect.is_some() || outcome.is_reachable();
        let connected = was_connected.then(|| Connected {
            moments: connect.map(|it| Moments::new(it, &visit.call)),
            node: Node::new(visit),
            told: heard.gossip.as_ref().map(|it| it.told),
        });
        Brief {
            outcome,
            connected: connected.map(Box::new),
        }
    }

    fn node(&self) -> Option<&Node> {
        self.connected.as_ref()?.node.as_ref()
    }
}

impl Node {
    fn new(visit: &Visit) -> Option<Node> {
        if !visit.call.outcome.is_reachable() {
            return None;
        }
        let version = visit.call.heard.version.as_deref()?;
        let user_agent = version.user_agent.as_deref().map(|it| {
            // Whoever sends 60,000 bytes of name does not get to fill our memory.
            let start = &it[..it.len().min(MAX_USER_AGENT)];
            String::from_utf8_lossy(start).into_owned()
        });
        let call = &visit.call;
        let is_raw = call.heard.version_payload.is_some();
        Some(Node {
            transport: call.transport,
            was_v2_tried_first: call.tried.first().copied().or(call.transport)
                == Some(Transport::V2),
            dialect: visit.dialect,
            protocol_version: (is_raw || version.protocol_version != 0)
                .then_some(version.protocol_version),
            services: version.services,
            user_agent,
            start_height: version.start_height,
        })
    }
}

impl Heights {
    fn of(mut heights: Vec<i32>) -> Option<Heights> {
        heights.sort_unstable();
        Some(Heights {
            n: heights.len(),
            min: quantile(&heights, 0)?,
            p10: quantile(&heights, 10)?,
            median: quantile(&heights, 50)?,
            p90: quantile(&heights, 90)?,
            max: quantile(&heights, 100)?,
        })
    }
}

fn is_not_tried(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::NotTried(_))
}

fn count<'a>(
    network: &'static str,
    visits: impl Iterator<Item = (&'a PeerAddr, &'a Brief)>,
) -> NetworkCount {
    let mut count = NetworkCount {
        network,
        addresses: 0,
        tried: 0,
        reachable: 0,
        complete: 0,
    };
    for (_, Brief { outcome, .. }) in visits {
        count.addresses += 1;
        count.tried += u64::from(!is_not_tried(*outcome));
        count.reachable += u64::from(outcome.is_reachable());
        count.complete += u64::from(*outcome == Outcome::Complete);
    }
    count
}

/// Every word once, in the order of [`Outcome::ALL`], those that never came too.
fn count_outcomes(outcomes: &[Outcome]) -> Vec<Count> {
    let mut n_by_code = BTreeMap::new();
    for outcome in outcomes {
        *n_by_code.entry(outcome.code()).or_default() += 1;
    }
    let count = |it: Outcome| Count {
        name: Some(it.code().to_owned()),
        n: n_by_code.get(it.code()).copied().unwrap_or(0),
    };
    Outcome::ALL.into_iter().map(count).collect()
}

fn count_not_tried(outcomes: &[Outcome]) -> Vec<Count> {
    let whys = outcomes.iter().filter_map(|it| match it {
        Outcome::NotTried(why) => Some(Some(why.code().to_owned())),
        _ => None, // Tried.
    });
    Top::of(whys, usize::MAX).rows
}

fn count_transports(nodes: &[&Node]) -> Vec<Count> {
    let known = nodes.iter().filter_map(|it| it.transport);
    Top::of(known.map(|it| Some(it.name().to_owned())), usize::MAX).rows
}

/// Nothing where all were spoken to as every node is today.
fn count_dialects(nodes: &[&Node]) -> Option<Vec<Count>> {
    if nodes.iter().all(|it| it.dialect == Dialect::Modern) {
        return None;
    }
    let names = nodes.iter().map(|it| Some(it.dialect.name().to_owned()));
    Some(Top::of(names, usize::MAX).rows)
}

fn count_services(nodes: &[&Node]) -> Vec<Count> {
    let names = nodes.iter().flat_map(|it| services::names(it.services));
    Top::of(names.map(Some), usize::MAX).rows
}

#[cfg(test)]
mod tests;
