//! Lists in every format, as they are and as they should not be.

mod bad;
mod others;
mod own;

use super::*;
use crate::error::EXPECTED;
use proptest::prelude::*;

const ONION: &str = "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion";
const I2P: &str = "ukeu3k5oycgaauneqgtnvselmt4yemvoilkln7jpvamvfx7dnkdq.b32.i2p";
const BAD_ONION: &str = "3g2upl4pq6kufc4mm.onion";

#[test]
fn plain_lists_have_an_address_a_line() {
    check(
        "1.2.3.4:8333\n5.6.7.8\n",
        "1.2.3.4:8333 | 5.6.7.8:8333 | plain text, 2 read, 0 skipped",
    );
    check(
        &format!("[2a01:4f8::1]:8334\n[fc00::1]:8333\n{ONION}:8333\n{I2P}:0"),
        &format!(
            "[2a01:4f8::1]:8334 | [fc00::1]:8333 | {ONION}:8333 | {I2P}:0 | plain text, 4 read, 0 skipped"
        ),
    );
}

#[test]
fn comments_blank_lines_other_columns_and_line_endings_are_no_matter() {
    check(
        "\u{feff}# Bitcoin Core\r\n\r\n   \n1.2.3.4:8333 # AS123\r\n  # indented\n\t5.6.7.8:8333#AS5\n9.9.9.9",
        "1.2.3.4:8333 AS123 | 5.6.7.8:8333 AS5 | 9.9.9.9:8333 | plain text, 3 read, 0 skipped",
    );
    check(
        "# address        good  lastSuccess    %(2h)  blocks      svcs  version\n\
         7.8.9.10:8333    1   1549113737  100.00%  561219  0000001d  70015 \"/Satoshi:0.15.1/\"\n",
        "7.8.9.10:8333 | plain text, 1 read, 0 skipped",
    );
}

#[test]
fn a_bad_line_is_named_and_the_rest_is_read() {
    check(
        &format!(
            "# seeds\n1.2.3.4:8333\n{BAD_ONION}:8333 1\n\n\u{1b}[31m example\n1.2.3.4:99999\n5.6.7.8\n"
        ),
        &format!(
            "1.2.3.4:8333 | 5.6.7.8:8333 | plain text, 2 read, 3 skipped \
             | 3 `{BAD_ONION}:8333 1` it is not a valid onion name \
             | 5 `\\u{{1b}}[31m example` it is no IPv4, IPv6, CJDNS, .onion or .b32.i2p address \
             | 6 `1.2.3.4:99999` its port is no number from 0 to 65535"
        ),
    );
}

#[test]
fn an_api_answer_has_rows_of_five_or_thirteen_values() {
    check(
        r#"{"timestamp": 1, "nodes": {"1.2.3.4:8333": [70016, "/Satoshi:27.1.0/", 1734410285, 3081, 877256]}, "new": {"a": [1]}}"#,
        "1.2.3.4:8333 70016 /Satoshi:27.1.0/ 1734410285 3081 877256 | bitnodes API answer, 1 read, 0 skipped",
    );
    check(
        r#"{"nodes":{"[2a01:4f8::1]:8333":[70016,"/Satoshi:27.1.0/",1734410285,3081,877256,"a.example","Gothenburg","SE",57.7,11.9,"Europe/Stockholm","AS34385","Tripnet AB"]}}"#,
        "[2a01:4f8::1]:8333 70016 /Satoshi:27.1.0/ 1734410285 3081 877256 a.example Gothenburg SE 57.7 11.9 \
         Europe/Stockholm AS34385 Tripnet AB | bitnodes API answer, 1 read, 0 skipped",
    );
}

#[test]
fn a_key_without_brackets_ends_in_its_port() {
    check(
        r#"{"nodes":{"2a01:4f8::1:8333":[1,null,null,null,null],"2a01::7":null,"2A01:1:2:3:4:5:6:7:18333":null}}"#,
        "[2a01:4f8::1]:8333 1 | [2a01::7]:8333 | [2a01:1:2:3:4:5:6:7]:18333 \
         | bitnodes API answer, 3 read, 0 skipped",
    );
}

