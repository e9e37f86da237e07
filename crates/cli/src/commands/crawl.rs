//! `crawl`: call every node on a list, all at once.

use std::collections::BTreeMap;

use anyhow::Context;
use clap::Args;
use crawl::frontier::Frontier;
use crawl::sources::Source;
use record::SqliteStore;
use record::text::grouped;
use tokio_util::sync::CancellationToken;

use crate::config::{DbArgs, DialArgs, DialConfig, RollArgs};
use crate::console::Console;
use crate::roll_call::{RollCall, block_on};
use crate::stop::stop_on_signals;
use crate::{Done, console, sources};

#[derive(Debug, Args)]
#[command(after_help = "\
SOURCE is one of
  dns        the DNS seeds of the chain
  store      the nodes that answered in the latest crawl of the store
  FILE       a node list: bitnodes' API answer or export file, Bitcoin Core's
             nodes_*.txt, or one address a line
  URL        the same from http:// or https://
  -          the same from standard input

Examples:
  bitcensus crawl
  bitcensus crawl snapshot.json --db census.db
  bitcensus crawl nodes.txt --proxy socks5://127.0.0.1:9050 --max-in-flight 500

Ctrl-C once lets open calls end and stores them; twice quits at once.")]
pub(crate) struct CrawlArgs {
    /// Where addresses come from [default: dns store].
    #[arg(value_name = "SOURCE")]
    sources: Vec<String>,
    /// Call loopback and other addresses that no public node can have: for test networks.
    #[arg(long)]
    allow_private: bool,
    /// A name for the place that this crawl looks from.
    #[arg(long, value_name = "NAME", default_value = "here")]
    vantage: String,
    /// Read the sources, say who would be called, and call nobody.
    #[arg(long)]
    dry_run: bool,
    /// Print the summary as JSON.
    #[arg(long)]
    json: bool,
    /// Say nothing while it runs.
    #[arg(long)]
    quiet: bool,
    #[command(flatten)]
    db: DbArgs,
    #[command(flatten)]
    dial: DialArgs,
    #[command(flatten)]
    roll: RollArgs,
}

pub(crate) fn run(args: CrawlArgs) -> anyhow::Result<Done> {
    block_on(crawl(args))
}

async fn crawl(args: CrawlArgs) -> anyhow::Result<Done> {
    let console = Console::new(args.quiet);
    let mut dial = DialConfig::new(&args.dial, args.allow_private)?;
    let load = args.roll.load();
    let db = args.db.path()?;
    let stop = CancellationToken::new();
    stop_on_signals(stop.clone());
    if !args.dry_run {
        dial.check_proxy().await.context("nothing was called")?;
    }
    let sources = match args.sources.as_slice() {
        [] => vec![Source::Dns, Source::Store],
        named => named.iter().map(|it| Source::parse(it)).collect(),
    };
    let read = sources::read_all(&sources, &dial, &db, console);
    let frontier = tokio::select! {
        read = read => read?,
        () = stop.cancelled() => anyhow::bail!("stopped before the first call"),
    };
    if frontier.n_known() == 0 {
        console.say(&nothing_to_call(&sources));
        return Ok(Done::NobodyAnswered);
    }
    if args.dry_run {
        return tell_plan(frontier, &dial, args.json);
    }
    // Only now: a wrong source leaves no empty census behind.
    let store = SqliteStore::open_for_crawl(&db)?;
    let ended = RollCall {
        dial,
        load,
        vantage: args.vantage,
        sources: sources.iter().map(ToString::to_string).collect(),
        frontier,
        console,
        stop,
    }
    .run(store)
    .await?;
    let summary = if args.json {
        serde_json::to_string_pretty(&ended.summary)?
    } else {
        ended.summary.to_text(console::width())
    };
    console::print_result(&summary)?;
    console.say(&format!("crawl {} is in {}", ended.crawl, db.display()));
    let progress = &ended.progress;
    if progress.n_reachable == 0 {
        console.say(match progress.n_remaining() {
            0 if progress.n_not_tried() == progress.n_done => NOBODY_CALLED,
            0 => NOBODY_ANSWERED,
            _ => STOPPED_TOO_SOON,
        });
        return Ok(Done::NobodyAnswered);
    }
    Ok(Done::Well)
}

/// Says what a crawl would do.
fn tell_plan(mut frontier: Frontier, dial: &DialConfig, as_json: bool) -> anyhow::Result<Done> {
    let dialer = dial.caller(false).dialer;
    let n_known = frontier.n_known();
    let mut networks = BTreeMap::new();
    let mut left_out = BTreeMap::new();
    while let Some(task) = frontier.take_next() {
        match dialer.why_not(&task.addr) {
            None => *networks.entry(task.addr.network().name()).or_insert(0) += 1,
            Some(why) => *left_out.entry(why.code()).or_insert(0) += 1,
        }
    }
    if as_json {
        let plan = serde_json::json!({
            "addresses": n_known, "to_call": networks, "not_tried": left_out,
        });
        console::print_result(&plan.to_string())?;
        return Ok(Done::Well);
    }
    let mut text = format!("{} addresses, each once\n", grouped(n_known));
    for (network, n) in networks {
        text += &format!("  {:>9}  {network}\n", grouped(n));
    }
    for (why, n) in left_out {
        text += &format!("  {:>9}  would not be tried: {why}\n", grouped(n));
    }
    console::print_result(&text)?;
    Ok(Done::Well)
}

const NOBODY_CALLED: &str = "\
Nobody was called: the summary says why. Loopback and other private addresses
are called with --allow-private, those of Tor, I2P and CJDNS with --proxy.";

const STOPPED_TOO_SOON: &str = "It was stopped before anybody answered.";

const NOBODY_ANSWERED: &str = "\
Nobody answered, so the network seems to be out of reach from this machine.
Does it have a way to the internet, or should calls go through --proxy?
`bitcensus demo` shows a crawl that needs no internet.";

fn nothing_to_call(sources: &[Source]) -> String {
    match sources.contains(&Source::Dns) {
        true => "\
No DNS seed gave an address, so the network is out of reach from this machine.
Give a node list with `bitcensus crawl FILE`, a way out with --proxy, or try
`bitcensus demo`, which needs no internet."
            .to_owned(),
        false => "There is nobody to call: no source named an address.".to_owned(),
    }
}
