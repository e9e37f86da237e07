//! `crawl` of simulated networks: what it finds, and what it says meanwhile.

use std::collections::BTreeSet;
use std::thread;

use super::place::Place;
use sim::compare::compare_rows;

#[test]
fn a_crawl_finds_a_network_as_it_is() {
    thread::scope(|scope| {
        for seed in [1, 2, 3] {
            scope.spawn(move || check(&format!("--nodes 500 --odd 0.2 --seed {seed}"), ""));
        }
    });
}

#[test]
fn one_call_at_a_time_finds_the_same() {
    check("--nodes 40 --odd 0 --dead 0", "--max-in-flight 1");
}

#[test]
fn progress_goes_to_stderr_in_plain_lines_and_only_results_to_stdout() {
    let place = Place::new();
    let sim = place.sim("--nodes 300");
    let ended = place.run(&format!("crawl nodes.txt {} --db c.db --json", sim.once()));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let summary: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    let n_reachable = summary["reachable"]["value"].as_u64().unwrap();

    let mut lines: Vec<_> = ended.stderr.lines().collect();
    assert_eq!(lines.remove(0), "nodes.txt: 300 addresses");
    let ways = lines.remove(0);
    assert!(ways.starts_with("ipv4, ipv6, onion, i2p, cjdns: works, the proxy 127.0.0.1:"));
    assert_eq!(lines.pop(), Some("crawl 1 is in c.db"));
    let (_, end) = lines.pop().unwrap().split_once(" s  ").unwrap();
    let n_failed = 300 - n_reachable;
    let told = format!(
        "300 of 300 (100.0 %)  received {n_reachable}  failed {n_failed}  remaining 0  connect_"
    );
    assert!(end.starts_with(&told), "{end}");
    // Those who never answer take seconds.
    assert!(lines.len() >= 3, "{lines:?}");
    for line in lines {
        let form = "# s  # of # (# %)  received #  failed #  remaining #  in flight #  #/s  ";
        assert!(without_numbers(line).starts_with(form), "{line}");
    }
}

#[test]
fn a_network_whose_way_is_gone_is_left_alone_while_another_works() {
    let place = Place::new();
    let sim = place.sim("--nodes 200");
    let via = sim
        .via()
        .replace("--proxy", "--proxy socks5://127.0.0.1:1 --tor");
    let ended = place.run(&format!("crawl nodes.txt {via} --db c.db"));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for said in [
        "warning: ipv4, ipv6, i2p, cjdns: not called, the proxy 127.0.0.1:1 cannot be reached: ",
        "onion: works, 1 of 1 SOCKS ports answer; each call has a circuit of its own\n",
    ] {
        assert!(ended.stderr.contains(said), "{}", ended.stderr);
    }
    let exported = place.run("export ndjson --db c.db").stdout;
    let rows = exported.lines().map(|line| {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        (row["network"] == "onion", row["reason"] == "network_off")
    });
    let kinds: BTreeSet<_> = rows.collect();
    assert_eq!(kinds, BTreeSet::from([(false, true), (true, false)]));
}

#[test]
fn a_quiet_crawl_says_nothing_on_stderr() {
    let place = Place::new();
    let sim = place.sim("--nodes 50 --odd 0 --dead 0");
    let ended = place.run(&format!("crawl nodes.txt {} --db c.db --quiet", sim.once()));
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    assert!(
        ended
            .stdout
            .starts_with("Addresses: 50 known · 50 called · 50 reachable (100.0 %)")
    );
}

#[test]
#[cfg(unix)]
fn few_files_make_a_crawl_slower_and_not_wrong() {
    let place = Place::new();
    let sim = place.sim("--nodes 1000 --odd 0.01 --dead 0.01");
    let via = sim.once();
    let usual = place.run_with_files(256, &format!("crawl nodes.txt {via} --db c.db"));
    assert_eq!(usual.code, Some(0), "{usual:?}");
    assert!(!usual.stderr.contains("WARN"), "{}", usual.stderr);
    assert_eq!(compared(&place), all_right(1_000));

    let greedy = format!("crawl nodes.txt {via} --db c.db --max-in-flight 5000");
    let greedy = place.run_with_files(256, &greedy);
    let bounded = "--max-in-flight 5000 is more than this machine's limit of 256 open files permits; using 192";
    assert!(greedy.stderr.contains(bounded), "{}", greedy.stderr);
    assert!(!greedy.stderr.contains('\x1b'), "{}", greedy.stderr);
    assert_eq!(compared(&place), all_right(1_000));
}

#[track_caller]
fn check(network: &str, how: &str) {
    let place = Place::new();
    let sim = place.sim(network);
    let ended = place.run(&format!("crawl nodes.txt {} --db c.db {how}", sim.once()));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(
        compared(&place),
        all_right(place.truth().len()),
        "{network}"
    );
}

fn compared(place: &Place) -> String {
    compare_rows(&place.truth(), place.found()).to_string()
}

fn all_right(n: usize) -> String {
    format!("{n} of {n} addresses right, 0 wrong, 0 missing, 0 extra")
}

/// Writes `#` for each number.
fn without_numbers(line: &str) -> String {
    let mut form = String::new();
    for char in line.chars() {
        let is_number = char.is_ascii_digit() || matches!(char, '.' | ',');
        if !is_number {
            form.push(char);
        } else if !form.ends_with('#') {
            form.push('#');
        }
    }
    form
}
