//! `race`: the same calls by a loop, by threads, by processes and by async tasks.

mod picture;
mod shown;
mod told;

use std::collections::BTreeMap;
use std::io::BufReader;
use std::net::{SocketAddr, ToSocketAddrs};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use crawl::capacity::Capacity;
use crawl::dial::socks5::Proxy;
use crawl::dial::ways::{Way as CrawlWay, Ways};
use crawl::frontier::{Frontier, Rules};
use crawl::sources::Source;
use crawl::visit::Transports;
use proto::session::Questions;
use proto::{Network, PeerAddr};
use race::child::Program;
use race::{MAX_NODES, MAX_PROCESSES, Manner, Plan, Strategy, Way, work};
use record::text::grouped;
use sim::{NetworkMix, SimServer, World, WorldConfig};
use tokio_util::sync::CancellationToken;

use crate::config::{DbArgs, DialArgs, DialConfig, parse_pause};
use crate::console::Console;
use crate::roll_call::block_on;
use crate::{Done, console, output, sources};
use told::Told;

/// The most turns: each calls every node once a strategy.
const MAX_TURNS: usize = 20;
/// The most work behind a call, in milliseconds.
const MAX_WORK_MS: u64 = 10_000;
/// Where chance starts that draws the network of `--demo`.
const DEMO_SEED: u64 = 1;

#[derive(Debug, Args)]
#[command(after_help = "\
SOURCE is what it is for `crawl`: dns, store, FILE, URL or -

Examples:
  bitcensus race --demo
  bitcensus race --demo --nodes 24 --cpu-task 20 --picture race.svg
  bitcensus race snapshot.json --nodes 100 --only serial,tasks
  bitcensus race --show-race

Each node is called once a strategy and turn, and left alone for --pause seconds
in between. The strategies, one after the other:
  serial          a loop
  threads         a thread for each call
  pool            --pool threads that take turns
  processes       --processes processes that take turns
  tasks           an async task for each call, all on one thread
  tasks_and_pool  the same, with work for the CPU on other threads; only with
                  --cpu-task, unless it is named")]
pub(crate) struct RaceArgs {
    /// Where addresses come from.
    #[arg(value_name = "SOURCE", required_unless_present_any = ["demo", "show_race"])]
    sources: Vec<String>,
    /// Call a simulated network instead; no packet leaves this machine.
    #[arg(long, conflicts_with_all = ["sources", "proxy", "tor", "i2p", "cjdns"])]
    demo: bool,
    /// Call nobody, but show what happens where threads share a terminal and a counter without a queue.
    #[arg(long, conflicts_with_all = ["sources", "demo", "json", "picture"])]
    show_race: bool,
    /// How many nodes to call, drawn from the source by chance: at most 1000.
    #[arg(long, value_name = "N", default_value = "8", value_parser = parse_nodes)]
    nodes: usize,
    /// Where the chance starts that draws them: the same seed draws the same from the same source
    /// [default: another one each time].
    #[arg(long)]
    seed: Option<u64>,
    /// Which strategies, in which order.
    #[arg(long, value_name = "STRATEGY,…", value_delimiter = ',')]
    only: Vec<Strategy>,
    /// How often everybody races; of each strategy the turn with the median time counts.
    #[arg(long, value_name = "N", default_value = "1", value_parser = parse_turns)]
    turns: NonZeroUsize,
    /// How many threads take turns.
    #[arg(long, value_name = "N", default_value = "8", value_parser = parse_nodes)]
    pool: usize,
    /// How many processes take turns: at most 64.
    #[arg(long, value_name = "N", default_value = "8", value_parser = parse_processes)]
    processes: usize,
    /// Behind each call, have the CPU work for so many milliseconds.
    #[arg(long, value_name = "MS", num_args = 0..=1, default_value_t = 0, default_missing_value = "20", value_parser = parse_work)]
    cpu_task: u64,
    /// Seconds for which everybody is left alone between two strategies [default: 1, with --demo 0].
    #[arg(long, value_name = "SECONDS", value_parser = parse_pause)]
    pause: Option<Duration>,
    /// Draw when each call ran and what it waited for, as SVG or PNG by the ending.
    #[arg(long, value_name = "FILE", value_parser = picture::parse_path)]
    picture: Option<PathBuf>,
    /// Call loopback and other addresses that no public node can have: for test networks.
    #[arg(long)]
    allow_private: bool,
    /// Print everything as JSON, each call with its times.
    #[arg(long)]
    json: bool,
    /// Say nothing while it runs.
    #[arg(long)]
    quiet: bool,
    #[command(flatten)]
    db: DbArgs,
    #[command(flatten)]
    dial: DialArgs,
}

/// Flags of the process that runs one strategy, or works for one.
#[derive(Debug, Args)]
pub(crate) struct LapArgs {}

/// The name of the command by which this program starts itself.
pub(crate) const LAP: &str = "race-lap";

