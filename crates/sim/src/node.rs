//! One node: what it is, and what a caller hears from it.

use std::time::Duration;

use proto::features::Features;
use proto::visit::{Dialect, Heard, Transport};
use proto::{Outcome, PeerAddr, Version};

use crate::announce::{self, P2P_V2};
use crate::config::WorldConfig;
use crate::dice::Dice;
use crate::kind::{Class, Kind};
use crate::line::Offer;
use crate::script::{self, Part, Script};
use crate::software::{self, Family};

/// The shortest round trip of any node, unless the median is shorter.
const MIN_RTT: Duration = Duration::from_millis(5);
/// How many times the median the longest round trip is.
const MAX_RTT_MEDIANS: f64 = 4.0;
/// The deviation of the logarithm of the round trips.
const RTT_DEVIATION: f64 = 0.6;

/// One node.
#[derive(Clone, Debug)]
pub struct Node {
    /// Where it is.
    pub addr: PeerAddr,
    /// How it behaves.
    pub kind: Kind,
    /// How long it takes a message to reach it and an answer to come back.
    pub rtt: Duration,
    /// What it says of itself.
    pub version: Version,
    /// Its `version` as bytes; the same for every caller, except that of [`Kind::SelfConnection`].
    pub version_payload: Vec<u8>,
    /// What else a caller learns about it.
    pub features: Features,
    /// Who wrote its software.
    pub(crate) family: Family,
    /// How it takes calls.
    pub(crate) offer: Offer,
    pub(crate) script: Script,
}

/// A node as a public list has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedPeer {
    /// Where it is.
    pub addr: PeerAddr,
    /// Its protocol version.
    pub protocol_version: i32,
    /// Its user agent.
    pub user_agent: Vec<u8>,
    /// Its service bits.
    pub services: u64,
    /// The height of its chain.
    pub height: i32,
}

impl Node {
    /// Whether it answers `getaddr` to callers who speak in the manner that it understands.
    pub(crate) fn answers_getaddr(&self) -> bool {
        self.kind.outcome_in(&Dialect::ALL) == Outcome::Complete
    }

    /// Whether it answers `getaddr` as an honest node does, to every caller.
    pub(crate) fn tells_truth(&self) -> bool {
        self.kind.outcome() == Outcome::Complete
            && self.kind.class() != Class::Liar
            && !self.kind.refuses_v1()
    }

    /// Returns which transport carries the last call of a census that is told this node's service bits, and speaks in
    /// `dialects`; `None` where no call is taken, and where it depends on how often such a census calls again.
    pub(crate) fn transport(&self, dialects: &[Dialect]) -> Option<Transport> {
        let is_told_v2 = self.version.services & P2P_V2 != 0;
        let is_called_again = self.kind == Kind::FullAtFirst
            || self.kind.outcome_in(dialects) == Outcome::VersionTimeout;
        if !self.kind.is_live() || is_called_again {
            return None;
        }
        Some(match self.offer {
            _ if !is_told_v2 => Transport::V1,
            Offer::Nothing | Offer::V1 | Offer::OldV1 => Transport::V1,
            Offer::V2 | Offer::V2WithGarbage | Offer::OnlyV2 | Offer::BrokenV2 => Transport::V2,
        })
    }

    /// Returns what a caller hears from this node in a conversation that ends with `outcome`, without the times.
    pub fn heard(&self, outcome: Outcome) -> Heard {
        let (version, payload) = match outcome {
            Outcome::Complete | Outcome::VersionOnly | Outcome::SelfConnection => (true, true),
            Outcome::MalformedVersion => (false, true),
            _none_heard => return Heard::default(),
        };
        Heard {
            version: version.then(|| Box::new(self.version.clone())),
            version_payload: payload.then(|| self.version_payload.clone()),
            features: self.features.clone(),
            ..Heard::default()
        }
    }
}

/// Makes a node that says `version`, in the manner of its kind.
pub(crate) fn new_node(
    dice: &mut Dice,
    config: &WorldConfig,
    addr: PeerAddr,
    kind: Kind,
    version: Version,
) -> Node {
    let version_payload = announce::encode(&version, kind, dice);
    let family = Family::of(version.user_agent.as_deref().unwrap_or_default());
    let talk = software::talk(family, version.protocol_version, dice.number());
    // A caller who hears a `version` at once does not look for a key.
    let knows_v2 = version.services & P2P_V2 != 0 && !talk.speaks_first;
    let part = Part {
        addr,
        kind,
        chain: config.chain,
        protocol_version: version.protocol_version,
        version_payload: &version_payload,
        talk,
        patience: config.patience,
    };
    let (script, features) = script::write(part, dice);
    Node {
        addr,
        kind,
        rtt: draw_rtt(dice, config.median_rtt),
        version,
        version_payload,
        features,
        family,
        offer: kind.offer(knows_v2),
        script,
    }
}

fn draw_rtt(dice: &mut Dice, median: Duration) -> Duration {
    let factor = (RTT_DEVIATION * dice.normal()).exp();
    median
        .mul_f64(factor.min(MAX_RTT_MEDIANS))
        .max(median.min(MIN_RTT))
}
