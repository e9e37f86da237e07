use super::*;
use crate::figures::Section;
use crate::samples::{ONION, complete, failed, not_tried};
use proto::gossip::Gossip;

#[test]
fn a_crawl_is_told_on_one_page() {
    let expected = include_str!("expected/small_crawl_100.txt");
    check_text(&small_crawl(), SPENT, 100, expected);
}

#[test]
fn a_narrow_page_loses_no_figure() {
    let expected = include_str!("expected/small_crawl_60.txt");
    check_text(&small_crawl(), Spent::default(), 60, expected);
}

#[test]
fn a_crawl_that_found_nobody_is_told_too() {
    let nobody = [failed("1.2.3.4:8333", Outcome::ConnectTimeout)];
    let expected = include_str!("expected/nobody_there_100.txt");
    check_text(&nobody, Spent::default(), 100, expected);
    let expected = "Addresses: 0 known · 0 called · 0 reachable (-) · 0 complete\n";
    check_text(&[], Spent::default(), 100, expected);
}

#[test]
fn what_another_observer_says_is_counted_without_times() {
    let listed = |addr, height| {
        let mut visit = complete(addr, b"/Satoshi:23.0.0/", height);
        let call = &mut visit.call;
        (call.connect, call.transport, call.tried) = (None, None, Vec::new());
        call.took = Duration::ZERO;
        call.heard.version_payload = None;
        (call.heard.version_at, call.heard.verack_at) = (None, None);
        call.heard.answered_at = None;
        visit
    };
    let mut terse = listed("1.2.3.4:8333", 754_001);
    let version = terse.call.heard.version.as_mut().unwrap();
    (version.protocol_version, version.services) = (0, 0);
    let listed = [terse, listed("1.2.3.5:8333", 754_002)];
    let expected = include_str!("expected/another_observer_100.txt");
    check_text(&listed, Spent::default(), 100, expected);
}

#[test]
fn how_the_crawl_went_is_told_as_tables() {
    let rows = |it: Section| {
        let rows = it.table.rows.into_iter();
        let rows = rows.map(|row| format!("{}: {}", row[0], row[1]));
        format!("{} {}", it.key, rows.collect::<Vec<_>>().join(", "))
    };
    let sections = |visits: &[Visit]| -> Vec<String> {
        let sections = summary(visits, SPENT).crawl_sections();
        sections.into_iter().map(rows).collect()
    };
    assert_eq!(
        sections(&small_crawl()),
        [
            "pace calls: 8, the crawl took: 100 ms, the calls took: 450 ms, calls a second: 80.00, calls at once: 4.50, \
             spent waiting: 98.0 %",
            "left_out stale: 2,000, over_quota: 1,234",
            "addresses_told ipv4: 900, onion: 101, other: 1",
        ]
    );
    assert_eq!(
        sections(&[]),
        [
            "pace calls: 0, the crawl took: 100 ms, the calls took: 0 s, calls a second: 0.00, calls at once: 0.00"
        ]
    );
}

#[test]
fn machines_get_every_figure_with_its_definition() {
    let json = serde_json::to_string_pretty(&summary(&small_crawl(), SPENT)).unwrap();
    let expected = include_str!("expected/small_crawl.json");
    assert_eq!(json, expected.trim_end(), "{json}");
}

#[test]
fn a_name_without_end_does_not_fill_our_memory() {
    let visit = complete("1.2.3.4:8333", &[b'x'; 60_000], 1);
    let summary = summary(&[visit], Spent::default());
    let name = summary.user_agents.value.rows[0].name.as_deref();
    assert_eq!(name, Some("x".repeat(MAX_USER_AGENT).as_str()));
}

const SPENT: Spent = Spent {
    wall_us: Some(100_000),
    cpu_us: Some(9_000),
};

/// One of most kinds, one of them hostile, and one address that was called twice.
fn small_crawl() -> Vec<Visit> {
    let mut nameless = complete("9.9.9.9:8333", b"", 0);
    let version = nameless.call.heard.version.as_mut().unwrap();
    (version.user_agent, version.start_height) = (None, None);
    version.protocol_version = 106;
    version.services = 0x7f | 1 << 40;
    nameless.call.outcome = Outcome::VersionOnly;
    nameless.call.heard.verack_at = None;
    nameless.call.heard.answered_at = None;
    let mut encrypted = complete(ONION, b"/Satoshi:28.1.0/", i32::MAX);
    encrypted.call.transport = Some(Transport::V2);
    encrypted.call.tried = Vec::new();
    let told = ToldCounts {
        ipv4: 900,
        onion: 101,
        other: 1,
        ..ToldCounts::default()
    };
    encrypted.call.heard.gossip = Some(Gossip {
        claims: Vec::new(),
        told,
    });
    let mut silent = complete("1.2.3.5:8333", b"/Satoshi:29.0.0/", 900_000);
    silent.call.heard.gossip = Some(Gossip::default());
    nameless.call.tried = Vec::new();
    nameless.dialect = Dialect::Old;
    vec![
        failed("1.2.3.4:8333", Outcome::ConnectTimeout),
        complete("1.2.3.4:8333", b"/Satoshi:29.0.0/", 900_000),
        silent,
        complete(
            "[2a01::1]:8333",
            "\x1b[2J/红:1/\u{202e}".as_bytes(),
            899_000,
        ),
        encrypted,
        nameless,
        failed("5.6.7.8:8333", Outcome::ConnectRefused),
        failed("5.6.7.9:8333", Outcome::ConnectRefused),
        not_tried("ukeu3k5oycgaauneqgtnvselmt4yemvoilkln7jpvamvfx7dnkdq.b32.i2p:0"),
    ]
}

fn summary(visits: &[Visit], spent: Spent) -> Summary {
    let mut builder = SummaryBuilder::default();
    for visit in visits {
        builder.add(visit);
    }
    if visits.len() > 1 {
        let left_out = [("over_quota", 1_234), ("stale", 2_000)];
        builder.leave_out(left_out.map(|(why, n)| (why.to_owned(), n)).into());
    }
    builder.finish(spent)
}

#[track_caller]
fn check_text(visits: &[Visit], spent: Spent, width: usize, expected: &str) {
    let text = summary(visits, spent).to_text(width);
    assert_eq!(text, expected, "{text}");
}
