//! Address books: whom a node knows. They are computed from the seed when somebody asks, and never stored.

use crate::dice::Dice;

/// Every node of a smaller world knows all others, and larger books are no smaller than this.
const MIN_SIZE: u64 = 64;
/// How much of the world the smallest book holds; the largest holds all of it.
const MIN_PERCENT: u64 = 30;
/// How much of its book Bitcoin Core tells (`MAX_PCT_ADDR_TO_SEND`).
const SAMPLE_PERCENT: u64 = 23;
/// The most that Bitcoin Core tells (`MAX_ADDR_TO_SEND`).
const MAX_SAMPLE: u64 = 1_000;
/// The least that any node tells, where it knows so many: else small worlds would fall apart.
const MIN_SAMPLE: u64 = 50;
/// Makes the dice of the books others than those that drew the nodes.
const BOOK: u64 = 0x626f_6f6b;

/// How many nodes are on a page: those of a page are neighbours in memory, which makes answers cheaper.
const PAGE: u64 = 8;

/// The other nodes that one node knows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Book {
    owner: usize,
    n_others: u64,
    /// Which pages are in the book, of all that there are in the world.
    pages: Walk,
    n_pages: u64,
}

impl Book {
    /// Opens the book of node `owner` in a world of `n_nodes`.
    pub(crate) fn open(seed: u64, owner: usize, n_nodes: usize) -> Book {
        let n_others = n_nodes.saturating_sub(1) as u64;
        let mut dice = Dice::new(seed ^ BOOK, owner);
        let percent = MIN_PERCENT + dice.number() % (101 - MIN_PERCENT);
        let size = (n_others * percent / 100).max(MIN_SIZE).min(n_others);
        Book {
            owner,
            n_others,
            pages: Walk::draw(&mut dice, n_others.div_ceil(PAGE)),
            n_pages: size.div_ceil(PAGE),
        }
    }

    /// Returns the first `most` nodes of the book, in its order.
    pub(crate) fn first(self, most: usize) -> impl Iterator<Item = usize> {
        (0..self.n_pages)
            .flat_map(move |it| self.page(it))
            .take(most)
    }

    /// Returns all nodes of the book in its order, and again from its start, without end unless it is empty.
    pub(crate) fn endlessly(self) -> impl Iterator<Item = usize> {
        (0..self.n_pages).cycle().flat_map(move |it| self.page(it))
    }

    /// Draws from the book as Bitcoin Core does: 23 in a hundred of it, at most 1,000.
    pub(crate) fn sample(self, dice: &mut Dice) -> impl Iterator<Item = usize> + use<> {
        let size = (self.n_pages * PAGE).min(self.n_others);
        let share = (size * SAMPLE_PERCENT / 100).clamp(MIN_SAMPLE, MAX_SAMPLE);
        let draw = Walk::draw(dice, self.n_pages);
        (0..self.n_pages)
            .flat_map(move |it| self.page(draw.at(it)))
            .take(usize::try_from(share).expect("it is at most a thousand"))
    }

    fn page(self, at: u64) -> impl Iterator<Item = usize> {
        let first = self.pages.at(at) * PAGE;
        let end = (first + PAGE).min(self.n_others);
        (first..end).map(move |other| {
            let other = usize::try_from(other).expect("it is less than the number of nodes");
            other + usize::from(other >= self.owner)
        })
    }
}

/// All numbers below a bound, each once, in an order that has no meaning; any place of it is found in no time.
#[derive(Clone, Copy, Debug)]
struct Walk {
    start: u64,
    /// Has no divisor in common with the bound, so that every number is met.
    step: u64,
    bound: u64,
}

impl Walk {
    fn draw(dice: &mut Dice, bound: u64) -> Walk {
        let bound = bound.max(1);
        let start = dice.number() % bound;
        let step = loop {
            let step = 1 + dice.number() % bound;
            if greatest_common_divisor(step, bound) == 1 {
                break step;
            }
        };
        Walk { start, step, bound }
    }

    /// Worlds have fewer than 2^24 nodes, so nothing here overflows.
    fn at(&self, n: u64) -> u64 {
        (self.start + n * self.step) % self.bound
    }
}

fn greatest_common_divisor(a: u64, b: u64) -> u64 {
    match b {
        0 => a,
        _ => greatest_common_divisor(b, a % b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_book_names_others_and_each_once() {
        for n_nodes in [2, 3, 64, 66, 1_000] {
            for owner in [0, 1, n_nodes - 1] {
                let book = Book::open(1, owner, n_nodes);
                let named: Vec<usize> = book.first(usize::MAX).collect();
                let set: BTreeSet<usize> = named.iter().copied().collect();
                let least = (n_nodes - 1).min(57);
                assert!((least..n_nodes).contains(&named.len()), "{}", named.len());
                assert_eq!(set.len(), named.len());
                assert!(!set.contains(&owner) && set.iter().all(|it| *it < n_nodes));
            }
        }
    }

    #[test]
    fn a_sample_is_of_the_book_and_as_large_as_bitcoin_core_has_it() {
        check(1, 0);
        check(2, 1);
        check(60, 50);
        check(50_000, 1_000);
        for owner in 0..100 {
            let book = Book::open(1, owner, 2_001);
            let n_known = book.n_pages * PAGE;
            assert!((600..=2_000).contains(&n_known), "{n_known}");
            let n_told = book.sample(&mut Dice::new(1, 0)).count() as u64;
            assert_eq!(n_told, n_known * 23 / 100);
        }
    }

    #[test]
    fn other_dice_draw_another_sample() {
        let book = Book::open(1, 0, 10_000);
        let sample = |n| -> BTreeSet<usize> { book.sample(&mut Dice::new(1, n)).collect() };
        assert_eq!(sample(1), sample(1));
        let n_common = sample(1).intersection(&sample(2)).count();
        assert!(n_common < 700, "{n_common} of 1,000 are the same");
    }

    #[track_caller]
    fn check(n_nodes: usize, n_told: usize) {
        let book = Book::open(1, 0, n_nodes);
        let known: BTreeSet<usize> = book.first(usize::MAX).collect();
        let told: BTreeSet<usize> = book.sample(&mut Dice::new(2, 0)).collect();
        assert_eq!(told.len(), n_told);
        assert!(told.is_subset(&known));
    }
}
