//! When nodes were up: a pure function of their visits.
//!
//! A *session* goes from the first visit that reached a node to the last one before it was gone. What a visit says of
//! that:
//!
//! - `complete` and `version_only`: it is up.
//! - `closed_before_version`: somebody took the call and hung up, as full slots do. It begins and ends nothing.
//! - `connect_refused`, `wrong_network`, `malformed_version`, `protocol_violation` and `self_connection`: it is gone, for
//!   nobody listens there, or somebody else.
//! - all other failures are *doubtful*, as they can be bad luck: with one of them it is gone only if another failure
//!   follows before the next visit that reaches it, or if that one comes more than [`MAX_DOUBT`] later.
//! - `not_tried`, and `proxy_error` and `sam_error`, which are our own way's trouble: nothing, as if the visit were not
//!   there.
//!
//! A session ends for the first failure since its last visit. Where nobody looked for more than [`MAX_SILENCE`], nobody
//! knows whether a node stayed up: its session ends as `unwatched`.

use std::collections::HashMap;
use std::time::Duration;

use proto::outcome::Outcome;
use proto::{Chain, PeerAddr};

use crate::store::{Glimpse, Store, StoreError, Take};

/// How long after a doubtful failure a node must be reached again for it to have been up: longer than a restart takes.
pub const MAX_DOUBT: Duration = Duration::from_hours(2);

/// How long a node may go without a visit within a session: a watch looks at every node several times a day.
pub const MAX_SILENCE: Duration = Duration::from_hours(48);

/// A time in which a node was up; times are of the beginning of visits, microseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    /// Which node.
    pub addr: PeerAddr,
    /// When it was first reached.
    pub up_from_us: i64,
    /// When it was last reached.
    pub up_to_us: i64,
    /// Why it ended; `None` while it goes on.
    pub ended: Option<Ending>,
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// A call failed, in this way.
    Failed(Outcome),
    /// Nobody looked for too long.
    Unwatched,
}

impl Ending {
    /// Returns the word that we serve: that of the outcome, or `unwatched`.
    pub fn code(self) -> &'static str {
        match self {
            Ending::Failed(outcome) => outcome.code(),
            Ending::Unwatched => "unwatched",
        }
    }
}

/// What the visits of a node so far say of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeState {
    /// When it was last called, microseconds since 1970.
    pub called_at_us: i64,
    /// How that ended.
    pub outcome: Outcome,
    /// When it was last asked for addresses and told how many it knows, microseconds since 1970.
    pub asked_at_us: Option<i64>,
    open: Option<Open>,
}

/// A session that goes on, as far as is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Open {
    up_from_us: i64,
    up_to_us: i64,
    /// The one doubtful failure since `up_to_us`.
    doubt: Option<(i64, Outcome)>,
}

/// Takes visits in, each node's in the order of time; a node takes about a hundred bytes, however often it is visited.
#[derive(Debug, Default)]
pub struct SessionBuilder {
    nodes: HashMap<PeerAddr, NodeState>,
}

impl SessionBuilder {
    /// Takes the next visit, and returns the session of which it shows that it has ended.
    pub fn add(&mut self, glimpse: Glimpse) -> Option<Session> {
        let Glimpse {
            addr,
            started_at_us: at_us,
            outcome,
            was_asked,
        } = glimpse;
        let sign = Sign::of(outcome)?;
        let node = self.nodes.entry(addr).or_insert(NodeState {
            called_at_us: at_us,
            outcome,
            asked_at_us: None,
            open: None,
        });
        let ended = node.note(sign, at_us, outcome);
        node.called_at_us = at_us;
        node.outcome = outcome;
        if was_asked {
            node.asked_at_us = Some(at_us);
        }
        let (open, ending) = ended?;
        Some(open.session(addr, Some(ending)))
    }

    /// Returns the sessions of which no visit showed the end, as they are at `now_us`, in the order of their addresses.
    pub fn finish(self, now_us: i64) -> Vec<Session> {
        let open = self.nodes.into_iter().filter_map(|(addr, node)| {
            let ending = node.ending_by(now_us);
            Some(node.open?.session(addr, ending))
        });
        let mut sessions: Vec<Session> = open.collect();
        sessions.sort_unstable_by_key(|it| it.addr);
        sessions
    }

    /// Returns what is known of every node that was ever called, in no order.
    pub fn into_states(self) -> impl Iterator<Item = (PeerAddr, NodeState)> {
        self.nodes.into_iter()
    }
}

impl NodeState {
    /// Returns since when it is up, microseconds since 1970; `None` where it is gone by all that is known at `now_us`.
    pub fn up_since_us(&self, now_us: i64) -> Option<i64> {
        match self.ending_by(now_us) {
            None => Some(self.open?.up_from_us),
            Some(_) => None,
        }
    }

