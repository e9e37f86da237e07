//! `sim`: the simulated network alone.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use crawl::capacity::Capacity;
use crawl::sources::Source;
use crawl::sources::fetch::{self, FetchConfig};
use proto::Chain;
use proto::visit::Dialect;
use record::text::grouped;
use sim::{
    Churn, Counts, Kind, ListedPeer, N_SEEDS, NetworkMix, Reach, SimServer, World, WorldConfig,
    truth,
};
use tokio_util::sync::CancellationToken;

use crate::config::parse_seconds;
use crate::console::Console;
use crate::roll_call::block_on;
use crate::stop::stop_on_signals;
use crate::{Done, console, output};

/// Flags that say what the simulated network is like.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "The simulated network")]
pub(crate) struct WorldArgs {
    /// How many nodes it has.
    #[arg(long, value_name = "N", default_value_t = 3_000)]
    pub(crate) nodes: usize,
    /// Where chance starts: the same seed makes the same network.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The median round-trip time to a node, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 80)]
    rtt_ms: u64,
    /// The share of nodes that are odd or hostile, from 0 to 1.
    #[arg(long, value_name = "SHARE", default_value_t = 0.05, value_parser = parse_share)]
    odd: f64,
    /// The share of nodes that make trouble when they are asked for others: floods, lies, late answers, full slots.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = parse_share)]
    liars: f64,
    /// The share of nodes that cannot be reached, from 0 to 1.
    #[arg(long, value_name = "SHARE", default_value_t = 0.2, value_parser = parse_share)]
    dead: f64,
    /// Which kinds of nodes that cannot be reached there are, in equal parts [default: a mixture as in the real network].
    #[arg(long, value_name = "KIND,…", value_delimiter = ',', value_parser = parse_dead_kind)]
    dead_kinds: Vec<Kind>,
    /// On which networks the nodes are, next to each other.
    #[arg(
        long,
        value_name = "NETWORK=N,…",
        default_value = "ipv4=35,ipv6=10,onion=55"
    )]
    mix: NetworkMix,
    /// The share of honest nodes that come and go, from 0 to 1.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = parse_share)]
    churn: f64,
    /// How many seconds those that come and go are up, and down, on the average.
    #[arg(long, value_name = "SECONDS", default_value = "3600", value_parser = parse_seconds)]
    churn_period: Duration,
}

impl WorldArgs {
    /// Says what network is meant; `patience` is how long its callers wait for a handshake.
    pub(crate) fn config(&self, chain: Chain, patience: Duration) -> WorldConfig {
        WorldConfig {
            seed: self.seed,
            n_nodes: self.nodes,
            chain,
            median_rtt: self.rtt(),
            odd_share: self.odd,
            liar_share: self.liars,
            dead_share: self.dead,
            dead_kinds: self.dead_kinds.clone(),
            networks: self.mix,
            churn: Churn {
                share: self.churn,
                period: self.churn_period,
            },
            patience,
            ..WorldConfig::default()
        }
    }

    fn rtt(&self) -> Duration {
        Duration::from_millis(self.rtt_ms)
    }
}

#[derive(Debug, Args)]
#[command(after_help = "\
It listens on loopback only, as a SOCKS5 proxy that \"reaches\" every node by its
address, so that no packet leaves:
  bitcensus sim --listen 127.0.0.1:9150 --list nodes.txt --truth truth.ndjson
  bitcensus crawl nodes.txt --proxy socks5://127.0.0.1:9150
The first line on stdout is the proxy's address, the second the I2P router's.")]
pub(crate) struct SimArgs {
    /// Where the SOCKS5 proxy listens, on loopback; port 0 means any free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9150")]
    listen: SocketAddr,
    /// Instead of drawing nodes, make those of this list (bitnodes' API answer, say): each answers as the list says.
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// Whose nodes they are.
    #[arg(long, default_value = "mainnet", value_name = "CHAIN")]
    network: Chain,
    /// On Linux: let nodes be reached directly as well, each at its own 127.x.y.z and this port.
    #[arg(long, value_name = "PORT", num_args = 0..=1, default_missing_value = "8333")]
    direct: Option<u16>,
    /// Let the I2P nodes be reached as well by programs that ask an I2P router, which listens here, on loopback.
    #[arg(long, value_name = "ADDRESS")]
    sam: Option<SocketAddr>,
    /// Write the addresses of a few nodes here, one a line, from which a crawl finds the others.
    #[arg(long, value_name = "FILE")]
    seeds: Option<PathBuf>,
    /// Write the addresses of all nodes here, one a line; with --direct those on loopback.
    #[arg(long, value_name = "FILE")]
    list: Option<PathBuf>,
    /// Write the ground truth here: one JSON object a node, with its kind and those keys of `export ndjson` that a
    /// census must find so.
    #[arg(long, value_name = "FILE")]
    truth: Option<PathBuf>,
    /// Let that be what `crawl --legacy` must find.
    #[arg(long, requires = "truth")]
    legacy: bool,
    /// List the kinds of nodes there are, and how a visit to each must end.
    #[arg(long)]
    kinds: bool,
    /// Seconds that callers wait for a handshake: slow nodes are slow by this measure.
    #[arg(long, value_name = "SECONDS", default_value = "15", value_parser = parse_seconds)]
    patience: Duration,
    /// Print nothing but the addresses to call.
    #[arg(long)]
    quiet: bool,
    #[command(flatten)]
    world: WorldArgs,
}

