//! `import`: what other observers saw, each file as a crawl of theirs.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use anyhow::{Context, bail, ensure};
use clap::Args;
use flate2::read::MultiGzDecoder;
use indicatif::ProgressBar;
use listing::OnBad;
use proto::Chain;
use record::import::{Survey, moment};
use record::text::{escape, grouped};
use record::{Crawl, NewCrawl, SqliteStore, Store};

use super::crawls::date;
use crate::config::DbArgs;
use crate::console::Console;
use crate::sources::show_skipped;
use crate::{Done, console};

/// The first two bytes of every gzip member (RFC 1952).
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// The most characters of the name of an observer.
const MAX_OBSERVER: usize = 100;

#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// Files in any known format, as they are or packed by gzip: snapshots, exports and dumps of bitnodes, seeders, other
    /// crawlers, and of bitcensus itself.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Who saw what is in the files [default: by their format, as in bitnodes or sipa].
    #[arg(long, value_name = "NAME", value_parser = parse_observer)]
    observer: Option<String>,
    /// When they were made: Unix seconds, or a date with or without time, in UTC [default: as the file says, by its name,
    /// when the latest of its nodes was seen, or the file's own time].
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    at: Option<i64>,
    /// Whose nodes they list: mainnet, testnet3, testnet4, signet or regtest.
    #[arg(long, default_value = "mainnet", value_name = "CHAIN")]
    network: Chain,
    /// Leave out entries that cannot be read, where the first one would make the whole file be refused.
    #[arg(long)]
    skip_bad: bool,
    /// Import what is in the store already, once more.
    #[arg(long)]
    again: bool,
    /// Print one JSON object a file.
    #[arg(long)]
    json: bool,
    /// Print nothing but results and errors.
    #[arg(long)]
    quiet: bool,
    #[command(flatten)]
    db: DbArgs,
}

fn parse_observer(text: &str) -> Result<String, String> {
    match text.chars().count() {
        1..=MAX_OBSERVER => Ok(text.to_owned()),
        _ => Err(format!("expected up to {MAX_OBSERVER} characters")),
    }
}

fn parse_time(text: &str) -> Result<i64, String> {
    let time = moment::read(text).filter(|it| it.checked_mul(1_000_000).is_some());
    time.ok_or_else(|| "expected Unix seconds, or a date as in 2026-08-01T12:30".to_owned())
}

pub(crate) fn run(args: ImportArgs) -> anyhow::Result<Done> {
    let console = Console::new(args.quiet);
    let db = args.db.path()?;
    for path in &args.files {
        let name = escape(&path.display().to_string(), 200);
        let (crawl, survey) = import(&args, path, &db, console).with_context(|| name.clone())?;
        let text = match args.json {
            true => json(&name, &crawl, &survey).to_string(),
            false => line(&name, &crawl, &survey),
        };
        console::print_result(&text)?;
    }
    Ok(Done::Well)
}

/// Imports one file: all of it, or nothing.
fn import(
    args: &ImportArgs,
    path: &Path,
    db: &Path,
    console: Console,
) -> anyhow::Result<(Crawl, Survey)> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = escape(&name, 200);
    let on_bad = match args.skip_bad {
        true => OnBad::Skip,
        false => OnBad::Fail,
    };
    let port = args.network.default_port();
    let bar = console.download_bar(&name);
    let survey = Survey::read(open(path, &bar)?, port, on_bad)?;
    show_skipped(&name, &survey.report.skipped, console);
    if let Some(doubt) = doubt(&survey) {
        console.say(&format!("{name}: {doubt}"));
    }
    let taken_at = match args.at.or_else(|| survey.taken_at(&name)) {
        Some(at) => at,
        None => file_time(path, &name, console)?,
    };
    let new = new_crawl(args, &name, &survey, taken_at);

    let mut store = SqliteStore::open_for_crawl(db)?;
    if !args.again {
        must_be_new(&store, &new)?;
    }
    let id = store.import(&new, &mut |give| {
        let input = open(path, &bar).map_err(io::Error::other)?;
        survey.feed(input, port, on_bad, taken_at, give)
    });
    bar.finish_and_clear();
    Ok((store.crawl(id?)?, survey))
}

