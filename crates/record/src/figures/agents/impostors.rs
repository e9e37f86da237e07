//! Nodes that say they are Bitcoin Core, and cannot be the release that they name.

use std::cmp::Reverse;
use std::ops::RangeInclusive;

use jiff::civil::Date;
use proto::protocol_version::HAS_ADDRV2;
use proto::services;
use proto::version::Version;
use proto::visit::Dialect;
use proto::{Outcome, Visit};
use serde::Serialize;

use super::agent::Agent;
use super::names::CORE;
use super::releases::{self, Doubt, Number};
use crate::summary::{Count, Top};

/// How many impostors are listed.
const N_LISTED: usize = 50;
/// How many of their user agents are told apart.
const N_AGENTS: usize = 20;

/// What [`Impostors`] is, for people.
pub(super) const IMPOSTORS: &str = "reachable addresses whose user agent is Bitcoin Core's and names no fork, but whose release never was, was not \
     out yet, or does not have the protocol version, services, fields or messages that they show; \
     changed copies of Bitcoin Core are among them";

/// Nodes that cannot be what they say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Impostors {
    /// How many there are.
    pub n: u64,
    /// How many nodes say that they are a release of Bitcoin Core.
    pub n_claiming: u64,
    /// By what they are told; one may show several signs.
    pub signs: Vec<SignCount>,
    /// Their user agents.
    pub user_agents: Top,
    /// The first of them with most signs, in the order of their addresses.
    pub listed: Vec<Impostor>,
}

/// How many nodes show one sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SignCount {
    /// The word for it.
    pub sign: &'static str,
    /// What it is, for people.
    pub meaning: &'static str,
    /// How many show it.
    pub n: u64,
}

/// One node that cannot be what it says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Impostor {
    /// Its address.
    pub addr: String,
    /// What it says it is: hostile text.
    pub user_agent: String,
    /// Its protocol version.
    pub protocol_version: i32,
    /// Its service bits.
    pub services: u64,
    /// By what it is told.
    pub signs: Vec<&'static str>,
}

/// What a release of Bitcoin Core does not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sign {
    NeverReleased,
    NotYetReleased,
    WrongProtocol,
    LaterService,
    MissingService,
    ForeignService,
    WrongFields,
    NoAddrV2,
}

impl Sign {
    const ALL: [Sign; 8] = [
        Sign::NeverReleased,
        Sign::NotYetReleased,
        Sign::WrongProtocol,
        Sign::LaterService,
        Sign::MissingService,
        Sign::ForeignService,
        Sign::WrongFields,
        Sign::NoAddrV2,
    ];

    fn code(self) -> &'static str {
        match self {
            Sign::NeverReleased => "never_released",
            Sign::NotYetReleased => "not_yet_released",
            Sign::WrongProtocol => "wrong_protocol",
            Sign::LaterService => "later_service",
            Sign::MissingService => "missing_service",
            Sign::ForeignService => "foreign_service",
            Sign::WrongFields => "wrong_fields",
            Sign::NoAddrV2 => "no_addrv2",
        }
    }

    fn meaning(self) -> &'static str {
        match self {
            Sign::NeverReleased => "no release has that number",
            Sign::NotYetReleased => "that release came out later",
            Sign::WrongProtocol => "that release announces another protocol version",
            Sign::LaterService => "it offers a service that came with a later release",
            Sign::MissingService => "it does not offer what that release always offers",
            Sign::ForeignService => "it offers a service that Bitcoin Core never had",
            Sign::WrongFields => {
                "its version has no relay byte, another than 0 or 1, or bytes behind it"
            }
            Sign::NoAddrV2 => "it did not announce addrv2, as all do since 0.21 (BIP 155)",
        }
    }
}

/// A service that Bitcoin Core has since a release, or the development before it.
struct Since {
    bit: u64,
    release: Number,
    /// Whether every node of it has it.
    is_always_there: bool,
}

const WITNESS: u64 = 1 << 3;
const COMPACT_FILTERS: u64 = 1 << 6;
const NETWORK_LIMITED: u64 = 1 << 10;

const SERVICES_SINCE: &[Since] = &[
    Since {
        bit: WITNESS,
        release: Number([0, 12, 99, 0]),
        is_always_there: false,
    },
    Since {
        bit: WITNESS,
        release: Number([0, 14, 0, 0]),
        is_always_there: true,
    },
    Since {
        bit: NETWORK_LIMITED,
        release: Number([0, 15, 99, 0]),
        is_always_there: false,
    },
    Since {
        bit: NETWORK_LIMITED,
        release: Number([0, 17, 0, 0]),
        is_always_there: true,
    },
    Since {
        bit: COMPACT_FILTERS,
        release: Number([0, 20, 99, 0]),
        is_always_there: false,
    },
    Since {
        bit: services::P2P_V2,
        release: Number([25, 99, 0, 0]),
        is_always_there: false,
    },
];

/// Bits that some release of Bitcoin Core has had, and those for experiments (24 to 31), which patches use.
const CORE_SERVICES: u64 =
    0b101 | WITNESS | COMPACT_FILTERS | NETWORK_LIMITED | services::P2P_V2 | 0xff << 24;

