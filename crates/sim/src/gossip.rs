//! What a node tells a caller that asks for the others.

use std::iter;
use std::time::Duration;

use proto::PeerAddr;
use proto::addr::HostError;
use proto::command::{self, Command};
use proto::gossip::{AddrV2Entry, OddHost, ToldCounts};
use proto::limits::MAX_ADDRS;
use proto::wire::write_compact_size;

use crate::address;
use crate::book::Book;
use crate::dice::Dice;
use crate::form::Form;
use crate::kind::Kind;
use crate::node::Node;
use crate::software::Family;
use crate::world::{Reach, Subject, World};

/// Below this protocol version a node answers with as much as Bitcoin Core did up to 0.20 (`ADDRMAN_GETADDR_MAX`).
const TELLS_MORE_BELOW: i32 = 70_001;
/// How much that is.
const MAX_TOLD_OF_OLD: usize = 2_500;
/// The most that other software tells.
const MAX_TOLD: usize = 1_000;
/// How long an answer stays the same: Bitcoin Core caches it for about as long.
const DAY: Duration = Duration::from_secs(24 * 3_600);
const HOUR_SECS: u32 = 3_600;
const DAY_SECS: u32 = 24 * HOUR_SECS;
/// How long ago the oldest claim of an honest node is, in days.
const OLDEST_CLAIM_DAYS: u32 = 20;
/// One in this many nodes announces itself before it answers.
const ANNOUNCES_ITSELF: u64 = 3;
/// Makes the dice of the answers others than those that drew the nodes.
const ANSWER: u64 = 0x616e_7377;

/// How late the late ones answer.
const LATE: Duration = Duration::from_millis(2_500);
/// How many messages an answer in parts has, and the pause before each.
const N_PARTS: usize = 4;
const PART_PAUSE: Duration = Duration::from_millis(100);
/// So that an answer behind the `pong` does not arrive with it.
const AFTER_PONG: Duration = Duration::from_millis(1);
/// The pause between the messages of those that never end.
const DRIP_PAUSE: Duration = Duration::from_millis(200);
/// How many addresses are too many.
const TOO_MANY: usize = 2_500;
/// A network that BIP 155 does not know.
const UNKNOWN_NETWORK: u8 = 0xaa;

/// When and how a call was made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Occasion {
    /// How callers reach the nodes, which is how nodes tell of each other.
    pub(crate) reach: Reach,
    /// How long the world has been there.
    pub(crate) since_start: Duration,
    /// The clock of the callers, Unix seconds: claims are dated by it.
    pub(crate) unix_time: u32,
    /// How many calls the node had before.
    pub(crate) n_earlier: u32,
}

/// One message full of addresses.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    /// How long the node waits before it sends them.
    pub(crate) pause: Duration,
    told: Told,
}

/// What a message says.
#[derive(Clone, Debug)]
enum Told {
    /// What is true of these nodes.
    Nodes(Vec<usize>),
    /// Anything else.
    Entries(Vec<AddrV2Entry>),
}

/// Messages, made when they are sent.
pub(crate) type Parts<'w> = Box<dyn Iterator<Item = Part> + Send + 'w>;

