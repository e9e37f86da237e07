//! What a world is ordered by.

use std::str::FromStr;
use std::time::Duration;

use proto::{Chain, Network};

use crate::announce::Moment;
use crate::churn::Churn;
use crate::kind::Kind;

/// What a world is made from; the same values make the same world.
#[derive(Clone, Debug, PartialEq)]
pub struct WorldConfig {
    /// Where chance starts.
    pub seed: u64,
    /// How many nodes there are.
    pub n_nodes: usize,
    /// The chain of the nodes.
    pub chain: Chain,
    /// The median of the round trips to the nodes.
    pub median_rtt: Duration,
    /// Which share of all nodes is odd or hostile, 0 to 1.
    pub odd_share: f64,
    /// Which share of all nodes makes trouble when it is asked for others, 0 to 1: floods, lies, late answers, full slots.
    pub liar_share: f64,
    /// Which share of all nodes cannot be reached, 0 to 1.
    pub dead_share: f64,
    /// Which kinds of dead nodes there are, in equal parts; empty for the usual mixture.
    pub dead_kinds: Vec<Kind>,
    /// How nodes come and go.
    pub churn: Churn,
    /// On which networks the nodes are.
    pub networks: NetworkMix,
    /// How long callers wait for a handshake: what is slow is slow by this measure.
    ///
    /// At most 100 seconds make sense, because no connection lasts longer than two minutes.
    pub patience: Duration,
    /// The clock of the nodes, Unix seconds.
    pub unix_time: i64,
    /// The height of the chain.
    pub tip: i32,
}

impl Default for WorldConfig {
    fn default() -> WorldConfig {
        WorldConfig {
            seed: 1,
            n_nodes: 10_000,
            chain: Chain::Mainnet,
            median_rtt: Duration::from_millis(80),
            odd_share: 0.05,
            liar_share: 0.0,
            dead_share: 0.2,
            dead_kinds: Vec::new(),
            churn: Churn::default(),
            networks: NetworkMix::default(),
            patience: Duration::from_secs(15),
            unix_time: 1_789_000_000, // September 2026.
            tip: 967_000,
        }
    }
}

/// How many nodes are on each network, next to the others; at least one must not be 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NetworkMix {
    /// On the internet, version 4.
    pub ipv4: u32,
    /// On the internet, version 6.
    pub ipv6: u32,
    /// In Tor.
    pub onion: u32,
    /// In I2P.
    pub i2p: u32,
    /// In CJDNS.
    pub cjdns: u32,
}

impl Default for NetworkMix {
    /// As public lists show it, of the networks that a SOCKS5 proxy reaches.
    fn default() -> NetworkMix {
        NetworkMix {
            ipv4: 35,
            ipv6: 10,
            onion: 55,
            i2p: 0,
            cjdns: 0,
        }
    }
}

/// Why a text is no mix of networks.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum ParseMixError {
    /// A part is not a network, `=` and a number.
    #[error("{0:?} is not one of ipv4, ipv6, onion, i2p, cjdns with = and a number behind it")]
    Part(String),
    /// All are 0.
    #[error("no network has nodes")]
    Nowhere,
}

impl FromStr for NetworkMix {
    type Err = ParseMixError;

    /// Reads `ipv4=35,onion=50,i2p=4`; networks that are left out have no nodes.
    fn from_str(text: &str) -> Result<NetworkMix, ParseMixError> {
        let mut mix = NetworkMix {
            ipv4: 0,
            ipv6: 0,
            onion: 0,
            i2p: 0,
            cjdns: 0,
        };
        for part in text.split(',') {
            let wrong = || ParseMixError::Part(part.to_owned());
            let (name, weight) = part.trim().split_once('=').ok_or_else(wrong)?;
            let weight: u16 = weight.parse().map_err(|_| wrong())?;
            let network = Network::ALL.into_iter().find(|it| it.name() == name);
            *match network.ok_or_else(wrong)? {
                Network::Ipv4 => &mut mix.ipv4,
                Network::Ipv6 => &mut mix.ipv6,
                Network::Onion => &mut mix.onion,
                Network::I2p => &mut mix.i2p,
                Network::Cjdns => &mut mix.cjdns,
            } = weight.into();
        }
        match mix.weights().iter().all(|it| it.1 == 0) {
            true => Err(ParseMixError::Nowhere),
            false => Ok(mix),
        }
    }
}

impl NetworkMix {
    pub(crate) fn weights(&self) -> [(Network, u32); 5] {
        [
            (Network::Ipv4, self.ipv4),
            (Network::Ipv6, self.ipv6),
            (Network::Onion, self.onion),
            (Network::I2p, self.i2p),
            (Network::Cjdns, self.cjdns),
        ]
    }
}

impl WorldConfig {
    pub(crate) fn moment(&self) -> Moment {
        Moment {
            unix_time: self.unix_time,
            tip: self.tip,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mix_is_read_as_it_is_typed() {
        let mix = NetworkMix {
            ipv4: 35,
            ipv6: 0,
            onion: 50,
            i2p: 4,
            cjdns: 0,
        };
        assert_eq!("ipv4=35, onion=50,i2p=4".parse(), Ok(mix));
        let part = |text: &str| Err(ParseMixError::Part(text.to_owned()));
        assert_eq!("ipv4=35,tor=1".parse::<NetworkMix>(), part("tor=1"));
        assert_eq!("ipv4".parse::<NetworkMix>(), part("ipv4"));
        assert_eq!("ipv4=-1".parse::<NetworkMix>(), part("ipv4=-1"));
        assert_eq!("ipv4=0".parse::<NetworkMix>(), Err(ParseMixError::Nowhere));
    }
}
