//! How fast new connections may begin.

use std::time::Duration;

/// How much of a second's worth may begin at once.
const BURST: Duration = Duration::from_millis(50);

/// A bound on connections a second, by the token-bucket rule. Time is the duration since the crawl began.
#[derive(Debug)]
pub struct Pace {
    per_second: Option<f64>,
    tokens: f64,
    refilled_at: Duration,
}

impl Pace {
    /// Allows `per_second` connections a second, or any number for `None`.
    pub fn new(per_second: Option<f64>) -> Pace {
        Pace {
            per_second,
            tokens: 1.0,
            refilled_at: Duration::ZERO,
        }
    }

    /// Takes the right to begin one connection, or returns how long to wait for it.
    pub fn take(&mut self, now: Duration) -> Result<(), Duration> {
        let Some(per_second) = self.per_second else {
            return Ok(());
        };
        let most = (per_second * BURST.as_secs_f64()).max(1.0);
        let passed = now.saturating_sub(self.refilled_at).as_secs_f64();
        self.tokens = (self.tokens + passed * per_second).min(most);
        self.refilled_at = now;
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            return Ok(());
        }
        let wait = (1.0 - self.tokens) / per_second;
        Err(Duration::from_secs_f64(wait.clamp(0.000_1, 3_600.0)))
    }

    /// Takes in that a connection was begun without asking: the next one waits for it.
    pub fn charge(&mut self) {
        self.tokens -= 1.0;
    }

    /// Gives a right back that was not used.
    pub fn give_back(&mut self) {
        self.tokens += 1.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_bound_means_no_wait() {
        let mut pace = Pace::new(None);
        assert!((0..1_000).all(|_| pace.take(Duration::ZERO).is_ok()));
    }

    #[test]
    fn a_second_holds_as_many_as_allowed_whatever_the_rate() {
        for per_second in [0.5, 1.0, 30.0, 1_000.0] {
            let mut pace = Pace::new(Some(per_second));
            let mut now = Duration::ZERO;
            let mut n_begun = 0;
            while now < Duration::from_secs(100) {
                match pace.take(now) {
                    Ok(()) => n_begun += 1,
                    Err(wait) => now += wait,
                }
            }
            let expected = per_second * 100.0;
            assert!(
                (f64::from(n_begun) - expected).abs() <= expected * 0.01 + 1.0,
                "{per_second}: {n_begun}"
            );
        }
    }

    #[test]
    fn what_was_begun_without_asking_is_made_up_for() {
        let mut pace = Pace::new(Some(10.0));
        assert_eq!(pace.take(Duration::ZERO), Ok(()));
        pace.charge();
        assert_eq!(pace.take(Duration::ZERO), Err(Duration::from_millis(200)));
    }

    #[test]
    fn a_pause_saves_up_no_flood() {
        let mut pace = Pace::new(Some(100.0));
        let now = Duration::from_secs(3_600);
        let n_at_once = (0..1_000).filter(|_| pace.take(now).is_ok()).count();
        assert_eq!(n_at_once, 5);
    }
}
