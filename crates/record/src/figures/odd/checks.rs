//! The ways in which a reachable node can be odd: a table, so that a new one is a new entry.

use std::collections::HashMap;

use jiff::civil::Date;
use proto::limits::MAX_USER_AGENT;
use proto::protocol_version::{HAS_VERACK, OURS, PROTOCOL_VERSIONS};
use proto::version::Version;
use proto::visit::Dialect;
use proto::{Outcome, PeerAddr};

use super::{Finding, N_LISTED, OddNode};
use crate::figures::Node;
use crate::figures::agents::{Agent, Group, releases};

/// The first protocol version whose `version` has a relay byte (BIP 37).
const HAS_RELAY: i32 = 70_001;
/// From here on protocol versions were no longer those of the software, and each meant something (BIP 14).
const EACH_MEANS_SOMETHING: i32 = 60_000;
/// The lowest protocol version that any software had.
const FIRST: i32 = 101;
/// How old software is that is called old, in days: ten years.
const OLD_DAYS: i32 = 3_652;

/// What is known of one node that said its `version`.
pub(super) struct Seen<'a> {
    pub(super) addr: PeerAddr,
    pub(super) version: &'a Version,
    pub(super) user_agent: Option<&'a str>,
    /// When its software came out.
    pub(super) released_on: Option<Date>,
    agent: &'a Agent,
    /// Whether its user agent has characters that are not to be seen.
    has_controls: bool,
    outcome: Outcome,
    dialect: Dialect,
    /// The day on which it was seen.
    on: Option<Date>,
    /// Whether we have the message as it was sent: of an observer that we imported, what he did not say is 0 or absent.
    pub(super) is_raw: bool,
}

impl<'a> Seen<'a> {
    /// Looks at each node that has the same user agent.
    pub(super) fn each(group: &'a Group<'a>, on: Option<Date>) -> impl Iterator<Item = Seen<'a>> {
        let has_controls = group
            .text
            .as_ref()
            .is_some_and(|it| it.chars().any(is_control));
        let seen = move |node: &'a Node| {
            let (visit, version) = (&node.visit, node.version()?);
            Some(Seen {
                addr: visit.addr,
                version,
                user_agent: group.text.as_deref(),
                released_on: group.released_on(version.protocol_version),
                agent: &group.agent,
                has_controls,
                outcome: visit.call.outcome,
                dialect: visit.dialect,
                on,
                is_raw: visit.call.heard.version_payload.is_some(),
            })
        };
        group.nodes.iter().copied().filter_map(seen)
    }

    /// Returns the protocol version, where it was told.
    pub(super) fn protocol_version(&self) -> Option<i32> {
        let version = self.version.protocol_version;
        (self.is_raw || version != 0).then_some(version)
    }

    /// Returns the bytes of the user agent, where we have them as they were sent.
    fn raw_user_agent(&self) -> Option<&[u8]> {
        let bytes = self.version.user_agent.as_deref();
        bytes.filter(|_| self.is_raw)
    }

    fn listed(&self, what: Option<String>) -> OddNode {
        OddNode {
            addr: self.addr.to_string(),
            what,
            user_agent: self.user_agent.map(str::to_owned),
            protocol_version: self.protocol_version(),
            start_height: self.version.start_height,
            released_on: self.released_on.map(|it| it.to_string()),
        }
    }
}

