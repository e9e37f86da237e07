//! `import`.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use record::SqliteStore;
use serde_json::{Value, json};

use super::place::{Ended, Place};

const API: &str = r#"{"timestamp": 1479098506, "nodes": {
"1.2.3.4:8333": [70002, "/Satoshi:0.11.2/", 1478105110, 1, 438803, null, null, "NL", 52.5, 5.75, null, "AS198203", "X"],
"1.2.3.5:8333": [70002, "/Satoshi:0.11.2/", 1478105110, 1, 438803, null, null, null, null, null, null, null, null]}}
"#;
const DUMP: &str = "\
# address good lastSuccess %(2h) %(8h) %(1d) %(7d) %(30d) blocks svcs version
1.2.3.4:8333 1 1549113737 100.00% 100.00% 100.00% 100.00% 99.99% 561219 0000001d 70015 \"/Satoshi:0.15.1/\"
[2a01::1]:8333 0 1500000000 0.00% 0.00% 0.00% 0.00% 1.00% 500000 0000000d 70014 \"/Satoshi:0.14.0/\"
";

#[test]
fn each_file_is_a_crawl_of_whoever_saw_it() {
    let place = Place::new();
    place.write("api.json", API);
    place.write("seeds-2019-02-03.txt.gz", gzip(DUMP));
    let ended = place.run("import api.json seeds-2019-02-03.txt.gz --db c.db");
    check(
        &ended,
        "crawl 1: api.json, bitnodes API answer of 2016-11-14 04:41:46 (UTC), seen by bitnodes: 2 nodes (2 ipv4)
crawl 2: seeds-2019-02-03.txt.gz, bitcoin-seeder dump of 2019-02-03 00:00:00 (UTC), seen by sipa: 2 nodes (1 ipv4, 1 ipv6), 1 left out (stale)
",
    );
    let ended = place.run(
        "import api.json --observer somebody --at 2020-01-01T12:00 --network signet --json --db c.db",
    );
    let told: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(
        told,
        json!({
            "file": "api.json", "crawl": 3, "observer": "somebody", "format": "bitnodes API answer",
            "taken_at": "2020-01-01T12:00:00.000000Z", "nodes": 2, "networks": {"ipv4": 2}, "visits": 2, "reachable": 2,
            "left_out": {},
        })
    );
    let crawls = place.run("crawls --json --db c.db").stdout;
    let crawls: Vec<Value> = serde_json::from_str(&crawls).unwrap();
    let rows = crawls.iter().map(|it| {
        let keys = ["crawl", "chain", "observer", "state", "visits", "sources"];
        keys.map(|key| it[key].to_string()).join(" ")
    });
    assert_eq!(
        rows.collect::<Vec<_>>(),
        [
            r#"1 "mainnet" "bitnodes" "finished" 2 ["api.json"]"#,
            r#"2 "mainnet" "sipa" "finished" 1 ["seeds-2019-02-03.txt.gz"]"#,
            r#"3 "signet" "somebody" "finished" 2 ["api.json"]"#,
        ]
    );
    let shown = place.run("crawls --db c.db").stdout;
    assert!(shown.contains(" bitnodes "), "{shown}");
}

#[test]
fn a_list_that_contradicts_itself_is_taken_as_it_is_and_told_of() {
    let place = Place::new();
    let list = r#"{"timestamp": 1556883094, "total_nodes": 9468, "nodes": {"1.2.3.4:8333": null}}"#;
    place.write("cut.json", list);
    let ended = place.run("import cut.json --db c.db");
    assert_eq!(
        (ended.code, ended.stderr.as_str(), ended.stdout.as_str()),
        (
            Some(0),
            "cut.json: it says that it has 9,468 nodes, but it lists 1; taken is what it lists\n",
            "crawl 1: cut.json, bitnodes API answer of 2019-05-03 11:31:34 (UTC), seen by bitnodes: 1 node (1 ipv4)\n"
        )
    );
}

#[test]
fn what_others_saw_is_no_census_of_ours() {
    let place = Place::new();
    place.write("api.json", API);
    assert_eq!(place.run("import api.json --db c.db").code, Some(0));
    // Where there is nothing of ours, theirs is shown, as theirs.
    let report = place.run("report --json --db c.db");
    assert_eq!(report.code, Some(0), "{report:?}");
    let report: Value = serde_json::from_str(&report.stdout).unwrap();
    assert_eq!(report["crawl"]["observer"], "bitnodes");
    assert_eq!(report["many"]["seen_in_8_days"], Value::Null);
    // Nobody is called because somebody else named them.
    let dry = place.run("crawl store --dry-run --proxy socks5://127.0.0.1:9 --db c.db");
    assert_eq!(dry.code, Some(3), "{dry:?}");
    assert!(dry.stderr.starts_with("store: 0 addresses\n"), "{dry:?}");
    let snapshot = place.run("export bitnodes --crawl 1 --db c.db").stdout;
    let snapshot: Value = serde_json::from_str(&snapshot).unwrap();
    assert_eq!(
        (&snapshot["timestamp"], &snapshot["total_nodes"]),
        (&json!(1_479_098_506), &json!(2))
    );
}

