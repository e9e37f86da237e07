//! Which old visits of a watch need not be kept.
//!
//! The rule: of the visits of an address, those before the first that reached it go; then, of visits in a row that agree
//! in outcome, in what the node says it is (protocol version, services, user agent) and in their day (UTC), all but the
//! first and the last go. So what changed and when is kept, and the [`crate::sessions`] are the same as before. Visits
//! of crawls that are no rounds of a watch all stay.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use proto::{Chain, PeerAddr, Visit};

/// How far [`crate::Store::thin`] has come, and what it remembers of each address that was reached: about 60 bytes.
#[derive(Debug)]
pub struct Thinning {
    chain: Chain,
    /// The number of the last visit that was looked at.
    upto_id: i64,
    runs: HashMap<PeerAddr, Run>,
}

/// Visits of one address in a row that agree.
#[derive(Debug)]
struct Run {
    /// What they agree in.
    key: u64,
    /// The last of them, where it may go and is not the first.
    last_id: Option<i64>,
}

impl Thinning {
    /// Begins with the oldest visit of `chain`.
    pub fn new(chain: Chain) -> Thinning {
        Thinning {
            chain,
            upto_id: 0,
            runs: HashMap::new(),
        }
    }

    /// Whose visits are thinned.
    pub fn chain(&self) -> Chain {
        self.chain
    }

    pub(crate) fn upto_id(&self) -> i64 {
        self.upto_id
    }

    /// Takes the next visit with its number and whether it may go, and returns the number of one that goes.
    pub(crate) fn add(&mut self, visit_id: i64, may_go: bool, visit: &Visit) -> Option<i64> {
        self.upto_id = visit_id;
        let own_id = may_go.then_some(visit_id);
        let key = key(visit);
        match self.runs.get_mut(&visit.addr) {
            Some(run) if run.key == key => std::mem::replace(&mut run.last_id, own_id),
            None if !visit.call.outcome.is_reachable() => own_id,
            Some(_) | None => {
                let last_id = None;
                self.runs.insert(visit.addr, Run { key, last_id });
                None
            }
        }
    }
}

fn key(visit: &Visit) -> u64 {
    const DAY_US: i64 = 24 * 3_600 * 1_000_000;
    let day = visit.call.started_at_us.div_euclid(DAY_US);
    let version = visit.call.heard.version.as_ref();
    let says = version.map(|it| (it.protocol_version, it.services, &it.user_agent));
    let mut hasher = DefaultHasher::new();
    (day, visit.call.outcome, says).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{complete, failed, not_tried};
    use crate::sessions::{Session, SessionBuilder};
    use proptest::prelude::*;
    use proto::outcome::Outcome;

    #[test]
    fn the_first_and_the_last_of_visits_that_agree_are_kept() {
        check("1 1", "0 1");
        check("1 1 1 1", "0 3");
        check("1 1 1 0 0 0 1", "0 2 3 5 6");
    }

    #[test]
    fn visits_before_the_first_that_reached_go() {
        check("0 0 0", "");
        check("0 - 0 1 0", "3 4");
    }

    #[test]
    fn every_day_and_every_change_is_kept() {
        check("1 1 1 | 1 1 1 | 1", "0 2 3 5 6");
        check("1 2 2 2 1", "0 1 3 4");
        check("1 1 - 1 1", "0 1 2 3 4");
    }

    #[test]
    fn visits_of_other_crawls_stay() {
        let mut thinning = Thinning::new(Chain::Mainnet);
        let visits = transcript("1 1 1 1 1");
        let gone = (0..)
            .zip(&visits)
            .filter_map(|(id, it)| thinning.add(id, id % 2 == 0, it));
        assert_eq!(gone.collect::<Vec<_>>(), [2]);
    }

    proptest! {
        #[test]
        fn sessions_stay_the_same(steps in prop::collection::vec(any_step(), 0..60), rest in 0i64..100) {
            let mut now_us = 0;
            let mut visits = Vec::new();
            for (minutes, node, outcome) in steps {
                now_us += minutes * 60_000_000;
                let mut visit = failed(["1.1.1.1:1", "1.1.1.2:1"][node], outcome);
                visit.call.started_at_us = now_us;
                visits.push(visit);
            }
            let some: Vec<Visit> = kept(&visits).iter().map(|it| visits[*it].clone()).collect();
            now_us += rest * 3_600_000_000;
            prop_assert_eq!(sessions(&some, now_us), sessions(&visits, now_us));
            // Thinned visits are as thin as they get.
            prop_assert_eq!(kept(&some).len(), some.len());
        }
    }

    fn any_step() -> impl Strategy<Value = (i64, usize, Outcome)> {
        let minutes = prop_oneof![6 => 0..30i64, 2 => 100..140i64, 1 => 1_000..3_000i64];
        let outcomes = [
            Outcome::Complete,
            Outcome::Complete,
            Outcome::Complete,
            Outcome::ConnectTimeout,
            Outcome::ConnectReset,
            Outcome::ConnectRefused,
            Outcome::ClosedBeforeVersion,
            Outcome::from_code("not_tried", Some("network_off")).unwrap(),
        ];
        (minutes, 0..2usize, prop::sample::select(outcomes.to_vec()))
    }

    fn sessions(visits: &[Visit], now_us: i64) -> Vec<Session> {
        let mut builder = SessionBuilder::default();
        let mut sessions: Vec<Session> = visits
            .iter()
            .filter_map(|it| builder.add(it.into()))
            .collect();
        sessions.extend(builder.finish(now_us));
        sessions.sort_by_key(|it| (it.addr, it.up_from_us));
        sessions
    }

    /// Returns the places of the visits that are kept.
    fn kept(visits: &[Visit]) -> Vec<usize> {
        let mut thinning = Thinning::new(Chain::Mainnet);
        let with_ids = (0..).zip(visits);
        let gone: Vec<i64> = with_ids
            .filter_map(|(id, it)| thinning.add(id, true, it))
            .collect();
        let stays = |it: &usize| !gone.contains(&i64::try_from(*it).unwrap());
        (0..visits.len()).filter(stays).collect()
    }

    /// One node: `0` failed, `1` and `2` reached two versions of it, `-` not tried, `|` the next day.
    fn transcript(text: &str) -> Vec<Visit> {
        let addr = "1.2.3.4:8333";
        let mut at_us = 0;
        let mut visits = Vec::new();
        for word in text.split_whitespace() {
            let mut visit = match word {
                "0" => failed(addr, Outcome::ConnectTimeout),
                "-" => not_tried(addr),
                "|" => {
                    at_us += 24 * 3_600 * 1_000_000;
                    continue;
                }
                version => complete(addr, version.as_bytes(), 0),
            };
            visit.call.started_at_us = at_us;
            visits.push(visit);
        }
        visits
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let kept: Vec<String> = kept(&transcript(text))
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(kept.join(" "), expected, "{text}");
    }
}