pub(crate) fn run(args: SimArgs) -> anyhow::Result<Done> {
    if args.kinds {
        let rows = Kind::ALL
            .iter()
            .map(|it| [it.code(), it.outcome().code(), it.meaning()].map(str::to_owned));
        console::print_result(&crate::table::table(
            ["kind", "outcome", "what it does"],
            rows,
        ))?;
        return Ok(Done::Well);
    }
    Capacity::claim();
    block_on(simulate(args))
}

async fn simulate(args: SimArgs) -> anyhow::Result<Done> {
    let console = Console::new(args.quiet);
    let world = Arc::new(match &args.from {
        None => World::generate(&args.world.config(args.network, args.patience)),
        Some(path) => world_of_list(path, args.network, &args.world).await?,
    });
    let reach = match args.direct {
        None => Reach::Proxy,
        Some(port) => Reach::Direct(port),
    };
    write_files(&args, &world, reach)?;
    let stop = CancellationToken::new();
    let server = SimServer::start(world.clone(), args.listen, stop.clone())?;
    console::print_result(&format!("socks5://{}", server.addr()))?;
    let direct = match args.direct {
        None => None,
        Some(port) => Some(SimServer::listen_direct(world.clone(), port, stop.clone())?),
    };
    let router = match args.sam {
        None => None,
        Some(at) => Some(SimServer::start_sam(world.clone(), at, stop.clone())?),
    };
    if let Some(router) = &router {
        console::print_result(&format!("sam://{}", router.addr()))?;
    }
    console.say(&format!(
        "{} nodes stand behind that proxy{}; Ctrl-C ends it",
        grouped(world.nodes().len()),
        match args.direct {
            None => String::new(),
            Some(port) => format!(", and directly from {} on", World::loopback_addr(0, port)),
        }
    ));
    stop_on_signals(stop.clone());
    stop.cancelled().await;
    tell_counts(console, "through the proxy", server.join().await);
    if let Some(direct) = direct {
        tell_counts(console, "directly", direct.join().await);
    }
    if let Some(router) = router {
        tell_counts(console, "over I2P", router.join().await);
    }
    Ok(Done::Well)
}

/// Writes the files that were asked for; the truth about a large network takes memory, which is free again after this.
fn write_files(args: &SimArgs, world: &World, reach: Reach) -> anyhow::Result<()> {
    if let Some(path) = &args.seeds {
        let mut seeds = world.seeds(N_SEEDS).into_iter();
        write_file(path, |out| {
            seeds.try_for_each(|n| writeln!(out, "{}", world.addr_of(n, reach)))
        })?;
    }
    if args.list.is_none() && args.truth.is_none() {
        return Ok(());
    }
    let truth = match args.legacy {
        true => world.truth_in(&Dialect::ALL, reach),
        false => world.truth(reach),
    };
    if let Some(path) = &args.list {
        let mut addresses = truth.iter().map(|it| &it.address);
        write_file(path, |out| {
            addresses.try_for_each(|it| writeln!(out, "{it}"))
        })?;
    }
    if let Some(path) = &args.truth {
        write_file(path, |out| truth::write_ndjson(&truth, out))?;
    }
    Ok(())
}

fn tell_counts(console: Console, how: &str, counts: Counts) {
    console.say(&format!(
        "{} connections {how}: at most {} at once, at most {} at once to one node",
        grouped(counts.connections),
        grouped(counts.peak),
        grouped(counts.most_to_one)
    ));
}

/// Makes a network that answers as a tracker's list says.
async fn world_of_list(path: &Path, chain: Chain, args: &WorldArgs) -> anyhow::Result<World> {
    let source = Source::File(path.to_owned());
    let text = fetch::load(&source, &FetchConfig::default(), &mut |_| ()).await?;
    let mut peers = Vec::new();
    listing::read_list(&text, chain.default_port(), |node| {
        let said = node.said.unwrap_or_default();
        peers.push(ListedPeer {
            addr: node.addr,
            protocol_version: said
                .protocol_version
                .and_then(|it| i32::try_from(it).ok())
                .unwrap_or(70_016),
            user_agent: said.user_agent.unwrap_or_default().into_bytes(),
            services: said.services.unwrap_or(0),
            height: said
                .height
                .and_then(|it| i32::try_from(it).ok())
                .unwrap_or(0),
        });
    })
    .with_context(|| path.display().to_string())?;
    Ok(World::from_listed(args.seed, chain, args.rtt(), peers))
}

/// Writes a whole file, or says which one could not be written.
fn write_file(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<&File>) -> std::io::Result<()>,
) -> anyhow::Result<()> {
    output::write_file(path, |out| {
        write(out).with_context(|| format!("{} cannot be written", path.display()))
    })
}

fn parse_dead_kind(text: &str) -> Result<Kind, String> {
    Kind::from_code(text)
        .filter(|it| !it.is_live())
        .ok_or_else(|| {
            "expected a kind that cannot be reached, as `sim --kinds` lists them".to_owned()
        })
}

fn parse_share(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("expected a share from 0 to 1".to_owned()),
    }
}
