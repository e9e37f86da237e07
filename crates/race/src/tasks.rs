//! A task for each call, all of them on one thread: what a crawl does.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use crawl::dial::Target;
use crawl::visit::Manners;
use proto::PeerAddr;
use tokio::runtime::Builder;
use tokio::task::{JoinSet, spawn_blocking};

use crate::RaceError;
use crate::manner::Manner;
use crate::measure::Meter;
use crate::times::{CallTimes, Clock};

/// Where the work behind a call is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workplace {
    /// On the one thread that moves all calls on: while it computes, nobody else's bytes are read.
    Here,
    /// On so many other threads, so that this one goes on listening.
    Apart(NonZeroUsize),
}

/// Starts a task for each of `addrs`, and waits for all of them.
///
/// A task that waits is a value of a few kilobytes, and no thread. The one thread asks the kernel which connections have
/// something new, and moves those tasks on. So ten thousand calls can wait at once, as long as none of them computes
/// for long.
pub fn call_all(
    manner: &Manner,
    clock: Clock,
    addrs: &[PeerAddr],
    workplace: Workplace,
    meter: &Arc<Meter>,
    results: &SyncSender<CallTimes>,
) -> Result<(), RaceError> {
    let n_apart = match workplace {
        Workplace::Here => 1, // None ever starts.
        Workplace::Apart(n) => n.get(),
    };
    let runtime = Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(n_apart)
        .build()
        .map_err(RaceError::Runtime)?;
    let caller = Arc::new(manner.caller()?);
    let rounds = manner.work_rounds;
    let all_calls = async {
        let mut calls = JoinSet::new();
        for &addr in addrs {
            let (caller, results, meter) = (caller.clone(), results.clone(), meter.clone());
            calls.spawn(async move {
                let began_us = clock.now_us();
                let called = caller.call(&Target::Addr(addr), Manners::default()).await;
                let times = CallTimes::of(&addr, 0, began_us, called);
                let times = match workplace {
                    Workplace::Here => times.followed_by_work(rounds, &clock),
                    Workplace::Apart(_) => {
                        let work = move || meter.watch(|| times.followed_by_work(rounds, &clock));
                        spawn_blocking(work).await.expect("work does not panic")
                    }
                };
                // The queue has room for all results, so this never makes the thread wait.
                let _ = results.send(times);
            });
        }
        while let Some(ended) = calls.join_next().await {
            ended.expect("a call does not panic");
        }
    };
    meter.watch(|| runtime.block_on(all_calls));
    Ok(())
}