/// Opens a file, unpacked.
fn open(path: &Path, bar: &ProgressBar) -> anyhow::Result<Box<dyn BufRead>> {
    let metadata = path.metadata()?;
    ensure!(
        metadata.is_file(),
        "it is no file; what comes from elsewhere has to be in one first, because it is read twice"
    );
    bar.set_length(metadata.len());
    bar.set_position(0);
    let mut file = File::open(path)?;
    let mut start = Vec::new();
    file.by_ref()
        .take(GZIP.len() as u64)
        .read_to_end(&mut start)?;
    file.rewind()?;
    let file = BufReader::new(bar.wrap_read(file));
    Ok(match start == GZIP {
        true => Box::new(BufReader::new(MultiGzDecoder::new(file))),
        false => Box::new(file),
    })
}

/// Returns when the file was last written, and says that this is taken for its time.
fn file_time(path: &Path, name: &str, console: Console) -> anyhow::Result<i64> {
    let written = path.metadata()?.modified()?;
    let written = written.duration_since(UNIX_EPOCH)?.as_secs();
    let at = i64::try_from(written)?;
    console.say(&format!(
        "{name}: nothing in it says when it was made; taken for that is when the file was written, {} (--at says another time)",
        date(at.saturating_mul(1_000_000))
    ));
    Ok(at)
}

fn new_crawl(args: &ImportArgs, name: &str, survey: &Survey, taken_at: i64) -> NewCrawl {
    let format = survey.report.format;
    let observer = args.observer.clone();
    let observer = observer.unwrap_or_else(|| format.observer().to_owned());
    NewCrawl {
        chain: args.network,
        vantage: observer.clone(),
        sources: vec![name.to_owned()],
        started_at_us: taken_at.saturating_mul(1_000_000),
        n_queued: survey.report.n_read as u64,
        config: serde_json::json!({
            "format": format.to_string(),
            "version": env!("CARGO_PKG_VERSION"),
        }),
        series: None,
        observer: Some(observer),
    }
}

/// Fails where the same observer's list of the same time and length is there.
fn must_be_new(store: &SqliteStore, new: &NewCrawl) -> anyhow::Result<()> {
    let same = store.crawls()?.into_iter().find(|it| {
        it.chain == new.chain
            && it.observer == new.observer
            && it.started_at_us == new.started_at_us
            && it.n_queued == new.n_queued
    });
    let Some(same) = same else {
        return Ok(());
    };
    bail!(
        "it is in the store as crawl {}: {} nodes of {}, seen by {}; --again imports it once more",
        same.id,
        grouped(same.n_queued),
        date(same.started_at_us),
        escape(&same.vantage, MAX_OBSERVER)
    )
}

/// Says where a list contradicts itself: it is cut, or somebody put it together.
fn doubt(survey: &Survey) -> Option<String> {
    let report = &survey.report;
    let n_entries = report.n_read + report.skipped.n;
    let n_said = report.n_said.filter(|it| *it != n_entries)?;
    Some(format!(
        "it says that it has {}, but it lists {}; taken is what it lists",
        counted(n_said, "node"),
        grouped(n_entries)
    ))
}

/// Writes `1 node`, `2 nodes`.
fn counted(n: usize, what: &str) -> String {
    let plural = if n == 1 { "" } else { "s" };
    format!("{} {what}{plural}", grouped(n))
}

fn line(name: &str, crawl: &Crawl, survey: &Survey) -> String {
    let networks = survey.networks.iter();
    let networks: Vec<_> = networks
        .map(|(network, n)| format!("{} {network}", grouped(n)))
        .collect();
    let left_out = crawl.left_out.iter();
    let left_out: String = left_out
        .map(|(reason, n)| format!(", {} left out ({reason})", grouped(n)))
        .collect();
    format!(
        "crawl {}: {name}, {} of {} (UTC), seen by {}: {} ({}){left_out}",
        crawl.id,
        survey.report.format,
        date(crawl.started_at_us),
        escape(&crawl.vantage, MAX_OBSERVER),
        counted(survey.report.n_read, "node"),
        networks.join(", ")
    )
}

fn json(name: &str, crawl: &Crawl, survey: &Survey) -> serde_json::Value {
    let networks = survey.networks.iter();
    let networks = networks.map(|(network, n)| (network.name().to_owned(), (*n).into()));
    serde_json::json!({
        "file": name,
        "crawl": crawl.id.0,
        "observer": crawl.observer,
        "format": survey.report.format.to_string(),
        "taken_at": record::export::rfc3339(crawl.started_at_us),
        "nodes": survey.report.n_read,
        "networks": serde_json::Map::from_iter(networks),
        "visits": crawl.n_visits,
        "reachable": crawl.n_reachable,
        "left_out": crawl.left_out,
    })
}
