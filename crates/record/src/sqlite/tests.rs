use std::collections::BTreeMap;
use std::fs;
use std::time::Instant;

use listing::{Listed, ListedNode};
use proptest::prelude::*;
use proto::outcome::Outcome;
use proto::{Chain, Visit};
use tempfile::TempDir;

use super::*;
use crate::import::Seen;
use crate::samples::{any_claim, any_learned, any_visit, complete, failed, telling};
use crate::store::conformance::{
    all_edges, all_learned, check_store, learned, new_crawl, sample, visits,
};

#[test]
fn it_is_a_store() {
    let dir = TempDir::new().unwrap();
    let mut n_stores = 0;
    check_store(|| {
        n_stores += 1;
        let path = dir.path().join(format!("{n_stores}.db"));
        Box::new(move || SqliteStore::open_for_crawl(&path).unwrap())
    });
}

#[test]
fn readers_see_what_is_kept_while_a_crawl_runs_and_when_its_process_died() {
    let (_dir, path) = fresh();
    let mut writer = SqliteStore::open_for_crawl(&path).unwrap();
    let crawl = writer.begin_crawl(&new_crawl(Chain::Mainnet)).unwrap();
    let reader = SqliteStore::open_to_read(&path).unwrap();
    assert_eq!(reader.crawl(crawl).unwrap().state, CrawlState::Running);
    assert_eq!(visits(&reader, crawl), []);

    writer.append_visits(crawl, &sample()).unwrap();
    assert_eq!(visits(&reader, crawl), sample());
    drop(writer);
    assert_eq!(reader.crawl(crawl).unwrap().state, CrawlState::Interrupted);
}

#[test]
fn two_crawls_do_not_write_to_one_census() {
    let (_dir, path) = fresh();
    let first = SqliteStore::open_for_crawl(&path).unwrap();
    let pid = std::process::id();
    check_error(
        SqliteStore::open_for_crawl(&path),
        &path,
        &format!(
            "another crawl is writing to DB (process {pid}); wait for it, or give this one its own --db"
        ),
    );
    drop(first);
    SqliteStore::open_for_crawl(&path).unwrap();
}

#[test]
fn a_census_that_is_not_there_is_not_made_by_reading() {
    let (_dir, path) = fresh();
    check_error(
        SqliteStore::open_to_read(&path),
        &path,
        "there is no census at DB: a crawl makes one, and --db says where it is",
    );
    assert!(!path.exists());
}

#[test]
fn what_is_no_census_is_left_alone() {
    let (_dir, path) = fresh();
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let text = "1.2.3.4:8333\n".repeat(100);
    fs::write(&path, &text).unwrap();
    let expected = "DB is no census: it is not an SQLite database";
    check_error(SqliteStore::open_for_crawl(&path), &path, expected);
    check_error(SqliteStore::open_to_read(&path), &path, expected);
    assert_eq!(fs::read_to_string(&path).unwrap(), text);

    fs::remove_file(&path).unwrap();
    let other = Connection::open(&path).unwrap();
    other
        .execute_batch("CREATE TABLE places (url TEXT)")
        .unwrap();
    let expected = "DB is no census: it is the SQLite database of another program";
    check_error(SqliteStore::open_for_crawl(&path), &path, expected);
    check_error(SqliteStore::open_to_read(&path), &path, expected);
}

#[test]
fn a_newer_census_is_not_touched() {
    let (_dir, path) = fresh();
    let store = SqliteStore::open_for_crawl(&path).unwrap();
    store
        .connection
        .pragma_update(None, "user_version", 99)
        .unwrap();
    drop(store);
    let latest = migrate::LATEST;
    check_error(
        SqliteStore::open_to_read(&path),
        &path,
        &format!(
            "DB was written by a newer bitcensus: its schema is 99, and this one knows up to {latest}"
        ),
    );
}

