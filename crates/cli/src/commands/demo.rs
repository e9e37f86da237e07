//! `demo`: a simulated network of thousands of nodes, crawled, summed up and held against the truth.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use crawl::capacity::Capacity;
use crawl::dial::socks5::Proxy;
use crawl::dial::ways::Ways;
use crawl::frontier::{Frontier, Hint, Rules};
use crawl::visit::{micros, unix_now};
use proto::Chain;
use record::text::grouped;
use record::{CrawlState, SqliteStore, Store};
use sim::{Comparison, N_SEEDS, Reach, SimServer, World, WorldConfig, compare_found};
use tokio_util::sync::CancellationToken;

use super::sim::WorldArgs;
use crate::config::{DialConfig, FollowArgs, Load, defaults};
use crate::console::Console;
use crate::pass::TooSoon;
use crate::roll_call::{Ended, RollCall, TOLD_BY_PEERS, block_on, told_config};
use crate::stop::stop_on_signals;
use crate::{Done, console, paths};

/// The most calls at once: one thread plays both sides, and whoever waits for it loses patience.
const MAX_IN_FLIGHT: usize = 1_000;

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Print the summary as JSON.
    #[arg(long)]
    json: bool,
    /// Say nothing while it runs.
    #[arg(long)]
    quiet: bool,
    /// The store to fill; what an earlier demo left there is replaced [default: demo.db in the user's data directory].
    #[arg(long, value_name = "FILE")]
    db: Option<PathBuf>,
    #[command(flatten)]
    world: WorldArgs,
}

pub(crate) fn run(args: DemoArgs) -> anyhow::Result<Done> {
    block_on(demo(args))
}

async fn demo(args: DemoArgs) -> anyhow::Result<Done> {
    let console = Console::new(args.quiet);
    let db = args.db.clone().map_or_else(paths::demo_db, Ok)?;
    replace(&db)?;
    let store = SqliteStore::open_for_crawl(&db)?;
    let mut dial = DialConfig::for_demo();
    let world = Arc::new(World::generate(&WorldConfig {
        // Clocks that are right, so that those which are wrong stand out.
        unix_time: micros(unix_now()).div_euclid(1_000_000),
        ..args.world.config(Chain::Mainnet, dial.handshake_patience())
    }));
    let stop = CancellationToken::new();
    let network = SimServer::start(
        world.clone(),
        ([127, 0, 0, 1], 0).into(),
        stop.child_token(),
    )?;
    console.say(&format!(
        "{} simulated nodes listen on {}; no packet leaves this machine",
        grouped(world.nodes().len()),
        network.addr()
    ));
    dial.ways = Ways::direct().through(Proxy::parse(&network.addr().to_string())?);
    dial.check_ways().await?;
    let calling = CancellationToken::new();
    stop_on_signals(calling.clone());
    let load = load();
    let ended = RollCall {
        config: told_config(&dial, &load, &FollowArgs::default()),
        frontier: seeds(&world, &dial, &load),
        dial,
        load,
        vantage: "demo".to_owned(),
        sources: vec!["seeds".to_owned(), TOLD_BY_PEERS.to_owned()],
        too_soon: TooSoon::default(),
        goes_on: None,
        with_edges: false,
        console,
        stop: calling,
    }
    .run(store)
    .await?;
    stop.cancel();
    let summary = match args.json {
        true => serde_json::to_string_pretty(&ended.summary)?,
        false => ended.summary.to_text(console::width()),
    };
    console::print_result(&summary)?;
    let comparison = hold_against_truth(&world, &ended)?;
    console.say(&format!("against the truth: {comparison}"));
    console.say(&next_steps(&db));
    anyhow::ensure!(
        comparison.is_perfect() || ended.progress.n_remaining() > 0,
        "what the crawl found is not the truth"
    );
    Ok(Done::Well)
}

/// Each call takes two files here, one at each end.
fn load() -> Load {
    let half = Capacity::claim().usual_in_flight / 2;
    Load {
        max_in_flight: NonZeroUsize::new(half.min(MAX_IN_FLIGHT)).unwrap_or(NonZeroUsize::MIN),
        max_rate: None,
    }
}

fn seeds(world: &World, dial: &DialConfig, load: &Load) -> Frontier {
    let rules = Rules {
        retry_after: defaults::DEMO_RETRY,
        ..dial.rules(load)
    };
    let mut frontier = Frontier::new(rules, 0);
    for n in world.seeds(N_SEEDS) {
        frontier.learn(world.nodes()[n].addr, 0, Hint::default());
    }
    frontier
}

fn hold_against_truth(world: &World, ended: &Ended) -> anyhow::Result<Comparison> {
    let mut visits = Vec::new();
    ended.store.read_visits(ended.crawl, &mut |visit| {
        visits.push(visit);
        Ok(())
    })?;
    Ok(compare_found(&world.truth(Reach::Proxy), &visits))
}

/// Removes the store of an earlier demo that is over, but no other file.
fn replace(db: &Path) -> anyhow::Result<()> {
    if !db.exists() {
        return Ok(());
    }
    let crawls = SqliteStore::open_to_read(db).and_then(|store| store.crawls());
    let Some(crawls) = crawls
        .ok()
        .filter(|it| it.iter().all(|it| it.vantage == "demo"))
    else {
        anyhow::bail!(
            "{} is there and no demo made it; give another --db",
            db.display()
        );
    };
    anyhow::ensure!(
        crawls.iter().all(|it| it.state != CrawlState::Running),
        "another demo is filling {}; wait for its end, or give another --db",
        db.display()
    );
    for suffix in ["", "-wal", "-shm"] {
        let mut path = db.as_os_str().to_owned();
        path.push(suffix);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("{} cannot be replaced", db.display()));
            }
            _ => (),
        }
    }
    Ok(())
}

fn next_steps(db: &Path) -> String {
    let db = db.display();
    format!(
        "\
look at it again with
  bitcensus report --html report.html --db {db}
  bitcensus plot all --output pictures --db {db}
  bitcensus export ndjson --db {db}
  bitcensus sql --db {db}"
    )
}
