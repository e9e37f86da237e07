use std::collections::BTreeMap;

use super::*;
use crate::SqliteStore;
use crate::figures::text::to_text;
use crate::import::{Remarks, Seen};
use crate::samples::{Berlin, any_visit, complete, failed, telling};
use crate::store::{Batch, CrawlEnd, CrawlId, NewCrawl};
use proptest::prelude::*;
use proto::gossip::Claim;
use proto::{Chain, Outcome, PeerAddr};

const HOUR_US: i64 = 3_600_000_000;

#[test]
fn what_comes_later_changes_nothing() {
    for end in [Some(CrawlEnd::Finished), None] {
        let mut made = Made::new();
        made.crawl(0, Some(CrawlEnd::Finished), &visits(0..40));
        let asked = made.crawl(24, end, &visits(10..50));
        let before = made.read(asked);
        made.crawl(25, Some(CrawlEnd::Finished), &visits(20..90));
        made.import(26, &visits(0..30));
        made.crawl(27, None, &visits(0..90));
        let after = made.read(asked);
        assert_eq!(before.many, after.many);
        assert_eq!(before.over_time, after.over_time);
        let over_time = after.over_time.unwrap();
        let up: u64 = over_time.sessions.lengths.value[0].going_on;
        assert_eq!(up, 45, "the crawl's own visits count, however it ended");
    }
}

#[test]
fn the_latest_crawl_comes_with_all_that_others_saw() {
    let mut made = Made::new();
    let latest = made.crawl(0, Some(CrawlEnd::Finished), &visits(0..9));
    made.import(1, &visits(0..9));
    let observers = |census: Census| census.over_time.unwrap().history.trends.lines.value.len();
    assert_eq!(observers(made.read(latest)), 2);
}

#[test]
fn the_same_store_gives_the_same_bytes() {
    let mut made = Made::new();
    made.crawl(0, Some(CrawlEnd::Finished), &visits(0..200));
    let latest = made.crawl(24, Some(CrawlEnd::Finished), &visits(100..300));
    let written = |census: Census| {
        let sections: Vec<Section> = census
            .chapters()
            .into_iter()
            .flat_map(|it| it.sections)
            .collect();
        let json = serde_json::to_string(&census).unwrap();
        [json, to_text(&sections, 120), census.summary.to_text(120)]
    };
    let first = written(made.read(latest));
    for _ in 0..3 {
        assert_eq!(written(made.read(latest)), first);
    }
}

#[test]
fn a_crawl_of_nobody_and_one_of_one_have_all_chapters() {
    let mut made = Made::new();
    for visits in [visits(0..0), visits(1..2), visits(0..1)] {
        let id = made.crawl(0, Some(CrawlEnd::Finished), &visits);
        let census = made.read(id);
        assert_eq!(census.chapters().len(), 8);
        assert_eq!(
            census.many.reachable.value.all,
            census.summary.reachable.value
        );
    }
}

#[test]
fn a_list_without_times_says_what_its_nodes_run() {
    let mut made = Made::new();
    let mut visits = visits(1..3);
    for visit in &mut visits {
        visit.call.connect = None;
        visit.call.heard.version_payload = None;
    }
    let unsaid = visits[1].call.heard.version.as_mut().unwrap();
    unsaid.protocol_version = 0;
    let id = made.import(0, &visits);
    let summary = made.read(id).summary;
    let agents = summary.user_agents.value.rows;
    assert_eq!(agents[0].n, 1);
    assert_eq!(summary.heights.value.unwrap().n, 2);
    let versions = summary.protocol_versions.value.rows.into_iter();
    let versions: Vec<_> = versions.map(|it| (it.name, it.n)).collect();
    assert_eq!(versions, [(None, 1), (Some("70016".to_owned()), 1)]);
}

