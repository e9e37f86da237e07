//! `crawl` without a proxy, of nodes that are each at their own `127.x.y.z`.

use super::place::{Place, free_port};
use sim::compare::compare_rows;

#[test]
fn private_addresses_are_called_where_that_is_allowed() {
    let place = Place::new();
    let mut sim = place.sim(&format!("--nodes 200 --odd 0.3 --direct {}", free_port()));
    sim.wait_until_direct();
    let ended =
        place.run("crawl nodes.txt --allow-private --db c.db --handshake-timeout 4 --max-rate 0 --no-gossip --retries 0");
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
are called with --allow-private, those of Tor, I2P and CJDNS with --tor, --i2p
and --cjdns.
";
    assert_eq!(ended.code, Some(3));
    assert!(ended.stderr.ends_with(hint), "{}", ended.stderr);
    let exported = place.run("export ndjson --db c.db").stdout;
    let mut ends: Vec<_> = exported.lines().map(end).collect();
    ends.sort();
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
    let said = "\nipv4, ipv6: off, this machine has no route into it\n";
    assert!(ended.stderr.contains(said), "{}", ended.stderr);
    let exported = place.run("export ndjson --db c.db").stdout;
    let mut ends: Vec<_> = exported.lines().map(end).collect();
    ends.sort();
    let expected =
        ["8.8.8.8:8333", "[2a01:4f8::1]:8333"].map(|it| format!("{it} not_tried network_off"));
    assert_eq!(ends, expected);
}

#[test]
fn who_opted_out_is_not_called_whatever_is_allowed() {
    let place = Place::new();
    place.write("nodes.txt", "127.0.0.1:1\n127.1.0.0:1\n127.2.0.0:1\n");
    place.write("a.txt", "127.0.0.0/24 # a laboratory\n");
    place.write("b.txt", "127.1.0.0:1\n");
    let lists = "--opt-out a.txt --opt-out b.txt";
    place.run(&format!(
        "crawl nodes.txt --allow-private --db c.db {lists}"
    ));
    let exported = place.run("export ndjson --db c.db").stdout;
    let mut ends: Vec<_> = exported.lines().map(end).collect();
    ends.sort();
    let expected = [
        "127.0.0.1:1 not_tried opted_out",
        "127.1.0.0:1 not_tried opted_out",
        "127.2.0.0:1 connect_refused Connection refused (os error 111)",
    ];
    assert_eq!(ends, expected);
    let told = place.run(&format!("hello 127.0.0.1:1 {lists}")).stdout;
    assert!(
        told.contains("not_tried: it was not called (opted_out)"),
        "{told}"
    );
}

fn end(line: &str) -> String {
    let row: serde_json::Value = serde_json::from_str(line).unwrap();
    ["address", "outcome", "reason"]
        .map(|it| row[it].as_str().unwrap())
        .join(" ")
}
