//! The codec against what real nodes sent and what other projects test theirs with.
//!
//! That data belongs to others, so it is not in the project: it is read from `$BITCENSUS_DATA`, or from `shared/data`
//! beside the checkout, and the project's own small fixtures run through the same checks everywhere.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use data_encoding::HEXLOWER;
use proto::addr::HostError;
use proto::command::{HEADERS, VERSION};
use proto::framing::v1::{Decoder, FrameError, HeaderForm};
use proto::framing::v2::keys::{Keys, Role, Secret, SideKeys};
use proto::framing::v2::packet::{Cipher, Kind};
use proto::gossip::Claim;
use proto::limits::{MAX_PAYLOAD, MAX_V2_CONTENTS};
use proto::{Chain, Command, Host, Message, gossip};
use secp256k1::PublicKey;
use secp256k1::ellswift::ElligatorSwift;
use serde_json::Value;
use sha2::{Digest, Sha256};

#[test]
fn payloads_of_real_nodes_come_back_byte_for_byte() {
    check_payloads(
        OWN_PAYLOADS,
        "1 addr, 2 entries in addr, 3 version, 1 version of 46 bytes, 1 version without relay byte",
    );
    if let Some(text) = shared("vectors/lesson/version_addr_payloads_2018-08-26.jsonl") {
        check_payloads(
            &text,
            "2641 addr, 5285 entries in addr, 3761 version, 12 version without relay byte",
        );
    }
}

#[test]
fn the_messages_of_the_lesson_are_read() {
    check_lesson(OWN_LESSON, "framed 70015 /own:1.0/, bare 60002 /own:1.0/");
    if let Some(text) = shared("vectors/lesson/lesson_messages.json") {
        check_lesson(
            &text,
            "framed 70015 /some-cool-software/, framed 70015 /some-cool-software/, \
             framed 70015 /Satoshi:0.16.0/, framed 70015 /some-cool-software/, \
             bare 70015 /Satoshi:0.16.0/, bare 60001 /Satoshi:0.16.0/, bare 106 /Satoshi:0.16.0/",
        );
    }
}

#[test]
fn headers_are_read_and_chain() {
    check_headers(&own_headers(), 3);
    if let Some(path) = shared_path("vectors/lesson/headers_after_genesis_payload.bin") {
        check_headers(&std::fs::read(path).expect("the file can be read"), 2_000);
    }
}

#[test]
fn addresses_of_bip_155_are_read_as_bitcoin_core_reads_them() {
    check_core_hosts(
        OWN_CORE_HOSTS,
        "1 internal to Bitcoin Core, 1 not valid, 2 read, 1 refused alone, 1 refused with the message",
    );
    if let Some(text) = shared("vectors/core/addrv2_address_unserialize.json") {
        check_core_hosts(
            &text,
            "1 Tor v2, 1 internal to Bitcoin Core, 5 not valid, 5 read, 2 refused alone, \
             6 refused with the message",
        );
    }
}

#[test]
fn address_messages_of_bitcoin_core_are_read() {
    check_core_messages(OWN_CORE_MESSAGES, 2);
    if let Some(text) = shared("vectors/core/addr_addrv2_message_payloads.json") {
        check_core_messages(&text, 6);
    }
}

#[test]
fn addrv2_entries_of_bitnodes_are_read() {
    check_bitnodes_entries(OWN_BITNODES_ENTRIES, 1);
    if let Some(text) = shared("vectors/bitnodes/addrv2_entries.json") {
        check_bitnodes_entries(&text, 4);
    }
}

#[test]
fn captured_messages_are_cut_out_and_come_back_byte_for_byte() {
    check_capture(OWN_CAPTURE, "1 ping");
    for (file, expected) in [
        ("bip144_messages", "1 tx"),
        ("inv_messages", "2 inv"),
        (
            "messages_2025-10",
            "3 addr, 5 addrv2, 60 inv, 126 ping, 19 pong",
        ),
    ] {
        if let Some(text) = shared(&format!("vectors/pcap/{file}.jsonl")) {
            check_capture(&text, expected);
        }
    }
}

#[test]
fn packets_are_those_of_bip_324() {
    check_packets(OWN_PACKETS, 2);
    if let Some(text) = shared("vectors/bip324/packet_encoding_test_vectors.csv") {
        check_packets(&text, 7);
    }
}

#[test]
fn encoded_keys_are_read_as_bip_324_says() {
    check_ellswift(OWN_ELLSWIFT, 1);
    if let Some(text) = shared("vectors/bip324/ellswift_decode_test_vectors.csv") {
        check_ellswift(&text, 76);
    }
}

#[test]
fn every_encoding_of_a_key_is_read_as_this_key() {
    check_encodings(OWN_ENCODINGS, 2);
    if let Some(text) = shared("vectors/bip324/xswiftec_inv_test_vectors.csv") {
        check_encodings(&text, 98);
    }
}

#[test]
fn every_kind_of_vector_is_held_against_its_meaning() {
    check_projects(
        OWN_VECTORS,
        own_meaning,
        "1 cut hosts, 1 entries without time, 1 hosts, 1 left out, 1 loose payloads, 1 messages, 1 odd hosts, 1 opaque payloads, 1 oversize headers, 1 parts, 1 payloads, 1 refused payloads, 1 v2 contents",
    );
}

