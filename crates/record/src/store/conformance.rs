//! What every store must do, whatever it is made of.

mod imports;

use std::collections::BTreeMap;
use std::io;

use proto::gossip::{Claim, Gossip, ToldCounts};
use proto::outcome::Outcome;
use proto::visit::{Dialect, Learned};
use proto::{Chain, PeerAddr, Visit};

use super::{
    Batch, Crawl, CrawlEnd, CrawlId, CrawlState, Edges, Glimpse, NewCrawl, Sighting, Standing,
    Store, StoreError,
};
use crate::Thinning;
use crate::samples::{ONION, STARTED_AT_US, complete, failed, not_tried, telling};

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
    what_a_crawl_learned_comes_back_in_order(&*open_fresh());
    a_crawl_that_did_not_finish_can_go_on(&*open_fresh());
    only_the_latest_crawl_of_a_chain_can_go_on(&*open_fresh());
    what_was_left_out_is_counted(&*open_fresh());
    what_a_round_says_of_its_watch_is_kept(&*open_fresh());
    claims_are_kept_where_asked_for(&*open_fresh());
    whoever_was_called_of_late_is_found(&*open_fresh());
    a_round_of_a_watch_finds_what_those_before_it_found(&*open_fresh());
    old_visits_of_rounds_are_thinned(&*open_fresh());
    sightings_say_who_is_reachable(&*open_fresh());
    imports::check_imports(&mut open_fresh);
}

fn an_empty_store_has_no_crawls<S: Store>(open: &dyn Fn() -> S) {
    let store = open();
    assert_eq!(store.crawls().unwrap(), []);
    assert_eq!(store.latest_crawl(Chain::Mainnet).unwrap(), None);
}

