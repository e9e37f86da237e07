//! `watch` of simulated networks that come and go, and what `status` says meanwhile.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use super::place::{Ended, Place, Running, Sim, free_port};

/// From round to round.
const EVERY: f64 = 2.0;

#[test]
fn sessions_are_when_nodes_are_up() {
    let place = Place::new();
    let sim = place.sim("--nodes 80 --odd 0 --dead 0 --churn 0.5 --churn-period 9 --mix ipv4=1");
    let began = unix_now();
    let mut watch =
        place.start(&watching(&sim, "").replace("connect-timeout 4", "connect-timeout 1"));
    for _ in 0..10 {
        watch.wait_for("snapshot");
    }
    let ended = terminate(watch);
    let until = unix_now() - began;
    assert_eq!(ended.code, Some(0), "{ended:?}");

    let mut seen: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
    for line in place.run("export sessions --db c.db").stdout.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let at = |key: &str| seconds(&line[key]) - began;
        let node = line["address"].as_str().unwrap().to_owned();
        seen.entry(node)
            .or_default()
            .push((at("up_from"), at("up_to")));
    }
    // A round and a call, and the moment between the world's beginning and ours.
    let tolerance = EVERY + 1.5;
    let mut n_came_back = 0;
    for node in place.truth() {
        let whole = vec![(0.0, until)];
        let up = node.schedule.map_or(whole, |it| {
            let sessions = it.sessions(Duration::from_secs_f64(until));
            let secs = |it: Duration| it.as_secs_f64();
            sessions
                .iter()
                .map(|it| (secs(it.start), secs(it.end)))
                .collect()
        });
        let Some(seen) = seen.remove(&node.address) else {
            // Who never answered is called again on the next day.
            let was_there = up.iter().any(|it| it.0 == 0.0 && it.1 > tolerance);
            assert!(!was_there, "{}: {up:?}", node.address);
            continue;
        };
        for (from, to) in &seen {
            let is_in_one = up.iter().any(|it| it.0 - 1.0 <= *from && *to <= it.1 + 1.0);
            assert!(is_in_one, "{}: {from} {to} in {up:?}", node.address);
        }
        for (from, to) in up.iter().filter(|it| it.1 - it.0 > 2.0 * tolerance) {
            let is_seen = |it: &&(f64, f64)| it.0 < from + tolerance && to - tolerance < it.1;
            assert!(
                seen.iter().any(|it| is_seen(&it)),
                "{}: {seen:?} of {up:?}",
                node.address
            );
        }
        n_came_back += usize::from(seen.len() > 1);
    }
    assert_eq!(seen, BTreeMap::new());
    assert!(n_came_back > 5, "{n_came_back}");
}

#[test]
fn a_proxy_that_is_gone_is_told_and_nobody_is_taken_for_gone() {
    let place = Place::new();
    let port = free_port();
    let world = "--nodes 60 --odd 0 --dead 0";
    let sim = place.sim_at(port, world);
    let words = watching(&sim, "");
    let mut watch = place.start(&words);
    wait_until_all_is_well(&mut watch, 60);
    let status = place.run("status --db c.db");
    assert_eq!(status.code, Some(0), "{status:?}");
    assert!(
        status
            .stdout
            .starts_with("well: the watch of mainnet from here"),
        "{status:?}"
    );

    drop(sim);
    let problem = watch.wait_for("problem: ipv4, ipv6, onion, i2p, cjdns not called: the proxy");
    // The next snapshot says it too, and then the store does.
    watch.wait_for("snapshot");
    let status = place.run("status --db c.db --json");
    assert_eq!(status.code, Some(1), "{status:?}");
    let status: Value = serde_json::from_str(&status.stdout).unwrap();
    assert_eq!(
        (&status["is_well"], &status["is_running"]),
        (&false.into(), &true.into())
    );
    let noted = status["problems"].as_array().unwrap();
    let is_noted = |it: &Value| problem.ends_with(&format!("problem: {}", it.as_str().unwrap()));
    assert!(noted.iter().any(is_noted), "{problem}: {noted:?}");

    let sim = place.sim_at(port, world);
    watch.wait_for("over: ipv4, ipv6, onion, i2p, cjdns not called");
    wait_until_all_is_well(&mut watch, 60);
    assert_eq!(place.run("status --db c.db").code, Some(0));
    assert_eq!(n_sessions(&place), (60, 60));

    drop(sim);
    watch.wait_for("problem: ipv4");
    let ended = terminate(watch);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let status = place.run("status --db c.db");
    assert_eq!(status.code, Some(1));
    assert!(
        status.stdout.contains("problem: no process is at work"),
        "{status:?}"
    );
}

