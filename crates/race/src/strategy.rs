//! The ways to call many nodes, by name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A way to call many nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// One after the other.
    Serial,
    /// A thread for each call.
    Threads,
    /// A few threads that take one call after the other.
    Pool,
    /// A few processes that do the same.
    Processes,
    /// A task for each call, all of them on one thread.
    Tasks,
    /// The same, with work for the CPU on threads made for that (`spawn_blocking`).
    TasksAndPool,
}

/// How much of the machine a strategy takes to make its calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hands {
    /// Threads that call or compute, in all processes together.
    pub n_threads: usize,
    /// Processes that call.
    pub n_processes: usize,
}

/// The text names no strategy.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not one of serial, threads, pool, processes, tasks, tasks_and_pool")]
pub struct ParseStrategyError(String);

impl Strategy {
    /// All of them, in the order in which a lesson tells of them.
    pub const ALL: [Strategy; 6] = [
        Strategy::Serial,
        Strategy::Threads,
        Strategy::Pool,
        Strategy::Processes,
        Strategy::Tasks,
        Strategy::TasksAndPool,
    ];

    /// Returns the word for it.
    pub fn name(self) -> &'static str {
        match self {
            Strategy::Serial => "serial",
            Strategy::Threads => "threads",
            Strategy::Pool => "pool",
            Strategy::Processes => "processes",
            Strategy::Tasks => "tasks",
            Strategy::TasksAndPool => "tasks_and_pool",
        }
    }

    /// Returns what takes part in a lap of `n_nodes` with `n_workers` threads or processes and `n_cores` for work.
    pub fn hands(self, n_nodes: usize, n_workers: usize, n_cores: usize) -> Hands {
        let n_workers = n_workers.min(n_nodes);
        let (n_threads, n_processes) = match self {
            Strategy::Serial | Strategy::Tasks => (1, 1),
            Strategy::Threads => (n_nodes, 1),
            Strategy::Pool => (n_workers, 1),
            Strategy::Processes => (n_workers, n_workers),
            Strategy::TasksAndPool => (1 + n_cores, 1),
        };
        Hands {
            n_threads,
            n_processes,
        }
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Strategy {
    type Err = ParseStrategyError;

    fn from_str(text: &str) -> Result<Strategy, ParseStrategyError> {
        Strategy::ALL
            .into_iter()
            .find(|it| it.name() == text)
            .ok_or_else(|| ParseStrategyError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_back() {
        for strategy in Strategy::ALL {
            assert_eq!(strategy.to_string().parse(), Ok(strategy));
        }
        let wrong = "fibers".parse::<Strategy>().unwrap_err();
        assert!(wrong.to_string().starts_with("\"fibers\" is not one of"));
    }

    #[test]
    fn nobody_has_more_hands_than_calls() {
        let hands = |n_nodes| {
            Strategy::ALL.map(|it| {
                let hands = it.hands(n_nodes, 8, 2);
                (hands.n_threads, hands.n_processes)
            })
        };
        assert_eq!(
            hands(100),
            [(1, 1), (100, 1), (8, 1), (8, 8), (1, 1), (3, 1)]
        );
        assert_eq!(hands(3), [(1, 1), (3, 1), (3, 1), (3, 3), (1, 1), (3, 1)]);
    }
}
