//! `race`: every strategy makes the same calls, and says what they took.

use std::collections::BTreeSet;

use serde_json::Value;

use super::place::Place;

/// What the six strategies are called, in the order in which they race.
const ALL: [&str; 6] = [
    "serial",
    "threads",
    "pool",
    "processes",
    "tasks",
    "tasks_and_pool",
];

#[test]
fn every_strategy_reaches_the_nodes_that_are_there_with_their_versions() {
    let place = Place::new();
    let sim = place.sim("--nodes 40 --odd 0.2 --dead 0.3 --dead-kinds refused,host_unreachable");
    let ended = place.run(&format!(
        "race nodes.txt {} --nodes 40 --pool 7 --processes 3 --cpu-task 1 --pause 0 --json --quiet",
        via(&sim)
    ));
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    let told: Value = serde_json::from_str(&ended.stdout).unwrap();
    let seen: Vec<_> = strategies(&told)
        .map(|it| it["strategy"].as_str().unwrap())
        .collect();
    assert_eq!(seen, ALL);
    let truth: BTreeSet<_> = place
        .truth()
        .into_iter()
        // To those that speak v2 alone no race comes through, and whose first call fails does so for one strategy only.
        .filter(|it| it.kind != "v2_only" && it.kind != "v2_garbage" && it.kind != "v2_broken")
        .map(|it| (it.address, it.outcome))
        .collect();
    for strategy in strategies(&told) {
        let calls = strategy["calls"].as_array().unwrap();
        assert_eq!(calls.len(), 40, "{strategy}");
        let found: BTreeSet<_> = calls
            .iter()
            .map(|it| (text(it, "address"), text(it, "outcome")))
            .collect();
        let missing: Vec<_> = truth.difference(&found).collect();
        assert!(missing.is_empty(), "{}: {missing:?}", strategy["strategy"]);
    }
    let versions = |it: &Value| -> Vec<(Value, Value)> {
        let calls = it["calls"].as_array().unwrap().iter();
        calls
            .map(|it| (it["address"].clone(), it["user_agent"].clone()))
            .collect()
    };
    let all: BTreeSet<_> = strategies(&told)
        .map(|it| format!("{:?}", versions(it)))
        .collect();
    assert_eq!(all.len(), 1, "{all:?}");
    let hands: Vec<_> = strategies(&told)
        .map(|it| {
            (
                it["threads"].as_u64().unwrap(),
                it["processes"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(hands[..5], [(1, 1), (40, 1), (7, 1), (3, 3), (1, 1)]);
}

#[test]
fn a_demo_needs_no_network_and_shows_who_is_quicker() {
    let place = Place::new();
    let ended =
        place.run("race --demo --nodes 12 --turns 2 --only serial,processes,tasks --picture r.svg");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let lines: Vec<_> = ended.stdout.lines().collect();
    assert!(
        lines[0].starts_with("Calls to the same 12 simulated nodes, on "),
        "{}",
        lines[0]
    );
    for (line, strategy) in lines[4..].iter().zip(["serial", "processes", "tasks"]) {
        assert!(line.starts_with(&format!("│ {strategy} ")), "{line}");
        assert!(line.ends_with(" 12 │"), "{line}");
    }
    // Twelve waits at once against twelve in a row: on the busiest machine too.
    assert!(
        ended.stdout.contains(" times as fast as the loop"),
        "{}",
        ended.stdout
    );
    let said: Vec<_> = ended.stderr.lines().skip(1).collect();
    let turn =
        |n| ["serial", "processes", "tasks"].map(|it| format!("turn {n} of 2, {it}: 12 calls"));
    let mut expected = [turn(1), turn(2)].concat();
    expected.push("the picture is in r.svg".to_owned());
    assert_eq!(said, expected);
    let picture = place.read("r.svg");
    assert!(picture.starts_with("<svg"), "{picture}");
    for word in ["serial", "processes", "tasks", "waits for version"] {
        assert!(picture.contains(word), "{word}");
    }
}

#[test]
fn the_same_seed_draws_the_same_nodes() {
    let place = Place::new();
    let sim = place.sim("--nodes 200 --odd 0 --dead 0");
    let drawn = |seed: &str| {
        let words = format!(
            "race nodes.txt {} --nodes 5 --only tasks --json {seed}",
            via(&sim)
        );
        let told: Value = serde_json::from_str(&place.run(&words).stdout).unwrap();
        let calls = told["strategies"][0]["calls"].as_array().unwrap().iter();
        calls.map(|it| text(it, "address")).collect::<Vec<_>>()
    };
    assert_eq!(drawn("--seed 7"), drawn("--seed 7"));
    assert_ne!(drawn("--seed 7"), drawn("--seed 8"));
}

#[test]
fn nobody_is_called_twice_by_a_strategy_or_called_who_should_not_be() {
    let place = Place::new();
    place.write("here.txt", "127.0.0.1:1\n127.0.0.1:1\n");
    let refused = place.run("race here.txt");
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(3), ""));
    assert!(
        refused.stderr.contains("need --allow-private"),
        "{}",
        refused.stderr
    );

    let called = place.run("race here.txt --allow-private --json --pause 0");
    assert_eq!(called.code, Some(3), "{called:?}");
    assert!(
        called.stderr.contains("Nobody answered."),
        "{}",
        called.stderr
    );
    let told: Value = serde_json::from_str(&called.stdout).unwrap();
    let outcomes: Vec<_> = strategies(&told)
        .map(|it| {
            (
                it["calls"].as_array().unwrap().len(),
                text(&it["calls"][0], "outcome"),
            )
        })
        .collect();
    assert_eq!(outcomes, vec![(1, "connect_refused".to_owned()); 5]);
    assert_eq!(told["shows"], "Nobody answered, so this shows nothing.");
}

#[test]
#[cfg(target_os = "linux")]
fn without_a_network_nobody_answers() {
    let place = Place::new();
    place.write("out.txt", "203.0.113.5:8333\n8.8.8.8:8333\n");
    let Some(ended) = place.run_without_network("race out.txt --pause 0") else {
        println!("skipped: no network of its own can be had here");
        return;
    };
    assert_eq!(
        (ended.code, ended.stdout.as_str()),
        (Some(3), ""),
        "{ended:?}"
    );
    assert!(
        ended
            .stderr
            .contains("names nobody who can be called from here"),
        "{}",
        ended.stderr
    );
}

#[test]
fn what_a_race_cannot_do_it_says_in_a_line() {
    let place = Place::new();
    for (words, why) in [
        ("race", "<SOURCE>"),
        (
            "race --demo --nodes 1001",
            "expected a number from 1 to 1000",
        ),
        (
            "race --demo --processes 65",
            "expected a number from 1 to 64",
        ),
        ("race --demo --turns 0", "expected a number from 1 to 20"),
        (
            "race --demo --only serial,fibers",
            "\"fibers\" is not one of serial, threads,",
        ),
        (
            "race --demo --cpu-task 10001",
            "expected milliseconds, at most 10000",
        ),
        (
            "race --demo --picture r.gif",
            "expected a file that ends with .svg or .png",
        ),
    ] {
        let ended = place.run(words);
        assert_eq!(
            (ended.code, ended.stdout.as_str()),
            (Some(2), ""),
            "{words}"
        );
        assert!(ended.stderr.contains(why), "{words}: {}", ended.stderr);
    }
    for (words, why) in [
        (
            "race --demo --transport v2",
            "--transport v2: a race is in v1, which every strategy speaks alike",
        ),
        (
            "race --demo --picture none/r.svg",
            "none/r.svg cannot be written: ",
        ),
        (
            "race --demo --only serial,tasks,serial",
            "--only: serial is there twice; --turns has everybody race several times",
        ),
    ] {
        let ended = place.run(words);
        assert_eq!(
            (ended.code, ended.stdout.as_str()),
            (Some(1), ""),
            "{words}"
        );
        assert!(
            ended.stderr.starts_with(&format!("bitcensus: {why}")),
            "{words}: {}",
            ended.stderr
        );
    }
}

#[test]
fn a_race_that_nobody_runs_leaves_the_picture_of_the_last_one() {
    let place = Place::new();
    place.write("r.svg", "the last one");
    place.write("nodes.txt", "127.0.0.1:8333\n");
    let ended = place.run("race nodes.txt --picture r.svg");
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(3), ""));
    assert_eq!(place.read("r.svg"), "the last one");
    let files: Vec<_> = place.files().into_iter().collect();
    assert_eq!(files, ["nodes.txt", "r.svg"]);
}

