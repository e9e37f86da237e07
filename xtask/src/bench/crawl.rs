//! A whole network is found from a few of its nodes, against the least that a crawler can do.

use std::path::Path;
use std::process::Command;

use super::BenchArgs;
use super::figures::Figures;
use super::measure::{self, Cost, Ratio};
use super::sim::Sim;
use crate::run::say;

const AIM: Ratio = Ratio {
    wall: 1.2,
    cpu: 1.5,
};
const AIM_MB: f64 = 150.0;
/// How much more an encrypted crawl may take than one in plain.
const AIM_V2: Ratio = Ratio {
    wall: 1.5,
    cpu: 2.0,
};
/// The sizes of networks that show how the cost grows.
const SIZES: [usize; 3] = [1_000, 10_000, 50_000];
/// How much more CPU time one node of a larger network may cost than one of the next smaller one: a node of a network of a
/// thousand has 230 addresses to tell, in larger ones up to a thousand.
const AIM_GROWTH: f64 = 1.5;
/// How many dead addresses there are to each live one.
const DEAD_TO_LIVE: usize = 3;
/// Both programs and the simulated network have a bound of open files, often 20,000.
const IN_FLIGHT: &str = "15000";
/// How long both wait for connections; the least for which nobody honest is late.
const CONNECT_SECS: &str = "5";
const CONNECT_MILLIS: &str = "5000";
/// How long the crawl waits for answers.
const ADDR_SECS: &str = "10";
/// How many live nodes there are to each liar.
const LIVE_TO_LIARS: usize = 5;
/// How much longer a flooded crawl may take.
const AIM_FLOOD: f64 = 2.0;

pub(super) fn measure_honest(
    args: &BenchArgs,
    dir: &Path,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    compare("crawl", args, dir, figures, World::of(args.nodes, 0, 0))
}

pub(super) fn measure_mixed(
    args: &BenchArgs,
    dir: &Path,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let world = World::of(args.nodes, args.nodes * DEAD_TO_LIVE, 0);
    compare("mixed crawl", args, dir, figures, world)
}

/// What liars cost: floods of fakes, late answers, answers that never end.
pub(super) fn measure_flood(
    args: &BenchArgs,
    dir: &Path,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let n_dead = args.nodes * DEAD_TO_LIVE;
    let calm = Network::start(args, dir, World::of(args.nodes, n_dead, 0))?;
    let flooded_dir = tempfile::tempdir_in(dir)?;
    let liars = World::of(args.nodes, n_dead, args.nodes / LIVE_TO_LIARS);
    let flooded = Network::start(args, flooded_dir.path(), liars)?;
    let (mut calms, mut floods) = (Vec::new(), Vec::new());
    for turn in 1..=args.runs {
        say(&format!("flood, turn {turn} of {}", args.runs));
        calms.push(calm.crawl(dir)?.0);
        floods.push(flooded.crawl(dir)?.0);
    }
    let cost = figures.add_cost("mixed crawl, flooded", &floods);
    let ratio = Ratio::of(&floods, &calms);
    figures.add(
        "mixed crawl: wall time flooded / calm",
        ratio.wall,
        AIM_FLOOD,
    );
    figures.add("mixed crawl, flooded: peak MB", cost.peak_mb, AIM_MB);
    Ok(())
}

pub(super) fn measure_growth(
    args: &BenchArgs,
    dir: &Path,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let mut per_node = Vec::new();
    for size in SIZES {
        let network = Network::start(args, dir, World::of(size, 0, 0))?;
        say(&format!("growth, {size} nodes"));
        let (cost, met) = network.crawl(dir)?;
        anyhow::ensure!(met == size as u64, "{met} of {size} nodes were found");
        figures.add_cost(&format!("crawl of {size} nodes"), &[cost]);
        #[expect(clippy::cast_precision_loss, reason = "a ratio for people")]
        per_node.push(cost.cpu_secs / size as f64);
    }
    for (size, cost) in SIZES.windows(2).zip(per_node.windows(2)) {
        let name = format!("CPU time a node, {} nodes / {} nodes", size[1], size[0]);
        figures.add(&name, cost[1] / cost[0], AIM_GROWTH);
    }
    Ok(())
}

