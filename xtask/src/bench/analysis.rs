//! Questions of stores of a million visits, each beside the same question asked of SQLite directly.
//!
//! Whoever computes figures of visits, or writes them out, needs what they hold, so the floor of that is a query that reads
//! every value of every visit in question, and keeps the largest of each column. The floor of `diff`, which says too since
//! when nodes have been up, groups all visits that reached somebody by their addresses. Floors run as `bitcensus sql`, in
//! turn with what is held against them: starting the program and opening the store count on both sides. An import has no
//! floor, for `sql` writes nothing.
//!
//! No file of the user's says where nodes are, so that what is measured does not depend on which of them are there.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

use super::BenchArgs;
use super::figures::Figures;
use super::measure::{self, Cost, Ratio};
use crate::run::{run, say};

/// How many crawls share the visits of the store of several.
const N_CRAWLS: u32 = 10;

/// Every column of a visit.
const COLUMNS: [&str; 32] = [
    "visit_id",
    "crawl_id",
    "address",
    "network",
    "port",
    "source",
    "attempt",
    "started_at_us",
    "took_us",
    "connect_us",
    "version_us",
    "verack_us",
    "addrs_us",
    "transport",
    "tried",
    "outcome",
    "reason",
    "protocol_version",
    "services",
    "timestamp",
    "nonce",
    "user_agent",
    "start_height",
    "relay",
    "addr_recv",
    "addr_from",
    "version_payload",
    "features",
    "bytes_in",
    "bytes_out",
    "dialect",
    "addresses_told",
];

/// A list of others that is imported, where it is there.
const SNAPSHOT: &str = "snapshots/bitnodes_export_2022-09-14.json";

/// How many nodes it lists.
const SNAPSHOT_NODES: usize = 14_410;

/// So many made-up visits reach as many nodes.
const SNAPSHOT_VISITS: u32 = 83_929;

/// The most that an import may take: seconds, and megabytes.
const IMPORT_AIM: (f64, f64) = (0.5, 60.0);

/// Something that a store is asked.
struct Question<'a> {
    name: &'a str,
    words: &'a [&'a str],
    /// What SQLite is asked instead.
    floor: &'a str,
    /// The most that it may take: seconds, how often the time of the floor, and megabytes.
    aim: (f64, f64, f64),
}

/// Figures, pictures and comparisons of one crawl among several.
pub(super) fn measure_questions(
    args: &BenchArgs,
    dir: &Path,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let store = make_store(dir, N_CRAWLS, args.visits / N_CRAWLS)?;
    let latest = read_visits(&format!("crawl_id = {N_CRAWLS}"));
    let all = read_visits("true");
    let compared = compare_crawls(N_CRAWLS - 1, N_CRAWLS);
    let (page, pictures) = (dir.join("report.html"), dir.join("pictures"));
    let (page, pictures) = (page.to_string_lossy(), pictures.to_string_lossy());
    let crawls = [N_CRAWLS - 1, N_CRAWLS].map(|it| it.to_string());
    let questions = [
        Question {
            name: "report --json --no-history",
            words: &["report", "--json", "--no-history"],
            floor: &latest,
            aim: (2.0, 10.0, 200.0),
        },
        Question {
            name: "report --json",
            words: &["report", "--json"],
            floor: &all,
            aim: (5.0, 5.0, 200.0),
        },
        Question {
            name: "report --html --no-history",
            words: &["report", "--no-history", "--html", &page],
            floor: &latest,
            aim: (3.0, 15.0, 200.0),
        },
        Question {
            name: "plot all",
            words: &["plot", "all", "--output", &pictures],
            floor: &all,
            aim: (5.0, 5.0, 200.0),
        },
        Question {
            name: "diff of two crawls",
            words: &["diff", &crawls[0], &crawls[1], "--json"],
            floor: &compared,
            aim: (3.0, 10.0, 200.0),
        },
    ];
    for question in questions {
        question.ask(&store, args, dir, figures)?;
    }
    Ok(())
}

/// Whole crawls, written in the formats that hold all of it.
pub(super) fn measure_exports(
    args: &BenchArgs,
    dir: &Path,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let store = make_store(dir, 1, args.visits)?;
    let all = read_visits("true");
    // Text is six times as long as Parquet, and more, so it may take a little longer.
    for (format, ratio) in [("parquet", 5.0), ("ndjson", 8.0), ("csv", 8.0)] {
        let out = dir.join(format);
        let question = Question {
            name: &format!("export {format}"),
            words: &["export", format, "--output", &out.to_string_lossy()],
            floor: &all,
            aim: (5.0, ratio, 150.0),
        };
        question.ask(&store, args, dir, figures)?;
        anyhow::ensure!(out.metadata()?.len() > 0, "{format}: nothing was written");
    }
    Ok(())
}

