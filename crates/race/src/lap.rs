//! One strategy's calls, in a process of their own.

use std::io::{BufRead, Write};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, Builder};
use std::time::Instant;

use proto::PeerAddr;
use serde::{Deserialize, Serialize};

use crate::blocking::Phone;
use crate::child::Program;
use crate::line::{self, Said};
use crate::manner::Manner;
use crate::measure::{Meter, Usage};
use crate::strategy::Strategy;
use crate::tasks::Workplace;
use crate::times::{CallTimes, Clock};
use crate::{MAX_NODES, RaceError, pool, processes, serial, tasks, threads};

/// What a process is to do; the addresses to call come behind it, one a line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// How many calls at once, and who makes them.
    pub strategy: Strategy,
    /// How each call is made.
    pub manner: Manner,
    /// How many threads or processes take turns, where a few do.
    pub n_workers: usize,
    /// How many threads there are for work apart from a thread of tasks.
    pub n_cores: NonZeroUsize,
    /// When the lap began of which this is a part, microseconds since 1970; `None` where it begins with this.
    pub began_unix_us: Option<i64>,
}

/// One strategy's calls, and what they took.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lap {
    /// The strategy.
    pub strategy: Strategy,
    /// The calls, in the order in which the addresses were given.
    pub calls: Vec<CallTimes>,
    /// What they took.
    pub usage: Usage,
}

impl Lap {
    /// How many nodes gave their `version`.
    pub fn n_reached(&self) -> usize {
        self.calls.iter().filter(|it| it.is_reached()).count()
    }
}

/// Reads a job and addresses, makes the calls, and says how they went. This is what a process of a race does.
///
/// Whoever tells it one address at a time, and not all at once, has it call one at a time: a worker is nothing else than
/// a serial lap whose addresses come when it is free. `orphaned` is called when nobody can tell it anything any more:
/// whoever started it keeps its stdin open until the end, and so is gone.
pub fn answer(
    mut told: impl BufRead + Send + 'static,
    mut say: impl Write + Send,
    program: &Program,
    orphaned: fn(),
) -> Result<(), RaceError> {
    let Some(job) = line::read(&mut told)? else {
        return Ok(());
    };
    let job: Job = line::parse(&job)?;
    // Room for all addresses: whoever tells them never waits for us.
    let (heard, addrs) = sync_channel(MAX_NODES);
    let listen = move || {
        hear(&mut told, heard);
        orphaned();
    };
    Builder::new()
        .spawn(listen)
        .map_err(|source| RaceError::Thread { n: 0, source })?;
    // Room for all results: nobody waits for the one who prints.
    let (results, inbox) = sync_channel(MAX_NODES);
    let (printed, ended) = thread::scope(|scope| {
        let printer = scope.spawn(|| print(inbox, &mut say));
        // When this returns the queue's other ends are gone, and the printer comes to its end.
        let ended = call_all(&job, addrs.into_iter(), program, results);
        (printer.join().expect("printing does not panic"), ended)
    });
    printed?;
    let last = match ended {
        Ok(usage) => Said::End(usage),
        Err(error) => Said::Failed(crate::told(&error)),
    };
    Ok(line::write(&mut say, &last)?)
}

/// Hears addresses until an empty line says that there are no more, and then waits for the end.
fn hear(told: &mut impl BufRead, addrs: SyncSender<PeerAddr>) {
    while let Ok(Some(line)) = line::read(told) {
        match PeerAddr::parse(&line, 0) {
            Ok(addr) if addrs.send(addr).is_ok() => (),
            Ok(_) | Err(_) => break,
        }
    }
    drop(addrs);
    while let Ok(Some(_)) = line::read(told) {}
}

/// The only one that prints: results come to it through the queue, whole, one after the other.
fn print(results: Receiver<CallTimes>, say: &mut impl Write) -> std::io::Result<()> {
    for result in results {
        line::write(say, &Said::Call(Box::new(result)))?;
    }
    Ok(())
}

fn call_all(
    job: &Job,
    addrs: impl Iterator<Item = PeerAddr>,
    program: &Program,
    results: SyncSender<CallTimes>,
) -> Result<Usage, RaceError> {
    if let Some(began_unix_us) = job.began_unix_us {
        return call_as_worker(job, addrs, began_unix_us, &results);
    }
    let addrs: Vec<_> = addrs.take(MAX_NODES).collect();
    let (began, began_unix_us) = (Instant::now(), processes::unix_now_us());
    let clock = Clock::since(began_unix_us);
    let meter = Arc::new(Meter::start());
    let phone = Phone::new(&job.manner, clock)?;
    let as_tasks =
        |workplace| tasks::call_all(&job.manner, clock, &addrs, workplace, &meter, &results);
    let mut workers = Vec::new();
    match job.strategy {
        Strategy::Serial => serial::call_all(&phone, addrs.iter().copied(), &meter, &results),
        Strategy::Threads => threads::call_all(&phone, &addrs, &meter, &results)?,
        Strategy::Pool => pool::call_all(&phone, &addrs, job.n_workers, &meter, &results)?,
        Strategy::Processes => {
            let each = Job {
                strategy: Strategy::Serial,
                began_unix_us: Some(began_unix_us),
                ..job.clone()
            };
            workers = processes::call_all(&each, &addrs, program, clock, &results)?;
        }
        Strategy::Tasks => as_tasks(Workplace::Here)?,
        Strategy::TasksAndPool => as_tasks(Workplace::Apart(job.n_cores))?,
    }
    let own = meter.usage(began.elapsed());
    Ok(workers.into_iter().fold(own, Usage::and_of_worker))
}

fn call_as_worker(
    job: &Job,
    addrs: impl Iterator<Item = PeerAddr>,
    began_unix_us: i64,
    results: &SyncSender<CallTimes>,
) -> Result<Usage, RaceError> {
    let (began, meter) = (Instant::now(), Meter::start());
    let phone = Phone::new(&job.manner, Clock::since(began_unix_us))?;
    serial::call_all(&phone, addrs, &meter, results);
    Ok(meter.usage_with_start(began.elapsed()))
}
