//! What there is to look addresses up in: shown, brought, asked.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::thread;

use serde_json::{Value, json};

use super::place::{Ended, Place};

/// Says that everything is in AS 749: an instruction to return, and the number less one in fifteen bits.
const ASMAP: [u8; 3] = [0x80, 0x6e, 0x00];

#[test]
fn without_any_file_there_are_countries_and_a_hint() {
    let place = Place::new();
    let ended = place.run("data lookup 8.8.8.8 [2a01:4f8::1]:8333 10.0.0.1 --json");
    let expected = json!([
        {"address": "8.8.8.8:8333", "place": place_of(&[("country", json!("US"))])},
        {"address": "[2a01:4f8::1]:8333", "place": place_of(&[("country", json!("DE"))])},
        {"address": "10.0.0.1:8333", "place": place_of(&[])},
    ]);
    check_json(&ended, &expected);
    assert_eq!(ended.stderr.lines().count(), 1, "{ended:?}");
    assert!(
        ended.stderr.contains("`bitcensus data update`"),
        "{ended:?}"
    );
    assert!(place.files().is_empty(), "looking up leaves nothing behind");
}

#[test]
fn a_file_that_was_brought_is_found() {
    let place = Place::new();
    place.write("some.dat", ASMAP);
    place.write("City.mmdb", city());
    for from in ["some.dat", "City.mmdb"] {
        let ended = place.run(&format!("data update --from {from}"));
        assert_eq!(
            (ended.code, ended.stderr.as_str()),
            (Some(0), ""),
            "{ended:?}"
        );
    }
    assert_eq!(kept(&place, "asmap.dat"), ASMAP);
    assert_eq!(kept(&place, "City.mmdb"), city());
    let ended = place.run("data lookup 8.8.8.8 8.8.4.4 --json");
    let expected = json!([
        {"address": "8.8.8.8:8333", "place": place_of(&[
            ("country", json!("US")),
            ("asn", json!(15169)),
            ("organisation", json!("Google LLC")),
            ("city", json!("Mountain View")),
            ("latitude", json!(37.4)),
            ("longitude", json!(-122.1)),
            ("timezone", json!("America/Los_Angeles")),
        ])},
        {"address": "8.8.4.4:8333", "place": place_of(&[
            ("country", json!("US")),
            ("asn", json!(749)),
            ("organisation", json!("United States Department of Defense (DoD)")),
        ])},
    ]);
    check_json(&ended, &expected);
    assert_eq!(ended.stderr, "");
}

#[test]
fn a_file_comes_from_a_url() {
    let place = Place::new();
    let url = serve("200 OK", &city());
    let ended = place.run(&format!(
        "data update --from {url}/GeoLite2-City.mmdb?key=1"
    ));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let path = Path::new("bitcensus").join("GeoLite2-City.mmdb");
    let expected = format!("{}: 1,389 bytes\n", place.path("").join(path).display());
    assert_eq!(ended.stdout, expected);
    assert_eq!(kept(&place, "GeoLite2-City.mmdb"), city());
}

