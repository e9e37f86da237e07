//! `demo`.

use super::place::Place;
use sim::{Reach, World, WorldConfig};

const RIGHT: &str = "against the truth: 300 of 300 addresses right, 0 wrong, 0 missing, 0 extra\n";

#[test]
fn a_demo_finds_its_network_as_it_is_and_replaces_its_own_store() {
    let place = Place::new();
    let told = place.run("demo --nodes 300 --seed 3 --db c.db");
    assert_eq!(told.code, Some(0), "{told:?}");
    assert!(told.stderr.contains(RIGHT), "{told:?}");
    assert!(
        told.stdout.starts_with("Addresses: 300 known"),
        "{}",
        told.stdout
    );

    let json = place.run("demo --nodes 300 --seed 4 --db c.db --json --quiet");
    assert_eq!((json.code, json.stderr.as_str()), (Some(0), ""));
    let summary: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(summary["reachable"]["value"], n_reachable(4));
    assert!(is_one_finished_crawl(&place, 300));
}

/// Whether the store has one crawl of at least so many visits: some nodes are called again.
fn is_one_finished_crawl(place: &Place, n_visits: usize) -> bool {
    matches!(&place.crawls()[..], [(1, state, n)] if state == "finished" && *n >= n_visits)
}

#[test]
fn a_demo_that_nobody_hears_finds_the_same() {
    let place = Place::new();
    let ended = place.run_unheard("demo --nodes 50 --seed 3 --db c.db");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(is_one_finished_crawl(&place, 50));
}

#[test]
fn a_demo_leaves_the_store_of_a_running_one_alone() {
    let place = Place::new();
    // To the store this is a demo, and one that lasts.
    let sim = place.sim("--nodes 5 --odd 0 --dead 1");
    let via = sim.once().replace("timeout 4", "timeout 600");
    let mut first = place.start(&format!("crawl nodes.txt {via} --vantage demo --db c.db"));
    first.wait_for("in flight");
    let second = place.run("demo --nodes 10 --db c.db");
    let why = "bitcensus: another demo is filling c.db; wait for its end, or give another --db\n";
    assert_eq!((second.code, second.stderr.as_str()), (Some(1), why));
    assert_eq!(place.crawls()[0].1, "running");
}

#[test]
fn a_demo_replaces_nothing_that_no_demo_made() {
    check("", "text.db");
    // Loopback is not called unasked: this is a crawl that calls nobody.
    check("crawl here.txt --db c.db --quiet", "c.db");
}

#[track_caller]
fn check(before: &str, db: &str) {
    let place = Place::new();
    place.write("here.txt", "127.0.0.1:1\n");
    match before {
        "" => place.write(db, "notes\n"),
        crawl => assert_eq!(place.run(crawl).code, Some(3)),
    }
    let kept = std::fs::read(place.path(db)).unwrap();
    let refused = place.run(&format!("demo --nodes 10 --db {db}"));
    let why = format!("bitcensus: {db} is there and no demo made it; give another --db\n");
    assert_eq!((refused.code, refused.stderr), (Some(1), why));
    assert_eq!(std::fs::read(place.path(db)).unwrap(), kept);
}

fn n_reachable(seed: u64) -> usize {
    let world = World::generate(&WorldConfig {
        seed,
        n_nodes: 300,
        ..WorldConfig::default()
    });
    let truth = world.truth(Reach::Proxy);
    let is_reachable = |outcome: &str| matches!(outcome, "complete" | "version_only");
    truth.iter().filter(|it| is_reachable(&it.outcome)).count()
}