#[test]
fn what_rust_bitcoin_tests_is_read_as_it_says() {
    for (file, expected) in [
        (
            "address_rs_hex",
            "6 cut hosts, 10 hosts, 7 left out, 8 odd hosts, 1 payloads",
        ),
        ("bip152_rs_hex", "2 opaque payloads"),
        (
            "message_blockdata_rs_hex",
            "2 left out, 1 opaque payloads, 1 payloads",
        ),
        ("message_network_rs_hex", "2 left out, 1 parts, 3 payloads"),
        (
            "message_rs_hex",
            "3 left out, 2 messages, 5 opaque payloads, 4 parts, 1 payloads, 2 v2 contents",
        ),
    ] {
        if let Some(text) = shared(&format!("vectors/rust-bitcoin/{file}.json")) {
            check_projects(&text, rust_bitcoin_meaning, expected);
        }
    }
}

#[test]
fn what_btcd_tests_is_read_as_it_says() {
    if let Some(text) = shared("vectors/btcd/wire_tests.json") {
        check_projects(
            &text,
            btcd_meaning,
            "1 entries without time, 11 left out, 1 loose payloads, 13 opaque payloads, 6 parts, 15 payloads, 4 refused payloads",
        );
    }
}

#[test]
fn what_bitcoinj_tests_is_read_as_it_says() {
    if let Some(text) = shared("vectors/bitcoinj/message_tests.json") {
        check_projects(
            &text,
            bitcoinj_meaning,
            "4 left out, 4 messages, 1 oversize headers, 4 parts, 6 payloads",
        );
    }
}

