//! `data update`: brings a file that addresses are looked up in.

use std::fs::File;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use clap::Args;
use crawl::dial::socks5::Proxy;
use crawl::sources::Source;
use crawl::sources::fetch::{self, FetchConfig};
use record::places::{Contents, MAX_MMDB_BYTES};
use record::text::{escape, grouped};
use serde_json::Value;

use crate::atlas::{ASMAP_FILE, Database, MMDB_ENDING, replace};
use crate::console::{self, Console};
use crate::roll_call::block_on;
use crate::{Done, paths};

/// All files of Bitcoin Core's repository of asmaps (GitHub's REST API, "Get a tree").
const LISTING: &str =
    "https://api.github.com/repos/bitcoin-core/asmap-data/git/trees/main?recursive=1";

/// Where each of them is.
const FILES: &str = "https://raw.githubusercontent.com/bitcoin-core/asmap-data/main";

/// How the files end in which only what is announced has a number.
const UNFILLED: &str = "_asmap_unfilled.dat";

#[derive(Debug, Args)]
#[command(after_help = "\
Without --from this connects to api.github.com and raw.githubusercontent.com.
A file replaces the one before it only once all of it is there and sound.")]
pub(super) struct UpdateArgs {
    /// Take this file: an asmap, or one of MaxMind's format; gzip is unpacked.
    #[arg(long, value_name = "URL|FILE")]
    from: Option<String>,
    /// Fetch through this SOCKS5 proxy: socks5://HOST:PORT.
    #[arg(long, value_name = "URL")]
    proxy: Option<String>,
}

/// A file that was brought.
struct Brought {
    /// The last part of its path or URL.
    name: String,
    bytes: Vec<u8>,
    /// When it was made, where that is known.
    made: Option<SystemTime>,
}

pub(super) fn run(args: &UpdateArgs) -> anyhow::Result<Done> {
    let proxy = args.proxy.as_deref().map(Proxy::parse).transpose();
    let config = FetchConfig {
        max_bytes: MAX_MMDB_BYTES,
        proxy: proxy.context("--proxy")?,
        ..FetchConfig::default()
    };
    let console = Console::new(false);
    let brought = block_on(async {
        match &args.from {
            Some(from) => bring(from, &config, console).await,
            None => bring_asmap(&config, console).await.context(
                "the asmap is not there; one that was fetched by other means can be named with --from",
            ),
        }
    })?;
    console::print_result(&keep(brought)?)?;
    Ok(Done::Well)
}

/// Brings the latest asmap of Bitcoin Core's repository.
async fn bring_asmap(config: &FetchConfig, console: Console) -> anyhow::Result<Brought> {
    let listing = bring(LISTING, config, console).await?;
    let path = newest_asmap(&listing.bytes).with_context(|| LISTING.to_owned())?;
    bring(&format!("{FILES}/{path}"), config, console).await
}

async fn bring(from: &str, config: &FetchConfig, console: Console) -> anyhow::Result<Brought> {
    let source = match from.contains("://") {
        true => Source::Url(from.to_owned()),
        false => Source::File(PathBuf::from(from)),
    };
    let modified = match &source {
        Source::File(path) => {
            let metadata = path.metadata().with_context(|| from.to_owned())?;
            metadata.modified().ok()
        }
        _ => None,
    };
    let bar = console.download_bar(&source.to_string());
    let mut on_progress = |progress: fetch::Progress| {
        if let Some(total) = progress.total {
            bar.set_length(total);
        }
        bar.set_position(progress.received);
    };
    let bytes = fetch::load(&source, config, &mut on_progress).await;
    bar.finish_and_clear();
    let name = from.split(['?', '#']).next().unwrap_or(from);
    let name = last_part(name).to_owned();
    Ok(Brought {
        made: epoch(&name).or(modified),
        bytes: bytes?,
        name,
    })
}

