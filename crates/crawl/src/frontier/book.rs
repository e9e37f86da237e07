//! Every address that is known, in little memory.

use std::hash::{BuildHasher, Hasher};
use std::ops::{Index, IndexMut};

use foldhash::quality::FixedState;
use hashbrown::HashTable;
use proto::PeerAddr;
use proto::visit::Dialect;

use super::queue::Class;
use super::standing::{Backers, TellerId};

/// What becomes of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It can be called now.
    Queued,
    /// It can be called from a later time on.
    Later,
    /// None of its tellers has credit.
    Unbacked,
    /// It is being called.
    Called,
    /// Its calls are over, and it was reachable.
    Answered,
    /// Its calls are over.
    Failed,
}

impl State {
    pub(super) const N: usize = State::Failed as usize + 1;

    /// Whether no call will follow.
    pub(super) fn is_over(self) -> bool {
        matches!(self, State::Answered | State::Failed)
    }
}

/// One address, and how far it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    pub(super) addr: PeerAddr,
    /// Which source named it, or named those who told of it, by its place in the list of sources.
    pub(super) source: u16,
    /// Calls so far, with one in flight.
    pub(super) attempt: u8,
    /// Different tellers so far, as far as that is of interest.
    pub(super) n_told: u8,
    pub(super) state: State,
    pub(super) class: Class,
    /// The manner of its last or next call.
    pub(super) dialect: Dialect,
    pub(super) speaks_v2: bool,
    /// Who answers for it; while it is called, the first one has paid.
    pub(super) backers: Backers,
    pub(super) last_teller: Option<TellerId>,
    /// Who it is as a teller.
    pub(super) teller: Option<TellerId>,
}

impl Known {
    /// Whether nobody calls it until `backer`, or another one, gains credit.
    pub(super) fn waits_for(&self, backer: TellerId) -> bool {
        self.state == State::Unbacked && self.backers.contains(&Some(backer))
    }
}

/// All known addresses in the order in which they came; their place in it is their short name.
#[derive(Debug)]
pub(super) struct Book {
    all: Vec<Known>,
    places: HashTable<u32>,
    seed: u64,
}

impl Book {
    pub(super) fn new(seed: u64) -> Book {
        Book {
            all: Vec::new(),
            places: HashTable::new(),
            seed,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// Returns all of them in the order in which they came.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Known> {
        self.all.iter()
    }

    /// Returns the place of `addr`.
    pub(super) fn find(&self, addr: &PeerAddr) -> Option<u32> {
        let is_it = |place: &u32| self[*place].addr == *addr;
        self.places.find(hash(addr, self.seed), is_it).copied()
    }

    /// Returns the places of `addrs`, in their order.
    ///
    /// Each look-up reads three places in memory, each of which says where the next one is. Step by step for all
    /// together the processor reads many of them at once: with a million addresses that takes half the time.
    pub(super) fn find_all<'a>(
        &self,
        addrs: impl Iterator<Item = &'a PeerAddr>,
    ) -> Vec<Option<u32>> {
        let hashed: Vec<_> = addrs.map(|it| (it, hash(it, self.seed))).collect();
        let first_guess = |&(_, hash): &(_, u64)| self.places.find(hash, |_| true).copied();
        let guesses: Vec<_> = hashed.iter().map(first_guess).collect();
        let check = |(&(addr, _), guess): (&(&PeerAddr, u64), Option<u32>)| {
            let guess = guess?;
            match self[guess].addr == *addr {
                true => Some(guess),
                false => self.find(addr),
            }
        };
        hashed.iter().zip(guesses).map(check).collect()
    }

    /// Adds what is not there yet, and returns its place.
    pub(super) fn add(&mut self, known: Known) -> u32 {
        let place = u32::try_from(self.all.len()).expect("fewer than four billion addresses");
        self.all.push(known);
        let (all, seed) = (&self.all, self.seed);
        self.places
            .insert_unique(hash(&known.addr, seed), place, |it| {
                hash(&all[*it as usize].addr, seed)
            });
        place
    }

    /// Forgets the address at `place`, and adds there what is not there yet.
    pub(super) fn replace(&mut self, place: u32, known: Known) {
        let forgotten = hash(&self[place].addr, self.seed);
        if let Ok(entry) = self.places.find_entry(forgotten, |it| *it == place) {
            entry.remove();
        }
        self[place] = known;
        let (all, seed) = (&self.all, self.seed);
        self.places
            .insert_unique(hash(&known.addr, seed), place, |it| {
                hash(&all[*it as usize].addr, seed)
            });
    }

    /// Returns the place behind `place`, the first one behind the last.
    pub(super) fn next(&self, place: u32) -> u32 {
        match self.all.len() > place as usize + 1 {
            true => place + 1,
            false => 0,
        }
    }
}

impl Index<u32> for Book {
    type Output = Known;

    fn index(&self, place: u32) -> &Known {
        &self.all[place as usize]
    }
}

impl IndexMut<u32> for Book {
    fn index_mut(&mut self, place: u32) -> &mut Known {
        &mut self.all[place as usize]
    }
}

/// Peers choose what is told: without knowing the seed they cannot make addresses collide.
fn hash(addr: &PeerAddr, seed: u64) -> u64 {
    let mut hasher = FixedState::with_seed(seed).build_hasher();
    hasher.write_u64(u64::from(addr.port) << 8 | u64::from(addr.host.bip155_id()));
    hasher.write(addr.host.bytes());
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_are_found_as_each_alone() {
        let addrs: Vec<_> = (0..20_000_u32)
            .map(|n| PeerAddr::new(std::net::Ipv4Addr::from(n), 1))
            .collect();
        let mut book = Book::new(7);
        for addr in &addrs[..10_000] {
            book.add(Known {
                addr: *addr,
                source: 0,
                attempt: 0,
                n_told: 0,
                state: State::Queued,
                class: Class::Rest,
                dialect: Dialect::Modern,
                speaks_v2: false,
                backers: [None, None],
                last_teller: None,
                teller: None,
            });
        }
        let expected: Vec<_> = (0..20_000).map(|it| (it < 10_000).then_some(it)).collect();
        assert_eq!(book.find_all(addrs.iter()), expected);
        let alone: Vec<_> = addrs.iter().map(|it| book.find(it)).collect();
        assert_eq!(alone, expected);
    }

    #[test]
    fn a_million_addresses_take_some_sixty_megabytes() {
        assert_eq!(size_of::<Known>(), 60);
    }
}
