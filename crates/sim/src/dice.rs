//! Chance from a seed.

/// A sequence of numbers that looks like chance and is the same for the same seed (SplitMix64).
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

/// Two to the power of 64 divided by the golden ratio: the step of SplitMix64.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

impl Dice {
    /// Starts the `n`th sequence of `seed`, so that what one node is does not depend on how many there are.
    pub(crate) fn new(seed: u64, n: usize) -> Dice {
        let mut dice = Dice(seed);
        let start = dice.number() ^ (n as u64).wrapping_mul(STEP);
        Dice(start)
    }

    /// Draws any number.
    pub(crate) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        let mut it = self.0;
        it = (it ^ (it >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        it = (it ^ (it >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        it ^ (it >> 31)
    }

    /// Draws a number from 0 to one less than `sides`.
    pub(crate) fn roll(&mut self, sides: usize) -> usize {
        usize::try_from(self.number() % sides as u64).expect("it is less than a usize")
    }

    /// Draws a number from 0 to `most`.
    pub(crate) fn up_to(&mut self, most: u32) -> u32 {
        // A product instead of a remainder: this is drawn a thousand times an answer.
        let high = (self.number() >> 32) * (u64::from(most) + 1);
        u32::try_from(high >> 32).expect("it is at most `most`")
    }

    /// Draws a number from 0 to just below 1.
    pub(crate) fn share(&mut self) -> f64 {
        (self.number() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Draws from the normal distribution around 0 with deviation 1, within ±6.
    pub(crate) fn normal(&mut self) -> f64 {
        // The sum of twelve has deviation 1, and needs no function that differs between machines.
        (0..12).map(|_| self.share()).sum::<f64>() - 6.0
    }

    /// Draws one of `items`, each as likely as the others.
    pub(crate) fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.roll(items.len())]
    }

    /// Draws one of `items`, each as likely as its weight; their weights must not all be 0.
    pub(crate) fn pick_weighted<'a, T>(&mut self, items: &'a [T], weight: fn(&T) -> u32) -> &'a T {
        let total: u64 = items.iter().map(|it| u64::from(weight(it))).sum();
        let mut at = self.number() % total;
        for item in items {
            let weight = u64::from(weight(item));
            if at < weight {
                return item;
            }
            at -= weight;
        }
        unreachable!("`at` is less than the sum of all weights")
    }

    /// Draws `N` bytes.
    pub(crate) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.byte())
    }

    /// Draws one byte.
    pub(crate) fn byte(&mut self) -> u8 {
        self.number().to_le_bytes()[7]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_draws_the_same() {
        assert_eq!(Dice::new(1, 2).bytes::<32>(), Dice::new(1, 2).bytes::<32>());
        assert_ne!(Dice::new(1, 2).number(), Dice::new(1, 3).number());
        assert_ne!(Dice::new(1, 2).number(), Dice::new(2, 2).number());
    }

    #[test]
    fn weights_are_kept() {
        let mut dice = Dice::new(7, 0);
        let items = [("never", 0), ("seldom", 1), ("often", 9)];
        let mut counts = [0; 3];
        for _ in 0..10_000 {
            let (name, _) = dice.pick_weighted(&items, |it| it.1);
            counts[items.iter().position(|it| it.0 == *name).unwrap()] += 1;
        }
        assert_eq!(counts[0], 0);
        assert!((800..1_200).contains(&counts[1]), "{counts:?}");
    }
}
