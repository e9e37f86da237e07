use proto::visit::Transport::{V1, V2};
use proto::{Outcome, Visit};

use super::*;
use crate::figures::made::{names, snapshot};
use crate::samples::{ONION, complete, failed};

#[test]
fn protocol_versions_are_told_with_what_they_brought() {
    let said = |addr, version: i32| changed(addr, |it| it.protocol_version = version);
    let mut untold = said("1.0.0.6:8333", 0);
    untold.call.heard.version_payload = None;
    let speech = Speech::of(&snapshot(&[
        said("1.0.0.1:8333", 70_016),
        said("1.0.0.2:8333", 70_016),
        said("1.0.0.3:8333", 70_001),
        said("1.0.0.4:8333", -7),
        said("1.0.0.5:8333", 0),
        untold,
    ]));
    let rows = speech.protocol_versions.value.iter().map(|it| {
        let release = it.first_release.as_deref().unwrap_or("-");
        let has_meaning = if it.meaning.is_some() { "+" } else { "-" };
        format!(
            "{} x {} {release} {has_meaning}",
            it.n,
            it.protocol_version.unwrap()
        )
    });
    let expected = [
        "2 x 70016 0.21.0, 2021-01-14 +",
        "1 x 70001 0.8.0, 2013-02-19 +",
        "1 x 0 - -",
        "1 x -7 - -",
    ];
    assert_eq!(rows.collect::<Vec<_>>(), expected);
}

#[test]
fn a_flood_of_invented_versions_is_counted_together() {
    let versions = (0..300u16).map(|i| {
        let addr = format!("1.0.{}.{}:8333", i / 200, i % 200);
        changed(&addr, |it| it.protocol_version = -i32::from(i))
    });
    let speech = Speech::of(&snapshot(&versions.collect::<Vec<_>>()));
    let counts = speech.protocol_versions.value;
    assert_eq!(counts.len(), N_VERSIONS + 1);
    assert_eq!(counts.iter().map(|it| it.n).sum::<u64>(), 300);
}

#[test]
fn services_are_counted_alone_and_together() {
    let offering = |addr, services| changed(addr, |it| it.services = services);
    let mut untold = offering("1.0.0.5:8333", 0);
    untold.call.heard.version_payload = None;
    let speech = Speech::of(&snapshot(&[
        offering("1.0.0.1:8333", 0xc09),
        offering("1.0.0.2:8333", 0xc09),
        offering("1.0.0.3:8333", 1 << 33),
        offering("1.0.0.4:8333", 0),
        untold,
    ]));
    let services = speech.services.value.iter();
    let services = services.map(|it| format!("{} {} {}", it.bit, it.name.unwrap_or("-"), it.n));
    let expected = "0 NETWORK 2, 3 WITNESS 2, 10 NETWORK_LIMITED 2, 11 P2P_V2 2, 33 - 1";
    assert_eq!(services.collect::<Vec<_>>().join(", "), expected);
    let combinations = speech.combinations.value.iter();
    let combinations =
        combinations.map(|it| format!("{} x {} ({})", it.n, it.names.join(" "), it.odd.join(" ")));
    let expected = [
        "2 x NETWORK WITNESS NETWORK_LIMITED P2P_V2 ()",
        "1 x  (nothing)",
        "1 x bit 33 (no_blocks unknown_bits)",
    ];
    assert_eq!(combinations.collect::<Vec<_>>(), expected);
    let odd = speech.odd_services.value.iter();
    let odd = odd.map(|it| format!("{} {}", it.odd, it.n));
    let expected = "nothing 1, no_blocks 1, unknown_bits 1";
    assert_eq!(odd.collect::<Vec<_>>().join(", "), expected);
}

#[test]
fn features_are_those_that_we_heard() {
    let announcing = complete("1.0.0.1:8333", b"", 1);
    let mut odd = complete("1.0.0.2:8333", b"", 1);
    let features = &mut odd.call.heard.features;
    features.sendaddrv2 = false;
    features.sendcmpct = vec![1, 9];
    features.feature = vec![("half".to_owned(), "00".to_owned())];
    features.unknown = vec!["hello".to_owned()];
    let mut cut = complete("1.0.0.3:8333", b"", 1);
    cut.call.outcome = Outcome::VersionOnly;
    let mut untold = complete("1.0.0.4:8333", b"", 1);
    untold.call.heard.version_payload = None;
    let speech = Speech::of(&snapshot(&[announcing, odd, cut, untold]));
    let counts = &speech.features.value;
    assert_eq!(counts.n, 2);
    let expected =
        "feefilter (BIP 133) 2, sendcmpct 1 (BIP 152) 1, sendaddrv2 (BIP 155) 1, sendcmpct 9 1";
    assert_eq!(names(&counts.messages), expected);
    assert_eq!(names(&speech.fee_rates.value.rows), "1000 2");
    assert_eq!(names(&speech.bip434_features.value.rows), "half 1");
    assert_eq!(names(&speech.unknown_commands.value.rows), "hello 1");
}

#[test]
fn v2_offered_is_held_against_v2_that_worked() {
    let spoke = |addr, services, transport, tried: &[_]| {
        let mut visit = changed(addr, |it| it.services = services);
        visit.call.transport = Some(transport);
        visit.call.tried = tried.to_vec();
        visit
    };
    let mut untold = spoke("1.0.0.9:8333", P2P_V2, V1, &[]);
    untold.call.transport = None;
    let speech = Speech::of(&snapshot(&[
        spoke("1.0.0.1:8333", P2P_V2, V2, &[]),
        spoke("1.0.0.2:8333", P2P_V2, V1, &[V2]),
        spoke("1.0.0.3:8333", P2P_V2, V1, &[]),
        spoke("1.0.0.4:8333", 0, V1, &[V2]),
        spoke(ONION, 0, V2, &[V1]),
        failed("1.0.0.5:8333", Outcome::V2Failed),
        untold,
    ]));
    let rows = speech.v2.value.iter().map(|it| {
        format!(
            "{}: {} of {} offered, {} worked, {} both, {} failed, {} not tried, {} unoffered, {} unreached",
            it.network,
            it.offered,
            it.n,
            it.worked,
            it.offered_and_worked,
            it.offered_and_failed,
            it.offered_and_not_tried,
            it.worked_unoffered,
            it.unreached,
        )
    });
    let expected = [
        "all: 3 of 5 offered, 2 worked, 1 both, 1 failed, 1 not tried, 1 unoffered, 1 unreached",
        "ipv4: 3 of 4 offered, 1 worked, 1 both, 1 failed, 1 not tried, 0 unoffered, 1 unreached",
        "onion: 0 of 1 offered, 1 worked, 0 both, 0 failed, 0 not tried, 1 unoffered, 0 unreached",
    ];
    assert_eq!(rows.collect::<Vec<_>>(), expected);
}

#[test]
fn every_table_has_its_columns() {
    let nodes = vec![complete("1.0.0.1:8333", b"", 1)];
    for section in Speech::of(&snapshot(&nodes)).sections() {
        let n_columns = section.table.columns.len();
        assert!(
            section.table.rows.iter().all(|it| it.len() == n_columns),
            "{}",
            section.key
        );
    }
}

const P2P_V2: u64 = proto::services::P2P_V2;

fn changed(addr: &str, change: impl Fn(&mut Version)) -> Visit {
    let mut visit = complete(addr, b"/Satoshi:29.0.0/", 900_000);
    change(visit.call.heard.version.as_mut().unwrap());
    visit
}
