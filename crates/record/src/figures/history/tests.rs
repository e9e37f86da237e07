use super::*;
use crate::SqliteStore;
use crate::figures::made;
use crate::places::{NoAtlas, Place};
use crate::samples::{complete, failed};
use crate::store::{CrawlEnd, CrawlId, NewCrawl};
use proto::Visit;
use proto::outcome::Outcome;

const HOUR_US: i64 = 3_600_000_000;

#[test]
fn of_many_times_the_latest_of_each_part_is_taken() {
    check_thinned(&[], 3, &[]);
    check_thinned(&[5], 3, &[5]);
    check_thinned(&[1, 2, 3], 3, &[1, 2, 3]);
    check_thinned(&[0, 1, 2, 3, 4, 5], 3, &[1, 3, 5]);
    check_thinned(&[0, 1, 2, 3, 90], 3, &[3, 90]);
    check_thinned(&[7, 7, 7, 7], 3, &[7]);
    check_thinned(&[i64::MIN, -1, 1, i64::MAX], 2, &[-1, i64::MAX]);
    let day: Vec<i64> = (0..144 * 30).collect();
    let points = thinned(&day, MAX_POINTS);
    assert_eq!((points.len(), points.last()), (MAX_POINTS, Some(&4_319)));
}

#[test]
fn crawls_of_their_own_find_what_they_reach() {
    let mut store = Made::new();
    store.crawl(0, None, "a +1 +2 -3");
    store.crawl(1, None, "a +2 +3");
    store.unfinished(2, None, "a +4");
    assert_eq!(store.read(9), ["a 0: 1 2", "a 1: 2 3"]);
    assert_eq!(store.read(1), ["a 1: 2 3"]);
}

#[test]
fn rounds_build_on_those_before_them() {
    let mut store = Made::new();
    store.crawl(0, Some(7), "a +1 +2");
    store.crawl(1, Some(7), "a +3 -2");
    store.unfinished(2, Some(7), "a +4");
    store.crawl(3, Some(7), "a +2");
    store.crawl(24, Some(7), "a");
    store.crawl(26, Some(7), "a");
    let expected = [
        "a 0: 1 2",
        "a 1: 1 3",
        "a 3: 1 2 3 4",
        "a 24: 2 3 4",
        "a 26: 2",
    ];
    assert_eq!(store.read(9), expected);
    // Fewer points do not change what they are.
    assert_eq!(store.read(2), ["a 3: 1 2 3 4", "a 26: 2"]);
    assert_eq!(store.read(1), ["a 26: 2"]);
}

#[test]
fn it_is_what_the_last_visits_are() {
    let mut store = Made::new();
    for n in 0..40_i64 {
        let visits = (0..6).map(|it| match (n * 7 + it * 5) % 11 {
            0..4 => format!("+{it}"),
            4..6 => format!("-{it}"),
            _ => String::new(),
        });
        let text = format!("a {}", visits.collect::<Vec<_>>().join(" "));
        store.crawl(n * 3, Some(7), &text);
    }
    let mut n_points = 0;
    read_each(
        &store.store,
        Chain::Mainnet,
        i64::MAX,
        &NoAtlas,
        10,
        &mut |_, crawl, nodes| {
            let mut expected = Vec::new();
            let mut take = |visit: Visit| {
                expected.extend(visit.call.outcome.is_reachable().then_some(visit.addr));
                Ok(())
            };
            store.store.read_last_visits(crawl.id, &mut take).unwrap();
            expected.sort();
            let mut found: Vec<PeerAddr> = nodes.keys().copied().collect();
            found.sort();
            assert_eq!(found, expected, "crawl {}", crawl.id);
            n_points += 1;
        },
    )
    .unwrap();
    assert_eq!(n_points, 10);
}

#[test]
fn observers_and_vantages_are_told_apart() {
    let mut store = Made::new();
    store.crawl(0, None, "a +1");
    store.crawl(1, None, "b +2");
    store.crawl(2, None, "a +3");
    store.import(1, "bitnodes", "+4");
    // A later import of an earlier list comes in the order of time.
    store.import(0, "bitnodes", "+5");
    let expected = [
        "a 0: 1",
        "a 2: 3",
        "b 1: 2",
        "bitnodes 0: 5",
        "bitnodes 1: 4",
    ];
    assert_eq!(store.read(9), expected);
}

#[test]
fn nothing_is_told_that_came_later() {
    let mut store = Made::new();
    store.crawl(0, None, "a +1");
    store.crawl(2, None, "a +2");
    store.import(1, "bitnodes", "+3");
    store.import(2, "bitnodes", "+4");
    assert_eq!(store.read_until(HOUR_US, 9), ["a 0: 1", "bitnodes 1: 3"]);
}

