//! When a node is there that comes and goes.

use std::ops::Range;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::dice::Dice;

/// How often nodes come and go.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Churn {
    /// Which share of the honest nodes comes and goes, 0 to 1; the others are always up.
    pub share: f64,
    /// How long such a node is up, and how long it is down, on the average.
    pub period: Duration,
}

impl Default for Churn {
    /// Nobody ever goes.
    fn default() -> Churn {
        Churn {
            share: 0.0,
            period: Duration::from_secs(3_600),
        }
    }
}

/// When one node is up, in milliseconds: for `up_ms`, then down for `down_ms`, and again, without end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// How long it is up at a time; at least 1.
    pub up_ms: u64,
    /// How long it is down between; at least 1.
    pub down_ms: u64,
    /// How much of up and down was over when the world began.
    pub begun_ms: u64,
}

impl Schedule {
    /// Draws a schedule, or `None` for a node that is always up.
    pub(crate) fn draw(dice: &mut Dice, churn: Churn) -> Option<Schedule> {
        if dice.share() >= churn.share {
            return None;
        }
        let mut time = || {
            let time = churn.period.mul_f64(0.5 + dice.share());
            u64::try_from(time.as_millis())
                .unwrap_or(u64::MAX / 4)
                .max(1)
        };
        let (up_ms, down_ms) = (time(), time());
        Some(Schedule {
            up_ms,
            down_ms,
            begun_ms: dice.number() % (up_ms + down_ms),
        })
    }

    /// Whether the node is up so long after the world began.
    pub fn is_up(&self, since_start: Duration) -> bool {
        let at = as_ms(since_start).saturating_add(self.begun_ms);
        at % (self.up_ms + self.down_ms) < self.up_ms
    }

    /// Returns when the node is up from the beginning of the world to `until`; each time ends where it goes down.
    pub fn sessions(&self, until: Duration) -> Vec<Range<Duration>> {
        let round = self.up_ms + self.down_ms;
        let until = as_ms(until);
        let mut sessions = Vec::new();
        let mut start = 0;
        while start < until.saturating_add(self.begun_ms) {
            let end = (start + self.up_ms)
                .saturating_sub(self.begun_ms)
                .min(until);
            let from = start.saturating_sub(self.begun_ms);
            if from < end {
                sessions.push(Duration::from_millis(from)..Duration::from_millis(end));
            }
            start += round;
        }
        sessions
    }
}

fn as_ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_are_when_it_is_up() {
        let schedule = Schedule {
            up_ms: 30,
            down_ms: 20,
            begun_ms: 10,
        };
        let ms = Duration::from_millis;
        let expected = [ms(0)..ms(20), ms(40)..ms(70), ms(90)..ms(100)];
        assert_eq!(schedule.sessions(ms(100)), expected);
        for at in 0..100 {
            let is_in_one = expected.iter().any(|it| it.contains(&ms(at)));
            assert_eq!(schedule.is_up(ms(at)), is_in_one, "at {at} ms");
        }
    }

    #[test]
    fn as_many_come_and_go_as_were_ordered() {
        let churn = Churn {
            share: 0.25,
            period: Duration::from_secs(100),
        };
        let drawn = |n| Schedule::draw(&mut Dice::new(1, n), churn);
        let schedules: Vec<Schedule> = (0..1_000).filter_map(drawn).collect();
        assert!((220..280).contains(&schedules.len()), "{}", schedules.len());
        for it in schedules {
            assert!((50_000..150_000).contains(&it.up_ms), "{it:?}");
            assert!((50_000..150_000).contains(&it.down_ms), "{it:?}");
        }
        assert_eq!(Schedule::draw(&mut Dice::new(1, 0), Churn::default()), None);
    }
}
