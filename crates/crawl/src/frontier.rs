//! Which addresses to call next. Pure: no clock, no chance, no socket.

use std::collections::VecDeque;

use indexmap::IndexMap;
use proto::PeerAddr;

/// Decides whom to call next, and never has the same address called twice at once.
///
/// Owned by the crawl's loop alone, so it needs no lock. An address takes about 64 bytes.
#[derive(Debug, Default)]
pub struct Frontier {
    known: IndexMap<PeerAddr, Known>,
    /// How far [`Frontier::take_next`] has come in `known`.
    next: usize,
    /// Places in `known` of addresses whose call never left this machine.
    again: VecDeque<u32>,
    n_in_flight: usize,
    n_done: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Known {
    source: u16,
    attempt: u16,
}

/// One address to call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Task {
    /// Whom to call.
    pub addr: PeerAddr,
    /// Which source named it first, by its place in the list of sources.
    pub source: u16,
    /// 1 for the first call.
    pub attempt: u16,
}

impl Frontier {
    /// Queues `addr`, and returns whether it was new.
    pub fn learn(&mut self, addr: PeerAddr, source: u16) -> bool {
        let before = self.known.len();
        self.known
            .entry(addr)
            .or_insert(Known { source, attempt: 0 });
        self.known.len() > before
    }

    /// Takes the next address; every one taken must come back through [`Frontier::finish`] or
    /// [`Frontier::put_back`].
    pub fn take_next(&mut self) -> Option<Task> {
        // Whom this machine failed to call once must not stand in the way of those it has not tried.
        let place = if self.next < self.known.len() {
            self.next += 1;
            self.next - 1
        } else {
            self.again.pop_front()? as usize
        };
        let (addr, known) = self.known.get_index_mut(place)?;
        known.attempt += 1;
        self.n_in_flight += 1;
        Some(Task {
            addr: *addr,
            source: known.source,
            attempt: known.attempt,
        })
    }

    /// Takes in that the call to `addr` is over.
    pub fn finish(&mut self, addr: &PeerAddr) {
        debug_assert!(self.known.contains_key(addr), "{addr} was never taken");
        self.n_in_flight -= 1;
        self.n_done += 1;
    }

    /// Takes in that the call never left this machine: it does not count, and is made again later.
    pub fn put_back(&mut self, addr: &PeerAddr) {
        self.n_in_flight -= 1;
        let Some((place, _, known)) = self.known.get_full_mut(addr) else {
            debug_assert!(false, "{addr} was never taken");
            return;
        };
        known.attempt -= 1;
        self.again
            .push_back(u32::try_from(place).expect("fewer than four billion addresses"));
    }

    /// How many addresses are known.
    pub fn n_known(&self) -> usize {
        self.known.len()
    }

    /// How many wait for their call.
    pub fn n_waiting(&self) -> usize {
        self.known.len() - self.next + self.again.len()
    }

    /// How many are being called.
    pub fn n_in_flight(&self) -> usize {
        self.n_in_flight
    }

    /// How many calls are over.
    pub fn n_done(&self) -> usize {
        self.n_done
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// A small, repeatable source of chance: the seed in a failure message replays the run.
    struct Dice(u64);

    impl Dice {
        fn roll(&mut self, n: u64) -> u64 {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (self.0 >> 33) % n
        }
    }

    #[test]
    fn everybody_is_called_once_however_often_the_machine_fails() {
        for seed in 0..300 {
            let mut dice = Dice(seed);
            let mut frontier = Frontier::default();
            let mut calls = BTreeMap::new();
            let mut in_flight = Vec::new();
            for _ in 0..dice.roll(100) {
                frontier.learn(addr(dice.roll(50)), 0);
            }
            loop {
                if let Some(task) = frontier.take_next() {
                    assert!(
                        !in_flight.contains(&task.addr),
                        "seed {seed}: {task:?} twice at once"
                    );
                    assert_eq!(task.attempt, 1, "seed {seed}");
                    in_flight.push(task.addr);
                } else if in_flight.is_empty() {
                    break;
                }
                if dice.roll(2) == 0 && !in_flight.is_empty() {
                    let which = usize::try_from(dice.roll(in_flight.len() as u64)).unwrap();
                    let addr = in_flight.swap_remove(which);
                    if dice.roll(3) == 0 {
                        frontier.put_back(&addr);
                    } else {
                        frontier.finish(&addr);
                        *calls.entry(addr).or_insert(0) += 1;
                    }
                }
                assert_eq!(
                    frontier.n_known(),
                    frontier.n_waiting() + frontier.n_in_flight() + frontier.n_done(),
                    "seed {seed}"
                );
            }
            assert_eq!(calls.len(), frontier.n_known(), "seed {seed}");
            assert!(calls.values().all(|n| *n == 1), "seed {seed}");
        }
    }

    #[test]
    fn the_first_source_that_names_an_address_is_kept() {
        let mut frontier = Frontier::default();
        assert!(frontier.learn(addr(1), 0));
        assert!(!frontier.learn(addr(1), 1));
        assert!(frontier.learn(addr(2), 1));
        let sources: Vec<_> = std::iter::from_fn(|| frontier.take_next())
            .map(|it| it.source)
            .collect();
        assert_eq!(sources, [0, 1]);
    }

    fn addr(n: u64) -> PeerAddr {
        PeerAddr::parse(&format!("1.2.3.{n}:8333"), 8333).unwrap()
    }
}