    /// Takes in what a call at `at_us` says, and returns what it ended.
    fn note(&mut self, sign: Sign, at_us: i64, outcome: Outcome) -> Option<(Open, Ending)> {
        let mut ended = self
            .ending_by(at_us)
            .and_then(|it| Some((self.open.take()?, it)));
        match (sign, &mut self.open) {
            (Sign::Up, Some(open)) => {
                open.up_to_us = at_us;
                open.doubt = None;
            }
            (Sign::Up, none @ None) => {
                *none = Some(Open {
                    up_from_us: at_us,
                    up_to_us: at_us,
                    doubt: None,
                });
            }
            (
                Sign::Doubtful,
                Some(Open {
                    doubt: doubt @ None,
                    ..
                }),
            ) => *doubt = Some((at_us, outcome)),
            (Sign::Doubtful | Sign::Gone, Some(open)) => {
                let (_, why) = open.doubt.unwrap_or((at_us, outcome));
                ended = Some((*open, Ending::Failed(why)));
                self.open = None;
            }
            (Sign::Unclear, _) | (Sign::Doubtful | Sign::Gone, None) => (),
        }
        ended
    }

    /// Returns why the open session is over where nothing more is known until `at_us`.
    fn ending_by(&self, at_us: i64) -> Option<Ending> {
        let open = self.open?;
        match open.doubt {
            Some((doubted_at_us, why)) if is_longer(doubted_at_us, at_us, MAX_DOUBT) => {
                Some(Ending::Failed(why))
            }
            _ if is_longer(self.called_at_us, at_us, MAX_SILENCE) => Some(Ending::Unwatched),
            _ => None,
        }
    }
}

impl Open {
    fn session(self, addr: PeerAddr, ended: Option<Ending>) -> Session {
        Session {
            addr,
            up_from_us: self.up_from_us,
            up_to_us: self.up_to_us,
            ended,
        }
    }
}

/// What a call says of whether a node is up.
#[derive(Clone, Copy, Debug)]
enum Sign {
    Up,
    Unclear,
    Doubtful,
    Gone,
}

impl Sign {
    /// `None` for calls that never came to the node.
    fn of(outcome: Outcome) -> Option<Sign> {
        match outcome {
            Outcome::Complete | Outcome::VersionOnly => Some(Sign::Up),
            Outcome::ClosedBeforeVersion => Some(Sign::Unclear),
            Outcome::ConnectTimeout
            | Outcome::ConnectUnreachable
            | Outcome::ConnectReset
            | Outcome::ConnectOther
            | Outcome::VersionTimeout
            | Outcome::V2Failed => Some(Sign::Doubtful),
            Outcome::ConnectRefused
            | Outcome::MalformedVersion
            | Outcome::WrongNetwork
            | Outcome::ProtocolViolation
            | Outcome::SelfConnection => Some(Sign::Gone),
            Outcome::ProxyError | Outcome::SamError | Outcome::NotTried(_) => None,
        }
    }
}

/// Hands all sessions in the visits of `chain` from `since_us` to `now_us` to `take`: those that ended in the order of
/// their ends, then those that go on at `now_us`, in the order of their addresses.
pub fn read_sessions(
    store: &impl Store,
    chain: Chain,
    since_us: i64,
    now_us: i64,
    take: Take<'_, Session>,
) -> Result<(), StoreError> {
    let mut builder = SessionBuilder::default();
    store.read_glimpses(chain, since_us..=now_us, &mut |it| {
        builder.add(it).map_or(Ok(()), &mut *take)
    })?;
    let mut open = builder.finish(now_us).into_iter();
    open.try_for_each(take).map_err(StoreError::Taker)
}

/// Reads what the visits of `chain` from `since_us` on say of its nodes, for a watch that goes on.
pub fn read_states(
    store: &impl Store,
    chain: Chain,
    since_us: i64,
) -> Result<impl Iterator<Item = (PeerAddr, NodeState)>, StoreError> {
    let mut builder = SessionBuilder::default();
    store.read_glimpses(chain, since_us..=i64::MAX, &mut |it| {
        builder.add(it);
        Ok(())
    })?;
    Ok(builder.into_states())
}

