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
    crawl: Cost,
    wall_ratio: f64,
    cpu_ratio: f64,
    list_addresses: u32,
    list: Cost,
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
    let (floor, crawl) = bench_roll_call(args, dir.path())?;
    let list = bench_list(args, dir.path())?;
    let results = Results {
        nodes: args.nodes,
        rtt_ms: args.rtt_ms,
        wall_ratio: floor
            .iter()
            .zip(&crawl)
            .map(|(f, c)| c.wall_secs / f.wall_secs)
            .median(),
        cpu_ratio: floor
            .iter()
            .zip(&crawl)
            .map(|(f, c)| c.cpu_secs / f.cpu_secs)
            .median(),
        floor: Cost::median(&floor),
        crawl: Cost::median(&crawl),
        list_addresses: args.list,
        list: Cost::median(&list),
    };
    let baseline = read_baseline();
    show(&results, baseline.as_ref());
    fs::create_dir_all("target/bench")?;
    fs::write(
        "target/bench/latest.json",
        serde_json::to_string_pretty(&results)?,
    )?;
    if args.save || baseline.is_none() {
        fs::create_dir_all("bench")?;
        fs::write(BASELINE, serde_json::to_string_pretty(&results)? + "\n")?;
        say(&format!("kept in {BASELINE}"));
    }
    Ok(())
}

/// Has the floor and the crawl call the same simulated network in turn.
fn bench_roll_call(args: &BenchArgs, dir: &Path) -> anyhow::Result<(Vec<Cost>, Vec<Cost>)> {
    let list = dir.join("nodes.txt");
    let sim = Sim::start(args, &list)?;
    let in_flight = args.nodes.to_string();
    let (mut floor, mut crawl) = (Vec::new(), Vec::new());
    for turn in 0..args.runs {
        say(&format!("roll call, turn {} of {}", turn + 1, args.runs));
        let mut command = Command::new("target/release/floor");
        command.args([
            "--proxy",
            &sim.at,
            "--in-flight",
            &in_flight,
            "--timeout-ms",
            "15000",
        ]);
        floor.push(measure(command.arg("--list").arg(&list), args.nodes)?);

        let db = dir.join(format!("{turn}.db"));
        let mut command = Command::new("target/release/bitcensus");
        command.arg("crawl").arg(&list).arg("--db").arg(&db);
        command.args(["--proxy", &format!("socks5://{}", sim.at)]);
        command.args([
            "--max-in-flight",
            &in_flight,
            "--max-rate",
            "0",
            "--quiet",
            "--json",
        ]);
        crawl.push(measure(&mut command, args.nodes)?);
    }
    Ok((floor, crawl))
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
    let was = |value: Option<f64>| value.map_or("-".to_owned(), |it| format!("{it:.2}"));
    println!(
        "\n{} nodes, median round trip {} ms; medians of the runs\n",
        results.nodes, results.rtt_ms
    );
    println!("{:<38}{:>10}{:>10}{:>10}", "", "wall s", "CPU s", "peak MB");
    for (name, cost) in [
        ("floor: connect, version, version", results.floor),
        ("bitcensus crawl, store included", results.crawl),
    ] {
        println!(
            "{name:<38}{:>10.2}{:>10.2}{:>10.1}",
            cost.wall_secs, cost.cpu_secs, cost.peak_mb
        );
    }
    let name = format!("{} addresses read and queued", results.list_addresses);
    let list = results.list;
    println!(
        "{name:<38}{:>10.2}{:>10.2}{:>10.1}\n",
        list.wall_secs, list.cpu_secs, list.peak_mb
    );

    println!("{:<38}{:>10}{:>10}{:>10}  ", "", "now", "baseline", "aim");
    for (name, now, before, aim) in [
        (
            "wall time, crawl / floor",
            results.wall_ratio,
            baseline.map(|it| it.wall_ratio),
            1.3,
        ),
        (
            "CPU time, crawl / floor",
            results.cpu_ratio,
            baseline.map(|it| it.cpu_ratio),
            2.0,
        ),
        (
            "peak memory of the crawl, MB",
            results.crawl.peak_mb,
            baseline.map(|it| it.crawl.peak_mb),
            60.0,
        ),
        (
            "a million addresses, seconds",
            list.wall_secs,
            baseline.map(|it| it.list.wall_secs),
            3.0,
        ),
        (
            "a million addresses, peak MB",
            list.peak_mb,
            baseline.map(|it| it.list.peak_mb),
            200.0,
        ),
    ] {
        let met = if now <= aim { "met" } else { "MISSED" };
        println!("{name:<38}{now:>10.2}{:>10}{aim:>10.1}  {met}", was(before));
    }
}
