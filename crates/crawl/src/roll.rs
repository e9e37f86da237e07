//! The roll call: the one loop that owns a crawl.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::time::Duration;

use proto::visit::Dialect;
use proto::{Call, NotTried, PeerAddr, Visit};
use tokio::sync::{mpsc, watch};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::frontier::{Frontier, Task};
use crate::pace::Pace;
use crate::progress::{Progress, Rate};
use crate::visit::{MachineFull, micros, unix_now};

/// How often progress is told.
const TELL_EVERY: Duration = Duration::from_millis(200);
/// How long no new call begins after the machine had no file or port for one; doubled while it lasts.
const FULL_PAUSE: Duration = Duration::from_millis(50);
/// The longest such pause.
const LONGEST_FULL_PAUSE: Duration = Duration::from_secs(2);
/// How many finished calls are taken in before new ones begin.
const FINISHED_AT_ONCE: usize = 256;

/// How fast to call, and how many at once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RollConfig {
    /// Calls in flight at the same time.
    pub max_in_flight: NonZeroUsize,
    /// New connections a second; `None` for as fast as possible.
    pub max_rate: Option<f64>,
    /// The longest that a call can take: so it is known when the last ones will be over.
    pub longest_call: Duration,
}

/// Calls everybody in `frontier`, and returns how far it came.
///
/// Every visit goes to `visits`; a slow reader slows the crawl down instead of filling memory, one that is gone stops
/// it. `why_not` names the addresses that are not to be called. After `stop`, calls in flight still end: each has its
/// own time-outs.
pub async fn call_all<F>(
    frontier: Frontier,
    config: RollConfig,
    why_not: impl Fn(&PeerAddr) -> Option<NotTried>,
    call: impl Fn(PeerAddr) -> F,
    visits: mpsc::Sender<Visit>,
    progress: watch::Sender<Progress>,
    stop: CancellationToken,
) -> Progress
where
    F: Future<Output = Result<Call, MachineFull>> + Send + 'static,
{
    let mut roll = Roll {
        frontier,
        in_flight: JoinSet::new(),
        tasks: HashMap::new(),
        pace: Pace::new(config.max_rate),
        began: Instant::now(),
        longest_call: config.longest_call,
        last_call_began: Duration::ZERO,
        hold_until: None,
        full_until: None,
        full_pause: FULL_PAUSE,
        seen: Progress::default(),
        rate: Rate::default(),
        visits,
        progress,
        stop,
    };
    let mut tell = interval(TELL_EVERY);
    tell.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let (stop, closed) = (roll.stop.clone(), roll.visits.clone());
    loop {
        roll.begin_calls(config.max_in_flight, &why_not, &call)
            .await;
        let is_stopping = stop.is_cancelled();
        let is_over = roll.in_flight.is_empty() && (is_stopping || roll.frontier.n_waiting() == 0);
        // Calls whose visits nobody takes are not worth their wait.
        if is_over || roll.visits.is_closed() {
            roll.tell();
            return roll.seen;
        }
        let hold_until = roll.hold_until.filter(|_| !is_stopping);
        tokio::select! {
            Some(finished) = roll.in_flight.join_next_with_id() => {
                roll.take_in(finished).await;
                // Those that are finished too, before anything else is looked at.
                for _ in 1..FINISHED_AT_ONCE {
                    let Some(finished) = roll.in_flight.try_join_next_with_id() else { break };
                    roll.take_in(finished).await;
                }
            }
            () = sleep_until(hold_until.unwrap_or(roll.began)), if hold_until.is_some() => (),
            _ = tell.tick() => roll.tell(),
            () = stop.cancelled(), if !is_stopping => (),
            () = closed.closed() => (),
        }
    }
}

type Finished = Result<(Id, Result<Call, MachineFull>), JoinError>;

struct Roll {
    frontier: Frontier,
    in_flight: JoinSet<Result<Call, MachineFull>>,
    tasks: HashMap<Id, Task>,
    pace: Pace,
    began: Instant,
    longest_call: Duration,
    last_call_began: Duration,
    /// No call begins before this time.
    hold_until: Option<Instant>,
    /// The end of the pause since the machine was full.
    full_until: Option<Instant>,
    full_pause: Duration,
    seen: Progress,
    rate: Rate,
    visits: mpsc::Sender<Visit>,
    progress: watch::Sender<Progress>,
    stop: CancellationToken,
}

impl Roll {
    /// Begins as many calls as may begin now.
    async fn begin_calls<F>(
        &mut self,
        max_in_flight: NonZeroUsize,
        why_not: impl Fn(&PeerAddr) -> Option<NotTried>,
        call: impl Fn(PeerAddr) -> F,
    ) where
        F: Future<Output = Result<Call, MachineFull>> + Send + 'static,
    {
        let now = Instant::now();
        if self.hold_until.is_some_and(|until| now < until) {
            return;
        }
        self.hold_until = None;
        while self.in_flight.len() < max_in_flight.get()
            && self.frontier.n_waiting() > 0
            && !self.stop.is_cancelled()
        {
            if let Err(wait) = self.pace.take(self.began.elapsed()) {
                self.hold_until = Some(Instant::now() + wait);
                return;
            }
            let Some(task) = self.frontier.take_next() else {
                return;
            };
            if let Some(why) = why_not(&task.addr) {
                self.pace.give_back();
                self.end(task, Call::not_tried(why, micros(unix_now())))
                    .await;
                continue;
            }
            self.last_call_began = self.began.elapsed();
            let handle = self.in_flight.spawn(call(task.addr));
            self.tasks.insert(handle.id(), task);
        }
    }

