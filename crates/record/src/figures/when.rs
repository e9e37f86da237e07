//! When a snapshot was taken, and which day that was.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use proto::Call;

use super::Snapshot;
use crate::summary::micros;

/// Returns when the crawl of `snapshot` ended, microseconds since 1970: for one that did not end in order, when the last
/// of its calls did.
pub(super) fn ended_at_us(snapshot: &Snapshot) -> i64 {
    let nodes = snapshot.nodes.iter().map(|it| &it.visit.call);
    let nodes = nodes.map(Call::ended_at_us);
    let unreached = snapshot.unreached.iter();
    let unreached = unreached.map(|it| later(it.started_at_us, it.took));
    let last = || nodes.chain(unreached).max();
    let crawl = &snapshot.crawl;
    crawl
        .finished_at_us
        .or_else(last)
        .unwrap_or(crawl.started_at_us)
}

/// Returns a moment some time after another, microseconds since 1970.
pub(super) fn later(at_us: i64, since: Duration) -> i64 {
    at_us.saturating_add_unsigned(micros(since))
}

/// Returns the day on which the crawl of `snapshot` ended, in UTC; `None` where its clock was absurd.
pub(super) fn day(snapshot: &Snapshot) -> Option<Date> {
    let time = Timestamp::from_microsecond(ended_at_us(snapshot)).ok()?;
    Some(time.to_zoned(TimeZone::UTC).date())
}
