//! The one writer of the store.

use std::thread;
use std::time::Duration;

use proto::Visit;
use record::{CrawlId, Store, StoreError, SummaryBuilder};
use tokio::sync::mpsc;

/// How many visits wait for the writer before the crawl slows down.
pub(crate) const MOST_WAITING: usize = 8_192;
/// How many visits go into one transaction.
const MAX_BATCH: usize = 4_096;
/// How long visits gather before they are written: so much is lost at most when the process is killed.
const GATHER: Duration = Duration::from_millis(20);

/// Stores visits until every sender is gone, and returns the figures of those that it stored.
///
/// Runs on its own thread: it blocks.
pub(crate) fn store_visits(
    store: &mut impl Store,
    crawl: CrawlId,
    mut inbox: mpsc::Receiver<Visit>,
) -> Result<SummaryBuilder, StoreError> {
    let mut figures = SummaryBuilder::default();
    let mut batch = Vec::with_capacity(MAX_BATCH);
    while inbox.blocking_recv_many(&mut batch, MAX_BATCH) > 0 {
        store.append_visits(crawl, &batch)?;
        for visit in batch.drain(..) {
            figures.add(&visit);
        }
        if !inbox.is_closed() {
            thread::sleep(GATHER);
        }
    }
    Ok(figures)
}
