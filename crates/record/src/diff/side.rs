//! One side of a comparison: what an observer says of every address it knows.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use listing::{Listed, ListedNode};
use proto::gossip::ToldCounts;
use proto::limits::MAX_USER_AGENT;
use proto::outcome::{NotTried, Outcome};
use proto::{PeerAddr, Visit};
use serde::Serialize;

use crate::figures::Snapshot;
use crate::places::Place;

/// Lists whose nodes were seen over more than this are said to be so.
const LONG: Duration = Duration::from_hours(24);

/// What an observer says of every address it knows.
#[derive(Clone, Debug, PartialEq)]
pub struct Side {
    /// What people call it.
    pub name: String,
    /// How it came to be.
    pub observation: Observation,
    /// When it was observed, microseconds since 1970: the begin of a crawl, or the latest time that a list names.
    pub at_us: Option<i64>,
    /// What it says of whom.
    pub entries: BTreeMap<PeerAddr, Entry>,
    /// How many addresses its crawl heard of and left out, by reason.
    pub left_out: BTreeMap<String, u64>,
}

/// How a side came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Observation {
    /// By a crawl of the store.
    Crawl,
    /// By somebody who wrote a list, read as it is or imported.
    List,
}

/// What is known of one address.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Whether the side has it as up.
    pub state: State,
    /// What the side says of it; nothing of most that are not up.
    pub says: Option<Box<Says>>,
}

/// Whether an address is up, and why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is.
    Up,
    /// It was, so long before the others that nobody knows.
    Stale,
    /// A list says that it is not.
    Down,
    /// Others told the list's observer of it, and nobody called it.
    HeardOf,
    /// A visit to it ended so.
    Failed(Outcome),
}

/// What a side says of an address; whatever it does not say is absent.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Says {
    /// When somebody last spoke with it, microseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seen_at_us: Option<i64>,
    /// Since when it has been up, microseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub up_since_us: Option<i64>,
    /// The protocol version in its `version`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol_version: Option<i64>,
    /// Its user agent: hostile text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// Its service bits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub services: Option<u64>,
    /// The height that it claims.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<i64>,
    /// The two letters of its country.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// The number of its autonomous system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asn: Option<u32>,
    /// How many addresses it told, where it was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub addresses_told: Option<u64>,
    /// Which of a crawl's sources named it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// What a side is, in numbers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SideFacts {
    /// What people call it.
    pub name: String,
    /// How it came to be.
    pub observation: Observation,
    /// When it was observed, microseconds since 1970.
    pub at_us: Option<i64>,
    /// Addresses that it knows.
    pub known: u64,
    /// Those that it has as up.
    pub up: u64,
    /// Those that were up too long before the others.
    pub stale: u64,
    /// Those that are up and of which it says when somebody last spoke with them.
    pub timed: u64,
    /// Those that are up and of which it says since when they have been.
    pub held: u64,
    /// Those of the timed ones that somebody last spoke with more than a day before the side's time.
    pub older_than_a_day: u64,
    /// Addresses that the crawl heard of and left out, by reason.
    pub left_out: BTreeMap<String, u64>,
}

impl Side {
    /// Makes a side of what a crawl found; `up_since_us` says since when nodes have been up, microseconds since 1970.
    ///
    /// A crawl that another observer's list was imported as is a list here too.
    pub fn of_crawl(snapshot: Snapshot, up_since_us: &HashMap<PeerAddr, i64>) -> Side {
        let Snapshot {
            crawl,
            nodes,
            unreached,
        } = snapshot;
        let (name, observation) = match &crawl.observer {
            None => (format!("crawl {}", crawl.id), Observation::Crawl),
            Some(observer) => {
                let name = format!("crawl {}, imported from {observer}", crawl.id);
                (name, Observation::List)
            }
        };
        let up = nodes.into_iter().map(|it| {
            let addr = it.visit.addr;
            let source = crawl.sources.get(usize::from(it.visit.source));
            let mut says = Says::of_visit(&it.visit, it.place);
            says.up_since_us = up_since_us.get(&addr).copied();
            match observation {
                Observation::Crawl => says.source = source.cloned(),
                Observation::List => says.forget_zeros(),
            }
            (addr, Entry::up(says))
        });
        let failed = unreached.into_iter().map(|it| {
            let state = State::Failed(it.outcome);
            (it.addr, Entry { state, says: None })
        });
        Side {
            name,
            observation,
            at_us: Some(crawl.started_at_us),
            entries: up.chain(failed).collect(),
            left_out: crawl.left_out,
        }
    }

