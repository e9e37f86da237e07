//! A whole network as a value: who is there, and what each will say.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use proto::{Chain, Network, PeerAddr, Version};

use crate::address;
use crate::announce;
use crate::config::WorldConfig;
use crate::dice::Dice;
use crate::kind::Kind;
use crate::node::{ListedPeer, Node, new_node};
use crate::truth::TruthRow;

/// The loopback address of the first node: far from those that people use.
const FIRST_LOOPBACK: u32 = u32::from_be_bytes([127, 1, 0, 0]);
/// The one behind the last address of `127.0.0.0/8` that a node may have.
const END_LOOPBACK: u32 = u32::from_be_bytes([127, 255, 255, 255]);

/// The kinds of dead nodes, and how often each is met.
const DEAD: [(Kind, u32); 6] = [
    (Kind::NeverAnswers, 60),
    (Kind::Refused, 25),
    (Kind::HostUnreachable, 6),
    (Kind::NetworkUnreachable, 3),
    (Kind::TtlExpired, 4),
    (Kind::ProxyFailure, 2),
];

/// How callers reach the nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// By their own addresses, through the proxy.
    Proxy,
    /// By their loopback addresses with this port; dead nodes are not there.
    Direct(u16),
}

/// A network of simulated nodes.
#[derive(Clone, Debug)]
pub struct World {
    chain: Chain,
    nodes: Vec<Node>,
    by_addr: HashMap<PeerAddr, usize>,
}

impl World {
    /// Draws a world.
    pub fn generate(config: &WorldConfig) -> World {
        World::draw(config, config.n_nodes, |dice, _| draw_kind(dice, config))
    }

    /// Draws a world with one node of each of `kinds`, in this order.
    pub fn of_kinds(config: &WorldConfig, kinds: &[Kind]) -> World {
        World::draw(config, kinds.len(), |_, n| kinds[n])
    }

    /// Makes a world of honest nodes that answer as a public list says; of two with one address the first is taken.
    pub fn from_listed(
        seed: u64,
        chain: Chain,
        median_rtt: Duration,
        listed: impl IntoIterator<Item = ListedPeer>,
    ) -> World {
        let config = WorldConfig {
            seed,
            chain,
            median_rtt,
            ..WorldConfig::default()
        };
        let mut world = World::empty(chain);
        for (n, peer) in listed.into_iter().enumerate() {
            let mut dice = Dice::new(seed, n);
            let version = Version {
                start_height: Some(peer.height),
                ..announce::new_version(
                    &mut dice,
                    config.moment(),
                    peer.protocol_version,
                    peer.services,
                    &peer.user_agent,
                )
            };
            world.add(new_node(
                &mut dice,
                &config,
                peer.addr,
                Kind::Honest,
                version,
            ));
        }
        world
    }

    /// Returns the chain of the nodes.
    pub fn chain(&self) -> Chain {
        self.chain
    }

    /// Returns the nodes, in the order in which they were made.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Returns which node has this address.
    pub fn find(&self, addr: &PeerAddr) -> Option<usize> {
        self.by_addr.get(&without_i2p_port(*addr)).copied()
    }

    /// Returns where the `n`th node is reached directly, on the port of the listener.
    pub fn loopback_addr(n: usize, port: u16) -> SocketAddr {
        let ip = u32::try_from(n)
            .ok()
            .and_then(|n| FIRST_LOOPBACK.checked_add(n))
            .filter(|ip| *ip < END_LOOPBACK)
            .expect("a world has less nodes than loopback has addresses");
        SocketAddr::new(IpAddr::from(Ipv4Addr::from(ip)), port)
    }

    /// Returns which node is reached directly at `ip`.
    pub(crate) fn find_loopback(&self, ip: IpAddr) -> Option<usize> {
        let IpAddr::V4(ip) = ip else { return None };
        let n = u32::from(ip).checked_sub(FIRST_LOOPBACK)?;
        let n = usize::try_from(n).ok()?;
        (n < self.nodes.len()).then_some(n)
    }

    /// Returns what a census must find, in the order of the nodes.
    pub fn truth(&self, reach: Reach) -> Vec<TruthRow> {
        let rows = self.nodes.iter().enumerate();
        rows.filter(|(_, node)| reach == Reach::Proxy || node.kind.is_live())
            .map(|(n, node)| {
                let addr = match reach {
                    Reach::Proxy => node.addr,
                    Reach::Direct(port) => PeerAddr::from(World::loopback_addr(n, port)),
                };
                TruthRow::new(&addr, node.kind.code(), node.kind.outcome(), &node.heard())
            })
            .collect()
    }

    /// Nodes are drawn one by one, each from its own dice: the first thousand are the same in every larger world.
    fn draw(
        config: &WorldConfig,
        n_nodes: usize,
        mut kind_of: impl FnMut(&mut Dice, usize) -> Kind,
    ) -> World {
        let mut world = World::empty(config.chain);
        let weights = config.networks.weights();
        for n in 0..n_nodes {
            let mut dice = Dice::new(config.seed, n);
            let kind = kind_of(&mut dice, n);
            let (network, _) = *dice.pick_weighted(&weights, |it| it.1);
            let addr = world.draw_new_addr(&mut dice, network);
            let version = announce::draw_version(&mut dice, kind, config.moment());
            world.add(new_node(&mut dice, config, addr, kind, version));
        }
        world
    }

    fn empty(chain: Chain) -> World {
        World {
            chain,
            nodes: Vec::new(),
            by_addr: HashMap::new(),
        }
    }

