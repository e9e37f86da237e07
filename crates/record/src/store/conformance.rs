//! What every store must do, whatever it is made of.

use std::io;

use proto::outcome::Outcome;
use proto::{Chain, Visit};

use super::{Crawl, CrawlEnd, CrawlId, CrawlState, NewCrawl, Store, StoreError};
use crate::samples::{complete, failed, not_tried};

/// Runs the whole suite; each part gets a way to open one store of its own, again and again.
pub(crate) fn check_store<S: Store>(mut open_fresh: impl FnMut() -> Box<dyn Fn() -> S>) {
    an_empty_store_has_no_crawls(&*open_fresh());
    a_crawl_is_kept_from_its_begin_to_its_end(&*open_fresh());
    visits_come_back_in_order_and_exactly(&*open_fresh());
    the_last_visit_of_an_address_is_found(&*open_fresh());
    a_crawl_whose_process_died_is_interrupted(&*open_fresh());
    the_latest_finished_crawl_of_a_chain_is_shown(&*open_fresh());
    a_crawl_that_is_not_there_is_an_error(&*open_fresh());
    a_reader_that_can_not_go_on_ends_the_reading(&*open_fresh());
}

fn an_empty_store_has_no_crawls<S: Store>(open: &dyn Fn() -> S) {
    let store = open();
    assert_eq!(store.crawls().unwrap(), []);
    assert_eq!(store.latest_crawl(Chain::Mainnet).unwrap(), None);
}

fn a_crawl_is_kept_from_its_begin_to_its_end<S: Store>(open: &dyn Fn() -> S) {
    let mut store = open();
    let id = store.begin_crawl(&new_crawl(Chain::Signet)).unwrap();
    let begun = Crawl {
        id,
        chain: Chain::Signet,
        vantage: "a \"desk\"".to_owned(),
        sources: vec!["dns".to_owned(), "nodes, old.txt".to_owned()],
        started_at_us: -5,
        finished_at_us: None,
        n_queued: 7,
        config: serde_json::json!({"max_in_flight": 512, "proxy": null}),
        state: CrawlState::Running,
        n_visits: 0,
        n_reachable: 0,
    };
    assert_eq!(store.crawls().unwrap(), std::slice::from_ref(&begun));

    store.append_visits(id, &sample()).unwrap();
    store.append_visits(id, &[]).unwrap();
    store.finish_crawl(id, 12, CrawlEnd::Stopped).unwrap();
    drop(store);
    let finished = Crawl {
        finished_at_us: Some(12),
        state: CrawlState::Stopped,
        n_visits: 4,
        n_reachable: 1,
        ..begun
    };
    let store = open();
    assert_eq!(store.crawl(id).unwrap(), finished);
    assert_eq!(store.latest_crawl(Chain::Signet).unwrap(), Some(finished));
}

fn visits_come_back_in_order_and_exactly<S: Store>(open: &dyn Fn() -> S) {
    let mut store = open();
    let first = store.begin_crawl(&new_crawl(Chain::Mainnet)).unwrap();
    store.append_visits(first, &sample()).unwrap();
    let second = store.begin_crawl(&new_crawl(Chain::Mainnet)).unwrap();
    store.append_visits(second, &sample()[2..]).unwrap();
    store.append_visits(second, &sample()[..2]).unwrap();
    drop(store);

    let store = open();
    assert_eq!(visits(&store, first), sample());
    let expected = [&sample()[2..], &sample()[..2]].concat();
    assert_eq!(visits(&store, second), expected);
}

fn the_last_visit_of_an_address_is_found<S: Store>(open: &dyn Fn() -> S) {
    let mut store = open();
    // The same address in another crawl is another matter.
    let other = store.begin_crawl(&new_crawl(Chain::Mainnet)).unwrap();
    store.append_visits(other, &sample()).unwrap();
    let crawl = store.begin_crawl(&new_crawl(Chain::Mainnet)).unwrap();
    store.append_visits(crawl, &sample()).unwrap();

    assert_eq!(last_visits(&store, crawl), sample()[1..]);
}