#[test]
fn a_row_of_fifteen_values_brings_its_address() {
    let row = format!(
        r#"["{ONION}",8333,70016,"/x/",1663092550,1033,754002,null,null,null,0.0,0.0,null,"TOR","Tor network"]"#
    );
    check(
        &format!("[{row}]"),
        &format!(
            "{ONION}:8333 70016 /x/ 1663092550 1033 754002 0 0 TOR Tor network | bitnodes export, 1 read, 0 skipped"
        ),
    );
    check(
        r#"[["2a01:4f8::1", 8334, 1, "/x/", 2, 3, 4, null, null, null, null, null, null, null, null]]"#,
        "[2a01:4f8::1]:8334 1 /x/ 2 3 4 | bitnodes export, 1 read, 0 skipped",
    );
    check(
        &format!(r#"{{"nodes":{{"{ONION}:8333":{row}}}}}"#),
        &format!(
            "{ONION}:8333 70016 /x/ 1663092550 1033 754002 0 0 TOR Tor network | bitnodes API answer, 1 read, 0 skipped"
        ),
    );
}

#[test]
fn a_crawl_dump_says_services_and_height() {
    check(
        r#"[["1.2.3.4", 8333, 1033, 754002], ["2a01:4f8::1", 8333, 0, 0]]"#,
        "1.2.3.4:8333 1033 754002 | [2a01:4f8::1]:8333 0 0 | bitnodes crawl dump, 2 read, 0 skipped",
    );
}

#[test]
fn a_json_array_of_addresses_is_a_list_too() {
    check(
        r#" ["1.2.3.4:8334", "[2a01::1]:8333", "5.6.7.8", "1.2.3.4:8334"]"#,
        "1.2.3.4:8334 | [2a01::1]:8333 | 5.6.7.8:8333 | 1.2.3.4:8334 \
         | JSON array of addresses, 4 read, 0 skipped",
    );
}

#[test]
fn numbers_are_read_as_they_come() {
    check(
        r#"{"nodes":{"1.2.3.4:8333":["70016","/x/",1533579395.75,"1033",-1]}}"#,
        "1.2.3.4:8333 70016 /x/ 1533579395 1033 -1 | bitnodes API answer, 1 read, 0 skipped",
    );
    check(
        r#"{"nodes":{"1.2.3.4:8333":[70016,12,1e9,18446744073709551615,null]}}"#,
        "1.2.3.4:8333 70016 12 1000000000 18446744073709551615 | bitnodes API answer, 1 read, 0 skipped",
    );
}

#[test]
fn a_bad_row_is_named_by_its_line_and_the_rest_is_read() {
    check(
        r#"{"nodes": {
            "1.1.1.1:8333": [1, "/x/", 2, 3],
            "2.2.2.2:8333": [1, "/x/", 2, -3, 4],
            "3.3.3.3:8333":
                [1, [true], 2, 3, 4], "4.4.4.4:8333": {"a": 1},
            "5.5.5.5:8333": [1, "/x/", 2, 3, 4]
        }}"#,
        "5.5.5.5:8333 1 /x/ 2 3 4 | bitnodes API answer, 1 read, 4 skipped \
         | 2 `\"1.1.1.1:8333\": [1, \"/x/\", 2, 3]` a row of 4 values, expected 5, 13 or 15 \
         | 3 `\"2.2.2.2:8333\": [1, \"/x/\", 2, -3, 4]` its services should be a whole number, not -3 \
         | 4 `\"3.3.3.3:8333\": [1, [true], 2, 3, 4]` its user agent should be text, not [true] \
         | 5 `\"4.4.4.4:8333\": {\"a\": 1}` no row of 5, 13 or 15 values",
    );
    check(
        r#"[["1.1.1.1", 99999, 1, 2],
           ["2.2.2.2", 8333], 7,
           "example.org", ["3.3.3.3", null, 1, 2], ["9.9.9.9", "8333", 1, 2]]"#,
        "9.9.9.9:8333 1 2 | bitnodes crawl dump, 1 read, 5 skipped \
         | 1 `[\"1.1.1.1\", 99999, 1, 2]` its port is no number from 0 to 65535 \
         | 2 `[\"2.2.2.2\", 8333]` a row of 2 values, expected 4 or 15 \
         | 2 `7` neither a row nor an address \
         | 3 `\"example.org\"` it is no IPv4, IPv6, CJDNS, .onion or .b32.i2p address \
         | 3 `[\"3.3.3.3\", null, 1, 2]` its port is no number from 0 to 65535",
    );
}

