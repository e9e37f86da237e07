//! A whole network as a value: who is there, and what each will say.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use proto::gossip::{AddrV2Entry, encode_addrv2};
use proto::visit::Dialect;
use proto::{Chain, Network, Outcome, PeerAddr, Version};

use crate::address;
use crate::announce;
use crate::churn::{Churn, Schedule};
use crate::config::{NetworkMix, WorldConfig};
use crate::dice::Dice;
use crate::gossip::{self, Occasion};
use crate::kind::{Class, Dial, Kind};
use crate::node::{ListedPeer, Node, new_node};
use crate::truth::TruthRow;

/// The loopback address of the first node: far from those that people use.
const FIRST_LOOPBACK: u32 = u32::from_be_bytes([127, 1, 0, 0]);
/// The one behind the last address of `127.0.0.0/8` that a node may have.
const END_LOOPBACK: u32 = u32::from_be_bytes([127, 255, 255, 255]);
/// How many nodes can be reached directly.
const LOOPBACKS: usize = (END_LOOPBACK - FIRST_LOOPBACK) as usize;

/// Makes the dice of the schedules others than those that drew the nodes.
const CHURN: u64 = 0x6368_7572;

/// How many seeds there are.
pub const N_SEEDS: usize = 8;

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
    seed: u64,
    chain: Chain,
    networks: NetworkMix,
    churn: Churn,
    unix_time: i64,
    nodes: Vec<Node>,
    /// What nodes tell of each node: apart, because an answer takes a thousand of them from all over.
    subjects: Vec<Subject>,
    by_addr: HashMap<PeerAddr, usize>,
}

/// What nodes tell of one node: the bytes of an `addrv2` entry behind its time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject {
    bytes: [u8; Subject::MAX_LEN],
    len: u8,
    pub(crate) is_live: bool,
}

impl Subject {
    /// Nine bytes of services, the network, the length, 32 bytes of address, the port.
    pub(crate) const MAX_LEN: usize = 9 + 1 + 1 + 32 + 2;

    fn of(node: &Node) -> Subject {
        let entry = AddrV2Entry {
            time: 0,
            services: node.version.services,
            host: Ok(node.addr.host),
            port: node.addr.port,
        };
        // The count and the time come first.
        let entry = encode_addrv2(&[entry]).split_off(1 + 4);
        let mut bytes = [0; Subject::MAX_LEN];
        bytes[..entry.len()].copy_from_slice(&entry);
        Subject {
            bytes,
            len: u8::try_from(entry.len()).expect("it is at most 45"),
            is_live: node.kind.is_live(),
        }
    }

    /// Writes the entry behind its time.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let end = out.len() + usize::from(self.len);
        // A copy of a fixed length needs no call, and this is done a thousand times an answer.
        out.extend_from_slice(&self.bytes);
        out.truncate(end);
    }
}

/// Who goes through a world, from its seeds on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Explorer<'a> {
    /// The networks over which it can call.
    pub networks: &'a [Network],
    /// Whether it understands `addrv2`.
    pub addrv2: bool,
}

impl Default for Explorer<'_> {
    fn default() -> Explorer<'static> {
        Explorer {
            networks: &Network::ALL,
            addrv2: true,
        }
    }
}

impl World {
    /// Draws a world.
    pub fn generate(config: &WorldConfig) -> World {
        World::draw(config, config.n_nodes, |dice, _| draw_kind(dice, config))
    }

    /// Draws a world with one node of each of `kinds`, in this order; on I2P as [`Kind::on`] has it.
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
        let mut world = World::empty(&config);
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

    /// Returns when the `n`th node is up, or `None` where it never goes: only honest nodes do.
    pub fn schedule(&self, n: usize) -> Option<Schedule> {
        match self.nodes[n].kind {
            Kind::Honest => Schedule::draw(&mut Dice::new(self.seed ^ CHURN, n), self.churn),
            _steady => None,
        }
    }

    /// Whether the `n`th node is there so long after the world began.
    pub fn is_up(&self, n: usize, since_start: Duration) -> bool {
        let is_up = self.schedule(n).is_none_or(|it| it.is_up(since_start));
        self.nodes[n].kind.is_live() && is_up
    }

    /// Returns what comes of dialling the `n`th node; hosts that are switched off say nothing, others refuse.
    pub(crate) fn dial(&self, n: usize, since_start: Duration) -> Dial {
        let kind = self.nodes[n].kind;
        match self.is_up(n, since_start) {
            false if kind.is_live() && n.is_multiple_of(2) => Kind::Refused.dial(),
            false if kind.is_live() => Dial::NeverAnswers,
            _as_its_kind => kind.dial(),
        }
    }

    /// Returns up to `n` honest nodes that are always there to start from, as DNS seeds give them: first those on IPv4 that
    /// listen on the default port.
    pub fn seeds(&self, n: usize) -> Vec<usize> {
        let mut honest: Vec<usize> = (0..self.nodes.len()).collect();
        honest.retain(|it| self.nodes[*it].kind == Kind::Honest && self.schedule(*it).is_none());
        honest.sort_by_cached_key(|it| {
            let addr = self.nodes[*it].addr;
            let is_ipv4 = addr.network() == Network::Ipv4;
            let is_default = addr.port == self.chain.default_port();
            (!is_ipv4, !is_default, Dice::new(self.seed, *it).number())
        });
        honest.truncate(n);
        honest
    }

