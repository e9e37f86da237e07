//! What one visit found.

use std::time::Duration;

use crate::addr::PeerAddr;
use crate::command::Command;
use crate::features::Features;
use crate::framing::v1::HeaderForm;
use crate::gossip::Gossip;
use crate::outcome::{NotTried, Outcome};
use crate::protocol_version;
use crate::version::Version;

/// One attempt to talk to one address, as seen; never edited afterwards.
#[derive(Clone, Debug, PartialEq)]
pub struct Visit {
    /// Whom we called.
    pub addr: PeerAddr,
    /// Which of the crawl's sources named this address, by its place in the list of sources.
    pub source: u16,
    /// 1 for the first call of this crawl to this address.
    pub attempt: u16,
    /// In which manner we spoke.
    pub dialect: Dialect,
    /// How it went.
    pub call: Call,
}

/// How one call went: dial, handshake, questions, end.
///
/// All durations are since the dial began.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// When the dial began, microseconds since 1970.
    pub started_at_us: i64,
    /// When it was over.
    pub took: Duration,
    /// When the connection stood.
    pub connect: Option<Duration>,
    /// Which transport carried the conversation.
    pub transport: Option<Transport>,
    /// Transports that were tried before that one, in order.
    pub tried: Vec<Transport>,
    /// How it ended.
    pub outcome: Outcome,
    /// Why it ended so, where that says more than the outcome; for people, never parsed.
    pub reason: Option<String>,
    /// What the peer said.
    pub heard: Heard,
}

/// What a peer said, and when.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Heard {
    /// Its `version`, decoded, where that was possible.
    pub version: Option<Box<Version>>,
    /// The payload of its `version`, as it was sent.
    pub version_payload: Option<Vec<u8>>,
    /// When the `version` was there.
    pub version_at: Option<Duration>,
    /// When the `verack` was there.
    pub verack_at: Option<Duration>,
    /// When the questions were answered.
    pub answered_at: Option<Duration>,
    /// What else it showed.
    pub features: Features,
    /// What it told of other nodes, where it was asked.
    pub gossip: Option<Gossip>,
    /// Bytes that we read.
    pub bytes_in: u64,
    /// Bytes that we wrote.
    pub bytes_out: u64,
    /// The messages in order, where [`crate::SessionConfig::story`] asked for them.
    pub story: Vec<Told>,
}

/// One message of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// When, since the dial began.
    pub at: Duration,
    /// Whether the peer sent it, and not we.
    pub by_peer: bool,
    /// Its name.
    pub command: Command,
    /// The length of its payload in bytes.
    pub len: usize,
}

/// How messages are carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Transport {
    /// In plain, as since 2009.
    V1,
    /// Encrypted, BIP 324.
    V2,
}

impl Transport {
    /// Returns the word that we store and serve.
    pub fn name(self) -> &'static str {
        match self {
            Transport::V1 => "v1",
            Transport::V2 => "v2",
        }
    }

    /// Reads the word back.
    pub fn from_name(name: &str) -> Option<Transport> {
        [Transport::V1, Transport::V2]
            .into_iter()
            .find(|it| it.name() == name)
    }
}

/// The manner in which we speak: peers of before February 2012 may not understand today's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dialect {
    /// As every node does today.
    #[default]
    Modern,
    /// With the oldest protocol version that Bitcoin Core still talks to.
    Old,
    /// The same, and `version` and `verack` have headers without checksum.
    OldNoChecksum,
}

impl Dialect {
    /// All manners, in the order in which they are tried.
    pub const ALL: [Dialect; 3] = [Dialect::Modern, Dialect::Old, Dialect::OldNoChecksum];

    /// Returns the word that we store and serve.
    pub fn name(self) -> &'static str {
        match self {
            Dialect::Modern => "modern",
            Dialect::Old => "old",
            Dialect::OldNoChecksum => "old_no_checksum",
        }
    }

    /// Reads the word back.
    pub fn from_name(name: &str) -> Option<Dialect> {
        Dialect::ALL.into_iter().find(|it| it.name() == name)
    }

    /// Returns the one to try next, where this one brought nothing.
    pub fn next(self) -> Option<Dialect> {
        match self {
            Dialect::Modern => Some(Dialect::Old),
            Dialect::Old => Some(Dialect::OldNoChecksum),
            Dialect::OldNoChecksum => None,
        }
    }

    /// Returns the protocol version that we announce.
    pub fn protocol_version(self) -> i32 {
        match self {
            Dialect::Modern => protocol_version::OURS,
            Dialect::Old | Dialect::OldNoChecksum => protocol_version::OLDEST_TALKED_TO,
        }
    }

    /// Returns whether the headers of `version` and `verack` have a checksum.
    pub fn header_form(self) -> HeaderForm {
        match self {
            Dialect::Modern | Dialect::Old => HeaderForm::WithChecksum,
            Dialect::OldNoChecksum => HeaderForm::WithoutChecksum,
        }
    }
}

impl Call {
    /// A call that was never made.
    pub fn not_tried(why: NotTried, now_us: i64) -> Call {
        Call {
            started_at_us: now_us,
            took: Duration::ZERO,
            connect: None,
            transport: None,
            tried: Vec::new(),
            outcome: Outcome::NotTried(why),
            reason: Some(why.code().to_owned()),
            heard: Heard::default(),
        }
    }

    /// A call that ended before the connection stood; how long it took is yet to be set.
    pub fn not_connected(started_at_us: i64, outcome: Outcome, reason: Option<String>) -> Call {
        Call {
            started_at_us,
            took: Duration::ZERO,
            connect: None,
            transport: None,
            tried: Vec::new(),
            outcome,
            reason,
            heard: Heard::default(),
        }
    }
}
