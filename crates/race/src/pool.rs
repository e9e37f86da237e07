//! A few threads that take one call after the other: as much waiting at once as one wants to pay for.

use std::sync::mpsc::SyncSender;
use std::sync::{Mutex, PoisonError};
use std::thread::{self, Builder};

use proto::PeerAddr;

use crate::RaceError;
use crate::blocking::Phone;
use crate::measure::Meter;
use crate::times::CallTimes;

/// Has `n_threads` threads call all of `addrs`.
///
/// Who is done takes the next address, so a slow node holds up one thread and not the others. With as many threads as
/// nodes this is [`crate::threads`], with one it is [`crate::serial`].
pub fn call_all(
    phone: &Phone,
    addrs: &[PeerAddr],
    n_threads: usize,
    meter: &Meter,
    results: &SyncSender<CallTimes>,
) -> Result<(), RaceError> {
    // The one thing that all threads change. The lock is held for a moment, and never while somebody waits for a node.
    let waiting = Mutex::new(addrs.iter());
    let next = || {
        waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .next()
    };
    thread::scope(|scope| {
        let mut threads = Vec::new();
        for worker in 0..n_threads.min(addrs.len()) {
            let results = results.clone();
            let call = move || {
                meter.watch(|| {
                    while let Some(addr) = next() {
                        if results.send(phone.call(worker, addr)).is_err() {
                            break;
                        }
                    }
                });
            };
            let started = Builder::new().spawn_scoped(scope, call);
            let n = worker + 1;
            threads.push(started.map_err(|source| RaceError::Thread { n, source })?);
        }
        for thread in threads {
            thread.join().expect("a call does not panic");
        }
        Ok(())
    })
}