    /// Has addresses no longer be up with which somebody last spoke more than `max_age` before the side's time.
    ///
    /// A list that says since when its observer has held a connection, as bitnodes' does, is of nodes that were all up when
    /// it was written: that time makes nobody stale, however old it is. Addresses of which no time is known stay.
    pub fn leave_out_stale(&mut self, max_age: Duration) {
        let Some(oldest_us) = self.earlier_by(max_age) else {
            return;
        };
        for entry in self.entries.values_mut() {
            let seen_at_us = entry.says.as_ref().and_then(|it| it.seen_at_us);
            if entry.state == State::Up && seen_at_us.is_some_and(|it| it < oldest_us) {
                entry.state = State::Stale;
            }
        }
    }

    /// Returns the addresses that are up, in their order, and what is said of them.
    pub(super) fn up(&self) -> impl Iterator<Item = (&PeerAddr, &Says)> {
        let entries = self.entries.iter();
        entries.filter_map(|(addr, entry)| Some((addr, entry.says_if_up()?)))
    }

    /// Whether it has this address as up.
    pub(super) fn has(&self, addr: &PeerAddr) -> bool {
        self.says(addr).is_some()
    }

    /// Returns what it says of an address that is up.
    pub(super) fn says(&self, addr: &PeerAddr) -> Option<&Says> {
        self.entries.get(addr)?.says_if_up()
    }

    /// Returns why an address is not up, in a word that is stored and served.
    pub(super) fn why_not(&self, addr: &PeerAddr) -> String {
        match (self.entries.get(addr).map(|it| it.state), self.observation) {
            (Some(State::Up), _) => "up".to_owned(),
            (Some(State::Stale), _) => "stale".to_owned(),
            (Some(State::Down), _) => "listed_as_down".to_owned(),
            (Some(State::HeardOf), _) => "heard_of".to_owned(),
            (Some(State::Failed(Outcome::NotTried(why))), _) => format!("not_tried {}", why.code()),
            (Some(State::Failed(outcome)), _) => outcome.code().to_owned(),
            (None, Observation::Crawl) => "not_known".to_owned(),
            (None, Observation::List) => "not_listed".to_owned(),
        }
    }

    /// Counts.
    pub(super) fn facts(&self) -> SideFacts {
        let n = |state| self.entries.values().filter(|it| it.state == state).count() as u64;
        let seen = self.up().filter_map(|(_, says)| says.seen_at_us);
        let seen: Vec<i64> = seen.collect();
        let oldest_us = self.earlier_by(LONG);
        SideFacts {
            name: self.name.clone(),
            observation: self.observation,
            at_us: self.at_us,
            known: self.entries.len() as u64,
            up: n(State::Up),
            stale: n(State::Stale),
            timed: seen.len() as u64,
            held: self.up().filter(|(_, it)| it.up_since_us.is_some()).count() as u64,
            older_than_a_day: seen.iter().filter(|it| Some(**it) < oldest_us).count() as u64,
            left_out: self.left_out.clone(),
        }
    }

    fn earlier_by(&self, age: Duration) -> Option<i64> {
        let age_us = i64::try_from(age.as_micros()).unwrap_or(i64::MAX);
        Some(self.at_us?.saturating_sub(age_us))
    }
}

/// Returns what a word of [`Side::why_not`] means, in one line for people.
pub(super) fn meaning_of(why: &str) -> &'static str {
    match why {
        "up" => "it has it as up",
        "stale" => "it was up, but too long before the others",
        "listed_as_down" => "the list says that it is down",
        "heard_of" => "the observer heard of it, and did not call it",
        "not_listed" => "the list does not name it",
        "not_known" => "the crawl did not hear of it, or left it out",
        word => match word.split_once(' ') {
            Some((_, reason)) => NotTried::from_code(reason).map_or("", meaning_of_not_tried),
            None => Outcome::from_code(word, None).map_or("", Outcome::meaning),
        },
    }
}

