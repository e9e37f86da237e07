//! `crawl` without a proxy, of nodes that are each at their own `127.x.y.z`.

use super::place::{Place, free_port};
use sim::compare::compare_rows;

#[test]
fn private_addresses_are_called_where_that_is_allowed() {
    let place = Place::new();
    let mut sim = place.sim(&format!("--nodes 200 --odd 0.3 --direct {}", free_port()));
    sim.wait_until_direct();
    let ended =
        place.run("crawl nodes.txt --allow-private --db c.db --handshake-timeout 4 --max-rate 0");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let comparison = compare_rows(&place.truth(), place.found());
    assert!(comparison.is_perfect(), "{comparison}");
}

#[test]
fn private_addresses_are_not_called_unasked() {
    let place = Place::new();
    place.write("nodes.txt", "127.0.0.1:8333\n127.1.0.0:8333\n");
    let ended = place.run("crawl nodes.txt --db c.db");
    let hint = "\
Nobody was called: the summary says why. Loopback and other private addresses
are called with --allow-private, those of Tor, I2P and CJDNS with --proxy.
";
    assert_eq!(ended.code, Some(3));
    assert!(ended.stderr.ends_with(hint), "{}", ended.stderr);
    let exported = place.run("export ndjson --db c.db").stdout;
    let ends: Vec<_> = exported.lines().map(end).collect();
    let not_called = |address: &str| format!("{address} not_tried loopback");
    let expected = ["127.0.0.1:8333", "127.1.0.0:8333"].map(not_called);
    assert_eq!(ends, expected);
}

#[test]
fn a_machine_without_a_way_says_so_and_is_not_taken_for_a_full_one() {
    let place = Place::new();
    place.write("nodes.txt", "[2a01:4f8::1]:8333\n8.8.8.8:8333\n");
    let Some(ended) = place.run_without_network("crawl nodes.txt --db c.db") else {
        println!("skipped: no network namespace can be had here");
        return;
    };
    assert_eq!(ended.code, Some(3), "{ended:?}");
    let exported = place.run("export ndjson --db c.db").stdout;
    let outcome = |line| end(line).split(' ').nth(1).unwrap().to_owned();
    let outcomes: Vec<_> = exported.lines().map(outcome).collect();
    assert_eq!(outcomes, ["connect_unreachable"; 2]);
}

fn end(line: &str) -> String {
    let row: serde_json::Value = serde_json::from_str(line).unwrap();
    ["address", "outcome", "reason"]
        .map(|it| row[it].as_str().unwrap())
        .join(" ")
}
