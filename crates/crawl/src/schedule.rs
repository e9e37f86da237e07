//! When to visit whom again, where a census goes on for weeks. Pure: time is an argument, seconds since 1970.
//!
//! The longer a node has been up, the less often it is called; one that is new, or comes and goes, is called in every
//! round. One that went away is called less and less often, and forgotten in the end. Addresses that never answered are
//! not here: they are the frontier's matter.

use std::collections::HashMap;

use proto::{Outcome, PeerAddr};

use crate::frontier::PerNetwork;

/// How often to call and to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rhythm {
    /// Seconds from round to round: nobody is called more often.
    pub every: i64,
    /// A node is called again after its time up, or gone, divided by this.
    pub patience: i64,
    /// The longest pause between two calls to a node that is up, seconds.
    pub longest_up: i64,
    /// The same for one that is gone.
    pub longest_gone: i64,
    /// A node that has been gone for so many seconds is forgotten.
    pub forget_after: i64,
    /// Seconds until a node is asked for addresses again.
    ///
    /// Bitcoin Core gives the same answer for 21 to 27 hours.
    pub ask_every: i64,
}

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

impl Rhythm {
    /// Calls in rounds of `every` seconds.
    pub fn new(every: i64) -> Rhythm {
        Rhythm {
            every,
            patience: 16,
            longest_up: HOUR.max(every),
            longest_gone: DAY.max(every),
            forget_after: 8 * DAY,
            ask_every: DAY,
        }
    }
}

/// Every node that answered once and was not forgotten, and when to call it next.
#[derive(Clone, Debug)]
pub struct Schedule {
    rhythm: Rhythm,
    nodes: HashMap<PeerAddr, Node>,
}

#[derive(Clone, Copy, Debug)]
struct Node {
    /// Since when it has been up without a break; `None` while it is gone.
    up_since: Option<i64>,
    last_up: i64,
    last_asked: Option<i64>,
    due: i64,
    speaks_v2: bool,
}

/// What one visit says about a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sign {
    /// How the visit ended.
    pub outcome: Outcome,
    /// Whether it was asked for addresses.
    pub was_asked: bool,
    /// Whether it speaks v2, as far as is known.
    pub speaks_v2: bool,
    /// When the visit was.
    pub at: i64,
}

/// A node to call now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// Whom.
    pub addr: PeerAddr,
    /// Whether to ask it for addresses.
    pub ask: bool,
    /// Whether it was up when it was last called.
    pub was_up: bool,
    /// Whether it speaks v2, as far as is known.
    pub speaks_v2: bool,
}

impl Schedule {
    /// Starts with nobody.
    pub fn new(rhythm: Rhythm) -> Schedule {
        Schedule {
            rhythm,
            nodes: HashMap::new(),
        }
    }

    /// Takes in a visit, and returns whether the node was up before; those of one node must come in the order of time.
    pub fn note(&mut self, addr: &PeerAddr, sign: Sign) -> bool {
        let rhythm = self.rhythm;
        let is_up = sign.outcome.is_reachable();
        if !is_up && !self.nodes.contains_key(addr) {
            return false;
        }
        let node = self.nodes.entry(*addr).or_insert(Node {
            up_since: None,
            last_up: sign.at,
            last_asked: None,
            due: sign.at,
            speaks_v2: sign.speaks_v2,
        });
        let was_up = node.up_since.is_some();
        let pause = match sign.outcome {
            _ if is_up => {
                let up_since = *node.up_since.get_or_insert(sign.at);
                node.last_up = sign.at;
                node.speaks_v2 = sign.speaks_v2;
                if sign.was_asked {
                    node.last_asked = Some(sign.at);
                }
                (sign.at - up_since) / rhythm.patience
            }
            // Full slots: it is there, and may have room soon.
            Outcome::ClosedBeforeVersion => 0,
            _ => {
                node.up_since = None;
                (sign.at - node.last_up) / rhythm.patience
            }
        };
        let longest = match node.up_since {
            Some(_) => rhythm.longest_up,
            None => rhythm.longest_gone,
        };
        node.due = sign.at + pause.clamp(rhythm.every, longest);
        if sign.at - node.last_up > rhythm.forget_after {
            self.nodes.remove(addr);
        }
        was_up
    }

