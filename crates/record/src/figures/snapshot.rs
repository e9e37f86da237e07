//! What a crawl found, as figures need it: the last visit of each address.

use std::collections::HashMap;
use std::time::Duration;

use proto::outcome::Outcome;
use proto::version::Version;
use proto::{PeerAddr, Visit};

use crate::places::{Atlas, Place};
use crate::store::{Crawl, Store, StoreError};

/// The last visit of each address that a crawl visited, in the order of the addresses.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// The crawl.
    pub crawl: Crawl,
    /// The addresses that brought a valid `version`.
    pub nodes: Vec<Node>,
    /// All others.
    pub unreached: Vec<Unreached>,
}

/// A reachable address: its visit brought a valid `version`.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// The visit.
    pub visit: Visit,
    /// Where it is.
    pub place: Place,
}

/// An address that brought no `version`: most of a crawl, so little is kept of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreached {
    /// Whom we called.
    pub addr: PeerAddr,
    /// Which of the crawl's sources named it.
    pub source: u16,
    /// When the dial began, microseconds since 1970.
    pub started_at_us: i64,
    /// When it was over, since the dial began.
    pub took: Duration,
    /// When the connection stood, since the dial began.
    pub connect: Option<Duration>,
    /// How it ended.
    pub outcome: Outcome,
}

/// Takes the visits of a crawl in, one after the other.
pub struct SnapshotBuilder<'a> {
    atlas: &'a dyn Atlas,
    nodes: HashMap<PeerAddr, Node>,
    unreached: HashMap<PeerAddr, Unreached>,
}

impl Snapshot {
    /// Reads what a crawl found; `atlas` says where its nodes are.
    pub fn read(
        store: &impl Store,
        crawl: Crawl,
        atlas: &dyn Atlas,
    ) -> Result<Snapshot, StoreError> {
        let mut builder = SnapshotBuilder::new(atlas);
        store.read_last_visits(crawl.id, &mut |visit| {
            builder.add(visit);
            Ok(())
        })?;
        Ok(builder.finish(crawl))
    }
}

impl<'a> SnapshotBuilder<'a> {
    /// Begins with nobody; `atlas` says where nodes are.
    pub fn new(atlas: &'a dyn Atlas) -> SnapshotBuilder<'a> {
        SnapshotBuilder {
            atlas,
            nodes: HashMap::new(),
            unreached: HashMap::new(),
        }
    }

    /// Takes the next visit, which counts instead of those before it to the same address.
    pub fn add(&mut self, visit: Visit) {
        let addr = visit.addr;
        match visit.call.outcome.is_reachable() {
            true => {
                self.unreached.remove(&addr);
                let place = self.atlas.place(&addr);
                self.nodes.insert(addr, Node { visit, place });
            }
            false => {
                self.nodes.remove(&addr);
                self.unreached.insert(addr, Unreached::from(&visit));
            }
        }
    }

    /// Returns what was found by `crawl`.
    pub fn finish(self, crawl: Crawl) -> Snapshot {
        let mut nodes: Vec<Node> = self.nodes.into_values().collect();
        nodes.sort_unstable_by_key(|it| it.visit.addr);
        let mut unreached: Vec<Unreached> = self.unreached.into_values().collect();
        unreached.sort_unstable_by_key(|it| it.addr);
        Snapshot {
            crawl,
            nodes,
            unreached,
        }
    }
}

impl Node {
    /// Returns its `version`, where it could be decoded or an observer told of it.
    pub fn version(&self) -> Option<&Version> {
        self.visit.call.heard.version.as_deref()
    }
}

impl From<&Visit> for Unreached {
    fn from(visit: &Visit) -> Unreached {
        Unreached {
            addr: visit.addr,
            source: visit.source,
            started_at_us: visit.call.started_at_us,
            took: visit.call.took,
            connect: visit.call.connect,
            outcome: visit.call.outcome,
        }
    }
}
