//! `diff`: two observations of the network held against each other.

use std::collections::HashMap;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use anyhow::Context;
use clap::{Args, ValueEnum};
use crawl::sources::Source;
use crawl::sources::fetch::{self, FetchConfig};
use crawl::visit::{micros, unix_now};
use plot::page::{Chapter, Page};
use proto::{Chain, PeerAddr};
use record::diff::{Diff, ListSide, Lone, Shared, Side};
use record::figures::Snapshot;
use record::figures::text::to_text;
use record::places::{Databases, Known, NoAtlas};
use record::sessions::SessionBuilder;
use record::{Crawl, CrawlId, CrawlState, SqliteStore, Store};

use crate::config::DbArgs;
use crate::console::Console;
use crate::roll_call::block_on;
use crate::{Done, console, output, sources};

/// How far the ages of nodes are looked up in earlier visits.
const AGES_REACH: Duration = Duration::from_hours(8 * 24);

#[derive(Debug, Args)]
#[command(after_help = "\
A and B are each
  12         the crawl with that number; `bitcensus crawls` lists them, imported ones too
  latest     the latest of our own crawls that finished
  previous   the one before that
  FILE       a list in any format that `crawl` and `import` read; `-` is standard input

For example, what a tracker knows and we do not, and why:
  bitcensus diff snapshot.json latest
  bitcensus diff snapshot.json latest --list only-a > unknown.txt

The exit code is 0 where they differ, too.")]
pub(crate) struct DiffArgs {
    /// The one side: a crawl or a list.
    #[arg(value_name = "A", value_parser = Operand::from_str)]
    a: Operand,
    /// The other side.
    #[arg(value_name = "B", value_parser = Operand::from_str)]
    b: Operand,
    /// Leave out nodes that a side last saw so long before its own time, as 90m, 24h or 7d; `all` leaves out none.
    #[arg(long, value_name = "AGE", default_value = "24h", value_parser = Fresh::from_str)]
    fresh: Fresh,
    /// Print everything as JSON: all addresses of each side too.
    #[arg(long, conflicts_with = "list")]
    json: bool,
    /// Print nothing but addresses, one a line.
    #[arg(long, value_enum, value_name = "WHICH")]
    list: Option<Which>,
    /// Write a page with all tables to this file, and print nothing.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["json", "list"])]
    html: Option<PathBuf>,
    /// The chain of `latest` and `previous`, and of lists without ports.
    #[arg(long, default_value = "mainnet", value_name = "CHAIN")]
    network: Chain,
    #[command(flatten)]
    db: DbArgs,
}

/// One side, as typed.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Operand {
    Crawl(CrawlId),
    Latest,
    Previous,
    List(Source),
}

/// How old what a side saw may be against its own time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fresh(Option<Duration>);

/// Addresses to list.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Which {
    /// Those that only A has.
    OnlyA,
    /// Those that only B has.
    OnlyB,
    /// Those that both have.
    Both,
}

pub(crate) fn run(args: DiffArgs) -> anyhow::Result<Done> {
    let sides = [&args.a, &args.b].map(|it| args.side(it));
    let [a, b] = sides;
    let diff = Diff::of(&a?, &b?, args.network.default_port());
    if let Some(path) = &args.html {
        output::write_bytes(path, page(&diff).html().as_bytes())?;
        return Ok(Done::Well);
    }
    let text = match args.list {
        Some(which) => list(&diff, which),
        None if args.json => serde_json::to_string_pretty(&diff)?,
        None => to_text(&diff.sections(), console::width()),
    };
    if !text.is_empty() {
        console::print_result(&text)?;
    }
    Ok(Done::Well)
}

impl DiffArgs {
    fn side(&self, operand: &Operand) -> anyhow::Result<Side> {
        let mut side = match operand {
            Operand::List(source) => self.read_list(source)?,
            Operand::Crawl(_) | Operand::Latest | Operand::Previous => self.read_crawl(operand)?,
        };
        if let Some(max_age) = self.fresh.0 {
            side.leave_out_stale(max_age);
        }
        Ok(side)
    }