    /// Whether the node was up when it was last called.
    pub fn is_up(&self, addr: &PeerAddr) -> bool {
        self.nodes.get(addr).is_some_and(|it| it.up_since.is_some())
    }

    /// Returns every node that is watched, in no order.
    pub fn nodes(&self) -> impl Iterator<Item = PeerAddr> {
        self.nodes.keys().copied()
    }

    /// Returns whom to call in a round that begins at `now`, the one who has waited longest first.
    pub fn due(&self, now: i64) -> Vec<Due> {
        // Rounds do not begin to the second: who is due in the middle of one is called in it.
        let until = now + self.rhythm.every / 2;
        let mut due: Vec<_> = self
            .nodes
            .iter()
            .filter(|(_, it)| it.due <= until)
            .collect();
        due.sort_by_key(|(addr, it)| (it.due, **addr));
        due.into_iter()
            .map(|(addr, it)| Due {
                addr: *addr,
                ask: it
                    .last_asked
                    .is_none_or(|last| last + self.rhythm.ask_every <= now),
                was_up: it.up_since.is_some(),
                speaks_v2: it.speaks_v2,
            })
            .collect()
    }

    /// Returns how many nodes are watched, and how many of these are up.
    pub fn counts(&self) -> (usize, usize) {
        (self.nodes.len(), self.n_up(i64::MIN).0.iter().sum())
    }