    /// Returns of each node whether it can be found from the [`World::seeds`], the first [`N_SEEDS`]: whether it is one, or an
    /// honest or odd one that can be found and is always there tells of it. What liars tell does not count.
    pub fn findable(&self, explorer: Explorer<'_>) -> Vec<bool> {
        let mut found = vec![false; self.nodes.len()];
        let mut to_ask = self.seeds(N_SEEDS);
        for n in &to_ask {
            found[*n] = true;
        }
        while let Some(n) = to_ask.pop() {
            let node = &self.nodes[n];
            let answers = node.tells_truth() && self.schedule(n).is_none();
            if !answers || !explorer.networks.contains(&node.addr.network()) {
                continue;
            }
            for told in gossip::told_nodes(self, n, self.first_occasion(Reach::Proxy)) {
                let is_new =
                    !found[told] && gossip::can_tell_of(node, &self.nodes[told], explorer.addrv2);
                if is_new {
                    found[told] = true;
                    to_ask.push(told);
                }
            }
        }
        found
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

    /// Returns whom the `n`th node tells its first caller of, in that order, if that speaks as we do; `None` where nobody can
    /// ask it, or no two calls are alike.
    pub fn told_by(&self, n: usize, reach: Reach) -> Option<Vec<PeerAddr>> {
        let told = gossip::entries_told(self, n, self.first_occasion(reach))?;
        Some(told.into_iter().flatten().collect())
    }

    pub(crate) fn seed(&self) -> u64 {
        self.seed
    }

    /// Returns the address by which callers reach the `n`th node.
    pub fn addr_of(&self, n: usize, reach: Reach) -> PeerAddr {
        match reach {
            Reach::Proxy => self.nodes[n].addr,
            Reach::Direct(port) => PeerAddr::from(World::loopback_addr(n, port)),
        }
    }

    /// Returns what others tell of the `n`th node.
    pub(crate) fn subject(&self, n: usize) -> &Subject {
        &self.subjects[n]
    }

    /// Draws an address where nobody is; on loopback where the nodes are there.
    pub(crate) fn draw_nobody(&self, dice: &mut Dice, reach: Reach) -> PeerAddr {
        match reach {
            Reach::Proxy => {
                let (network, _) = *dice.pick_weighted(&self.networks.weights(), |it| it.1);
                self.draw_new_addr(dice, network)
            }
            Reach::Direct(port) => {
                let n_free = LOOPBACKS - self.nodes.len();
                PeerAddr::from(World::loopback_addr(
                    self.nodes.len() + dice.roll(n_free),
                    port,
                ))
            }
        }
    }

    /// Returns what the first call of a node is like, by the world's own clock.
    pub(crate) fn first_occasion(&self, reach: Reach) -> Occasion {
        Occasion {
            reach,
            since_start: Duration::ZERO,
            unix_time: u32::try_from(self.unix_time).unwrap_or(0),
            n_earlier: 0,
        }
    }

    #[cfg(test)]
    pub(crate) fn with_rtt(mut self, rtt: Duration) -> World {
        for node in &mut self.nodes {
            node.rtt = rtt;
        }
        self
    }

    #[cfg(test)]
    pub(crate) fn with_version(mut self, n: usize, protocol_version: i32) -> World {
        self.nodes[n].version.protocol_version = protocol_version;
        self
    }

    /// Returns which node is reached directly at `ip`.
    pub(crate) fn find_loopback(&self, ip: IpAddr) -> Option<usize> {
        let IpAddr::V4(ip) = ip else { return None };
        let n = u32::from(ip).checked_sub(FIRST_LOOPBACK)?;
        let n = usize::try_from(n).ok()?;
        (n < self.nodes.len()).then_some(n)
    }

    /// Returns what a census must find that speaks as every node does today, in the order of the nodes.
    pub fn truth(&self, reach: Reach) -> Vec<TruthRow> {
        self.truth_in(&[Dialect::Modern], reach)
    }

    /// Returns what a census must find that also calls in these manners, in the order of the nodes.
    pub fn truth_in(&self, dialects: &[Dialect], reach: Reach) -> Vec<TruthRow> {
        let findable = self.findable(Explorer::default());
        let seeds = self.seeds(N_SEEDS);
        let row = |(n, node): (usize, &Node)| {
            let outcome = node.kind.outcome_in(dialects);
            let told = gossip::told_counts(self, n, self.first_occasion(reach));
            // Of the seeds nobody may have told before they are called.
            let transport = node.transport(dialects).filter(|_| !seeds.contains(&n));
            TruthRow {
                transport: transport.map(|it| it.name().to_owned()),
                addresses_told: told.filter(|_| outcome == Outcome::Complete),
                findable: findable[n],
                schedule: self.schedule(n),
                ..TruthRow::new(
                    &self.addr_of(n, reach),
                    node.kind.code(),
                    outcome,
                    &node.heard(outcome),
                )
            }
        };
        let is_there = |node: &Node| reach == Reach::Proxy || node.kind.is_live();
        let nodes = self.nodes.iter().enumerate();
        nodes.filter(|it| is_there(it.1)).map(row).collect()
    }

    /// Nodes are drawn one by one, each from its own dice: the first thousand are the same in every larger world.
    fn draw(
        config: &WorldConfig,
        n_nodes: usize,
        mut kind_of: impl FnMut(&mut Dice, usize) -> Kind,
    ) -> World {
        let mut world = World::empty(config);
        let weights = config.networks.weights();
        for n in 0..n_nodes {
            let mut dice = Dice::new(config.seed, n);
            let kind = kind_of(&mut dice, n);
            let (network, _) = *dice.pick_weighted(&weights, |it| it.1);
            let kind = kind.on(network);
            let addr = world.draw_new_addr(&mut dice, network);
            let version = announce::draw_version(&mut dice, kind, config.moment());
            world.add(new_node(&mut dice, config, addr, kind, version));
        }
        world
    }

    fn empty(config: &WorldConfig) -> World {
        World {
            seed: config.seed,
            chain: config.chain,
            networks: config.networks,
            churn: config.churn,
            unix_time: config.unix_time,
            nodes: Vec::new(),
            subjects: Vec::new(),
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
            self.subjects.push(Subject::of(&node));
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
        return match config.dead_kinds.is_empty() {
            true => dice.pick_weighted(&DEAD, |it| it.1).0,
            false => *dice.pick(&config.dead_kinds),
        };
    }
    if lot < config.dead_share + config.odd_share {
        return *dice.pick(&Kind::of_class(Class::Odd));
    }
    if lot < config.dead_share + config.odd_share + config.liar_share {
        return *dice.pick(&Kind::of_class(Class::Liar));
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
        // Only what they tell of each other depends on how many there are.
        let said = |world: &World| -> Vec<_> {
            let nodes = world.nodes().iter();
            nodes
                .map(|it| (it.addr, it.version_payload.clone()))
                .collect()
        };
        assert!(said(&World::generate(&larger)).starts_with(&said(&world)));
    }

    #[test]
    fn a_world_is_as_it_was_ordered() {
        let config = WorldConfig {
            liar_share: 0.1,
            ..WorldConfig::default()
        };
        let world = World::generate(&config);
        let share = |of: fn(&Node) -> bool| {
            let n = world.nodes().iter().filter(|it| of(it)).count();
            n as f64 / world.nodes().len() as f64
        };
        let near = |seen: f64, expected: f64| {
            assert!((seen - expected).abs() < 0.02, "{seen} for {expected}");
        };
        near(share(|it| !it.kind.is_live()), 0.2);
        near(share(|it| it.kind.class() == Class::Odd), 0.05);
        near(share(|it| it.kind.class() == Class::Liar), 0.1);
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

    #[test]
    fn every_node_can_be_found_in_worlds_of_any_size() {
        let everywhere = Explorer::default();
        let only_ipv4 = Explorer {
            networks: &[Network::Ipv4],
            addrv2: false,
        };
        for seed in 1..=8 {
            for n_nodes in [2, 3, 5, 10, 30, 100, 300, 700] {
                let config = WorldConfig {
                    seed,
                    n_nodes,
                    odd_share: 0.1,
                    liar_share: 0.1,
                    ..WorldConfig::default()
                };
                let world = World::generate(&config);
                if world.seeds(1).is_empty() {
                    continue;
                }
                check_findable(&world, everywhere);
                if world.nodes()[world.seeds(1)[0]].addr.network() == Network::Ipv4 {
                    check_findable(&world, only_ipv4);
                }
            }
        }
    }

    #[track_caller]
    fn check_findable(world: &World, explorer: Explorer<'_>) {
        let findable = world.findable(explorer);
        let lost = (0..findable.len()).filter(|n| {
            let is_there = explorer
                .networks
                .contains(&world.nodes()[*n].addr.network());
            is_there && !findable[*n]
        });
        let (n_lost, n_nodes) = (lost.count(), findable.len());
        assert_eq!(n_lost, 0, "of {n_nodes} nodes, seed {}", world.seed);
    }

    #[test]
    fn seeds_are_honest_and_first_on_ipv4() {
        let world = World::generate(&WorldConfig::default());
        let seeds = world.seeds(N_SEEDS);
        assert_eq!(seeds.len(), N_SEEDS);
        for n in &seeds {
            let node = &world.nodes()[*n];
            assert_eq!(
                (node.kind, node.addr.network()),
                (Kind::Honest, Network::Ipv4)
            );
            assert_eq!(node.addr.port, 8333);
        }
        assert_eq!(world.seeds(3), seeds[..3]);
    }

    fn truth_of(world: &World) -> Vec<u8> {
        let mut bytes = Vec::new();
        write_ndjson(&world.truth(Reach::Proxy), &mut bytes).unwrap();
        bytes
    }
}
