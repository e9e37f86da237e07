//! What another observer saw, as visits: a claim of somebody else's that is kept like a crawl, and marked as such.
//!
//! A list says less than a visit. Whoever is on it was reached, unless it says otherwise; a `version` is made of what it says
//! of one, without payload. In it, protocol version, services and timestamp are 0 where the list does not say them, and
//! `addr_recv` is all zeros.

mod file;
pub mod moment;
#[cfg(test)]
mod round_trips;

use std::collections::HashMap;
use std::time::Duration;

use listing::{Claimed, Listed, ListedNode, Uptime};
use proto::gossip::Gossip;
use proto::version::{NetAddr, Version};
use proto::visit::{Call, Dialect, Heard};
use proto::{Network, Outcome, PeerAddr, Visit};
use serde::{Deserialize, Serialize};

use crate::places::{Atlas, Place};

pub use file::Survey;

/// A node as another observer saw it.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// What a visit of ours would have kept.
    pub visit: Visit,
    /// What else was said.
    pub remarks: Remarks,
}

/// What another observer said of a node besides what a visit holds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Remarks {
    /// Where it is.
    #[serde(flatten)]
    pub place: Place,
    /// Unix seconds at which the observer's connection to it began.
    pub connected_since: Option<i64>,
    /// Whether a seeder would name it to others.
    pub is_good: Option<bool>,
    /// How much of the time it was up, in per cent.
    pub uptime: Option<Uptime>,
    /// Over how many nodes the observer came to it from its seeds.
    pub seed_distance: Option<u32>,
    /// Who told of it, and what was told.
    pub claimed: Option<Claimed>,
}

impl Seen {
    /// Reads what a list that was made at `taken_at_us` says of a node; `None` where its observer only heard of it.
    pub fn read(node: ListedNode, taken_at_us: i64) -> Option<Seen> {
        let addr = node.addr;
        let mut said = node.said.map_or_else(Listed::default, |it| *it);
        let was_called = said.is_up.is_some() || said.outcome.is_some();
        if said.claimed.is_some() && !was_called {
            return None;
        }
        let visit = match said.visit.take() {
            Some(visit) => {
                // It says so itself.
                said.connected_since = None;
                Visit {
                    source: 0,
                    ..*visit
                }
            }
            None => visit(addr, &said, taken_at_us),
        };
        let remarks = remarks(addr, said);
        Some(Seen { visit, remarks })
    }
}

fn visit(addr: PeerAddr, said: &Listed, taken_at_us: i64) -> Visit {
    let outcome = said.outcome.unwrap_or(match said.is_up {
        Some(false) => Outcome::ConnectOther,
        Some(true) | None => Outcome::Complete,
    });
    let seen_at_us = said.seen_at.and_then(|it| it.checked_mul(1_000_000));
    let connect = said.connect_us.map(Duration::from_micros);
    let handshake = said.handshake_us.map(Duration::from_micros);
    let heard = Heard {
        version: version(said).map(Box::new),
        verack_at: handshake,
        gossip: gossip(said),
        ..Heard::default()
    };
    let call = Call {
        took: handshake.or(connect).unwrap_or_default(),
        connect,
        heard,
        ..Call::not_connected(seen_at_us.unwrap_or(taken_at_us), outcome, None)
    };
    Visit {
        addr,
        source: 0,
        attempt: said.attempts.unwrap_or(1),
        dialect: Dialect::Modern,
        call,
    }
}

/// Returns what it told of others, or how many it told of where the list says no more.
fn gossip(said: &Listed) -> Option<Gossip> {
    if said.claims.is_empty() {
        return said.told.map(|told| Gossip {
            claims: Vec::new(),
            told,
        });
    }
    let mut gossip = Gossip::default();
    for claim in &said.claims {
        gossip.note(Ok(*claim));
    }
    Some(gossip)
}

/// Returns the `version` of which the list tells, if it tells of one.
fn version(said: &Listed) -> Option<Version> {
    let version = Version {
        protocol_version: small(said.protocol_version).unwrap_or_default(),
        services: said.services.unwrap_or_default(),
        timestamp: said.timestamp.unwrap_or_default(),
        addr_from: said
            .addr_from
            .map(|it| NetAddr::from_host(&it.host, it.port)),
        nonce: said.nonce,
        user_agent: said.user_agent.clone().map(String::into_bytes),
        start_height: small(said.height),
        relay: said.relay,
        ..Version::default()
    };
    (said.services.is_some() || version != Version::default()).then_some(version)
}

/// Numbers that no `version` could hold were never in one.
fn small(number: Option<i64>) -> Option<i32> {
    i32::try_from(number?).ok()
}

