//! `watch`: call nodes again and again, as often as each needs it, for weeks.

use std::time::Duration;

use clap::Args;
use crawl::sources::Source;
use proto::session::Questions;
use record::SqliteStore;
use tokio_util::sync::CancellationToken;

use crate::config::{DbArgs, DialArgs, DialConfig, FollowArgs, RollArgs};
use crate::console::Console;
use crate::roll_call::block_on;
use crate::stop::stop_on_signals;
use crate::watch::Watch;
use crate::{Done, sources};

#[derive(Debug, Args)]
#[command(after_help = "\
A round begins every --every: it calls the nodes that are due, and whom they tell
of. Nodes that are new or come and go are called in every round, those that have
been up for a day once an hour; each is asked for others once a day. At its end
the round is a snapshot, a crawl of its own for `crawls`, `report` and `export`;
`export sessions` says when each node was up, and why it went.

The sources are read at the start and once a day; SOURCE is as for `crawl`. A
watch that is started again goes on with its series.

What goes wrong is said once when it begins and once when it ends, and `status`
says it too: a proxy or router that is gone (its nodes are left alone meanwhile,
not taken for gone), a network of which far fewer nodes answer than usual, no
finished snapshot for three rounds and the longest call. After as long again the
process ends with exit code 1, to be started anew.

Examples:
  bitcensus watch
  bitcensus watch --every 5 --keep 7 --tor socks5://127.0.0.1:9050 --json >> snapshots.ndjson
  bitcensus status

Ctrl-C or SIGTERM once lets open calls end; twice quits at once. The exit code is 0
if all was well at the end, 1 if not.")]
pub(crate) struct WatchArgs {
    /// Where addresses come from [default: dns store].
    #[arg(value_name = "SOURCE")]
    sources: Vec<String>,
    /// From one snapshot to the next: minutes, or as 90s, 5m, 1h.
    #[arg(long, value_name = "MINUTES", default_value = "10", value_parser = parse_every)]
    every: Duration,
    /// Days for which every visit is kept; of older ones only those that show a change, and the first and the last of
    /// each day. 0 keeps all.
    #[arg(long, value_name = "DAYS", default_value_t = 30)]
    keep: u32,
    /// Call loopback and other addresses that no public node can have: for test networks.
    #[arg(long)]
    allow_private: bool,
    /// A name for the place that this watch looks from.
    #[arg(long, value_name = "NAME", default_value = "here")]
    vantage: String,
    /// Print a JSON object a snapshot to stdout.
    #[arg(long)]
    json: bool,
    /// Say nothing but what goes wrong.
    #[arg(long)]
    quiet: bool,
    #[command(flatten)]
    db: DbArgs,
    #[command(flatten)]
    dial: DialArgs,
    #[command(flatten)]
    follow: FollowArgs,
    #[command(flatten)]
    roll: RollArgs,
}

pub(crate) fn run(args: WatchArgs) -> anyhow::Result<Done> {
    block_on(watch(args))
}

async fn watch(args: WatchArgs) -> anyhow::Result<Done> {
    let console = Console::new(args.quiet);
    let mut dial = DialConfig::new(&args.dial, args.allow_private)?;
    if dial.questions == Questions::Features && !args.follow.no_gossip {
        dial.questions = Questions::Addresses;
    }
    // Who is due in the middle of a round is called at its beginning.
    anyhow::ensure!(
        args.every >= args.follow.min_interval * 2,
        "--every {} s calls nodes again sooner than --min-interval {} s allows; it must be twice as long",
        args.every.as_secs_f64(),
        args.follow.min_interval.as_secs_f64()
    );
    let load = args.roll.load();
    let db = args.db.path()?;
    let stop = CancellationToken::new();
    stop_on_signals(stop.clone());
    let sources = match args.sources.as_slice() {
        [] => vec![Source::Dns, Source::Store],
        named => named.iter().map(|it| Source::parse(it)).collect(),
    };
    let frontier = async {
        for line in dial.clone().check_ways().await? {
            console.say(&line);
        }
        let frontier = args.follow.frontier(&dial, &load);
        sources::read_all(&sources, frontier, &dial, &db, console).await
    };
    let frontier = tokio::select! {
        read = frontier => read?,
        () = stop.cancelled() => return Ok(Done::Well),
    };
    // Only now: a wrong source leaves no empty census behind.
    let store = SqliteStore::open_for_crawl(&db)?;
    let watch = Watch {
        dial,
        load,
        follow: args.follow,
        sources,
        db,
        vantage: args.vantage,
        every: args.every,
        keep: (args.keep > 0).then(|| Duration::from_hours(24) * args.keep),
        as_json: args.json,
        console,
        stop,
    };
    watch.run(store, frontier).await
}

fn parse_every(text: &str) -> Result<Duration, String> {
    let (number, unit) = match text.find(|it: char| it.is_ascii_alphabetic()) {
        Some(at) => text.split_at(at),
        None => (text, "m"),
    };
    let unit = match unit {
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3_600.0,
        _ => return Err("expected minutes, or a time as 90s, 5m, 1h".to_owned()),
    };
    let number: f64 = number.parse().map_err(|_| "expected minutes, as 10")?;
    match number * unit {
        secs @ 1.0..=43_200.0 => Ok(Duration::from_secs_f64(secs)),
        _ => Err("expected from one second to twelve hours".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_between_snapshots_are_minutes_unless_they_say_otherwise() {
        let seconds = |text| parse_every(text).map(|it| it.as_secs_f64());
        assert_eq!(seconds("10"), Ok(600.0));
        assert_eq!(seconds("0.5"), Ok(30.0));
        assert_eq!(seconds("2s"), Ok(2.0));
        assert_eq!(seconds("90s"), Ok(90.0));
        assert_eq!(seconds("1.5h"), Ok(5_400.0));
        for wrong in [
            "", "s", "0", "0.5s", "13h", "-1", "10d", "NaN", "1e9", "inf",
        ] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
