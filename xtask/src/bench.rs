//! The benchmarks: a roll call against a floor in the same run, and a list of a million addresses.
//!
//! Seconds depend on the machine and on what else it does; the ratios are what to compare.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use serde::{Deserialize, Serialize};
use wait4::Wait4;

use crate::run::{cargo, run, say};

/// The results that new ones are compared with.
const BASELINE: &str = "bench/baseline.json";

#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    /// Nodes of the simulated network.
    #[arg(long, default_value_t = 10_000)]
    nodes: usize,
    /// Their median round-trip time, milliseconds.
    #[arg(long, default_value_t = 80)]
    rtt_ms: u64,
    /// Runs of each program, in turn; the median counts.
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Addresses of the long list.
    #[arg(long, default_value_t = 1_000_000)]
    list: u32,
    /// Keep the results in bench/baseline.json, for later runs to be compared with.
    #[arg(long)]
    save: bool,
}

/// What all programs of one benchmark came to.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Results {
    nodes: usize,
    rtt_ms: u64,
    floor: Cost,
    /// A crawl that hangs up at the verack: one round trip less than the usual one, as many as the floor.
    handshakes: Cost,
    handshakes_to_floor: Ratio,
    /// The usual crawl, which waits for the features that nodes announce behind their verack.
    crawl: Cost,
    crawl_to_floor: Ratio,
    list_addresses: u32,
    list: Cost,
}

/// How much more one program takes than another; the median of the turns' ratios.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Ratio {
    wall: f64,
    cpu: f64,
}

/// What one program cost; medians over its runs.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Cost {
    wall_secs: f64,
    cpu_secs: f64,
    peak_mb: f64,
}

pub(crate) fn bench(args: &BenchArgs) -> anyhow::Result<()> {
    run(&mut cargo(&[
        "build",
        "--release",
        "--locked",
        "--quiet",
        "-p",
        "bitcensus",
        "-p",
        "sim",
    ]))?;
    let dir = tempfile::tempdir()?;
    let calls = bench_roll_call(args, dir.path())?;
    let list = bench_list(args, dir.path())?;
    let results = Results {
        nodes: args.nodes,
        rtt_ms: args.rtt_ms,
        floor: Cost::median(&calls.floor),
        handshakes: Cost::median(&calls.handshakes),
        handshakes_to_floor: Ratio::of(&calls.handshakes, &calls.floor),
        crawl: Cost::median(&calls.crawl),
        crawl_to_floor: Ratio::of(&calls.crawl, &calls.floor),
        list_addresses: args.list,
        list: Cost::median(&list),
    };
    let baseline = read_baseline();
    show(&results, baseline.as_ref());
    fs::create_dir_all("target/bench")?;
    let text = serde_json::to_string_pretty(&results)? + "\n";
    fs::write("target/bench/latest.json", &text)?;
    if args.save || baseline.is_none() {
        fs::create_dir_all("bench")?;
        fs::write(BASELINE, &text)?;
        say(&format!("kept in {BASELINE}"));
    }
    Ok(())
}

/// What each turn of the roll call cost.
#[derive(Default)]
struct Calls {
    floor: Vec<Cost>,
    handshakes: Vec<Cost>,
    crawl: Vec<Cost>,
}

