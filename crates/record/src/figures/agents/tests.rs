use std::env;
use std::fs;
use std::path::PathBuf;

use proto::{Outcome, Visit};

use super::*;
use crate::figures::made::{names, snapshot};
use crate::samples::{ONION, complete};

#[test]
fn whoever_invents_releases_fills_no_table() {
    let visit = |n: u32| {
        let agent = format!("/Satoshi:{}.{n}.0/Fork{n}:1/(x{n}y)/", 40 + n / 2);
        complete(&format!("1.1.{}.{}", n / 250, n % 250), agent.as_bytes(), 7)
    };
    let mut visits: Vec<Visit> = (0..500).map(visit).collect();
    visits.push(complete("2.2.2.2", b"/Satoshi:29.0.0/", 7));
    visits.push(complete("2.2.2.3", b"/Satoshi:29.0.0/", 7));
    let agents = Agents::of(&snapshot(&visits));
    let series = agents.core_series.value;
    assert_eq!((series.rows.len(), series.n_other_names), (100, 151));
    assert_eq!(names(&series.rows[99..]), "29 2");
    assert_eq!(series.total(), 502);
    let releases = agents.core_releases.value;
    assert_eq!(releases.len(), 101);
    assert_eq!((&releases[100].release, releases[100].n), (&None, 401));
}

#[test]
fn programs_are_counted_by_what_they_say() {
    let agents = Agents::of(&snapshot(&[
        node("1.0.0.1:8333", "/Satoshi:29.0.0/"),
        node("1.0.0.2:8333", "/Satoshi:29.0.0/"),
        node("1.0.0.3:8333", "/Satoshi:0.21.1(RoninDojo 1.14.1; hi)/"),
        node("1.0.0.4:8333", "/Satoshi:29.2.0/Knots:20251110/"),
        node("1.0.0.5:8333", "/btcwire:0.5.0/btcd:0.24.2/"),
        node(ONION, "/mine:1.0/"),
        nameless("1.0.0.6:8333"),
    ]));
    let implementations = agents.implementations.value.iter();
    let implementations: Vec<_> = implementations
        .map(|it| (it.implementation.map(|it| it.name), it.n))
        .collect();
    let expected = [
        (Some("Bitcoin Core"), 3),
        (None, 2),
        (Some("Bitcoin Knots"), 1),
        (Some("btcd"), 1),
    ];
    assert_eq!(implementations, expected);
    assert_eq!(names(&agents.core_series.value.rows), "29 2, 0.21 1");
    let releases = agents.core_releases.value.iter();
    let releases: Vec<_> = releases
        .map(|it| {
            (
                it.release.as_deref().unwrap(),
                it.released_on.as_deref(),
                it.n,
            )
        })
        .collect();
    let expected = [
        ("29.0.0", Some("2025-04-14"), 2),
        ("0.21.1", Some("2021-05-01"), 1),
    ];
    assert_eq!(releases, expected);
    assert_eq!(names(&agents.forks.value.rows), "Knots:20251110 1");
    assert_eq!(names(&agents.comments.value.rows), "RoninDojo 1, hi 1");
    assert_eq!(names(&agents.unknown.value.rows), "- 1, /mine:1.0/ 1");
    assert_eq!(
        agents.age.value.map(|it| (it.n_dated, it.n_undated)),
        Some((4, 3))
    );
}

#[test]
fn nobody_there_makes_no_figures() {
    let agents = Agents::of(&snapshot(&[]));
    assert_eq!(agents.age.value, None);
    assert_eq!(agents.impostors.value, Impostors::default());
    let sections = agents.sections();
    assert!(sections.iter().all(|it| it.table.rows.is_empty()));
}

#[test]
fn impostors_are_told_by_what_their_release_does_not_do() {
    let modern = 70_016;
    check_signs("/Satoshi:29.0.0/", modern, 0xc09, "");
    check_signs("/Satoshi:29.0.0/Knots:20250903/", 1, 0, "");
    check_signs("/Satoshi:29.0.0(mine)/", 70_001, 0xc09, "wrong_protocol");
    check_signs("/Satoshi:0.13.1/", 70_015, 0xd, "");
    check_signs("/Satoshi:0.13.2/", 70_014, 0xd, "wrong_protocol");
    check_signs("/Satoshi:0.13.99/", 70_014, 0xd, "");
    check_signs("/Satoshi:0.42.0/", 70_015, 0x409, "never_released");
    check_signs("/Satoshi:33.0.0/", modern, 0xc09, "");
    check_signs("/Satoshi:25.0.0/", modern, 0xc09, "later_service");
    check_signs("/Satoshi:26.0.0/", modern, 0x001, "missing_service");
    check_signs("/Satoshi:26.0.0/", modern, 0x0400_0429, "foreign_service");
    check_signs(
        "/Satoshi:26.0.0/",
        modern,
        0xffff_ffff_ffff_ffff,
        "foreign_service",
    );
}

