//! What every store does, in the words of the census: crawls begin and end, visits are appended and read.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::io;
use std::ops::RangeInclusive;
use std::time::Duration;

use proto::gossip::Claim;
use proto::visit::{Learned, Transport};
use proto::{Chain, Outcome, PeerAddr, Visit};

use crate::import::{Remarks, Seen};
use crate::places::Place;
use crate::thinning::Thinning;

#[cfg(test)]
pub(crate) mod conformance;

/// How far back a round of a watch reaches for the last visit of a node: steady ones are called several times a day.
pub const SNAPSHOT_REACH: Duration = Duration::from_hours(24);

/// Keeps crawls and their visits; a visit that was appended is never edited, and goes only by [`Store::thin`].
///
/// What another observer saw ([`Store::import`]) is a crawl too, for whoever asks for it by its number. Whatever speaks of a
/// chain or of a watch means our own crawls alone.
pub trait Store {
    /// Notes that a crawl begins; whatever crawl was left open before it was interrupted.
    ///
    /// An earlier crawl of the chain that did not finish can go on no more: what it had learned is forgotten.
    fn begin_crawl(&mut self, new: &NewCrawl) -> Result<CrawlId, StoreError>;

    /// Keeps `batch`: all of it, or nothing where this fails.
    fn append(&mut self, crawl: CrawlId, batch: &Batch<'_>) -> Result<(), StoreError>;

    /// Notes that a crawl ended, and how; what a finished one had learned is forgotten.
    fn finish_crawl(
        &mut self,
        crawl: CrawlId,
        finished_at_us: i64,
        end: CrawlEnd,
    ) -> Result<(), StoreError>;

    /// Notes what a round of a watch says of the watch, instead of what was noted.
    fn note_standing(&mut self, crawl: CrawlId, standing: &Standing) -> Result<(), StoreError>;

    /// Goes on with a thinning: looks at the next `n_visits` of its chain that began before `before_us`, microseconds
    /// since 1970, has those go that [`crate::thinning`] lets go, and returns whether there may be more to look at.
    ///
    /// What is known of a crawl as a whole stays as it was. Where this fails, the thinning begins anew.
    fn thin(
        &mut self,
        thinning: &mut Thinning,
        before_us: i64,
        n_visits: u32,
    ) -> Result<bool, StoreError>;

    /// Keeps what another observer saw as a crawl that is finished: all that `feed` gives, or nothing where it fails.
    ///
    /// The claims of its visits are kept as well. What `feed` returns is how many nodes it left out, by reason.
    fn import(&mut self, new: &NewCrawl, feed: Feed<'_>) -> Result<CrawlId, StoreError>;

    /// Lists all crawls, those of other observers too, in the order in which the store got them.
    fn crawls(&self) -> Result<Vec<Crawl>, StoreError>;

    /// Returns the crawl of `chain` that can go on: the latest, where it did not finish, had learned addresses and is no
    /// round of a watch.
    fn resumable(&self, chain: Chain) -> Result<Option<Crawl>, StoreError>;

    /// Notes that a crawl goes on; whatever other crawl was left open was interrupted.
    fn reopen_crawl(&mut self, crawl: CrawlId) -> Result<(), StoreError>;

    /// Hands every visit of a crawl to `take`, in the order in which they were appended.
    fn read_visits(&self, crawl: CrawlId, take: Take<'_>) -> Result<(), StoreError>;

    /// Hands the last visit of each address to `take`, in the order in which they were appended: what a crawl found.
    ///
    /// A round of a watch ([`Crawl::series`]) calls only the nodes that are due, so its last visits are those of all
    /// rounds of its series up to and with it that began less than [`SNAPSHOT_REACH`] before it.
    fn read_last_visits(&self, crawl: CrawlId, take: Take<'_>) -> Result<(), StoreError>;

    /// Hands what a crawl learned to `take`, in the order in which it did.
    fn read_learned(&self, crawl: CrawlId, take: Take<'_, Learned>) -> Result<(), StoreError>;

    /// Hands what each visit of a crawl was told to `take`, where that was kept, in the order of the visits.
    fn read_edges(&self, crawl: CrawlId, take: Take<'_, Edges>) -> Result<(), StoreError>;

    /// Hands what another observer said besides visits to `take`, in the order of the visits; nothing for our own crawls.
    fn read_listed(
        &self,
        crawl: CrawlId,
        take: Take<'_, (PeerAddr, Remarks)>,
    ) -> Result<(), StoreError>;

    /// Hands a glimpse of every visit of `chain` that began within `time_us` to `take`, in the order in which they were
    /// appended; microseconds since 1970.
    fn read_glimpses(
        &self,
        chain: Chain,
        time_us: RangeInclusive<i64>,
        take: Take<'_, Glimpse>,
    ) -> Result<(), StoreError>;

    /// Hands to `take`, in the order of the visits, what says which addresses a crawl found reachable.
    ///
    /// That is every visit that reached its address; in a round of a watch the others too, for they tell that a node is gone
    /// which an earlier round had reached.
    fn read_sightings(&self, crawl: CrawlId, take: Take<'_, Sighting>) -> Result<(), StoreError>;

    /// Hands every address of `chain` that was called at `since_us` or later to `take`, once for each call; microseconds
    /// since 1970.
    fn visited_since(
        &self,
        chain: Chain,
        since_us: i64,
        take: Take<'_, PeerAddr>,
    ) -> Result<(), StoreError> {
        self.read_glimpses(chain, since_us..=i64::MAX, &mut |it| match it.outcome {
            Outcome::NotTried(_) => Ok(()),
            _ => take(it.addr),
        })
    }

    /// Keeps `visits`: all of them, or none where this fails.
    fn append_visits(&mut self, crawl: CrawlId, visits: &[Visit]) -> Result<(), StoreError> {
        let batch = Batch {
            visits,
            ..Batch::default()
        };
        self.append(crawl, &batch)
    }

    /// Keeps what a crawl learned apart from visits: all of it, or nothing where this fails.
    ///
    /// What the sources give goes into one call, so that a crawl that can go on has all of it.
    fn learn(&mut self, crawl: CrawlId, learned: &[Learned]) -> Result<(), StoreError> {
        let batch = Batch {
            learned,
            ..Batch::default()
        };
        self.append(crawl, &batch)
    }

    /// Returns where the nodes of a crawl are by what its observer said; nothing for our own crawls.
    fn places_of(&self, crawl: CrawlId) -> Result<HashMap<PeerAddr, Place>, StoreError> {
        let mut places = HashMap::new();
        self.read_listed(crawl, &mut |(addr, remarks)| {
            places.insert(addr, remarks.place);
            Ok(())
        })?;
        Ok(places)
    }

    /// Returns when a crawl ended, microseconds since 1970: one that did not end in order, when the last of its calls did.
    fn ended_at_us(&self, crawl: &Crawl) -> Result<i64, StoreError> {
        if let Some(at_us) = crawl.finished_at_us {
            return Ok(at_us);
        }
        let mut last_us = None;
        self.read_visits(crawl.id, &mut |visit| {
            last_us = last_us.max(Some(visit.call.ended_at_us()));
            Ok(())
        })?;
        Ok(last_us.unwrap_or(crawl.started_at_us))
    }

    /// Returns the crawl with that number.
    fn crawl(&self, id: CrawlId) -> Result<Crawl, StoreError> {
        let found = self.crawls()?.into_iter().find(|it| it.id == id);
        found.ok_or(StoreError::UnknownCrawl(id))
    }

    /// Returns the crawl of `chain` to show: the latest that finished or, where none did, the latest of all.
    fn latest_crawl(&self, chain: Chain) -> Result<Option<Crawl>, StoreError> {
        let crawls = self.crawls()?.into_iter();
        let of_chain = crawls.filter(|it| it.chain == chain && it.observer.is_none());
        Ok(of_chain.max_by_key(|it| (it.state == CrawlState::Finished, it.id)))
    }
}

/// Takes one thing after the other; an error ends the reading and comes back as [`StoreError::Taker`].
pub type Take<'a, T = Visit> = &'a mut dyn FnMut(T) -> io::Result<()>;

/// Gives one thing after the other to what it is handed; an error ends the import and comes back as [`StoreError::Feed`].
pub type Feed<'a> =
    &'a mut dyn FnMut(&mut dyn FnMut(Seen) -> io::Result<()>) -> io::Result<BTreeMap<String, u64>>;

/// What a crawl did since it was last kept.
#[derive(Clone, Copy, Debug, Default)]
pub struct Batch<'a> {
    /// The visits, in the order in which they ended.
    pub visits: &'a [Visit],
    /// The addresses that were new to the crawl, in the order in which it learned them.
    pub learned: &'a [Learned],
    /// How many addresses it left out by reason, from its beginning on; as it was where absent.
    pub left_out: Option<&'a BTreeMap<String, u64>>,
    /// Whether [`proto::gossip::Gossip::claims`] of the visits are kept too.
    pub with_edges: bool,
}

/// The little of a visit that says when a node was up; read much faster than all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Glimpse {
    /// Whom we called.
    pub addr: PeerAddr,
    /// When the dial began, microseconds since 1970.
    pub started_at_us: i64,
    /// How it ended.
    pub outcome: Outcome,
    /// Whether it was asked for addresses.
    pub was_asked: bool,
}

impl From<&Visit> for Glimpse {
    fn from(visit: &Visit) -> Glimpse {
        Glimpse {
            addr: visit.addr,
            started_at_us: visit.call.started_at_us,
            outcome: visit.call.outcome,
            was_asked: visit.call.heard.gossip.is_some(),
        }
    }
}

/// The little of a visit that trends are made of; read much faster than all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// Whom we called.
    pub addr: PeerAddr,
    /// What it said; `None` where it was not reached.
    pub said: Option<Said>,
}

/// What a node that was reached said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// Which transport carried the conversation.
    pub transport: Option<Transport>,
    /// Its protocol version.
    pub protocol_version: Option<i32>,
    /// Its service bits.
    pub services: Option<u64>,
    /// Its user agent.
    pub user_agent: Option<Vec<u8>>,
    /// The height that it claims.
    pub start_height: Option<i32>,
}

impl From<&Visit> for Sighting {
    fn from(visit: &Visit) -> Sighting {
        let call = &visit.call;
        let version = call.heard.version.as_deref();
        let said = Said {
            transport: call.transport,
            protocol_version: version.map(|it| it.protocol_version),
            services: version.map(|it| it.services),
            user_agent: version.and_then(|it| it.user_agent.clone()),
            start_height: version.and_then(|it| it.start_height),
        };
        Sighting {
            addr: visit.addr,
            said: call.outcome.is_reachable().then_some(said),
        }
    }
}

/// What one peer told of others in one visit.
#[derive(Clone, Debug, PartialEq)]
pub struct Edges {
    /// Who told it.
    pub from: PeerAddr,
    /// What it told, in its order; a time that was absent is zero.
    pub claims: Vec<Claim>,
}

/// The number of a crawl in its store; later crawls have higher ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CrawlId(pub i64);

impl fmt::Display for CrawlId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What is known of a crawl when it begins.
#[derive(Clone, Debug, PartialEq)]
pub struct NewCrawl {
    /// Whose nodes it visits.
    pub chain: Chain,
    /// Where it looks from: a name for this machine and its networks.
    pub vantage: String,
    /// Where its first addresses came from; [`Visit::source`] is a place in this list.
    pub sources: Vec<String>,
    /// When it began, microseconds since 1970.
    pub started_at_us: i64,
    /// How many addresses it had to visit when it began.
    pub n_queued: u64,
    /// How it was configured, for people to read.
    pub config: serde_json::Value,
    /// What the rounds of one watch have in common: when the watch began, microseconds since 1970.
    pub series: Option<i64>,
    /// Who saw it, where another observer did.
    pub observer: Option<String>,
}

/// One crawl, as its store knows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Crawl {
    /// Its number.
    pub id: CrawlId,
    /// Whose nodes it visits.
    pub chain: Chain,
    /// Where it looks from.
    pub vantage: String,
    /// Where its first addresses came from.
    pub sources: Vec<String>,
    /// When it began, microseconds since 1970.
    pub started_at_us: i64,
    /// When it ended, microseconds since 1970, where it did so in order.
    pub finished_at_us: Option<i64>,
    /// How many addresses it had to visit when it began.
    pub n_queued: u64,
    /// How it was configured.
    pub config: serde_json::Value,
    /// Whether it runs, or how it ended.
    pub state: CrawlState,
    /// How many visits it made; those of a round of a watch may have been thinned.
    pub n_visits: u64,
    /// How many of them brought a valid `version`: so many addresses, for one that did is not called again.
    pub n_reachable: u64,
    /// How many addresses it left out, by reason.
    pub left_out: BTreeMap<String, u64>,
    /// What the rounds of one watch have in common: when the watch began, microseconds since 1970.
    pub series: Option<i64>,
    /// Who saw it, where another observer did.
    pub observer: Option<String>,
    /// What it says of its watch, where it is a round of one.
    pub standing: Standing,
}

/// How a watch stands by one of its rounds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// What keeps it from seeing what is there, in words for people.
    pub problems: Vec<String>,
    /// How many nodes are reachable by its snapshot, by the word of their network.
    pub reachable: BTreeMap<String, u64>,
}

/// How a crawl ended in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrawlEnd {
    /// Nothing new was left to visit.
    Finished,
    /// Somebody asked it to stop.
    Stopped,
}

