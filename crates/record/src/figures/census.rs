//! All figures of one crawl, chapter by chapter.

use std::time::Duration;

use proto::Visit;
use serde::Serialize;

use super::snapshot::SnapshotBuilder;
use super::uptime::{UptimeBuilder, UptimeFigures};
use super::{
    Agents, Graph, GraphBuilder, History, HowWell, Lately, Many, Odd, PromisesBuilder, Section,
    SessionFigures, Snapshot, Speech, Timeline, TimelineBuilder, Truth, Whereabouts, when,
};
use crate::places::Atlas;
use crate::sessions::SessionBuilder;
use crate::store::{Crawl, Edges, Store, StoreError};
use crate::summary::Spent;
use crate::{Summary, SummaryBuilder};

/// How far back uptimes and sessions are reckoned: the longest window of seeders.
pub const REACH: Duration = Duration::from_hours(30 * 24);

/// All figures of one crawl.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Census {
    /// Which crawl it was.
    pub crawl: CrawlFacts,
    /// The figures that a crawl ends with.
    pub summary: Summary,
    /// How many nodes there are.
    pub many: Many,
    /// What they run.
    pub agents: Agents,
    /// What they say.
    pub speech: Speech,
    /// The old and the odd.
    pub odd: Odd,
    /// Where they are.
    pub whereabouts: Whereabouts,
    /// How well they answer.
    pub how_well: HowWell,
    /// Whether what they say is true.
    pub truth: Truth,
    /// Who tells of whom, where that was kept.
    pub graph: Option<Graph>,
    /// How the crawl went, where it called anybody.
    pub timeline: Option<Timeline>,
    /// How the network changed, where that was asked for.
    pub over_time: Option<OverTime>,
    /// What all of this is of.
    #[serde(skip)]
    pub snapshot: Snapshot,
}

/// How the network changed from crawl to crawl.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OverTime {
    /// How it was at each time, and who came and went.
    #[serde(flatten)]
    pub history: History,
    /// How much of the time nodes are up.
    pub uptimes: UptimeFigures,
    /// How long they stay.
    pub sessions: SessionFigures,
}

/// Which crawl it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CrawlFacts {
    /// Its number.
    pub crawl_id: i64,
    /// Whose nodes it visited.
    pub chain: &'static str,
    /// Where it looked from.
    pub vantage: String,
    /// Who saw it, where another observer did.
    pub observer: Option<String>,
    /// When it began, microseconds since 1970.
    pub started_at_us: i64,
    /// When it ended, microseconds since 1970, where it did so in order.
    pub finished_at_us: Option<i64>,
    /// Whether it runs, or how it ended.
    pub state: &'static str,
}

/// What is shown under one heading.
#[derive(Clone, Debug, PartialEq)]
pub struct Chapter {
    /// Its name in links: small letters and underscores.
    pub key: &'static str,
    /// What stands above it.
    pub title: &'static str,
    /// Its tables.
    pub sections: Vec<Section>,
}

impl Census {
    /// Reads a crawl and computes everything that is shown of it; `atlas` says where its nodes are.
    ///
    /// Takes as much memory as the crawl has reachable nodes, and a little for each other address.
    pub fn read(store: &impl Store, crawl: Crawl, atlas: &dyn Atlas) -> Result<Census, StoreError> {
        let Read {
            summary,
            snapshot,
            timeline,
        } = read_visits(store, crawl, atlas)?;
        let lately = match snapshot.crawl.observer {
            None => Some(Lately::read(store, &snapshot)?),
            Some(_) => None, // What others saw is one moment's.
        };
        let (graph, promises) = read_claims(store, &snapshot)?;
        Ok(Census {
            crawl: CrawlFacts::of(&snapshot.crawl),
            summary,
            many: Many::of(&snapshot, lately.as_ref()),
            agents: Agents::of(&snapshot),
            speech: Speech::of(&snapshot),
            odd: Odd::of(&snapshot),
            whereabouts: Whereabouts::of(&snapshot),
            how_well: HowWell::of(&snapshot),
            truth: Truth::of(&snapshot, promises),
            graph,
            timeline,
            over_time: None,
            snapshot,
        })
    }

    /// Reads besides how the network changed up to the end of this crawl: all crawls of the chain, and our calls of
    /// [`REACH`].
    ///
    /// With our own latest crawl come those too that other observers made after it.
    pub fn with_history(self, store: &impl Store, atlas: &dyn Atlas) -> Result<Census, StoreError> {
        let over_time = OverTime::read(store, &self.snapshot, atlas)?;
        Ok(Census {
            over_time: Some(over_time),
            ..self
        })
    }

    /// Returns all tables in the order in which people read them.
    pub fn chapters(&self) -> Vec<Chapter> {
        let chapter = |key, title, sections: Vec<Vec<Section>>| Chapter {
            key,
            title,
            sections: sections.concat(),
        };
        let graph = self.graph.as_ref().map(Graph::sections);
        let timeline = self.timeline.as_ref().map(Timeline::sections);
        let over_time = self.over_time.as_ref().map(OverTime::sections);
        vec![
            chapter("how_many", "How many", vec![self.many.sections()]),
            chapter(
                "what",
                "What they are",
                vec![self.agents.sections(), self.speech.sections()],
            ),
            chapter("odd", "The old and the odd", vec![self.odd.sections()]),
            chapter("where", "Where they are", vec![self.whereabouts.sections()]),
            chapter(
                "how_well",
                "How well they answer",
                vec![self.how_well.sections(), timeline.unwrap_or_default()],
            ),
            chapter("truth", "True or not", vec![self.truth.sections()]),
            chapter(
                "graph",
                "Who tells of whom",
                vec![graph.unwrap_or_default()],
            ),
            chapter(
                "over_time",
                "Over time",
                vec![over_time.unwrap_or_default()],
            ),
        ]
    }
}