#[test]
fn impostors_are_told_by_their_fields_and_messages() {
    let mut visit = node("1.0.0.1:8333", "/Satoshi:29.0.0/");
    visit.call.heard.features.sendaddrv2 = false;
    assert_eq!(signs_of(visit.clone()), ["no_addrv2"]);
    visit.call.outcome = Outcome::VersionOnly;
    assert_eq!(signs_of(visit.clone()), [""; 0]);
    visit.call.heard.version.as_mut().unwrap().relay = None;
    assert_eq!(signs_of(visit.clone()), ["wrong_fields"]);
    // Another observer did not say.
    visit.call.heard.version_payload = None;
    let version = visit.call.heard.version.as_mut().unwrap();
    (version.protocol_version, version.services) = (0, 0);
    assert_eq!(signs_of(visit), [""; 0]);
}

#[test]
fn programs_of_2016_are_known() {
    check_list(
        "bitnodes_2016-11-14.json",
        &[
            "Bitcoin Core 4458, Bitcoin Unlimited 360, Bitcoin Classic 204, Bitcore's Bitcoin Core 107, Bitcoin XT 66, BTCC 55, Bitcoin Knots 23, CKCoind 11, - 10, btcd 9, Falcon relay network 8, libbitcoin 8, Statoshi 6, The Real Bitcoin 4, Unattainium 2, bcoin 2, bitcoin-ruby 1",
            "unknown: /I like big BLOCKS and I cannot lie, you other miners can't deny, that when an itty bitty block gets put on top, it makes me want to cry [Bitcoin Unlimited] :0.12.1(EB20; AD72)/ 3, /Satushi:0.13.69/ 2, /54b13d90dd041c7838a8d11c1ea8412174213cc01808bcfc611174180b4c544a:0.12.0/ 1, /991337:0.99.13.37/ 1, /Nogtoshi:0.13.99/ 1, /TestClient.0.0.1/ 1, /Waterhouse Classic:0.11.2/ 1",
            "impostors: /Satoshi:1.1.1/ 7",
            "signs: never_released 7, missing_service 7",
            "age: 4388 dated, 946 not, median 83 days, older than 1, 2, 5 years: 0.150 0.034 0.000",
        ],
    );
}

#[test]
fn programs_of_2018_are_known() {
    check_list(
        "bitnodes_2018-08-06.json",
        &[
            "Bitcoin Core 8866, Bitcore's Bitcoin Core 215, Bitcoin ABC 101, btcd 45, bcoin 43, Bitcoin Unlimited 42, Bitcoin Core SQ 35, BitCore 23, Bitcoin Knots 23, Super Bitcoin 21, World Bitcoin 21, - 16, btc1 16, Bitcoin Classic 12, The Real Bitcoin 11, BCH Unlimited 10, CKCoind 10, Falcon relay network 9, Bitcoin XT 5, Statoshi 4, Quantum Bitcoin 3, Bitcoin Plus 2, libbitcoin 2, Bitcoin Gold 1, MicroBitcoin 1",
            "unknown: /Aurum:0.12.4/ 12, /Bitcoin:0.16.1/ 2, /Aurum:0.12.2/ 1, /Satoshi - NO2X (VirtualArmsDealer):0.15.0.1/ 1",
            "impostors: /Satoshi:0.16.2.1/ 7, /Satoshi:0.14.99/ 5, /Satoshi:10.0.1/ 2, /Satoshi:0.15.1/ 1, /Satoshi:1.16.2/ 1",
            "signs: never_released 10, missing_service 8",
            "age: 8615 dated, 922 not, median 161 days, older than 1, 2, 5 years: 0.139 0.041 0.001",
        ],
    );
}