/// Whether a crawl runs, or how it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CrawlState {
    /// Its process is at work.
    Running,
    /// Nothing new was left to visit.
    Finished,
    /// Somebody asked it to stop.
    Stopped,
    /// Its process died; what it had appended is kept.
    Interrupted,
}

impl CrawlState {
    /// All states.
    pub const ALL: [CrawlState; 4] = [
        CrawlState::Running,
        CrawlState::Finished,
        CrawlState::Stopped,
        CrawlState::Interrupted,
    ];

    /// Returns the word that we store and serve.
    pub fn name(self) -> &'static str {
        match self {
            CrawlState::Running => "running",
            CrawlState::Finished => "finished",
            CrawlState::Stopped => "stopped",
            CrawlState::Interrupted => "interrupted",
        }
    }

    /// Reads the word back.
    pub fn from_name(name: &str) -> Option<CrawlState> {
        CrawlState::ALL.into_iter().find(|it| it.name() == name)
    }
}

impl From<CrawlEnd> for CrawlState {
    fn from(end: CrawlEnd) -> CrawlState {
        match end {
            CrawlEnd::Finished => CrawlState::Finished,
            CrawlEnd::Stopped => CrawlState::Stopped,
        }
    }
}

impl fmt::Display for CrawlState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Why a store could not do what was asked; `store` is where it is, as its user wrote it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no store yet.
    #[error("there is no census at {store}: a crawl makes one, and --db says where it is")]
    Missing {
        /// Where.
        store: String,
    },
    /// The file is something else.
    #[error("{store} is no census: it is not an SQLite database")]
    NotADatabase {
        /// Where.
        store: String,
    },
    /// The file belongs to another program.
    #[error("{store} is no census: it is the SQLite database of another program")]
    OtherDatabase {
        /// Where.
        store: String,
    },
    /// A later version of this program wrote it.
    #[error(
        "{store} was written by a newer bitcensus: its schema is {found}, and this one knows up to {known}"
    )]
    TooNew {
        /// Where.
        store: String,
        /// The version of its schema.
        found: i64,
        /// The last version that we know.
        known: i64,
    },
    /// A crawl holds the store.
    #[error(
        "another crawl is writing to {store} ({holder}); wait for it, or give this one its own --db"
    )]
    Locked {
        /// Where.
        store: String,
        /// Who it is.
        holder: String,
    },
    /// Another program held the store for too long.
    #[error("{store} is busy: another program holds it; try again when that one is done")]
    Busy {
        /// Where.
        store: String,
    },
    /// No room is left.
    #[error(
        "no room is left on the disk of {store}; all visits kept before are safe: make room there, then go on with `crawl --resume`"
    )]
    Full {
        /// Where.
        store: String,
    },
    /// We may not write there.
    #[error(
        "{store} cannot be written; change its permissions and those of its directory, or give another --db"
    )]
    ReadOnly {
        /// Where.
        store: String,
    },
    /// The store's own structure is broken.
    #[error("{store} is damaged: {what}")]
    Damaged {
        /// Where.
        store: String,
        /// What is wrong.
        what: String,
    },
    /// No crawl has that number.
    #[error("there is no crawl {0}")]
    UnknownCrawl(CrawlId),
    /// Whoever took what was read could not go on.
    #[error("what was read could not be passed on")]
    Taker(#[source] io::Error),
    /// Whoever gave what was to be imported could not go on.
    #[error("{0}")]
    Feed(io::Error),
    /// The file system failed.
    #[error("{store}: {why}")]
    Io {
        /// Which file.
        store: String,
        /// How.
        why: io::Error,
    },
    /// The database failed in another way.
    #[error("{store}: {why}")]
    Database {
        /// Where.
        store: String,
        /// How.
        why: Box<dyn std::error::Error + Send + Sync>,
    },
}
