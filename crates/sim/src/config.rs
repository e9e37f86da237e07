//! What a world is ordered by.

use std::time::Duration;

use proto::{Chain, Network};

use crate::announce::Moment;

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
    /// Which share of all nodes cannot be reached, 0 to 1.
    pub dead_share: f64,
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
            dead_share: 0.2,
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
