//! `status`: whether the watch of a store is well.

use clap::Args;
use crawl::visit::{micros, unix_now};
use record::export::rfc3339;
use record::text::{escape, grouped};
use record::{Crawl, CrawlState, SqliteStore, Store};

use super::crawls::date;
use crate::config::DbArgs;
use crate::{Done, console};

#[derive(Debug, Args)]
#[command(after_help = "\
A watch is well if its process is at work, its latest snapshot is not too old, and
no problem is known. The exit code is 0 if so, 1 if not.")]
pub(crate) struct StatusArgs {
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    db: DbArgs,
}

pub(crate) fn run(args: StatusArgs) -> anyhow::Result<Done> {
    let path = args.db.path()?;
    let store = SqliteStore::open_to_read(&path)?;
    let crawls = store.crawls()?;
    let Some(latest) = crawls.iter().rfind(|it| it.series.is_some()) else {
        anyhow::bail!(
            "{} has no watch; `bitcensus watch` begins one",
            path.display()
        );
    };
    let mut rounds = crawls.iter().filter(|it| it.series == latest.series);
    let status = Status {
        // Whoever has the store open adds to our last crawl.
        is_running: store.is_open_for_crawl()
            && crawls.iter().rfind(|it| it.observer.is_none()) == Some(latest),
        latest,
        snapshot: rounds.rfind(|it| it.state == CrawlState::Finished),
        now_us: micros(unix_now()),
    };
    let text = match args.json {
        true => serde_json::to_string_pretty(&status.json())?,
        false => status.text(),
    };
    console::print_result(&text)?;
    Ok(match status.problems().is_empty() {
        true => Done::Well,
        false => Done::Unhealthy,
    })
}

/// What is known of a watch. Pure: time is a value.
struct Status<'a> {
    is_running: bool,
    /// Its latest round.
    latest: &'a Crawl,
    /// Its latest round that is finished.
    snapshot: Option<&'a Crawl>,
    now_us: i64,
}

impl Status<'_> {
    /// Returns what is wrong, in words for people.
    fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if !self.is_running {
            problems.push("no process is at work".to_owned());
        }
        let limit = self.seconds("stalled_after_s");
        if limit.is_some_and(|limit| self.age() > limit) {
            problems.push(format!(
                "no snapshot was finished for {}, expected every {}",
                time(self.age()),
                time(self.seconds("every_s").unwrap_or_default())
            ));
        }
        problems.extend(
            self.latest
                .standing
                .problems
                .iter()
                .map(|it| escape(it, 1_000)),
        );
        problems
    }

    /// How old the latest snapshot is or, where there is none, the watch; in seconds.
    fn age(&self) -> f64 {
        let finished = self.snapshot.and_then(|it| it.finished_at_us);
        let since = finished.unwrap_or(self.began_us());
        seconds(self.now_us - since)
    }

    fn began_us(&self) -> i64 {
        self.latest.series.unwrap_or(self.latest.started_at_us)
    }

    fn seconds(&self, key: &str) -> Option<f64> {
        self.latest.config[key].as_f64()
    }

    fn text(&self) -> String {
        let Crawl { chain, vantage, .. } = self.latest;
        let problems = self.problems();
        let mut lines = vec![format!(
            "{}: the watch of {chain} from {}, since {} UTC",
            if problems.is_empty() {
                "well"
            } else {
                "NOT WELL"
            },
            escape(vantage, 60),
            date(self.began_us()),
        )];
        lines.extend(problems.iter().map(|it| format!("  problem: {it}")));
        match self.snapshot {
            None => lines.push("  no snapshot yet".to_owned()),
            Some(snapshot) => {
                lines.push(format!(
                    "  latest snapshot: crawl {}, {} ago; one every {}",
                    snapshot.id,
                    time(self.age()),
                    time(self.seconds("every_s").unwrap_or_default())
                ));
                let reachable = &snapshot.standing.reachable;
                let each: Vec<_> = reachable
                    .iter()
                    .map(|(network, n)| format!("{network} {}", grouped(n)))
                    .collect();
                lines.push(format!(
                    "  reachable in it: {}  {}",
                    grouped(reachable.values().sum::<u64>()),
                    each.join(" · ")
                ));
            }
        }
        lines.join("\n")
    }

    fn json(&self) -> serde_json::Value {
        let problems = self.problems();
        serde_json::json!({
            "is_well": problems.is_empty(),
            "is_running": self.is_running,
            "problems": problems,
            "chain": self.latest.chain.name(),
            "vantage": self.latest.vantage,
            "began_at": rfc3339(self.began_us()),
            "every_s": self.seconds("every_s"),
            "snapshot": self.snapshot.map(|it| serde_json::json!({
                "crawl": it.id.0,
                "finished_at": it.finished_at_us.and_then(rfc3339),
                "age_s": self.age(),
                "reachable": it.standing.reachable,
            })),
        })
    }
}

