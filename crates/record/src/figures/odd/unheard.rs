//! Those who took a call, and said nothing that is a `version`.

use proto::Outcome;

use super::{Finding, N_LISTED, OddNode};
use crate::figures::Unreached;

/// What they did, and what that is called.
const KINDS: [(Outcome, &str, &str); 4] = [
    (
        Outcome::VersionTimeout,
        "silent",
        "took the call and never said a version",
    ),
    (
        Outcome::MalformedVersion,
        "malformed_version",
        "a version that cannot be read",
    ),
    (
        Outcome::ProtocolViolation,
        "other_protocol",
        "broke the protocol before a version, or speaks another one",
    ),
    (
        Outcome::WrongNetwork,
        "other_network",
        "a node of another chain or coin",
    ),
];

/// Returns what they did, each kind with the first of their addresses.
pub(super) fn findings(unreached: &[Unreached]) -> impl Iterator<Item = Finding> {
    KINDS.into_iter().map(|(outcome, kind, meaning)| {
        let odd = || unreached.iter().filter(|it| it.outcome == outcome);
        let listed = odd().take(N_LISTED).map(|it| OddNode {
            addr: it.addr.to_string(),
            ..OddNode::default()
        });
        Finding {
            kind,
            meaning,
            n: odd().count() as u64,
            nodes: listed.collect(),
        }
    })
}
