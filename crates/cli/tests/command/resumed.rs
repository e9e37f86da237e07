//! `crawl --resume`: what was killed or stopped goes on where it was, and nothing that was stored is lost.

use std::collections::BTreeSet;
use std::ops::Range;
use std::thread;
use std::time::Duration;

use super::hosted::Hosted;
use super::place::Place;
use proto::Visit;
use sim::WorldConfig;
use sim::compare::compare_found_rows;

/// Where the chance of the moments starts at which a crawl is killed.
const SEED: u64 = 20_260_901;
const N_KILLS: u64 = 20;
/// How long a crawl is left alone before it is killed, in milliseconds; some have not begun by then.
const LIFE_MS: Range<u64> = 20..900;
const MAX_IN_FLIGHT: u64 = 50;
const MAX_RATE: u64 = 300;
/// How many calls are over while their visits wait to be stored: as many as begin in a fifth of a second.
const NOT_STORED: u64 = MAX_RATE / 5;
/// How many connections a call takes at the most: one for each transport.
const CONNECTIONS: u64 = 2;
/// How often a crawl calls its proxy to see whether it is there.
const CHECKS: u64 = 3;

#[test]
fn a_crawl_that_is_killed_twenty_times_finds_what_there_is() {
    let place = Place::new();
    let sim = Hosted::new(&place, world());
    let mut dice = fastrand::Rng::with_seed(SEED);
    let mut crawl = place.start(&format!("crawl seeds.txt {}", slowly(&sim)));
    crawl.wait_for("in flight");
    let mut stored: Vec<Visit> = Vec::new();
    for n in 1..=N_KILLS {
        let moment = format!("seed {SEED}, kill {n}");
        thread::sleep(Duration::from_millis(dice.u64(LIFE_MS)));
        let is_over = crawl.child.try_wait().unwrap().is_some();
        assert!(!is_over, "{moment}: {:?}", crawl.end());
        crawl.child.kill().unwrap();
        assert_eq!(crawl.end().code, None, "{moment}");
        let after = place.visits();
        assert_eq!(after[..stored.len()], stored[..], "{moment}: lost");
        let interrupted = (1, "interrupted".to_owned(), after.len());
        assert_eq!(place.crawls(), [interrupted], "{moment}");
        stored = after;
        crawl = place.start(&format!("crawl --resume {}", slowly(&sim)));
    }
    let ended = crawl.end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let comparison = compare_found_rows(&sim.truth(), place.found());
    assert!(comparison.is_perfect(), "seed {SEED}: {comparison}");

    let after = place.visits();
    assert_eq!(after[..stored.len()], stored[..]);
    assert_eq!(place.crawls(), [(1, "finished".to_owned(), after.len())]);
    assert_eq!(twice(&after), Vec::<String>::new());
    // Only what was not stored when it was killed was called for nothing.
    let n_calls = sim.counts_of_closed()[0].connections;
    let n_stored: usize = after.iter().map(|it| 1 + it.call.tried.len()).sum();
    let n_not_stored = N_KILLS * CONNECTIONS * (MAX_IN_FLIGHT + NOT_STORED);
    let n_most = n_stored as u64 + n_not_stored + (N_KILLS + 1) * CHECKS;
    assert!(n_calls <= n_most, "seed {SEED}: {n_calls} of {n_most}");
}

#[test]
fn a_crawl_that_was_stopped_goes_on_and_a_finished_one_does_not() {
    let place = Place::new();
    let sim = Hosted::new(&place, world());
    let mut crawl = place.start(&format!("crawl seeds.txt {}", slowly(&sim)));
    crawl.wait_for("in flight");
    crawl.signal("INT");
    let stopped = crawl.end();
    assert_eq!(stopped.code, Some(0), "{stopped:?}");
    let hint =
        "It was stopped before its end; `crawl --resume` with the same flags goes on with it.\n";
    assert!(stopped.stderr.ends_with(hint), "{stopped:?}");
    let before = place.visits();
    assert_eq!(place.crawls(), [(1, "stopped".to_owned(), before.len())]);

    let resume = format!("crawl --resume {} --db c.db", sim.all());
    let other_chain = place.run(&format!("{resume} --network signet"));
    let nothing = "bitcensus: no crawl of signet in c.db was stopped or killed; leave --resume out for a new one\n";
    assert_eq!((other_chain.code, &*other_chain.stderr), (Some(1), nothing));

    let otherwise = place.run(&format!("{resume} --no-gossip"));
    let why = "bitcensus: crawl 1 was begun otherwise: questions was \"addresses\", and is \"features\"; \
               give the same flags as then, or begin a new crawl\n";
    assert_eq!((otherwise.code, &*otherwise.stderr), (Some(1), why));

    let ended = place.run(&resume);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended.stderr.contains("crawl 1 goes on: "),
        "{}",
        ended.stderr
    );
    let after = place.visits();
    assert_eq!(after[..before.len()], before[..]);
    assert_eq!(twice(&after), Vec::<String>::new());
    assert_eq!(place.crawls(), [(1, "finished".to_owned(), after.len())]);
    let comparison = compare_found_rows(&sim.truth(), place.found());
    assert!(comparison.is_perfect(), "{comparison}");

    let nothing = nothing.replace("signet", "mainnet");
    let again = place.run(&resume);
    assert_eq!((again.code, &*again.stderr), (Some(1), &*nothing));
    assert_eq!(place.visits(), after);
}

#[test]
fn nothing_goes_on_where_there_is_no_store() {
    let place = Place::new();
    let sim = place.sim("--nodes 10");
    let before = place.files();
    let ended = place.run(&format!("crawl --resume {} --db c.db", sim.once()));
    let nothing =
        "bitcensus: there is no census at c.db: a crawl makes one, and --db says where it is\n";
    assert_eq!((ended.code, &*ended.stderr), (Some(1), nothing));
    assert_eq!(place.files(), before);
}

fn world() -> WorldConfig {
    WorldConfig {
        n_nodes: 600,
        odd_share: 0.1,
        dead_share: 0.3,
        liar_share: 0.1,
        networks: "ipv4=35,ipv6=10,onion=40,i2p=10,cjdns=5".parse().unwrap(),
        ..WorldConfig::default()
    }
}

/// The words of a crawl that takes some time.
fn slowly(sim: &Hosted) -> String {
    let fast = format!("{} --db c.db", sim.all());
    let some = format!("--max-in-flight {MAX_IN_FLIGHT}");
    let slow = fast.replace("--max-rate 0", &format!("--max-rate {MAX_RATE}"));
    slow.replace("--max-in-flight 200", &some)
}

/// The calls that are there more than once.
fn twice(visits: &[Visit]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let again = visits
        .iter()
        .filter(|it| !seen.insert((it.addr, it.attempt)));
    again
        .map(|it| format!("{} {}", it.addr, it.attempt))
        .collect()
}