#[expect(clippy::cast_precision_loss, reason = "a time for people")]
fn seconds(us: i64) -> f64 {
    us as f64 / 1e6
}

/// Writes a time as people say it, in whole units.
fn time(seconds: f64) -> String {
    match seconds {
        ..120.0 => format!("{seconds:.0} s"),
        ..7_200.0 => format!("{:.0} min", seconds / 60.0),
        ..172_800.0 => format!("{:.0} h", seconds / 3_600.0),
        _ => format!("{:.0} days", seconds / 86_400.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::Chain;
    use record::CrawlId;
    use std::collections::BTreeMap;

    const MINUTE: i64 = 60_000_000;

    #[test]
    fn a_watch_is_well_while_it_runs_is_on_time_and_knows_no_problem() {
        check(true, Some(5), &[], &[]);
        check(true, Some(40), &[], &[]);
        check(
            true,
            Some(41),
            &[],
            &["no snapshot was finished for 41 min, expected every 10 min"],
        );
        check(true, None, &[], &[]);
        check(false, Some(5), &[], &["no process is at work"]);
        check(
            false,
            Some(6_000),
            &["onion collapsed\x1b"],
            &[
                "no process is at work",
                "no snapshot was finished for 4 days, expected every 10 min",
                "onion collapsed\\u{1b}",
            ],
        );
    }

    #[test]
    fn it_is_told_to_people_and_to_machines() {
        let round = round(Some(0), &["the proxy is dead"]);
        let status = Status {
            is_running: true,
            latest: &round,
            snapshot: Some(&round),
            now_us: 5 * MINUTE,
        };
        assert_eq!(
            status.text(),
            "\
NOT WELL: the watch of signet from a desk, since 1970-01-01 00:00:00 UTC
  problem: the proxy is dead
  latest snapshot: crawl 7, 5 min ago; one every 10 min
  reachable in it: 4,012  ipv4 4,000 · onion 12"
        );
        let json = status.json();
        assert_eq!(json["is_well"], false);
        assert_eq!(json["snapshot"]["reachable"]["onion"], 12);
        assert_eq!(json["snapshot"]["age_s"], 300.0);
    }

    #[track_caller]
    fn check(is_running: bool, minutes: Option<i64>, noted: &[&str], expected: &[&str]) {
        let round = round(minutes.map(|_| 0), noted);
        let status = Status {
            is_running,
            latest: &round,
            snapshot: minutes.map(|_| &round),
            now_us: minutes.unwrap_or(1) * MINUTE,
        };
        assert_eq!(status.problems(), expected);
    }

    fn round(finished_at_us: Option<i64>, problems: &[&str]) -> Crawl {
        Crawl {
            id: CrawlId(7),
            chain: Chain::Signet,
            vantage: "a desk".to_owned(),
            sources: Vec::new(),
            started_at_us: 0,
            finished_at_us,
            n_queued: 0,
            config: serde_json::json!({"every_s": 600.0, "stalled_after_s": 2_400.0}),
            state: CrawlState::Finished,
            n_visits: 0,
            n_reachable: 0,
            left_out: BTreeMap::new(),
            series: Some(0),
            observer: None,
            standing: record::Standing {
                problems: problems.iter().map(|it| (*it).to_owned()).collect(),
                reachable: [("ipv4", 4_000), ("onion", 12)]
                    .map(|(network, n)| (network.to_owned(), n))
                    .into(),
            },
        }
    }
}
