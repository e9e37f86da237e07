//! The same calls made by a loop, by threads, by processes and by async tasks.
//!
//! One file a way: [`serial`], [`threads`], [`pool`], [`processes`], [`tasks`]. Each is short, and all of them drive the
//! same [`proto::Session`], so what differs is only who waits: read them in that order. A lap is one way's calls, made
//! in a fresh process of its own ([`lap`], [`child`]), so that no way pays for the memory of another; [`contest`] makes
//! the laps, and [`verdict`] says what they show. [`mixed`] shows what goes wrong without queues.

pub mod blocking;
pub mod child;
pub mod contest;
pub mod lap;
pub mod line;
pub mod manner;
pub mod measure;
pub mod mixed;
pub mod pool;
pub mod processes;
pub mod serial;
mod socks5;
pub mod strategy;
pub mod tasks;
pub mod threads;
pub mod times;
pub mod verdict;
pub mod work;

use std::io;

pub use contest::{Contest, Plan, Standing};
pub use lap::{Job, Lap};
pub use manner::{Manner, Way};
pub use measure::Usage;
pub use strategy::Strategy;
pub use times::CallTimes;

/// The most nodes that one race calls: each gets one call a strategy, and a thread of its own in one of them.
pub const MAX_NODES: usize = 1_000;
/// The most worker processes: each takes a few megabytes.
pub const MAX_PROCESSES: usize = 64;

/// Why a race failed: always our own failure, never a peer's.
#[derive(Debug, thiserror::Error)]
pub enum RaceError {
    /// The machine has no room for another thread.
    #[error("thread {n} could not be started")]
    Thread {
        /// Which one, from 1 on.
        n: usize,
        /// What the system said.
        source: io::Error,
    },
    /// A process could not be started, or not be told what to do.
    #[error("process {n} could not be started")]
    Process {
        /// Which one, from 1 on.
        n: usize,
        /// What the system said.
        source: io::Error,
    },
    /// The async runtime could not be started.
    #[error("the async runtime could not be started")]
    Runtime(#[source] io::Error),
    /// The process that ran a lap ended before it said how that went.
    #[error("the process of the strategy {0} died before its end")]
    LapDied(Strategy),
    /// The process that ran a lap said that it failed.
    #[error("the strategy {0} failed: {1}")]
    LapFailed(Strategy, String),
    /// What a process was told to do cannot be read.
    #[error("{0:?} is not what a process of this program says to another")]
    Line(String),
    /// Talking to another process failed.
    #[error("talking to another process failed")]
    Pipe(#[from] io::Error),
}

/// Tells an error with what led to it.
fn told(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |it| it.source());
    causes
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}
