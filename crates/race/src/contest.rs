//! The race: every strategy calls the same nodes, one strategy after the other, in a fresh process each.

use std::num::NonZeroUsize;
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

use proto::PeerAddr;
use serde::Serialize;

use crate::RaceError;
use crate::child::{Child, Heard, Program};
use crate::lap::{Job, Lap};
use crate::line::Said;
use crate::manner::Manner;
use crate::measure::Usage;
use crate::strategy::{Hands, Strategy};
use crate::times::CallTimes;

/// What is to be raced.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Whom to call, each of them once a lap; at most [`crate::MAX_NODES`].
    pub addrs: Vec<PeerAddr>,
    /// How.
    pub manner: Manner,
    /// By which strategies, in this order.
    pub strategies: Vec<Strategy>,
    /// How often.
    pub n_turns: NonZeroUsize,
    /// How long everybody is left alone between two laps.
    pub pause: Duration,
    /// How many threads the pool has.
    pub n_threads: usize,
    /// How many worker processes there are; at most [`crate::MAX_PROCESSES`].
    pub n_processes: usize,
    /// How many threads there are for work apart from a thread of tasks.
    pub n_cores: NonZeroUsize,
}

/// How it went.
#[derive(Clone, Debug, PartialEq)]
pub struct Contest {
    /// How each strategy did, in the order of the plan.
    pub standings: Vec<Standing>,
}

/// How one strategy did.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Standing {
    /// How long its laps took, in the order in which they were made, in microseconds.
    pub walls_us: Vec<u64>,
    /// The lap that took the median of them, of an even number the quicker one of the two in the middle.
    pub lap: Lap,
    /// How many threads call or compute, in all processes together.
    pub n_threads: usize,
    /// How many processes call.
    pub n_processes: usize,
    /// How many times as fast it was as [`Strategy::Serial`], where that took part.
    pub speed_up: Option<f64>,
}

impl Plan {
    /// Makes all laps; `on_lap` hears before each which turn of which strategy it is.
    pub fn run(
        &self,
        program: &Program,
        on_lap: &mut dyn FnMut(usize, Strategy),
    ) -> Result<Contest, RaceError> {
        let mut laps = vec![Vec::new(); self.strategies.len()];
        let mut is_first = true;
        for turn in 0..self.n_turns.get() {
            for (&strategy, laps) in self.strategies.iter().zip(&mut laps) {
                if !is_first {
                    thread::sleep(self.pause);
                }
                is_first = false;
                on_lap(turn, strategy);
                laps.push(self.lap(strategy, program)?);
            }
        }
        Ok(self.contest(laps))
    }

    /// Makes the calls of one strategy, in a process that does nothing else.
    fn lap(&self, strategy: Strategy, program: &Program) -> Result<Lap, RaceError> {
        let job = Job {
            strategy,
            manner: self.manner.clone(),
            n_workers: self.n_workers(strategy),
            n_cores: self.n_cores,
            began_unix_us: None,
        };
        // Room for all that it can say: it never waits for us, who tell it whom to call meanwhile.
        let (heard, inbox) = sync_channel(self.addrs.len() + 2);
        let started = Child::start(program, &job, 0, heard);
        let mut child = started.map_err(|source| RaceError::Process { n: 1, source })?;
        for addr in &self.addrs {
            child.call(addr)?;
        }
        child.no_more();
        let (mut calls, mut usage) = (Vec::new(), None);
        for (_, heard) in inbox {
            match heard {
                Heard::Said(Said::Call(call)) => calls.push(*call),
                Heard::Said(Said::End(said)) => usage = Some(said),
                Heard::Said(Said::Failed(why)) => return Err(RaceError::LapFailed(strategy, why)),
                Heard::Gone => break,
            }
        }
        match usage {
            Some(usage) if calls.len() == self.addrs.len() => Ok(Lap {
                strategy,
                calls: self.in_order(calls),
                usage,
            }),
            Some(_) | None => Err(RaceError::LapDied(strategy)),
        }
    }

    fn n_workers(&self, strategy: Strategy) -> usize {
        match strategy {
            Strategy::Processes => self.n_processes,
            Strategy::Serial
            | Strategy::Threads
            | Strategy::Pool
            | Strategy::Tasks
            | Strategy::TasksAndPool => self.n_threads,
        }
    }

    /// Results come in the order in which calls ended, which is another one each time.
    fn in_order(&self, mut calls: Vec<CallTimes>) -> Vec<CallTimes> {
        let names: Vec<_> = self.addrs.iter().map(PeerAddr::to_string).collect();
        calls.sort_by_key(|call| names.iter().position(|it| *it == call.address));
        calls
    }

    fn contest(&self, laps: Vec<Vec<Lap>>) -> Contest {
        let mut standings: Vec<_> = self
            .strategies
            .iter()
            .zip(laps)
            .map(|(strategy, laps)| {
                let hands = strategy.hands(
                    self.addrs.len(),
                    self.n_workers(*strategy),
                    self.n_cores.get(),
                );
                Standing::of(laps, hands)
            })
            .collect();
        let serial = standings
            .iter()
            .find(|it| it.lap.strategy == Strategy::Serial);
        let serial = serial.map(|it| it.lap.usage.wall_us);
        for standing in &mut standings {
            standing.speed_up = serial.map(|it| ratio(it, standing.lap.usage.wall_us));
        }
        Contest { standings }
    }
}

impl Standing {
    fn of(mut laps: Vec<Lap>, hands: Hands) -> Standing {
        let walls_us = laps.iter().map(|it| it.usage.wall_us).collect();
        laps.sort_by_key(|it| it.usage.wall_us);
        let lap = laps.swap_remove((laps.len() - 1) / 2);
        Standing {
            walls_us,
            lap,
            n_threads: hands.n_threads,
            n_processes: hands.n_processes,
            speed_up: None,
        }
    }

    /// Returns which share of the time of its calls was spent waiting, and not computing; 0 to 1.
    pub fn waiting_share(&self) -> f64 {
        let Usage { cpu_us, .. } = self.lap.usage;
        let calls = self.lap.calls.iter();
        let in_calls_us: u64 = calls.map(|it| it.ended_us - it.began_us).sum();
        (1.0 - ratio(cpu_us, in_calls_us)).clamp(0.0, 1.0)
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "microseconds of a race are far below 2^52"
)]
pub(crate) fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}
