use proto::outcome::NotTried;
use proto::{PeerAddr, Visit};

use super::*;
use crate::Glimpse;
use crate::figures::made::snapshot;
use crate::samples::{ONION, complete, failed, not_tried};

const I2P: &str = "ukeu3k5oycgaauneqgtnvselmt4yemvoilkln7jpvamvfx7dnkdq.b32.i2p:0";
const DAY_US: i64 = 86_400_000_000;
const DRAWN: u64 = 0x1234_5678_9abc_def0;

#[test]
fn addresses_are_counted_by_network() {
    let many = Many::of(&snapshot(&small_crawl()), None);
    check(many.known.value, "8: 5 1 1 1 0");
    check(many.called.value, "7: 5 1 1 0 0");
    check(many.reachable.value, "3: 1 1 1 0 0");
    assert_eq!(many.seen_in_8_days, None);
    let expected = "\
        many | 8 5 1 1 1 0 | 7 5 1 1 0 0 | 3 1 1 1 0 0 | 3 1 1 1 0 0\n\
        fates | 3 1 1 1 0 0 | 1 1 0 0 0 0 | 1 1 0 0 0 0 | 2 2 0 0 0 0 | 1 0 0 0 1 0\n\
        outcomes | 3 1 1 1 0 0 | 1 1 0 0 0 0 | 1 1 0 0 0 0 | 1 1 0 0 0 0 | 1 1 0 0 0 0 | 1 0 0 0 1 0";
    assert_eq!(written(&many), expected);
}

#[test]
fn full_slots_are_apart_from_gone() {
    let many = Many::of(&snapshot(&small_crawl()), None);
    let fates = many
        .fates
        .value
        .iter()
        .map(|it| format!("{} {}", it.fate, it.n.all));
    let expected = "reachable 3, full 1, silent 1, gone 2, not_called 1";
    assert_eq!(fates.collect::<Vec<_>>().join(", "), expected);
    let outcomes = many.outcomes.value.iter();
    let outcomes = outcomes.map(|it| format!("{} {}", it.outcome, it.n.all));
    let expected = "complete 3, connect_refused 1, connect_timeout 1, closed_before_version 1, \
                    version_timeout 1, network_off 1";
    assert_eq!(outcomes.collect::<Vec<_>>().join(", "), expected);
}

#[test]
fn who_answered_in_eight_days_is_counted_once() {
    let snapshot = snapshot(&small_crawl());
    let mut lately = Lately::before(&snapshot);
    let end_us = snapshot.crawl.finished_at_us.unwrap();
    assert_eq!(lately.since_us(), end_us - 8 * DAY_US);
    let glimpses = [
        ("1.0.0.1:8333", end_us, Outcome::Complete),
        ("1.0.0.2:8333", end_us - 8 * DAY_US, Outcome::VersionOnly),
        ("1.0.0.2:8333", end_us - DAY_US, Outcome::Complete),
        ("1.0.0.3:8333", end_us - 8 * DAY_US - 1, Outcome::Complete),
        ("1.0.0.4:8333", end_us + 1, Outcome::Complete),
        ("1.0.0.5:8333", end_us - DAY_US, Outcome::ConnectTimeout),
        (
            "1.0.0.6:8333",
            end_us - DAY_US,
            Outcome::NotTried(NotTried::OptedOut),
        ),
    ];
    for (addr, started_at_us, outcome) in glimpses {
        lately.add(&Glimpse {
            addr: PeerAddr::parse(addr, 8333).unwrap(),
            started_at_us,
            outcome,
            was_asked: false,
        });
    }
    let many = Many::of(&snapshot, Some(&lately));
    check(many.seen_in_8_days.unwrap().value, "4: 2 1 1 0 0");
}

#[test]
fn one_process_at_several_addresses_is_one_node() {
    let estimate = estimate(vec![
        drawn("1.0.0.1:8333", DRAWN),
        drawn("1.0.0.2:8333", DRAWN),
        drawn(ONION, DRAWN),
        drawn("1.0.0.3:8333", DRAWN + 1),
    ]);
    check(estimate.at_most, "2: 2 0 1 0 0");
    assert_eq!((estimate.several_addresses, estimate.folded), (1, 2));
}

#[test]
fn what_nobody_drew_proves_nothing() {
    let mut other = drawn("1.0.0.9:8333", DRAWN);
    other.call.heard.version.as_mut().unwrap().user_agent = Some(b"/other:1/".to_vec());
    let mut untold = drawn("1.0.0.8:8333", DRAWN);
    untold.call.heard.version_payload = None;
    let mut absent = drawn("1.0.0.7:8333", DRAWN);
    absent.call.heard.version.as_mut().unwrap().nonce = None;
    let estimate = estimate(vec![
        drawn("1.0.0.1:8333", 0),
        drawn("1.0.0.2:8333", 0),
        drawn("1.0.0.3:8333", 4_294_967_295),
        drawn("1.0.0.4:8333", u64::MAX),
        drawn("1.0.0.5:8333", DRAWN),
        other,
        untold,
        absent,
    ]);
    check(estimate.at_most, "8: 8 0 0 0 0");
    assert_eq!((estimate.folded, estimate.without_nonce), (0, 6));
}

#[test]
fn a_nonce_that_a_crowd_shares_is_a_constant() {
    let crowd = |n: u8| {
        (1..=n)
            .map(|i| drawn(&format!("1.0.0.{i}:8333"), DRAWN))
            .collect()
    };
    assert_eq!(estimate(crowd(16)).at_most.all, 1);
    let estimate = estimate(crowd(17));
    assert_eq!((estimate.at_most.all, estimate.crowded), (17, 17));
}

fn small_crawl() -> Vec<Visit> {
    vec![
        complete("1.0.0.1:8333", b"/Satoshi:29.0.0/", 900_000),
        complete("[2a01::1]:8333", b"/Satoshi:29.0.0/", 900_000),
        complete(ONION, b"/Satoshi:29.0.0/", 900_000),
        failed("1.0.1.1:8333", Outcome::ConnectRefused),
        failed("1.0.1.2:8333", Outcome::ConnectTimeout),
        failed("1.0.1.3:8333", Outcome::ClosedBeforeVersion),
        failed("1.0.1.4:8333", Outcome::VersionTimeout),
        not_tried(I2P),
    ]
}

fn drawn(addr: &str, nonce: u64) -> Visit {
    let mut visit = complete(addr, b"/Satoshi:29.0.0/", 900_000);
    visit.call.heard.version.as_mut().unwrap().nonce = Some(nonce);
    visit
}

fn estimate(visits: Vec<Visit>) -> Estimate {
    Estimate::of(&snapshot(&visits).nodes)
}

/// Writes the numbers of all tables, a line for each.
fn written(many: &Many) -> String {
    let cell = |it: &Cell| match it {
        Cell::Count(n) => Some(n.to_string()),
        _ => None,
    };
    let row = |cells: &Vec<Cell>| cells.iter().filter_map(cell).collect::<Vec<_>>().join(" ");
    let table = |it: &Section| {
        let rows: Vec<String> = it.table.rows.iter().map(row).collect();
        format!("{} | {}", it.key, rows.join(" | "))
    };
    many.sections()
        .iter()
        .map(table)
        .collect::<Vec<_>>()
        .join("\n")
}

#[track_caller]
fn check(counts: ByNetwork, expected: &str) {
    let it = counts;
    let seen = format!(
        "{}: {} {} {} {} {}",
        it.all, it.ipv4, it.ipv6, it.onion, it.i2p, it.cjdns
    );
    assert_eq!(seen, expected);
}