#[test]
fn what_is_there_is_shown_with_its_age_and_licence() {
    let place = Place::new();
    place.write("1700000000_asmap.dat", ASMAP);
    place.write("city.mmdb", city());
    place.run("data update --from 1700000000_asmap.dat");
    place.run("data update --from city.mmdb");
    let ended = place.run("data --json");
    assert_eq!(
        (ended.code, ended.stderr.as_str()),
        (Some(0), ""),
        "{ended:?}"
    );
    let shown: Value = serde_json::from_str(&ended.stdout).unwrap();
    let seen: Vec<_> = shown["sources"]
        .as_array()
        .unwrap()
        .iter()
        .map(brief)
        .collect();
    assert_eq!(
        seen[2..],
        [
            "asmap.dat, filled: what nobody announces is given to a neighbour: AS numbers, 2023-11-14, MIT",
            "city.mmdb, Test-City: countries, cities, positions, AS numbers, 2023-11-14, unknown; ask its maker",
        ]
    );
    assert!(seen[0].starts_with("iptocc, "), "{seen:?}");
    assert!(seen[1].starts_with("asinfo, "), "{seen:?}");
    assert_eq!(shown["hint"], Value::Null);
    let told = place.run("data").stdout;
    for part in [
        "asmap.dat",
        "Test-City",
        "2023-11-14, ",
        "GeoLite2 City",
        "bitcensus data update",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
}

#[test]
fn a_broken_file_replaces_nothing() {
    let place = Place::new();
    place.write("good.dat", ASMAP);
    place.run("data update --from good.dat");
    place.write("bad.dat", "hello");
    check_error(
        &place.run("data update --from bad.dat"),
        "bad.dat: no file of MaxMind's format, and no asmap of Bitcoin Core: ",
    );
    check_error(
        &place.run("data update --from nothing.dat"),
        "nothing.dat: No such file or directory",
    );
    let gone = format!("{}/asmap.dat", serve("404 Not Found", b"gone"));
    let ended = place.run(&format!("data update --from {gone}"));
    check_error(&ended, &format!("{gone} answered 404"));
    let cut = &city()[..1_000];
    check_error(
        &place.run(&format!(
            "data update --from {}/asmap.dat",
            serve("200 OK", cut)
        )),
        "asmap.dat: no file of MaxMind's format, and no asmap",
    );
    assert_eq!(kept(&place, "asmap.dat"), ASMAP);
    let dir = place.path("bitcensus");
    assert_eq!(
        fs::read_dir(dir).unwrap().count(),
        1,
        "nothing half-written"
    );
}

#[test]
fn a_file_that_is_named_must_be_sound_and_one_that_is_found_need_not() {
    let place = Place::new();
    place.write("asmap.dat", ASMAP);
    place.write("city.mmdb", city());
    place.write("bad.mmdb", &city()[..100]);
    let lookup = |flags: &str| place.run(&format!("data lookup 8.8.8.8 {flags}"));
    check_error(
        &lookup("--mmdb bad.mmdb"),
        "bad.mmdb: no file of MaxMind's format",
    );
    check_error(
        &lookup("--asmap bad.mmdb"),
        "bad.mmdb: no file of MaxMind's format",
    );
    check_error(
        &lookup("--asmap city.mmdb"),
        "city.mmdb is of MaxMind's format: say --mmdb city.mmdb",
    );
    check_error(
        &lookup("--mmdb asmap.dat"),
        "asmap.dat is an asmap: say --asmap asmap.dat",
    );
    check_error(
        &lookup("--asmap nothing"),
        "nothing: No such file or directory",
    );
    let ended = lookup("--asmap asmap.dat --mmdb city.mmdb");
    assert_eq!(
        (ended.code, ended.stderr.as_str()),
        (Some(0), ""),
        "{ended:?}"
    );

    fs::create_dir(place.path("bitcensus")).unwrap();
    place.write("bitcensus/bad.mmdb", &city()[..100]);
    place.write("bitcensus/city.mmdb", city());
    let ended = lookup("--asmap asmap.dat");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("Mountain View"), "{ended:?}");
    assert_eq!(ended.stderr.lines().count(), 1, "{ended:?}");
    assert!(
        ended
            .stderr
            .contains("bad.mmdb: no file of MaxMind's format"),
        "{ended:?}"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn without_a_network_an_update_says_so() {
    let place = Place::new();
    let Some(ended) = place.run_without_network("data update") else {
        return println!("skipped: this machine gives no network of one's own");
    };
    check_error(
        &ended,
        "the asmap is not there; one that was fetched by other means can be named with --from: \
         cannot connect to https://api.github.com/",
    );
}

#[cfg(target_os = "linux")]
#[test]
fn without_a_resolver_there_are_no_names() {
    let place = Place::new();
    fs::create_dir(place.path("bitcensus")).unwrap();
    let Some(ended) = place.run_without_network("data lookup 8.8.8.8 10.0.0.1 --rdns --json")
    else {
        return println!("skipped: this machine gives no network of one's own");
    };
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended
            .stderr
            .starts_with("names to ask the resolver for: 1\nnames that it did not tell: 1\n"),
        "{ended:?}"
    );
    let now_s = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    place.write(
        "bitcensus/names.tsv",
        format!("8.8.8.8\t{now_s}\tdns.google\n"),
    );
    let ended = place
        .run_without_network("data lookup 8.8.8.8 --rdns --json")
        .unwrap();
    let named = place_of(&[("country", json!("US")), ("hostname", json!("dns.google"))]);
    check_json(
        &ended,
        &json!([{"address": "8.8.8.8:8333", "place": named}]),
    );
    assert!(!ended.stderr.contains("resolver"), "{ended:?}");
}

fn city() -> Vec<u8> {
    fs::read(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../record/tests/data/city.mmdb"
    ))
    .unwrap()
}

/// What is in a file of the user's data directory.
fn kept(place: &Place, file: &str) -> Vec<u8> {
    fs::read(place.path("bitcensus").join(file)).unwrap()
}

/// A place of which this is known and nothing else.
fn place_of(known: &[(&str, Value)]) -> Value {
    let mut place = serde_json::to_value(record::places::Place::default()).unwrap();
    for (key, value) in known {
        place[*key] = value.clone();
    }
    place
}

/// Tells a source in one line, without what changes from day to day.
fn brief(source: &Value) -> String {
    let text = |key: &str| source[key].as_str().unwrap().to_owned();
    let name = text("name");
    let name = Path::new(&name).file_name().unwrap().to_string_lossy();
    let rest = ["good_for", "as_of", "licence"].map(text).join(", ");
    format!("{name}, {}: {rest}", text("kind"))
}

#[track_caller]
fn check_json(ended: &Ended, expected: &Value) {
    let seen: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{ended:?}"));
    assert_eq!((ended.code, &seen), (Some(0), expected), "{}", ended.stderr);
}

#[track_caller]
fn check_error(ended: &Ended, beginning: &str) {
    assert_eq!(
        (ended.code, ended.stdout.as_str()),
        (Some(1), ""),
        "{ended:?}"
    );
    let expected = format!("bitcensus: {beginning}");
    assert!(ended.stderr.starts_with(&expected), "{ended:?}");
    assert_eq!(ended.stderr.lines().count(), 1, "{ended:?}");
}

/// Answers one request on loopback, and returns where.
fn serve(status: &'static str, body: &[u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let body = body.to_vec();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let asked = BufReader::new(stream.try_clone().unwrap());
        let headers = asked
            .lines()
            .take_while(|it| !it.as_ref().unwrap().is_empty());
        assert!(headers.count() > 0);
        let length = body.len();
        let head =
            format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&body).unwrap();
    });
    url
}
