use proto::version::Version;
use proto::visit::Dialect;
use proto::{Outcome, Visit};

use super::*;
use crate::figures::made::snapshot;
use crate::samples::{complete, failed};

#[test]
fn a_usual_node_is_not_odd() {
    check(|_| (), "");
}

#[test]
fn old_protocol_versions_are_found() {
    check(|it| said(it).protocol_version = 70_001, "");
    check(
        |it| {
            let version = said(it);
            version.protocol_version = 31_800;
            version.user_agent = Some(Vec::new());
            version.relay = None;
        },
        "old_protocol, old_software",
    );
    check(|it| it.dialect = Dialect::Old, "old_dialect (old)");
    check(
        |it| said(it).user_agent = Some(b"/Satoshi:0.8.6/".to_vec()),
        "old_software",
    );
}

#[test]
fn invented_protocol_versions_are_found() {
    check(|it| said(it).protocol_version = -7, "negative_protocol");
    check(|it| said(it).protocol_version = 99_999, "future_protocol");
    check(|it| said(it).protocol_version = 70_006, "invented_protocol");
    check(|it| said(it).protocol_version = 0, "invented_protocol");
    check(|it| said(it).protocol_version = 70_017, "");
}

#[test]
fn missing_and_surplus_fields_are_found() {
    check(|it| said(it).relay = None, "missing_relay");
    check(|it| said(it).relay = Some(2), "odd_relay (relay 2)");
    check(
        |it| said(it).trailing = vec![0; 3],
        "trailing_bytes (3 bytes)",
    );
    check(|it| said(it).nonce = Some(0), "zero_nonce");
    check(
        |it| {
            let version = said(it);
            (version.start_height, version.relay) = (None, None);
        },
        "short_version (no height)",
    );
    check(
        |it| {
            let version = said(it);
            (version.addr_from, version.nonce) = (None, None);
            (version.user_agent, version.start_height) = (None, None);
            version.relay = None;
        },
        "short_version (no addr_from)",
    );
}

#[test]
fn broken_user_agents_are_found() {
    check_agent(b"", "agent_empty");
    check_agent(b"/a\xff:1/", "agent_no_utf8");
    check_agent(&[b'x'; 300], "agent_long (300 bytes), agent_no_bip14");
    check_agent(b"/a\x1b[2J:1/", "agent_controls");
    check_agent("/a\u{202e}:1/".as_bytes(), "agent_controls");
    check_agent(b"/<script>:1/", "agent_markup");
    check_agent(b"pbtc", "agent_no_bip14");
}

#[test]
fn who_says_no_version_or_no_verack_is_found() {
    check(|it| it.call.outcome = Outcome::VersionOnly, "no_verack");
    let odd = Odd::of(&snapshot(&[
        failed("1.0.0.1:8333", Outcome::VersionTimeout),
        failed("1.0.0.2:8333", Outcome::VersionTimeout),
        failed("1.0.0.3:8333", Outcome::MalformedVersion),
        failed("1.0.0.4:8333", Outcome::ConnectRefused),
    ]));
    let kinds = odd
        .findings
        .value
        .iter()
        .map(|it| format!("{} {}", it.kind, it.n));
    assert_eq!(
        kinds.collect::<Vec<_>>(),
        ["silent 2", "malformed_version 1"]
    );
    assert_eq!(odd.findings.value[0].nodes[1].addr, "1.0.0.2:8333");
}

#[test]
fn what_another_observer_did_not_say_is_not_odd() {
    check(
        |it| {
            it.call.heard.version_payload = None;
            *said(it) = Version::default();
        },
        "",
    );
}

