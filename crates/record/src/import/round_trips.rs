//! What our exports write is imported as what it was.

use listing::OnBad;
use proto::gossip::{Claim, Gossip, ToldCounts};
use proto::visit::Dialect;
use proto::{Chain, Outcome, PeerAddr, Visit};
use tempfile::TempDir;

use super::Survey;
use crate::export::{csv, ndjson, nebula};
use crate::samples::{Berlin, ONION, complete, failed, not_tried, telling};
use crate::sqlite::SqliteStore;
use crate::store::conformance::{all_edges, new_crawl, visits};
use crate::store::{Batch, CrawlId, NewCrawl, Store};

#[test]
fn ndjson_and_csv_have_all_of_a_visit_and_its_place() {
    let (_dir, mut store, crawl) = crawled();
    let mut ndjson = Vec::new();
    ndjson::write_crawl(&store, crawl, &Berlin, &mut ndjson).unwrap();
    let mut table = Vec::new();
    csv::write_crawl(&store, crawl, &Berlin, false, &mut table).unwrap();
    for list in [&ndjson, &table] {
        let imported = import(&mut store, list);
        let expected: Vec<Visit> = sample().into_iter().map(as_kept).collect();
        assert_eq!(visits(&store, imported), expected);
        let places = store.places_of(imported).unwrap();
        let mut again = Vec::new();
        ndjson::write_crawl(&store, imported, &places, &mut again).unwrap();
        // Berlin is where this atlas puts Tor too; a list that is read does not.
        let n_placed = String::from_utf8(again)
            .unwrap()
            .matches("\"asn\":24940")
            .count();
        assert_eq!(n_placed, 4);
    }
}

#[test]
fn visits_of_nebula_have_how_they_ended_and_what_was_said() {
    let (_dir, mut store, crawl) = crawled();
    let mut first = Vec::new();
    nebula::write_visits(&store, crawl, &mut first).unwrap();
    let imported = import(&mut store, &first);
    let told = |crawl| {
        let told = visits(&store, crawl).into_iter();
        let told = told.filter(|it| !matches!(it.call.outcome, Outcome::NotTried(_)));
        let told = told.map(|it| {
            let version = it.call.heard.version;
            let version = version.map(|it| (it.protocol_version, it.services, it.start_height));
            (it.addr, it.call.outcome, it.call.connect, version)
        });
        told.collect::<Vec<_>>()
    };
    assert_eq!(told(imported), told(crawl));
}

#[test]
fn neighbors_of_nebula_are_who_told_of_whom() {
    let (_dir, mut store, crawl) = crawled();
    let mut list = Vec::new();
    nebula::write_neighbors(&store, crawl, &mut list).unwrap();
    let imported = import(&mut store, &list);
    let told = |crawl| {
        let edges = all_edges(&store, crawl).into_iter();
        let edges = edges.map(|it| {
            let addrs: Vec<_> = it.claims.iter().map(|it| it.addr).collect();
            (it.from, addrs)
        });
        edges.collect::<Vec<_>>()
    };
    assert_eq!(told(imported), told(crawl));
    assert_eq!(visits(&store, imported).len(), 1, "claims are no visits");
}

fn crawled() -> (TempDir, SqliteStore, CrawlId) {
    let dir = TempDir::new().unwrap();
    let mut store = SqliteStore::open_for_crawl(&dir.path().join("a.db")).unwrap();
    let crawl = store.begin_crawl(&new_crawl(Chain::Mainnet)).unwrap();
    let batch = Batch {
        visits: &sample(),
        with_edges: true,
        ..Batch::default()
    };
    store.append(crawl, &batch).unwrap();
    (dir, store, crawl)
}

fn import(store: &mut SqliteStore, list: &[u8]) -> CrawlId {
    let survey = Survey::read(list, 8333, OnBad::Fail).unwrap();
    let new = NewCrawl {
        observer: Some("somebody".to_owned()),
        ..new_crawl(Chain::Mainnet)
    };
    let imported = store.import(&new, &mut |give| {
        survey.feed(list, 8333, OnBad::Fail, 7, give)
    });
    imported.unwrap()
}

fn sample() -> Vec<Visit> {
    let claim = |at| Claim {
        addr: PeerAddr::parse(at, 0).unwrap(),
        time: Some(7),
        services: 9,
    };
    let mut odd = complete("[2a01::1]:8333", b"/\xff,\"\n=1/", -1);
    odd.dialect = Dialect::OldNoChecksum;
    odd.call.reason = Some("a \"reason\",\r\n".to_owned());
    odd.call.heard.gossip = Some(Gossip {
        claims: Vec::new(),
        told: ToldCounts {
            ipv4: 990,
            ..ToldCounts::default()
        },
    });
    let mut malformed = failed("1.2.3.6:8333", Outcome::MalformedVersion);
    malformed.call.heard.version_payload = Some(vec![1, 2, 3]);
    vec![
        telling("1.2.3.4:8333", &[claim("9.9.9.9:1"), claim(ONION)]),
        odd,
        failed("1.2.3.5:8333", Outcome::ConnectTimeout),
        malformed,
        not_tried(ONION),
    ]
}

/// Claims are apart, and our own exports have them in a file of their own.
fn as_kept(mut visit: Visit) -> Visit {
    if let Some(gossip) = &mut visit.call.heard.gossip {
        gossip.claims.clear();
    }
    visit
}