impl OverTime {
    fn read(
        store: &impl Store,
        snapshot: &Snapshot,
        atlas: &dyn Atlas,
    ) -> Result<OverTime, StoreError> {
        let Crawl { id, chain, .. } = snapshot.crawl;
        let now_us = when::ended_at_us(snapshot);
        let reach_us = i64::try_from(REACH.as_micros()).unwrap_or(i64::MAX);
        let since_us = now_us.saturating_sub(reach_us);
        let latest = store.latest_crawl(chain)?;
        let until_us = match latest.is_some_and(|it| it.id == id) {
            true => i64::MAX,
            false => now_us,
        };
        let mut uptimes = UptimeBuilder::default();
        let mut going_on = SessionBuilder::default();
        let mut sessions = Vec::new();
        store.read_glimpses(chain, since_us..=now_us, &mut |it| {
            uptimes.add(it);
            sessions.extend(going_on.add(it));
            Ok(())
        })?;
        sessions.extend(going_on.finish(now_us));
        Ok(OverTime {
            history: History::read(store, chain, until_us, atlas)?,
            uptimes: UptimeFigures::of(&uptimes.finish(), now_us),
            sessions: SessionFigures::of(&sessions),
        })
    }

    fn sections(&self) -> Vec<Section> {
        let sections = [
            self.history.trends.sections(),
            self.history.churn.sections(),
            self.uptimes.sections(),
            self.sessions.sections(),
        ];
        sections.concat()
    }
}

impl CrawlFacts {
    fn of(crawl: &Crawl) -> CrawlFacts {
        CrawlFacts {
            crawl_id: crawl.id.0,
            chain: crawl.chain.name(),
            vantage: crawl.vantage.clone(),
            observer: crawl.observer.clone(),
            started_at_us: crawl.started_at_us,
            finished_at_us: crawl.finished_at_us,
            state: crawl.state.name(),
        }
    }
}

/// What the visits of a crawl come to.
struct Read {
    summary: Summary,
    snapshot: Snapshot,
    timeline: Option<Timeline>,
}

/// Reads what a crawl found, and sums it up: a round of a watch together with those before it.
fn read_visits(store: &impl Store, crawl: Crawl, atlas: &dyn Atlas) -> Result<Read, StoreError> {
    let mut summary = SummaryBuilder::default();
    summary.leave_out(crawl.left_out.clone());
    let mut snapshot = SnapshotBuilder::new(atlas);
    // Of a crawl of its own that ended in order it is known beforehand when that was, so its visits are read once.
    let mut timeline = match (&crawl.observer, crawl.series, crawl.finished_at_us) {
        (None, None, Some(end_us)) => Some(TimelineBuilder::between(crawl.started_at_us, end_us)),
        _ => None,
    };
    let mut add = |visit: Visit| {
        summary.add(&visit);
        if let Some(timeline) = &mut timeline {
            timeline.add(&visit);
        }
        snapshot.add(visit);
        Ok(())
    };
    let wall_us = match crawl.series {
        None => {
            store.read_visits(crawl.id, &mut add)?;
            let ended = crawl.finished_at_us;
            ended.and_then(|it| u64::try_from(it.saturating_sub(crawl.started_at_us)).ok())
        }
        // A round of a watch builds on those before it, which took their own time.
        Some(_) => {
            store.read_last_visits(crawl.id, &mut add)?;
            None
        }
    };
    let spent = Spent {
        wall_us: wall_us.filter(|_| crawl.observer.is_none()),
        cpu_us: None,
    };
    let snapshot = snapshot.finish(crawl);
    let timeline = match timeline {
        Some(timeline) => timeline.finish(),
        None => read_timeline(store, &snapshot)?,
    };
    Ok(Read {
        summary: summary.finish(spent),
        snapshot,
        timeline,
    })
}

fn read_timeline(store: &impl Store, snapshot: &Snapshot) -> Result<Option<Timeline>, StoreError> {
    if snapshot.crawl.observer.is_some() {
        return Ok(None);
    }
    let mut timeline = TimelineBuilder::of(snapshot);
    store.read_visits(snapshot.crawl.id, &mut |visit| {
        timeline.add(&visit);
        Ok(())
    })?;
    Ok(timeline.finish())
}

/// Reads what peers told of each other, where that was kept.
fn read_claims(
    store: &impl Store,
    snapshot: &Snapshot,
) -> Result<(Option<Graph>, PromisesBuilder), StoreError> {
    let crawl = snapshot.crawl.id;
    let mut graph = GraphBuilder::new(snapshot);
    let mut promises = PromisesBuilder::about(snapshot);
    let mut n_edges = 0u64;
    store.read_edges(crawl, &mut |edges: Edges| {
        n_edges += 1;
        graph.add(&edges);
        for claim in &edges.claims {
            promises.add(claim);
        }
        Ok(())
    })?;
    let graph = (n_edges > 0).then(|| graph.finish());
    Ok((graph, promises))
}

#[cfg(test)]
mod tests;