/// What the bytes of a vector are, and so what has to come of them.
enum Meaning {
    /// A payload that is read, and written to the same bytes.
    Payload(&'static str),
    /// A payload of which we read less than there is.
    Loose(&'static str),
    /// A payload that is refused.
    Refused(&'static str),
    /// A payload that we hand on as it is.
    Opaque(&'static str),
    /// A part of a payload: what is before it, of which message, what is behind it.
    Part(&'static [u8], &'static str, &'static [u8]),
    /// A network and address of an `addrv2` entry that is one of ours.
    Host,
    /// One that is none, or of a network that nobody knows.
    OddHost,
    /// One that does not end where it should.
    CutHost,
    /// An `addr` entry of before protocol 31402.
    TimelessEntry,
    /// Whole v1 messages, and bytes between them that are none.
    Messages(&'static str),
    /// A header without its magic, of a message that is too long.
    OversizeHeader,
    /// What BIP 324 encrypts: a zero, a command and a payload.
    V2Contents(&'static str),
    /// Nothing that this codec reads, and what it is instead.
    LeftOut(&'static str),
}
use Meaning::*;

/// The time and services before, and the port behind an address, with a count of one in front.
const BEFORE_HOST: &[u8] = &[1, 0, 0, 0, 0, 0];
const BEHIND_HOST: &[u8] = &[0, 0];

fn rust_bitcoin_meaning(vector: &Value) -> Meaning {
    match (field(vector, "test"), vector["line"].as_u64().unwrap_or(0)) {
        ("version_message_test", 844) => Payload("version"),
        ("full_round_ser_der_raw_network_message", 2376) => Payload("version"),
        ("full_round_ser_der_raw_network_message", 2377) => Opaque("tx"),
        ("full_round_ser_der_raw_network_message", 2378) => Opaque("block"),
        ("full_round_ser_der_raw_network_message", 2379) => Part(&[1], "headers", &[0]),
        ("full_round_ser_der_raw_network_message", 2380) => LeftOut("a script"),
        ("full_round_ser_der_raw_network_message", 2381) => Opaque("merkleblock"),
        ("full_round_ser_der_raw_network_message", 2382) => Opaque("cmpctblock"),
        ("full_round_ser_der_raw_network_message", 2383) => Opaque("blocktxn"),
        ("full_round_ser_der_raw_network_message", 2425) => LeftOut("a filter without its message"),
        ("headers_message", 2809 | 2812 | 2815) => Part(&[1], "headers", &[0]),
        ("network_message_decode", 2828) => LeftOut("six ones, no message"),
        ("deserialize_getaddr", _) => Messages("getaddr"),
        ("deserialize_version", _) => Messages("version"),
        ("deserialize_v2_getaddr", _) => V2Contents("getaddr"),
        ("deserialize_v2_version", _) => V2Contents("version"),
        ("reject_message_test", 873 | 874) => Payload("reject"),
        ("reject_message_test", 889 | 900) => LeftOut("the hash inside a reject"),
        // The warning alone; in a message its signature follows.
        ("alert_message_test", 912) => Part(&[], "alert", &[0]),
        ("getblocks_message", 480) => Opaque("getblocks"),
        ("getheaders_message", 496) => Payload("getheaders"),
        ("getblocks_message", 481) | ("getheaders_message", 497) => LeftOut("a hash"),
        ("compact_block_vector", 898) => Opaque("block"),
        ("compact_block_vector", 899) => Opaque("cmpctblock"),
        ("serialize_addrv2", 1177 | 1181 | 1187 | 1197 | 1206) => Host,
        ("serialize_addrv2", 1210) => OddHost,
        ("serialize_addrv2", 1190 | 1200 | 1211) => LeftOut("an address without its network"),
        ("deserialize_addrv2", 1220 | 1238 | 1257 | 1269 | 1280) => Host,
        // Wrong lengths, IPv4 and OnionCat inside IPv6, CJDNS outside fc00::/8, unknown networks.
        ("deserialize_addrv2", 1248 | 1252 | 1264 | 1286 | 1290 | 1298 | 1304) => OddHost,
        // A claimed length beyond the end, or beyond 512 bytes.
        ("deserialize_addrv2", 1226 | 1230 | 1234 | 1244 | 1276 | 1294) => CutHost,
        ("deserialize_addrv2", 1259 | 1271 | 1299) => LeftOut("an address without its network"),
        ("addrv2message", 1312) => Payload("addrv2"),
        ("addrv2message", 1322) => LeftOut("an address without its network"),
        other => panic!("nobody said what {other:?} is"),
    }
}

fn btcd_meaning(vector: &Value) -> Meaning {
    match (field(vector, "file"), field(vector, "name")) {
        ("wire/bench_test.go", _) => LeftOut("parts of transactions and blocks"),
        ("wire/blockheader_test.go", _) => Part(&[1], "headers", &[0]),
        ("wire/invvect_test.go", _) => Part(&[1], "inv", &[]),
        ("wire/message_test.go", _) => LeftOut("four bytes that are no message on purpose"),
        ("wire/msgaddr_test.go", _) => Payload("addr"),
        ("wire/msgblock_test.go", _) => Opaque("block"),
        ("wire/msgfeefilter_test.go", _) => Payload("feefilter"),
        ("wire/msgfilterload_test.go", _) => Opaque("filterload"),
        ("wire/msggetblocks_test.go", _) => Opaque("getblocks"),
        ("wire/msggetheaders_test.go", "maxGetHeadersEncoded") => Refused("getheaders"),
        ("wire/msggetheaders_test.go", _) => Payload("getheaders"),
        // Two items are promised, and one is there.
        ("wire/msggetdata_test.go", "baseGetDataEncoded") => Refused("getdata"),
        ("wire/msginv_test.go", "baseInvEncoded") => Refused("inv"),
        ("wire/msgnotfound_test.go", "baseNotFoundEncoded") => Refused("notfound"),
        ("wire/msggetdata_test.go", _) => Payload("getdata"),
        ("wire/msginv_test.go", _) => Payload("inv"),
        ("wire/msgnotfound_test.go", _) => Payload("notfound"),
        // A header with a count of transactions above zero: btcd refuses it, Bitcoin Core and we ignore the count.
        ("wire/msgheaders_test.go", "transHeaderEncoded") => Loose("headers"),
        ("wire/msgheaders_test.go", _) => Payload("headers"),
        ("wire/msgmerkleblock_test.go", _) => Opaque("merkleblock"),
        ("wire/msgpong_test.go", _) => Payload("pong"),
        ("wire/msgreject_test.go", _) => Payload("reject"),
        ("wire/msgtx_test.go", "sigScript" | "pkScript") => LeftOut("a script"),
        ("wire/msgtx_test.go", _) => Opaque("tx"),
        ("wire/msgversion_test.go", _) => Payload("version"),
        ("wire/netaddress_test.go", "baseNetAddrNoTSEncoded") => TimelessEntry,
        ("wire/netaddress_test.go", _) => Part(&[1], "addr", &[]),
        other => panic!("nobody said what {other:?} is"),
    }
}

fn bitcoinj_meaning(vector: &Value) -> Meaning {
    match (field(vector, "test"), vector["line"].as_u64().unwrap_or(0)) {
        ("AddressV1MessageTest", _) => Payload("addr"),
        ("AddressV2MessageTest", _) => Payload("addrv2"),
        ("VersionMessageTest", _) => Payload("version"),
        ("PeerAddressTest", 112 | 113) => Part(&[1], "addr", &[]),
        ("PeerAddressTest", 114 | 115) => Part(&[1], "addrv2", &[]),
        ("BitcoinSerializerTest", 43) => Messages("addr"),
        ("BitcoinSerializerTest", 146 | 172) => Messages("headers"),
        ("BitcoinSerializerTest", 155 | 157 | 193 | 200) => LeftOut("a hash"),
        ("BitcoinSerializerTest", 218) => OversizeHeader,
        // Four messages of regtest out of a dump of memory; a version between them has lost its header.
        ("SendHeadersMessageTest", _) => Messages("sendheaders+ping+verack+alert"),
        other => panic!("nobody said what {other:?} is"),
    }
}

fn own_meaning(vector: &Value) -> Meaning {
    match field(vector, "test") {
        "payload" => Payload("pong"),
        "loose" => Loose("headers"),
        "refused" => Refused("inv"),
        "opaque" => Opaque("tx"),
        "part" => Part(&[1], "inv", &[]),
        "host" => Host,
        "odd host" => OddHost,
        "cut host" => CutHost,
        "timeless entry" => TimelessEntry,
        "messages" => Messages("verack+ping"),
        "oversize header" => OversizeHeader,
        "v2 contents" => V2Contents("ping"),
        "left out" => LeftOut("nothing"),
        other => panic!("nobody said what {other:?} is"),
    }
}

/// Holds every vector against its meaning and compares how many there were of each kind with `expected`.
#[track_caller]
fn check_projects(json: &str, meaning: impl Fn(&Value) -> Meaning, expected: &str) {
    let mut tally = Tally::default();
    for vector in vectors(json) {
        let bytes = hex(field(&vector, "hex"));
        tally.count(match_meaning(&meaning(&vector), &bytes, &vector));
    }
    assert_eq!(tally.to_string(), expected);
}

/// Returns the kind of the vector; panics where it is not what it is said to be.
fn match_meaning(meaning: &Meaning, bytes: &[u8], vector: &Value) -> &'static str {
    match meaning {
        Payload(name) => {
            let message = Message::decode(Command::new(name), bytes).expect(name);
            assert!(!matches!(message, Message::Other { .. }), "{vector}");
            assert_eq!(message.encode(), bytes, "{vector}");
            "payloads"
        }
        Loose(name) => {
            let message = Message::decode(Command::new(name), bytes).expect(name);
            assert_ne!(message.encode(), bytes, "{vector}");
            "loose payloads"
        }
        Refused(name) => {
            let read = Message::decode(Command::new(name), bytes);
            assert!(read.is_err(), "{vector}");
            "refused payloads"
        }
        Opaque(name) => {
            let (command, payload) = (Command::new(name), bytes.to_vec());
            let other = Message::Other { command, payload };
            assert_eq!(Message::decode(command, bytes), Ok(other), "{vector}");
            "opaque payloads"
        }
        Part(before, name, behind) => {
            let payload = [before, bytes, behind].concat();
            match_meaning(&Payload(name), &payload, vector);
            "parts"
        }
        Host => read_host_as("hosts", bytes, vector),
        OddHost => read_host_as("odd hosts", bytes, vector),
        CutHost => read_host_as("cut hosts", bytes, vector),
        TimelessEntry => {
            let payload = [&[1], bytes].concat();
            let entries = gossip::decode_addr(&payload, false).expect("one entry");
            assert_eq!(gossip::encode_addr(&entries), payload, "{vector}");
            "entries without time"
        }
        Messages(names) => {
            assert_eq!(read_messages(bytes).join("+"), *names, "{vector}");
            "messages"
        }
        OversizeHeader => {
            let magic = Chain::Mainnet.magic();
            let mut decoder = Decoder::new(magic, HeaderForm::WithChecksum, MAX_PAYLOAD);
            decoder.feed(&[&magic, bytes].concat());
            let read = decoder.next_frame();
            assert!(matches!(read, Err(FrameError::Oversize { .. })), "{vector}");
            "oversize headers"
        }
        V2Contents(name) => {
            let (head, payload) = bytes.split_at(13);
            let command = head[1..].try_into().ok().and_then(Command::from_wire);
            assert_eq!(
                (head[0], command),
                (0, Some(Command::new(name))),
                "{vector}"
            );
            match_meaning(&Payload(name), payload, vector);
            "v2 contents"
        }
        LeftOut(why) => {
            assert!(!why.is_empty());
            "left out"
        }
    }
}

fn read_host_as(expected: &'static str, bytes: &[u8], vector: &Value) -> &'static str {
    assert_eq!(read_host(bytes), expected, "{vector}");
    expected
}

/// Reads a network and address of an `addrv2` entry and returns what came of it.
fn read_host(bytes: &[u8]) -> &'static str {
    let payload = [BEFORE_HOST, bytes, BEHIND_HOST].concat();
    let Ok(entries) = gossip::decode_addrv2(&payload) else {
        return "cut hosts";
    };
    match entries[0].claim() {
        Ok(_) => {
            assert_eq!(gossip::encode_addrv2(&entries), payload);
            "hosts"
        }
        Err(_) => "odd hosts",
    }
}

/// Reads every whole message between bytes that are none, whichever chain it is of.
fn read_messages(mut bytes: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    while let Some(magic) = bytes.first_chunk::<4>() {
        let frame = Chain::from_magic(*magic).and_then(|chain| read_frame(bytes, chain));
        match frame {
            Some((command, payload)) => {
                Message::decode(command, &payload).expect("a readable payload");
                names.push(command.to_string());
                bytes = &bytes[24 + payload.len()..];
            }
            None => bytes = &bytes[1..],
        }
    }
    names
}

fn read_frame(bytes: &[u8], chain: Chain) -> Option<(Command, Vec<u8>)> {
    let mut decoder = Decoder::new(chain.magic(), HeaderForm::WithChecksum, MAX_PAYLOAD);
    decoder.feed(bytes);
    let frame = decoder.next_frame().ok()??;
    Some((frame.command, frame.payload?.to_vec()))
}

/// Reads and writes every payload of a list of them, one object a line.
#[track_caller]
fn check_payloads(lines: &str, expected: &str) {
    let mut tally = Tally::default();
    for line in lines.lines() {
        let line: Value = serde_json::from_str(line).expect("one object a line");
        let (name, payload) = (field(&line, "cmd"), hex(field(&line, "payload")));
        let message = Message::decode(Command::new(name), &payload).expect(name);
        assert_eq!(message.encode(), payload, "{line}");
        tally.count(name);
        match message {
            Message::Version(it) if it.addr_from.is_none() => tally.count("version of 46 bytes"),
            Message::Version(it) if it.relay.is_none() => tally.count("version without relay byte"),
            Message::Addr(entries) => tally.add("entries in addr", entries.len()),
            _ => (),
        }
    }
    assert_eq!(tally.to_string(), expected);
}

/// Reads whole `version` messages and bare payloads.
#[track_caller]
fn check_lesson(json: &str, expected: &str) {
    let seen: Vec<_> = vectors(json)
        .iter()
        .map(|vector| {
            let bytes = hex(field(vector, "hex"));
            let (form, payload) = match read_frame(&bytes, Chain::Mainnet) {
                Some((command, payload)) => {
                    assert_eq!(command, VERSION);
                    ("framed", payload)
                }
                None => ("bare", bytes),
            };
            let version = proto::Version::decode(&payload).expect("a version");
            assert_eq!(version.encode(), payload, "{vector}");
            let user_agent = version.user_agent_lossy().expect("it has a user agent");
            format!("{form} {} {user_agent}", version.protocol_version)
        })
        .collect();
    assert_eq!(seen.join(", "), expected);
}

/// Reads a `headers` payload in which each header has the hash of the one before it.
#[track_caller]
fn check_headers(payload: &[u8], expected: usize) {
    let message = Message::decode(HEADERS, payload).expect("a headers payload");
    assert_eq!(message.encode(), payload);
    let Message::Headers(headers) = message else {
        panic!("headers are headers");
    };
    assert_eq!(headers.len(), expected);
    for pair in headers.windows(2) {
        assert_eq!(pair[1][4..36], sha256d(&pair[0]));
    }
}

/// Reads addresses with Bitcoin Core's verdict on each.
#[track_caller]
fn check_core_hosts(json: &str, expected: &str) {
    let mut tally = Tally::default();
    for vector in vectors(json) {
        let payload = [BEFORE_HOST, &hex(field(&vector, "hex")), BEHIND_HOST].concat();
        let read = gossip::decode_addrv2(&payload).map(|entries| entries[0].claim());
        let text = vector["text"].as_str();
        tally.count(match (vector["error"].as_str(), text, read) {
            (Some(_), None, Err(_)) => "refused with the message",
            (Some(_), None, Ok(Err(HostError::WrongLength { .. }))) => "refused alone",
            // Bitcoin Core's own names never leave it, so as an address of a peer they are none.
            (None, Some(text), Ok(Err(HostError::Internal))) if text.ends_with(".internal") => {
                "internal to Bitcoin Core"
            }
            (None, Some(text), Ok(Ok(claim))) if claim.addr.host.to_string() == text => "read",
            (None, None, Ok(Err(_))) if vector["core_is_valid"] == false => "not valid",
            // Old lists name them, so we can say them; nobody is called there.
            (None, None, Ok(Ok(Claim { addr, .. }))) if matches!(addr.host, Host::OnionV2(_)) => {
                "Tor v2"
            }
            (_, _, read) => panic!("{vector} was read as {read:?}"),
        });
    }
    assert_eq!(tally.to_string(), expected);
}

/// Reads `addr` and `addrv2` payloads and compares every entry.
#[track_caller]
fn check_core_messages(json: &str, expected: usize) {
    let mut n_entries = 0;
    for vector in vectors(json) {
        let payload = hex(field(&vector, "hex"));
        let claims: Vec<_> = match field(&vector, "name").contains("addrv2") {
            true => {
                let entries = gossip::decode_addrv2(&payload).expect("an addrv2 payload");
                entries.iter().map(gossip::AddrV2Entry::claim).collect()
            }
            false => {
                let entries = gossip::decode_addr(&payload, true).expect("an addr payload");
                entries.iter().map(gossip::AddrEntry::claim).collect()
            }
        };
        let claims: Value = claims
            .into_iter()
            .map(|claim| {
                let claim = claim.expect("an address that somebody could call");
                serde_json::json!({
                    "time": claim.time,
                    "services": claim.services,
                    "addr": claim.addr.host.to_string(),
                    "port": claim.addr.port,
                })
            })
            .collect();
        assert_eq!(claims, vector["expect"], "{vector}");
        n_entries += claims.as_array().map_or(0, Vec::len);
    }
    assert_eq!(n_entries, expected);
}

/// Reads single `addrv2` entries; what is expected is the source text of a Python dictionary.
#[track_caller]
fn check_bitnodes_entries(json: &str, expected: usize) {
    let vectors = vectors(json);
    assert_eq!(vectors.len(), expected);
    for vector in vectors {
        let payload = [&[1], &hex(field(&vector, "hex"))[..]].concat();
        let entries = gossip::decode_addrv2(&payload).expect("one entry");
        assert_eq!(gossip::encode_addrv2(&entries), payload, "{vector}");
        let claim = entries[0].claim().expect("an address");
        let time = claim.time.expect("entries of addrv2 have a time");
        for told in [
            format!("\"timestamp\": {time}"),
            format!("\"services\": {}", claim.services),
            format!("\"{}\": \"{}\"", claim.addr.network(), claim.addr.host),
            format!("\"port\": {}", claim.addr.port),
        ] {
            let source = field(&vector, "expect_source");
            assert!(source.contains(&told), "{told} is not in {source}");
        }
    }
}

/// Reads whole captured messages, one object a line, and writes them to the same bytes.
#[track_caller]
fn check_capture(lines: &str, expected: &str) {
    let mut tally = Tally::default();
    for line in lines.lines() {
        let line: Value = serde_json::from_str(line).expect("one object a line");
        let raw = hex(field(&line, "raw"));
        let (command, payload) = read_frame(&raw, Chain::Mainnet).expect("a whole message");
        assert_eq!(command.name(), field(&line, "cmd"));
        let message = Message::decode(command, &payload).expect("a readable payload");
        assert_eq!(message.encode(), payload, "{line}");
        tally.count(command.name());
    }
    assert_eq!(tally.to_string(), expected);
}

/// Derives the keys of both directions, and sends and reads packets up to the one whose text is told.
#[track_caller]
fn check_packets(csv: &str, expected: usize) {
    let rows = rows(csv);
    assert_eq!(rows.len(), expected);
    for row in &rows {
        check_packet(row, &check_keys(row));
    }
}

/// Derives keys and returns those of our direction.
#[track_caller]
fn check_keys(row: &Row<'_>) -> SideKeys {
    let bytes = |column: &str| hex(row[column]);
    let secret = Secret::new(array(&bytes("in_priv_ours")), [0; 32]);
    let ours = array(&bytes("in_ellswift_ours"));
    let theirs = array(&bytes("in_ellswift_theirs"));
    for (key, column) in [
        (ours, "mid_x_ours"),
        (secret.public_key(), "mid_x_ours"),
        (theirs, "mid_x_theirs"),
    ] {
        assert_eq!(x_of(key), bytes(column), "{column}");
    }
    let role = match row["in_initiating"] {
        "1" => Role::Initiator,
        _ => Role::Responder,
    };
    let keys = Keys::agree(Chain::Mainnet.magic(), role, &secret, ours, theirs);
    let (of_ours, of_theirs) = match role {
        Role::Initiator => (&keys.initiator, &keys.responder),
        Role::Responder => (&keys.responder, &keys.initiator),
    };
    for (key, column) in [
        (&keys.initiator.length[..], "mid_initiator_l"),
        (&keys.initiator.packet, "mid_initiator_p"),
        (&keys.responder.length, "mid_responder_l"),
        (&keys.responder.packet, "mid_responder_p"),
        (&of_ours.terminator, "mid_send_garbage_terminator"),
        (&of_theirs.terminator, "mid_recv_garbage_terminator"),
        (&keys.session_id, "out_session_id"),
    ] {
        assert_eq!(key, bytes(column), "{column}");
    }
    of_ours.clone()
}

#[track_caller]
fn check_packet(row: &Row<'_>, keys: &SideKeys) {
    let (mut sender, mut receiver) = (Cipher::new(keys), Cipher::new(keys));
    let n_before: u64 = row["in_idx"].parse().expect("a number");
    for _ in 0..n_before {
        let mut packet = Vec::new();
        sender.encrypt_into(&mut packet, Kind::Genuine, b"", b"");
        let read = receiver.decrypt(b"", &mut packet);
        assert_eq!(read, Ok((Kind::Genuine, &b""[..])));
    }
    let kind = match row["in_ignore"] {
        "1" => Kind::Decoy,
        _ => Kind::Genuine,
    };
    let times = row["in_multiply"].parse().expect("a number");
    let contents = hex(row["in_contents"]).repeat(times);
    let aad = hex(row["in_aad"]);
    let mut packet = Vec::new();
    sender.encrypt_into(&mut packet, kind, &aad, &contents);
    match row["out_ciphertext"] {
        "" => assert!(packet.ends_with(&hex(row["out_ciphertext_endswith"]))),
        text => assert_eq!(packet, hex(text)),
    }
    assert_eq!(receiver.decrypt_length(array(&packet[..3])), contents.len());
    if contents.len() <= MAX_V2_CONTENTS {
        let read = receiver.decrypt(&aad, &mut packet);
        assert_eq!(read, Ok((kind, &contents[..])));
    }
}

/// Reads encoded keys.
#[track_caller]
fn check_ellswift(csv: &str, expected: usize) {
    let rows = rows(csv);
    assert_eq!(rows.len(), expected);
    for row in rows {
        assert_eq!(x_of(array(&hex(row["ellswift"]))), hex(row["x"]), "{row:?}");
    }
}

/// Reads up to eight encodings a row, each of the same key.
#[track_caller]
fn check_encodings(csv: &str, expected: usize) {
    let mut n_encodings = 0;
    for row in rows(csv) {
        for case in 0..8 {
            let t = hex(row[&*format!("case{case}_t")]);
            if !t.is_empty() {
                let encoding = [hex(row["u"]), t].concat();
                assert_eq!(x_of(array(&encoding)), hex(row["x"]), "{row:?}");
                n_encodings += 1;
            }
        }
    }
    assert_eq!(n_encodings, expected);
}

/// Returns the coordinate by which keys are known.
fn x_of(encoding: [u8; 64]) -> Vec<u8> {
    let key = PublicKey::from_ellswift(ElligatorSwift::from_array(encoding));
    key.x_only_public_key().0.serialize().to_vec()
}

/// One row of a table, by the names of its columns.
type Row<'a> = BTreeMap<&'a str, &'a str>;

/// Reads a table without quotes.
fn rows(csv: &str) -> Vec<Row<'_>> {
    let mut lines = csv.lines();
    let columns: Vec<_> = lines.next().expect("names of columns").split(',').collect();
    lines
        .map(|line| columns.iter().copied().zip(line.split(',')).collect())
        .collect()
}

fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.try_into().expect("the right length")
}

/// How many there were of each kind.
#[derive(Default)]
struct Tally(BTreeMap<String, usize>);

impl Tally {
    fn count(&mut self, kind: &str) {
        self.add(kind, 1);
    }

    fn add(&mut self, kind: &str, n: usize) {
        *self.0.entry(kind.to_owned()).or_default() += n;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts: Vec<_> = self
            .0
            .iter()
            .map(|(kind, n)| format!("{n} {kind}"))
            .collect();
        f.write_str(&counts.join(", "))
    }
}

fn shared(name: &str) -> Option<String> {
    let path = shared_path(name)?;
    Some(std::fs::read_to_string(path).expect("the file is text"))
}

/// Returns where a file of the shared data is, or says that there is none.
#[expect(clippy::print_stderr, reason = "a test that skips has to say so")]
fn shared_path(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("BITCENSUS_DATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")),
        PathBuf::from,
    );
    let path = folder.join(name);
    if !path.exists() {
        eprintln!("skipped: no test data ({})", path.display());
        return None;
    }
    Some(path)
}

fn vectors(json: &str) -> Vec<Value> {
    let mut json: Value = serde_json::from_str(json).expect("the file is JSON");
    match json["vectors"].take() {
        Value::Array(vectors) => vectors,
        other => panic!("{other} is no list of vectors"),
    }
}

fn field<'a>(vector: &'a Value, name: &str) -> &'a str {
    vector[name].as_str().expect(name)
}

fn hex(digits: &str) -> Vec<u8> {
    HEXLOWER
        .decode(digits.as_bytes())
        .expect("hexadecimal digits")
}

fn sha256d(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(Sha256::digest(bytes)).into()
}

// Made up from here on; the addresses are reserved for documentation.

/// Three made-up headers, each with the hash of the one before it.
fn own_headers() -> Vec<u8> {
    let mut payload = vec![3];
    let mut previous = [0; 32];
    for n in 1..=3 {
        let mut header = [n; 80];
        header[4..36].copy_from_slice(&previous);
        previous = sha256d(&header);
        payload.extend(header);
        payload.push(0);
    }
    payload
}

const OWN_PAYLOADS: &str = r#"{"cmd": "version", "payload": "80110100090000000000000000f1536500000000090000000000000000000000000000000000ffffc0000201208d090000000000000000000000000000000000ffff0000000000000700000000000000092f6f776e3a312e302f6400000001"}
{"cmd": "version", "payload": "60ea0000090000000000000000f1536500000000090000000000000000000000000000000000ffffc0000201208d090000000000000000000000000000000000ffff0000000000000700000000000000092f6f776e3a312e302f64000000"}
{"cmd": "version", "payload": "65000000090000000000000000f1536500000000090000000000000000000000000000000000ffffc0000201208d"}
{"cmd": "addr", "payload": "0200f15365090000000000000000000000000000000000ffffc6336401208d00f15365090000000000000000000000000000000000ffffc6336402208d"}"#;

const OWN_LESSON: &str = r#"{"vectors": [
    {"name": "framed", "hex": "f9beb4d976657273696f6e00000000005f0000005e3514957f110100090000000000000000f1536500000000090000000000000000000000000000000000ffffc0000201208d090000000000000000000000000000000000ffff0000000000000700000000000000092f6f776e3a312e302f6400000001"},
    {"name": "bare", "hex": "62ea0000090000000000000000f1536500000000090000000000000000000000000000000000ffffc0000201208d090000000000000000000000000000000000ffff0000000000000700000000000000092f6f776e3a312e302f64000000"}
]}"#;

