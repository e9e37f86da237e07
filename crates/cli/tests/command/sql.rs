//! `sql`.

use std::process::{Command, Output};

use serde_json::{Value, json};

use super::place::Place;

#[test]
fn without_a_query_the_tables_are_told() {
    let place = census();
    let told = asked(&place, &[]);
    for text in [
        "visits: one attempt to talk to one address, as seen",
        "microseconds from the dial to the connection",
        "Three questions to begin with:",
    ] {
        assert!(told.contains(text), "{told}");
    }
}

#[test]
fn the_examples_can_be_asked() {
    let place = census();
    let told = asked(&place, &[]);
    let examples: Vec<&str> = told.split("bitcensus sql \"").skip(1).collect();
    assert_eq!(examples.len(), 3);
    for example in examples {
        let (query, _) = example.split_once('"').unwrap();
        let rows: Value = serde_json::from_str(&asked(&place, &[query, "--json"])).unwrap();
        assert!(!rows.as_array().unwrap().is_empty(), "{query}");
    }
}

#[test]
fn an_answer_is_a_table_for_people() {
    let place = census();
    let query = "SELECT 'a' || char(27, 10, 8238) AS text, 12 AS n, NULL AS none, x'00ff' AS bytes";
    let expected = "\
┌───────────────────────────────────────┐
│ text                 n   none   bytes │
╞═══════════════════════════════════════╡
│ a\\u{1b}\\n\\u{202e}   12   null   00ff  │
└───────────────────────────────────────┘
1 row
";
    assert_eq!(asked(&place, &[query]), expected);
    let wide = "SELECT printf('%.*c', 100, 'a') AS text";
    assert!(asked(&place, &[wide]).contains(&format!("│ {}… │", "a".repeat(71))));
    assert!(asked(&place, &[wide, "--full"]).contains(&"a".repeat(100)));
}

#[test]
fn a_long_answer_is_cut_for_people_and_whole_for_programs() {
    let place = census();
    let query = "WITH RECURSIVE a(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM a LIMIT 1234) SELECT n FROM a";
    let table = asked(&place, &[query]);
    let last = "\n1,234 rows, of which these are the first 200: 1,034 more with --csv or --json\n";
    assert!(table.ends_with(last), "{table}");
    assert_eq!(table.lines().count(), 200 + 5);
    assert_eq!(asked(&place, &[query, "--csv"]).lines().count(), 1 + 1234);
    let rows: Value = serde_json::from_str(&asked(&place, &[query, "--json"])).unwrap();
    assert_eq!(rows.as_array().unwrap().len(), 1234);
}

#[test]
fn programs_get_json_or_csv() {
    let place = census();
    let query =
        "SELECT '=1,\"' || char(10) AS text, -1 AS n, 1.0 AS x, NULL AS none, x'00ff' AS bytes";
    let rows: Value = serde_json::from_str(&asked(&place, &[query, "--json"])).unwrap();
    let expected = json!([{"text": "=1,\"\n", "n": -1, "x": 1.0, "none": null, "bytes": "00ff"}]);
    assert_eq!(rows, expected);
    let csv = "text,n,x,none,bytes\n\"=1,\"\"\n\",-1,1.0,,00ff\n";
    assert_eq!(asked(&place, &[query, "--csv"]), csv);
    let harmless = "text,n,x,none,bytes\n\"'=1,\"\"\n\",-1,1.0,,00ff\n";
    assert_eq!(asked(&place, &[query, "--csv", "--harmless"]), harmless);
    assert_eq!(
        asked(&place, &["SELECT 1 AS n WHERE 0", "--json"]),
        "[\n]\n"
    );
    check_refused(
        &place,
        &["SELECT 1 AS n, 2 AS n", "--json"],
        "two columns are called n; name them with AS",
    );
}

#[test]
fn nothing_is_changed_and_nothing_else_is_opened() {
    let place = census();
    let refused =
        "only queries are run, as with SELECT: this statement changes something or gives no rows";
    check_refused(&place, &["DELETE FROM visits"], refused);
    let attach = format!("ATTACH '{}' AS other", place.path("other.db").display());
    check_refused(&place, &[&attach], refused);
    assert!(!place.path("other.db").exists());
    check_refused(
        &place,
        &["SELECT nope FROM visits"],
        "the query is wrong at line 1, column 8: no such column: nope",
    );
}

#[test]
fn patience_has_an_end() {
    let place = census();
    let endless =
        "WITH RECURSIVE a(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM a) SELECT max(n) FROM a";
    check_refused(
        &place,
        &[endless, "--timeout", "0"],
        "the query took too long and was ended",
    );
}

#[test]
fn a_reader_may_hang_up_before_the_end() {
    let place = census();
    for how in ["", "--csv", "--json"] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let query = "SELECT hex(zeroblob(10000)) FROM visits";
        let words = ["sql", query, "--db", "c.db", how];
        let mut command = Command::new(env!("CARGO_BIN_EXE_bitcensus"));
        command.args(words.iter().filter(|it| !it.is_empty()));
        command.current_dir(place.path("")).stdout(writer);
        let answer = command.output().unwrap();
        let stderr = String::from_utf8(answer.stderr).unwrap();
        assert_eq!(
            (answer.status.code(), stderr.as_str()),
            (Some(0), ""),
            "{how}"
        );
    }
}

/// Fills `c.db` with the visits of a small network.
fn census() -> Place {
    let place = Place::new();
    let sim = place.sim("--nodes 8 --dead 0 --odd 0");
    let ended = place.run(&format!("crawl nodes.txt {} --db c.db", sim.once()));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    place
}

/// Words with spaces are not for [`Place::run`], which takes a line apart.
fn sql(place: &Place, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bitcensus"));
    command.arg("sql").args(words);
    command
        .arg("--db")
        .arg(place.path("c.db"))
        .output()
        .unwrap()
}

#[track_caller]
fn asked(place: &Place, words: &[&str]) -> String {
    let answer = sql(place, words);
    assert!(answer.status.success(), "{words:?}: {answer:?}");
    String::from_utf8(answer.stdout).unwrap()
}

#[track_caller]
fn check_refused(place: &Place, words: &[&str], why: &str) {
    let answer = sql(place, words);
    assert_eq!(answer.status.code(), Some(1), "{words:?}");
    assert_eq!(
        String::from_utf8(answer.stderr).unwrap(),
        format!("bitcensus: {why}\n")
    );
}
