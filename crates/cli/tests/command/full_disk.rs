//! A crawl whose disk is full: it says so, keeps what it had, and goes on when there is room.

use super::hosted::Hosted;
use super::place::Place;
use sim::WorldConfig;
use sim::compare::compare_found_rows;

/// Room for the first visits of a crawl, and not for the last ones.
const SIZE: u32 = 900 * 1_024;

#[test]
fn a_full_disk_ends_a_crawl_that_goes_on_when_there_is_room() {
    let place = Place::new();
    let sim = Hosted::new(
        &place,
        WorldConfig {
            n_nodes: 1_000,
            odd_share: 0.1,
            ..WorldConfig::default()
        },
    );
    let via = sim.all();
    let crawl = format!("crawl seeds.txt {via} --db small/c.db");
    let Some(ended) = place.run_with_small_disk(SIZE, &crawl) else {
        println!("skipped: no small disk can be had here");
        return;
    };
    let said = "bitcensus: no room is left on the disk of small/c.db; all visits kept before are safe: \
                make room there, then go on with `crawl --resume`\n";
    assert!(ended.stderr.ends_with(said), "{}", ended.stderr);
    assert_eq!((ended.code, &*ended.stdout), (Some(1), ""));

    let row = |it: serde_json::Value| (it["state"].clone(), it["visits"].as_u64().unwrap());
    let crawls = || {
        let listed = place.run("crawls --json --db kept/c.db").stdout;
        let crawls: Vec<serde_json::Value> = serde_json::from_str(&listed).unwrap();
        crawls.into_iter().map(row).collect::<Vec<_>>()
    };
    let [(state, n_kept)] = &crawls()[..] else {
        panic!("not one crawl: {:?}", crawls())
    };
    assert_eq!(state, "interrupted");
    let exported = place.run("export ndjson --db kept/c.db");
    // Some addresses are called again before others are called at all.
    let n_addresses = exported.stdout.lines().count() as u64;
    assert!((50..=*n_kept).contains(&n_addresses), "{n_addresses}");
    assert!(*n_kept < 900, "{n_kept}");

    let ended = place.run(&format!("crawl --resume {via} --db kept/c.db"));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let found = place.run("export ndjson --db kept/c.db").stdout;
    let found = sim::truth::read_ndjson(found.as_bytes()).unwrap();
    let comparison = compare_found_rows(&sim.truth(), found);
    assert!(comparison.is_perfect(), "{comparison}");
    let [(state, _)] = &crawls()[..] else {
        panic!("not one crawl: {:?}", crawls())
    };
    assert_eq!(state, "finished");
}