#[test]
fn an_empty_file_becomes_a_census_once() {
    let (_dir, path) = fresh();
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, "").unwrap();
    // Reading runs the migrations too, for a census of an older version.
    assert_eq!(
        SqliteStore::open_to_read(&path).unwrap().crawls().unwrap(),
        []
    );
    let store = SqliteStore::open_for_crawl(&path).unwrap();
    assert!(!migrate::is_old(&store.connection, &path).unwrap());
}

#[test]
fn a_census_of_the_first_version_is_read() {
    let (_dir, path) = fresh();
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let old = Connection::open(&path).unwrap();
    let first = include_str!("../../migrations/0001_crawls_and_visits.sql");
    old.execute_batch(first).unwrap();
    old.execute_batch(
        "PRAGMA application_id = 0x6263656e;
        PRAGMA user_version = 1;
        INSERT INTO crawls VALUES (3, 'mainnet', 'here', '[\"dns\"]', 1, NULL, 1, '{}', 'running', 1, 0, 1, 1);
        INSERT INTO visits (crawl_id, address, network, port, source, attempt, started_at_us, took_us, outcome,
            bytes_in, bytes_out) VALUES (3, '1.2.3.4:8333', 'ipv4', 8333, 0, 1, 1793491200100000, 0,
            'connect_timeout', 0, 0);",
    )
    .unwrap();
    drop(old);
    let store = SqliteStore::open_to_read(&path).unwrap();
    let expected = failed("1.2.3.4:8333", Outcome::ConnectTimeout);
    assert_eq!(visits(&store, CrawlId(3)), [expected]);
    assert_eq!(store.resumable(Chain::Mainnet).unwrap(), None);
}

#[test]
fn a_full_disk_loses_only_what_was_not_kept() {
    let (_dir, path) = fresh();
    let mut store = SqliteStore::open_for_crawl(&path).unwrap();
    let crawl = store.begin_crawl(&new_crawl(Chain::Mainnet)).unwrap();
    store
        .connection
        .pragma_update(None, "max_page_count", 60)
        .unwrap();
    let visits_of_batch = many_visits(100);
    let batch = Batch {
        visits: &visits_of_batch,
        learned: &learned(),
        ..Batch::default()
    };
    let mut n_kept = 0;
    let error = loop {
        match store.append(crawl, &batch) {
            Ok(()) => n_kept += 100,
            Err(error) => break error,
        }
    };
    let expected = "no room is left on the disk of DB; all visits kept before are safe: make room there, then go on with `crawl --resume`";
    check_error(Err::<(), _>(error), &path, expected);
    assert!(n_kept > 0);
    assert_eq!(visits(&store, crawl).len(), n_kept);
    assert_eq!(store.crawl(crawl).unwrap().n_visits, n_kept as u64);
    assert_eq!(all_learned(&store, crawl).len(), n_kept / 50);

    store
        .connection
        .pragma_update(None, "max_page_count", 1_000_000)
        .unwrap();
    store.append(crawl, &batch).unwrap();
    assert_eq!(visits(&store, crawl).len(), n_kept + 100);
}

#[test]
fn a_census_opened_to_read_is_not_written() {
    let (_dir, path) = fresh();
    drop(SqliteStore::open_for_crawl(&path).unwrap());
    let mut store = SqliteStore::open_to_read(&path).unwrap();
    check_error(
        store.begin_crawl(&new_crawl(Chain::Mainnet)),
        &path,
        "DB cannot be written; change its permissions and those of its directory, or give another --db",
    );
}

#[test]
fn a_row_that_nobody_understands_is_named() {
    let (_dir, path) = fresh();
    let mut store = SqliteStore::open_for_crawl(&path).unwrap();
    let crawl = store.begin_crawl(&new_crawl(Chain::Mainnet)).unwrap();
    store.append_visits(crawl, &sample()).unwrap();
    store
        .connection
        .execute("UPDATE visits SET outcome = 'gone'", [])
        .unwrap();
    check_error(
        store.read_visits(crawl, &mut |_| Ok(())),
        &path,
        "DB is damaged: the column outcome holds \"gone\"",
    );
}