/// One way of being odd.
pub(super) struct Check {
    kind: &'static str,
    meaning: &'static str,
    /// Says whether a node is odd in this way, and how much or in which form.
    degree: fn(&Seen<'_>) -> Option<i64>,
    /// Says that in words, where it is of interest.
    what: fn(&Seen<'_>) -> Option<String>,
    order: Order,
}

/// Which nodes are listed first.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    /// Those with the lowest degree.
    Lowest,
    /// Those that share degree and user agent with the fewest.
    Rarest,
}

impl Check {
    /// Finds the nodes that are odd in this way.
    pub(super) fn run(&self, seen: &[Seen<'_>]) -> Finding {
        let hits = seen.iter().filter_map(|it| Some(((self.degree)(it)?, it)));
        let hits: Vec<(i64, &Seen<'_>)> = hits.collect();
        let mut n_alike: HashMap<_, i64> = HashMap::new();
        for (degree, it) in &hits {
            *n_alike.entry((degree, it.user_agent)).or_default() += 1;
        }
        let mut ranked: Vec<(i64, &Seen<'_>)> = Vec::with_capacity(hits.len());
        for (degree, it) in &hits {
            let rank = match self.order {
                Order::Lowest => *degree,
                Order::Rarest => n_alike[&(degree, it.user_agent)],
            };
            ranked.push((rank, it));
        }
        ranked.sort_by_key(|(rank, it)| (*rank, it.addr));
        let listed = ranked.iter().take(N_LISTED);
        Finding {
            kind: self.kind,
            meaning: self.meaning,
            n: hits.len() as u64,
            nodes: listed.map(|(_, it)| it.listed((self.what)(it))).collect(),
        }
    }
}

/// Every way, from the old to the broken.
pub(super) const CHECKS: &[Check] = &[
    Check {
        kind: "old_protocol",
        meaning: "a protocol version below 70001 of February 2013, when the relay byte came",
        degree: |it| {
            let version = it.protocol_version()?;
            (FIRST..HAS_RELAY)
                .contains(&version)
                .then_some(version.into())
        },
        what: |_| None,
        order: Order::Lowest,
    },
    Check {
        kind: "old_software",
        meaning: "software that came out more than ten years before the crawl",
        degree: |it| {
            let age = (it.on? - it.released_on?).get_days();
            (age > OLD_DAYS).then_some((-age).into())
        },
        what: |_| None,
        order: Order::Lowest,
    },
    Check {
        kind: "old_dialect",
        meaning: "understood us only when we spoke as in 2010 or 2011",
        degree: |it| match it.dialect {
            Dialect::Modern => None,
            Dialect::Old => Some(1),
            Dialect::OldNoChecksum => Some(0),
        },
        what: |it| Some(it.dialect.name().to_owned()),
        order: Order::Lowest,
    },
    Check {
        kind: "negative_protocol",
        meaning: "a protocol version below zero",
        degree: |it| Some(it.protocol_version()?.into()).filter(|it| *it < 0),
        what: |_| None,
        order: Order::Rarest,
    },
    Check {
        kind: "future_protocol",
        meaning: "a protocol version above 70017, which is the highest that any software had when this was written",
        degree: |it| Some(it.protocol_version()?.into()).filter(|it| *it > i64::from(OURS)),
        what: |_| None,
        order: Order::Rarest,
    },
    Check {
        kind: "invented_protocol",
        meaning: "a protocol version that no release of Bitcoin Core announced, below 101 or from 60000 on",
        degree: |it| {
            let version = it.protocol_version()?;
            let is_known = PROTOCOL_VERSIONS.iter().any(|it| it.version == version)
                || releases::first_with(version).is_some();
            let each_is_known =
                (0..FIRST).contains(&version) || (EACH_MEANS_SOMETHING..=OURS).contains(&version);
            (each_is_known && !is_known).then_some(version.into())
        },
        what: |_| None,
        order: Order::Rarest,
    },
    Check {
        kind: "missing_relay",
        meaning: "no relay byte, though its protocol has it since 70001 (BIP 37 lets it be absent)",
        degree: |it| {
            let version = it.version;
            let is_cut = version.start_height.is_some() && version.relay.is_none();
            (it.is_raw && version.protocol_version >= HAS_RELAY && is_cut).then_some(0)
        },
        what: |_| None,
        order: Order::Rarest,
    },
    Check {
        kind: "odd_relay",
        meaning: "a relay byte other than 0 and 1",
        degree: |it| Some(it.version.relay?.into()).filter(|relay| it.is_raw && *relay > 1),
        what: |it| Some(format!("relay {}", it.version.relay?)),
        order: Order::Rarest,
    },
    Check {
        kind: "short_version",
        meaning: "a version that ends before its height, as until 2010",
        degree: |it| Some(n_fields(it.version)).filter(|n| it.is_raw && *n < 4),
        what: |it| {
            let missing = ["addr_from", "nonce", "user agent", "height"];
            let first = missing.get(usize::try_from(n_fields(it.version)).ok()?)?;
            Some(format!("no {first}"))
        },
        order: Order::Lowest,
    },
    Check {
        kind: "trailing_bytes",
        meaning: "more bytes behind the relay byte, where no version has any",
        degree: |it| {
            let n = i64::try_from(it.version.trailing.len()).ok()?;
            (it.is_raw && n > 0).then_some(n)
        },
        what: |it| Some(format!("{} bytes", it.version.trailing.len())),
        order: Order::Rarest,
    },
    Check {
        kind: "zero_nonce",
        meaning: "a nonce of 0, by which nobody finds out that he called himself",
        degree: |it| (it.is_raw && it.version.nonce == Some(0)).then_some(0),
        what: |_| None,
        order: Order::Rarest,
    },
    Check {
        kind: "agent_empty",
        meaning: "an empty user agent, from a time that had them (BIP 14)",
        degree: |it| {
            let is_due = it.version.protocol_version >= EACH_MEANS_SOMETHING;
            (is_due && it.raw_user_agent()?.is_empty()).then_some(0)
        },
        what: |_| None,
        order: Order::Rarest,
    },
    Check {
        kind: "agent_no_utf8",
        meaning: "a user agent that is no UTF-8",
        degree: |it| str::from_utf8(it.raw_user_agent()?).is_err().then_some(0),
        what: |_| None,
        order: Order::Rarest,
    },
    Check {
        kind: "agent_long",
        meaning: "a user agent of more than 256 bytes, for which Bitcoin Core hangs up",
        degree: |it| {
            let n = it.raw_user_agent()?.len();
            i64::try_from(n).ok().filter(|_| n > MAX_USER_AGENT)
        },
        what: |it| Some(format!("{} bytes", it.raw_user_agent()?.len())),
        order: Order::Rarest,
    },
    Check {
        kind: "agent_controls",
        meaning: "control characters in the user agent, or some that turn or hide text",
        degree: |it| it.has_controls.then_some(0),
        what: |_| None,
        order: Order::Rarest,
    },
    Check {
        kind: "agent_markup",
        meaning: "a user agent with < or >, as for a web page that does not escape it",
        degree: |it| it.user_agent?.contains(['<', '>']).then_some(0),
        what: |_| None,
        order: Order::Rarest,
    },
    Check {
        kind: "agent_no_bip14",
        meaning: "a user agent without the form of BIP 14: /Name:Version(Comment)/",
        degree: |it| {
            let is_due = it
                .protocol_version()
                .is_none_or(|it| it >= EACH_MEANS_SOMETHING);
            let is_text = !it.user_agent?.is_empty();
            (is_due && is_text && !it.agent.is_bip14).then_some(0)
        },
        what: |_| None,
        order: Order::Rarest,
    },
    Check {
        kind: "no_verack",
        meaning: "said its version and no verack, though its protocol has one since 209",
        degree: |it| {
            let is_due = it.is_raw && it.version.protocol_version >= HAS_VERACK;
            (is_due && it.outcome == Outcome::VersionOnly).then_some(0)
        },
        what: |_| None,
        order: Order::Rarest,
    },
];

/// Returns how many of the fields behind `addr_recv` there are, up to the height.
fn n_fields(version: &Version) -> i64 {
    let are_there = [
        version.addr_from.is_some(),
        version.nonce.is_some(),
        version.user_agent.is_some(),
        version.start_height.is_some(),
    ];
    are_there
        .into_iter()
        .take_while(|it| *it)
        .map(i64::from)
        .sum()
}

/// Whether that is no character to be seen where it stands.
fn is_control(char: char) -> bool {
    let turns_or_hides = matches!(
        char,
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'
    );
    char.is_control() || turns_or_hides
}
