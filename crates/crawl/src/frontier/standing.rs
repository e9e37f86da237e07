//! How much of what each peer told turned out real, and so what it may still cost.

use std::num::NonZeroU32;
use std::ops::{Index, IndexMut};

/// A peer that told of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TellerId(NonZeroU32);

/// What is known of one teller.
#[derive(Debug)]
pub(super) struct Teller {
    /// Failing calls that it may still cost; those in flight are paid for.
    pub(super) credit: u32,
    /// New addresses that it brought.
    pub(super) n_new: u32,
    /// Places in the book of addresses that wait for its credit; an entry can be out of date, or there twice.
    unbacked: Vec<u32>,
}

/// Up to two tellers of one address that can answer for it, the one with more credit first.
pub(super) type Backers = [Option<TellerId>; 2];

/// Everybody who told of others.
#[derive(Debug, Default)]
pub(super) struct Tellers {
    all: Vec<Teller>,
    /// The length of all their lists together.
    n_listed: usize,
}

impl Tellers {
    /// Adds one that told nothing yet.
    pub(super) fn add(&mut self, credit: u32) -> TellerId {
        self.all.push(Teller {
            credit,
            n_new: 0,
            unbacked: Vec::new(),
        });
        let n = u32::try_from(self.all.len()).expect("fewer than four billion peers");
        TellerId(NonZeroU32::new(n).expect("one was just added"))
    }

    /// Has the address at `place` wait for the credit of `teller`.
    pub(super) fn list(&mut self, teller: TellerId, place: u32) {
        self[teller].unbacked.push(place);
        self.n_listed += 1;
    }

    /// Takes the last one that waits for the credit of `teller`.
    pub(super) fn unlist(&mut self, teller: TellerId) -> Option<u32> {
        let place = self[teller].unbacked.pop()?;
        self.n_listed -= 1;
        Some(place)
    }

    /// How many entries all lists have together.
    pub(super) fn n_listed(&self) -> usize {
        self.n_listed
    }

    /// Leaves each entry of which `waits` holds once in its list, and no other.
    pub(super) fn tidy(&mut self, waits: impl Fn(TellerId, u32) -> bool) {
        self.n_listed = 0;
        for (id, teller) in ids().zip(&mut self.all) {
            let list = &mut teller.unbacked;
            list.retain(|place| waits(id, *place));
            list.sort_unstable();
            list.dedup();
            list.shrink_to_fit();
            self.n_listed += list.len();
        }
    }

    /// Returns those for whom addresses wait.
    pub(super) fn with_unbacked(&self) -> Vec<TellerId> {
        ids()
            .zip(&self.all)
            .filter(|(_, it)| !it.unbacked.is_empty())
            .map(|(id, _)| id)
            .collect()
    }

    /// Returns the credit of a backer; nobody has none.
    pub(super) fn credit(&self, backer: Option<TellerId>) -> u32 {
        backer.map_or(0, |it| self[it].credit)
    }

    /// Returns the two richest of `backers` and `teller`.
    pub(super) fn with(&self, teller: TellerId, backers: Backers) -> Backers {
        let [first, second] = backers;
        let credit = self[teller].credit;
        if backers.contains(&Some(teller)) {
            backers
        } else if first.is_none() || credit > self.credit(first) {
            [Some(teller), first]
        } else if second.is_none() || credit > self.credit(second) {
            [first, Some(teller)]
        } else {
            backers
        }
    }

    /// Returns `backers` with the richer one first, whose credit may have changed since.
    pub(super) fn richer_first(&self, backers: Backers) -> Backers {
        let [first, second] = backers;
        match self.credit(second) > self.credit(first) {
            true => [second, first],
            false => backers,
        }
    }
}

/// Returns the names of tellers in the order in which they came.
fn ids() -> impl Iterator<Item = TellerId> {
    (1..).filter_map(NonZeroU32::new).map(TellerId)
}

impl Index<TellerId> for Tellers {
    type Output = Teller;

    fn index(&self, id: TellerId) -> &Teller {
        &self.all[id.0.get() as usize - 1]
    }
}

impl IndexMut<TellerId> for Tellers {
    fn index_mut(&mut self, id: TellerId) -> &mut Teller {
        &mut self.all[id.0.get() as usize - 1]
    }
}
