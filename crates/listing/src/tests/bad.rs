//! Lists that are broken, where every entry must be read: one line names the place.

use std::io::BufReader;

use super::*;
use crate::text::MAX_ROW;

const BITNOD_ES: &str =
    "export_date,ip_address,port,country,isp,services,protocol_version,user_agent,block_height\n";
const DUMP_LINE: &str = "1.2.3.4:8333 1 1549113737 100.00% 100.00% 100.00% 100.00% 99.99% 561219 0000001d 70015 \"/Satoshi:0.15.1/\"\n";
const OWN_LINE: &str = r#"{"address":"1.2.3.4:8333","outcome":"complete","services":9}"#;

#[test]
fn a_cut_file_is_named_by_where_it_ends() {
    check_refused(
        "{\"timestamp\": 1, \"nodes\": {\n\"1.2.3.4:8333\": [1, \"/x/\", 2, 3, 4],\n\"1.2.3.5:83",
        "1 read | malformed JSON at line 3, column 11, after 1 nodes: EOF while parsing a string; none of them is used",
    );
    check_refused(
        &format!("{OWN_LINE}\n{}", &OWN_LINE[..50]),
        "1 read | line 2, `{\"address\":\"1.2.3.4:8333\",\"outcome\":\"complete\",\"se`: no JSON object: \
         EOF while parsing a string at column 50; nothing of the list is used",
    );
    check_refused(
        &format!("{DUMP_LINE}1.2.3.5:8333 1 15491137"),
        "1 read | line 2, `1.2.3.5:8333 1 15491137`: a row of 3 columns, expected 12; nothing of the list is used",
    );
    check_refused(
        &format!("{BITNOD_ES}2026-08-01,1.2.3.4,8333,DE,x,1,2,/x/,4\n2026-08-01,1.2.3.5,8333,\"DE"),
        "1 read | line 3, `2026-08-01,1.2.3.5,8333,DE`: a row of 4 columns, expected 9; nothing of the list is used",
    );
}