/// What answers one `getaddr`.
pub(crate) enum Answer<'w> {
    /// Before everything else that was asked later.
    InOrder(Parts<'w>),
    /// When everything else is answered.
    Afterwards(Parts<'w>),
}

/// Whether `node` can tell of `other` to a caller of our protocol version.
pub(crate) fn can_tell_of(node: &Node, other: &Node, caller_sends_sendaddrv2: bool) -> bool {
    let protocol_version = node.version.protocol_version;
    let form = Form::between(protocol_version, i32::MAX, caller_sends_sendaddrv2);
    form.carries(&other.addr.host)
}

/// Returns what node `n` tells a caller that asks it, or `None` for nothing at all.
pub(crate) fn answer(world: &World, n: usize, occasion: Occasion) -> Option<Answer<'_>> {
    let teller = Teller { world, n, occasion };
    let book = teller.book();
    let dice = &mut teller.dice();
    let true_told = || Told::Nodes(teller.told());
    let parts = match world.nodes()[n].kind {
        Kind::TellsNever | Kind::IgnoresQuestions => return None,
        Kind::TellsLate => return Some(Answer::Afterwards(after(LATE, true_told()))),
        Kind::TellsAfterPong => return Some(Answer::Afterwards(after(AFTER_PONG, true_told()))),
        Kind::TellsForever => return Some(Answer::Afterwards(teller.drip())),
        Kind::TellsInParts => in_parts(&teller.told()),
        Kind::TellsFakes => at_once(Told::Entries(teller.fakes(dice, MAX_ADDRS))),
        Kind::TellsPrivate => at_once(Told::Entries(teller.bogons())),
        Kind::TellsFuture => at_once(Told::Entries(teller.fakes_to_come())),
        Kind::TellsAncient => at_once(Told::Entries(teller.claims_of_old())),
        Kind::TellsTooMany => {
            let often: Vec<usize> = book.endlessly().take(TOO_MANY).collect();
            by_the_thousand(&often)
        }
        Kind::TellsNothing => at_once(Told::Nodes(Vec::new())),
        Kind::TellsOneOften => {
            let victim: Vec<usize> = book.first(1).collect();
            let often = victim.into_iter().cycle().take(MAX_ADDRS);
            at_once(Told::Nodes(often.collect()))
        }
        Kind::TellsItself => at_once(Told::Nodes(vec![n])),
        Kind::TellsOversize => at_once(Told::Entries(teller.fakes(dice, MAX_ADDRS + 1))),
        Kind::TellsUnknown => at_once(Told::Entries(teller.with_unknown())),
        _honest => teller.honest_answer(),
    };
    Some(Answer::InOrder(parts))
}

/// Writes the message of one part of what node `n` tells; `None` where the form can carry nothing of it.
pub(crate) fn encode(
    world: &World,
    n: usize,
    occasion: Occasion,
    part: &Part,
    form: Form,
) -> Option<(Command, Vec<u8>)> {
    let teller = Teller { world, n, occasion };
    match &part.told {
        Told::Entries(entries) => form.encode(entries),
        Told::Nodes(nodes) if form == Form::AddrV2 && occasion.reach == Reach::Proxy => {
            Some((command::ADDRV2, teller.encode_addrv2(nodes)))
        }
        Told::Nodes(nodes) => form.encode(&teller.claims(nodes)),
    }
}

/// Returns which nodes an honest or odd node tells of.
pub(crate) fn told_nodes(world: &World, n: usize, occasion: Occasion) -> Vec<usize> {
    Teller { world, n, occasion }.told()
}

/// Returns how many addresses node `n` tells a caller that speaks as we do; see [`entries_told`].
pub(crate) fn told_counts(world: &World, n: usize, occasion: Occasion) -> Option<ToldCounts> {
    let mut counts = ToldCounts::default();
    for entry in entries_told(world, n, occasion)? {
        counts.note(entry.map(|it| it.host).as_ref());
    }
    Some(counts)
}

/// Returns what node `n` tells a caller that speaks as we do, one an entry, `None` for those that are no addresses; or
/// nothing where nobody can ask it, or no two calls are alike.
pub(crate) fn entries_told(
    world: &World,
    n: usize,
    occasion: Occasion,
) -> Option<Vec<Option<PeerAddr>>> {
    let node = &world.nodes()[n];
    let parts = match answer(world, n, occasion) {
        _ if node.kind == Kind::TellsForever || node.family == Family::Btcd => return None,
        _ if !node.answers_getaddr() => return None,
        None => return Some(Vec::new()),
        Some(Answer::InOrder(parts) | Answer::Afterwards(parts)) => parts,
    };
    let form = Form::between(node.version.protocol_version, i32::MAX, true);
    let mut told = Vec::new();
    if node.kind == Kind::ChattyAfter {
        told.push(Some(node.addr)); // It announced itself unasked.
    }
    for part in parts {
        let mut entries: Vec<Option<PeerAddr>> = match part.told {
            Told::Entries(entries) => {
                let addr = |it: &AddrV2Entry| it.claim().ok().map(|it| it.addr);
                entries.iter().map(addr).collect()
            }
            Told::Nodes(nodes) => {
                let addr = |n| Some(world.addr_of(n, occasion.reach));
                nodes.into_iter().map(addr).collect()
            }
        };
        entries.retain(|it| match it {
            Some(addr) => form.carries(&addr.host),
            None => form == Form::AddrV2,
        });
        // One too many, and nobody reads any of them.
        if entries.len() <= MAX_ADDRS {
            told.append(&mut entries);
        }
    }
    Some(told)
}

