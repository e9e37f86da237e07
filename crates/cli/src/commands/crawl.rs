//! `crawl`: call every node, ask each for the others, and follow them until nobody is left.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use anyhow::Context;
use clap::Args;
use crawl::frontier::{After, Frontier, Hint, LeftOut};
use crawl::progress::Progress;
use crawl::sources::Source;
use crawl::visit::unix_now;
use proto::Chain;
use proto::NotTried;
use proto::services::P2P_V2;
use proto::session::Questions;
use record::summary::Count;
use record::text::grouped;
use record::{CrawlId, SqliteStore, Store, SummaryBuilder};
use tokio_util::sync::CancellationToken;

use crate::config::{DbArgs, DialArgs, DialConfig, FollowArgs, RollArgs};
use crate::console::Console;
use crate::pass::TooSoon;
use crate::remembered::called_since;
use crate::roll_call::{GoesOn, RollCall, TOLD_BY_PEERS, block_on, differences, told_config};
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
  bitcensus crawl --tor socks5://127.0.0.1:9050 --i2p 127.0.0.1:7656

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
    /// Go on with the latest crawl of the store, if it was stopped or killed.
    #[arg(long, conflicts_with = "sources")]
    resume: bool,
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
    follow: FollowArgs,
    #[command(flatten)]
    roll: RollArgs,
}

pub(crate) fn run(args: CrawlArgs) -> anyhow::Result<Done> {
    block_on(crawl(args))
}