    fn read_list(&self, source: &Source) -> anyhow::Result<Side> {
        if let Source::File(path) = source {
            anyhow::ensure!(
                path.exists(),
                "{} is no file, and no crawl: those are numbers, `latest` or `previous`",
                path.display()
            );
        }
        let config = FetchConfig::default();
        let load = async { Ok(fetch::load(source, &config, &mut |_| ()).await?) };
        let text = block_on(load)?;
        let mut side = ListSide::new(source.to_string(), micros(unix_now()));
        let report = listing::read_list(&text, self.network.default_port(), |it| side.add(it));
        let report = report.with_context(|| source.to_string())?;
        sources::show_skipped(&source.to_string(), &report.skipped, Console::new(false));
        Ok(side.finish())
    }

    fn read_crawl(&self, operand: &Operand) -> anyhow::Result<Side> {
        let store = SqliteStore::open_to_read(&self.db.path()?)?;
        let crawl = self.find(&store, operand)?;
        match crawl.observer {
            None => {
                let up_since_us = up_since(&store, &crawl)?;
                let snapshot = Snapshot::read(&store, crawl, &Databases::default())?;
                Ok(Side::of_crawl(snapshot, &up_since_us))
            }
            // Of an imported list it counts what that says, and not what we would.
            Some(_) => {
                let up_since_us = held_since(&store, crawl.id)?;
                let atlas = Known::new(store.places_of(crawl.id)?, NoAtlas);
                let snapshot = Snapshot::read(&store, crawl, &atlas)?;
                Ok(Side::of_crawl(snapshot, &up_since_us))
            }
        }
    }

    fn find(&self, store: &SqliteStore, operand: &Operand) -> anyhow::Result<Crawl> {
        if let Operand::Crawl(id) = operand {
            return Ok(store.crawl(*id)?);
        }
        let chain = self.network;
        let latest = store.latest_crawl(chain)?.with_context(|| {
            format!("there is no crawl of {chain}; --network chooses another chain")
        })?;
        if *operand == Operand::Latest {
            return Ok(latest);
        }
        let is_before = |it: &Crawl| {
            it.chain == chain
                && it.observer.is_none()
                && it.state == CrawlState::Finished
                && it.id < latest.id
        };
        let previous = store.crawls()?.into_iter().rfind(is_before);
        previous.with_context(|| format!("there is no finished crawl before crawl {}", latest.id))
    }
}

/// Returns since when nodes had been up at the time of a crawl, by the visits of the days before it.
fn up_since(store: &SqliteStore, crawl: &Crawl) -> anyhow::Result<HashMap<PeerAddr, i64>> {
    let at_us = store.ended_at_us(crawl)?;
    let since_us = at_us.saturating_sub(micros(AGES_REACH));
    let mut sessions = SessionBuilder::default();
    store.read_glimpses(crawl.chain, since_us..=at_us, &mut |it| {
        sessions.add(it);
        Ok(())
    })?;
    let states = sessions.into_states();
    Ok(states
        .filter_map(|(addr, state)| Some((addr, state.up_since_us(at_us)?)))
        .collect())
}

/// Returns since when an observer said that it had held its connections.
fn held_since(store: &SqliteStore, crawl: CrawlId) -> anyhow::Result<HashMap<PeerAddr, i64>> {
    let mut since_us = HashMap::new();
    store.read_listed(crawl, &mut |(addr, remarks)| {
        let seconds = remarks.connected_since;
        since_us.extend(seconds.and_then(|it| Some((addr, it.checked_mul(1_000_000)?))));
        Ok(())
    })?;
    Ok(since_us)
}

