//! Whether a census that goes on for weeks still sees what is there. Pure.
//!
//! A proxy that died, or a line that was cut, looks like a network whose nodes all went away at once. Nodes do not do
//! that: of those that were up a moment ago nearly all are up again, and that share hardly moves from round to round.

use std::collections::BTreeMap;

use proto::Network;

/// How many nodes that were up must have been called before their share says anything.
const MIN_CALLED: u32 = 20;
/// A network has collapsed where the share of those that answer again is less than this part of the usual one.
const COLLAPSE: f64 = 0.5;
/// How much one round moves the usual share.
const LEARNING: f64 = 0.2;

/// How many of the nodes that were up answered again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Again {
    /// Nodes that were called in the round and up when they were called before.
    pub called: u32,
    /// Those of them that answered.
    pub answered: u32,
}

/// A network of which much less is seen than usual.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Collapse {
    /// Which.
    pub network: Network,
    /// How many answered again.
    pub again: Again,
    /// Which share of them usually does, 0 to 1.
    pub usual: f64,
}

/// What is usual for each network.
#[derive(Clone, Debug, Default)]
pub struct Health {
    usual: BTreeMap<Network, f64>,
}

impl Again {
    /// Takes one call in.
    pub fn note(&mut self, answered: bool) {
        self.called += 1;
        self.answered += u32::from(answered);
    }

    fn share(self) -> f64 {
        f64::from(self.answered) / f64::from(self.called.max(1))
    }
}

impl Health {
    /// Takes a round in, and returns the networks that have collapsed in it.
    pub fn note_round(&mut self, round: &BTreeMap<Network, Again>) -> Vec<Collapse> {
        let mut collapses = Vec::new();
        for (&network, &again) in round.iter().filter(|(_, it)| it.called >= MIN_CALLED) {
            // Before there is a usual share, nearly all should answer.
            let usual = *self.usual.entry(network).or_insert(1.0);
            if again.share() < usual * COLLAPSE {
                collapses.push(Collapse {
                    network,
                    again,
                    usual,
                });
                continue; // What is broken must not become usual.
            }
            self.usual
                .insert(network, usual + LEARNING * (again.share() - usual));
        }
        collapses
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_collapses_when_much_less_of_it_answers_than_usual_and_recovers() {
        let mut health = Health::default();
        assert_eq!(collapses(&mut health, &[98, 99, 97, 98]), [false; 4]);
        assert_eq!(
            collapses(&mut health, &[40, 0, 0, 97, 98]),
            [true, true, true, false, false]
        );
    }

    #[test]
    fn a_network_that_is_always_shaky_is_not_broken() {
        let mut health = Health::default();
        assert_eq!(
            collapses(&mut health, &[80, 70, 60, 55, 55, 50, 50, 50, 45, 30]),
            [false; 10]
        );
    }

    #[test]
    fn a_few_calls_say_nothing() {
        let mut health = Health::default();
        let few = BTreeMap::from([(Network::I2p, again(19, 0))]);
        assert_eq!(health.note_round(&few), []);
        let more = BTreeMap::from([(Network::I2p, again(20, 0)), (Network::Ipv4, again(99, 98))]);
        assert_eq!(
            health.note_round(&more),
            [Collapse {
                network: Network::I2p,
                again: again(20, 0),
                usual: 1.0
            }]
        );
    }

    fn collapses(health: &mut Health, percents: &[u32]) -> Vec<bool> {
        let rounds = percents.iter().map(|it| {
            let round = BTreeMap::from([(Network::Onion, again(100, *it))]);
            !health.note_round(&round).is_empty()
        });
        rounds.collect()
    }

    fn again(called: u32, answered: u32) -> Again {
        Again { called, answered }
    }
}