    fn draw_new_addr(&self, dice: &mut Dice, network: Network) -> PeerAddr {
        loop {
            let addr = address::draw(dice, network, self.chain.default_port());
            if !self.by_addr.contains_key(&addr) {
                return addr;
            }
        }
    }

    fn add(&mut self, node: Node) {
        if self.find(&node.addr).is_none() {
            self.by_addr
                .insert(without_i2p_port(node.addr), self.nodes.len());
            self.nodes.push(node);
        }
    }
}

/// I2P has no ports, but a proxy must be asked for one.
fn without_i2p_port(addr: PeerAddr) -> PeerAddr {
    match addr.network() {
        Network::I2p => PeerAddr { port: 0, ..addr },
        Network::Ipv4 | Network::Ipv6 | Network::Onion | Network::Cjdns => addr,
    }
}

fn draw_kind(dice: &mut Dice, config: &WorldConfig) -> Kind {
    let lot = dice.share();
    if lot < config.dead_share {
        return dice.pick_weighted(&DEAD, |it| it.1).0;
    }
    if lot < config.dead_share + config.odd_share {
        let odd: Vec<Kind> = Kind::ALL.iter().copied().filter(|it| it.is_odd()).collect();
        return *dice.pick(&odd);
    }
    Kind::Honest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::NetworkMix;
    use crate::truth::write_ndjson;
    use std::collections::BTreeMap;

    #[test]
    fn the_same_seed_makes_the_same_world() {
        let small = |seed| WorldConfig {
            seed,
            n_nodes: 500,
            ..WorldConfig::default()
        };
        let world = World::generate(&small(3));
        assert_eq!(truth_of(&world), truth_of(&World::generate(&small(3))));
        assert_ne!(truth_of(&world), truth_of(&World::generate(&small(4))));
        let larger = WorldConfig {
            n_nodes: 600,
            ..small(3)
        };
        assert!(truth_of(&World::generate(&larger)).starts_with(&truth_of(&world)));
    }

    #[test]
    fn a_world_is_as_it_was_ordered() {
        let config = WorldConfig::default();
        let world = World::generate(&config);
        let share = |of: fn(&Node) -> bool| {
            let n = world.nodes().iter().filter(|it| of(it)).count();
            n as f64 / world.nodes().len() as f64
        };
        let near = |seen: f64, expected: f64| {
            assert!((seen - expected).abs() < 0.02, "{seen} for {expected}");
        };
        near(share(|it| !it.kind.is_live()), 0.2);
        near(share(|it| it.kind.is_odd()), 0.05);
        near(share(|it| it.addr.network() == Network::Onion), 0.55);
        near(share(|it| it.rtt < Duration::from_millis(80)), 0.5);
        assert_eq!(share(|it| it.rtt < Duration::from_millis(5)), 0.0);
        assert_eq!(share(|it| it.rtt > Duration::from_millis(320)), 0.0);
        let kinds: BTreeMap<Kind, ()> = world.nodes().iter().map(|it| (it.kind, ())).collect();
        assert_eq!(kinds.len(), Kind::ALL.len(), "every kind is there");
    }

    #[test]
    fn every_network_can_be_ordered() {
        let config = WorldConfig {
            n_nodes: 100,
            networks: NetworkMix {
                ipv4: 1,
                ipv6: 1,
                onion: 1,
                i2p: 1,
                cjdns: 1,
            },
            ..WorldConfig::default()
        };
        let world = World::generate(&config);
        let mut networks: Vec<_> = world.nodes().iter().map(|it| it.addr.network()).collect();
        networks.sort();
        networks.dedup();
        assert_eq!(networks, Network::ALL);
        for (n, node) in world.nodes().iter().enumerate() {
            assert_eq!(world.find(&node.addr), Some(n));
        }
    }

    #[test]
    fn a_listed_world_answers_as_the_list_says() {
        let peer = |text: &str, height| ListedPeer {
            addr: PeerAddr::parse(text, 8333).unwrap(),
            protocol_version: 70_015,
            user_agent: b"/Satoshi:0.20.1/".to_vec(),
            services: 0x40d,
            height,
        };
        let listed = [peer("1.2.3.4", 5), peer("[2a01::1]", 6), peer("1.2.3.4", 7)];
        let world = World::from_listed(1, Chain::Mainnet, Duration::ZERO, listed);
        let seen: Vec<_> = world
            .truth(Reach::Proxy)
            .into_iter()
            .map(|it| (it.address, it.start_height, it.services, it.outcome))
            .collect();
        let row = |address: &str, height| {
            let complete = "complete".to_owned();
            (address.to_owned(), Some(height), Some(0x40d), complete)
        };
        let expected = [row("1.2.3.4:8333", 5), row("[2a01::1]:8333", 6)];
        assert_eq!(seen, expected);
    }

    #[test]
    fn each_node_has_its_own_loopback_address() {
        let world = World::of_kinds(&WorldConfig::default(), &[Kind::Honest; 300]);
        for n in 0..300 {
            let addr = World::loopback_addr(n, 8333);
            assert!(addr.ip().is_loopback());
            assert_eq!(world.find_loopback(addr.ip()), Some(n));
        }
        assert_eq!(World::loopback_addr(299, 1).to_string(), "127.1.1.43:1");
        assert_eq!(world.find_loopback(World::loopback_addr(300, 1).ip()), None);
        assert_eq!(world.find_loopback([127, 0, 0, 1].into()), None);
    }

    fn truth_of(world: &World) -> Vec<u8> {
        let mut bytes = Vec::new();
        write_ndjson(&world.truth(Reach::Proxy), &mut bytes).unwrap();
        bytes
    }
}