    /// Returns how many nodes of each network are up, as far as they answered at `since` or later.
    pub fn n_up(&self, since: i64) -> PerNetwork<usize> {
        let mut n_up = PerNetwork::default();
        let is_up = |it: &Node| it.up_since.is_some() && it.last_up >= since;
        let up = self.nodes.iter().filter(|(_, it)| is_up(it));
        for (addr, _) in up {
            n_up[addr.network()] += 1;
        }
        n_up
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::Network;

    const MINUTE: i64 = 60;
    const EVERY: i64 = 10 * MINUTE;

    #[test]
    fn the_longer_a_node_is_up_the_less_often_it_is_called() {
        assert_eq!(
            pauses(|_| Outcome::Complete, 2 * DAY),
            [
                (0, 10),
                (3 * HOUR, 11),
                (8 * HOUR, 30),
                (17 * HOUR, 60),
                (40 * HOUR, 60)
            ]
        );
    }

    #[test]
    fn a_node_that_comes_and_goes_is_called_in_every_round() {
        let flapping = |at: i64| match at / HOUR % 2 {
            0 => Outcome::Complete,
            _ => Outcome::ConnectTimeout,
        };
        for (_, minutes) in pauses(flapping, 2 * DAY) {
            assert_eq!(minutes, 10);
        }
    }

    #[test]
    fn full_slots_are_no_reason_to_call_less_often_or_to_forget_the_time_up() {
        let mut schedule = Schedule::new(Rhythm::new(EVERY));
        schedule.note(&addr(1), sign(Outcome::Complete, 0));
        schedule.note(&addr(1), sign(Outcome::ClosedBeforeVersion, DAY));
        assert_eq!(due_in(&schedule, DAY), 10);
        schedule.note(&addr(1), sign(Outcome::Complete, DAY + EVERY));
        assert_eq!(due_in(&schedule, DAY + EVERY), 60);
    }

    #[test]
    fn a_node_that_is_gone_is_called_less_and_less_often_and_then_forgotten() {
        let mut schedule = Schedule::new(Rhythm::new(EVERY));
        schedule.note(&addr(1), sign(Outcome::Complete, 0));
        let mut at = EVERY;
        let mut n_calls = 0;
        while schedule.counts() == (1, if n_calls == 0 { 1 } else { 0 }) {
            schedule.note(&addr(1), sign(Outcome::ConnectRefused, at));
            n_calls += 1;
            at += due_in(&schedule, at) * MINUTE;
        }
        assert_eq!(schedule.counts(), (0, 0));
        assert!((8 * DAY..10 * DAY).contains(&at), "{at}");
        assert!((40..90).contains(&n_calls), "{n_calls}");
    }

    #[test]
    fn addresses_are_asked_for_once_a_day() {
        let mut schedule = Schedule::new(Rhythm::new(EVERY));
        let mut asked_at = Vec::new();
        schedule.note(&addr(1), sign(Outcome::Complete, 0));
        for at in (EVERY..3 * DAY).step_by(600) {
            for due in schedule.due(at) {
                let outcome = Outcome::Complete;
                let was_asked = due.ask;
                schedule.note(
                    &due.addr,
                    Sign {
                        was_asked,
                        ..sign(outcome, at)
                    },
                );
                asked_at.extend(due.ask.then_some(at));
            }
        }
        let pauses: Vec<_> = asked_at.windows(2).map(|it| it[1] - it[0]).collect();
        assert_eq!(asked_at[0], EVERY);
        assert!(
            pauses.iter().all(|it| (DAY..DAY + HOUR).contains(it)),
            "{pauses:?}"
        );
        assert_eq!(pauses.len(), 2);
    }

    #[test]
    fn who_never_answered_is_not_watched() {
        let mut schedule = Schedule::new(Rhythm::new(EVERY));
        schedule.note(&addr(1), sign(Outcome::ConnectTimeout, 0));
        assert_eq!(schedule.counts(), (0, 0));
    }

    #[test]
    fn who_is_up_is_counted_by_network_where_that_is_not_too_long_ago() {
        let mut schedule = Schedule::new(Rhythm::new(EVERY));
        for (n, outcome) in [
            (1, Outcome::Complete),
            (2, Outcome::VersionOnly),
            (3, Outcome::ConnectRefused),
        ] {
            schedule.note(&addr(n), sign(Outcome::Complete, 0));
            schedule.note(&addr(n), sign(outcome, n.into()));
        }
        let n_up = [0, 1, 2, 3].map(|since| schedule.n_up(since)[Network::Ipv4]);
        assert_eq!(n_up, [2, 2, 1, 0]);
        assert_eq!(schedule.n_up(0)[Network::Onion], 0);
        assert_eq!(schedule.counts(), (3, 2));
    }

    #[test]
    fn who_has_waited_longest_comes_first() {
        let mut schedule = Schedule::new(Rhythm::new(EVERY));
        for (n, at) in [(1, 60), (2, 0), (3, 30)] {
            schedule.note(&addr(n), sign(Outcome::Complete, at));
        }
        let due: Vec<_> = schedule.due(DAY).iter().map(|it| it.addr).collect();
        assert_eq!(due, [addr(2), addr(3), addr(1)]);
    }

    /// Calls a node whenever it is due, and returns the pauses in minutes after a few of the times.
    fn pauses(outcome_at: impl Fn(i64) -> Outcome, until: i64) -> Vec<(i64, i64)> {
        let mut schedule = Schedule::new(Rhythm::new(EVERY));
        let mut wanted = [0, 3 * HOUR, 8 * HOUR, 17 * HOUR, 40 * HOUR]
            .into_iter()
            .peekable();
        let mut seen = Vec::new();
        let mut at = 0;
        while at < until {
            schedule.note(&addr(1), sign(outcome_at(at), at));
            if let Some(from) = wanted.next_if(|it| *it <= at) {
                seen.push((from, due_in(&schedule, at)));
            }
            at += due_in(&schedule, at) * MINUTE;
        }
        seen
    }

    /// After how many whole minutes the only node is called next; a day for never.
    fn due_in(schedule: &Schedule, now: i64) -> i64 {
        let node = schedule.nodes.get(&addr(1));
        node.map_or(DAY / MINUTE, |it| (it.due - now) / MINUTE)
    }

    fn sign(outcome: Outcome, at: i64) -> Sign {
        Sign {
            outcome,
            was_asked: false,
            speaks_v2: false,
            at,
        }
    }

    fn addr(n: u16) -> PeerAddr {
        PeerAddr::new(std::net::Ipv4Addr::LOCALHOST, n)
    }
}
