//! How many nodes there are: addresses now, addresses lately, nodes behind them, and what became of the others.

mod lately;
mod nodes;

use proto::Outcome;
use proto::addr::Network;
use serde::Serialize;

pub use self::lately::Lately;
pub use self::nodes::Estimate;

use super::{Cell, Section, Snapshot, tables};
use crate::summary::Figure;

/// How many nodes there are.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Many {
    /// Addresses that the crawl knew.
    pub known: Figure<ByNetwork>,
    /// Addresses that were called.
    pub called: Figure<ByNetwork>,
    /// Addresses that answered.
    pub reachable: Figure<ByNetwork>,
    /// Addresses that answered in one of the crawls of eight days, where those were looked at.
    pub seen_in_8_days: Option<Figure<ByNetwork>>,
    /// How many nodes are behind the addresses that answered.
    pub nodes: Figure<Estimate>,
    /// How the last visits ended, by what that says of the address.
    pub fates: Figure<Vec<FateCount>>,
    /// How the last visits ended.
    pub outcomes: Figure<Vec<OutcomeCount>>,
}

/// How many there are of something, in all and by network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ByNetwork {
    /// In all.
    pub all: u64,
    /// On IPv4.
    pub ipv4: u64,
    /// On IPv6.
    pub ipv6: u64,
    /// Onion services of Tor.
    pub onion: u64,
    /// On I2P.
    pub i2p: u64,
    /// On CJDNS.
    pub cjdns: u64,
}

/// How many addresses met one fate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct FateCount {
    /// The word for it.
    pub fate: &'static str,
    /// What it is, for people.
    pub meaning: &'static str,
    /// How many.
    pub n: ByNetwork,
}

/// How many visits ended in one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct OutcomeCount {
    /// The word for it; that of the reason for addresses that were not called.
    pub outcome: &'static str,
    /// What it means, for people.
    pub meaning: &'static str,
    /// How many.
    pub n: ByNetwork,
}

/// Where an address is, and how its last visit ended.
type End = (Network, Outcome);

/// What the end of a visit says of the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    Reachable,
    Full,
    Silent,
    Other,
    Gone,
    NoWay,
    NotCalled,
}

impl Many {
    /// Counts what a crawl found; `lately` is what the crawls of the eight days before its end reached.
    pub fn of(snapshot: &Snapshot, lately: Option<&Lately>) -> Many {
        let nodes = snapshot.nodes.iter().map(|it| &it.visit);
        let nodes = nodes.map(|it| (it.addr.network(), it.call.outcome));
        let unreached = snapshot.unreached.iter();
        let unreached = unreached.map(|it| (it.addr.network(), it.outcome));
        let ends: Vec<End> = nodes.chain(unreached).collect();
        let lately = lately.map(|it| {
            let definition = "addresses that brought a valid version message in one of our calls of the 8 days before the end of the crawl";
            Figure::new(it.reached(), definition)
        });
        Many {
            known: Figure::new(count(&ends, |_| true), "addresses that the crawl knew"),
            called: Figure::new(
                count(&ends, |it| Fate::of(it) != Fate::NotCalled),
                "addresses that were called",
            ),
            reachable: Figure::new(
                count(&ends, Outcome::is_reachable),
                "addresses whose last visit brought a valid version message",
            ),
            seen_in_8_days: lately,
            nodes: Figure::new(Estimate::of(&snapshot.nodes), nodes::ESTIMATE),
            fates: Figure::new(
                Fate::ALL
                    .map(|it| it.count(&ends))
                    .into_iter()
                    .filter(|it| it.n.all > 0)
                    .collect(),
                "addresses by what the end of their last visit says of them",
            ),
            outcomes: Figure::new(
                count_outcomes(&ends),
                "how the last visit of each address ended",
            ),
        }
    }

    /// Writes the figures as tables.
    pub fn sections(&self) -> Vec<Section> {
        vec![
            self.many_section(),
            self.fate_section(),
            self.outcome_section(),
        ]
    }

    fn many_section(&self) -> Section {
        let nodes = Figure::new(self.nodes.value.at_most, self.nodes.definition);
        let figures = [
            ("known", Some(&self.known)),
            ("called", Some(&self.called)),
            ("reachable now", Some(&self.reachable)),
            ("seen in 8 days", self.seen_in_8_days.as_ref()),
            ("nodes at most", Some(&nodes)),
        ];
        let figures = || {
            figures
                .iter()
                .filter_map(|(name, it)| Some((*name, (*it)?)))
        };
        // One of them takes more words than a cell has room for.
        let meaning = |it: &Figure<ByNetwork>| match it.definition {
            nodes::ESTIMATE => "as above",
            short => short,
        };
        section(
            "many",
            "How many",
            &format!("nodes at most: {}", nodes::ESTIMATE),
            &["", "meaning"],
            figures().map(|(name, it)| (vec![name, meaning(it)], it.value)),
        )
    }

    fn fate_section(&self) -> Section {
        let rows = self.fates.value.iter();
        section(
            "fates",
            "What became of the addresses",
            self.fates.definition,
            &["fate", "meaning"],
            rows.map(|it| (vec![it.fate, it.meaning], it.n)),
        )
    }

