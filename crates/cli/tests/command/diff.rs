//! `diff`.

use std::collections::BTreeMap;

use super::place::{Ended, Place, Sim};
use serde_json::Value;

#[test]
fn why_we_do_not_have_what_a_list_has_is_how_our_calls_ended() {
    let place = Place::new();
    let _sim = crawled_twice(&place);
    let diff = json(&place, "diff nodes.txt latest --db c.db");
    let mut expected = BTreeMap::<String, u64>::new();
    let found = place.found();
    for it in &found {
        if !is_reachable(&it.outcome) {
            *expected.entry(it.outcome.clone()).or_default() += 1;
        }
    }
    assert!(expected.len() > 3, "{expected:?}");
    assert_eq!(whys(&diff["why_not_in_b"]), expected);
    assert_eq!(whys(&diff["why_not_in_a"]), BTreeMap::new());
    let n_up = found.iter().filter(|it| is_reachable(&it.outcome)).count();
    let all = &diff["overlap"]["value"][0];
    let n_lone = found.len() - n_up;
    assert_eq!(
        (
            &all["network"],
            &all["only_a"],
            &all["only_b"],
            &all["both"]
        ),
        (&"all".into(), &n_lone.into(), &0.into(), &n_up.into())
    );
    assert_eq!(
        (&all["precision"], &diff["b"]["up"]),
        (&1.0.into(), &n_up.into())
    );
    assert_eq!(diff["only_a"].as_array().map(Vec::len), Some(n_lone));
}

#[test]
fn two_crawls_of_one_network_are_one_and_the_same() {
    let place = Place::new();
    let _sim = crawled_twice(&place);
    let [by_word, by_number] = ["previous latest", "1 2"].map(|it| {
        let ended = place.run(&format!("diff {it} --json --db c.db"));
        (ended.code, ended.stdout, ended.stderr)
    });
    assert_eq!(by_word, by_number);
    let diff: Value = serde_json::from_str(&by_word.1).unwrap();
    assert_eq!(diff["overlap"]["value"][0]["jaccard"], 1.0);
    let differ = diff["fields"]["value"].as_array().unwrap().iter();
    let differ: Vec<_> = differ.map(|it| (&it["field"], &it["differ"])).collect();
    assert!(differ.iter().all(|(_, n)| **n == 0), "{differ:?}");
}

#[test]
fn addresses_are_listed_for_scripts() {
    let place = Place::new();
    place.write("a.txt", "1.1.1.1:8333\n2.2.2.2:8333\n3.3.3.3\n");
    place.write("b.txt", "3.3.3.3:8333\n[2a01::1]:8333\n");
    let check = |which: &str, expected: &str| {
        let ended = place.run(&format!("diff a.txt b.txt --list {which}"));
        let told = Ended {
            code: Some(0),
            stdout: expected.to_owned(),
            stderr: String::new(),
        };
        assert_eq!(ended, told, "{which}");
    };
    check("only-a", "1.1.1.1:8333\n2.2.2.2:8333\n");
    check("only-b", "[2a01::1]:8333\n");
    check("both", "3.3.3.3:8333\n");
    let ended = place.run_with_input("diff - b.txt --list only-a", "3.3.3.3\n");
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), ""));
}

#[test]
fn what_others_wrote_can_neither_steer_a_terminal_nor_run_in_a_page() {
    let place = Place::new();
    let agent = r#"/\u001b[2J<script>alert(1)</script>\u202e/"#;
    let row = format!(r#"[70015, "{agent}", 1700000000, 1, 5]"#);
    place.write(
        "a.json",
        format!(r#"{{"nodes": {{"1.1.1.1:8333": {row}}}}}"#),
    );
    place.write("b.txt", "2.2.2.2\nnonsense\n");
    let text = place.run("diff a.json b.txt");
    assert_eq!(text.code, Some(0), "{text:?}");
    assert!(
        text.stdout.contains(r"/\u{1b}[2J<script>"),
        "{}",
        text.stdout
    );
    assert!(!text.stdout.contains(['\u{1b}', '\u{202e}']));
    assert!(
        text.stderr.starts_with("b.txt: 1 entry cannot be read:\n"),
        "{}",
        text.stderr
    );

    let page = place.run("diff a.json b.txt --html out.html");
    assert_eq!((page.code, page.stdout.as_str()), (Some(0), ""));
    let page = place.read("out.html");
    assert!(
        page.contains("&#60;script&#62;alert(1)") || page.contains("&lt;script&gt;alert(1)"),
        "{page}"
    );
    assert!(
        !page.contains("<script") && !page.contains('\u{202e}'),
        "{page}"
    );
}

#[test]
fn what_can_not_be_compared_is_told_in_a_line() {
    let place = Place::new();
    place.write("a.txt", "1.1.1.1\n");
    place.write("empty.txt", "");
    let check = |words: &str, code, expected: &str| {
        let ended = place.run(words);
        assert_eq!(
            (ended.code, ended.stdout.as_str()),
            (Some(code), ""),
            "{words}"
        );
        assert!(ended.stderr.contains(expected), "{words}: {}", ended.stderr);
    };
    check("diff a.txt", 2, "<B>");
    check(
        "diff a.txt nowhere.txt",
        1,
        "bitcensus: nowhere.txt is no file, and no crawl: those are numbers, `latest` or `previous`\n",
    );
    check(
        "diff a.txt empty.txt",
        1,
        "bitcensus: empty.txt: the list is empty",
    );
    check(
        "diff a.txt latest --db c.db",
        1,
        "there is no census at c.db",
    );
    check(
        "diff a.txt http://127.0.0.1/",
        2,
        "a URL is not fetched here",
    );
    check("diff a.txt a.txt --fresh 3", 2, "as 90m, 24h or 7d");
    check(
        "diff a.txt a.txt --json --list both",
        2,
        "cannot be used with",
    );
    check(
        "diff a.txt a.txt --html nowhere/out.html",
        1,
        "bitcensus: nowhere/out.html cannot be written",
    );
    place.write("here.txt", "127.0.0.1:1\n");
    assert_eq!(place.run("crawl here.txt --db c.db --quiet").code, Some(3));
    check(
        "diff 9 latest --db c.db",
        1,
        "bitcensus: there is no crawl 9\n",
    );
    check(
        "diff previous latest --db c.db",
        1,
        "bitcensus: there is no finished crawl before crawl 1\n",
    );
    check(
        "diff a.txt latest --network signet --db c.db",
        1,
        "bitcensus: there is no crawl of signet; --network chooses another chain\n",
    );
}

/// Fills `c.db` with two crawls of one network, and returns that.
fn crawled_twice(place: &Place) -> Sim {
    let sim = place.sim("--nodes 120 --dead 0.2 --odd 0.2 --seed 5");
    for _ in 0..2 {
        let ended = place.run(&format!("crawl nodes.txt {} --db c.db", sim.once()));
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
    sim
}

fn json(place: &Place, words: &str) -> Value {
    let ended = place.run(&format!("{words} --json"));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    serde_json::from_str(&ended.stdout).unwrap()
}

fn whys(figure: &Value) -> BTreeMap<String, u64> {
    let rows = figure["value"].as_array().unwrap().iter();
    let n = |it: &Value| it["networks"]["all"].as_u64().unwrap();
    let why = |it: &Value| it["why"].as_str().unwrap().to_owned();
    rows.map(|it| (why(it), n(it))).collect()
}

fn is_reachable(outcome: &str) -> bool {
    matches!(outcome, "complete" | "version_only")
}
