//! The one loop that owns a crawl.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use proto::visit::{Finding, Learned};
use proto::{Call, NotTried, Outcome, PeerAddr, Visit};
use tokio::sync::{mpsc, watch};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::frontier::{Frontier, Next, PerNetwork, Task};
use crate::outage::{Outages, Verdict};
use crate::pace::Pace;
use crate::progress::{Progress, Rate};
use crate::visit::{Unmade, micros, unix_now};

/// How often progress is told.
const TELL_EVERY: Duration = Duration::from_millis(200);
/// How long no new call begins after the machine had no file or port for one; doubled while it lasts.
const FULL_PAUSE: Duration = Duration::from_millis(50);
/// The longest such pause.
const LONGEST_FULL_PAUSE: Duration = Duration::from_secs(2);
/// How many finished calls are taken in before new ones begin.
const FINISHED_AT_ONCE: usize = 256;

/// How fast to call, and what to make of the answers. How many at once is the frontier's matter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RollConfig {
    /// When the frontier's time began; earlier than now where it was called from before.
    pub since: Instant,
    /// New connections a second; `None` for as fast as possible.
    pub max_rate: Option<f64>,
    /// The longest that a call can take: so it is known when the last ones will be over.
    pub longest_call: Duration,
    /// The place of "what peers told" in the list of sources.
    pub gossip: u16,
    /// How long to wait for a proxy or a router that went away.
    pub way_patience: Duration,
    /// Whether visits keep all claims, once the frontier has heard them.
    pub keep_claims: bool,
    /// Networks of which nobody is called, as their ways were found broken before.
    pub held: PerNetwork<bool>,
}

