//! What every store does with what another observer saw.

use std::collections::BTreeMap;
use std::io;

use listing::{Claimed, Uptime};
use proto::gossip::Claim;
use proto::version::Version;
use proto::{Chain, Outcome, PeerAddr, Visit};

use super::{all_edges, all_learned, last_visits, learned, new_crawl, sample, visits};
use crate::Thinning;
use crate::import::{Remarks, Seen};
use crate::places::Place;
use crate::samples::{ONION, STARTED_AT_US, complete, failed, telling};
use crate::store::{Crawl, CrawlEnd, CrawlId, CrawlState, Edges, NewCrawl, Store, StoreError};

pub(super) fn check_imports<S: Store>(open_fresh: &mut dyn FnMut() -> Box<dyn Fn() -> S>) {
    what_another_observer_saw_is_a_finished_crawl(&*open_fresh());
    an_import_that_fails_leaves_nothing_behind(&*open_fresh());
    what_another_observer_told_is_told_without_payload(&*open_fresh());
    an_import_is_no_crawl_of_ours(&*open_fresh());
    an_import_keeps_no_crawl_from_going_on(&*open_fresh());
}

fn what_another_observer_saw_is_a_finished_crawl<S: Store>(open: &dyn Fn() -> S) {
    let mut store = open();
    let claim = Claim {
        addr: PeerAddr::parse(ONION, 0).unwrap(),
        time: Some(7),
        services: 1,
    };
    let told = [
        seen(telling("1.2.3.4:8333", &[claim]), remarks()),
        seen(
            failed("1.2.3.5:8333", Outcome::ConnectOther),
            Remarks::default(),
        ),
        seen(
            complete("[2a01::1]:8333", b"/\xff/", 7),
            Remarks {
                seed_distance: Some(2),
                ..Remarks::default()
            },
        ),
    ];
    let left_out = BTreeMap::from([("stale".to_owned(), 3)]);
    let id = import(&mut store, &told, left_out.clone()).unwrap();
    drop(store);

    let store = open();
    let NewCrawl {
        chain,
        vantage,
        sources,
        started_at_us,
        n_queued,
        config,
        series,
        observer,
    } = new_import();
    let expected = Crawl {
        id,
        chain,
        vantage,
        sources,
        started_at_us,
        finished_at_us: Some(started_at_us),
        n_queued,
        config,
        state: CrawlState::Finished,
        n_visits: 3,
        n_reachable: 2,
        left_out,
        series,
        observer,
        standing: super::Standing::default(),
    };
    assert_eq!(store.crawls().unwrap(), [expected]);
    let mut expected = told.clone().map(|it| it.visit);
    expected[0]
        .call
        .heard
        .gossip
        .as_mut()
        .unwrap()
        .claims
        .clear();
    assert_eq!(visits(&store, id), expected);
    assert_eq!(last_visits(&store, id), expected);
    let from = expected[0].addr;
    let claims = vec![claim];
    assert_eq!(all_edges(&store, id), [Edges { from, claims }]);

    let [first, _, last] = told.map(|it| (it.visit.addr, it.remarks));
    assert_eq!(
        store.places_of(id).unwrap(),
        [
            (first.0, first.1.place.clone()),
            (last.0, last.1.place.clone())
        ]
        .into()
    );
    assert_eq!(listed(&store, id), [first, last]);
}

fn an_import_that_fails_leaves_nothing_behind<S: Store>(open: &dyn Fn() -> S) {
    let mut store = open();
    let first = import(&mut store, &[], BTreeMap::new()).unwrap();
    let error = store
        .import(&new_import(), &mut |give| {
            give(seen(complete("1.2.3.4:8333", b"//", 7), remarks()))?;
            Err(io::Error::other("line 2: what is this"))
        })
        .unwrap_err();
    assert!(matches!(error, StoreError::Feed(_)));
    assert_eq!(error.to_string(), "line 2: what is this");
    let kept: Vec<_> = store.crawls().unwrap().iter().map(|it| it.id).collect();
    assert_eq!(kept, [first]);
    let next = import(&mut store, &[], BTreeMap::new()).unwrap();
    assert_eq!(listed(&store, next), []);
    assert_eq!(visits(&store, next), []);
}

fn what_another_observer_told_is_told_without_payload<S: Store>(open: &dyn Fn() -> S) {
    let mut store = open();
    let telling = |version: Option<Version>| {
        let mut visit = complete("1.2.3.4:8333", b"", 0);
        visit.call.heard.version = version.map(Box::new);
        visit.call.heard.version_payload = None;
        visit
    };
    let whole = Version {
        trailing: Vec::new(),
        ..*complete("1.2.3.4:8333", b"/\xff/", 0)
            .call
            .heard
            .version
            .unwrap()
    };
    let told = [
        telling(None),
        telling(Some(Version {
            user_agent: Some(b"/x/".to_vec()),
            ..Version::default()
        })),
        telling(Some(Version {
            protocol_version: 70016,
            services: u64::MAX,
            start_height: Some(-1),
            ..Version::default()
        })),
        telling(Some(whole)),
    ];
    let all = told.clone().map(|it| seen(it, Remarks::default()));
    let id = import(&mut store, &all, BTreeMap::new()).unwrap();
    assert_eq!(visits(&store, id), told);
}

