//! What a lap takes of the machine.

use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cpu_time::ProcessTime;
use serde::{Deserialize, Serialize};

use crate::times::whole_us;

/// What calling took, in a process or in all that took part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// From before the first call, or before its thread or process was started, until the last was over, in microseconds.
    pub wall_us: u64,
    /// CPU time of all threads meanwhile, and all that worker processes took, in microseconds.
    pub cpu_us: u64,
    /// The most memory that was resident, in bytes; of several processes, the sum, in which pages that they share count
    /// for each. `None` where the system does not tell.
    pub memory_peak_bytes: Option<u64>,
    /// How often a thread that calls or computes was taken off its core, because it waited or its time was over.
    /// `None` where the system does not tell.
    pub context_switches: Option<u64>,
}

/// Counts what threads take while they call.
#[derive(Debug)]
pub struct Meter {
    began: ProcessTime,
    switches: AtomicU64,
}

impl Meter {
    /// Starts to count.
    pub fn start() -> Meter {
        Meter {
            began: ProcessTime::now(),
            switches: AtomicU64::new(0),
        }
    }

    /// Counts how often this thread is taken off its core during `work`; once at the same time on one thread.
    ///
    /// The system forgets what it counted when a thread ends, so each is asked while it lives.
    pub fn watch<T>(&self, work: impl FnOnce() -> T) -> T {
        let before = thread_switches();
        let done = work();
        if let (Some(before), Some(after)) = (before, thread_switches()) {
            self.switches.fetch_add(after - before, Ordering::Relaxed);
        }
        done
    }

    /// Returns what this process took since the start, for calls that took `wall`.
    pub fn usage(&self, wall: Duration) -> Usage {
        Usage {
            wall_us: whole_us(wall),
            cpu_us: whole_us(self.began.elapsed()),
            memory_peak_bytes: memory_peak(),
            context_switches: thread_switches().map(|_| self.switches.load(Ordering::Relaxed)),
        }
    }

    /// The same of a worker process, which is only there to call: its start counts too.
    pub fn usage_with_start(&self, wall: Duration) -> Usage {
        Usage {
            cpu_us: whole_us(ProcessTime::now().as_duration()),
            ..self.usage(wall)
        }
    }
}

impl Usage {
    /// Takes in what a worker process took besides.
    pub fn and_of_worker(self, worker: Usage) -> Usage {
        let both = |ours: Option<u64>, theirs: Option<u64>| Some(ours? + theirs?);
        Usage {
            wall_us: self.wall_us,
            cpu_us: self.cpu_us + worker.cpu_us,
            memory_peak_bytes: both(self.memory_peak_bytes, worker.memory_peak_bytes),
            context_switches: both(self.context_switches, worker.context_switches),
        }
    }
}

fn memory_peak() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    Some(number_of(&status, "VmHWM:")? * 1024)
}

fn thread_switches() -> Option<u64> {
    let status = fs::read_to_string("/proc/thread-self/status").ok()?;
    let own = number_of(&status, "voluntary_ctxt_switches:")?;
    Some(own + number_of(&status, "nonvoluntary_ctxt_switches:")?)
}

/// Reads the number behind `key` in a status file of Linux (proc_pid_status(5)).
fn number_of(status: &str, key: &str) -> Option<u64> {
    let line = status.lines().find_map(|it| it.strip_prefix(key))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = "Name:\tbitcensus\nVmHWM:\t    9160 kB\nvoluntary_ctxt_switches:\t17\n\
                          nonvoluntary_ctxt_switches:\t4\n";

    #[test]
    fn a_status_file_is_read_by_its_keys() {
        let numbers = [
            "VmHWM:",
            "voluntary_ctxt_switches:",
            "nonvoluntary_ctxt_switches:",
            "VmPeak:",
        ]
        .map(|it| number_of(STATUS, it));
        assert_eq!(numbers, [Some(9160), Some(17), Some(4), None]);
    }

    #[test]
    fn what_workers_take_adds_up_and_what_one_does_not_know_nobody_does() {
        let usage = |wall_us, cpu_us, memory_peak_bytes, context_switches| Usage {
            wall_us,
            cpu_us,
            memory_peak_bytes,
            context_switches,
        };
        let own = usage(100, 10, Some(1_000), Some(3));
        let sum = own.and_of_worker(usage(90, 5, Some(500), None));
        assert_eq!(sum, usage(100, 15, Some(1_500), None));
    }
}
