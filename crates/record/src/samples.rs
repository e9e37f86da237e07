//! Visits for tests: a few made by hand, and any that could ever be.

use std::time::Duration;

use proptest::option;
use proptest::prelude::*;
use proto::features::Features;
use proto::gossip::{Claim, Gossip, ToldCounts};
use proto::outcome::{NotTried, Outcome};
use proto::routable::Unroutable;
use proto::version::{NetAddr, Version};
use proto::visit::{Call, Dialect, Heard, Learned, Transport, Visit};
use proto::{Host, PeerAddr};

use crate::places::{Atlas, Place};

/// A tenth of a second after 1 November 2026.
pub(crate) const STARTED_AT_US: i64 = 1_793_491_200_100_000;

pub(crate) const ONION: &str =
    "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion:8333";

/// An atlas that has everything in one place.
pub(crate) struct Berlin;

impl Atlas for Berlin {
    fn place(&self, _: &PeerAddr) -> Place {
        Place {
            country: Some("DE".to_owned()),
            asn: Some(24940),
            latitude: Some(52.5),
            ..Place::default()
        }
    }
}

/// A visit to a node that said who it is, and then everything else.
pub(crate) fn complete(addr: &str, user_agent: &[u8], start_height: i32) -> Visit {
    let version = Version {
        protocol_version: 70016,
        services: 0xc09,
        timestamp: 1_793_491_199,
        addr_recv: NetAddr::from_host(&Host::Ipv4([192, 0, 2, 1]), 8333),
        addr_from: Some(NetAddr::default()),
        nonce: Some(u64::MAX),
        user_agent: Some(user_agent.to_vec()),
        start_height: Some(start_height),
        relay: Some(1),
        trailing: Vec::new(),
    };
    let heard = Heard {
        version_payload: Some(version.encode()),
        version: Some(Box::new(version)),
        version_at: Some(Duration::from_millis(60)),
        verack_at: Some(Duration::from_millis(61)),
        answered_at: Some(Duration::from_millis(90)),
        features: Features {
            sendaddrv2: true,
            feefilter: Some(1000),
            ..Features::default()
        },
        gossip: None,
        bytes_in: 300,
        bytes_out: 200,
        story: Vec::new(),
    };
    let call = Call {
        started_at_us: STARTED_AT_US,
        took: Duration::from_millis(90),
        connect: Some(Duration::from_millis(20)),
        transport: Some(Transport::V1),
        tried: vec![Transport::V2],
        outcome: Outcome::Complete,
        reason: None,
        heard,
    };
    visit(addr, call)
}

/// A visit to a node that told of others.
pub(crate) fn telling(addr: &str, claims: &[Claim]) -> Visit {
    let mut gossip = Gossip::default();
    for claim in claims {
        gossip.note(Ok(*claim));
    }
    let mut visit = complete(addr, b"/Satoshi:27.1.0/", 900_000);
    visit.call.heard.gossip = Some(gossip);
    visit
}

/// A visit that brought no connection.
pub(crate) fn failed(addr: &str, outcome: Outcome) -> Visit {
    visit(addr, Call::not_connected(STARTED_AT_US, outcome, None))
}

/// A visit that was not made, because there was no way.
pub(crate) fn not_tried(addr: &str) -> Visit {
    visit(addr, Call::not_tried(NotTried::NetworkOff, STARTED_AT_US))
}

fn visit(addr: &str, call: Call) -> Visit {
    Visit {
        addr: PeerAddr::parse(addr, 8333).unwrap(),
        source: 0,
        attempt: 1,
        dialect: Dialect::Modern,
        call,
    }
}

prop_compose! {
    /// Any visit that could ever be, with times in whole microseconds.
    pub(crate) fn any_visit()(
        addr in any_addr(),
        source: u16,
        attempt: u16,
        dialect in prop::sample::select(&Dialect::ALL[..]),
        started_at_us: i64,
        took in any_moment(),
        connect in any_moment(),
        transport in option::of(any_transport()),
        tried in prop::collection::vec(any_transport(), 0..3),
        outcome in any_outcome(),
        words in option::of(".{0,20}"),
        heard in any_heard(),
    ) -> Visit {
        let reason = match outcome {
            Outcome::NotTried(why) => Some(why.code().to_owned()),
            _ => words,
        };
        let heard = match outcome {
            Outcome::MalformedVersion => Heard { version: None, ..heard },
            _ => heard,
        };
        let took = took.unwrap_or_default();
        let call = Call { started_at_us, took, connect, transport, tried, outcome, reason, heard };
        Visit { addr, source, attempt, dialect, call }
    }
}

