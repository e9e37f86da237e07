//! How far a crawl is, as numbers to show.

use std::collections::BTreeMap;
use std::time::Duration;

use proto::Outcome;

use crate::frontier::After;

/// A moment of a crawl.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    /// Time since the crawl began.
    pub elapsed: Duration,
    /// How many addresses are known.
    pub n_known: usize,
    /// How many wait for their call.
    pub n_waiting: usize,
    /// How many are being called.
    pub n_in_flight: usize,
    /// How many were called, or found not to be callable.
    pub n_done: usize,
    /// How many of those answered with a `version`.
    pub n_reachable: usize,
    /// How each ended, by its word.
    pub outcomes: BTreeMap<&'static str, usize>,
    /// How often a connection could not be opened for lack of files or ports of this machine.
    pub n_machine_full: usize,
    /// How many calls brought nothing and were, or will be, made again.
    pub n_again: usize,
    /// What the frontier left out, by its word.
    pub left_out: BTreeMap<&'static str, u64>,
    /// Finished calls a second, over the last few seconds.
    pub rate: f64,
    /// When the calls in flight will all be over at the latest, since the crawl began.
    pub over_by: Duration,
    /// Whether new calls have stopped, because somebody asked for it.
    pub is_stopping: bool,
}

impl Progress {
    /// How many calls failed: neither a `version`, nor never tried.
    pub fn n_failed(&self) -> usize {
        self.n_done - self.n_reachable - self.n_not_tried()
    }

    /// How many addresses were never called.
    pub fn n_not_tried(&self) -> usize {
        self.outcomes.get("not_tried").copied().unwrap_or(0)
    }

    /// How many are not over yet.
    pub fn n_remaining(&self) -> usize {
        self.n_waiting + self.n_in_flight
    }

    /// The part that is over, from 0 to 1.
    #[expect(clippy::cast_precision_loss, reason = "a share for people")]
    pub fn share_done(&self) -> f64 {
        self.n_done as f64 / self.n_known.max(1) as f64
    }

    /// Returns the time that is left; `None` while nothing can be said.
    #[expect(clippy::cast_precision_loss, reason = "a time for people")]
    pub fn time_left(&self) -> Option<TimeLeft> {
        if self.n_waiting == 0 || self.is_stopping {
            let left = self.over_by.saturating_sub(self.elapsed);
            return (self.n_in_flight > 0).then_some(TimeLeft::AtMost(left));
        }
        (self.rate > 0.0).then(|| {
            let secs = self.n_remaining() as f64 / self.rate;
            TimeLeft::About(Duration::from_secs_f64(secs.min(1e9)))
        })
    }

    /// Takes in how a call ended; one that is made again does not count.
    pub fn count(&mut self, outcome: Outcome, after: After) {
        if let After::Again(_) = after {
            self.n_again += 1;
            return;
        }
        *self.outcomes.entry(outcome.code()).or_insert(0) += 1;
        self.n_reachable += usize::from(outcome.is_reachable());
    }
}

/// How long a crawl still takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeLeft {
    /// If the rate stays as it is.
    About(Duration),
    /// All calls are made; the slowest peers decide, and their time-outs bound them.
    AtMost(Duration),
}

/// Over how long the rate of a crawl is taken.
const RATE_WINDOW: Duration = Duration::from_secs(5);

/// The rate of something that is counted up, over the last few seconds.
#[derive(Debug, Default)]
pub struct Rate {
    /// Time and count, oldest first; the first is the last one outside the window.
    seen: std::collections::VecDeque<(Duration, usize)>,
}

impl Rate {
    /// Takes in that the count is `n` at `now`, and returns the rate per second.
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    pub fn note(&mut self, n: usize, now: Duration) -> f64 {
        self.seen.push_back((now, n));
        while self.seen.len() > 2 && self.seen[1].0 + RATE_WINDOW <= now {
            self.seen.pop_front();
        }
        let (since, before) = self.seen[0];
        match now.saturating_sub(since).as_secs_f64() {
            secs if secs > 0.0 => n.saturating_sub(before) as f64 / secs,
            _ => 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_forgets_what_is_long_past() {
        let mut rate = Rate::default();
        let at = Duration::from_secs;
        assert_eq!(rate.note(0, at(0)), 0.0);
        assert_eq!(rate.note(1_000, at(1)), 1_000.0);
        for second in 2..20 {
            rate.note(1_000 + 10 * (second - 1), at(second as u64));
        }
        assert_eq!(rate.note(1_190, at(20)), 10.0);
    }

    #[test]
    fn the_time_left_follows_the_rate() {
        let mut progress = Progress {
            n_known: 100,
            n_waiting: 30,
            n_in_flight: 20,
            n_done: 50,
            ..Progress::default()
        };
        assert_eq!(progress.time_left(), None);
        progress.rate = 10.0;
        let about = TimeLeft::About(Duration::from_secs(5));
        assert_eq!(progress.time_left(), Some(about));
        assert_eq!(progress.share_done(), 0.5);
        progress.n_waiting = 0;
        progress.elapsed = Duration::from_secs(7);
        progress.over_by = Duration::from_secs(20);
        let at_most = TimeLeft::AtMost(Duration::from_secs(13));
        assert_eq!(progress.time_left(), Some(at_most));
    }
}