/// One node that is asked.
#[derive(Clone, Copy)]
struct Teller<'w> {
    world: &'w World,
    n: usize,
    occasion: Occasion,
}

impl<'w> Teller<'w> {
    fn book(&self) -> Book {
        Book::open(self.world.seed(), self.n, self.world.nodes().len())
    }

    /// Starts the chance of all that this node says today.
    fn dice(&self) -> Dice {
        let day = self.occasion.since_start.as_secs() / DAY.as_secs();
        Dice::new(self.world.seed() ^ ANSWER ^ day << 32, self.n)
    }

    fn told(&self) -> Vec<usize> {
        let node = &self.world.nodes()[self.n];
        if node.version.protocol_version < TELLS_MORE_BELOW {
            return self.book().first(MAX_TOLD_OF_OLD).collect();
        }
        match node.family {
            Family::Core => self.book().sample(&mut self.dice()).collect(),
            Family::Btcd => {
                let fresh = self.world.seed() ^ u64::from(self.occasion.n_earlier);
                self.book().sample(&mut Dice::new(fresh, self.n)).collect()
            }
            Family::Bcoin | Family::Plain => self.book().first(MAX_TOLD).collect(),
        }
    }

    fn honest_answer(&self) -> Parts<'w> {
        let node = &self.world.nodes()[self.n];
        let told = by_the_thousand(&self.told());
        let announces_itself = node.family == Family::Core
            && node.version.protocol_version >= TELLS_MORE_BELOW
            && self.dice().number().is_multiple_of(ANNOUNCES_ITSELF);
        match announces_itself {
            true => Box::new(at_once(Told::Nodes(vec![self.n])).chain(told)),
            false => told,
        }
    }

    /// Writes what is true of `nodes`, as `addrv2`.
    fn encode_addrv2(&self, nodes: &[usize]) -> Vec<u8> {
        let mut dice = self.dice();
        let mut payload = Vec::with_capacity(3 + nodes.len() * (4 + Subject::MAX_LEN));
        write_compact_size(&mut payload, nodes.len() as u64);
        for n in nodes {
            let subject = self.world.subject(*n);
            let time = self.seen(&mut dice, subject.is_live);
            payload.extend_from_slice(&time.to_le_bytes());
            subject.write(&mut payload);
        }
        payload
    }

    /// Returns what is true of `nodes`.
    fn claims(&self, nodes: &[usize]) -> Vec<AddrV2Entry> {
        let mut dice = self.dice();
        let claim = |n: &usize| {
            let addr = self.world.addr_of(*n, self.occasion.reach);
            AddrV2Entry {
                time: self.seen(&mut dice, self.world.subject(*n).is_live),
                services: self.world.nodes()[*n].version.services,
                host: Ok(addr.host),
                port: addr.port,
            }
        };
        nodes.iter().map(claim).collect()
    }

    /// Draws when a node was seen: that was today, unless it is dead.
    fn seen(&self, dice: &mut Dice, is_live: bool) -> u32 {
        let (least, most) = match is_live {
            true => (0, DAY_SECS),
            false => (HOUR_SECS, OLDEST_CLAIM_DAYS * DAY_SECS),
        };
        let ago = least + dice.up_to(most - least);
        self.occasion.unix_time.saturating_sub(ago)
    }

    fn fakes_to_come(&self) -> Vec<AddrV2Entry> {
        let mut entries = self.fakes(&mut self.dice(), MAX_ADDRS);
        for (n_days, entry) in (1..).zip(&mut entries) {
            let ahead = self.occasion.unix_time.saturating_add(n_days * DAY_SECS);
            entry.time = if n_days == 1 { u32::MAX } else { ahead };
        }
        entries
    }

    fn claims_of_old(&self) -> Vec<AddrV2Entry> {
        let mut entries = self.claims(&self.told());
        for (years, entry) in (0..20).cycle().zip(&mut entries) {
            let back = self
                .occasion
                .unix_time
                .saturating_sub(years * 365 * DAY_SECS);
            entry.time = if years == 0 { 0 } else { back };
        }
        entries
    }

    fn fakes(&self, dice: &mut Dice, n: usize) -> Vec<AddrV2Entry> {
        (0..n).map(|_| self.fake(dice)).collect()
    }

    fn fake(&self, dice: &mut Dice) -> AddrV2Entry {
        let nobody = self.world.draw_nobody(dice, self.occasion.reach);
        AddrV2Entry {
            time: self.occasion.unix_time.saturating_sub(dice.up_to(DAY_SECS)),
            services: 0xc09,
            host: Ok(nobody.host),
            port: nobody.port,
        }
    }

    /// Where nodes are on loopback, nothing outside of it is told.
    fn bogons(&self) -> Vec<AddrV2Entry> {
        let mut dice = self.dice();
        let bogon = |_| {
            let mut entry = self.fake(&mut dice);
            if self.occasion.reach == Reach::Proxy {
                let addr = address::draw_bogon(&mut dice);
                entry.host = Ok(addr.host);
                entry.port = addr.port;
            }
            entry
        };
        (0..MAX_ADDRS).map(bogon).collect()
    }

    fn with_unknown(&self) -> Vec<AddrV2Entry> {
        let claims = self.claims(&self.told());
        let spoilt = |(n, entry): (usize, AddrV2Entry)| {
            let (network_id, len) = match n % 4 {
                0 => (UNKNOWN_NETWORK, n % 64),
                1 => (1, 5),  // IPv4 has four bytes.
                2 => (4, 31), // An onion key has 32.
                _ => return entry,
            };
            AddrV2Entry {
                host: Err(OddHost {
                    network_id,
                    bytes: vec![7; len],
                    why: HostError::UnknownNetwork(network_id),
                }),
                ..entry
            }
        };
        claims.into_iter().enumerate().map(spoilt).collect()
    }

    fn drip(self) -> Parts<'w> {
        let mut told = self.book().endlessly();
        let mut dice = self.dice();
        Box::new(iter::from_fn(move || {
            let n = 1 + dice.roll(2);
            let nodes = told.by_ref().take(n).collect();
            Some(Part {
                pause: DRIP_PAUSE,
                told: Told::Nodes(nodes),
            })
        }))
    }
}