#[test]
fn what_nodes_say_and_where_they_are_is_kept() {
    struct Everywhere;
    impl Atlas for Everywhere {
        fn place(&self, _: &PeerAddr) -> Place {
            Place {
                country: Some("DE".to_owned()),
                ..Place::default()
            }
        }
    }
    let mut store = Made::new();
    store.crawl(0, None, "a +1");
    let history = History::read(&store.store, Chain::Mainnet, i64::MAX, &Everywhere).unwrap();
    let [line] = &history.trends.lines.value[..] else {
        panic!("one line");
    };
    let point = &line.points[0];
    let first = |top: &crate::summary::Top| {
        let rows = top
            .rows
            .iter()
            .map(|it| (it.name.clone().unwrap_or_default(), it.n));
        rows.collect::<Vec<_>>()
    };
    assert_eq!(
        first(&point.implementations),
        [("Bitcoin Core".to_owned(), 1)]
    );
    assert_eq!(first(&point.protocol_versions), [("70016".to_owned(), 1)]);
    assert_eq!(first(&point.countries), [("DE".to_owned(), 1)]);
    assert_eq!((point.v2_offered, point.v2_carried), (1, Some(0)));
    assert_eq!(
        (point.latest_height, point.median_lag_blocks),
        (Some(900_000), Some(0))
    );
    assert_eq!(point.services.len(), 4);
    assert_eq!(history.churn.steps.value, []);
}

#[test]
fn another_chain_is_another_history() {
    let mut store = Made::new();
    store.crawl(0, None, "a +1");
    let signet = History::read(&store.store, Chain::Signet, i64::MAX, &NoAtlas).unwrap();
    assert_eq!(signet.trends.lines.value, []);
}

#[track_caller]
fn check_thinned(times: &[i64], max: usize, expected: &[i64]) {
    let points: Vec<i64> = thinned(times, max)
        .into_iter()
        .map(|it| times[it])
        .collect();
    assert_eq!(points, expected, "{times:?}");
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

    /// Adds a crawl that began at `hour`: its vantage, and whom it reached `+` or not `-`.
    fn crawl(&mut self, hour: i64, series: Option<i64>, text: &str) {
        let id = self.unfinished(hour, series, text);
        let ended = CrawlEnd::Finished;
        self.store.finish_crawl(id, hour * HOUR_US, ended).unwrap();
    }

    fn unfinished(&mut self, hour: i64, series: Option<i64>, text: &str) -> CrawlId {
        let (vantage, visits) = text.split_once(' ').unwrap_or((text, ""));
        let new = NewCrawl {
            vantage: vantage.to_owned(),
            series,
            ..new_crawl(hour)
        };
        let id = self.store.begin_crawl(&new).unwrap();
        let visits: Vec<Visit> = visits_of(visits).collect();
        self.store.append_visits(id, &visits).unwrap();
        id
    }

    fn import(&mut self, hour: i64, observer: &str, text: &str) {
        let new = NewCrawl {
            observer: Some(observer.to_owned()),
            vantage: format!("file of {hour}"),
            ..new_crawl(hour)
        };
        let mut visits = visits_of(text);
        let mut feed = |take: &mut dyn FnMut(crate::import::Seen) -> std::io::Result<()>| {
            visits.try_for_each(|visit| {
                let remarks = crate::import::Remarks::default();
                take(crate::import::Seen { visit, remarks })
            })?;
            Ok(BTreeMap::new())
        };
        self.store.import(&new, &mut feed).unwrap();
    }

    /// Returns what is read, a line a point: the observer, the hour, and the last bytes of the addresses.
    fn read(&self, max: usize) -> Vec<String> {
        self.read_until(i64::MAX, max)
    }

    fn read_until(&self, until_us: i64, max: usize) -> Vec<String> {
        let mut lines = Vec::new();
        let chain = Chain::Mainnet;
        read_each(
            &self.store,
            chain,
            until_us,
            &NoAtlas,
            max,
            &mut |observer, crawl, nodes| {
                let addrs = nodes.keys().map(|it| it.host.bytes()[3]);
                let mut addrs: Vec<u8> = addrs.collect();
                addrs.sort_unstable();
                let addrs: Vec<String> = addrs.iter().map(ToString::to_string).collect();
                let name = observer.vantage.as_ref().or(observer.observer.as_ref());
                lines.push(format!(
                    "{} {}: {}",
                    name.unwrap(),
                    crawl.started_at_us / HOUR_US,
                    addrs.join(" ")
                ));
            },
        )
        .unwrap();
        lines
    }
}

fn visits_of(text: &str) -> impl Iterator<Item = Visit> {
    text.split_whitespace().map(|it| {
        let addr = format!("1.1.1.{}:8333", &it[1..]);
        match it.starts_with('+') {
            true => complete(&addr, b"/Satoshi:27.1.0/", 900_000),
            false => failed(&addr, Outcome::ConnectTimeout),
        }
    })
}

fn new_crawl(hour: i64) -> NewCrawl {
    NewCrawl {
        chain: Chain::Mainnet,
        vantage: String::new(),
        sources: Vec::new(),
        started_at_us: hour * HOUR_US,
        n_queued: 0,
        config: serde_json::Value::Null,
        series: None,
        observer: None,
    }
}

/// A crawl that ended at this time.
pub(in crate::figures) fn crawl(at_us: i64) -> Crawl {
    Crawl {
        started_at_us: at_us,
        finished_at_us: Some(at_us),
        ..made::crawl(0)
    }
}
