//! How long to wait for whom.

use std::time::Duration;

use proto::Network;

/// How long calls over one kind of network may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For the connection.
    pub connect: Duration,
    /// For `version` and `verack`, from the connection on.
    pub handshake: Duration,
    /// For the answers to our questions, from the `verack` on.
    pub answer: Duration,
}

const fn patience(connect: u64, handshake: u64, answer: u64) -> Patience {
    Patience {
        connect: Duration::from_secs(connect),
        handshake: Duration::from_secs(handshake),
        answer: Duration::from_secs(answer),
    }
}

/// On the internet a node that is there answers in a fraction of this.
pub const IP: Patience = patience(5, 15, 5);
/// Tor builds a circuit to a rendezvous first.
pub const TOR: Patience = patience(60, 60, 20);
/// I2P looks up and builds tunnels in both directions.
pub const I2P: Patience = patience(45, 80, 30);
/// CJDNS finds its way while we wait.
pub const CJDNS: Patience = patience(10, 30, 10);

/// Returns the patience for a network; where everything goes through a proxy, the internet has Tor's.
pub fn patience_for(network: Network, through_proxy: bool) -> Patience {
    match network {
        Network::Ipv4 | Network::Ipv6 if !through_proxy => IP,
        Network::Ipv4 | Network::Ipv6 | Network::Onion => TOR,
        Network::I2p => I2P,
        Network::Cjdns => CJDNS,
    }
}