fn after(pause: Duration, told: Told) -> Parts<'static> {
    Box::new(iter::once(Part { pause, told }))
}

fn at_once(told: Told) -> Parts<'static> {
    after(Duration::ZERO, told)
}

/// Who knows nobody says nothing.
fn by_the_thousand(nodes: &[usize]) -> Parts<'static> {
    cut(nodes, MAX_ADDRS, Duration::ZERO)
}

fn in_parts(nodes: &[usize]) -> Parts<'static> {
    cut(nodes, nodes.len().div_ceil(N_PARTS).max(1), PART_PAUSE)
}

fn cut(nodes: &[usize], len: usize, pause: Duration) -> Parts<'static> {
    let part = |nodes: &[usize]| Part {
        pause,
        told: Told::Nodes(nodes.to_vec()),
    };
    let parts: Vec<Part> = nodes.chunks(len).map(part).collect();
    Box::new(parts.into_iter())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ListedPeer, WorldConfig};
    use proto::Host;
    use proto::gossip::decode_addrv2;
    use proto::{Chain, PeerAddr};
    use std::collections::BTreeSet;

    #[test]
    fn on_loopback_nothing_outside_of_it_is_told() {
        let world = World::of_kinds(&WorldConfig::default(), Kind::ALL);
        let occasion = world.first_occasion(Reach::Direct(8333));
        let mut n_told = 0;
        for n in 0..world.nodes().len() {
            for entry in entries(&world, n, occasion) {
                let Ok(host) = entry.host else { continue };
                let is_loopback = matches!(host, Host::Ipv4([127, ..]));
                assert!(is_loopback, "{}: {host}", world.nodes()[n].kind);
                n_told += 1;
            }
        }
        assert!(n_told > 5_000, "{n_told}");
    }

    #[test]
    fn bitcoin_core_says_the_same_all_day_and_btcd_never() {
        let told = |user_agent, hours: u64, n_earlier| {
            let world = crowd(user_agent);
            let occasion = Occasion {
                since_start: Duration::from_secs(hours * 3_600),
                n_earlier,
                ..world.first_occasion(Reach::Proxy)
            };
            let told = entries(&world, 0, occasion);
            let ports = told.iter().filter(|it| it.port != 1);
            ports.map(|it| it.port).collect::<BTreeSet<u16>>()
        };
        let core = "/Satoshi:30.0.0/";
        assert_eq!(told(core, 0, 0), told(core, 23, 5));
        assert_ne!(told(core, 0, 0), told(core, 24, 0));
        let btcd = "/btcwire:0.5.0/btcd:0.26.1/";
        assert_ne!(told(btcd, 0, 0), told(btcd, 0, 1));
        let bcoin = "/bcoin:2.2.0/";
        assert_eq!(told(bcoin, 0, 0), told(bcoin, 24, 1));
        assert!(told(bcoin, 0, 0).len() > 2 * told(core, 0, 0).len());
    }

    #[test]
    fn the_short_way_of_writing_says_the_same_as_the_long_one() {
        let world = World::generate(&WorldConfig {
            n_nodes: 2_000,
            ..WorldConfig::default()
        });
        let teller = Teller {
            world: &world,
            n: 0,
            occasion: world.first_occasion(Reach::Proxy),
        };
        let nodes = teller.told();
        let written = decode_addrv2(&teller.encode_addrv2(&nodes)).unwrap();
        assert_eq!(written, teller.claims(&nodes));
        for (n, entry) in nodes.iter().zip(written) {
            let age = teller.occasion.unix_time - entry.time;
            let is_live = world.nodes()[*n].kind.is_live();
            let ages = match is_live {
                true => 0..=DAY_SECS,
                false => HOUR_SECS..=20 * DAY_SECS,
            };
            assert!(ages.contains(&age), "{age} {is_live}");
        }
    }

    /// Nodes that all run the same, each on a port of its own.
    fn crowd(user_agent: &str) -> World {
        let listed = (1..=800u16).map(|port| ListedPeer {
            addr: PeerAddr::new(Host::Ipv4([1, 2, 3, 4]), port),
            protocol_version: 70_016,
            user_agent: user_agent.as_bytes().to_vec(),
            services: 9,
            height: 1,
        });
        World::from_listed(1, Chain::Mainnet, Duration::ZERO, listed)
    }

    /// Returns what node `n` tells; of what never ends the beginning.
    fn entries(world: &World, n: usize, occasion: Occasion) -> Vec<AddrV2Entry> {
        let teller = Teller { world, n, occasion };
        let parts = match answer(world, n, occasion) {
            None => return Vec::new(),
            Some(Answer::InOrder(parts) | Answer::Afterwards(parts)) => parts,
        };
        let told = parts.take(10).flat_map(|part| match part.told {
            Told::Nodes(nodes) => teller.claims(&nodes),
            Told::Entries(entries) => entries,
        });
        told.collect()
    }
}