#[test]
fn a_watch_that_starts_again_goes_on_with_its_series_and_its_sessions() {
    let place = Place::new();
    let sim = place.sim("--nodes 40 --odd 0 --dead 0");
    let words = watching(&sim, "--json --quiet");
    for signal in ["TERM", "INT"] {
        let mut watch = place.start(&words);
        let first = watch.wait_for_result("\"reachable\"");
        let first: Value = serde_json::from_str(&first).unwrap();
        let reachable = first["reachable"].as_object().unwrap().values();
        let n_reachable: u64 = reachable.map(|it| it.as_u64().unwrap()).sum();
        assert_eq!(n_reachable, 40, "{first}");
        watch.wait_for_result("\"reachable\"");
        watch.signal(signal);
        let ended = watch.end();
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    }
    let crawls = place.run("crawls --json --db c.db").stdout;
    let crawls: Vec<Value> = serde_json::from_str(&crawls).unwrap();
    assert!(crawls.len() >= 4, "{crawls:?}");
    for crawl in &crawls {
        assert!(
            crawl["series"].is_i64() && crawl["series"] == crawls[0]["series"],
            "{crawl}"
        );
        assert_ne!(crawl["state"], "interrupted");
    }
    assert_eq!(n_sessions(&place), (40, 40));
}

#[test]
fn what_peers_tell_is_followed_and_each_is_asked_once_a_day() {
    let place = Place::new();
    let sim = place.sim("--nodes 120 --odd 0 --dead 0.2 --mix ipv4=1");
    let via = sim.all();
    let words = format!("watch seeds.txt {via} --every {EVERY}s --db c.db");
    let mut watch = place.start(&words);
    for _ in 0..4 {
        watch.wait_for("snapshot");
    }
    assert_eq!(terminate(watch).code, Some(0));
    let findable = place
        .truth()
        .iter()
        .filter(|it| it.findable && it.outcome == "complete")
        .count();
    let mut n_reachable = 0;
    for line in place.run("export bitnodes --db c.db").stdout.lines() {
        let snapshot: Value = serde_json::from_str(line).unwrap();
        n_reachable = snapshot["nodes"].as_object().unwrap().len();
    }
    assert_eq!(n_reachable, findable);
    let status = place.run("status --db c.db --json").stdout;
    let status: Value = serde_json::from_str(&status).unwrap();
    assert_eq!(status["snapshot"]["reachable"]["ipv4"], findable);
    let mut n_asked = BTreeMap::new();
    for (crawl, _, _) in place.crawls() {
        let visits = place.run(&format!("export ndjson --db c.db --crawl {crawl}"));
        for line in visits.stdout.lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            let node = line["address"].as_str().unwrap().to_owned();
            *n_asked.entry(node).or_insert(0) += i32::from(!line["addresses_told"].is_null());
        }
    }
    assert!(n_asked.values().all(|n| *n <= 1), "{n_asked:?}");
    assert_eq!(
        n_asked.values().sum::<i32>(),
        i32::try_from(findable).unwrap()
    );
}

#[test]
fn what_is_no_watch_is_not_well() {
    let place = Place::new();
    place.write("nodes.txt", "127.0.0.1:1\n");
    let check = |words: &str, code: i32, said: &str| {
        let ended = place.run(words);
        assert_eq!(
            (ended.code, ended.stdout.as_str()),
            (Some(code), ""),
            "{ended:?}"
        );
        assert!(ended.stderr.contains(said), "{ended:?}");
    };
    check("status --db c.db", 1, "there is no census at c.db");
    let crawl = place.run("crawl nodes.txt --allow-private --db c.db --quiet --no-gossip");
    assert_eq!(crawl.code, Some(3), "{crawl:?}");
    check(
        "status --db c.db",
        1,
        "c.db has no watch; `bitcensus watch` begins one",
    );
    check(
        "watch nodes.txt --every 0.5s",
        2,
        "expected from one second to twelve hours",
    );
    check("watch nodes.txt --every 90s", 1, "it must be twice as long");
    place.write("empty.txt", "");
    check("watch empty.txt --db d.db", 1, "the list is empty");
}

/// The words that watch the nodes of `sim`, which follow nobody.
fn watching(sim: &Sim, how: &str) -> String {
    format!(
        "watch nodes.txt {} --every {EVERY}s --db c.db {how}",
        sim.once()
    )
}

/// Waits for a snapshot without a problem in which `n` nodes are reachable.
fn wait_until_all_is_well(watch: &mut Running, n: usize) {
    loop {
        let line = watch.wait_for("snapshot");
        if line.contains(&format!(": {n} reachable")) && !line.contains("problem") {
            return;
        }
    }
}

/// How many sessions there are, and how many of them go on.
fn n_sessions(place: &Place) -> (usize, usize) {
    let sessions = place.run("export sessions --db c.db").stdout;
    let open = sessions
        .lines()
        .filter(|it| it.ends_with("\"ended\":null}"));
    (sessions.lines().count(), open.count())
}

fn terminate(watch: Running) -> Ended {
    watch.signal("TERM");
    watch.end()
}

fn unix_now() -> f64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap().as_secs_f64()
}

/// Reads a time as seconds since 1970.
fn seconds(time: &Value) -> f64 {
    let time: jiff::Timestamp = time.as_str().unwrap().parse().unwrap();
    Duration::try_from(time.duration_since(jiff::Timestamp::UNIX_EPOCH))
        .unwrap()
        .as_secs_f64()
}
