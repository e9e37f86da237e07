//! `data`: what there is to look addresses up in, and how to get more.

mod lookup;
mod offers;
mod update;

use std::time::{Duration, SystemTime};

use clap::{Args, Subcommand};
use crawl::visit::unix_now;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use record::places::{AS_NAMES, Asmap, COUNTRIES, Contents, Embedded, Mmdb};
use record::text::escape;
use serde_json::json;

use crate::atlas::{AtlasArgs, DataFile, Database, databases};
use crate::table::table;
use crate::{Done, console, paths};
use offers::{ASMAP, OFFERS, licence_of};

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct DataArgs {
    #[command(subcommand)]
    action: Option<Action>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    atlas: AtlasArgs,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Fetch the latest asmap of Bitcoin Core's repository from GitHub, or take any other file; this dials out.
    Update(update::UpdateArgs),
    /// Say where addresses are.
    Lookup(lookup::LookupArgs),
}

pub(crate) fn run(args: DataArgs) -> anyhow::Result<Done> {
    match args.action {
        Some(Action::Update(update)) => update::run(&update),
        Some(Action::Lookup(lookup)) => lookup::run(&lookup),
        None => show(&args),
    }
}

fn show(args: &DataArgs) -> anyhow::Result<Done> {
    let files = args.atlas.files()?;
    let embedded = [
        Source::embedded(COUNTRIES, "countries", "MIT or Apache-2.0"),
        Source::embedded(AS_NAMES, "names of AS numbers", "CC0, the program MIT"),
    ];
    let found = files.iter().map(Source::of);
    let sources: Vec<_> = embedded.into_iter().chain(found).collect();
    let hint = databases(files).hint();
    let now_s = i64::try_from(unix_now().as_secs())?;
    let text = match args.json {
        true => serde_json::to_string_pretty(&json!({
            "sources": sources.iter().map(|it| it.json(now_s)).collect::<Vec<_>>(),
            "offers": OFFERS.map(|it| json!({
                "name": it.name, "good_for": it.good_for, "licence": it.licence, "get_it": it.get_it,
            })),
            "hint": hint,
        }))?,
        false => told(&sources, now_s),
    };
    console::print_result(&text)?;
    Ok(Done::Well)
}

fn told(sources: &[Source], now_s: i64) -> String {
    let headers = ["there is", "good for", "as of", "licence"];
    let there = table(headers, sources.iter().map(|it| it.row(now_s)));
    let headers = ["there could be", "good for", "licence", "from"];
    let rows = OFFERS.map(|it| [it.name, it.good_for, it.licence, it.get_it].map(str::to_owned));
    let more = table(headers, rows);
    let dir = paths::data_dir().map_or_else(
        |error| format!("{error:#}"),
        |it| {
            format!(
                "Put .mmdb files into {}, or name them with --mmdb.",
                it.display()
            )
        },
    );
    format!("{there}\n{more}\n{dir}")
}

/// Something that addresses are looked up in.
struct Source {
    /// The crate that it is embedded in, or the path of a file.
    name: String,
    /// The version of that, or what the file calls itself.
    kind: String,
    good_for: String,
    /// Seconds since 1970.
    as_of_s: Option<i64>,
    licence: &'static str,
}

impl Source {
    fn embedded(table: Embedded, good_for: &str, licence: &'static str) -> Source {
        let date: Option<jiff::civil::Date> = table.date.parse().ok();
        let began = date.and_then(|it| it.to_zoned(TimeZone::UTC).ok());
        Source {
            name: table.name.to_owned(),
            kind: format!("{}, part of this program", table.version),
            good_for: good_for.to_owned(),
            as_of_s: began.map(|it| it.timestamp().as_second()),
            licence,
        }
    }

    fn of(file: &DataFile) -> Source {
        let name = escape(&file.path.to_string_lossy(), 200);
        let file_name = file.path.file_name().unwrap_or_default();
        let file_name = file_name.to_string_lossy();
        match &file.database {
            Database::Asmap(asmap) => Source {
                name,
                kind: kind_of(asmap).to_owned(),
                good_for: ASMAP.good_for.to_owned(),
                as_of_s: file.modified.and_then(unix_seconds),
                licence: ASMAP.licence,
            },
            Database::Mmdb(mmdb) => Source {
                name,
                kind: escape(mmdb.kind(), 60),
                good_for: good_for(mmdb),
                as_of_s: Some(mmdb.built_at_s()),
                licence: licence_of(mmdb.kind(), &file_name),
            },
        }
    }

    fn row(&self, now_s: i64) -> [String; 4] {
        let as_of = match (self.date(), self.age_days(now_s)) {
            (Some(date), Some(1)) => format!("{date}, 1 day old"),
            (Some(date), Some(days)) => format!("{date}, {days} days old"),
            (_, _) => "-".to_owned(),
        };
        [
            format!("{}\n{}", self.name, self.kind),
            self.good_for.clone(),
            as_of,
            self.licence.to_owned(),
        ]
    }

    fn json(&self, now_s: i64) -> serde_json::Value {
        json!({
            "name": self.name,
            "kind": self.kind,
            "good_for": self.good_for,
            "as_of": self.date(),
            "age_days": self.age_days(now_s),
            "licence": self.licence,
        })
    }

    fn date(&self) -> Option<String> {
        let time = Timestamp::from_second(self.as_of_s?).ok()?;
        Some(time.strftime("%F").to_string())
    }

    /// Whole days; none where a clock is wrong.
    fn age_days(&self, now_s: i64) -> Option<i64> {
        let age_s = now_s.saturating_sub(self.as_of_s?);
        Some(age_s.max(0) / 86_400)
    }
}

/// Says what an asmap does with addresses that nobody has.
fn kind_of(asmap: &Asmap) -> &'static str {
    match asmap.is_filled() {
        true => "filled: what nobody announces is given to a neighbour",
        false => "unfilled",
    }
}

fn good_for(mmdb: &Mmdb) -> String {
    let Contents {
        countries,
        cities,
        positions,
        asns,
    } = mmdb.contents();
    let all = [
        (countries, "countries"),
        (cities, "cities"),
        (positions, "positions"),
        (asns, "AS numbers"),
    ];
    let some: Vec<_> = all.iter().filter(|it| it.0).map(|it| it.1).collect();
    match some.as_slice() {
        [] => "nothing that is known here".to_owned(),
        some => some.join(", "),
    }
}

fn unix_seconds(time: SystemTime) -> Option<i64> {
    let since: Duration = time.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    i64::try_from(since.as_secs()).ok()
}