fn remarks(addr: PeerAddr, said: Listed) -> Remarks {
    let place = match addr.network() {
        Network::Ipv4 | Network::Ipv6 => Place {
            asn: said.as_number(),
            country: said.country,
            organisation: said.organisation,
            city: said.city,
            latitude: said.latitude,
            longitude: said.longitude,
            timezone: said.timezone,
            hostname: said.hostname,
        },
        // bitnodes puts Tor at latitude and longitude 0.
        Network::Onion | Network::I2p | Network::Cjdns => Place::default(),
    };
    Remarks {
        place,
        connected_since: said.connected_since,
        is_good: said.is_good,
        uptime: said.uptime,
        seed_distance: said.seed_distance,
        claimed: said.claimed,
    }
}

/// Places that an observer told.
impl Atlas for HashMap<PeerAddr, Place> {
    fn place(&self, addr: &PeerAddr) -> Place {
        self.get(addr).cloned().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::gossip::{Claim, ToldCounts};

    const TAKEN_AT_US: i64 = 1_663_113_591_000_000;

    #[test]
    fn what_a_list_says_becomes_a_visit_and_remarks() {
        let said = Listed {
            protocol_version: Some(70016),
            user_agent: Some("/x/".to_owned()),
            services: Some(u64::MAX),
            height: Some(i64::MAX),
            connected_since: Some(1_663_092_550),
            country: Some("DE".to_owned()),
            asn: Some("AS24940".to_owned()),
            latitude: Some(50.5),
            seen_at: Some(7),
            timestamp: Some(-1),
            connect_us: Some(20),
            handshake_us: Some(50),
            attempts: Some(3),
            seed_distance: Some(2),
            addr_from: Some(addr("1.2.3.4:5")),
            told: Some(ToldCounts {
                ipv4: 9,
                ..ToldCounts::default()
            }),
            ..Listed::default()
        };
        let seen = read("1.2.3.4:8333", said).unwrap();
        let version = Version {
            protocol_version: 70016,
            services: u64::MAX,
            timestamp: -1,
            addr_from: Some(NetAddr::from_host(&addr("1.2.3.4:5").host, 5)),
            user_agent: Some(b"/x/".to_vec()),
            ..Version::default()
        };
        let heard = Heard {
            version: Some(Box::new(version)),
            verack_at: Some(Duration::from_micros(50)),
            gossip: Some(Gossip {
                claims: Vec::new(),
                told: ToldCounts {
                    ipv4: 9,
                    ..ToldCounts::default()
                },
            }),
            ..Heard::default()
        };
        let call = Call {
            took: Duration::from_micros(50),
            connect: Some(Duration::from_micros(20)),
            heard,
            ..Call::not_connected(7_000_000, Outcome::Complete, None)
        };
        let visit = Visit {
            addr: addr("1.2.3.4:8333"),
            source: 0,
            attempt: 3,
            dialect: Dialect::Modern,
            call,
        };
        let remarks = Remarks {
            place: Place {
                country: Some("DE".to_owned()),
                asn: Some(24_940),
                latitude: Some(50.5),
                ..Place::default()
            },
            connected_since: Some(1_663_092_550),
            seed_distance: Some(2),
            ..Remarks::default()
        };
        assert_eq!(seen, Seen { visit, remarks });
    }

    #[test]
    fn a_list_that_says_nothing_more_says_that_a_node_was_there_when_it_was_made() {
        let seen = read("1.2.3.4:8333", Listed::default()).unwrap();
        let call = Call::not_connected(TAKEN_AT_US, Outcome::Complete, None);
        assert_eq!(seen.visit.call, call);
        assert_eq!(seen.remarks, Remarks::default());
    }

    #[test]
    fn what_is_in_no_place_is_in_none() {
        let said = Listed {
            latitude: Some(0.0),
            asn: Some("TOR".to_owned()),
            ..Listed::default()
        };
        let seen = read(crate::samples::ONION, said).unwrap();
        assert_eq!(seen.remarks, Remarks::default());
    }

    #[test]
    fn claims_of_a_teller_are_counted() {
        let claim = Claim {
            addr: addr("1.2.3.5:8333"),
            time: None,
            services: 0,
        };
        let said = Listed {
            is_up: Some(true),
            claims: vec![claim],
            ..Listed::default()
        };
        let gossip = read("1.2.3.4:8333", said).unwrap().visit.call.heard.gossip;
        let told = ToldCounts {
            ipv4: 1,
            ..ToldCounts::default()
        };
        let claims = vec![claim];
        assert_eq!(gossip, Some(Gossip { claims, told }));
    }

    #[test]
    fn a_visit_of_an_export_of_ours_is_as_it_was() {
        let visit = crate::samples::complete("1.2.3.4:8333", b"/\xff/", 7);
        let node = ListedNode::from(visit.clone());
        let remarks = Remarks::default();
        assert_eq!(Seen::read(node, TAKEN_AT_US), Some(Seen { visit, remarks }));
    }

    fn read(at: &str, said: Listed) -> Option<Seen> {
        let said = Some(Box::new(said));
        let node = ListedNode {
            addr: addr(at),
            said,
        };
        Seen::read(node, TAKEN_AT_US)
    }

    fn addr(text: &str) -> PeerAddr {
        PeerAddr::parse(text, 0).unwrap()
    }
}
