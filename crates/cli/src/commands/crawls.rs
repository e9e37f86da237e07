//! `crawls`: what the store has.

use clap::Args;
use record::export::rfc3339;
use record::text::{escape, grouped};
use record::{Crawl, SqliteStore, Store};

use crate::config::DbArgs;
use crate::table::table;
use crate::{Done, console};

#[derive(Debug, Args)]
pub(crate) struct CrawlsArgs {
    /// Print a JSON array instead of a table.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    db: DbArgs,
}

pub(crate) fn run(args: CrawlsArgs) -> anyhow::Result<Done> {
    let store = SqliteStore::open_to_read(&args.db.path()?)?;
    let crawls = store.crawls()?;
    let text = match args.json {
        true => serde_json::to_string_pretty(&crawls.iter().map(json).collect::<Vec<_>>())?,
        false if crawls.is_empty() => "no crawls yet".to_owned(),
        false => table(
            [
                "crawl",
                "chain",
                "began (UTC)",
                "state",
                "observer",
                "visits",
                "reachable",
                "sources",
            ],
            crawls.iter().map(row),
        ),
    };
    console::print_result(&text)?;
    Ok(Done::Well)
}

fn row(crawl: &Crawl) -> [String; 8] {
    [
        crawl.id.to_string(),
        crawl.chain.to_string(),
        date(crawl.started_at_us),
        crawl.state.to_string(),
        escape(crawl.observer.as_deref().unwrap_or_default(), 20),
        grouped(crawl.n_visits),
        grouped(crawl.n_reachable),
        escape(&crawl.sources.join(", "), 60),
    ]
}

/// Writes a time to the second, as people read it.
pub(super) fn date(us: i64) -> String {
    let time = jiff::Timestamp::from_microsecond(us);
    time.map_or_else(|_| "-".to_owned(), |it| it.strftime("%F %T").to_string())
}

fn json(crawl: &Crawl) -> serde_json::Value {
    serde_json::json!({
        "crawl": crawl.id.0,
        "chain": crawl.chain.name(),
        "vantage": crawl.vantage,
        "sources": crawl.sources,
        "started_at": rfc3339(crawl.started_at_us),
        "finished_at": crawl.finished_at_us.and_then(rfc3339),
        "state": crawl.state.name(),
        "observer": crawl.observer,
        "queued": crawl.n_queued,
        "visits": crawl.n_visits,
        "reachable": crawl.n_reachable,
        "left_out": crawl.left_out,
        "series": crawl.series,
        "problems": crawl.standing.problems,
        "config": crawl.config,
    })
}
