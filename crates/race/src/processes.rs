//! A few processes that take one call after the other: nothing is shared, so nothing can be raced for.

use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use crawl::visit::{micros, unix_now};
use proto::PeerAddr;

use crate::RaceError;
use crate::child::{Child, Heard, Program};
use crate::lap::Job;
use crate::line::Said;
use crate::measure::Usage;
use crate::times::{CallTimes, Clock, WORKER_DIED};

/// How long a worker may take for a call beyond what the call itself may: to start, and to do its work on a busy machine.
const SLACK: Duration = Duration::from_secs(60);
/// How many words of workers may wait to be heard.
const HEARD_AHEAD: usize = 64;

/// Has `job.n_workers` processes call all of `addrs`, and returns what each took.
///
/// Addresses go to a worker through its stdin, one at a time, results come back through its stdout: both are copied by
/// the kernel, for no process sees the memory of another. A worker that dies, or is silent for too long and ended
/// therefore, costs the call that it was making; the others make the rest.
pub fn call_all(
    job: &Job,
    addrs: &[PeerAddr],
    program: &Program,
    clock: Clock,
    results: &SyncSender<CallTimes>,
) -> Result<Vec<Usage>, RaceError> {
    let patience = job.manner.longest_call() + SLACK;
    let (heard, inbox) = sync_channel(HEARD_AHEAD);
    let mut waiting = addrs.iter().copied();
    let mut workers = Vec::new();
    for n in 0..job.n_workers.min(addrs.len()) {
        let started = Child::start(program, job, n, heard.clone());
        let child = started.map_err(|source| RaceError::Process { n: n + 1, source })?;
        let mut worker = Worker {
            child,
            in_hand: None,
            until: Instant::now(),
            is_gone: false,
        };
        worker.take(waiting.next(), clock, patience);
        workers.push(worker);
    }
    let mut usages = Vec::new();
    while workers.iter().any(|it| !it.is_gone) {
        let left = workers.iter().filter(|it| !it.is_gone).map(Worker::left);
        let left = left.min().unwrap_or_default();
        let (n, heard) = match inbox.recv_timeout(left) {
            Ok(heard) => heard,
            Err(RecvTimeoutError::Timeout) => {
                for (n, worker) in workers.iter_mut().enumerate() {
                    if worker.left().is_zero() {
                        worker.give_up(n, clock, results);
                    }
                }
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => break,
        };
        let worker = &mut workers[n];
        match heard {
            _ if worker.is_gone => (), // Its last words.
            Heard::Said(Said::Call(times)) if worker.makes(&times) => {
                if results
                    .send(CallTimes {
                        worker: n,
                        ..*times
                    })
                    .is_err()
                {
                    break;
                }
                worker.take(waiting.next(), clock, patience);
            }
            Heard::Said(Said::End(usage)) if worker.in_hand.is_none() => usages.push(usage),
            // Who tells of calls that nobody asked for, or ends before its call, is not trusted with others.
            Heard::Said(Said::Call(_) | Said::End(_) | Said::Failed(_)) | Heard::Gone => {
                worker.give_up(n, clock, results);
            }
        }
    }
    // Nobody is left for these.
    for addr in waiting {
        let _ = results.send(CallTimes::unmade(&addr, 0, clock.now_us(), WORKER_DIED));
    }
    Ok(usages)
}

/// Returns this machine's clock, microseconds since 1970.
pub(crate) fn unix_now_us() -> i64 {
    micros(unix_now())
}

struct Worker {
    child: Child,
    in_hand: Option<InHand>,
    /// When it must have said something.
    until: Instant,
    is_gone: bool,
}

/// The call that a worker makes.
struct InHand {
    addr: PeerAddr,
    began_us: u64,
}

impl Worker {
    /// Has it make the next call, or none any more.
    fn take(&mut self, next: Option<PeerAddr>, clock: Clock, patience: Duration) {
        self.in_hand = next.map(|addr| InHand {
            addr,
            began_us: clock.now_us(),
        });
        self.until = Instant::now() + patience;
        match &self.in_hand {
            // One that is gone is heard of in a moment.
            Some(in_hand) => _ = self.child.call(&in_hand.addr),
            None => self.child.no_more(),
        }
    }

    /// Whether `times` are those of the call that it was told to make.
    fn makes(&self, times: &CallTimes) -> bool {
        let in_hand = self.in_hand.as_ref();
        in_hand.is_some_and(|it| it.addr.to_string() == times.address)
    }

    fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }

    /// Ends it, where it has not ended itself, and notes that the call it was making is lost.
    fn give_up(&mut self, n: usize, clock: Clock, results: &SyncSender<CallTimes>) {
        self.child.kill();
        self.is_gone = true;
        if let Some(lost) = self.in_hand.take() {
            let _ = results.send(lost.times(n, clock));
        }
    }
}

