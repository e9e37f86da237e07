//! Service bits: what a node says it can do for others.

/// One service bit, with the name that its definer gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Service {
    /// Which bit of the 64, from 0.
    pub bit: u8,
    /// Its name without the `NODE_` in front.
    pub name: &'static str,
    /// Who defines it.
    pub defined_by: &'static str,
    /// What it promises, in one line.
    pub meaning: &'static str,
}

const fn service(
    bit: u8,
    name: &'static str,
    defined_by: &'static str,
    meaning: &'static str,
) -> Service {
    Service {
        bit,
        name,
        defined_by,
        meaning,
    }
}

/// Of a node that speaks the encrypted transport (BIP 324).
pub const P2P_V2: u64 = 1 << 11;

/// Every service bit that some software sets or set, by bit.
pub const SERVICES: &[Service] = &[
    service(
        0,
        "NETWORK",
        "Bitcoin, 2009",
        "serves the whole block chain",
    ),
    service(
        1,
        "GETUTXO",
        "BIP 64, Bitcoin XT",
        "answers questions about unspent outputs",
    ),
    service(
        2,
        "BLOOM",
        "BIP 111",
        "filters what it sends by a Bloom filter",
    ),
    service(
        3,
        "WITNESS",
        "BIP 144",
        "serves blocks and transactions with their witnesses",
    ),
    service(4, "XTHIN", "Bitcoin Unlimited", "serves Xtreme thin blocks"),
    service(
        5,
        "BITCOIN_CASH",
        "Bitcoin ABC",
        "follows the chain of Bitcoin Cash",
    ),
    service(
        6,
        "COMPACT_FILTERS",
        "BIP 157",
        "serves compact block filters",
    ),
    service(
        7,
        "SEGWIT2X",
        "btc1",
        "wanted the larger blocks of November 2017",
    ),
    service(
        10,
        "NETWORK_LIMITED",
        "BIP 159",
        "serves at least the last 288 blocks",
    ),
    service(11, "P2P_V2", "BIP 324", "speaks the encrypted v2 transport"),
    service(
        12,
        "UTREEXO",
        "BIP 183, Floresta",
        "serves Utreexo proofs for recent blocks",
    ),
    service(
        13,
        "UTREEXO_ARCHIVE",
        "BIP 183, Floresta",
        "serves Utreexo proofs for all blocks",
    ),
    service(
        25,
        "UTREEXO_FILTER",
        "Floresta, experimental",
        "serves filters for Utreexo nodes",
    ),
    service(
        26,
        "REPLACE_BY_FEE",
        "Peter Todd's full-RBF patch",
        "relays every replacement that pays more",
    ),
    service(
        27,
        "REDUCED_DATA",
        "Bitcoin Knots, experimental",
        "enforces a limit on data in transactions",
    ),
    service(
        28,
        "BLAKE2B",
        "Bitcoin Knots 29.4, experimental",
        "prepares for another proof of work",
    ),
    service(
        29,
        "LIBRE_RELAY",
        "Libre Relay",
        "relays transactions that others hold back",
    ),
];

/// Lists the bits that are set in `services`, lowest first: the known service, or the bare bit.
pub fn bits(services: u64) -> impl Iterator<Item = Result<&'static Service, u8>> {
    (0..64u8)
        .filter(move |bit| services >> bit & 1 == 1)
        .map(|bit| SERVICES.iter().find(|it| it.bit == bit).ok_or(bit))
}

/// Names the bits that are set in `services`: `NETWORK WITNESS bit 33`.
pub fn names(services: u64) -> Vec<String> {
    bits(services)
        .map(|it| match it {
            Ok(service) => service.name.to_owned(),
            Err(bit) => format!("bit {bit}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_named_and_unknown_ones_numbered() {
        assert_eq!(
            names(0xc09 | 1 << 33),
            ["NETWORK", "WITNESS", "NETWORK_LIMITED", "P2P_V2", "bit 33"]
        );
        assert!(names(0).is_empty());
    }

    #[test]
    fn the_table_is_in_order_and_has_each_bit_once() {
        assert!(SERVICES.is_sorted_by(|a, b| a.bit < b.bit));
    }
}