/// Checks a file and puts it where it is found; returns a sentence about it.
fn keep(brought: Brought) -> anyhow::Result<String> {
    let size = brought.bytes.len();
    let parse = || {
        let database = Database::parse(brought.bytes.clone())?;
        if let Database::Mmdb(mmdb) = &database {
            let has_some = mmdb.contents() != Contents::default();
            anyhow::ensure!(
                has_some,
                "it has neither countries nor cities, positions, AS numbers"
            );
        }
        anyhow::Ok(database)
    };
    let database = parse().with_context(|| escape(&brought.name, 200))?;
    let file = match &database {
        Database::Asmap(_) => ASMAP_FILE.to_owned(),
        Database::Mmdb(mmdb) => mmdb_file(&brought.name, mmdb.kind()),
    };
    let path = paths::data_dir()?.join(file);
    replace(&path, &brought.bytes)?;
    if let Some(made) = brought.made {
        let written = File::options().write(true).open(&path)?;
        written.set_modified(made)?;
    }
    Ok(format!("{}: {} bytes", path.display(), grouped(size)))
}

/// Names a file of MaxMind's format as it was named, or by what it calls itself.
fn mmdb_file(name: &str, kind: &str) -> String {
    let name = name.trim_end_matches(".gz");
    let stem = name
        .strip_suffix(&format!(".{MMDB_ENDING}"))
        .unwrap_or(kind);
    let is_safe = |it: &char| it.is_ascii_alphanumeric() || "-_".contains(*it);
    let stem: String = stem.chars().filter(is_safe).take(100).collect();
    match stem.as_str() {
        "" => format!("unnamed.{MMDB_ENDING}"),
        stem => format!("{stem}.{MMDB_ENDING}"),
    }
}

/// Returns the path of the newest unfilled asmap: their names begin with the time at which they were made.
fn newest_asmap(listing: &[u8]) -> anyhow::Result<String> {
    let listing: Value = serde_json::from_slice(listing).context("no list of files")?;
    let entries = listing["tree"].as_array().into_iter().flatten();
    let paths = entries.filter_map(|it| it["path"].as_str());
    let is_plain = |it: char| it.is_ascii_alphanumeric() || "/_.-".contains(it);
    let asmaps = paths.filter(|it| it.ends_with(UNFILLED) && it.chars().all(is_plain));
    let newest = asmaps.max_by_key(|it| epoch(last_part(it)));
    let newest = newest.context("it lists no asmap; name one with --from")?;
    Ok(newest.to_owned())
}

fn last_part(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

/// Reads the time of `1791475200_asmap.dat`.
fn epoch(name: &str) -> Option<SystemTime> {
    let (seconds, _) = name.split_once("_asmap")?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_asmap_is_the_one_with_the_latest_time() {
        check(
            &[
                "latest_asmap.dat",
                "2025/1742000000_asmap_unfilled.dat",
                "2026/1791475200_asmap_unfilled.dat",
                "2026/1791475300_asmap.dat",
                "2026/1780588800_asmap_unfilled.dat",
                "2026/1999999999_asmap_unfilled.dat?../..",
                "2026/later_asmap_unfilled.dat",
            ],
            "2026/1791475200_asmap_unfilled.dat",
        );
        check(&["README.md"], "it lists no asmap; name one with --from");
        let wrong = newest_asmap(br#"{"message": "rate limit"}"#).unwrap_err();
        assert_eq!(wrong.to_string(), "it lists no asmap; name one with --from");
        assert_eq!(
            newest_asmap(b"<html>").unwrap_err().to_string(),
            "no list of files"
        );
    }

    #[test]
    fn files_are_named_after_their_source_or_their_kind() {
        assert_eq!(mmdb_file("GeoLite2-City.mmdb", "x"), "GeoLite2-City.mmdb");
        assert_eq!(mmdb_file("dbip-city.mmdb.gz", "x"), "dbip-city.mmdb");
        assert_eq!(mmdb_file("download", "GeoLite2-ASN"), "GeoLite2-ASN.mmdb");
        assert_eq!(mmdb_file("..mmdb", "x"), "unnamed.mmdb");
        assert_eq!(mmdb_file("get", "../../etc/x y"), "etcxy.mmdb");
    }

    fn check(paths: &[&str], expected: &str) {
        let tree: Vec<_> = paths
            .iter()
            .map(|it| serde_json::json!({"path": it}))
            .collect();
        let listing = serde_json::json!({"tree": tree}).to_string();
        let seen = newest_asmap(listing.as_bytes()).unwrap_or_else(|it| it.to_string());
        assert_eq!(seen, expected);
    }
}
