//! What the crawls of a chain found, one after the other: a light pass that reads each visit once.
//!
//! Who looked from elsewhere saw something else, so the crawls of each [`Observer`] are told apart and never mixed. A round
//! of a watch calls only whom it must, so what it found is what its series found within [`SNAPSHOT_REACH`], as in
//! [`Store::read_last_visits`].

use std::collections::{BTreeMap, HashMap};

use proto::visit::Transport;
use proto::{Chain, PeerAddr};
use serde::Serialize;

use super::agents::{Agent, Number};
use super::churn::{Churn, ChurnBuilder};
use super::trends::{TrendPoint, Trends};
use crate::places::{Atlas, Known};
use crate::store::{Crawl, CrawlState, SNAPSHOT_REACH, Said, Sighting, Store, StoreError};

/// The most crawls of an observer that are looked at: more points than this no picture can show.
///
/// A watch makes 144 snapshots a day; of more than these, the latest of each of so many equal parts of the time is taken.
pub const MAX_POINTS: usize = 500;

/// The most user agents of which it is remembered what they stand for: far more than there are, and a bound on liars.
const MAX_AGENTS: usize = 20_000;

/// Whoever looked, and from where.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Observer {
    /// Who it was, where another observer's lists were imported.
    pub observer: Option<String>,
    /// From where our own crawls looked.
    pub vantage: Option<String>,
}

impl Observer {
    /// Returns whose crawl this is.
    pub fn of(crawl: &Crawl) -> Observer {
        let vantage = crawl.observer.is_none().then(|| crawl.vantage.clone());
        Observer {
            observer: crawl.observer.clone(),
            vantage,
        }
    }

    /// Returns its name, for people.
    pub fn name(&self) -> String {
        match (&self.observer, &self.vantage) {
            (Some(observer), _) => observer.clone(),
            (None, Some(vantage)) => format!("we, from {vantage}"),
            (None, None) => "we".to_owned(),
        }
    }
}

/// The nodes that a crawl found reachable.
pub type Nodes = HashMap<PeerAddr, SeenNode>;

/// A reachable node, as far as trends are concerned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SeenNode {
    /// When the crawl began that last reached it, microseconds since 1970.
    pub seen_at_us: i64,
    /// Which transport carried the conversation.
    pub transport: Option<Transport>,
    /// Its protocol version.
    pub protocol_version: Option<i32>,
    /// Its service bits.
    pub services: u64,
    /// The height that it claims.
    pub start_height: Option<i32>,
    /// The program that it runs, where that is a known one.
    pub implementation: Option<&'static str>,
    /// The series of Bitcoin Core that it runs or descends from.
    pub core_series: Option<Number>,
    /// The two letters of its country.
    pub country: Option<[u8; 2]>,
}

/// What changed over time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct History {
    /// How the network was at each time.
    pub trends: Trends,
    /// Who came and went between these times.
    pub churn: Churn,
}

impl History {
    /// Reads all finished crawls of `chain` that ended at `until_us` or before, at most [`MAX_POINTS`] of each observer; `atlas`
    /// says where nodes are of which no observer said it.
    pub fn read(
        store: &impl Store,
        chain: Chain,
        until_us: i64,
        atlas: &dyn Atlas,
    ) -> Result<History, StoreError> {
        let mut trends = Trends::default();
        let mut churn = ChurnBuilder::default();
        read_each(
            store,
            chain,
            until_us,
            atlas,
            MAX_POINTS,
            &mut |observer, crawl, nodes| {
                trends.add(observer, TrendPoint::of(crawl, nodes));
                churn.add(observer, crawl, nodes);
            },
        )?;
        Ok(History {
            trends,
            churn: churn.finish(),
        })
    }
}

/// Hands what crawls of `chain` found that ended at `until_us` or before to `each`: of each observer at most `max`, in the
/// order of time.
fn read_each(
    store: &impl Store,
    chain: Chain,
    until_us: i64,
    atlas: &dyn Atlas,
    max: usize,
    each: &mut dyn FnMut(&Observer, &Crawl, &Nodes),
) -> Result<(), StoreError> {
    let mut crawls_by_observer: BTreeMap<Observer, Vec<Crawl>> = BTreeMap::new();
    for crawl in store.crawls()? {
        let ended_at_us = crawl.finished_at_us.unwrap_or(crawl.started_at_us);
        if crawl.chain == chain && ended_at_us <= until_us {
            let crawls = crawls_by_observer.entry(Observer::of(&crawl));
            crawls.or_default().push(crawl);
        }
    }
    let mut reader = Reader::new(store, atlas);
    for (observer, mut crawls) in crawls_by_observer {
        crawls.sort_by_key(|it| (it.started_at_us, it.id));
        let finished = crawls.iter().filter(|it| it.state == CrawlState::Finished);
        let times: Vec<i64> = finished.map(|it| it.started_at_us).collect();
        let mut points = thinned(&times, max).into_iter().peekable();
        let mut n_finished = 0;
        for crawl in &crawls {
            let Some(point) = points.peek() else {
                break;
            };
            let is_finished = crawl.state == CrawlState::Finished;
            let is_point = is_finished && n_finished == *point;
            if is_point || reader.reaches(crawl, times[*point]) {
                reader.read(crawl)?;
            }
            if is_point {
                each(&observer, crawl, &reader.nodes);
                points.next();
            }
            n_finished += usize::from(is_finished);
        }
    }
    Ok(())
}