fn a_crawl_is_kept_from_its_begin_to_its_end<S: Store>(open: &dyn Fn() -> S) {
    let mut store = open();
    let new = NewCrawl {
        series: Some(-7),
        ..new_crawl(Chain::Signet)
    };
    let id = store.begin_crawl(&new).unwrap();
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
        left_out: BTreeMap::new(),
        series: Some(-7),
        observer: None,
        standing: Standing::default(),
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
        store.learn(nowhere, &learned()).unwrap_err(),
        store.reopen_crawl(nowhere).unwrap_err(),
        store.read_visits(nowhere, &mut |_| Ok(())).unwrap_err(),
        store.read_learned(nowhere, &mut |_| Ok(())).unwrap_err(),
        store.read_edges(nowhere, &mut |_| Ok(())).unwrap_err(),
        store.read_listed(nowhere, &mut |_| Ok(())).unwrap_err(),
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

fn what_a_crawl_learned_comes_back_in_order<S: Store>(open: &dyn Fn() -> S) {
    let mut store = open();
    let other = store.begin_crawl(&new_crawl(Chain::Signet)).unwrap();
    store.learn(other, &learned()[1..]).unwrap();
    let crawl = store.begin_crawl(&new_crawl(Chain::Mainnet)).unwrap();
    store.learn(crawl, &learned()[..1]).unwrap();
    let batch = Batch {
        visits: &sample(),
        learned: &learned()[1..],
        ..Batch::default()
    };
    store.append(crawl, &batch).unwrap();
    drop(store);

    let store = open();
    assert_eq!(all_learned(&store, crawl), learned());
    assert_eq!(all_learned(&store, other), learned()[1..]);
    assert_eq!(visits(&store, crawl), sample());
}

fn a_crawl_that_did_not_finish_can_go_on<S: Store>(open: &dyn Fn() -> S) {
    let mut store = open();
    assert_eq!(store.resumable(Chain::Mainnet).unwrap(), None);
    let crawl = store.begin_crawl(&new_crawl(Chain::Mainnet)).unwrap();
    assert_eq!(store.resumable(Chain::Mainnet).unwrap(), None);
    store.learn(crawl, &learned()).unwrap();
    store.append_visits(crawl, &sample()[..2]).unwrap();
    drop(store);

    // Killed, then stopped, then finished.
    let mut store = open();
    let found = store.resumable(Chain::Mainnet).unwrap();
    assert_eq!(found.map(|it| it.id), Some(crawl));
    assert_eq!(store.resumable(Chain::Signet).unwrap(), None);
    store.begin_crawl(&new_crawl(Chain::Signet)).unwrap();
    store.reopen_crawl(crawl).unwrap();
    let states: Vec<_> = store.crawls().unwrap().iter().map(|it| it.state).collect();
    assert_eq!(states, [CrawlState::Running, CrawlState::Interrupted]);
    store.append_visits(crawl, &sample()[2..]).unwrap();
    store.finish_crawl(crawl, 12, CrawlEnd::Stopped).unwrap();
    drop(store);

    let mut store = open();
    let found = store.resumable(Chain::Mainnet).unwrap();
    assert_eq!(found.unwrap().state, CrawlState::Stopped);
    store.reopen_crawl(crawl).unwrap();
    assert_eq!(store.crawl(crawl).unwrap().finished_at_us, None);
    assert_eq!(all_learned(&store, crawl), learned());
    assert_eq!(visits(&store, crawl), sample());
    store.finish_crawl(crawl, 13, CrawlEnd::Finished).unwrap();
    assert_eq!(store.resumable(Chain::Mainnet).unwrap(), None);
    assert_eq!(all_learned(&store, crawl), []);
}

fn only_the_latest_crawl_of_a_chain_can_go_on<S: Store>(open: &dyn Fn() -> S) {
    let mut store = open();
    let dead = store.begin_crawl(&new_crawl(Chain::Mainnet)).unwrap();
    store.learn(dead, &learned()).unwrap();
    let other = store.begin_crawl(&new_crawl(Chain::Signet)).unwrap();
    store.learn(other, &learned()).unwrap();
    let next = store.begin_crawl(&new_crawl(Chain::Mainnet)).unwrap();
    assert_eq!(all_learned(&store, dead), []);
    assert_eq!(all_learned(&store, other), learned());
    assert_eq!(store.resumable(Chain::Mainnet).unwrap(), None);
    store.learn(next, &learned()).unwrap();
    let found = store.resumable(Chain::Mainnet).unwrap();
    assert_eq!(found.map(|it| it.id), Some(next));
}

fn what_was_left_out_is_counted<S: Store>(open: &dyn Fn() -> S) {
    let mut store = open();
    let crawl = store.begin_crawl(&new_crawl(Chain::Mainnet)).unwrap();
    let left_out = BTreeMap::from([("over_quota".to_owned(), 3), ("stale".to_owned(), u64::MAX)]);
    let batch = Batch {
        left_out: Some(&left_out),
        ..Batch::default()
    };
    store.append(crawl, &batch).unwrap();
    store.append_visits(crawl, &sample()).unwrap();
    assert_eq!(store.crawl(crawl).unwrap().left_out, left_out);
}

fn what_a_round_says_of_its_watch_is_kept<S: Store>(open: &dyn Fn() -> S) {
    let mut store = open();
    let crawl = store.begin_crawl(&new_crawl(Chain::Mainnet)).unwrap();
    let noted = |store: &S| store.crawl(crawl).unwrap().standing;
    assert_eq!(noted(&store), Standing::default());
    let first = Standing {
        problems: vec!["the \"proxy\" is dead".to_owned(), "so is i2p".to_owned()],
        reachable: BTreeMap::new(),
    };
    store.note_standing(crawl, &first).unwrap();
    assert_eq!(noted(&store), first);
    let second = Standing {
        problems: Vec::new(),
        reachable: BTreeMap::from([("ipv4".to_owned(), 7), ("onion".to_owned(), 1)]),
    };
    store.note_standing(crawl, &second).unwrap();
    store.finish_crawl(crawl, 1, CrawlEnd::Finished).unwrap();
    drop(store);
    assert_eq!(noted(&open()), second);
    let unknown = open().note_standing(CrawlId(7), &first);
    assert!(matches!(unknown, Err(StoreError::UnknownCrawl(CrawlId(7)))));
}

fn claims_are_kept_where_asked_for<S: Store>(open: &dyn Fn() -> S) {
    let mut store = open();
    let crawl = store.begin_crawl(&new_crawl(Chain::Mainnet)).unwrap();
    let claim = |n: u16| Claim {
        addr: PeerAddr::new(PeerAddr::parse(ONION, 0).unwrap().host, n),
        time: Some(u32::from(n)),
        services: u64::MAX,
    };
    // More than one message could tell.
    let many: Vec<Claim> = (0..2_500).map(claim).collect();
    let timeless = Claim {
        time: None,
        ..claim(1)
    };
    let talker = telling("1.2.3.4:8333", &many);
    let sober = telling("1.2.3.5:8333", &[]);
    let brief = telling("1.2.3.6:8333", &[timeless]);
    let told = [talker, sober, brief];
    store.append_visits(crawl, &told[..1]).unwrap();
    let batch = Batch {
        visits: &[&told[..], &sample()].concat(),
        with_edges: true,
        ..Batch::default()
    };
    store.append(crawl, &batch).unwrap();
    let other = store.begin_crawl(&new_crawl(Chain::Mainnet)).unwrap();
    store.append(other, &batch).unwrap();

    let expected = [
        (told[0].addr, many),
        (
            told[2].addr,
            vec![Claim {
                time: Some(0),
                ..timeless
            }],
        ),
    ];
    let expected = expected.map(|(from, claims)| Edges { from, claims });
    assert_eq!(all_edges(&store, crawl), expected);
    // The visits themselves know only how many there were.
    let [talker, sober, brief] = told.map(without_claims);
    let expected = [&[talker.clone(), talker, sober, brief][..], &sample()].concat();
    assert_eq!(visits(&store, crawl), expected);
}

fn a_round_of_a_watch_finds_what_those_before_it_found<S: Store>(open: &dyn Fn() -> S) {
    let mut store = open();
    let day = 24 * 3_600 * 1_000_000;
    let mut round = |series, started_at_us, visits: &[Visit]| {
        let new = NewCrawl {
            series,
            started_at_us,
            ..new_crawl(Chain::Mainnet)
        };
        let crawl = store.begin_crawl(&new).unwrap();
        store.append_visits(crawl, visits).unwrap();
        crawl
    };
    let up = |addr| complete(addr, b"/Satoshi:27.1.0/", 900_000);
    let down = |addr| failed(addr, Outcome::ConnectRefused);
    round(Some(7), 0, &[up("1.1.1.1:1")]);
    let second = round(Some(7), 1, &[up("1.1.1.2:1"), up("1.1.1.3:1")]);
    round(Some(8), 2, &[up("1.1.1.5:1")]);
    let plain = round(None, 3, &[up("1.1.1.6:1")]);
    let empty = round(Some(7), 4, &[]);
    let last = round(Some(7), day, &[down("1.1.1.3:1"), up("1.1.1.4:1")]);

    let all = [up("1.1.1.1:1"), up("1.1.1.2:1"), up("1.1.1.3:1")];
    assert_eq!(last_visits(&store, second), all);
    assert_eq!(last_visits(&store, empty), all);
    assert_eq!(last_visits(&store, plain), [up("1.1.1.6:1")]);
    // The first is a day old.
    let expected = [up("1.1.1.2:1"), down("1.1.1.3:1"), up("1.1.1.4:1")];
    assert_eq!(last_visits(&store, last), expected);
    assert_eq!(visits(&store, last), expected[1..]);
}

fn sightings_say_who_is_reachable<S: Store>(open: &dyn Fn() -> S) {
    let mut store = open();
    for (series, is_told) in [(None, false), (Some(7), true)] {
        let new = NewCrawl {
            series,
            ..new_crawl(Chain::Mainnet)
        };
        let crawl = store.begin_crawl(&new).unwrap();
        store.append_visits(crawl, &sample()).unwrap();
        let mut found = Vec::new();
        let mut take = |it| {
            found.push(it);
            Ok(())
        };
        store.read_sightings(crawl, &mut take).unwrap();
        let expected = sample().iter().map(Sighting::from).collect::<Vec<_>>();
        let is_expected = |it: &Sighting| is_told || it.said.is_some();
        let expected: Vec<_> = expected.into_iter().filter(is_expected).collect();
        assert_eq!(found, expected);
    }
}

fn old_visits_of_rounds_are_thinned<S: Store>(open: &dyn Fn() -> S) {
    let mut store = open();
    let up = |addr, after_us| {
        let claim = Claim {
            addr: PeerAddr::parse(ONION, 0).unwrap(),
            time: Some(1),
            services: 0,
        };
        let mut visit = telling(addr, &[claim]);
        visit.call.started_at_us += after_us;
        visit
    };
    let mut crawl = |chain, series, visits: &[Visit]| {
        let new = NewCrawl {
            series,
            ..new_crawl(chain)
        };
        let crawl = store.begin_crawl(&new).unwrap();
        let batch = Batch {
            visits,
            with_edges: true,
            ..Batch::default()
        };
        store.append(crawl, &batch).unwrap();
        crawl
    };
    let dead = failed("1.1.1.9:1", Outcome::ConnectTimeout);
    let crawls = [
        crawl(Chain::Mainnet, Some(7), &[up("1.1.1.1:1", 0), dead]),
        crawl(
            Chain::Mainnet,
            Some(7),
            &[up("1.1.1.1:1", 1), up("1.1.1.2:1", 1)],
        ),
        crawl(Chain::Mainnet, None, &[up("1.1.1.1:1", 2)]),
        crawl(
            Chain::Signet,
            Some(8),
            &[up("1.1.1.1:1", 0), up("1.1.1.1:1", 1), up("1.1.1.1:1", 2)],
        ),
        crawl(Chain::Mainnet, Some(7), &[up("1.1.1.1:1", 3)]),
        crawl(Chain::Mainnet, Some(7), &[up("1.1.1.1:1", 4)]),
        crawl(Chain::Mainnet, Some(7), &[up("1.1.1.1:1", 5)]),
    ];
    let counts = store.crawls().unwrap();
    let told = |store: &S| {
        let of_crawl = |it: &CrawlId| {
            let n_visits = visits(store, *it).len();
            assert_eq!(all_edges(store, *it).len(), n_visits, "{it}");
            n_visits
        };
        crawls[1..].iter().map(of_crawl).collect::<Vec<_>>()
    };
    let mut thinning = Thinning::new(Chain::Mainnet);
    let mut thin = |before_us, n| {
        let before_us = STARTED_AT_US + before_us;
        store.thin(&mut thinning, before_us, n).unwrap()
    };
    // Nothing is old enough; then all but the last, in small steps.
    assert!(!thin(0, 3));
    assert!(thin(5, 3));
    assert!(thin(5, 3));
    assert!(!thin(5, 3));
    assert_eq!(told(&store), [1, 1, 3, 0, 1, 1]);
    assert_eq!(
        visits(&store, crawls[0]),
        [up("1.1.1.1:1", 0)].map(without_claims)
    );

    // It goes on where it was, and so does one that begins anew.
    assert!(!store.thin(&mut thinning, i64::MAX, 99).unwrap());
    assert_eq!(told(&store), [1, 1, 3, 0, 0, 1]);
    let mut thinning = Thinning::new(Chain::Mainnet);
    assert!(!store.thin(&mut thinning, i64::MAX, 99).unwrap());
    assert_eq!(told(&store), [1, 1, 3, 0, 0, 1]);
    assert_eq!(store.crawls().unwrap(), counts);
}

fn whoever_was_called_of_late_is_found<S: Store>(open: &dyn Fn() -> S) {
    let mut store = open();
    let at = |addr, after_us| {
        let mut visit = failed(addr, Outcome::ConnectTimeout);
        visit.call.started_at_us += after_us;
        visit
    };
    let mut crawl = |chain, visits: &[Visit]| {
        let crawl = store.begin_crawl(&new_crawl(chain)).unwrap();
        store.append_visits(crawl, visits).unwrap();
        let ended_at_us = STARTED_AT_US + 11;
        let end = CrawlEnd::Finished;
        store.finish_crawl(crawl, ended_at_us, end).unwrap();
    };
    crawl(Chain::Mainnet, &[at("1.1.1.1:1", 0), at("1.1.1.2:1", 0)]);
    crawl(Chain::Mainnet, &[]);
    crawl(
        Chain::Mainnet,
        &[
            at("1.1.1.1:1", 9),
            not_tried("1.1.1.3:1"),
            at("1.1.1.4:1", 10),
            at("1.1.1.4:1", 11),
        ],
    );
    crawl(Chain::Signet, &[at("1.1.1.5:1", 10)]);
    let mut asked = telling("1.1.1.7:1", &[]);
    asked.call.started_at_us += 12;
    let last_us = asked.call.ended_at_us();
    let interrupted = store.begin_crawl(&new_crawl(Chain::Mainnet)).unwrap();
    store
        .append_visits(interrupted, &[at("1.1.1.6:1", 10), asked.clone()])
        .unwrap();
    let since = |after_us| {
        let mut found = Vec::new();
        let taken = store.visited_since(Chain::Mainnet, STARTED_AT_US + after_us, &mut |it| {
            found.push(it.to_string());
            Ok(())
        });
        taken.unwrap();
        found.join(" ")
    };
    assert_eq!(since(10), "1.1.1.4:1 1.1.1.4:1 1.1.1.6:1 1.1.1.7:1");
    let expected = "1.1.1.1:1 1.1.1.2:1 1.1.1.1:1 1.1.1.4:1 1.1.1.4:1 1.1.1.6:1 1.1.1.7:1";
    assert_eq!(since(0), expected);
    assert_eq!(since(12), "1.1.1.7:1");
    assert_eq!(since(13), "");

    let glimpses = |upto_us| {
        let mut found = Vec::new();
        let time_us = STARTED_AT_US + 10..=upto_us;
        let taken = store.read_glimpses(Chain::Mainnet, time_us, &mut |it| {
            found.push(it);
            Ok(())
        });
        taken.unwrap();
        found
    };
    let expected = [
        at("1.1.1.4:1", 10),
        at("1.1.1.4:1", 11),
        at("1.1.1.6:1", 10),
        asked,
    ];
    let expected = expected.map(|it| Glimpse::from(&it));
    assert_eq!(glimpses(i64::MAX), expected);
    let crawl = store.crawl(interrupted).unwrap();
    assert_eq!(store.ended_at_us(&crawl).unwrap(), last_us);
    // Nothing is told that was seen later.
    assert_eq!(glimpses(STARTED_AT_US + 11), expected[..3]);
    assert_eq!(glimpses(STARTED_AT_US + 10), [expected[0], expected[2]]);
}

pub(crate) fn new_crawl(chain: Chain) -> NewCrawl {
    NewCrawl {
        chain,
        vantage: "a \"desk\"".to_owned(),
        sources: vec!["dns".to_owned(), "nodes, old.txt".to_owned()],
        started_at_us: -5,
        n_queued: 7,
        config: serde_json::json!({"max_in_flight": 512, "proxy": null}),
        series: None,
        observer: None,
    }
}

/// Four visits; the first and the third call the same address.
pub(crate) fn sample() -> Vec<Visit> {
    let mut again = complete("1.2.3.4:8333", b"/\xff/", 900_000);
    again.attempt = 2;
    again.dialect = Dialect::OldNoChecksum;
    again.call.heard.gossip = Some(Gossip {
        claims: Vec::new(),
        told: ToldCounts {
            ipv4: 990,
            onion: 10,
            ..ToldCounts::default()
        },
    });
    vec![
        failed("1.2.3.4:8333", Outcome::ConnectTimeout),
        failed("[2a01::1]:8333", Outcome::ConnectRefused),
        again,
        not_tried(ONION),
    ]
}

fn without_claims(mut visit: Visit) -> Visit {
    let gossip = visit.call.heard.gossip.as_mut();
    gossip.expect("it was asked").claims.clear();
    visit
}

/// One address from a source, one from a peer.
pub(crate) fn learned() -> Vec<Learned> {
    let addr = |it| PeerAddr::parse(it, 0).unwrap();
    let given = Learned {
        addr: addr("1.2.3.4:8333"),
        source: 0,
        teller: None,
        time: None,
        services: 0,
    };
    let told = Learned {
        addr: addr(ONION),
        source: u16::MAX,
        teller: Some(given.addr),
        time: Some(u32::MAX),
        services: u64::MAX,
    };
    vec![given, told]
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

pub(crate) fn all_learned(store: &impl Store, crawl: CrawlId) -> Vec<Learned> {
    let mut learned = Vec::new();
    let taken = store.read_learned(crawl, &mut |it| {
        learned.push(it);
        Ok(())
    });
    taken.unwrap();
    learned
}

pub(crate) fn all_edges(store: &impl Store, crawl: CrawlId) -> Vec<Edges> {
    let mut edges = Vec::new();
    let taken = store.read_edges(crawl, &mut |it| {
        edges.push(it);
        Ok(())
    });
    taken.unwrap();
    edges
}
