//! A census that goes on for weeks: rounds of calls, and a snapshot at the end of each.
//!
//! A round is a crawl of its own in the store; the rounds of one watch have their series in common. It calls who is due by
//! the schedule and whom peers told of. It is over when nobody is left; where the next one is due before that, new calls
//! stop in time, and who still waits is called in the next one.

mod problems;
mod watchdog;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crawl::frontier::{Frontier, Hint, PerNetwork};
use crawl::progress::Progress;
use crawl::schedule::Rhythm;
use crawl::sources::Source;
use crawl::vigil::{Round, Vigil};
use crawl::visit::{Caller, micros, unix_now};
use proto::{Network, PeerAddr};
use record::export::rfc3339;
use record::store::SNAPSHOT_REACH;
use record::text::grouped;
use record::{CrawlEnd, CrawlId, NewCrawl, SqliteStore, Standing, Store, StoreError, Thinning};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::config::{DialConfig, FollowArgs, Load};
use crate::console::Console;
use crate::pass::{Pass, TooSoon};
use crate::remembered::{self, called_since};
use crate::roll_call::{TOLD_BY_PEERS, place_of_gossip, told_config};
use crate::writer::Keep;
use crate::{Done, console, sources};
use problems::{Change, Problems};
use watchdog::{Bark, Watchdog};

/// How long one frontier lasts: so often an address that was told in vain is called at the most.
const FRONTIER_LASTS: Duration = Duration::from_hours(24);
/// How the schedule is named among the sources.
const BY_SCHEDULE: &str = "schedule";
/// How many old visits are looked at in one transaction.
const THINNED_AT_ONCE: u32 = 2_000;
/// How many such transactions there are between two rounds: a fraction of a second, and far more than a round brings.
const THINNINGS: usize = 25;
/// How long the last words of the watchdog may take.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// What is to be watched, and how.
pub(crate) struct Watch {
    /// With the ways that were asked for, whether they work or not.
    pub(crate) dial: DialConfig,
    pub(crate) load: Load,
    pub(crate) follow: FollowArgs,
    pub(crate) sources: Vec<Source>,
    pub(crate) db: PathBuf,
    pub(crate) vantage: String,
    /// From the beginning of one round to that of the next.
    pub(crate) every: Duration,
    /// How long all visits are kept; `None` for ever.
    pub(crate) keep: Option<Duration>,
    /// Whether snapshots are told to machines too.
    pub(crate) as_json: bool,
    pub(crate) console: Console,
    pub(crate) stop: CancellationToken,
}

/// What goes from round to round.
struct Course {
    store: SqliteStore,
    /// What its rounds have in common.
    series: i64,
    vigil: Vigil,
    day: Day,
    problems: Problems,
    thinning: Thinning,
}

/// The frontier of a day.
struct Day {
    frontier: Frontier,
    /// When its time began.
    began: Instant,
    /// Who was called a moment before.
    too_soon: TooSoon,
}

/// A round that is over.
struct Snapshot {
    crawl: CrawlId,
    progress: Progress,
    n_up: PerNetwork<usize>,
    round: Round,
    /// Whether somebody asked the watch to stop meanwhile.
    was_stopped: bool,
}

impl Watch {
    /// Makes rounds until it is stopped; `frontier` holds what the sources named.
    pub(crate) async fn run(self, store: SqliteStore, frontier: Frontier) -> anyhow::Result<Done> {
        let mut course = tokio::select! {
            course = self.start(store, frontier) => course?,
            () = self.stop.cancelled() => return Ok(Done::Well),
        };
        let watchdog = Watchdog::start(self.stalled_after(), bark);
        while !self.stop.is_cancelled() {
            let next = Instant::now() + self.every;
            if course.day.began.elapsed() >= FRONTIER_LASTS {
                let frontier = tokio::select! {
                    frontier = self.read_again() => frontier,
                    () = self.stop.cancelled() => break,
                };
                course.day = self.begin_day(frontier, &course.store, &course.vigil)?;
            }
            let mut dial = self.dial.clone();
            let reports = tokio::select! {
                reports = dial.look_for_ways() => reports,
                () = self.stop.cancelled() => break,
            };
            let (broken, change) = course.problems.note_ways(&reports);
            log(&change);
            let snapshot;
            (course, snapshot) = self.round(course, &dial, &broken, next).await?;
            self.tell(&snapshot, &course.problems)?;
            watchdog.pat();
            if let Some(keep) = self.keep {
                let before_us = micros(unix_now().saturating_sub(keep));
                course = spawn_blocking(move || course.thin(before_us)).await??;
            }
            tokio::select! {
                () = sleep_until(next) => (),
                () = self.stop.cancelled() => (),
            }
        }
        Ok(match course.problems.list().is_empty() {
            true => Done::Well,
            false => Done::Unhealthy,
        })
    }