fn a_crawl_whose_process_died_is_interrupted<S: Store>(open: &dyn Fn() -> S) {
    let mut store = open();
    let dead = store.begin_crawl(&new_crawl(Chain::Mainnet)).unwrap();
    store.append_visits(dead, &sample()).unwrap();
    drop(store);

    let mut store = open();
    let next = store.begin_crawl(&new_crawl(Chain::Mainnet)).unwrap();
    let states: Vec<_> = store.crawls().unwrap().iter().map(|it| it.state).collect();
    assert_eq!(states, [CrawlState::Interrupted, CrawlState::Running]);
    assert!(dead < next);
    assert_eq!(visits(&store, dead), sample());
}

fn the_latest_finished_crawl_of_a_chain_is_shown<S: Store>(open: &dyn Fn() -> S) {
    let mut store = open();
    let mut crawl = |chain, end: Option<CrawlEnd>| {
        let id = store.begin_crawl(&new_crawl(chain)).unwrap();
        if let Some(end) = end {
            store.finish_crawl(id, 12, end).unwrap();
        }
        let latest = store.latest_crawl(Chain::Mainnet).unwrap();
        (id, latest.map(|it| it.id))
    };
    let (_, latest) = crawl(Chain::Regtest, Some(CrawlEnd::Finished));
    assert_eq!(latest, None);
    let (running, latest) = crawl(Chain::Mainnet, None);
    assert_eq!(latest, Some(running));
    let (finished, latest) = crawl(Chain::Mainnet, Some(CrawlEnd::Finished));
    assert_eq!(latest, Some(finished));
    let (_, latest) = crawl(Chain::Mainnet, Some(CrawlEnd::Stopped));
    assert_eq!(latest, Some(finished));
}

fn a_crawl_that_is_not_there_is_an_error<S: Store>(open: &dyn Fn() -> S) {
    let mut store = open();
    let nowhere = CrawlId(99);
    let errors = [
        store.append_visits(nowhere, &sample()).unwrap_err(),
        store.append_visits(nowhere, &[]).unwrap_err(),
        store
            .finish_crawl(nowhere, 1, CrawlEnd::Finished)
            .unwrap_err(),
        store.crawl(nowhere).unwrap_err(),
        store.read_visits(nowhere, &mut |_| Ok(())).unwrap_err(),
        store
            .read_last_visits(nowhere, &mut |_| Ok(()))
            .unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.to_string(), "there is no crawl 99");
    }
}

fn a_reader_that_can_not_go_on_ends_the_reading<S: Store>(open: &dyn Fn() -> S) {
    let mut store = open();
    let crawl = store.begin_crawl(&new_crawl(Chain::Mainnet)).unwrap();
    store.append_visits(crawl, &sample()).unwrap();
    let mut n_taken = 0;
    let error = store
        .read_visits(crawl, &mut |_| {
            n_taken += 1;
            Err(io::Error::from(io::ErrorKind::BrokenPipe))
        })
        .unwrap_err();
    assert!(matches!(error, StoreError::Taker(it) if it.kind() == io::ErrorKind::BrokenPipe));
    assert_eq!(n_taken, 1);
}

pub(crate) fn new_crawl(chain: Chain) -> NewCrawl {
    NewCrawl {
        chain,
        vantage: "a \"desk\"".to_owned(),
        sources: vec!["dns".to_owned(), "nodes, old.txt".to_owned()],
        started_at_us: -5,
        n_queued: 7,
        config: serde_json::json!({"max_in_flight": 512, "proxy": null}),
    }
}

/// Four visits; the first and the third call the same address.
pub(crate) fn sample() -> Vec<Visit> {
    let mut again = complete("1.2.3.4:8333", b"/\xff/", 900_000);
    again.attempt = 2;
    vec![
        failed("1.2.3.4:8333", Outcome::ConnectTimeout),
        failed("[2a01::1]:8333", Outcome::ConnectRefused),
        again,
        not_tried(crate::samples::ONION),
    ]
}

pub(crate) fn visits(store: &impl Store, crawl: CrawlId) -> Vec<Visit> {
    let mut seen = Vec::new();
    let taken = store.read_visits(crawl, &mut |visit| {
        seen.push(visit);
        Ok(())
    });
    taken.unwrap();
    seen
}

fn last_visits(store: &impl Store, crawl: CrawlId) -> Vec<Visit> {
    let mut seen = Vec::new();
    let taken = store.read_last_visits(crawl, &mut |visit| {
        seen.push(visit);
        Ok(())
    });
    taken.unwrap();
    seen
}
