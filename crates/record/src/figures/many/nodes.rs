//! How many nodes are behind the addresses that answered.

use std::collections::BTreeSet;

use proto::addr::Network;
use serde::Serialize;

use super::ByNetwork;
use crate::figures::Node;

/// With how many addresses a node may show the same nonce for it to be taken for one: five networks, and some of each.
///
/// More share a constant that somebody wrote into a program.
const MAX_ADDRS: usize = 16;

/// What [`Estimate`] is, for people.
pub(super) const ESTIMATE: &str = "reachable addresses, those taken for one that showed the same drawn nonce, protocol version and user agent in \
     this crawl, 16 at the most: one process. Bitcoin Core and others draw a new nonce for each connection, so that \
     different nonces prove nothing, and there are at most so many nodes. Not drawn is a nonce that is absent, or whose \
     upper half is 0 or all ones; such addresses, and larger groups, count one by one";

/// How many nodes there are behind reachable addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Estimate {
    /// At most so many; a node on several networks counts once on each of them, and once in all.
    pub at_most: ByNetwork,
    /// Nodes that were found at several addresses.
    pub several_addresses: u64,
    /// Addresses that are further ones of those.
    pub folded: u64,
    /// Addresses whose nonce was not drawn, or not told by the observer.
    pub without_nonce: u64,
    /// Addresses whose nonce more than 16 share.
    pub crowded: u64,
}

/// What the addresses of one process have in common; nonces of 2⁶⁴ are not the same by chance.
type Key<'a> = (u64, i32, Option<&'a [u8]>);

impl Estimate {
    /// Takes addresses together that are one process.
    pub(super) fn of(nodes: &[Node]) -> Estimate {
        let mut estimate = Estimate::default();
        let mut keyed: Vec<(Key<'_>, Network)> = Vec::new();
        for node in nodes {
            let network = node.visit.addr.network();
            match key(node) {
                Some(key) => keyed.push((key, network)),
                None => {
                    estimate.without_nonce += 1;
                    estimate.count([network]);
                }
            }
        }
        keyed.sort_unstable();
        for alike in keyed.chunk_by(|(a, _), (b, _)| a == b) {
            let networks = alike.iter().map(|(_, network)| *network);
            let n = alike.len() as u64;
            if alike.len() > MAX_ADDRS {
                estimate.crowded += n;
                networks.for_each(|it| estimate.count([it]));
            } else {
                estimate.several_addresses += u64::from(n > 1);
                estimate.folded += n - 1;
                estimate.count(networks.collect::<BTreeSet<Network>>());
            }
        }
        estimate
    }

    /// Counts one node that is on these networks.
    fn count(&mut self, networks: impl IntoIterator<Item = Network>) {
        self.at_most.all += 1;
        for network in networks {
            *self.at_most.on(network) += 1;
        }
    }
}

/// Returns what a process has in common on all its addresses, where it drew a nonce.
fn key(node: &Node) -> Option<Key<'_>> {
    // Of an observer that we imported, a nonce of 0 is one that he did not tell.
    node.visit.call.heard.version_payload.as_ref()?;
    let version = node.version()?;
    let nonce = version.nonce.filter(|it| is_drawn(*it))?;
    Some((
        nonce,
        version.protocol_version,
        version.user_agent.as_deref(),
    ))
}

/// Whether somebody drew that number: of drawn ones, one in two billion has an upper half of zeros or ones.
fn is_drawn(nonce: u64) -> bool {
    let upper = nonce >> 32;
    upper != 0 && upper != u64::from(u32::MAX)
}