#[test]
fn one_broken_user_agent_costs_nothing_else() {
    check(
        r#"{"nodes":{"1.2.3.4:8333":[1,"\ud83d",2,3,4],"5.6.7.8:8333":[1,"\u00e9\"",2,3,4]}}"#,
        "1.2.3.4:8333 1 \u{fffd}\u{fffd}\u{fffd} 2 3 4 | 5.6.7.8:8333 1 é\" 2 3 4 \
         | bitnodes API answer, 2 read, 0 skipped",
    );
    check_bytes(
        b"{\"nodes\":{\"1.2.3.4:8333\":[1,\"\xff\",2,3,4]}}",
        "1.2.3.4:8333 1 \u{fffd} 2 3 4 | bitnodes API answer, 1 read, 0 skipped",
    );
}

#[test]
fn malformed_json_is_refused_as_a_whole() {
    check(
        "{\"nodes\":{\"1.2.3.4:8333\":[1,\"/x/\",2,3,4],\n \"5.6.7.8:8333\":[1,\"/x/",
        "malformed JSON at line 2, column 23, after 1 nodes: EOF while parsing a string; none of them is used",
    );
    check(
        "[[\"1.2.3.4\",8333,1,2]] trailing",
        "malformed JSON at line 1, column 24, after 1 nodes: trailing characters; none of them is used",
    );
    check(
        "{",
        "malformed JSON at line 1, column 1, after 0 nodes: EOF while parsing an object; none of them is used",
    );
}

#[test]
fn a_file_in_which_nothing_can_be_read_says_what_was_expected() {
    check("", &format!("the list is empty: {EXPECTED}"));
    check(" \r\n\t", &format!("the list is empty: {EXPECTED}"));
    check(
        "# none\n",
        &format!("no node found in 0 entries: {EXPECTED}"),
    );
    check("[]", &format!("no node found in 0 entries: {EXPECTED}"));
    check(
        r#"{"detail": "Request was throttled."}"#,
        &format!("no node found in 0 entries: {EXPECTED}"),
    );
    check(
        r#"{"nodes": null}"#,
        &format!("no node found in 0 entries: {EXPECTED}"),
    );
    check(
        "<html>\n<body>\n",
        &format!(
            "no node found in 2 entries (line 1, `<html>`: \
             it is no IPv4, IPv6, CJDNS, .onion or .b32.i2p address): {EXPECTED}"
        ),
    );
}

#[test]
fn only_the_first_bad_lines_are_kept_and_only_their_beginnings() {
    let mut n_seen = 0;
    let text = format!("1.2.3.4\n{}", "é".repeat(200) + "\n").repeat(50);
    let report = read_list(text.as_bytes(), 8333, |_| n_seen += 1).unwrap();
    assert_eq!((n_seen, report.n_read, report.skipped.n), (50, 50, 50));
    assert_eq!(report.skipped.first.len(), MAX_SKIPPED_KEPT);
    assert_eq!(report.skipped.first[19].line, 40);
    assert_eq!(report.skipped.first[0].text, "é".repeat(79) + "…");
}