    /// Takes up what the store knows.
    async fn start(&self, store: SqliteStore, frontier: Frontier) -> anyhow::Result<Course> {
        let chain = self.dial.chain;
        let dialer = self.dial.caller(false).dialer;
        let rhythm = Rhythm::new(whole_secs(self.every));
        // Eight days of visits are millions.
        let reading = spawn_blocking(move || {
            let may_call = |addr: &PeerAddr| dialer.why_not(addr).is_none();
            let schedule = remembered::schedule(&store, chain, rhythm, may_call)?;
            Ok::<_, StoreError>((store, schedule))
        });
        let (store, schedule) = reading.await??;
        let vigil = Vigil::new(schedule);
        let day = self.begin_day(frontier, &store, &vigil)?;
        anyhow::ensure!(
            day.frontier.n_known() > 0,
            "there is nobody to watch: no source named an address"
        );
        Ok(Course {
            series: self.series(&store)?,
            store,
            vigil,
            day,
            problems: Problems::default(),
            thinning: Thinning::new(chain),
        })
    }

    /// Makes one round, and the snapshot at its end; `dial` knows which ways work, `broken` those that should.
    async fn round(
        &self,
        course: Course,
        dial: &DialConfig,
        broken: &BTreeSet<Network>,
        next: Instant,
    ) -> anyhow::Result<(Course, Snapshot)> {
        let Course {
            mut store,
            vigil,
            mut day,
            mut problems,
            ..
        } = course;
        let caller = Arc::new(dial.caller(false));
        // Where private addresses are called, the way to them is there whatever the check says.
        let leads = |it| dial.ways.lead_to(it, !dial.allow_private);
        let held = Network::ALL.map(|it| broken.contains(&it) && !leads(it));
        let asked = queue_due(&vigil, &mut day, &caller, self.place_of_schedule());

        let crawl = store.begin_crawl(&self.new_round(course.series, &day.frontier))?;
        let known = Standing {
            problems: problems.list(),
            ..Standing::default()
        };
        store.note_standing(crawl, &known)?;
        let round_stop = self.stop.child_token();
        // So that the last calls are over when the next round is due, if they are no slower than half a round.
        let no_calls_from = next - caller.longest_call().min(self.every / 2);
        let pass = Pass {
            caller,
            max_rate: self.load.max_rate,
            way_patience: self.dial.way_patience,
            since: day.began,
            gossip: place_of_gossip(&self.source_names())?,
            too_soon: &day.too_soon,
            asked: &asked,
            held: PerNetwork(held),
            crawl,
            keep: Keep {
                edges: self.follow.edges,
                learned: false,
            },
            before: Progress::default(),
            console: Console::Quiet,
            stop: round_stop.clone(),
        };
        let calls = pass.run(&mut day.frontier, store, vigil);
        let (mut store, mut vigil, progress) = until(no_calls_from, round_stop, calls).await?;
        day.too_soon = TooSoon::default();

        let was_stopped = self.stop.is_cancelled() && progress.n_remaining() > 0;
        // What a part of a round saw says nothing about networks.
        let round = match was_stopped {
            true => Round::default(),
            false => vigil.end_round(),
        };
        let snapshot = Snapshot {
            crawl,
            progress,
            n_up: vigil
                .schedule
                .n_up(whole_secs(unix_now()) - whole_secs(SNAPSHOT_REACH)),
            round,
            was_stopped,
        };
        if !was_stopped {
            let collapses = &snapshot.round.collapses;
            log(&problems.note_round(collapses, snapshot.n_reachable()));
        }
        store.note_standing(crawl, &snapshot.standing(&problems))?;
        let how = match was_stopped {
            true => CrawlEnd::Stopped,
            false => CrawlEnd::Finished,
        };
        store.finish_crawl(crawl, micros(unix_now()), how)?;
        let course = Course {
            store,
            vigil,
            day,
            problems,
            ..course
        };
        Ok((course, snapshot))
    }

    /// Begins the time of a frontier: what the schedule knows is its matter.
    fn begin_day(
        &self,
        mut frontier: Frontier,
        store: &SqliteStore,
        vigil: &Vigil,
    ) -> Result<Day, StoreError> {
        for addr in vigil.schedule.nodes() {
            frontier.set_apart(addr, self.place_of_schedule());
        }
        Ok(Day {
            frontier,
            began: Instant::now(),
            too_soon: called_since(store, self.dial.chain, self.follow.min_interval)?,
        })
    }

    /// Reads the sources into a fresh frontier; one that fails is left out, for the schedule has its nodes.
    async fn read_again(&self) -> Frontier {
        let mut frontier = self.follow.frontier(&self.dial, &self.load);
        let (dial, db) = (&self.dial, &self.db);
        for (place, source) in (0..).zip(&self.sources) {
            if *source == Source::Stdin {
                continue; // It is read once.
            }
            let reading = sources::read_one(source, place, &mut frontier, dial, db, self.console);
            if let Err(error) = reading.await {
                tracing::warn!("{source} was not read again: {error:#}");
            }
        }
        frontier
    }

