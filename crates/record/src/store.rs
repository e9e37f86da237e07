//! What every store does, in the words of the census: crawls begin and end, visits are appended and read.

use std::fmt;
use std::io;

use proto::{Chain, Visit};

#[cfg(test)]
pub(crate) mod conformance;

/// Keeps crawls and their visits; a visit that was appended is never edited.
pub trait Store {
    /// Notes that a crawl begins; whatever crawl was left open before it was interrupted.
    fn begin_crawl(&mut self, new: &NewCrawl) -> Result<CrawlId, StoreError>;

    /// Keeps `visits`: all of them, or none where this fails.
    fn append_visits(&mut self, crawl: CrawlId, visits: &[Visit]) -> Result<(), StoreError>;

    /// Notes that a crawl ended, and how.
    fn finish_crawl(
        &mut self,
        crawl: CrawlId,
        finished_at_us: i64,
        end: CrawlEnd,
    ) -> Result<(), StoreError>;

    /// Lists all crawls, oldest first.
    fn crawls(&self) -> Result<Vec<Crawl>, StoreError>;

    /// Hands every visit of a crawl to `take`, in the order in which they were appended.
    fn read_visits(&self, crawl: CrawlId, take: Take<'_>) -> Result<(), StoreError>;

    /// Hands the last visit of each address to `take`, in the order in which they were appended.
    fn read_last_visits(&self, crawl: CrawlId, take: Take<'_>) -> Result<(), StoreError>;

    /// Returns the crawl with that number.
    fn crawl(&self, id: CrawlId) -> Result<Crawl, StoreError> {
        let found = self.crawls()?.into_iter().find(|it| it.id == id);
        found.ok_or(StoreError::UnknownCrawl(id))
    }

    /// Returns the crawl of `chain` to show: the latest that finished or, where none did, the latest of all.
    fn latest_crawl(&self, chain: Chain) -> Result<Option<Crawl>, StoreError> {
        let of_chain = self.crawls()?.into_iter().filter(|it| it.chain == chain);
        Ok(of_chain.max_by_key(|it| (it.state == CrawlState::Finished, it.id)))
    }
}

/// Takes one visit after the other; an error ends the reading and comes back as [`StoreError::Taker`].
pub type Take<'a> = &'a mut dyn FnMut(Visit) -> io::Result<()>;

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
    /// How many visits are kept.
    pub n_visits: u64,
    /// How many of them brought a valid `version`.
    pub n_reachable: u64,
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
        "no room is left on the disk of {store}; all visits kept before are safe: make room there, then crawl again"
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
    /// Whoever took the visits could not go on.
    #[error("the visits could not be passed on")]
    Taker(#[source] io::Error),
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
