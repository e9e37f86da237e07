//! Which visits are the last of their addresses.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};

/// Takes the addresses of visits in, in the order of the visits; up to 20 bytes each, and those that come again as they are.
#[derive(Debug, Default)]
pub(super) struct LastVisits {
    hasher: RandomState,
    /// Hashes of all addresses.
    seen: HashSet<u64>,
    /// The last visit of each address whose hash was there before, which that of an address of one visit may be too.
    again: HashMap<Box<str>, i64>,
    /// The last visit of all.
    last_id: i64,
}

impl LastVisits {
    /// Takes the next visit.
    pub(super) fn add(&mut self, visit_id: i64, address: &str) {
        self.last_id = visit_id;
        if self.seen.insert(self.hasher.hash_one(address)) {
            return;
        }
        match self.again.get_mut(address) {
            Some(last_id) => *last_id = visit_id,
            None => {
                self.again.insert(address.into(), visit_id);
            }
        }
    }

    /// Whether there is no later visit to this address among those that were taken in, of which this is one.
    pub(super) fn has(&self, visit_id: i64, address: &str) -> bool {
        visit_id <= self.last_id && self.again.get(address).is_none_or(|it| *it == visit_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_each_address_the_last_visit_counts() {
        let visits = [(1, "a"), (2, "b"), (4, "a"), (5, "c"), (7, "a"), (9, "b")];
        let mut last = LastVisits::default();
        for (visit_id, address) in visits {
            last.add(visit_id, address);
        }
        // Somebody appended another one meanwhile.
        let found = visits.iter().chain(&[(10, "c"), (11, "d")]);
        let found: Vec<_> = found.filter(|it| last.has(it.0, it.1)).copied().collect();
        assert_eq!(found, [(5, "c"), (7, "a"), (9, "b")]);
    }
}
