//! Work that burns CPU, the same amount for every call.

use std::hash::Hasher;
use std::hint::black_box;
use std::time::Duration;

use cpu_time::ThreadTime;

/// How much is hashed in one round, in bytes.
const BLOCK: [u8; 1024] = [0x5a; 1024];
/// How long the trial takes by which the machine is measured.
const TRIAL: Duration = Duration::from_millis(100);

/// Hashes so many kilobytes, as somebody would who checks what a peer sent.
pub fn burn(rounds: u64) -> u64 {
    let mut hasher = std::hash::DefaultHasher::new();
    for _ in 0..rounds {
        hasher.write(black_box(&BLOCK));
    }
    black_box(hasher.finish())
}

/// Returns how many rounds take `time` on one core of this machine that has nothing else to do.
///
/// An amount and not a time: whoever hashed until some milliseconds are over would be done in time on a core that
/// ten others share as well, and a race of such loafers would show nothing.
pub fn rounds_for(time: Duration) -> u64 {
    if time.is_zero() {
        return 0;
    }
    // By the time that this thread has the core: others may want it too.
    let rounds = u128::from(rounds_in(TRIAL)) * time.as_micros() / TRIAL.as_micros();
    u64::try_from(rounds).unwrap_or(u64::MAX).max(1)
}

fn rounds_in(time: Duration) -> u64 {
    /// So many between two looks at the clock.
    const STEP: u64 = 64;
    let began = ThreadTime::now();
    let mut rounds = 0;
    while began.elapsed() < time {
        burn(STEP);
        rounds += STEP;
    }
    rounds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_time_is_more_work_and_no_time_is_none() {
        assert_eq!(rounds_for(Duration::ZERO), 0);
        assert!(rounds_for(Duration::from_millis(500)) > rounds_for(Duration::from_millis(5)));
    }

    #[test]
    fn work_is_a_function_of_its_amount() {
        assert_eq!(burn(10), burn(10));
        assert_ne!(burn(10), burn(11));
    }
}
