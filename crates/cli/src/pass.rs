//! One pass over a frontier: calls are made, and what comes of them is written.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use crawl::dial::Target;
use crawl::frontier::{Frontier, PerNetwork, Task};
use crawl::progress::Progress;
use crawl::roll::{RollConfig, call_all};
use crawl::visit::{Caller, Manners};
use proto::{NotTried, PeerAddr};
use record::{CrawlId, SqliteStore};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::console::Console;
use crate::writer::{Keep, Tally, Writer};

/// How calls are made, and where what comes of them goes.
pub(crate) struct Pass<'a> {
    pub(crate) caller: Arc<Caller>,
    /// New connections a second; `None` for no bound.
    pub(crate) max_rate: Option<f64>,
    /// When the frontier's time began.
    pub(crate) since: Instant,
    /// How long to wait for a proxy or a router that went away.
    pub(crate) way_patience: Duration,
    /// The place of what peers tell in the list of sources.
    pub(crate) gossip: u16,
    /// Who was called a moment ago, and so is not called now.
    pub(crate) too_soon: &'a TooSoon,
    /// Who was asked for addresses of late, and so is not asked now.
    pub(crate) asked: &'a HashSet<PeerAddr>,
    /// Networks of which nobody is called, as their ways are broken.
    pub(crate) held: PerNetwork<bool>,
    /// The crawl to which the visits belong.
    pub(crate) crawl: CrawlId,
    pub(crate) keep: Keep,
    /// How far the crawl was before, where it goes on.
    pub(crate) before: Progress,
    /// Where it is shown how the pass goes on.
    pub(crate) console: Console,
    pub(crate) stop: CancellationToken,
}

/// Who was called a moment before the first call.
#[derive(Clone, Debug, Default)]
pub(crate) struct TooSoon {
    pub(crate) called: HashSet<PeerAddr>,
    /// For how long nobody of these is called again.
    pub(crate) interval: Duration,
}

impl TooSoon {
    fn holds(&self, addr: &PeerAddr, since_first_call: Duration) -> bool {
        since_first_call < self.interval && self.called.contains(addr)
    }
}

impl Pass<'_> {
    /// Calls everybody in `frontier`, and stores every visit as it ends.
    pub(crate) async fn run<T: Tally>(
        self,
        frontier: &mut Frontier,
        store: SqliteStore,
        tally: T,
    ) -> anyhow::Result<(SqliteStore, T, Progress)> {
        let (findings, inbox) = self.keep.channel();
        let (progress, shown) = watch::channel(self.before);
        let writer = Writer {
            store,
            crawl: self.crawl,
            keep: self.keep,
            tally,
            progress: shown.clone(),
        };
        let writer = tokio::task::spawn_blocking(move || writer.run(inbox));
        let showing = tokio::spawn(self.console.show_crawl(shown));

        let caller = self.caller;
        let roll = RollConfig {
            since: self.since,
            max_rate: self.max_rate,
            way_patience: self.way_patience,
            longest_call: caller.longest_call(),
            gossip: self.gossip,
            keep_claims: self.keep.edges,
            held: self.held,
        };
        let end = call_all(
            frontier,
            roll,
            |addr| match caller.dialer.why_not(addr) {
                None if self.too_soon.holds(addr, self.since.elapsed()) => Some(NotTried::TooSoon),
                why_not => why_not,
            },
            |task: &Task| {
                let caller = caller.clone();
                let target = Target::Addr(task.addr);
                let manners = Manners {
                    dialect: task.dialect,
                    v2_first: task.v2_first,
                    no_gossip: self.asked.contains(&task.addr),
                };
                async move { caller.call(&target, manners).await }
            },
            // `call_all` owns `findings`: when it returns, the writer sees the end and stops.
            findings,
            progress,
            self.stop,
        )
        .await;
        showing.await?;
        let (store, tally) = writer.await??;
        Ok((store, tally, end))
    }
}
