//! Hostile peers by the thousand: the crawl bears them, and finds all the others.

use super::hosted::Hosted;
use super::place::Place;
use sim::compare::compare_found_rows;
use sim::{Class, Kind, WorldConfig};

/// How many peers are hostile.
const N_HOSTILE: usize = 1_000;
/// How many are not.
const N_HONEST: usize = 100;
/// The most memory that a crawl may take, in kB.
const MAX_MEMORY: u64 = 150_000;
/// The same where a thousand floods tell a million addresses, as many as may be known (`Rules::max_known`).
const MAX_MEMORY_OF_A_MILLION: u64 = 300_000;

#[test]
fn a_thousand_odd_ones_hide_nobody() {
    check_class(Class::Odd);
}

#[test]
fn a_thousand_liars_hide_nobody() {
    check_class(Class::Liar);
}

#[test]
fn a_thousand_dead_ones_hide_nobody() {
    check_class(Class::Dead);
}

/// Takes minutes in a release build, and far too long in a debug build: a thousand liars tell millions of addresses.
#[test]
#[cfg_attr(debug_assertions, ignore = "needs --release")]
fn a_thousand_of_any_kind_hide_nobody() {
    for kind in Kind::ALL.iter().filter(|it| **it != Kind::Honest) {
        check(&[*kind]);
    }
}

fn check_class(class: Class) {
    let of_class = Kind::ALL.iter().filter(|it| it.class() == class);
    check(&of_class.copied().collect::<Vec<_>>());
}

/// Crawls a world of a thousand peers of these kinds and a hundred honest ones.
#[track_caller]
fn check(hostile: &[Kind]) {
    let place = Place::new();
    let hostile_ones = hostile.iter().copied().cycle().take(N_HOSTILE);
    let kinds: Vec<_> = [Kind::Honest; N_HONEST]
        .into_iter()
        .chain(hostile_ones)
        .collect();
    let config = WorldConfig {
        networks: "ipv4=35,ipv6=10,onion=40,i2p=10,cjdns=5".parse().unwrap(),
        ..WorldConfig::default()
    };
    let sim = Hosted::of_kinds(&place, config, &kinds);
    let proxy = sim.proxy();
    // All of them at once, and with patience: a debug build is busy for seconds.
    let crawl = place.start(&format!(
        "crawl seeds.txt --proxy {proxy} --max-rate 0 --retries 0 --connect-timeout 15 \
         --handshake-timeout 15 --addr-timeout 15 --max-in-flight 1000 --quiet --db c.db"
    ));
    let (ended, memory) = crawl.end_and_weigh();
    assert_eq!((ended.code, &*ended.stderr), (Some(0), ""), "{hostile:?}");
    let max_memory = match hostile {
        [Kind::TellsFakes | Kind::TellsFuture] => MAX_MEMORY_OF_A_MILLION,
        _less => MAX_MEMORY,
    };
    assert!(
        (1_000..max_memory).contains(&memory),
        "{hostile:?}: {memory} kB"
    );

    let mut truth = sim.truth();
    truth.truncate(N_HONEST);
    let mut found = place.found();
    found.retain(|it| truth.iter().any(|row| row.address == it.address));
    let comparison = compare_found_rows(&truth, found);
    assert!(comparison.is_perfect(), "{hostile:?}: {comparison}");
    assert_eq!(comparison.n_right, N_HONEST, "{hostile:?}");
}