const OWN_CORE_HOSTS: &str = r#"{"vectors": [
    {"hex": "0104c0000201", "error": null, "text": "192.0.2.1", "core_is_valid": true},
    {"hex": "0610fc000000000000000000000000000001", "error": null, "text": "fc00::1", "core_is_valid": true},
    {"hex": "0210fd6b88c0872400000000000000000001", "error": null, "text": "made-up.internal", "core_is_valid": null},
    {"hex": "aa0401020304", "error": null, "text": null, "core_is_valid": false},
    {"hex": "0105c000020101", "error": "wrong length", "text": null, "core_is_valid": null},
    {"hex": "0104c000", "error": "end of data", "text": null, "core_is_valid": null}
]}"#;

const OWN_CORE_MESSAGES: &str = r#"{"vectors": [
    {"name": "own addr", "hex": "0100f15365090000000000000000000000000000000000ffffc0000201208d", "expect": [{"time": 1700000000, "services": 9, "addr": "192.0.2.1", "port": 8333}]},
    {"name": "own addrv2", "hex": "0100f15365fd090c021020010db8000000000000000000000001208d", "expect": [{"time": 1700000000, "services": 3081, "addr": "2001:db8::1", "port": 8333}]}
]}"#;

const OWN_BITNODES_ENTRIES: &str = r#"{"vectors": [
    {"hex": "00f15365fd090c0104c0000201208d", "expect_source": "{ \"timestamp\": 1700000000, \"services\": 3081, \"ipv4\": \"192.0.2.1\", \"port\": 8333 }"}
]}"#;