    fn outcome_section(&self) -> Section {
        let rows = self.outcomes.value.iter();
        section(
            "outcomes",
            "How visits ended",
            self.outcomes.definition,
            &["outcome", "meaning"],
            rows.map(|it| (vec![it.outcome, it.meaning], it.n)),
        )
    }
}

impl ByNetwork {
    /// Counts addresses by their networks.
    pub(super) fn of(networks: impl Iterator<Item = Network>) -> ByNetwork {
        let mut counts = ByNetwork::default();
        for network in networks {
            counts.all += 1;
            *counts.on(network) += 1;
        }
        counts
    }

    /// Returns the count of one network.
    pub(super) fn on(&mut self, network: Network) -> &mut u64 {
        match network {
            Network::Ipv4 => &mut self.ipv4,
            Network::Ipv6 => &mut self.ipv6,
            Network::Onion => &mut self.onion,
            Network::I2p => &mut self.i2p,
            Network::Cjdns => &mut self.cjdns,
        }
    }

    fn cells(self) -> [Cell; 6] {
        [
            self.all, self.ipv4, self.ipv6, self.onion, self.i2p, self.cjdns,
        ]
        .map(Cell::Count)
    }
}

impl Fate {
    const ALL: [Fate; 7] = [
        Fate::Reachable,
        Fate::Full,
        Fate::Silent,
        Fate::Other,
        Fate::Gone,
        Fate::NoWay,
        Fate::NotCalled,
    ];

    fn of(outcome: Outcome) -> Fate {
        match outcome {
            Outcome::Complete | Outcome::VersionOnly => Fate::Reachable,
            Outcome::ClosedBeforeVersion => Fate::Full,
            Outcome::VersionTimeout => Fate::Silent,
            Outcome::MalformedVersion
            | Outcome::WrongNetwork
            | Outcome::ProtocolViolation
            | Outcome::V2Failed
            | Outcome::SelfConnection => Fate::Other,
            Outcome::ConnectRefused
            | Outcome::ConnectTimeout
            | Outcome::ConnectUnreachable
            | Outcome::ConnectReset
            | Outcome::ConnectOther => Fate::Gone,
            Outcome::ProxyError | Outcome::SamError => Fate::NoWay,
            Outcome::NotTried(_) => Fate::NotCalled,
        }
    }

    fn count(self, ends: &[End]) -> FateCount {
        let (fate, meaning) = match self {
            Fate::Reachable => ("reachable", "a node that answered with its version"),
            Fate::Full => (
                "full",
                "somebody took the call and hung up before a version: most likely a node without free slots, and not gone",
            ),
            Fate::Silent => ("silent", "somebody took the call and said nothing in time"),
            Fate::Other => (
                "other",
                "somebody answered, but with nothing that is a node of this chain",
            ),
            Fate::Gone => ("gone", "nobody there: refused, timed out, no way"),
            Fate::NoWay => (
                "not_found",
                "the proxy or router did not get there: gone, or a failure on the way",
            ),
            Fate::NotCalled => ("not_called", "never called"),
        };
        FateCount {
            fate,
            meaning,
            n: count(ends, |it| Fate::of(it) == self),
        }
    }
}

/// Counts addresses whose last visit ended in such a way.
fn count(ends: &[End], is_such: impl Fn(Outcome) -> bool) -> ByNetwork {
    let such = ends.iter().filter(|(_, outcome)| is_such(*outcome));
    ByNetwork::of(such.map(|(network, _)| *network))
}

/// Counts the ends that came, in the order of [`Outcome::ALL`], and addresses that were not called by the reason.
fn count_outcomes(ends: &[End]) -> Vec<OutcomeCount> {
    let mut counts: Vec<OutcomeCount> = Vec::new();
    for &(network, outcome) in ends {
        let word = match outcome {
            Outcome::NotTried(why) => why.code(),
            tried => tried.code(),
        };
        let i = counts
            .iter()
            .position(|it| it.outcome == word)
            .unwrap_or_else(|| {
                counts.push(OutcomeCount {
                    outcome: word,
                    meaning: outcome.meaning(),
                    n: ByNetwork::default(),
                });
                counts.len() - 1
            });
        counts[i].n.all += 1;
        *counts[i].n.on(network) += 1;
    }
    let place = |it: &OutcomeCount| {
        Outcome::ALL
            .iter()
            .position(|known| known.code() == it.outcome)
    };
    counts.sort_by_key(|it| (place(it).unwrap_or(Outcome::ALL.len()), it.outcome));
    counts
}

/// Makes a table with a column for each network behind those of `headings`.
fn section<'a>(
    key: &'static str,
    title: &str,
    definition: &str,
    headings: &[&'static str],
    rows: impl Iterator<Item = (Vec<&'a str>, ByNetwork)>,
) -> Section {
    let networks = Network::ALL.map(Network::name);
    let row = |(names, counts): (Vec<&str>, ByNetwork)| {
        let names = names.into_iter().map(Cell::from);
        names.chain(counts.cells()).collect()
    };
    let columns = [headings, &["all"], &networks].concat();
    tables::section(key, title, definition, &columns, rows.map(row).collect())
}

#[cfg(test)]
mod tests;
