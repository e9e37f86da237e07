use serde_json::{Value, json};

use super::mmdb::writer::written;
use super::*;

#[test]
fn without_any_file_there_are_countries() {
    let databases = Databases::default();
    check(&databases, "8.8.8.8:8333", json!({"country": "US"}));
    check(&databases, "[2a01:4f8::1]:8333", json!({"country": "DE"}));
}

#[test]
fn what_is_in_no_place_has_none() {
    // Everything is in AS 749 by this map, as by those that fill their gaps.
    let databases = Databases::default().with_asmap(asmap());
    for addr in [
        "10.0.0.1:8333",
        "127.0.0.1:8333",
        "192.0.2.1:8333",
        "240.0.0.1:8333",
        "[2001:db8::1]:8333",
        "[fe80::1]:8333",
        "[64:ff9b::a00:1]:8333",
        "[fc00::1]:8333",
        "3g2upl4pq6kufc4m.onion:8333",
        "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion:8333",
        "ukeu3k5oycgaauneqgtnvselmt4yemvoilkln7jpvamvfx7dnkdq.b32.i2p:0",
    ] {
        check(&databases, addr, json!({}));
    }
}

#[test]
fn ipv6_that_leads_to_ipv4_is_where_that_is() {
    let databases = Databases::default().with_mmdb(mmdb(&[(
        "8.8.8.0/24",
        json!({"country_code": "CH", "city": "Zug"}),
    )]));
    let expected = json!({"country": "CH", "city": "Zug"});
    for addr in [
        "8.8.8.8:8333",
        "8.8.8.8:0",
        "[2002:808:808::1]:8333",
        "[64:ff9b::808:808]:8333",
        "[2001:0:1:2::f7f7:f7f7]:8333",
    ] {
        check(&databases, addr, expected.clone());
    }
}

#[test]
fn files_go_before_the_asmap_and_that_before_what_is_embedded() {
    let asns = [("8.8.8.0/24", json!({"asn": 13_335, "as_name": "Somebody"}))];
    let databases = Databases::default()
        .with_asmap(asmap())
        .with_mmdb(mmdb(&asns));
    check(
        &databases,
        "8.8.8.8:8333",
        json!({"country": "US", "asn": 13_335, "organisation": "Somebody"}),
    );
    check(
        &databases,
        "8.8.4.4:8333",
        json!({"country": "US", "asn": 749, "organisation": "United States Department of Defense (DoD)"}),
    );
}

#[test]
fn who_knows_the_city_goes_before_who_knows_the_country() {
    let countries = mmdb(&[("8.8.0.0/16", json!({"country_code": "FR"}))]);
    let cities = mmdb(&[
        (
            "8.8.8.0/24",
            json!({"country_code": "DE", "city": "Berlin"}),
        ),
        ("8.8.4.0/24", json!({"country_code": "DE"})),
    ]);
    let other = mmdb(&[("8.8.0.0/16", json!({"country_code": "CH", "city": "Zug"}))]);
    let databases = Databases::default().with_mmdb(countries).with_mmdb(cities);
    let berlin = json!({"country": "DE", "city": "Berlin"});
    check(&databases, "8.8.8.8:8333", berlin.clone());
    check(&databases, "8.8.4.4:8333", json!({"country": "FR"}));
    let databases = databases.with_mmdb(other);
    check(&databases, "8.8.8.8:8333", berlin);
    check(
        &databases,
        "8.8.4.4:8333",
        json!({"country": "CH", "city": "Zug"}),
    );
}

#[test]
fn names_are_those_that_a_resolver_gave() {
    let mut names = Names::default();
    names.learn([8, 8, 8, 8].into(), Some("dns.google".to_owned()), 0);
    names.learn([10, 0, 0, 1].into(), Some("router".to_owned()), 0);
    let databases = Databases::default().with_names(names);
    check(
        &databases,
        "8.8.8.8:8333",
        json!({"country": "US", "hostname": "dns.google"}),
    );
    check(&databases, "10.0.0.1:8333", json!({}));
}

#[test]
fn what_came_with_an_import_goes_first() {
    let listed = Place {
        country: Some("FR".to_owned()),
        asn: Some(24_940),
        ..Place::default()
    };
    let known = HashMap::from([(addr("8.8.8.8:8333"), listed)]);
    let cities = mmdb(&[(
        "8.8.0.0/16",
        json!({"country_code": "US", "city": "Reston", "asn": 3_356, "as_name": "Level 3", "timezone": "America/New_York"}),
    )]);
    let known = Known::new(known, Databases::default().with_mmdb(cities));
    check(
        &known,
        "8.8.8.8:8333",
        json!({"country": "FR", "asn": 24_940}),
    );
    check(
        &known,
        "8.8.4.4:8333",
        json!({"country": "US", "asn": 3_356, "organisation": "Level 3", "city": "Reston", "timezone": "America/New_York"}),
    );
}

#[test]
fn what_is_missing_is_said_in_one_sentence() {
    let hint = |it: &Databases| it.hint().unwrap_or_default();
    let none = Databases::default();
    assert!(hint(&none).starts_with("AS numbers, cities and positions are unknown: "));
    let asns = none.with_asmap(asmap());
    assert!(hint(&asns).starts_with("cities and positions are unknown: "));
    let both = asns.with_mmdb(mmdb(&[("8.8.8.0/24", json!({"city": "Zug"}))]));
    assert_eq!(both.hint(), None);
}

fn asmap() -> Asmap {
    // RETURN 749: a zero for it, a zero for 15 bits, then 748 in them.
    Asmap::parse(vec![0x80, 0x6e, 0x00]).unwrap()
}

fn mmdb(records: &[(&str, Value)]) -> Mmdb {
    Mmdb::parse(written("Test", records)).unwrap()
}

fn addr(text: &str) -> PeerAddr {
    PeerAddr::parse(text, 8333).unwrap()
}

/// Compares all that is known; what `expected` leaves out is unknown.
#[track_caller]
fn check(atlas: &impl Atlas, text: &str, expected: Value) {
    let expected: Place = serde_json::from_value(expected).unwrap();
    assert_eq!(atlas.place(&addr(text)), expected, "{text}");
}