#[test]
fn columns_are_for_people_who_speak_sql() {
    let (_dir, path) = fresh();
    let mut store = SqliteStore::open_for_crawl(&path).unwrap();
    let crawl = store.begin_crawl(&new_crawl(Chain::Mainnet)).unwrap();
    store.append_visits(crawl, &sample()).unwrap();
    let mut binary = complete("1.2.3.4:8333", b"/Satoshi:27.1.0/", 900_000);
    binary.call.heard.version.as_mut().unwrap().services = 1 << 63;
    store.append_visits(crawl, &[binary]).unwrap();
    let rows = dump(
        &store.connection,
        "SELECT address, network, port, connect_us, addrs_us, transport, tried, outcome, reason, services, nonce,
             typeof(user_agent), addr_recv, addr_from, length(version_payload), features, dialect, addresses_told
             FROM visits",
    );
    let expected = "\
1.2.3.4:8333|ipv4|8333|-|-|-|-|connect_timeout|-|-|-|null|-|-|-|-|-|-
[2a01::1]:8333|ipv6|8333|-|-|-|-|connect_refused|-|-|-|null|-|-|-|-|-|-
1.2.3.4:8333|ipv4|8333|20000|90000|v1|v2|complete|-|3081|-1|blob|192.0.2.1:8333|[::]:0|89|{\"sendaddrv2\":true,\"feefilter\":1000}|old_no_checksum|{\"ipv4\":990,\"onion\":10}
pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion:8333|onion|8333|-|-|-|-|not_tried|network_off|-|-|null|-|-|-|-|-|-
1.2.3.4:8333|ipv4|8333|20000|90000|v1|v2|complete|-|-9223372036854775808|-1|text|192.0.2.1:8333|[::]:0|102|{\"sendaddrv2\":true,\"feefilter\":1000}|-|-
";
    assert_eq!(rows, expected);
}

#[test]
fn what_another_observer_told_is_there_for_sql() {
    let (_dir, path) = fresh();
    let mut store = SqliteStore::open_for_crawl(&path).unwrap();
    let said = Listed {
        user_agent: Some("/Satoshi:22.0.0/".to_owned()),
        services: Some(1_033),
        country: Some("SE".to_owned()),
        is_good: Some(true),
        ..Listed::default()
    };
    let addr = PeerAddr::parse("1.2.3.4:8333", 0).unwrap();
    let said = Some(Box::new(said));
    let nodes = [ListedNode { addr, said }, ListedNode { addr, said: None }];
    let new = NewCrawl {
        observer: Some("bitnodes".to_owned()),
        ..new_crawl(Chain::Mainnet)
    };
    let imported = store.import(&new, &mut |give| {
        let seen = nodes.iter().cloned();
        seen.filter_map(|it| Seen::read(it, 7))
            .try_for_each(&mut *give)?;
        Ok(BTreeMap::new())
    });
    imported.unwrap();
    let rows = dump(
        &store.connection,
        "SELECT observer, outcome, visits.started_at_us, protocol_version, services, timestamp, user_agent, addr_recv,
             length(version_payload), said, said ->> 'country'
             FROM visits JOIN crawls USING (crawl_id) LEFT JOIN listed USING (visit_id)",
    );
    let expected = "\
bitnodes|complete|7|-|1033|-|/Satoshi:22.0.0/|-|-|{\"country\":\"SE\",\"is_good\":true}|SE
bitnodes|complete|7|-|-|-|-|-|-|-|-
";
    assert_eq!(rows, expected);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_visit_comes_back_as_it_was(batch in prop::collection::vec(any_visit(), 1..20)) {
        let (_dir, path) = fresh();
        let mut store = SqliteStore::open_for_crawl(&path).unwrap();
        let crawl = store.begin_crawl(&new_crawl(Chain::Mainnet)).unwrap();
        store.append_visits(crawl, &batch).unwrap();
        prop_assert_eq!(visits(&store, crawl), batch);
    }

    #[test]
    fn whatever_was_learned_or_told_comes_back_as_it_was(
        learned in prop::collection::vec(any_learned(), 1..20),
        claims in prop::collection::vec(any_claim(), 1..20),
    ) {
        let (_dir, path) = fresh();
        let mut store = SqliteStore::open_for_crawl(&path).unwrap();
        let crawl = store.begin_crawl(&new_crawl(Chain::Mainnet)).unwrap();
        let visit = telling("1.2.3.4:8333", &claims);
        let from = visit.addr;
        let batch = Batch {
            visits: &[visit],
            learned: &learned,
            with_edges: true,
            ..Batch::default()
        };
        store.append(crawl, &batch).unwrap();
        prop_assert_eq!(all_learned(&store, crawl), learned);
        prop_assert_eq!(all_edges(&store, crawl), [Edges { from, claims }]);
    }
}

/// Run with `cargo test --release -p record -- --ignored --nocapture fast`.
#[test]
#[ignore = "a measurement"]
fn a_fast_crawl_is_kept() {
    for (mix, all) in [
        ("census", many_visits(100_000)),
        ("nodes", many_nodes(100_000)),
    ] {
        let (_dir, path) = fresh();
        let mut store = SqliteStore::open_for_crawl(&path).unwrap();
        let crawl = store.begin_crawl(&new_crawl(Chain::Mainnet)).unwrap();
        let begun = Instant::now();
        for batch in all.chunks(10_000) {
            store.append_visits(crawl, batch).unwrap();
        }
        println!(
            "{mix}: {:.0} rows/s written",
            100_000.0 / begun.elapsed().as_secs_f64()
        );
        let begun = Instant::now();
        let mut n_read = 0;
        let taken = store.read_visits(crawl, &mut |_| {
            n_read += 1;
            Ok(())
        });
        taken.unwrap();
        println!(
            "{mix}: {:.0} rows/s read",
            f64::from(n_read) / begun.elapsed().as_secs_f64()
        );
        let begun = Instant::now();
        store.read_last_visits(crawl, &mut |_| Ok(())).unwrap();
        println!(
            "{mix}: {:.0} rows/s of last visits read",
            f64::from(n_read) / begun.elapsed().as_secs_f64()
        );
        drop(store); // Folds the log into the file.
        let len = fs::metadata(&path).unwrap().len();
        println!("{mix}: {} bytes a row", len / 100_000);
    }
}

/// Run like that one, with `learned`.
#[test]
#[ignore = "a measurement"]
fn many_learned_addresses_are_kept_and_forgotten() {
    let (_dir, path) = fresh();
    let mut store = SqliteStore::open_for_crawl(&path).unwrap();
    let crawl = store.begin_crawl(&new_crawl(Chain::Mainnet)).unwrap();
    let teller = learned().remove(0).addr;
    let learned = |visit: Visit| Learned {
        addr: visit.addr,
        source: 1,
        teller: Some(teller),
        time: Some(1_793_491_199),
        services: 0xc09,
    };
    let all: Vec<_> = many_visits(500_000).into_iter().map(learned).collect();
    let begun = Instant::now();
    store.learn(crawl, &all).unwrap();
    println!("{} ms to keep half a million", begun.elapsed().as_millis());
    let begun = Instant::now();
    assert_eq!(all_learned(&store, crawl).len(), all.len());
    println!("{} ms to read them", begun.elapsed().as_millis());
    let begun = Instant::now();
    store.finish_crawl(crawl, 12, CrawlEnd::Finished).unwrap();
    println!("{} ms to forget them", begun.elapsed().as_millis());
}

/// Run like that one, with `day`: a million visits in 144 rounds, each address ten times.
#[test]
#[ignore = "a measurement"]
fn a_day_of_a_watch_is_read_and_thinned() {
    let (_dir, path) = fresh();
    let mut store = SqliteStore::open_for_crawl(&path).unwrap();
    let mut visits = many_visits(1_000_000);
    for (n, visit) in visits.iter_mut().enumerate() {
        visit.call.started_at_us = i64::try_from(n).unwrap();
    }
    for at in 100_000..visits.len() {
        visits[at].addr = visits[at % 100_000].addr;
    }
    let mut last = CrawlId(0);
    for round in visits.chunks(6_950) {
        let new = NewCrawl {
            series: Some(7),
            ..new_crawl(Chain::Mainnet)
        };
        last = store.begin_crawl(&new).unwrap();
        store.append_visits(last, round).unwrap();
    }
    let begun = Instant::now();
    let mut n_found = 0;
    let taken = store.read_last_visits(last, &mut |_| {
        n_found += 1;
        Ok(())
    });
    taken.unwrap();
    let took = begun.elapsed().as_millis();
    println!("{took} ms to find the last visits of {n_found} addresses in a million visits");

    let begun = Instant::now();
    let states = crate::sessions::read_states(&store, Chain::Mainnet, i64::MIN).unwrap();
    println!(
        "{} states: {} ms",
        states.count(),
        begun.elapsed().as_millis()
    );

    let begun = Instant::now();
    let taken = store.visited_since(Chain::Mainnet, 0, &mut |_| Ok(()));
    taken.unwrap();
    println!("{} ms to say who was called", begun.elapsed().as_millis());

    let mut thinning = Thinning::new(Chain::Mainnet);
    let mut longest = Duration::ZERO;
    let begun = Instant::now();
    let mut may_be_more = true;
    while may_be_more {
        let begun = Instant::now();
        may_be_more = store.thin(&mut thinning, i64::MAX, 2_000).unwrap();
        longest = longest.max(begun.elapsed());
    }
    let took = begun.elapsed().as_millis();
    println!("{took} ms to thin them, {} ms at once", longest.as_millis());
}

/// One in ten is a node, about as many as in a real census.
fn many_visits(n: u32) -> Vec<Visit> {
    let addr = |it: u32| {
        format!(
            "{}:8333",
            std::net::Ipv4Addr::from(it.wrapping_mul(0x9e37_79b9))
        )
    };
    let visit = |it| match it % 10 {
        0 => complete(&addr(it), b"/Satoshi:27.1.0/", 900_000),
        _ => failed(&addr(it), Outcome::ConnectTimeout),
    };
    (0..n).map(visit).collect()
}

fn many_nodes(n: u32) -> Vec<Visit> {
    let nodes = many_visits(n * 10).into_iter();
    nodes.filter(|it| it.call.outcome.is_reachable()).collect()
}

fn fresh() -> (TempDir, PathBuf) {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("new/dir/census.db");
    (dir, path)
}

fn dump(connection: &Connection, sql: &str) -> String {
    let mut statement = connection.prepare(sql).unwrap();
    let n_columns = statement.column_count();
    let mut rows = statement.query([]).unwrap();
    let mut text = String::new();
    while let Some(row) = rows.next().unwrap() {
        let values: Vec<String> = (0..n_columns)
            .map(|it| match row.get_ref(it).unwrap() {
                rusqlite::types::ValueRef::Null => "-".to_owned(),
                rusqlite::types::ValueRef::Integer(number) => number.to_string(),
                other => other.as_str().unwrap().to_owned(),
            })
            .collect();
        text.push_str(&values.join("|"));
        text.push('\n');
    }
    text
}

#[track_caller]
fn check_error<T>(result: Result<T, StoreError>, path: &Path, expected: &str) {
    let error = result.err().expect("it fails").to_string();
    assert_eq!(error.replace(&path.display().to_string(), "DB"), expected);
}