fn list(diff: &Diff, which: Which) -> String {
    let lone = |it: &[Lone]| it.iter().map(|it| it.address.clone() + "\n").collect();
    let both = |it: &[Shared]| it.iter().map(|it| it.address.clone() + "\n").collect();
    match which {
        Which::OnlyA => lone(&diff.only_a),
        Which::OnlyB => lone(&diff.only_b),
        Which::Both => both(&diff.both),
    }
}

fn page(diff: &Diff) -> Page {
    let mut chapters = [
        ("both", "A and B"),
        ("only_a", "Only in A"),
        ("only_b", "Only in B"),
    ]
    .map(|(key, title)| Chapter {
        key,
        title: title.to_owned(),
        ..Chapter::default()
    });
    for section in diff.sections() {
        let place = match section.key {
            "why_not_in_b" | "traits_a" | "only_a" => 1,
            "why_not_in_a" | "traits_b" | "only_b" => 2,
            _ => 0,
        };
        chapters[place].sections.push(section);
    }
    let [a, b] = [&diff.a, &diff.b].map(|it| it.name.as_str());
    Page {
        title: "Two observations of the Bitcoin network".to_owned(),
        lead: format!("A is {a}; B is {b}"),
        facts: Vec::new(),
        chapters: chapters.into(),
        footer: format!("bitcensus {}", env!("CARGO_PKG_VERSION")),
    }
}

impl FromStr for Operand {
    type Err = String;

    fn from_str(text: &str) -> Result<Operand, String> {
        if let Ok(id) = text.parse() {
            return Ok(Operand::Crawl(CrawlId(id)));
        }
        match Source::parse(text) {
            _ if text == "latest" => Ok(Operand::Latest),
            _ if text == "previous" => Ok(Operand::Previous),
            list @ (Source::File(_) | Source::Stdin) => Ok(Operand::List(list)),
            Source::Url(_) => Err("a URL is not fetched here: fetch it into a file".to_owned()),
            Source::Dns | Source::Store => {
                Err("expected a crawl's number, latest, previous or a file".to_owned())
            }
        }
    }
}

impl FromStr for Fresh {
    type Err = String;

    fn from_str(text: &str) -> Result<Fresh, String> {
        const WRONG: &str = "expected minutes, hours or days, as 90m, 24h or 7d, or `all`";
        if text == "all" {
            return Ok(Fresh(None));
        }
        let unit = text.chars().last().ok_or(WRONG)?;
        let seconds = match unit {
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            _ => return Err(WRONG.to_owned()),
        };
        let n: u32 = text
            .strip_suffix(unit)
            .unwrap_or(text)
            .parse()
            .map_err(|_| WRONG)?;
        Ok(Fresh(Some(Duration::from_secs(u64::from(n) * seconds))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_side_is_a_crawl_or_a_list() {
        check("12", "Crawl(CrawlId(12))");
        check("latest", "Latest");
        check("previous", "Previous");
        check("./12", r#"List(File("./12"))"#);
        check("-", "List(Stdin)");
        check(
            "http://127.0.0.1/a",
            "a URL is not fetched here: fetch it into a file",
        );
        check(
            "dns",
            "expected a crawl's number, latest, previous or a file",
        );
    }

    #[test]
    fn an_age_has_a_unit() {
        let hours = |it| Ok(Fresh(Some(Duration::from_hours(it))));
        assert_eq!("24h".parse(), hours(24));
        assert_eq!("7d".parse(), hours(168));
        assert_eq!("120m".parse(), hours(2));
        assert_eq!("all".parse(), Ok(Fresh(None)));
        for wrong in ["", "h", "24", "-1h", "1hh", "99999999999d", "1é"] {
            assert!(wrong.parse::<Fresh>().is_err(), "{wrong}");
        }
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let read = match text.parse::<Operand>() {
            Ok(operand) => format!("{operand:?}"),
            Err(why) => why,
        };
        assert_eq!(read, expected, "{text}");
    }
}