pub(crate) fn run(args: RaceArgs) -> anyhow::Result<Done> {
    if args.show_race {
        shown::show()?;
        return Ok(Done::Well);
    }
    block_on(race(args))
}

/// Runs one strategy, or a worker of one, as a race tells it on stdin.
pub(crate) fn run_lap(LapArgs {}: LapArgs) -> anyhow::Result<Done> {
    let told = BufReader::new(std::io::stdin());
    let orphaned = || std::process::exit(1);
    race::lap::answer(told, std::io::stdout(), &program()?, orphaned)?;
    Ok(Done::Well)
}

async fn race(args: RaceArgs) -> anyhow::Result<Done> {
    let console = Console::new(args.quiet);
    let mut dial = DialConfig::new(&args.dial, args.allow_private)?;
    anyhow::ensure!(
        dial.transports != Transports::V2,
        "--transport v2: a race is in v1, which every strategy speaks alike"
    );
    for (n, strategy) in args.only.iter().enumerate() {
        anyhow::ensure!(
            !args.only[..n].contains(strategy),
            "--only: {strategy} is there twice; --turns has everybody race several times"
        );
    }
    ensure_files(&args)?;
    if let Some(path) = &args.picture {
        // Before anybody is called for it.
        output::check(path)?;
    }
    let stop = CancellationToken::new();
    let addrs = match args.demo {
        true => {
            let world = demo_world(&args, &dial);
            let addrs = world.nodes().iter().map(|it| it.addr).collect();
            let listen = ([127, 0, 0, 1], 0).into();
            let network = SimServer::start(Arc::new(world), listen, stop.clone())?;
            dial.ways = Ways::direct().through(Proxy::parse(&network.addr().to_string())?);
            console.say(&format!(
                "{} simulated nodes listen on {}; no packet leaves this machine",
                args.nodes,
                network.addr()
            ));
            addrs
        }
        false => {
            for line in dial.check_ways().await.context("nothing was called")? {
                console.say(&line);
            }
            choose(&args, &dial, console).await?
        }
    };
    if addrs.is_empty() {
        console.say(NOBODY_TO_CALL);
        return Ok(Done::NobodyAnswered);
    }
    let plan = plan(&args, &dial, addrs)?;
    let (contest, plan) = tokio::task::spawn_blocking(move || {
        let mut say = |turn: usize, strategy: Strategy| {
            console.say(&match plan.n_turns.get() {
                1 => format!("{strategy}: {} calls", plan.addrs.len()),
                n => format!(
                    "turn {} of {n}, {strategy}: {} calls",
                    turn + 1,
                    plan.addrs.len()
                ),
            });
        };
        let ran = plan.run(&program()?, &mut say);
        anyhow::Ok((ran?, plan))
    })
    .await??;
    stop.cancel();
    let told = Told {
        standings: &contest.standings,
        plan: &plan,
        chain: dial.chain,
        is_demo: args.demo,
        work_ms: args.cpu_task,
    };
    console::print_result(&match args.json {
        true => told.json()?,
        false => told.text(console::width()),
    })?;
    if let Some(path) = &args.picture {
        picture::write(path, &told.gantt())?;
        console.say(&format!("the picture is in {}", path.display()));
    }
    if contest.standings.iter().all(|it| it.lap.n_reached() == 0) {
        console.say(NOBODY_ANSWERED);
        return Ok(Done::NobodyAnswered);
    }
    Ok(Done::Well)
}

const NOBODY_TO_CALL: &str = "\
The source names nobody who can be called from here. Loopback and private addresses
need --allow-private, onion addresses --tor or --proxy.";

const NOBODY_ANSWERED: &str = "\
Nobody answered. Is there a way to the internet from here? `bitcensus race --demo` needs none.";

/// How this program starts itself.
fn program() -> anyhow::Result<Program> {
    Ok(Program {
        path: std::env::current_exe().context("this program does not know where it is")?,
        args: vec![LAP.to_owned()],
    })
}

/// Makes sure that all calls can be open at the same time; those of a demo take a file at each end.
fn ensure_files(args: &RaceArgs) -> anyhow::Result<()> {
    let capacity = Capacity::claim();
    let n_files = if args.demo {
        2 * args.nodes
    } else {
        args.nodes
    };
    anyhow::ensure!(
        n_files <= capacity.max_in_flight,
        "--nodes {}: this machine's limit of {} open files permits {}",
        args.nodes,
        capacity.open_files,
        capacity.max_in_flight * args.nodes / n_files
    );
    Ok(())
}

/// A network in which everybody answers, so that nothing but the way of calling makes a difference.
fn demo_world(args: &RaceArgs, dial: &DialConfig) -> World {
    World::generate(&WorldConfig {
        seed: args.seed.unwrap_or(DEMO_SEED),
        n_nodes: args.nodes,
        chain: dial.chain,
        odd_share: 0.0,
        dead_share: 0.0,
        networks: NetworkMix {
            ipv4: 1,
            ipv6: 0,
            onion: 0,
            i2p: 0,
            cjdns: 0,
        },
        ..WorldConfig::default()
    })
}

