//! One crawl from an open store to its summary.

use std::collections::HashSet;
use std::sync::Arc;

use anyhow::Context;
use cpu_time::ProcessTime;
use crawl::frontier::{Frontier, PerNetwork};
use crawl::progress::Progress;
use crawl::visit::{micros, unix_now};
use proto::Network;
use proto::session::Questions;
use record::summary::Spent;
use record::{CrawlEnd, CrawlId, NewCrawl, SqliteStore, Store, Summary, SummaryBuilder};
use tokio::runtime::Builder;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::config::{DialConfig, FollowArgs, Load};
use crate::console::Console;
use crate::pass::{Pass, TooSoon};
use crate::writer::Keep;

/// What is to be called, and how.
pub(crate) struct RollCall {
    pub(crate) dial: DialConfig,
    pub(crate) load: Load,
    pub(crate) vantage: String,
    /// The names of the sources, in the order to which visits refer; what peers tell is the last of them.
    pub(crate) sources: Vec<String>,
    pub(crate) frontier: Frontier,
    /// Who was called a moment ago, and so is not called now.
    pub(crate) too_soon: TooSoon,
    /// The crawl that goes on, where this is not a new one.
    pub(crate) goes_on: Option<GoesOn>,
    /// Whether to keep who told of whom.
    pub(crate) with_edges: bool,
    /// How calls are made, as [`told_config`] tells it.
    pub(crate) config: serde_json::Value,
    pub(crate) console: Console,
    pub(crate) stop: CancellationToken,
}

/// A crawl that was stopped or killed, and what it had found.
pub(crate) struct GoesOn {
    pub(crate) crawl: CrawlId,
    pub(crate) figures: SummaryBuilder,
    pub(crate) progress: Progress,
}

/// What came of it.
pub(crate) struct Ended {
    pub(crate) store: SqliteStore,
    pub(crate) crawl: CrawlId,
    pub(crate) progress: Progress,
    pub(crate) summary: Summary,
}

/// How what peers tell is named among the sources.
pub(crate) const TOLD_BY_PEERS: &str = "peers";

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
    pub(crate) async fn run(mut self, mut store: SqliteStore) -> anyhow::Result<Ended> {
        let began = ProcessTime::try_now();
        let (crawl, figures, before) = self.open(&mut store)?;
        let pass = Pass {
            caller: Arc::new(self.dial.caller(false)),
            max_rate: self.load.max_rate,
            way_patience: self.dial.way_patience,
            since: Instant::now(),
            gossip: place_of_gossip(&self.sources)?,
            too_soon: &self.too_soon,
            asked: &HashSet::new(),
            held: PerNetwork::default(),
            crawl,
            keep: Keep {
                edges: self.with_edges,
                learned: true,
            },
            before,
            console: self.console,
            stop: self.stop,
        };
        let ran = pass.run(&mut self.frontier, store, figures).await;
        let (mut store, mut figures, end) = ran?;
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
        let left_out = end.left_out.iter().map(|(why, n)| ((*why).to_owned(), *n));
        figures.leave_out(left_out.collect());
        let summary = figures.finish(spent);
        Ok(Ended {
            store,
            crawl,
            progress: end,
            summary,
        })
    }

    /// Begins the crawl in the store, or has it go on.
    fn open(
        &mut self,
        store: &mut SqliteStore,
    ) -> anyhow::Result<(CrawlId, SummaryBuilder, Progress)> {
        if let Some(it) = self.goes_on.take() {
            store.reopen_crawl(it.crawl)?;
            return Ok((it.crawl, it.figures, it.progress));
        }
        let crawl = store.begin_crawl(&self.new_crawl())?;
        let known: Vec<_> = self.frontier.known().collect();
        store.learn(crawl, &known)?;
        Ok((crawl, SummaryBuilder::default(), Progress::default()))
    }

    fn new_crawl(&self) -> NewCrawl {
        NewCrawl {
            chain: self.dial.chain,
            vantage: self.vantage.clone(),
            sources: self.sources.clone(),
            started_at_us: micros(unix_now()),
            n_queued: self.frontier.n_known() as u64,
            series: None,
            observer: None,
            config: self.config.clone(),
        }
    }
}

/// Returns the place of what peers tell in the list of sources: the last one.
pub(crate) fn place_of_gossip(sources: &[String]) -> anyhow::Result<u16> {
    u16::try_from(sources.len() - 1).context("more than 65535 sources")
}

/// Tells how calls are made, for people who read the store, and for a crawl that goes on: without passwords.
pub(crate) fn told_config(
    dial: &DialConfig,
    load: &Load,
    follow: &FollowArgs,
) -> serde_json::Value {
    let ways = Network::ALL.map(|it| (it.name().to_owned(), dial.ways.way(it).to_string().into()));
    serde_json::json!({
        "max_in_flight": load.max_in_flight,
        "max_rate": load.max_rate,
        "ways": serde_json::Map::from_iter(ways),
        "allow_private": dial.allow_private,
        "questions": match dial.questions {
            Questions::None => "none",
            Questions::Features => "features",
            Questions::Addresses => "addresses",
        },
        "transport": dial.transports.name(),
        "legacy": follow.legacy,
        "edges": follow.edges,
        "opt_out": dial.opt_out_files,
        "user_agent": dial.user_agent,
        "version": env!("CARGO_PKG_VERSION"),
    })
}

/// What a crawl that goes on must do as it did before: whom it calls, which way, and what it asks and keeps.
const UNCHANGED: [&str; 7] = [
    "ways",
    "allow_private",
    "questions",
    "transport",
    "legacy",
    "edges",
    "opt_out",
];

/// Returns in what `now` differs from how a crawl was begun, as far as that matters.
pub(crate) fn differences(begun: &serde_json::Value, now: &serde_json::Value) -> Vec<String> {
    let differs = UNCHANGED.into_iter().filter(|it| begun[it] != now[it]);
    let tell = |it: &str| format!("{it} was {}, and is {}", begun[it], now[it]);
    differs.map(tell).collect()
}