const OWN_CAPTURE: &str =
    r#"{"cmd": "ping", "raw": "f9beb4d970696e67000000000000000008000000ce7b88f10707070707070707"}"#;

const OWN_VECTORS: &str = r#"{"vectors": [
    {"test": "payload", "hex": "0707070707070707"},
    {"test": "loose", "hex": "01000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000005"},
    {"test": "refused", "hex": "02010000000000000000000000000000000000000000000000000000000000000000000000"},
    {"test": "opaque", "hex": "0102"},
    {"test": "part", "hex": "010000000000000000000000000000000000000000000000000000000000000000000000"},
    {"test": "host", "hex": "0104c0000201"},
    {"test": "odd host", "hex": "030900000000000000000000"},
    {"test": "cut host", "hex": "0105c0000201"},
    {"test": "timeless entry", "hex": "090000000000000000000000000000000000ffffc0000201208d"},
    {"test": "messages", "hex": "0000000000f9beb4d976657261636b000000000000000000005df6e0e2fffffff9beb4d970696e67000000000000000008000000ce7b88f10707070707070707"},
    {"test": "oversize header", "hex": "70696e67000000000000000001093d0000000000"},
    {"test": "v2 contents", "hex": "0070696e6700000000000000000707070707070707"},
    {"test": "left out", "hex": ""}
]}"#;

