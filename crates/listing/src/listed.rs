//! What a list says of one node.

use std::time::Duration;

use proto::gossip::{Claim, ToldCounts};
use proto::version::NetAddr;
use proto::{Outcome, PeerAddr, Visit};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One node of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct ListedNode {
    /// Where it is.
    pub addr: PeerAddr,
    /// What the list says about it besides, for the formats that say more.
    pub said: Option<Box<Listed>>,
}

/// What a tracker said about a node; a claim, never proof.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listed {
    /// The protocol version in its `version` message.
    pub protocol_version: Option<i64>,
    /// Its user agent.
    pub user_agent: Option<String>,
    /// Unix seconds at which the tracker's connection to it began.
    pub connected_since: Option<i64>,
    /// Its service bits.
    pub services: Option<u64>,
    /// The height of its best block.
    pub height: Option<i64>,
    /// The name that its address resolves to.
    pub hostname: Option<String>,
    /// The city of its address.
    pub city: Option<String>,
    /// The two letters of its country (ISO 3166).
    pub country: Option<String>,
    /// Degrees north.
    pub latitude: Option<f64>,
    /// Degrees east.
    pub longitude: Option<f64>,
    /// Its time zone, as in `Europe/Berlin`.
    pub timezone: Option<String>,
    /// The autonomous system of its address, as in `AS24940`, or `TOR`.
    pub asn: Option<String>,
    /// Who runs that autonomous system.
    pub organisation: Option<String>,
    /// Unix seconds at which the observer last spoke with it, or tried to where `is_up` says that it could not.
    pub seen_at: Option<i64>,
    /// Whether the observer could speak with it.
    pub is_up: Option<bool>,
    /// How the observer's call ended, where that is known better than by `is_up`.
    pub outcome: Option<Outcome>,
    /// Whether a seeder would name it to others.
    pub is_good: Option<bool>,
    /// How much of the time it was up.
    pub uptime: Option<Uptime>,
    /// The relay byte of its `version`.
    pub relay: Option<u8>,
    /// The clock in its `version`, Unix seconds.
    pub timestamp: Option<i64>,
    /// The nonce of its `version`.
    pub nonce: Option<u64>,
    /// Where its `version` says that it is.
    pub addr_from: Option<PeerAddr>,
    /// Microseconds from the dial to the connection.
    pub connect_us: Option<u64>,
    /// Microseconds from the dial to the end of the handshake.
    pub handshake_us: Option<u64>,
    /// How often the observer tried.
    pub attempts: Option<u16>,
    /// Over how many nodes the observer came to it from its seeds.
    pub seed_distance: Option<u32>,
    /// How many addresses it told.
    pub told: Option<ToldCounts>,
    /// Who told of it, and what was told.
    pub claimed: Option<Claimed>,
    /// What it told of others, where the list has that.
    pub claims: Vec<Claim>,
    /// The visit itself, in files that keep all of it: our own exports. The fields above are of it.
    pub visit: Option<Box<Visit>>,
}

/// Shares of the time that a node was up, in per cent, as seeders define them: averages that fade with the age of a visit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Uptime {
    /// Over 2 hours.
    pub hours_2: f64,
    /// Over 8 hours.
    pub hours_8: f64,
    /// Over a day.
    pub day: f64,
    /// Over a week.
    pub week: f64,
    /// Over 30 days.
    pub month: f64,
}

/// What somebody told the observer about a node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Claimed {
    /// Who told it.
    #[serde(serialize_with = "write_addr", deserialize_with = "read_addr")]
    pub by: Option<PeerAddr>,
    /// When the node is said to have been seen, Unix seconds.
    pub time: Option<i64>,
    /// Service bits claimed for it.
    pub services: Option<u64>,
}

impl From<Visit> for ListedNode {
    /// Says of a node what a visit to it says.
    fn from(visit: Visit) -> ListedNode {
        ListedNode {
            addr: visit.addr,
            said: Some(Box::new(Listed::from(visit))),
        }
    }
}

impl Listed {
    /// Returns the number of its autonomous system; what some lists write for Tor is none.
    pub fn as_number(&self) -> Option<u32> {
        let text = self.asn.as_deref()?;
        text.strip_prefix("AS").unwrap_or(text).parse().ok()
    }
}

impl From<Visit> for Listed {
    fn from(visit: Visit) -> Listed {
        let call = &visit.call;
        let heard = &call.heard;
        let version = heard.version.as_deref();
        let seen_at = call.started_at_us.div_euclid(1_000_000);
        let is_up = call.outcome.is_reachable();
        Listed {
            protocol_version: version.map(|it| it.protocol_version.into()),
            user_agent: version.and_then(|it| Some(it.user_agent_lossy()?.into_owned())),
            // Nobody stayed connected: it began when the node was called.
            connected_since: is_up.then_some(seen_at),
            services: version.map(|it| it.services),
            height: version.and_then(|it| Some(it.start_height?.into())),
            seen_at: Some(seen_at),
            is_up: Some(is_up),
            outcome: Some(call.outcome),
            relay: version.and_then(|it| it.relay),
            timestamp: version.map(|it| it.timestamp),
            nonce: version.and_then(|it| it.nonce),
            addr_from: version.and_then(|it| addr_of(it.addr_from?)),
            connect_us: call.connect.map(micros),
            handshake_us: heard.verack_at.or(heard.version_at).map(micros),
            attempts: Some(visit.attempt),
            told: heard.gossip.as_ref().map(|it| it.told),
            visit: Some(Box::new(visit)),
            ..Listed::default()
        }
    }
}

/// Most nodes send zeros instead of their address.
fn addr_of(sent: NetAddr) -> Option<PeerAddr> {
    if sent.ip == [0; 16] {
        return None;
    }
    Some(PeerAddr::new(sent.host().ok()?, sent.port))
}

pub(crate) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[expect(clippy::ref_option, reason = "serde asks for this form")]
fn write_addr<S: Serializer>(addr: &Option<PeerAddr>, out: S) -> Result<S::Ok, S::Error> {
    addr.map(|it| it.to_string()).serialize(out)
}

fn read_addr<'d, D: Deserializer<'d>>(from: D) -> Result<Option<PeerAddr>, D::Error> {
    let text = Option::<String>::deserialize(from)?;
    let addr = text.map(|it| PeerAddr::parse(&it, 0));
    addr.transpose().map_err(D::Error::custom)
}