/// The export of bitnodes, put into a new store.
pub(super) fn measure_import(
    args: &BenchArgs,
    dir: &Path,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let list = snapshot(dir)?;
    let mut costs = Vec::new();
    for turn in 1..=args.runs {
        say(&format!("import, turn {turn} of {}", args.runs));
        let mut command = bitcensus(dir);
        command.arg("import").arg(&list).args(["--json", "--quiet"]);
        let db = tempfile::tempdir_in(dir)?;
        command.arg("--db").arg(db.path().join("census.db"));
        costs.push(measure::measure(&mut command, SNAPSHOT_NODES)?);
    }
    let cost = figures.add_cost("import of 14,410 nodes", &costs);
    let (secs, megabytes) = IMPORT_AIM;
    figures.add("import of 14,410 nodes: seconds", cost.wall_secs, secs);
    figures.add("import of 14,410 nodes: peak MB", cost.peak_mb, megabytes);
    Ok(())
}

impl Question<'_> {
    fn ask(
        &self,
        store: &Path,
        args: &BenchArgs,
        dir: &Path,
        figures: &mut Figures,
    ) -> anyhow::Result<()> {
        let Question {
            name,
            words,
            floor,
            aim: (secs, ratio, megabytes),
        } = *self;
        let ask = |words: &[&str]| -> anyhow::Result<Cost> {
            let mut command = bitcensus(dir);
            let (cost, _) = measure::run(command.args(words).arg("--db").arg(store))?;
            Ok(cost)
        };
        let (mut floors, mut costs) = (Vec::new(), Vec::new());
        for turn in 1..=args.runs {
            say(&format!("{name}, turn {turn} of {}", args.runs));
            floors.push(ask(&["sql", floor, "--csv"])?);
            costs.push(ask(words)?);
        }
        figures.add_cost(&format!("{name}: SQLite"), &floors);
        let cost = figures.add_cost(name, &costs);
        let times = Ratio::of(&costs, &floors);
        figures.add(&format!("{name}: seconds"), cost.wall_secs, secs);
        figures.add(&format!("{name}: wall time / SQLite"), times.wall, ratio);
        figures.add(&format!("{name}: peak MB"), cost.peak_mb, megabytes);
        Ok(())
    }
}

/// Returns the command, without what the user has it look addresses up in.
fn bitcensus(dir: &Path) -> Command {
    let mut command = Command::new("target/release/bitcensus");
    command.env("XDG_DATA_HOME", dir.join("no data"));
    command
}

/// Makes a store of so many crawls, each of so many visits.
fn make_store(dir: &Path, n_crawls: u32, n_visits: u32) -> anyhow::Result<PathBuf> {
    let store = dir.join(format!("{n_crawls}_of_{n_visits}.db"));
    let mut command = Command::new("target/release/examples/big_store");
    let counts = [n_crawls, n_visits].map(|it| it.to_string());
    run(command.arg(&store).args(counts))?;
    Ok(store)
}

/// Asks for every value of some visits.
fn read_visits(which: &str) -> String {
    let largest = COLUMNS.map(|it| format!("max(visits.{it})")).join(", ");
    format!(
        "SELECT {largest} FROM crawls JOIN visits NOT INDEXED USING (crawl_id)
         WHERE visit_id BETWEEN first_visit_id AND last_visit_id AND {which}"
    )
}

/// Asks how many addresses both of two crawls reached, how many said something else to each, and since when they were up.
fn compare_crawls(a: u32, b: u32) -> String {
    let said = ["protocol_version", "services", "user_agent", "start_height"];
    let differs = said.map(|it| format!("min({it}) <> max({it}) AS {it}"));
    let sums = said.map(|it| format!("sum({it})"));
    format!(
        "SELECT count(*), sum(is_in_a AND is_in_b), max(up_since_us), {} FROM (
            SELECT max(crawl_id = {a}) AS is_in_a, max(crawl_id = {b}) AS is_in_b,
                min(visits.started_at_us) AS up_since_us, {}
            FROM crawls JOIN visits NOT INDEXED USING (crawl_id)
            WHERE visit_id BETWEEN first_visit_id AND last_visit_id AND outcome IN ('complete', 'version_only')
            GROUP BY address
        )",
        sums.join(", "),
        differs.join(", ")
    )
}

/// Returns where there is a list of 14,410 nodes in the form of bitnodes' exports; where others' is not there, it is made.
fn snapshot(dir: &Path) -> anyhow::Result<PathBuf> {
    let data = env::var_os("BITCENSUS_DATA").map_or_else(|| "../shared/data".into(), PathBuf::from);
    let list = data.join(SNAPSHOT);
    if list.exists() {
        return Ok(list);
    }
    let list = dir.join("bitnodes_export.json");
    let store = make_store(dir, 1, SNAPSHOT_VISITS)?;
    let mut command = bitcensus(dir);
    command.args(["export", "bitnodes-export", "--output"]);
    run(command.arg(&list).arg("--db").arg(store))?;
    fs::metadata(&list).context("the list was not made")?;
    Ok(list)
}
