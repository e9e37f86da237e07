//! What a watch knows between its rounds: whom to call when, and whether what it sees can be true. Pure.
//!
//! What a call that failed says of a node that was up is believed at the end of the round. Where its network has
//! collapsed by then ([`crate::health`]), it is not believed at all: the nodes count as up and are called in the next
//! round again, so that the end of the collapse is seen, and those who were steady are still known to be.

use std::collections::{BTreeMap, HashMap};

use proto::{Outcome, PeerAddr, Visit};

use crate::health::{Again, Collapse, Health};
use crate::schedule::{Schedule, Sign};

/// The schedule of a watch, and how the round goes that is on.
#[derive(Debug)]
pub struct Vigil {
    /// Whom to call when.
    pub schedule: Schedule,
    health: Health,
    answered: BTreeMap<proto::Network, Again>,
    /// Nodes that were up and did not answer, and the last thing that was seen of each.
    silent: HashMap<PeerAddr, Sign>,
    n_came: usize,
}

/// What a round brought.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Round {
    /// Nodes that answered and were not up before.
    pub n_came: usize,
    /// Nodes that were up and did not answer.
    pub n_went: usize,
    /// Networks of which so few nodes answered that nobody of them is taken for gone.
    pub collapses: Vec<Collapse>,
}

impl Vigil {
    /// Goes by `schedule`.
    pub fn new(schedule: Schedule) -> Vigil {
        Vigil {
            schedule,
            health: Health::default(),
            answered: BTreeMap::new(),
            silent: HashMap::new(),
            n_came: 0,
        }
    }

    /// Takes in a visit of the round.
    pub fn note(&mut self, visit: &Visit) {
        let addr = &visit.addr;
        let sign = match visit.call.outcome {
            Outcome::NotTried(_) => return,
            _ => sign_of(visit),
        };
        if sign.outcome.is_reachable() {
            self.silent.remove(addr);
            match self.schedule.note(addr, sign) {
                true => self.again(addr).note(true),
                false => self.n_came += 1,
            }
        } else if self.schedule.is_up(addr) {
            self.silent.insert(*addr, sign);
        } else {
            self.schedule.note(addr, sign);
        }
    }

    /// Takes in that the round is over.
    pub fn end_round(&mut self) -> Round {
        let silent = std::mem::take(&mut self.silent);
        for addr in silent.keys() {
            self.again(addr).note(false);
        }
        let again = std::mem::take(&mut self.answered);
        let collapses = self.health.note_round(&again);
        let mut n_went = 0;
        for (addr, sign) in silent {
            if collapses.iter().all(|it| it.network != addr.network()) {
                self.schedule.note(&addr, sign);
                n_went += usize::from(!self.schedule.is_up(&addr));
            }
        }
        Round {
            n_came: std::mem::take(&mut self.n_came),
            n_went,
            collapses,
        }
    }

    fn again(&mut self, addr: &PeerAddr) -> &mut Again {
        self.answered.entry(addr.network()).or_default()
    }
}

fn sign_of(visit: &Visit) -> Sign {
    let call = &visit.call;
    Sign {
        outcome: call.outcome,
        was_asked: call.heard.gossip.is_some(),
        speaks_v2: call.speaks_v2(),
        at: call.started_at_us.div_euclid(1_000_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::Rhythm;
    use proto::visit::Dialect;
    use proto::{Call, NotTried};

    #[test]
    fn who_comes_and_who_goes_is_told_once() {
        let mut vigil = vigil();
        let seen = [
            round(&mut vigil, "1-5 complete"),
            round(&mut vigil, "1-4 complete, 5-5 connect_refused"),
            round(&mut vigil, "1-3 complete, 4-5 connect_refused"),
            round(
                &mut vigil,
                "1-3 complete, 4-4 version_only, 6-9 connect_timeout",
            ),
        ];
        assert_eq!(seen, ["+5 -0", "+0 -1", "+0 -1", "+1 -0"]);
        assert_eq!(vigil.schedule.counts(), (5, 4));
    }

    #[test]
    fn the_last_call_of_a_round_counts_and_no_call_does_not() {
        let mut vigil = vigil();
        let seen = [
            round(&mut vigil, "1-3 complete"),
            round(
                &mut vigil,
                "1-1 connect_timeout, 2-2 not_tried, 3-3 closed_before_version, 1-1 connect_timeout, 1-1 complete",
            ),
        ];
        assert_eq!(seen, ["+3 -0", "+0 -0"]);
        assert_eq!(vigil.schedule.counts(), (3, 3));
    }

    #[test]
    fn nobody_is_gone_because_a_line_is_cut() {
        let mut vigil = vigil();
        let seen = [
            round(&mut vigil, "1-100 complete"),
            round(&mut vigil, "1-99 complete, 100-100 connect_timeout"),
            round(
                &mut vigil,
                "1-99 connect_timeout, 1-99 connect_timeout, 100-100 complete",
            ),
            round(&mut vigil, "1-100 connect_timeout"),
            round(&mut vigil, "1-90 complete, 91-100 connect_timeout"),
        ];
        let collapsed = |n, usual| format!("+{n} -0 ipv4: 0 of 99 usually 0.{usual}");
        assert_eq!(
            seen,
            [
                "+100 -0".to_owned(),
                "+0 -1".to_owned(),
                collapsed(1, "998"),
                "+0 -0 ipv4: 0 of 100 usually 0.998".to_owned(),
                "+0 -10".to_owned(),
            ]
        );
    }

    fn vigil() -> Vigil {
        Vigil::new(Schedule::new(Rhythm::new(600)))
    }

    /// Has nodes answer.
    fn round(vigil: &mut Vigil, transcript: &str) -> String {
        for part in transcript.split(", ") {
            let (nodes, word) = part.split_once(' ').unwrap();
            let (first, last) = nodes.split_once('-').unwrap();
            let reason = NotTried::NetworkOff.code();
            let outcome = Outcome::from_code(word, Some(reason)).unwrap();
            for n in first.parse::<u16>().unwrap()..=last.parse().unwrap() {
                vigil.note(&visit(n, outcome));
            }
        }
        let round = vigil.end_round();
        let collapses = round.collapses.iter().map(|it| {
            let Again { called, answered } = it.again;
            let network = it.network.name();
            format!(" {network}: {answered} of {called} usually {:.3}", it.usual)
        });
        format!(
            "+{} -{}{}",
            round.n_came,
            round.n_went,
            collapses.collect::<String>()
        )
    }

    fn visit(n: u16, outcome: Outcome) -> Visit {
        Visit {
            addr: PeerAddr::new(std::net::Ipv4Addr::LOCALHOST, n),
            source: 0,
            attempt: 1,
            dialect: Dialect::Modern,
            call: Call::not_connected(0, outcome, None),
        }
    }
}