#[test]
fn a_row_nested_half_a_million_deep_is_only_odd() {
    let deep = "[".repeat(500_000) + &"]".repeat(500_000);
    check(
        &format!("[{deep}, \"1.2.3.4\"]"),
        &format!(
            "1.2.3.4:8333 | JSON array of addresses, 1 read, 1 skipped \
             | 1 `{}…` a row of 1 values, expected 4 or 15",
            "[".repeat(79)
        ),
    );
}

/// Prints how long a million lines take; run it with `--release --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn a_million_lines() {
    let plain: String = (0..1_000_000u32)
        .map(|it| format!("{}:8333\n", std::net::Ipv4Addr::from(0x0808_0000 + it)))
        .collect();
    let onion = format!("{ONION}:8333 # AS1\n").repeat(1_000_000);
    let row = r#"["8.8.8.8",8333,70016,"/Satoshi:22.0.0/",1663053985,1033,754002,"a.example.net","St Petersburg","RU",59.8,30.2,"Europe/Moscow","AS12389","Rostelecom"]"#;
    let rows = format!("[{row}{}]", format!(",{row}").repeat(999_999));
    for (name, text) in [("plain", plain), ("onion", onion), ("export", rows)] {
        let start = std::time::Instant::now();
        let report = read_list(text.as_bytes(), 8333, |_| ()).unwrap();
        assert_eq!(report.n_read, 1_000_000);
        println!(
            "{name}: {} MB in {:?}",
            text.len() / 1_000_000,
            start.elapsed()
        );
    }
}

proptest! {
    #[test]
    fn any_bytes_are_a_list_or_an_error(bytes: Vec<u8>) {
        let _ = read_list(&bytes, 8333, |_| ());
    }

    #[test]
    fn any_text_that_resembles_a_list_is_a_list_or_an_error(
        pieces in prop::collection::vec(
            prop::sample::select(vec![
                "{", "}", "[", "]", ",", ":", "\"nodes\"", "\"1.2.3.4:8333\"", "\"8.8.8.8\"", "8333", "null", "-1e9",
                "\"\\ud800\"", "\n", " ", "#", "1.2.3.4", "true", "é", "\"", "[1,2,3,4,5]", "[\"8.8.8.8\",1,2,3]",
            ]),
            0..20,
        )
    ) {
        let mut n_seen = 0;
        match read_list(pieces.concat().as_bytes(), 8333, |_| n_seen += 1) {
            Ok(report) => prop_assert_eq!(report.n_read, n_seen),
            Err(_) => prop_assert_eq!(n_seen, 0, "nothing is half used"),
        }
    }
}

#[track_caller]
fn check(text: &str, expected: &str) {
    check_bytes(text.as_bytes(), expected);
}

#[track_caller]
fn check_bytes(text: &[u8], expected: &str) {
    let mut seen = Vec::new();
    match read_list(text, 8333, |node| seen.push(show(&node))) {
        Ok(report) => {
            seen.push(format!(
                "{}, {} read, {} skipped",
                report.format, report.n_read, report.skipped.n
            ));
            let first = report.skipped.first.iter();
            seen.extend(first.map(|it| format!("{} `{}` {}", it.line, it.text, it.why)));
        }
        Err(error) => seen.push(error.to_string()),
    }
    assert_eq!(seen.join(" | "), expected);
}

fn show(node: &ListedNode) -> String {
    let mut words = vec![node.addr.to_string()];
    if let Some(said) = &node.said {
        let number = |it: Option<i64>| it.map(|it| it.to_string());
        let degrees = |it: Option<f64>| it.map(|it| it.to_string());
        words.extend(
            [
                number(said.protocol_version),
                said.user_agent.clone(),
                number(said.connected_since),
                said.services.map(|it| it.to_string()),
                number(said.height),
                said.hostname.clone(),
                said.city.clone(),
                said.country.clone(),
                degrees(said.latitude),
                degrees(said.longitude),
                said.timezone.clone(),
                said.asn.clone(),
                said.organisation.clone(),
            ]
            .into_iter()
            .flatten(),
        );
    }
    words.join(" ")
}
