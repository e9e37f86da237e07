//! What nodes announce by messages.

use proto::Outcome;
use proto::features::Features;
use serde::Serialize;

use crate::figures::Node;
use crate::summary::{Count, Top};

/// How many names and values are told apart; the others are counted together.
const N_TOP: usize = 30;

/// How many nodes announced what by which message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FeatureCounts {
    /// Nodes whose messages we saw: those that completed the handshake.
    pub n: u64,
    /// The messages by which features are announced, in the order of their age.
    pub messages: Vec<Count>,
}

/// A message, or one form of it, and whether a node sent it.
type Announced = (&'static str, fn(&Features) -> bool);

const MESSAGES: [Announced; 8] = [
    ("sendheaders (BIP 130)", |it| it.sendheaders),
    ("feefilter (BIP 133)", |it| it.feefilter.is_some()),
    ("sendcmpct 1 (BIP 152)", |it| it.sendcmpct.contains(&1)),
    ("sendcmpct 2 (BIP 152)", |it| it.sendcmpct.contains(&2)),
    ("wtxidrelay (BIP 339)", |it| it.wtxidrelay),
    ("sendaddrv2 (BIP 155)", |it| it.sendaddrv2),
    ("sendtxrcncl (BIP 330)", |it| it.sendtxrcncl.is_some()),
    ("getaddr, though we called", |it| it.getaddr),
];

impl FeatureCounts {
    pub(super) fn of(nodes: &[Node]) -> FeatureCounts {
        let count = |(name, is_announced): Announced| Count {
            name: Some(name.to_owned()),
            n: heard(nodes).filter(|it| is_announced(it)).count() as u64,
        };
        let other_sendcmpct = heard(nodes).flat_map(|it| {
            let others = it.sendcmpct.iter().filter(|it| !matches!(it, 1 | 2));
            others.map(|it| Some(format!("sendcmpct {it}")))
        });
        let mut messages: Vec<Count> = MESSAGES.map(count).to_vec();
        messages.retain(|it| it.n > 0);
        messages.extend(Top::of(other_sendcmpct, N_TOP).rows);
        FeatureCounts {
            n: heard(nodes).count() as u64,
            messages,
        }
    }
}

/// Counts the least fee rates that nodes want to hear of (BIP 133).
pub(super) fn fee_rates(nodes: &[Node]) -> Top {
    let rates = heard(nodes).filter_map(|it| Some(Some(it.feefilter?.to_string())));
    Top::of(rates, N_TOP)
}

/// Counts the features of BIP 434 by their names.
pub(super) fn bip434(nodes: &[Node]) -> Top {
    let features = heard(nodes).flat_map(|it| &it.feature);
    Top::of(features.map(|(id, _)| Some(id.clone())), N_TOP)
}

/// Counts the commands that no table knows.
pub(super) fn unknown_commands(nodes: &[Node]) -> Top {
    let unknown = heard(nodes).flat_map(|it| &it.unknown);
    Top::of(unknown.cloned().map(Some), N_TOP)
}

/// Returns what nodes showed whose messages we saw; those of another observer we did not.
fn heard(nodes: &[Node]) -> impl Iterator<Item = &Features> {
    let complete = nodes
        .iter()
        .filter(|it| it.visit.call.outcome == Outcome::Complete);
    let heard = complete.map(|it| &it.visit.call.heard);
    heard
        .filter(|it| it.version_payload.is_some())
        .map(|it| &it.features)
}
