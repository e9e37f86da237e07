//! How much a server had to do.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

/// How much a server had to do until now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections that were taken.
    pub connections: u64,
    /// Connections that are open.
    pub open: u64,
    /// The most connections that were open at once.
    pub peak: u64,
    /// The most calls that one node had at once.
    pub most_to_one: u32,
    /// Calls to addresses that nobody has.
    pub unknown: u64,
    /// Calls that ended after the caller had sent both `version` and `verack`.
    pub handshakes: u64,
}

/// Counts without a lock, for many tasks.
#[derive(Debug)]
pub(crate) struct Tally {
    connections: AtomicU64,
    open: AtomicU64,
    peak: AtomicU64,
    most_to_one: AtomicU32,
    unknown: AtomicU64,
    handshakes: AtomicU64,
    /// Of each node the open calls, and all that it ever had.
    calls: Vec<(AtomicU32, AtomicU32)>,
}

impl Tally {
    pub(crate) fn new(n_nodes: usize) -> Tally {
        Tally {
            connections: AtomicU64::new(0),
            open: AtomicU64::new(0),
            peak: AtomicU64::new(0),
            most_to_one: AtomicU32::new(0),
            unknown: AtomicU64::new(0),
            handshakes: AtomicU64::new(0),
            calls: (0..n_nodes).map(|_| Default::default()).collect(),
        }
    }

    pub(crate) fn counts(&self) -> Counts {
        Counts {
            connections: self.connections.load(Relaxed),
            open: self.open.load(Relaxed),
            peak: self.peak.load(Relaxed),
            most_to_one: self.most_to_one.load(Relaxed),
            unknown: self.unknown.load(Relaxed),
            handshakes: self.handshakes.load(Relaxed),
        }
    }

    /// Counts a connection, as open until what is returned is dropped.
    pub(crate) fn connection(self: &Arc<Tally>) -> OpenConnection {
        self.connections.fetch_add(1, Relaxed);
        let open = self.open.fetch_add(1, Relaxed) + 1;
        self.peak.fetch_max(open, Relaxed);
        OpenConnection(Arc::clone(self))
    }

    /// Counts a call to the `n`th node, as open until what is returned is dropped.
    pub(crate) fn call(&self, n: usize) -> OpenCall<'_> {
        let (open, all) = &self.calls[n];
        let n_open = open.fetch_add(1, Relaxed) + 1;
        self.most_to_one.fetch_max(n_open, Relaxed);
        OpenCall {
            n_earlier: all.fetch_add(1, Relaxed),
            open,
        }
    }

    pub(crate) fn count_unknown(&self) {
        self.unknown.fetch_add(1, Relaxed);
    }

    pub(crate) fn count_handshake(&self) {
        self.handshakes.fetch_add(1, Relaxed);
    }
}

pub(crate) struct OpenConnection(Arc<Tally>);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Relaxed);
    }
}

pub(crate) struct OpenCall<'a> {
    /// How many calls the node had before.
    pub(crate) n_earlier: u32,
    open: &'a AtomicU32,
}

impl Drop for OpenCall<'_> {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peaks_stay_when_calls_end() {
        let tally = Arc::new(Tally::new(2));
        let connections = [tally.connection(), tally.connection()];
        let calls = [tally.call(0), tally.call(0), tally.call(1)];
        assert_eq!(calls.each_ref().map(|it| it.n_earlier), [0, 1, 0]);
        drop((connections, calls));
        let _again = tally.connection();
        let expected = Counts {
            connections: 3,
            open: 1,
            peak: 2,
            most_to_one: 2,
            ..Counts::default()
        };
        assert_eq!(tally.counts(), expected);
    }
}
