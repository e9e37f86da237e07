//! Services that contradict each other, or are nobody's.

use std::collections::BTreeMap;

use proto::services::{P2P_V2, SERVICES};
use serde::Serialize;

const NETWORK: u64 = 1;
const WITNESS: u64 = 1 << 3;
const NETWORK_LIMITED: u64 = 1 << 10;
const COMPACT_FILTERS: u64 = 1 << 6;
/// Bits of those who followed another chain: `XTHIN`, `BITCOIN_CASH`, `SEGWIT2X`.
const OTHER_CHAINS: u64 = 1 << 4 | 1 << 5 | 1 << 7;
/// Bits that are nobody's for good: Bitcoin Core leaves 24 to 31 to experiments.
const EXPERIMENTAL: u64 = 0xff << 24;
/// With more bits than that they are made up: no program sets half as many.
const MAX_BITS: u32 = 16;

/// How many nodes offer services that are odd in one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct OddServices {
    /// The word for it.
    pub odd: &'static str,
    /// What it is, for people.
    pub meaning: &'static str,
    /// How many nodes.
    pub n: u64,
}

/// One way of being odd.
struct Oddity {
    word: &'static str,
    meaning: &'static str,
    applies: fn(u64) -> bool,
}

const ODDITIES: &[Oddity] = &[
    Oddity {
        word: "nothing",
        meaning: "no service at all, though it takes calls",
        applies: |it| it == 0,
    },
    Oddity {
        word: "no_blocks",
        meaning: "services, but no blocks: neither NETWORK nor NETWORK_LIMITED",
        applies: |it| it != 0 && it & (NETWORK | NETWORK_LIMITED) == 0,
    },
    Oddity {
        word: "witness_alone",
        meaning: "WITNESS, which says how blocks are served, without NETWORK or NETWORK_LIMITED",
        applies: |it| it & WITNESS != 0 && it & (NETWORK | NETWORK_LIMITED) == 0,
    },
    Oddity {
        word: "filters_alone",
        meaning: "COMPACT_FILTERS of blocks that it does not serve",
        applies: |it| it & COMPACT_FILTERS != 0 && it & (NETWORK | NETWORK_LIMITED) == 0,
    },
    Oddity {
        word: "v2_without_witness",
        meaning: "P2P_V2 of 2023 without WITNESS of 2016",
        applies: |it| it & P2P_V2 != 0 && it & WITNESS == 0,
    },
    Oddity {
        word: "other_chain",
        meaning: "a bit of those who went their own way in 2016 and 2017: XTHIN, BITCOIN_CASH, SEGWIT2X",
        applies: |it| it & OTHER_CHAINS != 0,
    },
    Oddity {
        word: "experimental",
        meaning: "bits 24 to 31, which are free for experiments",
        applies: |it| it & EXPERIMENTAL != 0,
    },
    Oddity {
        word: "unknown_bits",
        meaning: "bits that nobody defined",
        applies: |it| it & !known() & !EXPERIMENTAL != 0,
    },
    Oddity {
        word: "invented",
        meaning: "more than 16 bits: more than any program has",
        applies: |it| it.count_ones() > MAX_BITS,
    },
];

fn known() -> u64 {
    SERVICES.iter().fold(0, |bits, it| bits | 1 << it.bit)
}

impl OddServices {
    /// Returns in which ways `services` are odd.
    pub(super) fn of(services: u64) -> Vec<&'static str> {
        let odd = ODDITIES.iter().filter(|it| (it.applies)(services));
        odd.map(|it| it.word).collect()
    }

    /// Counts the nodes that are odd in each way; those that came.
    pub(super) fn count(n_by_services: &BTreeMap<u64, u64>) -> Vec<OddServices> {
        let count = |it: &Oddity| OddServices {
            odd: it.word,
            meaning: it.meaning,
            n: n_by_services
                .iter()
                .filter(|(services, _)| (it.applies)(**services))
                .map(|(_, n)| n)
                .sum(),
        };
        ODDITIES.iter().map(count).filter(|it| it.n > 0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_usual_programs_offer_is_not_odd() {
        for services in [0x1, 0x5, 0xd, 0x409, 0xc09, 0xc08, 0xc4d, 0x448] {
            assert_eq!(OddServices::of(services), [""; 0], "{services:#x}");
        }
    }

    #[test]
    fn contradictions_and_inventions_are_found() {
        check(0, "nothing");
        check(0x4, "no_blocks");
        check(0x48, "no_blocks witness_alone filters_alone");
        check(0xc01, "v2_without_witness");
        check(0x25, "other_chain");
        check(0x0400_0409, "experimental");
        check(0x8000_0409, "experimental");
        check(0x109, "unknown_bits");
        check(u64::MAX, "other_chain experimental unknown_bits invented");
    }

    #[track_caller]
    fn check(services: u64, expected: &str) {
        assert_eq!(
            OddServices::of(services).join(" "),
            expected,
            "{services:#x}"
        );
    }
}
