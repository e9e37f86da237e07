//! One roll call from an open store to its summary.

use std::sync::Arc;

use anyhow::Context;
use cpu_time::ProcessTime;
use crawl::dial::Target;
use crawl::frontier::Frontier;
use crawl::progress::Progress;
use crawl::roll::{RollConfig, call_all};
use crawl::visit::{micros, unix_now};
use proto::session::Questions;
use record::summary::Spent;
use record::{CrawlEnd, CrawlId, NewCrawl, SqliteStore, Store, Summary, SummaryBuilder};
use tokio::runtime::Builder;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::config::{DialConfig, Load};
use crate::console::Console;
use crate::writer::{MOST_WAITING, store_visits};

/// What is to be called, and how.
pub(crate) struct RollCall {
    pub(crate) dial: DialConfig,
    pub(crate) load: Load,
    pub(crate) vantage: String,
    /// The names of the sources, in the order to which visits refer.
    pub(crate) sources: Vec<String>,
    pub(crate) frontier: Frontier,
    pub(crate) console: Console,
    pub(crate) stop: CancellationToken,
}

/// What came of it.
pub(crate) struct Ended {
    pub(crate) store: SqliteStore,
    pub(crate) crawl: CrawlId,
    pub(crate) progress: Progress,
    pub(crate) summary: Summary,
}

/// Runs `work` to its end.
///
/// One thread is enough: calls wait, they do not compute, and threads that hand work to each other cost more than
/// they bring.
pub(crate) fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .context("the runtime could not be started")?;
    let end = runtime.block_on(work);
    // A name server or a named pipe that still keeps a thread waiting must not keep the program.
    runtime.shutdown_background();
    end
}

impl RollCall {
    /// Calls everybody, stores every visit as it ends, and sums up what the store then has.
    pub(crate) async fn run(self, mut store: SqliteStore) -> anyhow::Result<Ended> {
        let began = ProcessTime::try_now();
        let crawl = store.begin_crawl(&self.new_crawl())?;
        let (visits, inbox) = mpsc::channel(MOST_WAITING);
        let writer = tokio::task::spawn_blocking(move || {
            store_visits(&mut store, crawl, inbox).map(|figures| (store, figures))
        });
        let (progress, shown) = watch::channel(Progress::default());
        let showing = tokio::spawn(self.console.show_crawl(shown));

        let caller = Arc::new(self.dial.caller(false));
        let roll = RollConfig {
            max_in_flight: self.load.max_in_flight,
            max_rate: self.load.max_rate,
            longest_call: caller.longest_call(),
        };
        let end = call_all(
            self.frontier,
            roll,
            |addr| caller.dialer.why_not(addr),
            |addr| {
                let caller = caller.clone();
                async move { caller.call(&Target::Addr(addr)).await }
            },
            // `call_all` owns `visits`: when it returns, the writer sees the end and stops.
            visits,
            progress,
            self.stop,
        )
        .await;
        showing.await?;
        let (mut store, figures) = writer.await??;
        let how = match end.n_remaining() {
            0 => CrawlEnd::Finished,
            _ => CrawlEnd::Stopped,
        };
        store.finish_crawl(crawl, micros(unix_now()), how)?;
        let cpu = began.and_then(|it| it.try_elapsed()).ok();
        let spent = Spent {
            wall_us: u64::try_from(end.elapsed.as_micros()).ok(),
            cpu_us: cpu.and_then(|it| u64::try_from(it.as_micros()).ok()),
        };
        let summary = figures.finish(spent);
        Ok(Ended {
            store,
            crawl,
            progress: end,
            summary,
        })
    }

    fn new_crawl(&self) -> NewCrawl {
        NewCrawl {
            chain: self.dial.chain,
            vantage: self.vantage.clone(),
            sources: self.sources.clone(),
            started_at_us: micros(unix_now()),
            n_queued: self.frontier.n_known() as u64,
            config: serde_json::json!({
                "max_in_flight": self.load.max_in_flight,
                "max_rate": self.load.max_rate,
                "proxy": self.dial.proxy().map(|it| &it.at),
                "allow_private": self.dial.allow_private,
                "handshake_only": self.dial.questions == Questions::None,
                "user_agent": self.dial.user_agent,
                "version": env!("CARGO_PKG_VERSION"),
            }),
        }
    }
}

/// Computes the summary of a stored crawl.
pub(crate) fn sum_up(store: &SqliteStore, crawl: CrawlId, spent: Spent) -> anyhow::Result<Summary> {
    let mut builder = SummaryBuilder::default();
    store.read_visits(crawl, &mut |visit| {
        builder.add(&visit);
        Ok(())
    })?;
    Ok(builder.finish(spent))
}