/// Has the floor and the crawls call the same simulated network in turn.
fn bench_roll_call(args: &BenchArgs, dir: &Path) -> anyhow::Result<Calls> {
    let list = dir.join("nodes.txt");
    let sim = Sim::start(args, &list)?;
    let in_flight = args.nodes.to_string();
    let mut calls = Calls::default();
    for turn in 1..=args.runs {
        say(&format!("roll call, turn {turn} of {}", args.runs));
        let mut command = Command::new("target/release/floor");
        command.args(["--proxy", &sim.at, "--in-flight", &in_flight]);
        command.args(["--timeout-ms", "15000", "--list"]).arg(&list);
        calls.floor.push(measure(&mut command, args.nodes)?);

        let crawl = |name: &str, more: &[&str]| {
            let mut command = Command::new("target/release/bitcensus");
            command.arg("crawl").arg(&list).args(more);
            command
                .arg("--db")
                .arg(dir.join(format!("{name}{turn}.db")));
            command.args(["--proxy", &format!("socks5://{}", sim.at)]);
            command.args(["--max-in-flight", &in_flight, "--max-rate", "0"]);
            measure(command.args(["--quiet", "--json"]), args.nodes)
        };
        calls
            .handshakes
            .push(crawl("handshakes", &["--handshake-only"])?);
        calls.crawl.push(crawl("crawl", &[])?);
    }
    Ok(calls)
}

/// Reads, deduplicates and queues a long list, every tenth address of it twice.
fn bench_list(args: &BenchArgs, dir: &Path) -> anyhow::Result<Vec<Cost>> {
    let path = dir.join("long.txt");
    let mut out = std::io::BufWriter::new(fs::File::create(&path)?);
    for n in 0..args.list {
        // A walk over routable-looking addresses that meets none twice.
        let [a, b, c, d] = (0x2000_0000 + n.wrapping_mul(613)).to_be_bytes();
        writeln!(out, "{a}.{b}.{c}.{d}:8333")?;
        if n % 10 == 0 {
            writeln!(out, "{a}.{b}.{c}.{d}:8333")?;
        }
    }
    out.flush()?;
    (0..args.runs)
        .map(|_| {
            let mut command = Command::new("target/release/bitcensus");
            command
                .arg("crawl")
                .arg(&path)
                .args(["--dry-run", "--quiet", "--json"]);
            command.arg("--db").arg(dir.join("list.db"));
            measure(&mut command, args.list as usize)
        })
        .collect()
}

/// The simulated network in a process of its own, which ends with this value.
struct Sim {
    child: Child,
    at: String,
}

