//! What nodes say: protocol versions, services, features, and which transport they offer.

mod features;
mod odd_services;
mod transport;

use std::cmp::Reverse;
use std::collections::BTreeMap;

use proto::protocol_version::PROTOCOL_VERSIONS;
use proto::services::SERVICES;
use proto::version::Version;
use serde::Serialize;

pub use self::features::FeatureCounts;
pub use self::odd_services::OddServices;
pub use self::transport::V2Counts;

use super::agents::releases;
use super::tables::{most_frequent, section};
use super::{Cell, Node, Section, Snapshot, tables};
use crate::summary::{Figure, Top};

/// How many combinations of services are told apart; the others are counted together.
const N_COMBINATIONS: usize = 50;
/// How many protocol versions are; hostile nodes could invent four billion.
const N_VERSIONS: usize = 200;

/// What nodes say.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Speech {
    /// The protocol versions, the highest first.
    pub protocol_versions: Figure<Vec<ProtocolVersionCount>>,
    /// The service bits.
    pub services: Figure<Vec<ServiceCount>>,
    /// Which services come together, the most frequent first.
    pub combinations: Figure<Vec<CombinationCount>>,
    /// Which services should not come together, or not at all.
    pub odd_services: Figure<Vec<OddServices>>,
    /// What nodes announced between `version` and the end of the conversation.
    pub features: Figure<FeatureCounts>,
    /// The least fee rates of transactions that nodes want to hear of.
    pub fee_rates: Figure<Top>,
    /// The features of BIP 434 by their names, which are hostile text.
    pub bip434_features: Figure<Top>,
    /// The commands that no table knows: hostile text.
    pub unknown_commands: Figure<Top>,
    /// The encrypted transport: offered, and worked.
    pub v2: Figure<Vec<V2Counts>>,
}

/// How many nodes announce one protocol version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProtocolVersionCount {
    /// It; `None` for all that are not told apart.
    pub protocol_version: Option<i32>,
    /// The first release that had it, and its day (`0.8.0, 2013-02-19`), where there is one.
    pub first_release: Option<String>,
    /// What came with it (BIP numbers in brackets), where something did.
    pub meaning: Option<&'static str>,
    /// How many nodes.
    pub n: u64,
}

/// How many nodes offer one service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ServiceCount {
    /// Which bit, from 0.
    pub bit: u8,
    /// Its name, where somebody defined it.
    pub name: Option<&'static str>,
    /// What it promises.
    pub meaning: Option<&'static str>,
    /// How many nodes.
    pub n: u64,
}

/// How many nodes offer the same services.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CombinationCount {
    /// The bits; `None` for all that are not told apart.
    pub services: Option<u64>,
    /// Their names; `bit 33` for those without.
    pub names: Vec<String>,
    /// What is odd about them, as words of [`OddServices`].
    pub odd: Vec<&'static str>,
    /// How many nodes.
    pub n: u64,
}

impl Speech {
    /// Looks at what the reachable addresses of a crawl said.
    pub fn of(snapshot: &Snapshot) -> Speech {
        let nodes = &snapshot.nodes;
        let n_by_services = count(nodes, |it, is_raw| {
            (is_raw || it.services != 0).then_some(it.services)
        });
        Speech {
            protocol_versions: Figure::new(
                count_protocol_versions(nodes),
                "reachable addresses by the protocol version they announce, and the first release of Bitcoin Core that did",
            ),
            services: Figure::new(
                count_services(&n_by_services),
                "reachable addresses that announce the service bit",
            ),
            combinations: Figure::new(
                rank_combinations(&n_by_services),
                "reachable addresses by all the service bits they announce",
            ),
            odd_services: Figure::new(
                OddServices::count(&n_by_services),
                "reachable addresses whose service bits contradict each other, or are nobody's; one may be odd in several ways",
            ),
            features: Figure::new(
                FeatureCounts::of(nodes),
                "reachable addresses that completed the handshake with us, by the messages by which they announced \
                 what they can do, as long as we listened",
            ),
            fee_rates: Figure::new(
                features::fee_rates(nodes),
                "the same by the least fee rate that they want to hear of (feefilter, BIP 133), in satoshis per \
                 1,000 virtual bytes",
            ),
            bip434_features: Figure::new(
                features::bip434(nodes),
                "the same by the features that they named (BIP 434)",
            ),
            unknown_commands: Figure::new(
                features::unknown_commands(nodes),
                "the same by the commands they sent that no table of ours knows",
            ),
            v2: Figure::new(
                transport::count(snapshot),
                "reachable addresses that announce the encrypted transport (P2P_V2, BIP 324) and those that spoke it with us; \
                 offered and failed is where we tried it and had to call again in plain, \
                 offered and not tried where we called in plain at once",
            ),
        }
    }

    /// Writes the figures as tables.
    pub fn sections(&self) -> Vec<Section> {
        let total = self.protocol_versions.value.iter().map(|it| it.n).sum();
        let mut sections = vec![
            self.version_section(total),
            self.service_section(total),
            self.combination_section(total),
            self.odd_section(total),
        ];
        sections.extend(self.feature_sections());
        sections.push(transport::section(&self.v2));
        sections
    }

