//! Addresses that nodes of the public network could have.

use std::net::{Ipv4Addr, Ipv6Addr};

use proto::{Host, Network, PeerAddr, routable};

use crate::dice::Dice;

/// How many of a hundred nodes listen on the default port.
const DEFAULT_PORT_PERCENT: usize = 96;
/// Other ports that operators choose, as public lists show them.
const OTHER_PORTS: [u16; 8] = [8332, 8334, 8335, 8336, 9333, 18333, 20008, 48333];
/// The first 16 bits of the IPv6 addresses that large networks have.
const IPV6_PREFIXES: [u16; 8] = [
    0x2001, 0x2003, 0x2406, 0x2600, 0x2604, 0x2a01, 0x2a02, 0x2a05,
];

/// Draws a routable address of `network`.
pub(crate) fn draw(dice: &mut Dice, network: Network, default_port: u16) -> PeerAddr {
    loop {
        let addr = PeerAddr::new(
            draw_host(dice, network),
            draw_port(dice, network, default_port),
        );
        if routable::unroutable(&addr).is_none() {
            return addr;
        }
    }
}

/// Draws an address that no node of the public network can have.
pub(crate) fn draw_bogon(dice: &mut Dice) -> PeerAddr {
    let [a, b, c, d] = dice.bytes();
    let host = match dice.roll(12) {
        0 => Host::Ipv4([10, b, c, d]),
        1 => Host::Ipv4([192, 168, c, d]),
        2 => Host::Ipv4([172, 16 + b % 16, c, d]),
        3 => Host::Ipv4([127, b, c, d]),
        4 => Host::Ipv4([169, 254, c, d]),
        5 => Host::Ipv4([100, 64 + b % 64, c, d]),
        6 => Host::Ipv4([224 + a % 32, b, c, d]),
        7 => Host::Ipv4([0, b, c, d]),
        8 => Host::Ipv4([203, 0, 113, d]),
        9 => Host::Ipv6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, u16::from(d)).octets()),
        10 => Host::Ipv6(Ipv6Addr::LOCALHOST.octets()),
        _ => return PeerAddr::new(Host::Ipv4([1 + a % 9, b, c, d]), 0),
    };
    PeerAddr::new(host, 8333)
}

fn draw_host(dice: &mut Dice, network: Network) -> Host {
    match network {
        Network::Ipv4 => Host::from(Ipv4Addr::from(dice.bytes())),
        Network::Ipv6 => {
            let [high, low] = dice.pick(&IPV6_PREFIXES).to_be_bytes();
            let mut ip = dice.bytes::<16>();
            [ip[0], ip[1]] = [high, low];
            Host::Ipv6(ip)
        }
        Network::Onion => Host::Onion(dice.bytes()),
        Network::I2p => Host::I2p(dice.bytes()),
        Network::Cjdns => {
            let mut ip = dice.bytes::<16>();
            ip[0] = 0xfc;
            Host::Cjdns(ip)
        }
    }
}

fn draw_port(dice: &mut Dice, network: Network, default_port: u16) -> u16 {
    if network == Network::I2p {
        return 0; // SAM 3.1 has no ports.
    }
    match dice.roll(100) {
        0..DEFAULT_PORT_PERCENT => default_port,
        _ => *dice.pick(&OTHER_PORTS),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_is_routable_and_reads_back() {
        let mut dice = Dice::new(1, 0);
        for network in Network::ALL {
            for _ in 0..1_000 {
                let addr = draw(&mut dice, network, 8333);
                assert_eq!(addr.network(), network);
                assert_eq!(routable::unroutable(&addr), None, "{addr}");
                assert_eq!(PeerAddr::parse(&addr.to_string(), 1), Ok(addr));
            }
        }
    }

    #[test]
    fn no_bogon_is_routable() {
        let mut dice = Dice::new(1, 0);
        for _ in 0..1_000 {
            let addr = draw_bogon(&mut dice);
            assert!(routable::unroutable(&addr).is_some(), "{addr}");
        }
    }
}
