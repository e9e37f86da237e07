//! What the visits in the store say to those who are about to call.

use std::collections::HashSet;
use std::time::Duration;

use crawl::schedule::{Rhythm, Schedule, Sign};
use crawl::visit::{micros, unix_now};
use proto::{Chain, Outcome, PeerAddr};
use record::sessions::{NodeState, read_states};
use record::{Store, StoreError};

use crate::pass::TooSoon;

/// Returns the schedule of the nodes that may be called, to which the visits of `chain` so far lead.
pub(crate) fn schedule(
    store: &impl Store,
    chain: Chain,
    rhythm: Rhythm,
    may_call: impl Fn(&PeerAddr) -> bool,
) -> Result<Schedule, StoreError> {
    let now_us = micros(unix_now());
    let since_us = now_us - rhythm.forget_after * 1_000_000;
    let mut schedule = Schedule::new(rhythm);
    let states = read_states(store, chain, since_us)?;
    for (addr, state) in states.filter(|it| may_call(&it.0)) {
        for sign in signs(&state, now_us) {
            schedule.note(&addr, sign);
        }
    }
    Ok(schedule)
}

/// Returns the visits that matter of those that led to `state`, in the order of time.
fn signs(state: &NodeState, now_us: i64) -> Vec<Sign> {
    let sign = |at_us: i64, outcome, was_asked| Sign {
        outcome,
        was_asked,
        // The next visit says so.
        speaks_v2: false,
        at: at_us.div_euclid(1_000_000),
    };
    let up = |at_us| sign(at_us, Outcome::Complete, false);
    let asked = |at_us| sign(at_us, Outcome::Complete, true);
    let mut signs: Vec<_> = [
        state.up_since_us(now_us).map(up),
        state.asked_at_us.map(asked),
        Some(sign(state.called_at_us, state.outcome, false)),
    ]
    .into_iter()
    .flatten()
    .collect();
    signs.sort_by_key(|it| it.at);
    signs
}

/// Returns who was called less than `interval` ago.
pub(crate) fn called_since(
    store: &impl Store,
    chain: Chain,
    interval: Duration,
) -> Result<TooSoon, StoreError> {
    let mut called = HashSet::new();
    if !interval.is_zero() {
        let since = micros(unix_now().saturating_sub(interval));
        store.visited_since(chain, since, &mut |addr| {
            called.insert(addr);
            Ok(())
        })?;
    }
    Ok(TooSoon { called, interval })
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::Glimpse;
    use record::sessions::SessionBuilder;

    const HOUR: i64 = 3_600;

    #[test]
    fn the_time_up_the_question_and_the_last_call_are_remembered() {
        // Hours, and what was seen then.
        check("1 complete", "1 complete, 1 complete");
        check(
            "1 complete, 2 asked, 3 complete, 30 complete",
            "1 complete, 2 asked, 30 complete",
        );
        check("1 asked, 2 connect_refused", "1 asked, 2 connect_refused");
        check(
            "1 complete, 2 connect_refused, 3 asked, 4 connect_timeout, 5 complete",
            "3 complete, 3 asked, 5 complete",
        );
        // Those that never answered lead to nothing.
        check("1 connect_timeout", "1 connect_timeout");
    }

    #[track_caller]
    fn check(visits: &str, expected: &str) {
        let mut builder = SessionBuilder::default();
        for visit in visits.split(", ") {
            let (hour, word) = visit.split_once(' ').unwrap();
            let was_asked = word == "asked";
            let outcome = match was_asked {
                true => Outcome::Complete,
                false => Outcome::from_code(word, None).unwrap(),
            };
            builder.add(Glimpse {
                addr: PeerAddr::new(std::net::Ipv4Addr::LOCALHOST, 1),
                started_at_us: hour.parse::<i64>().unwrap() * HOUR * 1_000_000,
                outcome,
                was_asked,
            });
        }
        let (_, state) = builder.into_states().next().unwrap();
        let signs = signs(&state, state.called_at_us).into_iter().map(|it| {
            let word = if it.was_asked {
                "asked"
            } else {
                it.outcome.code()
            };
            format!("{} {word}", it.at / HOUR)
        });
        assert_eq!(signs.collect::<Vec<_>>().join(", "), expected, "{visits}");
    }
}