impl Sim {
    fn start(args: &BenchArgs, list: &Path) -> anyhow::Result<Sim> {
        let mut command = Command::new("target/release/bitcensus");
        command.args([
            "sim",
            "--listen",
            "127.0.0.1:0",
            "--seed",
            "1",
            "--odd",
            "0",
            "--dead",
            "0",
        ]);
        command.args([
            "--nodes",
            &args.nodes.to_string(),
            "--rtt-ms",
            &args.rtt_ms.to_string(),
        ]);
        command.arg("--list").arg(list).arg("--quiet");
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let stdout = child.stdout.take().context("stdout is a pipe")?;
        let mut at = String::new();
        BufReader::new(stdout).read_line(&mut at)?;
        let at = at.trim().trim_start_matches("socks5://").to_owned();
        anyhow::ensure!(!at.is_empty(), "the simulated network did not start");
        Ok(Sim { child, at })
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs `command` to its end, and checks that it met `expected` nodes.
fn measure(command: &mut Command, expected: usize) -> anyhow::Result<Cost> {
    let began = Instant::now();
    let mut child = command.stdout(Stdio::piped()).spawn()?;
    let mut stdout = child.stdout.take().context("stdout is a pipe")?;
    let mut printed = String::new();
    std::io::Read::read_to_string(&mut stdout, &mut printed)?;
    let used = child.wait4()?;
    let wall = began.elapsed();
    anyhow::ensure!(
        used.status.success(),
        "{command:?}: {}: {printed}",
        used.status
    );
    let said: serde_json::Value =
        serde_json::from_str(&printed).context("it prints one JSON value")?;
    let met = [
        &said["answered"],
        &said["reachable"]["value"],
        &said["addresses"],
    ]
    .into_iter()
    .find_map(serde_json::Value::as_u64);
    anyhow::ensure!(
        met == Some(expected as u64),
        "{command:?} met {met:?} nodes where {expected} are: {printed}"
    );
    let secs = |time: Duration| time.as_secs_f64();
    Ok(Cost {
        wall_secs: secs(wall),
        cpu_secs: secs(used.rusage.utime) + secs(used.rusage.stime),
        peak_mb: megabytes(used.rusage.maxrss),
    })
}

#[expect(clippy::cast_precision_loss, reason = "a size for people")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

trait Median: Iterator<Item = f64> + Sized {
    /// Returns the middle one, the lower of two.
    fn median(self) -> f64 {
        let mut sorted: Vec<f64> = self.collect();
        sorted.sort_by(f64::total_cmp);
        sorted
            .get(sorted.len().saturating_sub(1) / 2)
            .copied()
            .unwrap_or(f64::NAN)
    }
}

impl<I: Iterator<Item = f64>> Median for I {}

impl Ratio {
    fn of(costs: &[Cost], floor: &[Cost]) -> Ratio {
        let turns = || costs.iter().zip(floor);
        Ratio {
            wall: turns()
                .map(|(it, floor)| it.wall_secs / floor.wall_secs)
                .median(),
            cpu: turns()
                .map(|(it, floor)| it.cpu_secs / floor.cpu_secs)
                .median(),
        }
    }
}

impl Cost {
    fn median(costs: &[Cost]) -> Cost {
        Cost {
            wall_secs: costs.iter().map(|it| it.wall_secs).median(),
            cpu_secs: costs.iter().map(|it| it.cpu_secs).median(),
            peak_mb: costs.iter().map(|it| it.peak_mb).median(),
        }
    }
}

fn read_baseline() -> Option<Results> {
    serde_json::from_str(&fs::read_to_string(BASELINE).ok()?).ok()
}

#[expect(clippy::print_stdout, reason = "the table is the result")]
fn show(results: &Results, baseline: Option<&Results>) {
    let (nodes, rtt_ms) = (results.nodes, results.rtt_ms);
    println!("\n{nodes} nodes, median round trip {rtt_ms} ms; medians of the turns\n");
    println!("{:<44}{:>9}{:>9}{:>9}", "", "wall s", "CPU s", "peak MB");
    let list = format!("{} addresses read and queued", results.list_addresses);
    for (name, cost) in [
        ("floor: connect, version, version", results.floor),
        ("crawl --handshake-only, store included", results.handshakes),
        ("crawl, store included", results.crawl),
        (&list, results.list),
    ] {
        let (wall, cpu, peak) = (cost.wall_secs, cost.cpu_secs, cost.peak_mb);
        println!("{name:<44}{wall:>9.2}{cpu:>9.2}{peak:>9.1}");
    }
    println!("\n{:<44}{:>9}{:>9}{:>9}", "", "now", "baseline", "aim");
    type Figure = fn(&Results) -> f64;
    let figures: [(&str, Figure, f64); 7] = [
        (
            "wall time, crawl --handshake-only / floor",
            |it| it.handshakes_to_floor.wall,
            1.3,
        ),
        (
            "CPU time, crawl --handshake-only / floor",
            |it| it.handshakes_to_floor.cpu,
            2.0,
        ),
        ("wall time, crawl / floor", |it| it.crawl_to_floor.wall, 1.3),
        ("CPU time, crawl / floor", |it| it.crawl_to_floor.cpu, 2.0),
        ("peak memory of the crawl, MB", |it| it.crawl.peak_mb, 60.0),
        ("the long list, seconds", |it| it.list.wall_secs, 3.0),
        ("the long list, peak MB", |it| it.list.peak_mb, 200.0),
    ];
    for (name, figure, aim) in figures {
        let now = figure(results);
        let before = baseline.map_or("-".to_owned(), |it| format!("{:.2}", figure(it)));
        let met = if now <= aim { "met" } else { "MISSED" };
        println!("{name:<44}{now:>9.2}{before:>9}{aim:>9.1}  {met}");
    }
}
