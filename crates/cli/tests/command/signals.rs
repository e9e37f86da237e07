//! Ctrl-C once, Ctrl-C twice, and a process that is killed.

use std::process::Command;
use std::thread;
use std::time::Duration;

use super::place::Place;

#[test]
fn ctrl_c_once_ends_the_open_calls_and_keeps_all() {
    let place = Place::new();
    // Nine in ten answer late or never, and few are called at once: without an end this takes minutes.
    let sim = place.sim("--nodes 600 --odd 0 --dead 0.9");
    let crawl = format!(
        "crawl nodes.txt {} --db c.db --max-in-flight 40",
        sim.once()
    );
    let mut crawl = place.start(&crawl);
    let before = n_done(&crawl.wait_for("in flight"));
    crawl.signal("INT");
    let ended = crawl.end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended
            .stderr
            .contains("stopping: open calls end, Ctrl-C again quits at once")
    );

    let [(1, state, n_visits)] = &place.crawls()[..] else {
        panic!("not one crawl: {:?}", place.crawls())
    };
    assert_eq!(state, "stopped");
    let mut lines = ended.stderr.lines().rev();
    let last = lines.find(|it| it.contains("received")).unwrap();
    assert_eq!(n_done(last), *n_visits, "{ended:?}");
    let hint =
        "It was stopped before its end; `crawl --resume` with the same flags goes on with it.";
    assert!(ended.stderr.contains(hint), "{ended:?}");
    assert!((before..300).contains(n_visits), "{before}: {ended:?}");
    assert!(
        ended
            .stdout
            .starts_with(&format!("Addresses: {n_visits} known")),
        "{ended:?}"
    );
    assert_eq!(place.found().len(), *n_visits);
}

#[test]
fn ctrl_c_twice_quits_at_once() {
    let place = Place::new();
    let sim = place.sim("--nodes 50 --odd 0 --dead 1");
    let via = sim.once().replace("timeout 4", "timeout 600");
    let mut crawl = place.start(&format!("crawl nodes.txt {via} --db c.db"));
    crawl.wait_for("in flight");
    crawl.signal("INT");
    crawl.wait_for("stopping");
    crawl.signal("INT");
    let ended = crawl.end();
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(130), ""));
    assert_eq!(place.crawls()[0].1, "interrupted");
}

#[test]
fn a_killed_crawl_loses_at_most_a_second_and_the_next_one_works() {
    let place = Place::new();
    let sim = place.sim("--nodes 2000 --odd 0 --dead 0");
    let via = sim.once().replace("--max-rate 0", "--max-rate 200");
    let mut crawl = place.start(&format!("crawl nodes.txt {via} --db c.db"));
    crawl.wait_for("in flight");
    let a_second_ago = n_done(&crawl.wait_for("in flight"));
    crawl.wait_for("in flight");
    crawl.child.kill().unwrap();
    assert_eq!(crawl.end().code, None);

    let [(1, state, n_visits)] = &place.crawls()[..] else {
        panic!("not one crawl: {:?}", place.crawls())
    };
    assert_eq!(state, "interrupted");
    assert!(
        a_second_ago > 100 && *n_visits >= a_second_ago,
        "{n_visits} of {a_second_ago}"
    );
    assert_eq!(place.found().len(), *n_visits);
    let report = place.run("report --db c.db");
    assert!(
        report
            .stdout
            .starts_with(&format!("Addresses: {n_visits} known")),
        "{report:?}"
    );

    let next = place.run(&format!("crawl nodes.txt {} --db c.db", sim.once()));
    assert_eq!(next.code, Some(0), "{next:?}");
    let interrupted = (1, "interrupted".to_owned(), *n_visits);
    assert_eq!(
        place.crawls(),
        [interrupted, (2, "finished".to_owned(), 2_000)]
    );
}

#[test]
fn ctrl_c_ends_the_wait_for_a_list_that_never_comes() {
    let place = Place::new();
    let fifo = Command::new("mkfifo").arg(place.path("list")).status();
    assert!(fifo.unwrap().success());
    let crawl = place.start("crawl list --proxy socks5://127.0.0.1:1 --dry-run --db c.db");
    thread::sleep(Duration::from_secs(1));
    crawl.signal("INT");
    let ended = crawl.end();
    // Nothing says when the signal is awaited; before, it ends the program just as well.
    if ended.code.is_some() {
        let said = "bitcensus: stopped before the first call\n";
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(1), said));
    }
}

/// Reads how many calls are over from `1.0 s  190 of 2,000 (9.5 %) …`.
#[track_caller]
fn n_done(line: &str) -> usize {
    let (_, counts) = line.split_once(" s  ").unwrap();
    let n_done = counts.split(' ').next().unwrap();
    n_done.replace(',', "").parse().unwrap()
}