async fn crawl(args: CrawlArgs) -> anyhow::Result<Done> {
    let console = Console::new(args.quiet);
    let mut dial = DialConfig::new(&args.dial, args.allow_private)?;
    if dial.questions == Questions::Features && !args.follow.no_gossip {
        dial.questions = Questions::Addresses;
    }
    let load = args.roll.load();
    let db = args.db.path()?;
    let stop = CancellationToken::new();
    stop_on_signals(stop.clone());
    let mut ways = Vec::new();
    if !args.dry_run {
        ways = tokio::select! {
            checked = dial.check_ways() => checked.context("nothing was called")?,
            () = stop.cancelled() => anyhow::bail!(STOPPED_EARLY),
        };
    }
    let frontier = args.follow.frontier(&dial, &load);
    let config = told_config(&dial, &load, &args.follow);
    let mut plan = if args.resume {
        let plan = Plan::go_on(frontier, dial.chain, &config, &db)?;
        console.say(&format!(
            "crawl {} goes on: {} of {} addresses are done",
            plan.goes_on.as_ref().map_or(CrawlId(0), |it| it.crawl),
            grouped(plan.frontier.n_done()),
            grouped(plan.frontier.n_known()),
        ));
        plan
    } else {
        let sources = match args.sources.as_slice() {
            [] => vec![Source::Dns, Source::Store],
            named => named.iter().map(|it| Source::parse(it)).collect(),
        };
        let read = sources::read_all(&sources, frontier, &dial, &db, console);
        let frontier = tokio::select! {
            read = read => read?,
            () = stop.cancelled() => anyhow::bail!(STOPPED_EARLY),
        };
        if frontier.n_known() == 0 {
            console.say(&nothing_to_call(&sources));
            return Ok(Done::NobodyAnswered);
        }
        Plan::start(frontier, &sources)
    };
    if args.dry_run {
        return tell_plan(&plan.frontier, &dial, args.json);
    }
    for line in ways {
        console.say(&line);
    }
    // Only now: a wrong source leaves no empty census behind.
    let store = SqliteStore::open_for_crawl(&db)?;
    let min_interval = args.follow.min_interval;
    if plan.goes_on.is_none() {
        plan.too_soon = called_since(&store, dial.chain, min_interval)?;
    }
    let ended = RollCall {
        dial,
        load,
        vantage: args.vantage,
        sources: plan.sources,
        frontier: plan.frontier,
        too_soon: plan.too_soon,
        goes_on: plan.goes_on,
        with_edges: args.follow.edges,
        config,
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
    if progress.n_remaining() > 0 {
        console.say(
            "It was stopped before its end; `crawl --resume` with the same flags goes on with it.",
        );
    }
    let is_too_soon = |it: &&Count| it.name.as_deref() == Some(NotTried::TooSoon.code());
    let too_soon = ended.summary.not_tried.value.iter().find(is_too_soon);
    let n_too_soon = too_soon.map_or(0, |it| it.n);
    if n_too_soon > 0 {
        console.say(&format!(
            "{} addresses were called less than {} s ago; with `--min-interval 0` they are called again.",
            grouped(n_too_soon),
            min_interval.as_secs_f64(),
        ));
    }
    if ended.summary.reachable.value == 0 {
        console.say(match progress.n_remaining() {
            0 if n_too_soon == progress.n_done as u64 => return Ok(Done::NobodyAnswered),
            0 if progress.n_not_tried() == progress.n_done => NOBODY_CALLED,
            0 => NOBODY_ANSWERED,
            _ => STOPPED_TOO_SOON,
        });
        return Ok(Done::NobodyAnswered);
    }
    Ok(Done::Well)
}

/// Whom to call, and where they come from.
struct Plan {
    frontier: Frontier,
    sources: Vec<String>,
    too_soon: TooSoon,
    goes_on: Option<GoesOn>,
}

impl Plan {
    fn start(frontier: Frontier, sources: &[Source]) -> Plan {
        let mut sources: Vec<_> = sources.iter().map(ToString::to_string).collect();
        sources.push(TOLD_BY_PEERS.to_owned());
        Plan {
            frontier,
            sources,
            too_soon: TooSoon::default(),
            goes_on: None,
        }
    }

    /// Fills `frontier` with what the latest crawl of the store had learned, and takes in what it had found.
    fn go_on(
        mut frontier: Frontier,
        chain: Chain,
        config: &serde_json::Value,
        db: &Path,
    ) -> anyhow::Result<Plan> {
        let store = SqliteStore::open_to_read(db)?;
        let Some(crawl) = store.resumable(chain)? else {
            anyhow::bail!(
                "no crawl of {chain} in {} was stopped or killed; leave --resume out for a new one",
                db.display()
            );
        };
        let differences = differences(&crawl.config, config);
        anyhow::ensure!(
            differences.is_empty(),
            "crawl {} was begun otherwise: {}; give the same flags as then, or begin a new crawl",
            crawl.id,
            differences.join("; ")
        );
        let unix_now = unix_now().as_secs().cast_signed();
        let store_name = Source::Store.to_string();
        let from_store = (0..)
            .zip(&crawl.sources)
            .find_map(|(place, it)| (*it == store_name).then_some(place));
        store.read_learned(crawl.id, &mut |learned| {
            frontier.restore_learned(&learned, unix_now);
            // The store names those alone who answered the last time.
            if learned.teller.is_none() && from_store == Some(learned.source) {
                let hint = Hint {
                    was_reachable: true,
                    speaks_v2: learned.services & P2P_V2 != 0,
                };
                frontier.learn(learned.addr, learned.source, hint);
            }
            Ok(())
        })?;
        let (mut figures, mut last) = (SummaryBuilder::default(), HashMap::new());
        store.read_visits(crawl.id, &mut |visit| {
            frontier.restore_visit(
                &visit.addr,
                visit.call.outcome,
                visit.attempt,
                visit.dialect,
            );
            figures.add(&visit);
            last.insert(visit.addr, visit.call.outcome);
            Ok(())
        })?;
        let mut progress = Progress::default();
        last.into_values()
            .for_each(|it| progress.count(it, After::Over));
        for (why, n) in &crawl.left_out {
            // Who is not trusted is found out again.
            let same = |it: &LeftOut| it.code() == why && *it != LeftOut::Untrusted;
            if let Some(why) = LeftOut::ALL.into_iter().find(same) {
                progress.left_out.insert(why.code(), *n);
            }
        }
        Ok(Plan {
            frontier,
            sources: crawl.sources,
            too_soon: TooSoon::default(),
            goes_on: Some(GoesOn {
                crawl: crawl.id,
                figures,
                progress,
            }),
        })
    }
}

/// Says what a crawl would do.
fn tell_plan(frontier: &Frontier, dial: &DialConfig, as_json: bool) -> anyhow::Result<Done> {
    let dialer = dial.caller(false).dialer;
    let n_known = frontier.n_known();
    let mut networks = BTreeMap::new();
    let mut left_out = BTreeMap::new();
    for known in frontier.known() {
        match dialer.why_not(&known.addr) {
            None => *networks.entry(known.addr.network().name()).or_insert(0) += 1,
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
    let noun = if n_known == 1 { "address" } else { "addresses" };
    let mut text = format!("{} {noun} to begin with\n", grouped(n_known));
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
are called with --allow-private, those of Tor, I2P and CJDNS with --tor, --i2p
and --cjdns.";

const STOPPED_EARLY: &str = "stopped before the first call";

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
