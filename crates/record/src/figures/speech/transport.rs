//! The encrypted transport: who offers it, and with whom it worked.

use proto::Outcome;
use proto::addr::Network;
use proto::services::P2P_V2;
use proto::visit::Transport;
use serde::Serialize;

use crate::figures::{Cell, Node, Section, Snapshot, tables};
use crate::summary::Figure;

/// How many nodes of one network offer the encrypted transport, and what came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct V2Counts {
    /// Which network; `all` for all of them.
    pub network: &'static str,
    /// Reachable addresses with which we know what carried the messages.
    pub n: u64,
    /// Those that announce `P2P_V2`.
    pub offered: u64,
    /// Those that spoke v2 with us.
    pub worked: u64,
    /// Those of the offers that worked.
    pub offered_and_worked: u64,
    /// Offers that failed: we tried v2 and came through in v1.
    pub offered_and_failed: u64,
    /// Offers that we did not try.
    pub offered_and_not_tried: u64,
    /// Those that spoke v2 without offering it.
    pub worked_unoffered: u64,
    /// Addresses that could not be reached because v2 failed and v1 was not to be tried.
    pub unreached: u64,
}

/// Counts all networks where there are any nodes, and all of them together.
pub(super) fn count(snapshot: &Snapshot) -> Vec<V2Counts> {
    let of_network = |name, is_in: &dyn Fn(Network) -> bool| {
        let nodes = snapshot.nodes.iter();
        let nodes = nodes.filter(|it| is_in(it.visit.addr.network()));
        let unreached = snapshot
            .unreached
            .iter()
            .filter(|it| is_in(it.addr.network()));
        let n_unreached = unreached
            .filter(|it| it.outcome == Outcome::V2Failed)
            .count();
        V2Counts::of(name, nodes, n_unreached as u64)
    };
    let networks = Network::ALL.map(|network| of_network(network.name(), &|it| it == network));
    let all = of_network("all", &|_| true);
    let counts = [all].into_iter().chain(networks);
    counts.filter(|it| it.n + it.unreached > 0).collect()
}

impl V2Counts {
    fn of<'a>(
        network: &'static str,
        nodes: impl Iterator<Item = &'a Node>,
        unreached: u64,
    ) -> V2Counts {
        let mut counts = V2Counts {
            network,
            n: 0,
            offered: 0,
            worked: 0,
            offered_and_worked: 0,
            offered_and_failed: 0,
            offered_and_not_tried: 0,
            worked_unoffered: 0,
            unreached,
        };
        for node in nodes {
            let call = &node.visit.call;
            let (Some(version), Some(transport)) = (node.version(), call.transport) else {
                continue;
            };
            let is_offered = version.services & P2P_V2 != 0;
            let is_tried = call.tried.contains(&Transport::V2);
            counts.n += 1;
            counts.offered += u64::from(is_offered);
            match (transport, is_offered) {
                (Transport::V2, true) => counts.offered_and_worked += 1,
                (Transport::V2, false) => counts.worked_unoffered += 1,
                (Transport::V1, true) if is_tried => counts.offered_and_failed += 1,
                (Transport::V1, true) => counts.offered_and_not_tried += 1,
                (Transport::V1, false) => (),
            }
        }
        counts.worked = counts.offered_and_worked + counts.worked_unoffered;
        counts
    }
}

pub(super) fn section(figure: &Figure<Vec<V2Counts>>) -> Section {
    let row = |it: &V2Counts| {
        let counts = [
            it.n,
            it.offered,
            it.worked,
            it.offered_and_worked,
            it.offered_and_failed,
            it.offered_and_not_tried,
            it.worked_unoffered,
            it.unreached,
        ];
        let counts = counts.map(Cell::Count);
        [it.network.into()].into_iter().chain(counts).collect()
    };
    tables::section(
        "v2_transport",
        "Encrypted transport: offered and worked",
        figure.definition,
        &[
            "network",
            "nodes",
            "offered",
            "worked",
            "both",
            "offered, failed",
            "offered, not tried",
            "worked, not offered",
            "unreached",
        ],
        figure.value.iter().map(row).collect(),
    )
}