prop_compose! {
    fn any_heard()(
        version_payload in option::of(any_payload()),
        version_at in any_moment(),
        verack_at in any_moment(),
        answered_at in any_moment(),
        features in any_features(),
        gossip in option::of(any_gossip()),
        bytes_in: u64,
        bytes_out: u64,
    ) -> Heard {
        let version = version_payload.as_deref().and_then(|it| Version::decode(it).ok());
        Heard {
            version: version.map(Box::new),
            version_payload,
            version_at,
            verack_at,
            answered_at,
            features,
            gossip,
            bytes_in,
            bytes_out,
            story: Vec::new(),
        }
    }
}

/// Any bytes, and versions of every age with any user agent.
fn any_payload() -> impl Strategy<Value = Vec<u8>> {
    let version = (
        any::<[u8; 46]>(),
        any::<[u8; 34]>(),
        any_user_agent(),
        any::<[u8; 9]>(),
    );
    let ends = prop::sample::select(vec![46, 72, 80, usize::MAX]);
    let versions = (version, ends).prop_map(|((start, from, user_agent, tail), end)| {
        let len = u8::try_from(user_agent.len()).unwrap();
        let mut payload = [&start[..], &from, &[len], &user_agent, &tail].concat();
        payload.truncate(end);
        payload
    });
    prop_oneof![versions, prop::collection::vec(any::<u8>(), 0..120)]
}

fn any_user_agent() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        "/Satoshi:[0-9]{1,2}/".prop_map(String::into_bytes),
        ".{0,20}".prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..100),
    ]
}

prop_compose! {
    fn any_features()(
        flags: [bool; 4],
        sendcmpct in prop::collection::vec(any::<u64>(), 0..3),
        feefilter: Option<i64>,
        sendtxrcncl: Option<u32>,
        feature in prop::collection::vec(("\\PC{0,9}", ".{0,9}"), 0..3),
        unknown in prop::collection::vec(".{0,12}", 0..3),
    ) -> Features {
        let [sendaddrv2, wtxidrelay, sendheaders, getaddr] = flags;
        Features {
            sendaddrv2, wtxidrelay, sendheaders, getaddr, sendcmpct, feefilter, sendtxrcncl, feature, unknown,
        }
    }
}

prop_compose! {
    /// Counts alone: claims are not kept with a visit.
    fn any_gossip()(counts: [u32; 7]) -> Gossip {
        let [ipv4, ipv6, onion, i2p, cjdns, onion_v2, other] = counts;
        let told = ToldCounts { ipv4, ipv6, onion, i2p, cjdns, onion_v2, other };
        Gossip { claims: Vec::new(), told }
    }
}

prop_compose! {
    /// Any claim, but for one without a time.
    pub(crate) fn any_claim()(addr in any_addr(), time: u32, services: u64) -> Claim {
        Claim { addr, time: Some(time), services }
    }
}

prop_compose! {
    /// Any address that could ever be learned.
    pub(crate) fn any_learned()(
        addr in any_addr(),
        source: u16,
        teller in option::of(any_addr()),
        time: Option<u32>,
        services: u64,
    ) -> Learned {
        Learned { addr, source, teller, time, services }
    }
}

fn any_outcome() -> impl Strategy<Value = Outcome> {
    let untried = Unroutable::ALL.map(|it| Outcome::NotTried(NotTried::Unroutable(it)));
    prop::sample::select([&Outcome::ALL[..], &untried].concat())
}

fn any_transport() -> impl Strategy<Value = Transport> {
    prop::sample::select(vec![Transport::V1, Transport::V2])
}

/// Up to 8,000 years.
fn any_moment() -> impl Strategy<Value = Option<Duration>> {
    option::of((0..1u64 << 58).prop_map(Duration::from_micros))
}

fn any_addr() -> impl Strategy<Value = PeerAddr> {
    let host = (1u8..=6, any::<[u8; 32]>()).prop_filter_map("no such host", |(id, bytes)| {
        let len = match id {
            1 => 4,
            2 | 6 => 16,
            3 => 10,
            _ => 32,
        };
        Host::from_bip155(id, &bytes[..len]).ok()
    });
    (host, any::<u16>()).prop_map(|(host, port)| PeerAddr { host, port })
}
