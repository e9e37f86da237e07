//! What one visit found.

use std::time::Duration;

use crate::addr::PeerAddr;
use crate::command::Command;
use crate::features::Features;
use crate::framing::v1::HeaderForm;
use crate::gossip::Gossip;
use crate::outcome::{NotTried, Outcome};
use crate::protocol_version;
use crate::services::P2P_V2;
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

/// A visit, and what was new in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The visit.
    pub visit: Visit,
    /// The addresses of which the crawl first heard in it, and those to which it gave a second teller.
    pub learned: Vec<Learned>,
}

/// An address that a crawl came to know, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct Learned {
    /// The address.
    pub addr: PeerAddr,
    /// Which of the crawl's sources it comes from, by its place in the list of sources.
    pub source: u16,
    /// The peer that told it, where a source did not.
    pub teller: Option<PeerAddr>,
    /// When the node is said to have been seen, Unix seconds as told; may be zero or in the future.
    pub time: Option<u32>,
    /// Service bits claimed for it.
    pub services: u64,
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

    /// Returns the one to try next with a peer that took this one with `outcome`; `None` where nothing says that it
    /// is of another time.
    pub fn next_after(self, outcome: Outcome) -> Option<Dialect> {
        match outcome {
            Outcome::ClosedBeforeVersion | Outcome::VersionTimeout | Outcome::ProtocolViolation => {
                match self {
                    Dialect::Modern => Some(Dialect::Old),
                    Dialect::Old => Some(Dialect::OldNoChecksum),
                    Dialect::OldNoChecksum => None,
                }
            }
            Outcome::Complete
            | Outcome::VersionOnly
            | Outcome::ConnectRefused
            | Outcome::ConnectTimeout
            | Outcome::ConnectUnreachable
            | Outcome::ConnectReset
            | Outcome::ConnectOther
            | Outcome::ProxyError
            | Outcome::SamError
            | Outcome::MalformedVersion
            | Outcome::WrongNetwork
            | Outcome::V2Failed
            | Outcome::SelfConnection
            | Outcome::NotTried(_) => None,
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
    /// Whether the next call to this peer is worth an encrypted one: it took this one, or says that it would.
    pub fn speaks_v2(&self) -> bool {
        let version = self.heard.version.as_ref();
        let says_so = version.is_some_and(|it| it.services & P2P_V2 != 0);
        match self.transport {
            Some(Transport::V2) => self.outcome.is_reachable(),
            Some(Transport::V1) => says_so && !self.tried.contains(&Transport::V2),
            None => false,
        }
    }

    /// Returns when it was over, microseconds since 1970.
    pub fn ended_at_us(&self) -> i64 {
        let took_us = i64::try_from(self.took.as_micros()).unwrap_or(i64::MAX);
        self.started_at_us.saturating_add(took_us)
    }

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

#[cfg(test)]
mod tests {
    use super::*;
    use Transport::{V1, V2};

    #[test]
    fn v2_is_worth_a_call_where_it_worked_or_is_offered_and_did_not_fail() {
        let speaks_v2 = |transport, tried: &[Transport], services| {
            let mut call = Call::not_connected(0, Outcome::Complete, None);
            call.transport = Some(transport);
            call.tried = tried.to_vec();
            call.heard.version = Some(Box::new(Version {
                services,
                ..Version::default()
            }));
            call.speaks_v2()
        };
        assert!(speaks_v2(V1, &[], 0xc09));
        assert!(!speaks_v2(V1, &[V2], 0xc09));
        assert!(!speaks_v2(V1, &[], 0x409));
        assert!(speaks_v2(V2, &[], 0));
        let nobody = Call::not_connected(0, Outcome::ConnectTimeout, None);
        assert!(!nobody.speaks_v2());
    }
}