/// A release of Bitcoin Core that a node says it is, and what is known of that.
pub(super) struct Claim {
    number: Number,
    doubt: Option<Doubt>,
    /// What it and the later ones of its series speak: people build from the branch.
    protocol_versions: Option<RangeInclusive<i32>>,
}

impl Claim {
    /// Returns what a node claims that says it is Bitcoin Core and no fork of it; `on` is the day when it did.
    pub(super) fn of(agent: &Agent, on: Option<Date>) -> Option<Claim> {
        let is_core = agent.implementation == Some(CORE) && agent.fork.is_none();
        let number = agent.core_release.filter(|_| is_core)?;
        let first = releases::find(number);
        let last = releases::in_series(number).last();
        let range = first
            .zip(last)
            .map(|(a, b)| a.protocol_version..=b.protocol_version);
        Some(Claim {
            number,
            doubt: on.and_then(|it| releases::doubt(number, it)),
            protocol_versions: range,
        })
    }

    /// Returns what that release does not do, but `visit` shows.
    pub(super) fn signs(&self, visit: &Visit) -> Vec<Sign> {
        let heard = &visit.call.heard;
        let Some(version) = heard.version.as_deref() else {
            return Vec::new();
        };
        // Of an observer that we imported, whatever he did not say is 0 or absent.
        let is_raw = heard.version_payload.is_some();
        Sign::ALL
            .into_iter()
            .filter(|it| self.shows(*it, visit, version, is_raw))
            .collect()
    }

    fn shows(&self, sign: Sign, visit: &Visit, version: &Version, is_raw: bool) -> bool {
        let services = version.services;
        let since = |is_always_there| {
            let since = SERVICES_SINCE.iter();
            since.filter(move |it| it.is_always_there == is_always_there)
        };
        let is_since = |major| self.number >= Number(major);
        match sign {
            Sign::NeverReleased => self.doubt == Some(Doubt::NeverReleased),
            Sign::NotYetReleased => self.doubt == Some(Doubt::NotYetReleased),
            Sign::WrongProtocol => {
                let is_said = is_raw || version.protocol_version != 0;
                let expected = self.protocol_versions.as_ref();
                is_said && expected.is_some_and(|it| !it.contains(&version.protocol_version))
            }
            Sign::LaterService => {
                since(false).any(|it| services & it.bit != 0 && self.number < it.release)
            }
            Sign::MissingService => {
                let is_said = is_raw || services != 0;
                is_said && since(true).any(|it| services & it.bit == 0 && self.number >= it.release)
            }
            Sign::ForeignService => services & !CORE_SERVICES != 0,
            Sign::WrongFields => {
                let is_whole =
                    version.relay.is_some_and(|it| it <= 1) && version.trailing.is_empty();
                is_raw && is_since([0, 8, 0, 0]) && !is_whole
            }
            Sign::NoAddrV2 => {
                let is_due = visit.call.outcome == Outcome::Complete
                    && visit.dialect == Dialect::Modern
                    && version.protocol_version >= HAS_ADDRV2;
                let is_there = visit.call.heard.features.sendaddrv2;
                is_raw && is_since([0, 21, 0, 0]) && is_due && !is_there
            }
        }
    }
}

impl Impostors {
    /// Counts those of `nodes` that show signs; all of them say that they are Bitcoin Core.
    pub(super) fn of(nodes: &[(&Visit, Vec<Sign>)]) -> Impostors {
        let mut impostors: Vec<_> = nodes
            .iter()
            .filter(|(_, signs)| !signs.is_empty())
            .collect();
        impostors.sort_by_key(|(visit, signs)| (Reverse(signs.len()), visit.addr));
        let count = |sign: Sign| SignCount {
            sign: sign.code(),
            meaning: sign.meaning(),
            n: impostors
                .iter()
                .filter(|(_, it)| it.contains(&sign))
                .count() as u64,
        };
        let agents = impostors.iter().map(|(visit, _)| Some(user_agent(visit)));
        Impostors {
            n: impostors.len() as u64,
            n_claiming: nodes.len() as u64,
            signs: Sign::ALL
                .map(count)
                .into_iter()
                .filter(|it| it.n > 0)
                .collect(),
            user_agents: Top::of(agents, N_AGENTS),
            listed: impostors
                .iter()
                .take(N_LISTED)
                .map(|it| Impostor::of(it))
                .collect(),
        }
    }

    /// Returns the signs as names with numbers.
    pub(super) fn sign_counts(&self) -> Vec<Count> {
        let count = |it: &SignCount| Count {
            name: Some(it.meaning.to_owned()),
            n: it.n,
        };
        self.signs.iter().map(count).collect()
    }
}

impl Impostor {
    fn of((visit, signs): &(&Visit, Vec<Sign>)) -> Impostor {
        let version = visit.call.heard.version.as_deref();
        Impostor {
            addr: visit.addr.to_string(),
            user_agent: user_agent(visit),
            protocol_version: version.map_or(0, |it| it.protocol_version),
            services: version.map_or(0, |it| it.services),
            signs: signs.iter().map(|it| it.code()).collect(),
        }
    }
}

fn user_agent(visit: &Visit) -> String {
    let version = visit.call.heard.version.as_deref();
    let bytes = version.and_then(|it| it.user_agent.as_deref());
    String::from_utf8_lossy(super::start(bytes.unwrap_or_default())).into_owned()
}