/// The latest crawl, who was called of late, when nodes were up, and what is thinned: an import has no part in it.
fn an_import_is_no_crawl_of_ours<S: Store>(open: &dyn Fn() -> S) {
    let mut store = open();
    let theirs = [seen(complete("1.2.3.4:8333", b"//", 7), remarks())];
    import(&mut store, &theirs, BTreeMap::new()).unwrap();
    let glimpses = |store: &S| {
        let mut found = Vec::new();
        let taken = store.read_glimpses(Chain::Mainnet, i64::MIN..=i64::MAX, &mut |it| {
            found.push(it.addr.to_string());
            Ok(())
        });
        taken.unwrap();
        found.join(" ")
    };
    assert_eq!(store.latest_crawl(Chain::Mainnet).unwrap(), None);
    assert_eq!(glimpses(&store), "");

    let new = NewCrawl {
        series: Some(7),
        ..new_crawl(Chain::Mainnet)
    };
    let up = |after_us| {
        let mut visit = complete("1.2.3.4:8333", b"//", 7);
        visit.call.started_at_us += after_us;
        visit
    };
    let ours = store.begin_crawl(&new).unwrap();
    store.append_visits(ours, &[up(1)]).unwrap();
    store.finish_crawl(ours, 12, CrawlEnd::Stopped).unwrap();
    let between = import(&mut store, &theirs, BTreeMap::new()).unwrap();
    let last = store.begin_crawl(&new).unwrap();
    store.append_visits(last, &[up(2), up(3)]).unwrap();
    store.finish_crawl(last, 12, CrawlEnd::Finished).unwrap();
    let theirs_last = import(&mut store, &theirs, BTreeMap::new()).unwrap();

    let latest = store.latest_crawl(Chain::Mainnet).unwrap();
    assert_eq!(latest.map(|it| it.id), Some(last));
    assert_eq!(
        glimpses(&store),
        "1.2.3.4:8333 1.2.3.4:8333 1.2.3.4:8333",
        "one of ours, two of ours"
    );
    assert_eq!(last_visits(&store, last), [up(3)]);

    let mut thinning = Thinning::new(Chain::Mainnet);
    assert!(!store.thin(&mut thinning, i64::MAX, 99).unwrap());
    let n_visits = [ours, between, last, theirs_last].map(|it| visits(&store, it).len());
    assert_eq!(n_visits, [1, 1, 1, 1]);
    assert_eq!(listed(&store, theirs_last).len(), 1);
}

fn an_import_keeps_no_crawl_from_going_on<S: Store>(open: &dyn Fn() -> S) {
    let mut store = open();
    let stopped = store.begin_crawl(&new_crawl(Chain::Mainnet)).unwrap();
    store.learn(stopped, &learned()).unwrap();
    store.append_visits(stopped, &sample()).unwrap();
    store.finish_crawl(stopped, 12, CrawlEnd::Stopped).unwrap();
    let theirs = [seen(complete("1.2.3.4:8333", b"//", 7), remarks())];
    import(&mut store, &theirs, BTreeMap::new()).unwrap();

    let resumable = store.resumable(Chain::Mainnet).unwrap();
    assert_eq!(resumable.map(|it| it.id), Some(stopped));
    assert_eq!(all_learned(&store, stopped), learned());
    store.reopen_crawl(stopped).unwrap();
    let other = failed("1.2.3.9:8333", Outcome::ConnectTimeout);
    store
        .append_visits(stopped, std::slice::from_ref(&other))
        .unwrap();
    let expected = [sample(), vec![other]].concat();
    assert_eq!(visits(&store, stopped), expected);
    assert_eq!(listed(&store, stopped), []);
}

fn import(
    store: &mut impl Store,
    told: &[Seen],
    left_out: BTreeMap<String, u64>,
) -> Result<CrawlId, StoreError> {
    store.import(&new_import(), &mut |give| {
        told.iter().cloned().try_for_each(&mut *give)?;
        Ok(left_out.clone())
    })
}

fn new_import() -> NewCrawl {
    NewCrawl {
        started_at_us: STARTED_AT_US,
        observer: Some("bit \"nodes\"".to_owned()),
        ..new_crawl(Chain::Mainnet)
    }
}

fn seen(visit: Visit, remarks: Remarks) -> Seen {
    Seen { visit, remarks }
}

fn remarks() -> Remarks {
    Remarks {
        place: Place {
            country: Some("DE".to_owned()),
            asn: Some(24_940),
            latitude: Some(-57.5),
            ..Place::default()
        },
        connected_since: Some(1_663_092_550),
        is_good: Some(true),
        uptime: Some(Uptime {
            hours_2: 99.99,
            ..Uptime::default()
        }),
        seed_distance: Some(2),
        claimed: Some(Claimed {
            by: Some(PeerAddr::parse(ONION, 0).unwrap()),
            time: Some(-1),
            services: Some(u64::MAX),
        }),
    }
}

fn listed(store: &impl Store, crawl: CrawlId) -> Vec<(PeerAddr, Remarks)> {
    let mut listed = Vec::new();
    let taken = store.read_listed(crawl, &mut |it| {
        listed.push(it);
        Ok(())
    });
    taken.unwrap();
    listed
}
