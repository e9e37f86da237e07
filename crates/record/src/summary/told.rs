//! What peers told of each other.

use proto::gossip::ToldCounts;
use serde::Serialize;

use super::top::Count;

/// What [`AddressesTold`] is, for people.
pub(super) const ADDRESSES_TOLD: &str = "entries of addr and addrv2 messages that peers told in their last visits, by network, repeated ones too";

/// How many addresses peers told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AddressesTold {
    /// How many peers were asked.
    pub n_asked: u64,
    /// How many of them told any.
    pub n_told: u64,
    /// How many entries they told, all together.
    pub total: u64,
    /// The same by network.
    pub networks: Vec<Count>,
}

impl AddressesTold {
    /// Adds up what the peers told that were asked; `None` where nobody was.
    pub(super) fn of(peers: impl Iterator<Item = ToldCounts>) -> Option<AddressesTold> {
        let mut n_asked = 0;
        let mut n_told = 0;
        let mut sums = [0; 7];
        for told in peers {
            let counts = told.by_network().map(|(_, n)| u64::from(n));
            n_asked += 1;
            n_told += u64::from(counts.iter().any(|it| *it > 0));
            for (sum, n) in sums.iter_mut().zip(counts) {
                *sum += n;
            }
        }
        let names = ToldCounts::default()
            .by_network()
            .map(|(name, _)| Some(name.to_owned()));
        let networks = names.into_iter().zip(sums).filter(|(_, n)| *n > 0);
        (n_asked > 0).then(|| AddressesTold {
            n_asked,
            n_told,
            total: sums.iter().sum(),
            networks: Count::ranked(networks),
        })
    }
}
