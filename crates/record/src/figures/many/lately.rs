//! Which addresses answered in the last eight days.

use std::collections::HashSet;
use std::time::Duration;

use proto::PeerAddr;

use super::ByNetwork;
use crate::figures::{Snapshot, when};
use crate::store::{Glimpse, Store, StoreError};

/// How far back that goes.
const REACH: Duration = Duration::from_hours(8 * 24);

/// The addresses that answered in the eight days before the end of a crawl.
#[derive(Clone, Debug)]
pub struct Lately {
    since_us: i64,
    until_us: i64,
    reached: HashSet<PeerAddr>,
}

impl Lately {
    /// Begins with what `snapshot` reached; the rest comes by [`Lately::add`].
    pub fn before(snapshot: &Snapshot) -> Lately {
        let until_us = when::ended_at_us(snapshot);
        let reach_us = i64::try_from(REACH.as_micros()).unwrap_or(i64::MAX);
        Lately {
            since_us: until_us.saturating_sub(reach_us),
            until_us,
            reached: snapshot.nodes.iter().map(|it| it.visit.addr).collect(),
        }
    }

    /// The same with all glimpses of the chain that the store has.
    pub fn read(store: &impl Store, snapshot: &Snapshot) -> Result<Lately, StoreError> {
        let mut lately = Lately::before(snapshot);
        let time_us = lately.since_us..=lately.until_us;
        store.read_glimpses(snapshot.crawl.chain, time_us, &mut |it| {
            lately.add(&it);
            Ok(())
        })?;
        Ok(lately)
    }

    /// When the eight days begin, microseconds since 1970.
    pub fn since_us(&self) -> i64 {
        self.since_us
    }

    /// Takes in a call, in any order; those outside of the eight days change nothing.
    pub fn add(&mut self, glimpse: &Glimpse) {
        let is_lately = (self.since_us..=self.until_us).contains(&glimpse.started_at_us);
        if is_lately && glimpse.outcome.is_reachable() {
            self.reached.insert(glimpse.addr);
        }
    }

    /// Counts the addresses.
    pub(super) fn reached(&self) -> ByNetwork {
        ByNetwork::of(self.reached.iter().map(PeerAddr::network))
    }
}
