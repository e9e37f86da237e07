//! The benchmarks: crawls and questions against floors in the same run, and a list of a million addresses.
//!
//! Seconds depend on the machine and on what else it does; the ratios are what to compare.

mod analysis;
mod crawl;
mod figures;
mod list;
mod measure;
mod roll_call;
mod sim;

use std::fs;

use clap::{Args, ValueEnum};

use self::figures::Figures;
use crate::run::{cargo, run, say};

/// The results that new ones are compared with.
const BASELINE: &str = "bench/baseline.json";

#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    /// What to measure [default: all].
    #[arg(value_enum)]
    what: Vec<What>,
    /// Live nodes of the simulated network.
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
    /// Visits of the large stores.
    #[arg(long, default_value_t = 1_000_000)]
    visits: u32,
    /// Keep the results in bench/baseline.json, for later runs to be compared with.
    #[arg(long)]
    save: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum What {
    /// Everybody on a list is called.
    RollCall,
    /// A network of honest nodes is found from a few of them.
    Crawl,
    /// The same with three dead addresses to each live one, half of them silent.
    Mixed,
    /// The same with a liar to every five live nodes.
    Flood,
    /// How the cost grows with the network.
    Growth,
    /// A million addresses are read, deduplicated and queued.
    List,
    /// Figures, pictures and comparisons of one crawl of ten in a large store.
    Questions,
    /// A large crawl is written as Parquet, ndjson and CSV.
    Exports,
    /// The list of another observer is put into a new store.
    Import,
}

pub(crate) fn bench(args: &BenchArgs) -> anyhow::Result<()> {
    let build = ["build", "--release", "--locked", "--quiet"];
    let programs = ["-p", "bitcensus", "-p", "sim", "-p", "record"];
    let kinds = ["--bins", "--example", "big_store"];
    run(&mut cargo(&[&build[..], &programs, &kinds].concat()))?;
    let dir = tempfile::tempdir()?;
    let mut figures = Figures::default();
    let wanted = |what| args.what.is_empty() || args.what.contains(&what);
    for what in What::value_variants() {
        if !wanted(*what) {
            continue;
        }
        match what {
            What::RollCall => roll_call::measure(args, dir.path(), &mut figures)?,
            What::Crawl => crawl::measure_honest(args, dir.path(), &mut figures)?,
            What::Mixed => crawl::measure_mixed(args, dir.path(), &mut figures)?,
            What::Flood => crawl::measure_flood(args, dir.path(), &mut figures)?,
            What::Growth => crawl::measure_growth(args, dir.path(), &mut figures)?,
            What::List => list::measure(args, dir.path(), &mut figures)?,
            What::Questions => analysis::measure_questions(args, dir.path(), &mut figures)?,
            What::Exports => analysis::measure_exports(args, dir.path(), &mut figures)?,
            What::Import => analysis::measure_import(args, dir.path(), &mut figures)?,
        }
    }
    let baseline = fs::read_to_string(BASELINE).ok();
    let baseline: Figures = baseline
        .and_then(|it| serde_json::from_str(&it).ok())
        .unwrap_or_default();
    figures.show(&baseline);
    fs::create_dir_all("target/bench")?;
    let text = serde_json::to_string_pretty(&figures)? + "\n";
    fs::write("target/bench/latest.json", &text)?;
    if args.save {
        fs::create_dir_all("bench")?;
        let kept = baseline.updated_by(figures);
        fs::write(BASELINE, serde_json::to_string_pretty(&kept)? + "\n")?;
        say(&format!("kept in {BASELINE}"));
    }
    Ok(())
}