    fn feature_sections(&self) -> [Section; 4] {
        let FeatureCounts { n, messages } = &self.features.value;
        let messages = Figure::new(messages.clone(), self.features.definition);
        [
            tables::counts("features", "Features", "message", &messages, *n),
            tables::top("fee_rates", "Least fee rates", "rate", &self.fee_rates, *n),
            tables::top(
                "bip434_features",
                "Features of BIP 434",
                "feature",
                &self.bip434_features,
                *n,
            ),
            tables::top(
                "unknown_commands",
                "Unknown commands",
                "command",
                &self.unknown_commands,
                *n,
            ),
        ]
    }

    fn version_section(&self, total: u64) -> Section {
        let row = |it: &ProtocolVersionCount| {
            let version = it.protocol_version.map(i64::from);
            vec![
                version.map_or_else(|| "others".into(), Cell::Label),
                it.n.into(),
                tables::share_of(it.n, total),
                it.first_release.clone().into(),
                it.meaning.into(),
            ]
        };
        section(
            "protocol_versions",
            "Protocol versions",
            self.protocol_versions.definition,
            &[
                "version",
                "nodes",
                "share",
                "first release",
                "what came with it",
            ],
            self.protocol_versions.value.iter().map(row).collect(),
        )
    }

    fn service_section(&self, total: u64) -> Section {
        let row = |it: &ServiceCount| {
            vec![
                Cell::Label(it.bit.into()),
                it.name.into(),
                it.n.into(),
                tables::share_of(it.n, total),
                it.meaning.into(),
            ]
        };
        section(
            "services",
            "Services",
            self.services.definition,
            &["bit", "service", "nodes", "share", "meaning"],
            self.services.value.iter().map(row).collect(),
        )
    }

    fn combination_section(&self, total: u64) -> Section {
        let row = |it: &CombinationCount| {
            let hex = it.services.map(|it| format!("0x{it:x}"));
            vec![
                hex.unwrap_or_else(|| "others".to_owned()).into(),
                it.names.join(" ").into(),
                it.n.into(),
                tables::share_of(it.n, total),
                match it.odd.is_empty() {
                    true => Cell::Empty,
                    false => it.odd.join(", ").into(),
                },
            ]
        };
        section(
            "service_combinations",
            "Services together",
            self.combinations.definition,
            &["bits", "services", "nodes", "share", "odd"],
            self.combinations.value.iter().map(row).collect(),
        )
    }

    fn odd_section(&self, total: u64) -> Section {
        let row = |it: &OddServices| {
            vec![
                it.odd.into(),
                it.meaning.into(),
                it.n.into(),
                tables::share_of(it.n, total),
            ]
        };
        section(
            "odd_services",
            "Odd services",
            self.odd_services.definition,
            &["odd", "meaning", "nodes", "share"],
            self.odd_services.value.iter().map(row).collect(),
        )
    }
}

/// Counts nodes by something in their `version`; the second argument of `of` says whether that is as it was sent.
///
/// Of an observer that we imported, whatever he did not say is 0 or absent.
fn count<K: Ord>(nodes: &[Node], of: impl Fn(&Version, bool) -> Option<K>) -> BTreeMap<K, u64> {
    let mut counts = BTreeMap::new();
    for node in nodes {
        let is_raw = node.visit.call.heard.version_payload.is_some();
        if let Some(key) = node.version().and_then(|it| of(it, is_raw)) {
            *counts.entry(key).or_default() += 1;
        }
    }
    counts
}

fn count_protocol_versions(nodes: &[Node]) -> Vec<ProtocolVersionCount> {
    let counts = count(nodes, |it, is_raw| {
        (is_raw || it.protocol_version != 0).then_some(it.protocol_version)
    });
    let (mut kept, n_others) = most_frequent(&counts, N_VERSIONS);
    kept.sort_by_key(|(version, _)| Reverse(*version));
    let row = |(protocol_version, n)| ProtocolVersionCount {
        protocol_version: Some(protocol_version),
        first_release: releases::first_with(protocol_version)
            .map(|it| format!("{}, {}", it.number, it.on)),
        meaning: PROTOCOL_VERSIONS
            .iter()
            .find(|it| it.version == protocol_version)
            .map(|it| it.meaning),
        n,
    };
    let others = (n_others > 0).then_some(ProtocolVersionCount {
        protocol_version: None,
        first_release: None,
        meaning: None,
        n: n_others,
    });
    kept.into_iter().map(row).chain(others).collect()
}

fn count_services(n_by_services: &BTreeMap<u64, u64>) -> Vec<ServiceCount> {
    let count = |bit: u8| {
        let with_bit = n_by_services.iter().filter(|(it, _)| *it >> bit & 1 == 1);
        let service = SERVICES.iter().find(|it| it.bit == bit);
        ServiceCount {
            bit,
            name: service.map(|it| it.name),
            meaning: service.map(|it| it.meaning),
            n: with_bit.map(|(_, n)| n).sum(),
        }
    };
    (0..64).map(count).filter(|it| it.n > 0).collect()
}

fn rank_combinations(n_by_services: &BTreeMap<u64, u64>) -> Vec<CombinationCount> {
    let (kept, n_others) = most_frequent(n_by_services, N_COMBINATIONS);
    let row = |(services, n)| CombinationCount {
        services: Some(services),
        names: proto::services::names(services),
        odd: OddServices::of(services),
        n,
    };
    let others = (n_others > 0).then(|| CombinationCount {
        services: None,
        names: Vec::new(),
        odd: Vec::new(),
        n: n_others,
    });
    kept.into_iter().map(row).chain(others).collect()
}

#[cfg(test)]
mod tests;