#[test]
fn a_file_that_is_broken_leaves_nothing_behind() {
    let place = Place::new();
    place.write("good.json", API);
    place.write("bad.json", API.replace("1478105110, 1", "-1, 1"));
    place.write("cut.json", &API[..API.len() - 40]);
    place.write("empty.csv", "");
    place.write("what.csv", "a,b,c\n1,2,3\n");
    place.write("seeds.txt.bz2", "BZh91AY&SY");
    place.write("cut.txt.gz", &gzip(DUMP)[..60]);
    let check = |words: &str, expected: &str| {
        let ended = place.run(&format!("import {words} --db c.db"));
        assert_eq!(ended.code, Some(1), "{ended:?}");
        let expected = format!("bitcensus: {expected}");
        assert!(ended.stderr.starts_with(&expected), "{}", ended.stderr);
        assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    };
    check(
        "bad.json",
        "bad.json: line 2, `\"1.2.3.4:8333\": [70002, \"/Satoshi:0.11.2/\", -1, 1, 438803, null, null, \"NL\", 52…`: \
         its connection time should be a time in seconds since 1970, not -1; nothing of the list is used",
    );
    check(
        "cut.json",
        "cut.json: malformed JSON at line 3, column 77, after 1 nodes: EOF while parsing a list",
    );
    check("empty.csv", "empty.csv: the list is empty: ");
    check(
        "what.csv",
        "what.csv: it is a table with the columns `a,b,c`, which no known format has: ",
    );
    check(
        "seeds.txt.bz2",
        "seeds.txt.bz2: it is packed by bzip2: unpack it first, or give it in another format",
    );
    check("cut.txt.gz", "cut.txt.gz: it cannot be read: ");
    check("nofile", "nofile: No such file or directory");
    check(".", ".: it is no file; ");
    assert!(!place.path("c.db").exists());

    check("good.json bad.json", "bad.json: line 2, ");
    assert_eq!(place.crawls(), [(1, "finished".to_owned(), 2)]);
}

#[test]
fn entries_that_can_not_be_read_are_left_out_where_that_is_wished() {
    let place = Place::new();
    place.write("bad.json", API.replacen("1478105110, 1", "-1, 1", 1));
    let ended = place.run("import bad.json --skip-bad --db c.db");
    assert_eq!(
        (ended.code, ended.stdout.as_str(), ended.stderr.as_str()),
        (
            Some(0),
            "crawl 1: bad.json, bitnodes API answer of 2016-11-14 04:41:46 (UTC), seen by bitnodes: 1 node (1 ipv4), \
             1 left out (unreadable)\n",
            "bad.json: 1 entry cannot be read:
  line 2: \"1.2.3.4:8333\": [70002, \"/Satoshi:0.11.2/\", -1, 1, 438803, null, null, \"NL\", 52…: \
             its connection time should be a time in seconds since 1970, not -1\n"
        )
    );
}

#[test]
fn the_same_list_is_imported_twice_only_if_that_is_wished() {
    let place = Place::new();
    place.write("api.json", API);
    assert_eq!(place.run("import api.json --db c.db").code, Some(0));
    place.write("renamed.json", API);
    let ended = place.run("import renamed.json --db c.db");
    assert_eq!(
        (ended.code, ended.stderr.as_str()),
        (
            Some(1),
            "bitcensus: renamed.json: it is in the store as crawl 1: 2 nodes of 2016-11-14 04:41:46, seen by bitnodes; \
             --again imports it once more\n"
        )
    );
    let ended = place.run("import renamed.json --again --db c.db");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(place.crawls().len(), 2);
}

#[test]
fn a_crawl_that_runs_is_not_disturbed() {
    let place = Place::new();
    place.write("api.json", API);
    let running = SqliteStore::open_for_crawl(&place.path("c.db")).unwrap();
    let ended = place.run("import api.json --db c.db");
    let expected = "bitcensus: api.json: another crawl is writing to c.db (process ";
    assert!(ended.stderr.starts_with(expected), "{}", ended.stderr);
    assert_eq!(ended.code, Some(1));
    drop(running);
    assert_eq!(place.crawls(), []);
}

#[test]
fn a_list_without_any_time_is_as_old_as_its_file() {
    let place = Place::new();
    place.write("nodes.txt", "1.2.3.4:8333\n");
    let ended = place.run("import nodes.txt --db c.db");
    assert_eq!(ended.code, Some(0));
    let expected = "nodes.txt: nothing in it says when it was made; ";
    assert!(ended.stderr.starts_with(expected), "{}", ended.stderr);
    assert!(ended.stdout.contains("seen by list: 1 node (1 ipv4)\n"));
}

#[test]
fn an_export_of_ours_is_the_same_crawl_in_another_store() {
    let place = Place::new();
    let sim = place.sim("--nodes 200 --dead 0.1 --odd 0.2");
    let crawled = place.run(&format!("crawl nodes.txt {} --db c.db", sim.once()));
    assert_eq!(crawled.code, Some(0), "{crawled:?}");
    place.run("export ndjson --db c.db --output out.ndjson");
    let ended = place.run("import out.ndjson --db d.db");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let again = place.run("export ndjson --crawl 1 --db d.db");
    assert_eq!(again.stdout, place.read("out.ndjson"));
}

#[track_caller]
fn check(ended: &Ended, expected: &str) {
    assert_eq!(
        (ended.code, ended.stdout.as_str(), ended.stderr.as_str()),
        (Some(0), expected, "")
    );
}

fn gzip(text: &str) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(text.as_bytes()).unwrap();
    packed.finish().unwrap()
}
