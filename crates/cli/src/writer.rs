//! The one writer of the store.

use std::thread;
use std::time::Duration;

use crawl::progress::Progress;
use crawl::vigil::Vigil;
use proto::Visit;
use proto::visit::Finding;
use record::{Batch, CrawlId, Store, StoreError, SummaryBuilder};
use tokio::sync::{mpsc, watch};

/// How many findings wait for the writer before the crawl slows down.
const MOST_WAITING: usize = 8_192;
/// The same where each may have thousands of claims.
const MOST_WAITING_WITH_EDGES: usize = 256;
/// How many findings go into one transaction.
const MAX_BATCH: usize = 4_096;
/// How long findings gather before they are written: so much is lost at most when the process is killed.
const GATHER: Duration = Duration::from_millis(20);

/// What is kept of what a crawl finds, besides its visits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keep {
    /// All claims of all peers.
    pub(crate) edges: bool,
    /// The addresses that it learns, so that it can go on where it was.
    pub(crate) learned: bool,
}

impl Keep {
    /// Returns the way of findings to the writer.
    pub(crate) fn channel(self) -> (mpsc::Sender<Finding>, mpsc::Receiver<Finding>) {
        mpsc::channel(match self.edges {
            true => MOST_WAITING_WITH_EDGES,
            false => MOST_WAITING,
        })
    }
}

/// What makes something of every visit that was written.
pub(crate) trait Tally: Send + 'static {
    /// Takes in the next one.
    fn add(&mut self, visit: &Visit);
}

impl Tally for SummaryBuilder {
    fn add(&mut self, visit: &Visit) {
        SummaryBuilder::add(self, visit);
    }
}

impl Tally for Vigil {
    fn add(&mut self, visit: &Visit) {
        self.note(visit);
    }
}

/// Writes what a crawl finds, and has it tallied.
pub(crate) struct Writer<S, T> {
    pub(crate) store: S,
    pub(crate) crawl: CrawlId,
    pub(crate) keep: Keep,
    /// What came of the visits that were written before.
    pub(crate) tally: T,
    /// Where it says how much was left out.
    pub(crate) progress: watch::Receiver<Progress>,
}

impl<S: Store, T: Tally> Writer<S, T> {
    /// Stores findings until every sender is gone.
    ///
    /// Runs on its own thread: it blocks.
    pub(crate) fn run(mut self, mut inbox: mpsc::Receiver<Finding>) -> Result<(S, T), StoreError> {
        let mut findings = Vec::new();
        let (mut visits, mut learned) = (Vec::new(), Vec::new());
        loop {
            let is_over = inbox.blocking_recv_many(&mut findings, MAX_BATCH) == 0;
            for finding in findings.drain(..) {
                visits.push(finding.visit);
                if self.keep.learned {
                    learned.extend(finding.learned);
                }
            }
            let left_out = &self.progress.borrow().left_out.clone();
            let left_out = left_out.iter().map(|(why, n)| ((*why).to_owned(), *n));
            let left_out = left_out.collect();
            let batch = Batch {
                visits: &visits,
                learned: &learned,
                left_out: Some(&left_out),
                with_edges: self.keep.edges,
            };
            self.store.append(self.crawl, &batch)?;
            if is_over {
                return Ok((self.store, self.tally));
            }
            for visit in visits.drain(..) {
                self.tally.add(&visit);
            }
            learned.clear();
            if !inbox.is_closed() {
                thread::sleep(GATHER);
            }
        }
    }
}