fn compare(
    name: &str,
    args: &BenchArgs,
    dir: &Path,
    figures: &mut Figures,
    world: World,
) -> anyhow::Result<()> {
    let network = Network::start(args, dir, world)?;
    let (mut floors, mut crawls, mut encrypted) = (Vec::new(), Vec::new(), Vec::new());
    let (mut n_floor, mut n_crawl) = (0, 0);
    for turn in 1..=args.runs {
        say(&format!("{name}, turn {turn} of {}", args.runs));
        let (cost, met) = network.floor()?;
        floors.push(cost);
        n_floor = met;
        let (cost, met) = network.crawl(dir)?;
        crawls.push(cost);
        n_crawl = met;
        let (cost, n_encrypted) = network.crawl_over("auto", dir)?;
        encrypted.push(cost);
        anyhow::ensure!(
            n_crawl.min(n_encrypted) >= n_floor,
            "the crawls found {n_crawl} and {n_encrypted} nodes, their floor {n_floor}"
        );
    }
    say(&format!(
        "{name}: {n_crawl} nodes found, by the floor {n_floor}"
    ));
    figures.add_cost(&format!("{name}: floor"), &floors);
    let cost = figures.add_cost(name, &crawls);
    figures.add_ratio(name, Ratio::of(&crawls, &floors), AIM);
    figures.add(&format!("{name}: peak MB"), cost.peak_mb, AIM_MB);
    // Most nodes of today take an encrypted call, which costs a round trip more, and the curve's arithmetic.
    let v2 = format!("{name}, v2 where offered");
    let cost = figures.add_cost(&v2, &encrypted);
    let ratio = Ratio::of(&encrypted, &crawls);
    figures.add(&format!("{v2}: wall time / v1"), ratio.wall, AIM_V2.wall);
    figures.add(&format!("{v2}: CPU time / v1"), ratio.cpu, AIM_V2.cpu);
    figures.add(&format!("{v2}: peak MB"), cost.peak_mb, AIM_MB);
    Ok(())
}

/// What a simulated network consists of.
struct World {
    n_all: usize,
    dead_share: String,
    liar_share: String,
}

impl World {
    #[expect(clippy::cast_precision_loss, reason = "shares of some ten thousand")]
    fn of(n_live: usize, n_dead: usize, n_liars: usize) -> World {
        let n_all = n_live + n_dead + n_liars;
        let share = |n: usize| format!("{:.6}", n as f64 / n_all as f64);
        World {
            n_all,
            dead_share: share(n_dead),
            liar_share: share(n_liars),
        }
    }
}

/// A simulated network, and where to start in it.
struct Network {
    sim: Sim,
    seeds: std::path::PathBuf,
}

impl Network {
    fn start(args: &BenchArgs, dir: &Path, world: World) -> anyhow::Result<Network> {
        let seeds = dir.join("seeds.txt");
        let (n, rtt) = (world.n_all.to_string(), args.rtt_ms.to_string());
        let seeds_name = seeds.to_string_lossy();
        let sim = Sim::start(&[
            "--odd",
            "0",
            "--dead",
            &world.dead_share,
            "--liars",
            &world.liar_share,
            "--dead-kinds",
            "refused,never_answers",
            "--nodes",
            &n,
            "--rtt-ms",
            &rtt,
            "--seeds",
            &seeds_name,
        ])?;
        Ok(Network { sim, seeds })
    }

    fn floor(&self) -> anyhow::Result<(Cost, u64)> {
        let mut command = Command::new("target/release/crawl_floor");
        command.args(["--proxy", &self.sim.at, "--in-flight", IN_FLIGHT]);
        command.args(["--timeout-ms", CONNECT_MILLIS, "--list"]);
        measure::measure_any(command.arg(&self.seeds))
    }

    /// Crawls as the floor does it, in v1.
    fn crawl(&self, dir: &Path) -> anyhow::Result<(Cost, u64)> {
        self.crawl_over("v1", dir)
    }

    fn crawl_over(&self, transport: &str, dir: &Path) -> anyhow::Result<(Cost, u64)> {
        let mut command = Command::new("target/release/bitcensus");
        command
            .arg("crawl")
            .arg(&self.seeds)
            .args(["--quiet", "--json"]);
        command.args(["--proxy", &format!("socks5://{}", self.sim.at)]);
        command.args(["--max-in-flight", IN_FLIGHT, "--max-rate", "0"]);
        command.args(["--connect-timeout", CONNECT_SECS]);
        command.args(["--addr-timeout", ADDR_SECS]);
        command.args(["--transport", transport]);
        let db = tempfile::tempdir_in(dir)?;
        measure::measure_any(command.arg("--db").arg(db.path().join("census.db")))
    }
}
