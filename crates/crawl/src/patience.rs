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
    /// For everything that is asked where addresses are asked for, from the `verack` on.
    pub addrs: Duration,
    /// How long to go on listening behind the last message with addresses, to peers that do not answer the `ping`.
    pub quiet: Duration,
    /// For the answers where only features are asked for, from the `verack` on.
    pub answer: Duration,
}

/// Seconds, in the order in which a call needs them.
struct Seconds {
    connect: u64,
    handshake: u64,
    addrs: u64,
    quiet: u64,
    answer: u64,
}

const fn patience(secs: Seconds) -> Patience {
    Patience {
        connect: Duration::from_secs(secs.connect),
        handshake: Duration::from_secs(secs.handshake),
        addrs: Duration::from_secs(secs.addrs),
        quiet: Duration::from_secs(secs.quiet),
        answer: Duration::from_secs(secs.answer),
    }
}

/// On the internet a node that is there answers in a fraction of this.
pub const IP: Patience = patience(Seconds {
    connect: 5,
    handshake: 15,
    addrs: 45,
    quiet: 2,
    answer: 5,
});
/// Tor builds a circuit to a rendezvous first.
pub const TOR: Patience = patience(Seconds {
    connect: 60,
    handshake: 60,
    addrs: 90,
    quiet: 5,
    answer: 20,
});
/// I2P looks up and builds tunnels in both directions.
pub const I2P: Patience = patience(Seconds {
    connect: 45,
    handshake: 80,
    addrs: 170,
    quiet: 8,
    answer: 30,
});
/// CJDNS finds its way while we wait.
pub const CJDNS: Patience = patience(Seconds {
    connect: 10,
    handshake: 30,
    addrs: 70,
    quiet: 2,
    answer: 10,
});

/// Returns the patience for a network; where everything goes through a proxy, the internet has Tor's.
pub fn patience_for(network: Network, through_proxy: bool) -> Patience {
    match network {
        Network::Ipv4 | Network::Ipv6 if !through_proxy => IP,
        Network::Ipv4 | Network::Ipv6 | Network::Onion => TOR,
        Network::I2p => I2P,
        Network::Cjdns => CJDNS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_network_has_the_patience_that_the_design_gives_it() {
        let seconds = |network, through_proxy| {
            let it = patience_for(network, through_proxy);
            [it.connect, it.handshake, it.addrs, it.quiet, it.answer].map(|it| it.as_secs())
        };
        assert_eq!(seconds(Network::Ipv4, false), [5, 15, 45, 2, 5]);
        assert_eq!(seconds(Network::Ipv6, true), [60, 60, 90, 5, 20]);
        assert_eq!(seconds(Network::Onion, false), [60, 60, 90, 5, 20]);
        assert_eq!(seconds(Network::I2p, true), [45, 80, 170, 8, 30]);
        assert_eq!(seconds(Network::Cjdns, false), [10, 30, 70, 2, 10]);
    }
}