/// The second is behind two changes of keys.
const OWN_PACKETS: &str = "in_idx,in_priv_ours,in_ellswift_ours,in_ellswift_theirs,in_initiating,in_contents,in_multiply,in_aad,in_ignore,mid_x_ours,mid_x_theirs,mid_initiator_l,mid_initiator_p,mid_responder_l,mid_responder_p,mid_send_garbage_terminator,mid_recv_garbage_terminator,out_session_id,out_ciphertext,out_ciphertext_endswith
1,0707070707070707070707070707070707070707070707070707070707070707,f62ca72073d2d5f7d3f21c80189f1af05f718f1ee79c2e24f0b36aa50d0bcf41dfb6898d67698645c6cfee391698ee89c0053e5bb0c7df7029220a7ad4ca01a0,4c41907cd854f09286b24379e1052fadf9912366881c42f2eca94831d1795701d27a1fa6e7ffb20fe53918289697672709fc133d6dc45f86861b6b9f69724d65,1,6f776e,1,,0,989c0b76cb563971fdc9bef31ec06c3560f3249d6ee9e5d83c57625596e05f6f,f991f944d1e1954a7fc8b9bf62e0d78f015f4c07762d505e20e6c45260a3661b,5242733c7c304e87b50a3e133666c072b051fc14a2754835db06681ff1a19672,9d75faa564406ced2e77500547850eb643a22b21c557b6bcdeb3d73f54860783,00c450fbc71767b9bd14fc97562b57ab6971075f02a5e5a7a47419bc6e2b2c80,ae75a9a8aae4aedc64168fc190e9fde6587dd4a7549c9f412b711b7ad0a07492,a1a9b488d57d34c6823b0c9f7328d368,592e6edbc6863e174dbce414ece0451e,a4d2fe1e201939fa6b4bcd7a51a34af6a1200ad1cafe6dedca3c1a18f67e4ca1,78821e14cc48075d480bc9f0f3e17024f3b69cca3670fc,
450,0707070707070707070707070707070707070707070707070707070707070707,f62ca72073d2d5f7d3f21c80189f1af05f718f1ee79c2e24f0b36aa50d0bcf41dfb6898d67698645c6cfee391698ee89c0053e5bb0c7df7029220a7ad4ca01a0,4c41907cd854f09286b24379e1052fadf9912366881c42f2eca94831d1795701d27a1fa6e7ffb20fe53918289697672709fc133d6dc45f86861b6b9f69724d65,0,6f776e206465636f79,20,67617262616765,1,989c0b76cb563971fdc9bef31ec06c3560f3249d6ee9e5d83c57625596e05f6f,f991f944d1e1954a7fc8b9bf62e0d78f015f4c07762d505e20e6c45260a3661b,976df16ae20e2741127cdf71c6409a71e18bcea5df2e0bd84aaee0a66aac87ca,b4c0a8923a9b8ed7067f8c4ef6b526e5bb9c1845115fc9f8f2b584bc528e771f,21d5c66aebd9d0fa94a195a47057c07e508877bf71ebd39592ea5c003b753b4d,654084a1c73aa46eafd8c2c3d038db128c8f3c2374e0dbf89d4f0287f1e78373,5d71f07c858fcee91967f86c6983e03c,e68917f199449610b97880cfff74a8cb,74898d7f69a9ce85372f1b0e9155fa700909a0a32958f08cc25a4207de973db9,,f239534202f6d9f6cfeb88c005ba2a440966d1c0dce7b0dffe7dfa295caac36232cd539806f2bb51";

const OWN_ELLSWIFT: &str = "ellswift,x,comment
f62ca72073d2d5f7d3f21c80189f1af05f718f1ee79c2e24f0b36aa50d0bcf41dfb6898d67698645c6cfee391698ee89c0053e5bb0c7df7029220a7ad4ca01a0,989c0b76cb563971fdc9bef31ec06c3560f3249d6ee9e5d83c57625596e05f6f,";

const OWN_ENCODINGS: &str = "u,x,case0_t,case1_t,case2_t,case3_t,case4_t,case5_t,case6_t,case7_t,comment
f62ca72073d2d5f7d3f21c80189f1af05f718f1ee79c2e24f0b36aa50d0bcf41,989c0b76cb563971fdc9bef31ec06c3560f3249d6ee9e5d83c57625596e05f6f,dfb6898d67698645c6cfee391698ee89c0053e5bb0c7df7029220a7ad4ca01a0,,,,20497672989679ba393011c6e96711763ffac1a44f38208fd6ddf5842b35fa8f,,,,";
