//! A thread for each call: all of them wait at the same time.

use std::sync::mpsc::SyncSender;
use std::thread::{self, Builder};

use proto::PeerAddr;

use crate::RaceError;
use crate::blocking::Phone;
use crate::measure::Meter;
use crate::times::CallTimes;

/// Starts a thread for each of `addrs`, and waits for all of them.
///
/// The whole takes as long as the slowest call. The price is a thread each: a stack, an entry in the kernel's list of whom
/// to wake, and a switch whenever it is woken. For ten that is nothing, for ten thousand it is a lot.
pub fn call_all(
    phone: &Phone,
    addrs: &[PeerAddr],
    meter: &Meter,
    results: &SyncSender<CallTimes>,
) -> Result<(), RaceError> {
    // A scope ends when all its threads have: so they may borrow what lives longer than it.
    thread::scope(|scope| {
        let mut threads = Vec::with_capacity(addrs.len());
        for (worker, addr) in addrs.iter().enumerate() {
            // Each thread has an end of the queue of its own; no two ever touch the same memory.
            let results = results.clone();
            let call = move || {
                // Whoever reads results may be gone: then nobody wants them.
                meter.watch(|| _ = results.send(phone.call(worker, addr)));
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