proptest! {
    #[test]
    fn no_visits_are_too_strange(
        visits in prop::collection::vec(any_visit(), 0..30),
        started_at_us: i64,
        finished_at_us: Option<i64>,
    ) {
        let mut made = Made::new();
        let new = NewCrawl { started_at_us, ..new_crawl(0) };
        let id = made.store.begin_crawl(&new).unwrap();
        if !visits.is_empty() {
            made.store.append_visits(id, &visits).unwrap();
        }
        if let Some(at_us) = finished_at_us {
            made.store.finish_crawl(id, at_us, CrawlEnd::Finished).unwrap();
        }
        let census = made.read(id);
        let sections = census.chapters().into_iter().flat_map(|it| it.sections);
        let text = to_text(&sections.collect::<Vec<_>>(), 80) + &census.summary.to_text(80);
        prop_assert!(!text.contains(|it: char| it.is_control() && it != '\n'), "{text:?}");
        serde_json::to_string(&census).unwrap();
    }
}

/// Every tenth address cannot be reached; the others tell of each other.
fn visits(range: std::ops::Range<u16>) -> Vec<Visit> {
    let addr = |n: u16| format!("1.{}.{}.1:8333", n / 100, n % 100);
    let visit = |n: u16| match n % 10 {
        0 => failed(&addr(n), Outcome::ConnectTimeout),
        _ => {
            let claim = |it: u16| Claim {
                addr: PeerAddr::parse(&addr(it), 0).unwrap(),
                time: Some(1_793_491_000 + u32::from(it)),
                services: u64::from(it) << (it % 60),
            };
            let claims: Vec<Claim> = (n..n + 20).map(claim).collect();
            let agent = format!("/Satoshi:{}.{}.0/<b>\u{1b}[31m", n % 31, n % 3);
            let height = 900_000 - i32::from(n % 7) * 3_000;
            let mut visit = complete(&addr(n), agent.as_bytes(), height);
            visit.call.heard.gossip = telling(&addr(n), &claims).call.heard.gossip;
            visit
        }
    };
    range.map(visit).collect()
}

/// A store of made-up crawls.
struct Made {
    store: SqliteStore,
    _dir: tempfile::TempDir,
}

impl Made {
    fn new() -> Made {
        let dir = tempfile::tempdir().unwrap();
        Made {
            store: SqliteStore::open_for_crawl(&dir.path().join("c.db")).unwrap(),
            _dir: dir,
        }
    }

    /// Adds a crawl that began at `hour`, and ended a second later or was interrupted.
    fn crawl(&mut self, hour: i64, end: Option<CrawlEnd>, visits: &[Visit]) -> CrawlId {
        let new = new_crawl(hour);
        let at_us = new.started_at_us;
        let id = self.store.begin_crawl(&new).unwrap();
        let batch = Batch {
            visits: &at(at_us, visits),
            with_edges: true,
            ..Batch::default()
        };
        self.store.append(id, &batch).unwrap();
        if let Some(end) = end {
            self.store.finish_crawl(id, at_us + 1_000_000, end).unwrap();
        }
        id
    }

    fn import(&mut self, hour: i64, visits: &[Visit]) -> CrawlId {
        let new = NewCrawl {
            observer: Some("others".to_owned()),
            ..new_crawl(hour)
        };
        let mut seen = at(new.started_at_us, visits).into_iter();
        let mut feed = |take: &mut dyn FnMut(Seen) -> std::io::Result<()>| {
            let remarks = Remarks::default();
            seen.try_for_each(|visit| {
                let remarks = remarks.clone();
                take(Seen { visit, remarks })
            })?;
            Ok(BTreeMap::new())
        };
        self.store.import(&new, &mut feed).unwrap()
    }

    fn read(&self, id: CrawlId) -> Census {
        let crawl = self.store.crawl(id).unwrap();
        let census = Census::read(&self.store, crawl, &Berlin).unwrap();
        census.with_history(&self.store, &Berlin).unwrap()
    }
}

fn at(at_us: i64, visits: &[Visit]) -> Vec<Visit> {
    let mut visits = visits.to_vec();
    for visit in &mut visits {
        visit.call.started_at_us = at_us;
    }
    visits
}

fn new_crawl(hour: i64) -> NewCrawl {
    NewCrawl {
        chain: Chain::Mainnet,
        vantage: "a desk".to_owned(),
        sources: Vec::new(),
        started_at_us: crate::samples::STARTED_AT_US + hour * HOUR_US,
        n_queued: 0,
        config: serde_json::Value::Null,
        series: None,
        observer: None,
    }
}
