//! Who waits for a call now, and who is to be called later.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use fastrand::Rng;
use proto::{Network, PeerAddr};

use super::rules::PerNetwork;

/// How much speaks for an address: the first ones are called first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    /// It was reachable when we last called it.
    Reachable,
    /// A source that the user chose names it.
    Named,
    /// Many different peers tell of it.
    Many,
    /// It is said to have been seen a moment ago.
    Fresh,
    /// It is merely claimed.
    Rest,
}

impl Class {
    const ALL: [Class; 5] = [
        Class::Reachable,
        Class::Named,
        Class::Many,
        Class::Fresh,
        Class::Rest,
    ];

    /// Whether only peers speak for it.
    pub(super) fn is_told(self) -> bool {
        match self {
            Class::Reachable | Class::Named => false,
            Class::Many | Class::Fresh | Class::Rest => true,
        }
    }
}

/// Those who can be called now, by class and network; within these by chance, which spreads neighbours.
///
/// An entry can be out of date: whoever draws it must look.
#[derive(Debug)]
pub(super) struct Lanes {
    lanes: [PerNetwork<Vec<u32>>; Class::ALL.len()],
    dice: Rng,
}

impl Lanes {
    pub(super) fn new(seed: u64) -> Lanes {
        Lanes {
            lanes: Default::default(),
            dice: Rng::with_seed(seed),
        }
    }

    /// Adds the address at `place` of the book.
    pub(super) fn push(&mut self, place: u32, class: Class, addr: &PeerAddr) {
        self.lanes[class as usize][addr.network()].push(place);
    }

    /// Draws one of the best class that has any in the networks that have room for it.
    pub(super) fn draw(
        &mut self,
        has_room: impl Fn(Class, Network) -> bool,
    ) -> Option<(u32, Class, Network)> {
        for class in Class::ALL {
            let lanes = &mut self.lanes[class as usize];
            let open = |network: &Network| has_room(class, *network);
            let n_open: usize = Network::ALL
                .into_iter()
                .filter(open)
                .map(|it| lanes[it].len())
                .sum();
            if n_open == 0 {
                continue;
            }
            let mut at = self.dice.usize(..n_open);
            for network in Network::ALL.into_iter().filter(open) {
                let lane = &mut lanes[network];
                if at < lane.len() {
                    return Some((lane.swap_remove(at), class, network));
                }
                at -= lane.len();
            }
        }
        None
    }

    /// Draws a number below `n`, which is not 0.
    pub(super) fn roll(&mut self, n: usize) -> usize {
        self.dice.usize(..n)
    }
}

/// Those who can be called from a later time on.
#[derive(Debug, Default)]
pub(super) struct Later(BinaryHeap<Reverse<(Duration, u32)>>);

impl Later {
    pub(super) fn push(&mut self, at: Duration, place: u32) {
        self.0.push(Reverse((at, place)));
    }

    /// Takes one whose time has come.
    pub(super) fn pop_due(&mut self, now: Duration) -> Option<u32> {
        let Reverse((at, place)) = *self.0.peek()?;
        if at > now {
            return None;
        }
        self.0.pop();
        Some(place)
    }

    /// Returns when the next one's time comes.
    pub(super) fn next_at(&self) -> Option<Duration> {
        self.0.peek().map(|Reverse((at, _))| *at)
    }
}
