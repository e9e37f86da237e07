//! One after the other: the loop that everybody writes first.

use std::sync::mpsc::SyncSender;

use proto::PeerAddr;

use crate::blocking::Phone;
use crate::measure::Meter;
use crate::times::CallTimes;

/// Calls each of `addrs` once the one before is over.
///
/// While a node thinks, or its packets travel, nothing happens here: the time of all calls adds up.
pub fn call_all(
    phone: &Phone,
    addrs: impl Iterator<Item = PeerAddr>,
    meter: &Meter,
    results: &SyncSender<CallTimes>,
) {
    meter.watch(|| {
        for addr in addrs {
            // Whoever reads results may be gone: then nobody wants more of them.
            if results.send(phone.call(0, &addr)).is_err() {
                break;
            }
        }
    });
}