#[test]
fn a_shown_race_loses_counts_in_two_steps_and_none_in_one() {
    let place = Place::new();
    let ended = place.run("race --show-race");
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    let (mixed, rest) = ended.stdout.split_once("The same with a queue.").unwrap();
    for thread in 0..4 {
        let line = format!(
            "node {thread}: shook hands, told {}000 addresses, and hung up\n",
            thread + 1
        );
        assert!(rest.contains(&line), "{rest}");
        assert!(mixed.contains(&format!("node {thread}: ")), "{mixed}");
    }
    assert!(rest.contains("the counter\nsays 1."), "{rest}");
    assert!(
        rest.contains("in one step (fetch_add)    40,000   0 lost"),
        "{rest}"
    );
}

#[test]
#[cfg(target_os = "linux")]
fn a_race_that_is_killed_leaves_no_process_behind() {
    let place = Place::new();
    let sim = place.sim("--nodes 8 --odd 0 --dead 1 --dead-kinds never_answers");
    let words = format!("race nodes.txt {} --only processes", via(&sim));
    let running = place.start(&words.replace("timeout 4", "timeout 600"));
    wait_for_laps(&place, 9);
    drop(running);
    wait_for_laps(&place, 0);
}

/// Waits until so many processes of a race run in `place`: one for its strategy, and its workers.
#[cfg(target_os = "linux")]
fn wait_for_laps(place: &Place, expected: usize) {
    let here = place.path("");
    let is_lap = |process: &std::path::Path| {
        let is_here = std::fs::read_link(process.join("cwd")).is_ok_and(|it| it == here.as_path());
        is_here
            && std::fs::read_to_string(process.join("cmdline"))
                .is_ok_and(|it| it.contains("race-lap"))
    };
    let until = std::time::Instant::now() + std::time::Duration::from_secs(60);
    loop {
        let processes = std::fs::read_dir("/proc").unwrap().flatten();
        let seen = processes.filter(|it| is_lap(&it.path())).count();
        if seen == expected {
            return;
        }
        assert!(
            std::time::Instant::now() < until,
            "{seen} and not {expected}"
        );
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

fn strategies(told: &Value) -> impl Iterator<Item = &Value> {
    told["strategies"].as_array().unwrap().iter()
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap().to_owned()
}

/// The words that send a race through a simulated network.
fn via(sim: &super::place::Sim) -> String {
    sim.via().replace("--max-rate 0 ", "")
}