    async fn take_in(&mut self, finished: Finished) {
        let (id, result) = match finished {
            Ok((id, result)) => (id, Some(result)),
            Err(panic) => {
                // One bad visit is a bug to fix, not a reason to lose the crawl.
                tracing::error!(%panic, "a visit panicked: {panic}");
                (panic.id(), None)
            }
        };
        let task = self
            .tasks
            .remove(&id)
            .expect("every call in flight has its task");
        match result {
            Some(Ok(call)) => {
                self.full_pause = FULL_PAUSE;
                self.end(task, call).await;
            }
            Some(Err(full)) => self.wait_for_room(task, &full),
            None => self.frontier.finish(&task.addr),
        }
    }

    async fn end(&mut self, task: Task, call: Call) {
        self.frontier.finish(&task.addr);
        self.seen.count(call.outcome);
        let visit = Visit {
            addr: task.addr,
            source: task.source,
            attempt: task.attempt,
            dialect: Dialect::Modern,
            call,
        };
        if self.visits.send(visit).await.is_err() {
            self.stop.cancel(); // The reader is gone: nobody wants more visits.
        }
    }

    fn wait_for_room(&mut self, task: Task, full: &MachineFull) {
        if self.seen.n_machine_full == 0 {
            tracing::debug!(
                "{full}; such calls are made again, fewer --max-in-flight would avoid them"
            );
        }
        self.seen.n_machine_full += 1;
        self.frontier.put_back(&task.addr);
        let now = Instant::now();
        // Many calls fail together; only the first of them makes the pause longer.
        if self.full_until.is_none_or(|until| until <= now) {
            self.full_until = Some(now + self.full_pause);
            self.full_pause = (self.full_pause * 2).min(LONGEST_FULL_PAUSE);
        }
        self.hold_until = self.hold_until.max(self.full_until);
    }