    /// Returns the series of the latest watch of this chain from here, or a new one.
    fn series(&self, store: &SqliteStore) -> Result<i64, StoreError> {
        let crawls = store.crawls()?;
        let mut of_this = crawls
            .iter()
            .filter(|it| it.chain == self.dial.chain && it.vantage == self.vantage);
        let latest = of_this.rfind(|it| it.series.is_some());
        Ok(latest
            .and_then(|it| it.series)
            .unwrap_or_else(|| micros(unix_now())))
    }

    fn new_round(&self, series: i64, frontier: &Frontier) -> NewCrawl {
        let mut config = told_config(&self.dial, &self.load, &self.follow);
        config["every_s"] = self.every.as_secs_f64().into();
        config["stalled_after_s"] = self.stalled_after().as_secs_f64().into();
        NewCrawl {
            chain: self.dial.chain,
            vantage: self.vantage.clone(),
            sources: self.source_names(),
            started_at_us: micros(unix_now()),
            n_queued: frontier.n_waiting() as u64,
            series: Some(series),
            observer: None,
            config,
        }
    }

    /// The names of the sources, in the order to which visits refer: the schedule and the peers come last.
    fn source_names(&self) -> Vec<String> {
        let named = self.sources.iter().map(ToString::to_string);
        let others = [BY_SCHEDULE, TOLD_BY_PEERS].map(str::to_owned);
        named.chain(others).collect()
    }

    fn place_of_schedule(&self) -> u16 {
        u16::try_from(self.sources.len()).unwrap_or(u16::MAX)
    }

    /// How long there may be no finished snapshot.
    fn stalled_after(&self) -> Duration {
        self.every * 3 + self.dial.caller(false).longest_call()
    }

    fn tell(&self, snapshot: &Snapshot, problems: &Problems) -> std::io::Result<()> {
        self.console.say(&snapshot.line(problems.list().len()));
        match self.as_json {
            true => console::print_result(&snapshot.json(problems).to_string()),
            false => Ok(()),
        }
    }
}

impl Course {
    /// Has some of the old visits go that need not be kept.
    fn thin(mut self, before_us: i64) -> Result<Course, StoreError> {
        for _ in 0..THINNINGS {
            let thinning = &mut self.thinning;
            if !self.store.thin(thinning, before_us, THINNED_AT_ONCE)? {
                break;
            }
        }
        Ok(self)
    }
}

impl Snapshot {
    fn n_reachable(&self) -> usize {
        self.n_up.0.iter().sum()
    }

    fn n_called(&self) -> usize {
        let n_ended: usize = self.progress.outcomes.values().sum();
        n_ended - self.progress.n_not_tried()
    }

    fn reachable(&self) -> BTreeMap<String, u64> {
        let named = Network::ALL.map(|it| (it.name().to_owned(), self.n_up[it] as u64));
        named.into_iter().filter(|it| it.1 > 0).collect()
    }

    fn standing(&self, problems: &Problems) -> Standing {
        Standing {
            problems: problems.list(),
            reachable: self.reachable(),
        }
    }

    fn line(&self, n_problems: usize) -> String {
        let by_network: Vec<_> = self
            .reachable()
            .iter()
            .map(|(network, n)| format!("{network} {}", grouped(n)))
            .collect();
        let mut line = format!(
            "{} {}: {} reachable",
            if self.was_stopped {
                "stopped in round"
            } else {
                "snapshot"
            },
            self.crawl,
            grouped(self.n_reachable()),
        );
        if !by_network.is_empty() {
            line += &format!(" ({})", by_network.join(" · "));
        }
        line += &format!(
            ", {} called, {} came, {} went",
            grouped(self.n_called()),
            grouped(self.round.n_came),
            grouped(self.round.n_went)
        );
        match self.progress.n_remaining() {
            0 => (),
            n => line += &format!(", {} wait", grouped(n)),
        }
        match n_problems {
            0 => (),
            1 => line += ", 1 problem",
            n => line += &format!(", {n} problems"),
        }
        line
    }

    fn json(&self, problems: &Problems) -> serde_json::Value {
        serde_json::json!({
            "crawl": self.crawl.0,
            "at": rfc3339(micros(unix_now())),
            "stopped": self.was_stopped,
            "reachable": self.reachable(),
            "called": self.n_called(),
            "came": self.round.n_came,
            "went": self.round.n_went,
            "waiting": self.progress.n_remaining(),
            "problems": problems.list(),
        })
    }
}