/// Reads the sources, and draws some of those addresses that may be called.
async fn choose(
    args: &RaceArgs,
    dial: &DialConfig,
    console: Console,
) -> anyhow::Result<Vec<PeerAddr>> {
    let named: Vec<_> = args.sources.iter().map(|it| Source::parse(it)).collect();
    let seed = args.seed.unwrap_or_else(|| fastrand::u64(..));
    let frontier = Frontier::new(Rules::default(), seed);
    let db = args.db.path()?;
    let frontier = sources::read_all(&named, frontier, dial, &db, console).await?;
    let dialer = dial.caller(false).dialer;
    let may_be_called = |addr: &PeerAddr| {
        let has_way = way(dial, addr.network()).is_ok_and(|it| it.is_some());
        has_way && dialer.why_not(addr).is_none()
    };
    let mut addrs: Vec<_> = frontier
        .known()
        .map(|it| it.addr)
        .filter(may_be_called)
        .collect();
    let (n_callable, n_known) = (addrs.len(), frontier.n_known());
    fastrand::Rng::with_seed(seed).shuffle(&mut addrs);
    addrs.truncate(args.nodes);
    console.say(&format!(
        "{} of {} addresses can be called; --seed {seed} draws these {} again",
        grouped(n_callable),
        grouped(n_known),
        addrs.len()
    ));
    Ok(addrs)
}

fn plan(args: &RaceArgs, dial: &DialConfig, addrs: Vec<PeerAddr>) -> anyhow::Result<Plan> {
    let work = Duration::from_millis(args.cpu_task);
    let mut ways = BTreeMap::new();
    for network in Network::ALL {
        if let Some(way) = way(dial, network)? {
            ways.insert(network.name().to_owned(), way);
        }
    }
    let usual = Strategy::ALL.into_iter();
    let usual = usual.filter(|it| *it != Strategy::TasksAndPool || args.cpu_task > 0);
    Ok(Plan {
        addrs,
        manner: Manner {
            chain: dial.chain.name().to_owned(),
            user_agent: dial.user_agent.clone(),
            asks: dial.questions != Questions::None,
            ways,
            work_rounds: work::rounds_for(work),
        },
        strategies: match args.only.is_empty() {
            true => usual.collect(),
            false => args.only.clone(),
        },
        n_turns: args.turns,
        pause: args.pause.unwrap_or(match args.demo {
            true => Duration::ZERO,
            false => Duration::from_secs(1),
        }),
        n_threads: args.pool,
        n_processes: args.processes,
        n_cores: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
    })
}

/// Returns the way to `network` that every strategy can go, directly or through a SOCKS5 proxy.
fn way(dial: &DialConfig, network: Network) -> anyhow::Result<Option<Way>> {
    let proxy = match dial.ways.way(network) {
        CrawlWay::Direct => None,
        CrawlWay::Socks(pool) => match pool.proxies().first() {
            Some(proxy) => Some(resolve(proxy)?),
            None => return Ok(None),
        },
        CrawlWay::Sam(_) | CrawlWay::Off => return Ok(None),
    };
    let patience = dial.patience(network);
    Ok(Some(Way {
        proxy,
        connect: patience.connect,
        handshake: patience.handshake,
        answer: patience.answer,
    }))
}

fn resolve(proxy: &Proxy) -> anyhow::Result<SocketAddr> {
    anyhow::ensure!(
        !proxy.url().contains('@') || proxy.isolates(),
        "{}: a race calls through proxies without login",
        proxy.at
    );
    let unknown = || format!("the proxy {} has no address", proxy.at);
    let mut found = proxy.at.to_socket_addrs().with_context(unknown)?;
    found.next().with_context(unknown)
}

fn parse_nodes(text: &str) -> Result<usize, String> {
    parse_up_to(text, MAX_NODES)
}

fn parse_processes(text: &str) -> Result<usize, String> {
    parse_up_to(text, MAX_PROCESSES)
}

fn parse_turns(text: &str) -> Result<NonZeroUsize, String> {
    Ok(NonZeroUsize::new(parse_up_to(text, MAX_TURNS)?).unwrap_or(NonZeroUsize::MIN))
}

fn parse_up_to(text: &str, most: usize) -> Result<usize, String> {
    match text.parse() {
        Ok(n) if (1..=most).contains(&n) => Ok(n),
        _ => Err(format!("expected a number from 1 to {most}")),
    }
}

fn parse_work(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(ms) if ms <= MAX_WORK_MS => Ok(ms),
        _ => Err(format!("expected milliseconds, at most {MAX_WORK_MS}")),
    }
}