#[test]
fn the_oldest_come_first_and_say_when_they_came_out() {
    let node = |addr, protocol_version, user_agent: &str| {
        let mut visit = complete(addr, user_agent.as_bytes(), 1);
        said(&mut visit).protocol_version = protocol_version;
        visit
    };
    let odd = Odd::of(&snapshot(&[
        node("1.0.0.1:8333", 70_016, "/Satoshi:29.0.0/"),
        node("1.0.0.2:8333", 31_900, ""),
        node("1.0.0.3:8333", 209, ""),
        node("1.0.0.4:8333", 70_001, "/Satoshi:0.8.6/"),
        node("1.0.0.5:8333", 70_001, "/Satoshi:0.8.6/"),
    ]));
    let protocols = odd.oldest_protocols.value.iter().map(|it| {
        let (release, day) = (it.release.as_deref(), it.released_on.as_deref());
        format!(
            "{} {} {} {}",
            it.protocol_version,
            release.unwrap_or("-"),
            day.unwrap_or("-"),
            it.n
        )
    });
    let expected = [
        "209 0.2.9 - 1",
        "31900 0.3.19 2010-12-13 1",
        "70001 0.8.0 2013-02-19 2",
        "70016 0.21.0 2021-01-14 1",
    ];
    assert_eq!(protocols.collect::<Vec<_>>(), expected);
    let software = odd.oldest_software.value.iter();
    let software = software.map(|it| {
        format!(
            "{} {} {}",
            it.released_on,
            it.user_agent.as_deref().unwrap_or("-"),
            it.n
        )
    });
    let expected = [
        "2010-12-13  1",
        "2013-12-09 /Satoshi:0.8.6/ 2",
        "2025-04-14 /Satoshi:29.0.0/ 1",
    ];
    assert_eq!(software.collect::<Vec<_>>(), expected);
    let old = &odd.findings.value[0];
    let versions = old.nodes.iter().map(|it| it.protocol_version.unwrap());
    assert_eq!(
        (old.kind, versions.collect::<Vec<_>>()),
        ("old_protocol", vec![209, 31_900])
    );
}

#[test]
fn what_few_others_do_comes_first_and_lists_are_bounded() {
    let mut visits: Vec<Visit> = (0..60)
        .map(|i| {
            let mut visit = complete(&format!("1.0.0.{i}:8333"), b"/a:1/", 1);
            said(&mut visit).relay = Some(2);
            visit
        })
        .collect();
    said(&mut visits[59]).relay = Some(3);
    let odd = Odd::of(&snapshot(&visits));
    let finding = &odd.findings.value[0];
    assert_eq!((finding.n, finding.nodes.len()), (60, N_LISTED));
    let first = finding.nodes.iter().take(2).map(|it| it.addr.as_str());
    assert_eq!(first.collect::<Vec<_>>(), ["1.0.0.59:8333", "1.0.0.0:8333"]);
}

#[test]
fn every_table_has_its_columns() {
    let odd = Odd::of(&snapshot(&[
        complete("1.0.0.1:8333", b"pbtc", 1),
        failed("1.0.0.2:8333", Outcome::VersionTimeout),
    ]));
    let sections = odd.sections();
    let keys: Vec<_> = sections.iter().map(|it| it.key).collect();
    let expected = [
        "oldest_protocols",
        "oldest_software",
        "odd",
        "agent_no_bip14",
        "silent",
    ];
    assert_eq!(keys, expected);
    let columns = |i: usize| sections[i].table.columns.join(", ");
    assert_eq!(columns(3), "address, user agent, protocol, height");
    assert_eq!(columns(4), "address");
    for section in sections {
        let n_columns = section.table.columns.len();
        assert!(
            section.table.rows.iter().all(|it| it.len() == n_columns),
            "{}",
            section.key
        );
    }
}

fn said(visit: &mut Visit) -> &mut Version {
    visit.call.heard.version.as_mut().unwrap()
}

/// Changes a usual node, and checks what is odd about it then.
#[track_caller]
fn check(change: impl Fn(&mut Visit), expected: &str) {
    let mut visit = complete("1.0.0.1:8333", b"/Satoshi:29.0.0/", 900_000);
    change(&mut visit);
    let odd = Odd::of(&snapshot(&[visit]));
    let findings = odd.findings.value.iter().map(|it| match &it.nodes[0].what {
        Some(what) => format!("{} ({what})", it.kind),
        None => it.kind.to_owned(),
    });
    assert_eq!(findings.collect::<Vec<_>>().join(", "), expected);
}

#[track_caller]
fn check_agent(user_agent: &[u8], expected: &str) {
    check(
        |it| said(it).user_agent = Some(user_agent.to_vec()),
        expected,
    );
}
