//! `export`.

use std::collections::BTreeMap;

use super::place::{Place, Sim};
use serde_json::{Value, json};

#[test]
fn a_snapshot_says_what_was_found_and_is_a_source_again() {
    let place = Place::new();
    let sim = crawled(&place, "--nodes 300 --dead 0.1 --odd 0.1");
    let ended = place.run("export bitnodes --db c.db --output snapshot.json");
    assert_eq!(ended.code, Some(0), "{ended:?}");

    let snapshot: Value = serde_json::from_str(&place.read("snapshot.json")).unwrap();
    let nodes = snapshot["nodes"].as_object().unwrap();
    let rows: BTreeMap<_, _> = nodes
        .iter()
        .map(|(addr, row)| (addr.clone(), said(row)))
        .collect();
    assert_eq!(rows, reachable(&place));
    assert_eq!(snapshot["total_nodes"], rows.len());

    let via = sim.once();
    let plan = place.run(&format!(
        "crawl snapshot.json {via} --db d.db --dry-run --json --quiet"
    ));
    let plan: Value = serde_json::from_str(&plan.stdout).unwrap();
    assert_eq!(
        (&plan["addresses"], &plan["not_tried"]),
        (&json!(rows.len()), &json!({}))
    );
}

#[test]
fn an_output_file_is_there_only_once_it_is_whole() {
    let place = Place::new();
    crawled(&place, "--nodes 20 --dead 0 --odd 0");
    place.write("out.ndjson", "what was here before\n");
    place.found(); // SQLite leaves its own files beside a store that was read.
    let before = place.files();
    let failed = place.run("export ndjson --db c.db --crawl 99 --output out.ndjson");
    assert_eq!(
        (failed.code, failed.stderr.as_str()),
        (Some(1), "bitcensus: there is no crawl 99\n")
    );
    let nowhere = place.run("export ndjson --db c.db --output nowhere/out.ndjson");
    assert_eq!(nowhere.code, Some(1));
    assert!(
        nowhere
            .stderr
            .starts_with("bitcensus: nowhere/out.ndjson cannot be written: "),
        "{}",
        nowhere.stderr
    );
    assert_eq!(place.files(), before);
    assert_eq!(place.read("out.ndjson"), "what was here before\n");

    let written = place.run("export ndjson --db c.db --output out.ndjson");
    assert_eq!((written.code, written.stdout.as_str()), (Some(0), ""));
    assert_eq!(place.files(), before);
    assert_eq!(
        place.read("out.ndjson"),
        place.run("export ndjson --db c.db").stdout
    );
}

#[test]
#[cfg(unix)]
fn an_output_file_can_be_read_by_those_who_can_read_any_new_file() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    crawled(&place, "--nodes 1 --dead 0 --odd 0");
    place.run("export ndjson --db c.db --output out.ndjson");
    place.write("any", "");
    let mode = |file| place.path(file).metadata().unwrap().permissions().mode();
    assert_eq!(mode("out.ndjson"), mode("any"));
}

#[test]
fn a_reader_may_hang_up_before_the_end() {
    let place = Place::new();
    crawled(&place, "--nodes 200 --dead 0 --odd 0");
    for format in [
        "ndjson",
        "csv",
        "parquet",
        "sipa",
        "virtu",
        "bitnodes-export",
    ] {
        let ended = place.run_unread(&format!("export {format} --db c.db"));
        assert_eq!(
            (ended.code, ended.stderr.as_str()),
            (Some(0), ""),
            "{format}"
        );
    }
}

#[test]
fn every_format_has_the_nodes_that_were_found() {
    let place = Place::new();
    crawled(&place, "--nodes 120 --dead 0.2 --odd 0.3");
    let found = place.found();
    let n_reachable = reachable(&place).len();
    let rows = |format: &str| place.run(&format!("export {format} --db c.db"));
    let lines = |format: &str| rows(format).stdout.lines().count();
    assert_eq!(lines("ndjson"), found.len());
    let list = |format: &str| -> usize {
        let list: Value = serde_json::from_str(&rows(format).stdout).unwrap();
        list.as_array().unwrap().len()
    };
    assert_eq!(list("bitnodes-export"), n_reachable);
    assert_eq!(list("bitnodes-crawl"), n_reachable);
    assert_eq!(lines("seeds"), n_reachable);
    assert_eq!(lines("sipa"), 1 + n_reachable);
    let called = found.iter().filter(|it| it.outcome != "not_tried").count();
    assert_eq!(lines("dnsseedrs"), 1 + called);
    assert_eq!(lines("nebula"), called);
    // A user agent may have line ends; a row begins behind a line that closes its quotes.
    let table = |format: &str| {
        let text = rows(format).stdout;
        let is_open = text.split('\n').scan(false, |is_open, line| {
            *is_open ^= line.matches('"').count() % 2 == 1;
            Some(*is_open)
        });
        is_open.filter(|it| !it).count() - 1
    };
    assert_eq!(table("csv"), 1 + found.len());
    assert_eq!(table("virtu"), 1 + n_reachable);
    assert_eq!(table("bitnod-es"), 1 + n_reachable);
    assert_eq!(table("peer-observer"), 1 + called);

    let written = place.run("export parquet --db c.db --output out.parquet");
    assert_eq!(written.code, Some(0), "{written:?}");
    let file = std::fs::read(place.path("out.parquet")).unwrap();
    assert!(file.starts_with(b"PAR1") && file.ends_with(b"PAR1"));
}

#[test]
fn lists_of_others_are_sources_again() {
    let place = Place::new();
    let sim = crawled(&place, "--nodes 60 --dead 0 --odd 0");
    for format in [
        "bitnodes-export",
        "bitnodes-crawl",
        "seeds",
        "sipa",
        "dnsseedrs",
    ] {
        place.run(&format!("export {format} --db c.db --output list"));
        let via = sim.once();
        let plan = place.run(&format!(
            "crawl list {via} --db d.db --dry-run --json --quiet"
        ));
        let plan: Value = serde_json::from_str(&plan.stdout).unwrap();
        assert_eq!(plan["addresses"], json!(60), "{format}");
    }
}

#[test]
fn formulas_are_for_csv_alone() {
    let place = Place::new();
    let ended = place.run("export sipa --harmless --db c.db");
    assert_eq!(
        (ended.code, ended.stderr.as_str()),
        (
            Some(1),
            "bitcensus: --harmless is for the formats that are CSV: csv, bitnod-es, virtu and peer-observer\n"
        )
    );
}

/// Fills `c.db`, and returns the network that is in it.
fn crawled(place: &Place, network: &str) -> Sim {
    let sim = place.sim(network);
    let ended = place.run(&format!("crawl nodes.txt {} --db c.db", sim.once()));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    sim
}

/// Takes from a row of thirteen values those that a node says: protocol version, user agent, services and height.
fn said(row: &Value) -> [Value; 4] {
    assert_eq!(row.as_array().map(Vec::len), Some(13), "{row}");
    [0, 1, 3, 4].map(|it| row[it].clone())
}

fn reachable(place: &Place) -> BTreeMap<String, [Value; 4]> {
    let is_reachable = |outcome: &str| matches!(outcome, "complete" | "version_only");
    let found = place.found().into_iter();
    let rows = found.filter(|it| is_reachable(&it.outcome)).map(|it| {
        let said = [
            json!(it.protocol_version),
            json!(it.user_agent.unwrap_or_default()),
            json!(it.services),
            json!(it.start_height.unwrap_or(0)),
        ];
        (it.address, said)
    });
    rows.collect()
}