fn meaning_of_not_tried(why: NotTried) -> &'static str {
    match why {
        NotTried::Unroutable(_) => "no node of the public network has such an address",
        NotTried::NetworkOff => "the crawl had no way into its network",
        NotTried::OptedOut => "its operator does not want to be called",
        NotTried::TooSoon => "it had been called a moment before",
    }
}

impl State {
    fn of_listed(listed: &Listed) -> State {
        match (listed.outcome, listed.is_up) {
            (Some(outcome), _) if outcome.is_reachable() => State::Up,
            (Some(outcome), _) => State::Failed(outcome),
            (None, Some(true)) => State::Up,
            (None, Some(false)) => State::Down,
            (None, None) if listed.claimed.is_some() => State::HeardOf,
            (None, None) => State::Up,
        }
    }
}

impl Entry {
    fn up(says: Says) -> Entry {
        Entry {
            state: State::Up,
            says: Some(Box::new(says)),
        }
    }

    fn says_if_up(&self) -> Option<&Says> {
        match self.state {
            State::Up => self.says.as_deref(),
            State::Stale | State::Down | State::HeardOf | State::Failed(_) => None,
        }
    }
}

impl Says {
    fn of_visit(visit: &Visit, place: Place) -> Says {
        let heard = &visit.call.heard;
        let version = heard.version.as_deref();
        let user_agent = version.and_then(|it| it.user_agent.as_deref());
        Says {
            seen_at_us: Some(visit.call.started_at_us),
            protocol_version: version.map(|it| it.protocol_version.into()),
            user_agent: user_agent.map(|it| {
                let start = &it[..it.len().min(MAX_USER_AGENT)];
                String::from_utf8_lossy(start).into_owned()
            }),
            services: version.map(|it| it.services),
            height: version.and_then(|it| Some(it.start_height?.into())),
            country: place.country,
            asn: place.asn,
            addresses_told: heard.gossip.as_ref().map(|it| it.told.total()),
            ..Says::default()
        }
    }

    /// What an imported list does not say is zero in its visits.
    fn forget_zeros(&mut self) {
        self.protocol_version = self.protocol_version.filter(|it| *it != 0);
        self.services = self.services.filter(|it| *it != 0);
    }

    fn of_listed(listed: Listed, now_us: i64) -> Says {
        let time = |seconds: Option<i64>| {
            let us = seconds?.checked_mul(1_000_000)?;
            (us > 0 && us <= now_us).then_some(us)
        };
        let asn = listed.as_number();
        Says {
            seen_at_us: time(listed.seen_at),
            up_since_us: time(listed.connected_since),
            protocol_version: listed.protocol_version,
            user_agent: listed.user_agent,
            services: listed.services,
            height: listed.height,
            country: listed.country,
            asn,
            addresses_told: listed.told.as_ref().map(ToldCounts::total),
            source: None,
        }
    }
}

/// Takes the nodes of a list in, one after the other.
#[derive(Debug)]
pub struct ListSide {
    side: Side,
    now_us: i64,
}

impl ListSide {
    /// Begins a list; times after `now_us`, microseconds since 1970, are not believed.
    pub fn new(name: String, now_us: i64) -> ListSide {
        let side = Side {
            name,
            observation: Observation::List,
            at_us: None,
            entries: BTreeMap::new(),
            left_out: BTreeMap::new(),
        };
        ListSide { side, now_us }
    }

    /// Takes the next node; of an address that is there twice, the one that was seen later counts.
    pub fn add(&mut self, node: ListedNode) {
        let listed = node.said.map_or_else(Listed::default, |it| *it);
        let state = State::of_listed(&listed);
        let says = Says::of_listed(listed, self.now_us);
        self.side.at_us = self.side.at_us.max(says.seen_at_us).max(says.up_since_us);
        let before = self.side.entries.get(&node.addr);
        let seen_before_us = before.and_then(|it| it.says.as_ref()?.seen_at_us);
        if says.seen_at_us >= seen_before_us {
            let says = Some(Box::new(says));
            self.side.entries.insert(node.addr, Entry { state, says });
        }
    }

    /// Returns the side.
    pub fn finish(self) -> Side {
        self.side
    }
}