/// Calls everybody in `frontier` and whom they tell of, until nobody is left, and returns how far it came.
///
/// Every visit goes to `findings`, with the addresses that were first heard of in it; a slow reader slows the crawl
/// down instead of filling memory, one that is gone stops it. What `progress` holds already came before. `why_not` names the addresses that are not to be called.
/// After `stop`, calls in flight still end: each has its own time-outs.
pub async fn call_all<F>(
    frontier: &mut Frontier,
    config: RollConfig,
    why_not: impl Fn(&PeerAddr) -> Option<NotTried>,
    call: impl Fn(&Task) -> F,
    findings: mpsc::Sender<Finding>,
    progress: watch::Sender<Progress>,
    stop: CancellationToken,
) -> Progress
where
    F: Future<Output = Result<Call, Unmade>> + Send + 'static,
{
    let seen = progress.borrow().clone();
    let mut roll = Roll {
        frontier,
        config,
        in_flight: JoinSet::new(),
        tasks: HashMap::new(),
        pace: Pace::new(config.max_rate),
        began: Instant::now(),
        last_call_began: Duration::ZERO,
        hold_until: None,
        full_until: None,
        full_pause: FULL_PAUSE,
        outages: Outages::new(config.way_patience),
        before: seen.left_out.clone(),
        seen,
        rate: Rate::default(),
        findings,
        progress,
        stop,
    };
    let mut tell = interval(TELL_EVERY);
    tell.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let (stop, closed) = (roll.stop.clone(), roll.findings.clone());
    loop {
        roll.begin_calls(&why_not, &call).await;
        let is_stopping = stop.is_cancelled();
        let hold_until = roll.hold_until.filter(|_| !is_stopping);
        let is_over = roll.in_flight.is_empty() && hold_until.is_none();
        // Calls whose visits nobody takes are not worth their wait.
        if is_over || roll.findings.is_closed() {
            roll.tell();
            return roll.seen;
        }
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

type Finished = Result<(Id, Result<Call, Unmade>), JoinError>;

struct Roll<'a> {
    frontier: &'a mut Frontier,
    config: RollConfig,
    in_flight: JoinSet<Result<Call, Unmade>>,
    tasks: HashMap<Id, Task>,
    pace: Pace,
    began: Instant,
    last_call_began: Duration,
    /// When the next call may begin, where one waits for its time.
    hold_until: Option<Instant>,
    /// The end of the pause since the machine was full.
    full_until: Option<Instant>,
    full_pause: Duration,
    /// The ways that are gone for the moment.
    outages: Outages,
    seen: Progress,
    /// What was left out before this began.
    before: BTreeMap<&'static str, u64>,
    rate: Rate,
    findings: mpsc::Sender<Finding>,
    progress: watch::Sender<Progress>,
    stop: CancellationToken,
}

impl Roll<'_> {
    /// Begins as many calls as may begin now.
    async fn begin_calls<F>(
        &mut self,
        why_not: impl Fn(&PeerAddr) -> Option<NotTried>,
        call: impl Fn(&Task) -> F,
    ) where
        F: Future<Output = Result<Call, Unmade>> + Send + 'static,
    {
        let now = Instant::now();
        self.full_until = self.full_until.filter(|until| now < *until);
        self.hold_until = self.full_until;
        let way_back = self.hold_networks();
        while self.full_until.is_none() && !self.stop.is_cancelled() {
            let now = self.began.elapsed();
            if let Err(wait) = self.pace.take(now) {
                self.hold_until = Some(self.began + now + wait);
                return;
            }
            let task = match self.frontier.take_next(self.config.since.elapsed()) {
                Next::Call(task) => task,
                Next::Wait(until) => {
                    self.pace.give_back();
                    let until = self.config.since + until;
                    self.hold_until = Some(way_back.map_or(until, |it| it.min(until)));
                    return;
                }
                Next::Nothing => {
                    self.pace.give_back();
                    self.hold_until = way_back.filter(|_| self.frontier.n_waiting() > 0);
                    return;
                }
            };
            if let Some(why) = why_not(&task.addr) {
                self.pace.give_back();
                self.end(task, Call::not_tried(why, micros(unix_now())))
                    .await;
                continue;
            }
            self.last_call_began = now;
            let handle = self.in_flight.spawn(call(&task));
            self.tasks.insert(handle.id(), task);
        }
    }

    /// Has the frontier hold the networks whose ways are gone, and returns when the next of them is to be tried again.
    fn hold_networks(&mut self) -> Option<Instant> {
        let now = self.began.elapsed();
        let mut held = self.outages.held(now);
        for (held, was_held) in held.0.iter_mut().zip(self.config.held.0) {
            *held |= was_held;
        }
        self.frontier.hold(held);
        self.outages.next_end(now).map(|it| self.began + it)
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
                if !call.tried.is_empty() {
                    self.pace.charge(); // It took a second connection.
                }
                self.note_way(&task, &call);
                self.end(task, call).await;
            }
            Some(Err(Unmade::WayDown(call))) => self.wait_for_way(task, *call).await,
            Some(Err(full @ Unmade::MachineFull(_))) => self.wait_for_room(task, &full),
            None => {
                let now = self.config.since.elapsed();
                self.frontier.finish(&task.addr, Outcome::ConnectOther, now);
            }
        }
    }

    async fn end(&mut self, task: Task, mut call: Call) {
        let now = self.config.since.elapsed();
        let after = self.frontier.finish(&task.addr, call.outcome, now);
        self.seen.count(call.outcome, after);
        let learned = self.hear(&task.addr, &mut call);
        let visit = Visit {
            addr: task.addr,
            source: task.source,
            attempt: task.attempt,
            dialect: task.dialect,
            call,
        };
        let finding = Finding { visit, learned };
        if self.findings.send(finding).await.is_err() {
            self.stop.cancel(); // The reader is gone: nobody wants more visits.
        }
    }

    /// Has the frontier hear what a peer told, and returns what was new in it.
    fn hear(&mut self, teller: &PeerAddr, call: &mut Call) -> Vec<Learned> {
        let mut learned = Vec::new();
        let Some(gossip) = &mut call.heard.gossip else {
            return learned;
        };
        let unix_now = unix_now().as_secs().cast_signed();
        let source = self.config.gossip;
        self.frontier
            .hear(teller, &gossip.claims, source, unix_now, &mut learned);
        if !self.config.keep_claims {
            gossip.claims = Vec::new();
        }
        learned
    }

    /// Takes in what a call says about its way.
    fn note_way(&mut self, task: &Task, call: &Call) {
        if let Outcome::ProxyError | Outcome::SamError = call.outcome {
            return;
        }
        let network = task.addr.network();
        let began = self.began.elapsed().saturating_sub(call.took);
        if self.outages.note_up(network, began) {
            tracing::warn!(%network, "the way into {network} is there again");
        }
    }

    /// Has a call made again whose way was not there, unless that has been waited for in vain.
    async fn wait_for_way(&mut self, task: Task, call: Call) {
        let network = task.addr.network();
        match self.outages.note_down(network, self.began.elapsed()) {
            Verdict::GiveUp => return self.end(task, call).await,
            Verdict::WaitFirst => {
                let why = call.reason.as_deref().unwrap_or_default();
                tracing::warn!(%network, "the way into {network} is gone, calls over it wait: {why}");
            }
            Verdict::Wait => (),
        }
        self.frontier.put_back(&task.addr);
    }

    fn wait_for_room(&mut self, task: Task, full: &Unmade) {
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
    }

    fn tell(&mut self) {
        let elapsed = self.began.elapsed();
        self.seen.elapsed = elapsed;
        self.seen.n_known = self.frontier.n_known();
        self.seen.n_waiting = self.frontier.n_waiting();
        self.seen.n_in_flight = self.frontier.n_in_flight();
        self.seen.n_done = self.frontier.n_done();
        self.seen.over_by = self.last_call_began + self.config.longest_call;
        self.seen.left_out.clone_from(&self.before);
        for (why, n) in self.frontier.left_out().filter(|it| it.1 > 0) {
            *self.seen.left_out.entry(why.code()).or_insert(0) += n;
        }
        self.seen.rate = self.rate.note(self.seen.n_done, elapsed);
        self.seen.is_stopping = self.stop.is_cancelled();
        self.progress.send_replace(self.seen.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frontier::{Hint, Rules};
    use proto::Network;
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
            max_rate: Some(100.0),
            ..config()
        };
        let (end, _) =
            roll_with(config, frontier(1_000, 1_000), |_| async { Ok(complete()) }).await;
        let secs = end.elapsed.as_secs_f64();
        assert!((9.5..=10.5).contains(&secs), "{secs}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_gone_reader_stops_the_crawl() {
        let (visits, inbox) = mpsc::channel(1);
        drop(inbox);
        let end = call_all(
            &mut frontier(1_000, 2),
            config(),
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
            &mut frontier(10, 10),
            config(),
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
            ..config()
        };
        let counted = n_calls.clone();
        let full_for = Duration::from_secs(60);
        let began = Instant::now();
        let (end, _) = roll_with(config, frontier(1_000, 500), move |_| {
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
    async fn a_way_that_comes_back_costs_no_address_its_call() {
        let began = Instant::now();
        let n_calls = Arc::new(AtomicUsize::new(0));
        let counted = n_calls.clone();
        let (end, seen) = roll_with(config(), onions(1_000), move |_| {
            counted.fetch_add(1, Ordering::SeqCst);
            let age = began.elapsed().as_secs();
            async move {
                tokio::time::sleep(Duration::from_millis(500)).await;
                match age {
                    1..30 => Err(way_down()),
                    _ => Ok(complete()),
                }
            }
        })
        .await;
        assert_eq!((seen.len(), end.n_done, end.n_again), (1_000, 1_000, 0));
        assert!(
            seen.iter()
                .all(|it| it.attempt == 1 && it.call.outcome == Outcome::Complete)
        );
        let n_in_vain = n_calls.load(Ordering::SeqCst) - 1_000;
        assert!((100..1_000).contains(&n_in_vain), "{n_in_vain} in vain");
        assert!(end.elapsed < Duration::from_secs(60), "{:?}", end.elapsed);
    }

    #[tokio::test(start_paused = true)]
    async fn a_way_that_stays_away_holds_nobody_else_up_and_is_given_up() {
        let mut frontier = onions(200);
        for port in 1..=200 {
            frontier.learn(addr(port), 0, Hint::default());
        }
        let began = Instant::now();
        let last_complete = Arc::new(AtomicUsize::new(0));
        let last = last_complete.clone();
        let (end, _) = roll_with(config(), frontier, move |addr| {
            let last = last.clone();
            async move {
                if addr.network() == Network::Onion {
                    return Err(way_down());
                }
                tokio::time::sleep(Duration::from_secs(1)).await;
                let secs = began.elapsed().as_secs().try_into().unwrap();
                last.fetch_max(secs, Ordering::SeqCst);
                Ok(complete())
            }
        })
        .await;
        let expected = [("complete", 200), ("proxy_error", 200)];
        assert_eq!(end.outcomes.into_iter().collect::<Vec<_>>(), expected);
        assert!(last_complete.load(Ordering::SeqCst) < 10);
        let secs = end.elapsed.as_secs();
        assert!((300..360).contains(&secs), "{secs}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_held_before_stays_held() {
        let mut frontier = onions(10);
        frontier.learn(addr(1), 0, Hint::default());
        let mut config = config();
        config.held[Network::Onion] = true;
        let (end, seen) = roll_with(config, frontier, |_| async { Ok(complete()) }).await;
        assert_eq!((seen.len(), end.n_done, end.n_waiting), (1, 1, 10));
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_lets_the_open_calls_end() {
        let stop = CancellationToken::new();
        let (visits, mut inbox) = mpsc::channel(1_000);
        let stopping = stop.clone();
        let end = call_all(
            &mut frontier(100, 10),
            config(),
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
    async fn what_a_stopped_round_left_waiting_goes_on_in_the_next_one() {
        let (mut frontier, config) = (frontier(3, 10), config());
        let refuse = |_: &Task| async { Ok(full_slots()) };
        let mut rounds = Vec::new();
        for seconds in [6, 60] {
            let (visits, mut inbox) = mpsc::channel(1_000);
            let stop = CancellationToken::new();
            let stopping = stop.clone();
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_secs(seconds)).await;
                stopping.cancel();
            });
            let progress = watch::Sender::new(Progress::default());
            call_all(
                &mut frontier,
                config,
                |_| None,
                refuse,
                visits,
                progress,
                stop,
            )
            .await;
            let mut seen = Vec::new();
            inbox.recv_many(&mut seen, 1_000).await;
            let attempts = seen.iter().map(|it| it.visit.attempt);
            rounds.push((attempts.collect::<Vec<_>>(), config.since.elapsed()));
        }
        // Five seconds until the second call, ten until the third, of which nine were over.
        let at = Duration::from_secs;
        assert_eq!(rounds[0], (vec![1, 1, 1, 2, 2, 2], at(6)));
        assert_eq!(rounds[1], (vec![3, 3, 3], at(15)));
    }

    #[tokio::test(start_paused = true)]
    async fn what_must_not_be_called_is_recorded_and_not_called() {
        let (visits, mut inbox) = mpsc::channel(1_000);
        let end = call_all(
            &mut frontier(10, 10),
            config(),
            |addr| (addr.port % 2 == 0).then_some(NotTried::NetworkOff),
            |task: &Task| {
                assert_eq!(task.addr.port % 2, 1);
                async { Ok(complete()) }
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
        F: Future<Output = Result<Call, Unmade>> + Send + 'static,
    {
        roll_with(config(), frontier(n, max_in_flight), call).await
    }

    async fn roll_with<F>(
        config: RollConfig,
        mut frontier: Frontier,
        call: impl Fn(PeerAddr) -> F,
    ) -> (Progress, Vec<Visit>)
    where
        F: Future<Output = Result<Call, Unmade>> + Send + 'static,
    {
        let (visits, mut inbox) = mpsc::channel::<Finding>(1);
        let reader = tokio::spawn(async move {
            let mut seen = Vec::new();
            while let Some(finding) = inbox.recv().await {
                seen.push(finding.visit);
            }
            seen
        });
        let progress = watch::Sender::new(Progress::default());
        let stop = CancellationToken::new();
        let call = |task: &Task| call(task.addr);
        let end = call_all(
            &mut frontier,
            config,
            |_| None,
            call,
            visits,
            progress,
            stop,
        )
        .await;
        (end, reader.await.unwrap())
    }

    fn config() -> RollConfig {
        RollConfig {
            since: Instant::now(),
            max_rate: None,
            longest_call: Duration::from_secs(1),
            gossip: 1,
            way_patience: crate::outage::USUAL_PATIENCE,
            keep_claims: false,
            held: PerNetwork::default(),
        }
    }

    /// A frontier of `n` addresses that differ by their port, from 1.
    fn frontier(n: u16, max_in_flight: usize) -> Frontier {
        let rules = Rules {
            max_in_flight,
            allow_private: true,
            ..Rules::default()
        };
        let mut frontier = Frontier::new(rules, 1);
        for port in 1..=n {
            frontier.learn(addr(port), 0, Hint::default());
        }
        frontier
    }

    /// A frontier of `n` onion services, of which 100 are called at once.
    fn onions(n: u16) -> Frontier {
        let rules = Rules {
            networks: PerNetwork([true; 5]),
            max_in_flight_of: PerNetwork([100; 5]),
            allow_private: true,
            ..Rules::default()
        };
        let mut frontier = Frontier::new(rules, 1);
        for port in 1..=n {
            let onion = PeerAddr::new(proto::Host::Onion([7; 32]), port);
            frontier.learn(onion, 0, Hint::default());
        }
        frontier
    }

    fn way_down() -> Unmade {
        let gone = Call::not_connected(0, Outcome::ProxyError, None);
        Unmade::WayDown(Box::new(gone))
    }

    fn addr(port: u16) -> PeerAddr {
        PeerAddr::new(std::net::Ipv4Addr::LOCALHOST, port)
    }

    fn full_slots() -> Call {
        Call::not_connected(0, Outcome::ClosedBeforeVersion, None)
    }

    fn complete() -> Call {
        Call::not_connected(0, Outcome::Complete, None)
    }
}