    fn tell(&mut self) {
        let elapsed = self.began.elapsed();
        self.seen.elapsed = elapsed;
        self.seen.n_known = self.frontier.n_known();
        self.seen.n_waiting = self.frontier.n_waiting();
        self.seen.n_in_flight = self.frontier.n_in_flight();
        self.seen.n_done = self.frontier.n_done();
        self.seen.over_by = self.last_call_began + self.longest_call;
        self.seen.rate = self.rate.note(self.seen.n_done, elapsed);
        self.seen.is_stopping = self.stop.is_cancelled();
        self.progress.send_replace(self.seen.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::Outcome;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[tokio::test(start_paused = true)]
    async fn everybody_is_called_once_and_no_more_than_allowed_at_once() {
        let now = Arc::new(AtomicUsize::new(0));
        let most = Arc::new(AtomicUsize::new(0));
        let (end, seen) = roll(1_000, 7, {
            let most = most.clone();
            move |_| {
                let (now, most) = (now.clone(), most.clone());
                async move {
                    most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    tokio::time::sleep(Duration::from_millis(80)).await;
                    now.fetch_sub(1, Ordering::SeqCst);
                    Ok(complete())
                }
            }
        })
        .await;
        assert_eq!(
            (seen.len(), end.n_done, end.n_reachable),
            (1_000, 1_000, 1_000)
        );
        assert_eq!(most.load(Ordering::SeqCst), 7);
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_never_left_the_machine_is_made_again() {
        let n_calls = Arc::new(AtomicUsize::new(0));
        let (end, seen) = roll(100, 50, move |_| {
            let n = n_calls.fetch_add(1, Ordering::SeqCst);
            async move {
                match n % 3 {
                    0 => Err(std::io::Error::other("no file").into()),
                    _ => Ok(complete()),
                }
            }
        })
        .await;
        assert_eq!((seen.len(), end.n_done), (100, 100));
        assert!(
            seen.iter()
                .all(|it| it.attempt == 1 && it.call.outcome == Outcome::Complete)
        );
        assert!(end.n_machine_full >= 33, "{end:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_panicking_visit_does_not_end_the_crawl() {
        let (end, seen) = roll(5, 2, |addr| async move {
            assert_ne!(addr.port, 3);
            Ok(complete())
        })
        .await;
        assert_eq!((seen.len(), end.n_done), (4, 5));
    }

    #[tokio::test(start_paused = true)]
    async fn new_connections_keep_to_the_rate() {
        let config = RollConfig {
            max_in_flight: NonZeroUsize::new(1_000).unwrap(),
            max_rate: Some(100.0),
            longest_call: Duration::from_secs(1),
        };
        let (end, _) = roll_with(config, 1_000, |_| async { Ok(complete()) }).await;
        let secs = end.elapsed.as_secs_f64();
        assert!((9.5..=10.5).contains(&secs), "{secs}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_gone_reader_stops_the_crawl() {
        let (visits, inbox) = mpsc::channel(1);
        drop(inbox);
        let end = call_all(
            frontier(1_000),
            some_at_once(2),
            |_| None,
            |_| async { Ok(complete()) },
            visits,
            watch::Sender::new(Progress::default()),
            CancellationToken::new(),
        )
        .await;
        assert!(end.n_done < 10, "{end:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn calls_whose_visits_nobody_takes_are_not_waited_for() {
        let (visits, mut inbox) = mpsc::channel(1);
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            inbox.close();
        });
        let end = call_all(
            frontier(10),
            some_at_once(10),
            |_| None,
            |_| async {
                tokio::time::sleep(Duration::from_secs(600)).await;
                Ok(complete())
            },
            visits,
            watch::Sender::new(Progress::default()),
            CancellationToken::new(),
        )
        .await;
        assert_eq!((end.elapsed.as_secs(), end.n_done), (1, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_machine_is_asked_less_and_less_often_whatever_the_rate() {
        let n_calls = Arc::new(AtomicUsize::new(0));
        let config = RollConfig {
            max_rate: Some(2_000.0),
            ..some_at_once(500)
        };
        let counted = n_calls.clone();
        let full_for = Duration::from_secs(60);
        let began = Instant::now();
        let (end, _) = roll_with(config, 1_000, move |_| {
            counted.fetch_add(1, Ordering::SeqCst);
            async move {
                match began.elapsed() < full_for {
                    true => Err(std::io::Error::other("no file").into()),
                    false => Ok(complete()),
                }
            }
        })
        .await;
        assert_eq!(end.n_done, 1_000);
        let n_in_vain = n_calls.load(Ordering::SeqCst) - 1_000;
        assert!(n_in_vain < 5_000, "{n_in_vain} calls in vain");
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_lets_the_open_calls_end() {
        let stop = CancellationToken::new();
        let (visits, mut inbox) = mpsc::channel(1_000);
        let stopping = stop.clone();
        let end = call_all(
            frontier(100),
            some_at_once(10),
            |_| None,
            move |_| {
                let stopping = stopping.clone();
                async move {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    stopping.cancel();
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    Ok(complete())
                }
            },
            visits,
            watch::Sender::new(Progress::default()),
            stop,
        )
        .await;
        let mut seen = Vec::new();
        inbox.recv_many(&mut seen, 1_000).await;
        assert_eq!((seen.len(), end.n_done, end.n_waiting), (10, 10, 90));
        assert!(end.is_stopping);
    }

    #[tokio::test(start_paused = true)]
    async fn what_must_not_be_called_is_recorded_and_not_called() {
        let (visits, mut inbox) = mpsc::channel(1_000);
        let end = call_all(
            frontier(10),
            some_at_once(10),
            |addr| (addr.port % 2 == 0).then_some(NotTried::NetworkOff),
            |addr| async move {
                assert_eq!(addr.port % 2, 1);
                Ok(complete())
            },
            visits,
            watch::Sender::new(Progress::default()),
            CancellationToken::new(),
        )
        .await;
        let mut seen = Vec::new();
        inbox.recv_many(&mut seen, 1_000).await;
        assert_eq!((seen.len(), end.n_not_tried(), end.n_reachable), (10, 5, 5));
    }

    async fn roll<F>(
        n: u16,
        max_in_flight: usize,
        call: impl Fn(PeerAddr) -> F,
    ) -> (Progress, Vec<Visit>)
    where
        F: Future<Output = Result<Call, MachineFull>> + Send + 'static,
    {
        roll_with(some_at_once(max_in_flight), n, call).await
    }

    async fn roll_with<F>(
        config: RollConfig,
        n: u16,
        call: impl Fn(PeerAddr) -> F,
    ) -> (Progress, Vec<Visit>)
    where
        F: Future<Output = Result<Call, MachineFull>> + Send + 'static,
    {
        let (visits, mut inbox) = mpsc::channel(1);
        let reader = tokio::spawn(async move {
            let mut seen = Vec::new();
            while let Some(visit) = inbox.recv().await {
                seen.push(visit);
            }
            seen
        });
        let progress = watch::Sender::new(Progress::default());
        let stop = CancellationToken::new();
        let end = call_all(frontier(n), config, |_| None, call, visits, progress, stop).await;
        (end, reader.await.unwrap())
    }

    fn some_at_once(max_in_flight: usize) -> RollConfig {
        RollConfig {
            max_in_flight: NonZeroUsize::new(max_in_flight).unwrap(),
            max_rate: None,
            longest_call: Duration::from_secs(1),
        }
    }

    /// A frontier of `n` addresses that differ by their port, from 1.
    fn frontier(n: u16) -> Frontier {
        let mut frontier = Frontier::default();
        for port in 1..=n {
            frontier.learn(PeerAddr::new(std::net::Ipv4Addr::LOCALHOST, port), 0);
        }
        frontier
    }

    fn complete() -> Call {
        Call::not_connected(0, Outcome::Complete, None)
    }
}