#[test]
fn programs_of_2022_are_known() {
    check_list(
        "bitnodes_export_2022-09-14.json",
        &[
            "Bitcoin Core 13820, Bitcoin Knots 414, Omni Core 57, Bitcore's Bitcoin Core 35, bcoin 20, btcd 19, Gocoin 10, - 8, CKCoind 5, Bitnodes 4, KIT DSN 4, Bitcoin ABC 3, Bitcoin Unlimited 3, Statoshi 3, BitCore 1, Bitcoin Classic 1, Parity Bitcoin 1, The Real Bitcoin 1, btc1 1",
            "unknown: /Aurum:0.12.4/ 4, /QRSnap:23.0.0(PortlandHODL)/ 2, /FBI:22.1.2/ 1, /Ladybug:0.12.0/ 1",
            "impostors: /Satoshi:1.0.0/ 3, /Satoshi:0.18.7/ 2, /Satoshi:0.42.0/ 2, /Satoshi:23.99.0/ 2, /Satoshi:0.43.0/ 1",
            "signs: never_released 8, later_service 2",
            "age: 13945 dated, 465 not, median 366 days, older than 1, 2, 5 years: 0.625 0.093 0.006",
        ],
    );
}

fn node(addr: &str, user_agent: &str) -> Visit {
    complete(addr, user_agent.as_bytes(), 900_000)
}

fn nameless(addr: &str) -> Visit {
    let mut visit = complete(addr, b"", 900_000);
    visit.call.heard.version.as_mut().unwrap().user_agent = None;
    visit
}

fn signs_of(visit: Visit) -> Vec<&'static str> {
    let agents = Agents::of(&snapshot(&[visit]));
    agents
        .impostors
        .value
        .listed
        .into_iter()
        .flat_map(|it| it.signs)
        .collect()
}

#[track_caller]
fn check_signs(user_agent: &str, protocol_version: i32, services: u64, expected: &str) {
    let mut visit = node("1.0.0.1:8333", user_agent);
    let version = visit.call.heard.version.as_mut().unwrap();
    version.protocol_version = protocol_version;
    version.services = services;
    assert_eq!(signs_of(visit).join(" "), expected, "{user_agent}");
}

/// Checks how many of a list's nodes are of which program, and which are unknown or cannot be what they say.
#[track_caller]
fn check_list(file: &str, expected: &[&str]) {
    let dir = env::var_os("BITCENSUS_DATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")),
        PathBuf::from,
    );
    let Ok(text) = fs::read(dir.join("snapshots").join(file)) else {
        println!("skipped: no test data ({file})");
        return;
    };
    let mut visits = Vec::new();
    listing::read_list(&text, 8333, |it| {
        let said = it.said.unwrap();
        let mut visit = node("1.0.0.1:8333", "");
        visit.addr = it.addr;
        visit.call.heard.version_payload = None;
        let version = visit.call.heard.version.as_mut().unwrap();
        version.user_agent = said.user_agent.map(String::into_bytes);
        version.protocol_version = i32::try_from(said.protocol_version.unwrap()).unwrap();
        version.services = said.services.unwrap();
        visits.push(visit);
    })
    .unwrap();
    let mut snapshot = snapshot(&visits);
    let taken_at = file.trim_matches(|it: char| !it.is_ascii_digit());
    let taken_at: Date = taken_at.parse().unwrap();
    let taken_at = taken_at.to_zoned(jiff::tz::TimeZone::UTC).unwrap();
    snapshot.crawl.finished_at_us = Some(taken_at.timestamp().as_microsecond());
    let agents = Agents::of(&snapshot);
    let implementations = agents.implementations.value.iter();
    let implementations = implementations
        .map(|it| format!("{} {}", it.implementation.map_or("-", |it| it.name), it.n));
    let impostors = &agents.impostors.value;
    let signs = impostors
        .signs
        .iter()
        .map(|it| format!("{} {}", it.sign, it.n));
    let age = agents.age.value.as_ref().unwrap();
    let seen = [
        implementations.collect::<Vec<_>>().join(", "),
        format!("unknown: {}", names(&agents.unknown.value.rows)),
        format!("impostors: {}", names(&impostors.user_agents.rows)),
        format!("signs: {}", signs.collect::<Vec<_>>().join(", ")),
        format!(
            "age: {} dated, {} not, median {} days, older than 1, 2, 5 years: {:.3} {:.3} {:.3}",
            age.n_dated,
            age.n_undated,
            age.median_days,
            age.older_than_1_year_share,
            age.older_than_2_years_share,
            age.older_than_5_years_share,
        ),
    ];
    assert_eq!(seen, expected);
}