/// Waits for `calls`, and stops new ones `at` a time.
async fn until<T>(at: Instant, stop: CancellationToken, calls: impl Future<Output = T>) -> T {
    tokio::pin!(calls);
    tokio::select! {
        ended = &mut calls => ended,
        () = sleep_until(at) => {
            stop.cancel();
            calls.await
        }
    }
}

/// Queues who is due and may be called, and returns who of them is not to be asked for addresses.
fn queue_due(vigil: &Vigil, day: &mut Day, caller: &Caller, source: u16) -> HashSet<PeerAddr> {
    let mut asked = HashSet::new();
    for due in vigil.schedule.due(whole_secs(unix_now())) {
        if caller.dialer.why_not(&due.addr).is_some() {
            continue;
        }
        let hint = Hint {
            was_reachable: due.was_up,
            speaks_v2: due.speaks_v2,
        };
        day.frontier.revisit(due.addr, source, hint);
        if !due.ask {
            asked.insert(due.addr);
        }
    }
    asked
}

fn whole_secs(time: Duration) -> i64 {
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX)
}

fn log(change: &Change) {
    for problem in &change.began {
        tracing::warn!("problem: {problem}");
    }
    for problem in &change.ended {
        tracing::warn!("over: {problem}");
    }
}

/// Says that nothing happens any more, and ends the process in the end.
fn bark(bark: Bark) {
    let say = match bark {
        Bark::Stalled => "problem: no snapshot was finished for too long",
        Bark::GoesOn => "over: no snapshot was finished for too long",
        Bark::GaveUp => "no snapshot was finished for far too long: giving up, to be started anew",
    };
    // What is stuck may be whoever reads the log.
    thread::spawn(move || tracing::error!("{say}"));
    if bark == Bark::GaveUp {
        thread::sleep(LAST_WORDS);
        std::process::exit(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crawl::frontier::Next;
    use crawl::schedule::{Schedule, Sign};
    use proto::Outcome;
    use std::num::NonZeroUsize;
    use tempfile::TempDir;

    #[tokio::test]
    async fn a_day_begins_with_all_whom_sources_name_but_those_of_the_schedule() {
        let dir = TempDir::new().unwrap();
        let list = dir.path().join("nodes.txt");
        std::fs::write(&list, "1.2.3.4:1\n1.2.3.5:1\n").unwrap();
        let gone = dir.path().join("gone.txt");
        let sources = vec![Source::File(gone), Source::Stdin, Source::File(list)];
        let watch = watch(sources, &dir);
        let store = SqliteStore::open_for_crawl(&watch.db).unwrap();
        let vigil = vigil(&["1.2.3.5:1", "1.2.3.6:1"]);

        let frontier = watch.read_again().await;
        let mut day = watch.begin_day(frontier, &store, &vigil).unwrap();
        assert_eq!(drain(&mut day), ["1.2.3.4:1 of 2"]);

        let caller = watch.dial.caller(false);
        let asked = queue_due(&vigil, &mut day, &caller, watch.place_of_schedule());
        assert_eq!(asked.len(), 0, "it was long ago");
        assert_eq!(drain(&mut day), ["1.2.3.5:1 of 3 v2", "1.2.3.6:1 of 3 v2"]);
    }

    /// Knows nodes that were up and asked long ago.
    fn vigil(addrs: &[&str]) -> Vigil {
        let mut schedule = Schedule::new(Rhythm::new(600));
        for addr in addrs {
            let sign = Sign {
                outcome: Outcome::Complete,
                was_asked: true,
                speaks_v2: true,
                at: 0,
            };
            schedule.note(&PeerAddr::parse(addr, 0).unwrap(), sign);
        }
        Vigil::new(schedule)
    }

    /// Takes everybody who can be called, and for which source.
    fn drain(day: &mut Day) -> Vec<String> {
        let mut tasks = Vec::new();
        // Neighbours wait for each other.
        let mut now = Duration::ZERO;
        loop {
            match day.frontier.take_next(now) {
                Next::Call(task) => {
                    let v2 = if task.v2_first { " v2" } else { "" };
                    tasks.push(format!("{} of {}{v2}", task.addr, task.source));
                }
                Next::Wait(until) => now = until,
                Next::Nothing => break,
            }
        }
        tasks.sort();
        tasks
    }

    fn watch(sources: Vec<Source>, dir: &TempDir) -> Watch {
        Watch {
            dial: DialConfig::for_demo(),
            load: Load {
                max_in_flight: NonZeroUsize::MAX,
                max_rate: None,
            },
            follow: FollowArgs::default(),
            sources,
            db: dir.path().join("c.db"),
            vantage: "here".to_owned(),
            every: Duration::from_secs(600),
            keep: None,
            as_json: false,
            console: Console::Quiet,
            stop: CancellationToken::new(),
        }
    }
}
