use std::fs;
use std::path::Path;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::writer::written;
use super::*;

#[test]
fn a_file_of_maxminds_own_kind_is_read() {
    check(
        &fixture(),
        "8.8.8.8",
        r#"{"country":"US","asn":15169,"organisation":"Google LLC","city":"Mountain View","latitude":37.4,"longitude":-122.1,"timezone":"America/Los_Angeles","hostname":null}"#,
    );
    check(
        &fixture(),
        "2a01:4f8::1",
        r#"{"country":"DE","asn":null,"organisation":null,"city":null,"latitude":null,"longitude":null,"timezone":null,"hostname":null}"#,
    );
    check(&fixture(), "9.9.9.9", NOWHERE);
}

#[test]
fn files_of_others_are_read() {
    let flat = json!({"country_code": "us", "city": "Berlin", "latitude": 52.5, "longitude": "13.4", "timezone": "Europe/Berlin"});
    check(
        &one(flat),
        "1.2.3.4",
        r#"{"country":"US","asn":null,"organisation":null,"city":"Berlin","latitude":52.5,"longitude":13.4,"timezone":"Europe/Berlin","hostname":null}"#,
    );
    let written_out = json!({"country": "FR", "asn": "AS13335", "as_name": "Cloudflare", "lat": "48.8", "lng": "2.3"});
    check(
        &one(written_out),
        "1.2.3.4",
        r#"{"country":"FR","asn":13335,"organisation":"Cloudflare","city":null,"latitude":48.8,"longitude":2.3,"timezone":null,"hostname":null}"#,
    );
}

#[test]
fn what_makes_no_sense_is_left_out() {
    let senseless = json!({
        "country": {"iso_code": "Germany"},
        "city": {"names": {"en": "x".repeat(201)}},
        "location": {"latitude": 91.0, "longitude": 13.4, "time_zone": ["Europe/Berlin"]},
        "autonomous_system_number": 0,
        "autonomous_system_organization": "",
    });
    check(&one(senseless), "1.2.3.4", NOWHERE);
    check(&one(json!("a text")), "1.2.3.4", NOWHERE);
    check(&one(json!({"asn": "AS"})), "1.2.3.4", NOWHERE);
    check(&one(json!({"asn": 5_000_000_000_u64})), "1.2.3.4", NOWHERE);
}

#[test]
fn a_file_says_what_it_is_and_has() {
    let mmdb = Mmdb::parse(fixture()).unwrap();
    assert_eq!(
        (mmdb.kind(), mmdb.built_at_s()),
        ("Test-City", 1_700_000_000)
    );
    let all = Contents {
        countries: true,
        cities: true,
        positions: true,
        asns: true,
    };
    assert_eq!(mmdb.contents(), all);
    let countries = Mmdb::parse(one(json!({"country_code": "DE"}))).unwrap();
    let expected = Contents {
        countries: true,
        ..Contents::default()
    };
    assert_eq!(countries.contents(), expected);
}

#[test]
fn what_is_no_such_file_is_told_in_one_line() {
    for bytes in [
        b"".to_vec(),
        b"not a database".to_vec(),
        fixture()[..200].to_vec(),
    ] {
        let error = Mmdb::parse(bytes).unwrap_err().to_string();
        assert!(
            error.starts_with("no file of MaxMind's format: "),
            "{error}"
        );
        assert_eq!(error.lines().count(), 1);
    }
}

/// The file that the tests of the command take is the one that is written here.
#[test]
fn the_fixture_is_what_the_writer_writes() {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/city.mmdb"));
    assert_eq!(fs::read(path).unwrap(), fixture());
}

proptest! {
    #[test]
    fn damage_is_refused_or_gives_nothing_worse_than_a_wrong_place(
        changed in prop::collection::vec(any::<(prop::sample::Index, u8)>(), 1..8),
        ip: [u8; 16],
    ) {
        let mut bytes = fixture();
        for (at, byte) in changed {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(mmdb) = Mmdb::parse(bytes) {
            for ip in [IpAddr::from(ip), IpAddr::from([8, 8, 8, 8])] {
                let place = mmdb.place(ip);
                prop_assert!(place.country.is_none_or(|it| it.len() == 2));
                prop_assert!(place.city.is_none_or(|it| it.chars().count() <= MAX_TEXT_CHARS));
            }
            mmdb.contents();
        }
    }
}

const NOWHERE: &str = r#"{"country":null,"asn":null,"organisation":null,"city":null,"latitude":null,"longitude":null,"timezone":null,"hostname":null}"#;

fn fixture() -> Vec<u8> {
    let california = json!({
        "country": {"iso_code": "US", "names": {"en": "United States"}},
        "city": {"names": {"de": "Mountain View, Kalifornien", "en": "Mountain View"}},
        "location": {"latitude": 37.4, "longitude": -122.1, "time_zone": "America/Los_Angeles"},
        "autonomous_system_number": 15_169,
        "autonomous_system_organization": "Google LLC",
    });
    let germany = json!({"country": {"iso_code": "DE"}});
    written(
        "Test-City",
        &[("8.8.8.0/24", california), ("2a01:4f8::/32", germany)],
    )
}

fn one(record: Value) -> Vec<u8> {
    written("Test", &[("1.2.3.0/24", record)])
}

#[track_caller]
fn check(bytes: &[u8], ip: &str, expected: &str) {
    let mmdb = Mmdb::parse(bytes.to_vec()).unwrap();
    let place = mmdb.place(ip.parse().unwrap());
    assert_eq!(serde_json::to_string(&place).unwrap(), expected);
}