fn is_longer(from_us: i64, to_us: i64, than: Duration) -> bool {
    u64::try_from(to_us.saturating_sub(from_us)).is_ok_and(|it| Duration::from_micros(it) > than)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::outcome::NotTried;

    #[test]
    fn a_session_goes_from_the_first_to_the_last_visit_that_reached() {
        check("", "");
        check("0 connect_timeout, 1 not_tried", "");
        check("5 complete", "5-5");
        check(
            "0 connect_refused, 10 complete, 20 version_only, 30 complete",
            "10-30",
        );
    }

    #[test]
    fn a_plain_failure_ends_it_at_once() {
        for word in ["connect_refused", "wrong_network", "self_connection"] {
            let expected = format!("0-10 {word}, 30-30");
            check(
                &format!("0 complete, 10 complete, 20 {word}, 30 complete"),
                &expected,
            );
        }
    }

    #[test]
    fn bad_luck_ends_it_when_it_repeats_or_lasts() {
        check("0 complete, 10 connect_timeout, 20 complete", "0-20");
        check(
            "0 complete, 10 connect_timeout, 20 complete, 30 v2_failed, 40 complete",
            "0-40",
        );
        check(
            "0 complete, 10 connect_reset, 20 connect_timeout, 30 complete",
            "0-0 connect_reset, 30-30",
        );
        check(
            "0 complete, 10 connect_reset, 20 connect_refused",
            "0-0 connect_reset",
        );
        check("0 complete, 10 version_timeout, 130 complete", "0-130");
        check(
            "0 complete, 10 version_timeout, 131 complete",
            "0-0 version_timeout, 131-131",
        );
        check("0 complete, 10 connect_other, 130 now", "0-0");
        check("0 complete, 10 connect_other, 131 now", "0-0 connect_other");
    }

    #[test]
    fn full_slots_and_calls_that_were_not_made_end_nothing() {
        check("0 closed_before_version", "");
        let full =
            "10 closed_before_version, 2500 closed_before_version, 5000 closed_before_version";
        check(&format!("0 complete, {full}, 7000 complete"), "0-7000");
        check(
            "0 complete, 10 connect_timeout, 20 closed_before_version, 30 complete",
            "0-30",
        );
        check(
            "0 complete, 10 connect_timeout, 20 closed_before_version, 30 connect_timeout",
            "0-0 connect_timeout",
        );
        check(
            "0 complete, 10 not_tried, 20 not_tried, 30 complete",
            "0-30",
        );
    }

    #[test]
    fn the_trouble_of_our_own_way_ends_nothing() {
        check(
            "0 complete, 10 proxy_error, 20 sam_error, 300 complete",
            "0-300",
        );
        check(
            "0 complete, 10 connect_timeout, 20 proxy_error, 30 complete",
            "0-30",
        );
        check("0 complete, 1000 proxy_error, 2881 now", "0-0 unwatched");
    }

    #[test]
    fn what_nobody_watched_is_not_known() {
        check("0 complete, 2880 complete", "0-2880");
        check("0 complete, 2881 complete", "0-0 unwatched, 2881-2881");
        check(
            "0 complete, 1000 not_tried, 2881 connect_refused",
            "0-0 unwatched",
        );
        check(
            "0 complete, 10 connect_timeout, 2881 connect_timeout",
            "0-0 connect_timeout",
        );
        check("0 complete, 2880 now", "0-0");
        check("0 complete, 2881 now", "0-0 unwatched");
    }

    #[test]
    fn what_a_watch_must_know_to_go_on_is_there() {
        let mut builder = SessionBuilder::default();
        let mut asked = visit("1 complete");
        asked.was_asked = true;
        for it in [
            asked,
            visit("3 complete"),
            visit("4 connect_timeout"),
            visit("5 not_tried"),
        ] {
            assert_eq!(builder.add(it), None);
        }
        let states: Vec<_> = builder.into_states().collect();
        let [(addr, state)] = states[..] else {
            panic!("{states:?}");
        };
        assert_eq!(addr, visit("0 complete").addr);
        assert_eq!(state.called_at_us, minutes(4));
        assert_eq!(state.outcome, Outcome::ConnectTimeout);
        assert_eq!(state.asked_at_us, Some(minutes(1)));
        assert_eq!(state.up_since_us(minutes(124)), Some(minutes(1)));
        assert_eq!(state.up_since_us(minutes(125)), None);
    }

    /// Visits of one node, each `MINUTE outcome`, and `MINUTE now` at last; sessions are `FROM-TO why`.
    #[track_caller]
    fn check(visits: &str, expected: &str) {
        let mut builder = SessionBuilder::default();
        let mut now_us = 0;
        let mut sessions = Vec::new();
        for it in visits.split(", ").filter(|it| !it.is_empty()) {
            match it.strip_suffix(" now") {
                Some(minute) => now_us = minutes(minute.parse().unwrap()),
                None => sessions.extend(builder.add(visit(it))),
            }
        }
        sessions.extend(builder.finish(now_us));
        let words = sessions.iter().map(|it| {
            let ended = it
                .ended
                .map(|it| format!(" {}", it.code()))
                .unwrap_or_default();
            format!(
                "{}-{}{ended}",
                it.up_from_us / minutes(1),
                it.up_to_us / minutes(1)
            )
        });
        assert_eq!(words.collect::<Vec<_>>().join(", "), expected, "{visits}");
    }

    fn visit(text: &str) -> Glimpse {
        let (minute, word) = text.split_once(' ').unwrap();
        let reason = Some(NotTried::NetworkOff.code());
        Glimpse {
            addr: PeerAddr::parse("1.2.3.4:8333", 0).unwrap(),
            started_at_us: minutes(minute.parse().unwrap()),
            outcome: Outcome::from_code(word, reason).unwrap(),
            was_asked: false,
        }
    }

    fn minutes(n: i64) -> i64 {
        n * 60_000_000
    }
}