/// Chooses at most `max` of `times`, which are in order: the latest in each of so many equal parts of all the time.
pub(super) fn thinned(times: &[i64], max: usize) -> Vec<usize> {
    let (Some(first), Some(last)) = (times.first(), times.last()) else {
        return Vec::new();
    };
    let all = 0..times.len();
    if times.len() <= max {
        return all.collect();
    }
    let part = |place: &usize| {
        let since = i128::from(times[*place]) - i128::from(*first);
        let length = i128::from(*last) - i128::from(*first) + 1;
        since * max as i128 / length
    };
    let is_latest = |place: &usize| {
        let next = place + 1;
        next == times.len() || part(&next) != part(place)
    };
    all.filter(is_latest).collect()
}

/// Reads one crawl after the other, and knows what those before it found.
struct Reader<'a, S> {
    store: &'a S,
    atlas: &'a dyn Atlas,
    /// The series of which `nodes` are, where they are of one.
    series: Option<i64>,
    nodes: Nodes,
    agents: HashMap<Vec<u8>, (Option<&'static str>, Option<Number>)>,
    countries: HashMap<PeerAddr, Option<[u8; 2]>>,
}

impl<'a, S: Store> Reader<'a, S> {
    fn new(store: &'a S, atlas: &'a dyn Atlas) -> Reader<'a, S> {
        Reader {
            store,
            atlas,
            series: None,
            nodes: HashMap::new(),
            agents: HashMap::new(),
            countries: HashMap::new(),
        }
    }

    /// Whether a crawl is a round that may say something of how things were at a later time.
    fn reaches(&self, crawl: &Crawl, at_us: i64) -> bool {
        crawl.series.is_some() && crawl.started_at_us > oldest_us(at_us)
    }

    fn read(&mut self, crawl: &Crawl) -> Result<(), StoreError> {
        if crawl.series.is_none() || crawl.series != self.series {
            self.nodes.clear();
        }
        self.series = crawl.series;
        let oldest_us = oldest_us(crawl.started_at_us);
        self.nodes.retain(|_, it| it.seen_at_us > oldest_us);
        let told = match crawl.observer {
            Some(_) => self.store.places_of(crawl.id)?,
            None => HashMap::new(),
        };
        let told = Known::new(told, self.atlas);
        let has_told = crawl.observer.is_some();
        let store = self.store;
        store.read_sightings(crawl.id, &mut |Sighting { addr, said }| {
            let Some(said) = said else {
                self.nodes.remove(&addr);
                return Ok(());
            };
            let country = match has_told {
                true => letters(told.place(&addr).country),
                false => self.country(&addr),
            };
            let node = self.node(crawl.started_at_us, said, country);
            self.nodes.insert(addr, node);
            Ok(())
        })
    }

    fn node(&mut self, seen_at_us: i64, said: Said, country: Option<[u8; 2]>) -> SeenNode {
        let (implementation, core_series) = match said.user_agent {
            Some(agent) => self.agent(agent),
            None => (None, None),
        };
        SeenNode {
            seen_at_us,
            transport: said.transport,
            protocol_version: said.protocol_version,
            services: said.services.unwrap_or_default(),
            start_height: said.start_height,
            implementation,
            core_series,
            country,
        }
    }

    fn agent(&mut self, user_agent: Vec<u8>) -> (Option<&'static str>, Option<Number>) {
        if let Some(known) = self.agents.get(&user_agent) {
            return *known;
        }
        if self.agents.len() >= MAX_AGENTS {
            self.agents.clear();
        }
        let agent = Agent::parse(&user_agent);
        let found = (
            agent.implementation.map(|it| it.name),
            agent.core_release.map(Number::series),
        );
        self.agents.insert(user_agent, found);
        found
    }

    fn country(&mut self, addr: &PeerAddr) -> Option<[u8; 2]> {
        let atlas = self.atlas;
        let look_up = || letters(atlas.place(addr).country);
        *self.countries.entry(*addr).or_insert_with(look_up)
    }
}

fn oldest_us(at_us: i64) -> i64 {
    at_us.saturating_sub(i64::try_from(SNAPSHOT_REACH.as_micros()).unwrap_or(i64::MAX))
}

/// What is no two letters is no country.
fn letters(country: Option<String>) -> Option<[u8; 2]> {
    let letters: [u8; 2] = country?.into_bytes().try_into().ok()?;
    letters.is_ascii().then_some(letters)
}

#[cfg(test)]
pub(super) mod tests;
