//! A public list, simulated and crawled: every node is found as the list says.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::PathBuf;

use super::place::Place;
use proto::PeerAddr;
use serde_json::Value;

/// An API answer as bitnodes gave it in 2018.
const SMALL_LIST: &str = r#"{"timestamp": 1533579395, "total_nodes": 6, "latest_height": 535517, "nodes": {
"220.75.229.130:3927": [70015, "/Satoshi:0.13.2/", 1530858117, 13, 165277, "220.75.229.130", "Seoul", "KR", 37.5985,
 126.9783, "Asia/Seoul", "AS4766", "Korea Telecom"],
"[2A01:04f8:0:0:0:0:0:0003]:8333": [70015, "/Satoshi:0.16.0(\"x\", <b>)/", 1533574048, 1037, 535517, null,
 null, null, 0.0, 0.0, null, null, null],
"[2a01:4f8:1::2]:18333": [31800, "", 1533574048, 0, -1, null, null, null, 0.0, 0.0, null, null, null],
"39.106.51.68:8333": [70015, "/Zürich:✓/", 1533574048, 9223372036854775808, 535517, null, null, null, 39.9, 116.3,
 null, "AS37963", null],
"185.25.48.184:8333": [80002, "/bitcoin-cash:1.6/", 1532935253, 36, 0, null, null, "LT", 56.0, 24.0, null, null, null],
"dssqdj6pxnzkth6i.onion:8333": [70015, "/Satoshi:0.16.0/", 1533152504, 1037, 0, null, null, null, 0.0, 0.0, null,
 "TOR", "Tor network"]}}"#;

#[test]
fn a_small_list_is_found_as_it_is() {
    check(SMALL_LIST, "6 nodes: 5 complete, 1 not_tried (tor_v2)");
}

#[test]
fn the_list_of_august_2018_is_found_as_it_is() {
    const FILE: &str = "snapshots/bitnodes_2018-08-06.json";
    let dir = env::var_os("BITCENSUS_DATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")),
        PathBuf::from,
    );
    let Ok(list) = fs::read_to_string(dir.join(FILE)) else {
        println!("skipped: no test data ({FILE})");
        return;
    };
    check(&list, "9537 nodes: 9529 complete, 8 not_tried (tor_v2)");
}

#[track_caller]
fn check(list: &str, expected: &str) {
    let place = Place::new();
    place.write("list.json", list);
    let sim = place.sim("--from list.json");
    // Everybody there answers, so patience costs nothing.
    let via = format!("{} --quiet", sim.once()).replace("timeout 4", "timeout 60");
    let ended = place.run(&format!("crawl list.json {via} --db c.db"));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let listed = read_list(list);
    let found = read_export(&place.run("export ndjson --db c.db").stdout);
    assert_eq!(tally(&found), expected);
    let differing = |it: &(&String, &Node)| found.get(it.0) != Some(it.1);
    let wrong: Vec<_> = listed.iter().filter(differing).take(5).collect();
    let seen: Vec<_> = wrong.iter().map(|it| found.get_key_value(it.0)).collect();
    assert_eq!(seen, wrong.into_iter().map(Some).collect::<Vec<_>>());
    assert_eq!(found.len(), listed.len());
}

/// How a call must end and what it must hear, or what it did.
#[derive(Debug, PartialEq)]
struct Node {
    end: String,
    /// Protocol version, user agent, services and height.
    said: [Value; 4],
}

fn read_list(list: &str) -> BTreeMap<String, Node> {
    let list: Value = serde_json::from_str(list).unwrap();
    let rows = list["nodes"].as_object().unwrap().iter();
    rows.map(|(address, row)| {
        // Lists write some IPv6 addresses in other ways than we do.
        let address = PeerAddr::parse(address, 8333).unwrap().to_string();
        let node = match address.ends_with(".onion:8333") {
            true => Node {
                end: "not_tried (tor_v2)".to_owned(),
                said: [const { Value::Null }; 4],
            },
            false => Node {
                end: "complete".to_owned(),
                said: [0, 1, 3, 4].map(|it| row[it].clone()),
            },
        };
        (address, node)
    })
    .collect()
}

fn read_export(lines: &str) -> BTreeMap<String, Node> {
    let rows = lines.lines().map(|line| {
        let row: Value = serde_json::from_str(line).unwrap();
        let end = match (row["outcome"].as_str(), row["reason"].as_str()) {
            (Some(outcome), None) => outcome.to_owned(),
            (outcome, reason) => format!("{} ({})", outcome.unwrap(), reason.unwrap()),
        };
        let said = ["protocol_version", "user_agent", "services", "start_height"];
        let said = said.map(|it| row[it].clone());
        let address = row["address"].as_str().unwrap().to_owned();
        (address, Node { end, said })
    });
    rows.collect()
}

fn tally(nodes: &BTreeMap<String, Node>) -> String {
    let mut ends = BTreeMap::<_, usize>::new();
    for node in nodes.values() {
        *ends.entry(node.end.as_str()).or_default() += 1;
    }
    let ends: Vec<_> = ends.iter().map(|(end, n)| format!("{n} {end}")).collect();
    format!("{} nodes: {}", nodes.len(), ends.join(", "))
}