#[test]
fn what_is_passed_over_is_no_deeper_than_anything_sensible() {
    let nodes = r#""nodes": {"1.2.3.4:8333": [70016, "/x/", 1, 2, 3]}"#;
    let nested = |n| format!(r#"{{"x": {}7{}, {nodes}}}"#, "[".repeat(n), "]".repeat(n));
    check_refused(
        &nested(1_000),
        "0 read | malformed JSON at line 1, column 133, after 0 nodes: recursion limit exceeded; none of them is used",
    );
    let long = "9,".repeat(2 * MAX_ROW);
    let wide = format!(r#"{{"x": [{{"y": [{long}"z"]}}], {nodes}}}"#);
    for list in [nested(100), wide] {
        let read = read_stream(list.as_bytes(), 8333, OnBad::Fail, &mut |_| Ok(()));
        assert_eq!(read.unwrap().n_read, 1);
    }
}

#[test]
fn wrong_types_are_named_by_their_field() {
    check_refused(
        "[\n[\"1.2.3.4\", 8333, 70016, \"/x/\", 1, 2, 3, {\"a\": 1}, null, null, 0, 0, null, null, null]]",
        "0 read | line 2, `[\"1.2.3.4\", 8333, 70016, \"/x/\", 1, 2, 3, {\"a\": 1}, null, null, 0, 0, null, null…`: \
         its host name should be text, not {\"a\": 1}; nothing of the list is used",
    );
    check_refused(
        &OWN_LINE.replace(":9}", ":[9]}"),
        "0 read | line 1, `{\"address\":\"1.2.3.4:8333\",\"outcome\":\"complete\",\"services\":[9]}`: \
         its services should be a whole number, not [9]; nothing of the list is used",
    );
    check_refused(
        &OWN_LINE.replace("complete", "gone"),
        "0 read | line 1, `{\"address\":\"1.2.3.4:8333\",\"outcome\":\"gone\",\"services\":9}`: \
         its outcome should be a published word, not gone; nothing of the list is used",
    );
    check_refused(
        &DUMP_LINE.replace("0000001d", "000000xd"),
        "0 read | line 1, `1.2.3.4:8333 1 1549113737 100.00% 100.00% 100.00% 100.00% 99.99% 561219 000000x…`: \
         its services should be hexadecimal digits, not 000000xd; nothing of the list is used",
    );
}

#[test]
fn a_text_is_no_longer_than_a_node_can_send_it() {
    let row = |user_agent: &str| {
        format!(r#"{{"nodes": {{"1.2.3.4:8333": [70016, "{user_agent}", 1, 2, 3]}}}}"#)
    };
    let longest = "\u{fffd}".repeat(65_536);
    let read = read_stream(row(&longest).as_bytes(), 8333, OnBad::Fail, &mut |_| Ok(()));
    assert_eq!(read.unwrap().n_read, 1);
    let payload = "00".repeat(65_537);
    let visit = OWN_LINE.replace("9}", &format!("9,\"version_payload_hex\":\"{payload}\"}}"));
    let refused = [
        (
            row(&"z".repeat(65_537)),
            "its user agent should be text of up to 65,536 characters, not zzz",
        ),
        (
            visit,
            "its version_payload_hex should be up to 65,536 pairs of hexadecimal digits, not 000",
        ),
    ];
    for (list, expected) in refused {
        let read = read_stream(list.as_bytes(), 8333, OnBad::Fail, &mut |_| Ok(()));
        let why = read.unwrap_err().to_string();
        assert!(why.contains(expected), "{why}");
    }
}

#[test]
fn a_row_of_fourteen_values_is_none() {
    check_refused(
        r#"{"nodes": {"1.2.3.4:8333": [70016, "/x/", 1, 2, 3, null, null, null, 0, 0, null, null, null, null]}}"#,
        "0 read | line 1, `\"1.2.3.4:8333\": [70016, \"/x/\", 1, 2, 3, null, null, null, 0, 0, null, null, nul…`: \
         a row of 14 values, expected 5, 13 or 15; nothing of the list is used",
    );
    check_refused(
        &format!("{BITNOD_ES}2026-08-01,1.2.3.4,8333,DE,x,1,2,/x/,4,5\n"),
        "0 read | line 2, `2026-08-01,1.2.3.4,8333,DE,x,1,2,/x/,4,5`: a row of 10 columns, expected 9; nothing of the list is used",
    );
}

#[test]
fn a_time_before_1970_or_after_9999_is_none() {
    check_refused(
        r#"{"nodes": {"1.2.3.4:8333": [70016, "/x/", -1, 2, 3]}}"#,
        "0 read | line 1, `\"1.2.3.4:8333\": [70016, \"/x/\", -1, 2, 3]`: \
         its connection time should be a time in seconds since 1970, not -1; nothing of the list is used",
    );
    check_refused(
        &DUMP_LINE.replace("1549113737", "999999999999"),
        "0 read | line 1, `1.2.3.4:8333 1 999999999999 100.00% 100.00% 100.00% 100.00% 99.99% 561219 00000…`: \
         its last success should be a time in seconds since 1970, not 999999999999; nothing of the list is used",
    );
    check_refused(
        &format!("{BITNOD_ES}2026-13-01,1.2.3.4,8333,DE,x,1,2,/x/,4\n"),
        "0 read | line 2, `2026-13-01,1.2.3.4,8333,DE,x,1,2,/x/,4`: its export_date should be a date, not 2026-13-01; nothing of the list is used",
    );
}

#[test]
fn lines_are_counted_through_new_lines_inside_a_text() {
    check_refused(
        &format!(
            "{BITNOD_ES}2026-08-01,1.2.3.4,8333,DE,x,1,2,\"/a,\n\"\"b\"\"\n/\",4\n2026-08-01,1.2.3,8333,DE,x,1,2,/x/,4\n"
        ),
        "1 read | line 5, `2026-08-01,1.2.3,8333,DE,x,1,2,/x/,4`: it is no IPv4, IPv6, CJDNS, .onion or .b32.i2p address; \
         nothing of the list is used",
    );
}

#[test]
fn an_entry_without_end_takes_no_more_than_it_may() {
    let long = "x".repeat(2 * MAX_ROW);
    let too_long = |line| {
        format!("the entry at line {line} is longer than 1 MiB; nothing of the list is used")
    };
    let check = |list: &str, n_read, line| {
        check_refused(list, &format!("{n_read} read | {}", too_long(line)));
    };
    check(&format!("1.2.3.4\n{long}"), 1, 2);
    check(&format!("{OWN_LINE}\n{{\"address\":\"{long}\"}}"), 1, 2);
    check(
        &format!("{BITNOD_ES}2026-08-01,1.2.3.4,8333,DE,\"{long}"),
        0,
        2,
    );
    check(&format!("[\"1.2.3.4\",\n\"{long}\"]"), 1, 2);
    check(&format!("{{\"nodes\":\n{{\"{long}\":null}}}}"), 0, 2);
    check(&format!("{{\"nodes\":\n\"{long}\"}}"), 0, 2);
}

#[test]
fn what_is_no_list_is_told_by_what_it_is() {
    check_refused(
        r#"{"3a1f9c0de4b25f6a7c81": {"services": 1033, "versionid": 70016, "versionstr": "/x/"}}"#,
        "0 read | it looks like a dossier of the KIT, which names nodes by hashes: there are no addresses in it",
    );
    check_refused(
        "BZh91AY&SY",
        "0 read | it is packed by bzip2: unpack it first, or give it in another format",
    );
    check_refused(
        "name,ip,date\nx,1.2.3.4,5\n",
        &format!(
            "0 read | it is a table with the columns `name,ip,date`, which no known format has: {EXPECTED}"
        ),
    );
}

#[test]
fn what_can_not_be_read_is_skipped_where_that_is_allowed() {
    let list = format!("{DUMP_LINE}{}junk\n{DUMP_LINE}", "x".repeat(9));
    let mut n_seen = 0;
    let report = read_list(list.as_bytes(), 8333, |_| n_seen += 1).unwrap();
    assert_eq!((n_seen, report.n_read, report.skipped.n), (2, 2, 1));
    assert_eq!(report.skipped.first[0].line, 2);
}

#[test]
fn whoever_takes_the_nodes_may_end_the_reading() {
    for list in [
        "1.2.3.4\n1.2.3.5\n",
        "[\"1.2.3.4\",\"1.2.3.5\"]",
        &DUMP_LINE.repeat(2),
        &format!("{BITNOD_ES}2026-08-01,1.2.3.4,8333,DE,x,1,2,/x/,4\n").repeat(2),
    ] {
        let mut n_seen = 0;
        let read = read_stream(list.as_bytes(), 8333, OnBad::Fail, &mut |_| {
            n_seen += 1;
            Err(io::Error::other("enough"))
        });
        let error = read.unwrap_err();
        assert!(matches!(error, ListError::Taker(_)), "{error}");
        assert_eq!((n_seen, error.to_string().as_str()), (1, "enough"));
    }
}

proptest! {
    #[test]
    fn any_text_that_resembles_a_table_is_a_list_or_an_error(
        pieces in prop::collection::vec(
            prop::sample::select(vec![
                BITNOD_ES, DUMP_LINE, OWN_LINE, "{\"PeerID\":\"1.2.3.4:1\",\"NeighborIDs\":[\"1.2.3.4\"]}", "\n", "\"", ",", "{",
                "}", "[", "1.2.3.4", "2026-08-01", "8333", "-1", "é", "\u{1b}", "null", "\"nodes\":", "\"data\":", "99.99%",
                "host,port,handshake_timestamp,latest_block\n", "addr_address,addr_port,result_success\n",
                "address,network,outcome\n", "\"outcome\":\"complete\"",
            ]),
            0..20,
        )
    ) {
        let text = pieces.concat();
        let mut n_seen = 0;
        match read_list(text.as_bytes(), 8333, |_| n_seen += 1) {
            Ok(report) => prop_assert_eq!(report.n_read, n_seen),
            Err(_) => prop_assert_eq!(n_seen, 0, "nothing is half used"),
        }
    }
}

/// Reads in small pieces, as from a pipe.
#[track_caller]
fn check_refused(list: &str, expected: &str) {
    let mut n_read = 0;
    let input = BufReader::with_capacity(1_000, list.as_bytes());
    let error = read_stream(input, 8333, OnBad::Fail, &mut |_| {
        n_read += 1;
        Ok(())
    });
    let error = error.expect_err("it can not be read");
    assert_eq!(format!("{n_read} read | {error}"), expected);
}