impl InHand {
    fn times(&self, worker: usize, clock: Clock) -> CallTimes {
        CallTimes {
            ended_us: clock.now_us(),
            ..CallTimes::unmade(&self.addr, worker, self.began_us, WORKER_DIED)
        }
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use crate::manner::Manner;
    use crate::strategy::Strategy;
    use std::collections::BTreeMap;
    use std::num::NonZeroUsize;

    #[test]
    fn a_worker_that_dies_costs_the_call_it_was_making() {
        check(
            "read job; read address; exit 1",
            3,
            2,
            "1:died 2:died 3:died",
        );
    }

    #[test]
    fn a_worker_that_babbles_is_as_good_as_dead() {
        check(
            "read job; echo hello; read address; exec sleep 60",
            1,
            1,
            "1:died",
        );
        check("cat", 1, 1, "1:died");
        let unasked = r#"{"call":{"address":"1.2.3.4:5","worker":0,"began_us":1,"ended_us":2,"outcome":"complete"}}"#;
        check(&format!("yes '{unasked}'"), 1, 1, "1:died");
        check("yes '{\"end\":' | tr -d '\\n'", 1, 1, "1:died");
    }

    #[test]
    fn what_one_worker_leaves_another_one_takes() {
        // Who comes first dies in its first call; who comes second finds the mark of the first, and makes all the others.
        let dir = tempfile::TempDir::new().unwrap();
        let mark = dir.path().join("first");
        let answer = r#"{"call":{"address":"'$a'","worker":0,"began_us":1,"ended_us":2,"outcome":"complete"}}"#;
        let script = format!(
            "read job; read a; mkdir {} 2>&- && exit 1; while :; do echo '{answer}'; read a; [ $a ] || exit; done",
            mark.display()
        );
        let seen = seen(&script, 4, 2);
        let expected = |lost| {
            let each = (1..=4).map(|port| match port == lost {
                true => format!("{port}:died"),
                false => format!("{port}:complete"),
            });
            each.collect::<Vec<_>>().join(" ")
        };
        assert!([expected(1), expected(2)].contains(&seen), "{seen}");
    }

    #[track_caller]
    fn check(script: &str, n_addrs: u16, n_workers: usize, expected: &str) {
        assert_eq!(seen(script, n_addrs, n_workers), expected);
    }

    /// Has workers that are this script call `127.0.0.1:1` and so on, and returns how each call ended.
    fn seen(script: &str, n_addrs: u16, n_workers: usize) -> String {
        let program = Program {
            path: "sh".into(),
            args: vec!["-c".to_owned(), script.to_owned()],
        };
        let job = Job {
            strategy: Strategy::Serial,
            manner: Manner {
                chain: "mainnet".to_owned(),
                user_agent: String::new(),
                asks: false,
                ways: BTreeMap::new(),
                work_rounds: 0,
            },
            n_workers,
            n_cores: NonZeroUsize::MIN,
            began_unix_us: Some(0),
        };
        let addrs: Vec<_> = (1..=n_addrs)
            .map(|port| PeerAddr::new(std::net::Ipv4Addr::LOCALHOST, port))
            .collect();
        let (results, inbox) = sync_channel(100);
        call_all(
            &job,
            &addrs,
            &program,
            Clock::since(unix_now_us()),
            &results,
        )
        .unwrap();
        drop(results);
        let mut seen: Vec<_> = inbox
            .iter()
            .map(|it| {
                let (_, port) = it.address.rsplit_once(':').unwrap();
                format!("{port}:{}", it.outcome.trim_start_matches("worker_"))
            })
            .collect();
        seen.sort();
        seen.join(" ")
    }
}
