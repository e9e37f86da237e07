//! Real full nodes on loopback: what is kept of them is what they say of themselves, and they mind nothing we do.
//!
//! `cargo xtask test` brings the nodes. By hand, BITCOIND_EXE names a bitcoind with bitcoin-cli beside it, and
//! BCOIN_MODULES a `node_modules` folder with bcoin in it; where one is not set, its tests say so and pass.

#[path = "real_nodes/addresses.rs"]
mod addresses;
#[path = "real_nodes/bcoin.rs"]
mod bcoin;
#[path = "real_nodes/bitcoind.rs"]
mod bitcoind;
#[path = "real_nodes/census.rs"]
mod census;
#[path = "real_nodes/legacy.rs"]
mod legacy;
#[path = "real_nodes/rim.rs"]
mod rim;
#[path = "real_nodes/transports.rs"]
mod transports;

use std::net::TcpStream;
use std::time::Duration;

use data_encoding::HEXLOWER;
use jiff::Timestamp;
use proto::version::NetAddr;
use proto::{PeerAddr, Version, protocol_version, services};
use serde_json::{Value, json};

use crate::bcoin::Bcoin;
use crate::bitcoind::{Bitcoind, Conversation};
use crate::census::{Exit, crawl, hello, hello_json};
use crate::rim::free_ports;

/// How far the clock of a node on this machine, read a moment ago, may be from ours.
const SAME_TIME: Duration = Duration::from_secs(120);

#[test]
fn hello_keeps_what_a_node_says_of_itself() {
    let Some(node) = Bitcoind::start(2, &[]) else {
        return;
    };
    node.mine(7);
    let (exit, line) = hello_json(&["--network", "regtest", &node.addr()]);
    assert_eq!(exit, Exit::Done);
    check(&line, &words_of(&node));
    assert_eq!(line["start_height"], 7);
    assert_eq!(line["features"]["wtxidrelay"], true);
    assert_eq!(node.complaints(), [""; 0]);
}

#[test]
fn a_node_hears_what_we_say_of_ourselves() {
    let Some(node) = Bitcoind::start(2, &[]) else {
        return;
    };
    hello_json(&["--network", "regtest", &node.addr()]);
    let conversation = node.only_conversation();
    let heard = Version::decode(conversation.received("version")).expect("a node read it");
    let addr = PeerAddr::parse(&node.addr(), 0).expect("it was dialled");
    let meant = Version {
        protocol_version: protocol_version::OURS,
        services: 0,
        timestamp: heard.timestamp,
        addr_recv: NetAddr::from_host(&addr.host, addr.port),
        addr_from: Some(NetAddr::default()),
        nonce: heard.nonce,
        user_agent: Some(census::USER_AGENT.into()),
        start_height: Some(0),
        relay: Some(0),
        trailing: Vec::new(),
    };
    assert_eq!(heard, meant);
    check_time(heard.timestamp);
    // Whether we still answer its own ping depends on which arrives first, that or its pong.
    let commands = conversation.commands_received();
    assert_eq!(commands.trim_end_matches(" pong"), "version verack ping");

    // What it makes of that.
    let agent = census::USER_AGENT;
    let ours = protocol_version::OURS;
    let understood = format!(
        "receive version message: {agent}: version {ours}, blocks=0, us={}, txrelay=0",
        node.addr()
    );
    let log = node.log_at_rest();
    assert!(log.contains(&understood), "no {understood:?} in {log}");
    assert_eq!(node.complaints(), [""; 0]);
}

#[test]
fn the_story_shows_every_byte_of_what_the_node_said() {
    let Some(node) = Bitcoind::start(2, &["-uacomment=told"]) else {
        return;
    };
    let (exit, story) = hello(&["--network", "regtest", "--hex", &node.addr()]);
    assert_eq!(exit, Exit::Done);
    let agent = &node.rpc(&["getnetworkinfo"])["subversion"];
    let agent = agent.as_str().expect("a node has a user agent");
    assert!(agent.contains("(told)"), "{agent}");
    let field = format!("    user agent        {agent}\n");
    assert!(story.contains(&field), "{story}");
    assert_eq!(dump_in(&story), node.only_conversation().sent("version"));
    assert_eq!(node.complaints(), [""; 0]);
}

#[test]
fn a_crawl_keeps_what_each_node_says_of_itself() {
    let settings: [&[&str]; 3] = [
        &["-uacomment=blooming", "-peerbloomfilters=1"],
        &[
            "-uacomment=filtering",
            "-blockfilterindex=1",
            "-peerblockfilters=1",
            "-blocksonly=1",
        ],
        &["-uacomment=pruned", "-prune=550", "-v2transport=0"],
    ];
    let mut nodes = Vec::new();
    for (host, settings) in (2..).zip(settings) {
        let Some(node) = Bitcoind::start(host, settings) else {
            return;
        };
        node.mine(host.into());
        nodes.push(node);
    }
    let nobody = format!("127.0.0.5:{}", free_ports(1));
    let mut called: Vec<_> = nodes.iter().map(Bitcoind::addr).collect();
    called.push(nobody.clone());

    let (exit, mut lines) = crawl("regtest", &called);
    assert_eq!(exit, Exit::Done);
    for node in &nodes {
        let line = lines
            .remove(&node.addr())
            .expect("every address has a line");
        check(&line, &words_of(node));
        assert_eq!(node.complaints(), [""; 0]);
    }
    let outcomes = lines.iter().map(|(addr, line)| (addr, &line["outcome"]));
    assert_eq!(
        outcomes.collect::<Vec<_>>(),
        [(&nobody, &json!("connect_refused"))]
    );

    let names = nodes.iter().map(|node| service_names(&words_of(node)));
    let all = [
        "NETWORK BLOOM WITNESS NETWORK_LIMITED P2P_V2",
        "NETWORK WITNESS COMPACT_FILTERS NETWORK_LIMITED P2P_V2",
        "WITNESS NETWORK_LIMITED",
    ];
    assert_eq!(names.collect::<Vec<_>>(), all);
}

#[test]
fn full_slots_are_a_hangup_before_the_version() {
    // Eleven of them are for calls that a node makes itself.
    let Some(node) = Bitcoind::start(2, &["-maxconnections=12"]) else {
        return;
    };
    let held = TcpStream::connect(node.addr()).expect("the one slot is free");
    node.wait_for_connections(1);
    let (exit, line) = hello_json(&["--network", "regtest", &node.addr()]);
    assert_eq!(exit, Exit::NobodyAnswered);
    // It depends on which arrives first, our words or its hangup, whether there is a reason to tell.
    assert_eq!(line["outcome"], "closed_before_version");

    drop(held);
    node.wait_for_connections(0);
    let (exit, line) = hello_json(&["--network", "regtest", &node.addr()]);
    assert_eq!(exit, Exit::Done);
    check(&line, &words_of(&node));
    assert_eq!(node.complaints(), [""; 0]);
}

#[test]
fn a_node_of_another_chain_hangs_up_at_our_first_word() {
    let Some(node) = Bitcoind::start(2, &[]) else {
        return;
    };
    let (exit, lines) = crawl("mainnet", &[node.addr()]);
    assert_eq!(exit, Exit::NobodyAnswered);
    let hung_up = json!({
        "address": node.addr(),
        "network": "ipv4",
        "outcome": "closed_before_version",
        "transport": "v1",
    });
    check(&lines[&node.addr()], &hung_up);
    let complaints = node.complaints().join("\n");
    assert!(complaints.contains("f9beb4d9"), "no magic in: {complaints}");
    assert!(!complaints.contains("isbehav"), "{complaints}");
}

#[test]
fn bcoin_is_heard_though_it_speaks_first_and_announces_last() {
    let Some(node) = Bcoin::start() else {
        return;
    };
    let (exit, line) = hello_json(&["--network", "regtest", &node.addr()]);
    assert_eq!(exit, Exit::Done);
    let us = node.next_gone();
    let agent = node.said["agent"].as_str().expect("bcoin has a user agent");
    let words = json!({
        "address": node.addr(),
        "network": "ipv4",
        "outcome": "complete",
        "transport": "v1",
        "protocol_version": node.said["version"],
        "services": node.said["services"],
        "user_agent": agent,
        "user_agent_hex": HEXLOWER.encode(agent.as_bytes()),
        "start_height": node.said["height"],
        "relay": 1,
        "timestamp": line["timestamp"],
        "nonce": line["nonce"],
        "addr_recv": us["hostname"],
        "addr_from": "[::]:0",
        "version_payload_hex": line["version_payload_hex"],
        "features": { "getaddr": true, "sendcmpct": [1] },
    });
    check(&line, &words);
    let heard = json!({
        "hostname": us["hostname"],
        "version": protocol_version::OURS,
        "services": 0,
        "agent": census::USER_AGENT,
        "height": 0,
        "noRelay": true,
        "banScore": 0,
        "nBanned": 0,
    });
    assert_eq!(us, heard);
}

#[test]
fn bcoin_of_another_chain_says_so() {
    let Some(node) = Bcoin::start() else {
        return;
    };
    let (exit, line) = hello_json(&[&node.addr()]);
    assert_eq!(exit, Exit::NobodyAnswered);
    let other = json!({
        "address": node.addr(),
        "network": "ipv4",
        "outcome": "wrong_network",
        "reason": "its messages start with fabfb5da, so it is on regtest",
        "transport": "v1",
    });
    check(&line, &other);
    // It counts ten points for every 24 bytes that it cannot read, and bans a caller's address for a hundred.
    let score = node.next_gone()["banScore"].as_u64();
    assert!(score < Some(100), "{score:?}");
}

/// Holds a line against what it has to say: all of it, its times apart, which are held against each other.
#[track_caller]
fn check(line: &Value, expected: &Value) {
    let mut said = line.as_object().expect("a line is an object").clone();
    said.retain(|_, value| !value.is_null());
    if said["tried"] == json!([]) {
        said.remove("tried");
    }
    // How many they are depends on what the node announces; tests of transports count them.
    for bytes in ["bytes_in", "bytes_out"] {
        let n = said.remove(bytes);
        assert!(n.is_some_and(|it| it.is_u64()), "{line}");
    }
    let phases = [
        "connect_us",
        "version_us",
        "verack_us",
        "addrs_us",
        "took_us",
    ];
    let times: Vec<_> = phases.iter().filter_map(|it| said.remove(*it)).collect();
    let times: Vec<_> = times.iter().filter_map(Value::as_u64).collect();
    assert!(
        times.is_sorted() && times.last() < Some(&5_000_000),
        "{line}"
    );
    let started_at = said.remove("started_at").expect("every call was begun");
    let started_at = started_at.as_str().and_then(|it| it.parse().ok());
    check_time(started_at.map_or(0, Timestamp::as_second));
    assert_eq!(Value::Object(said), *expected);

    if let Some(payload) = line["version_payload_hex"].as_str() {
        assert_eq!(times.len(), phases.len(), "{line}");
        check_payload(line, payload);
    }
}

/// Holds the fields of a line against the payload beside them.
#[track_caller]
fn check_payload(line: &Value, payload: &str) {
    let payload = HEXLOWER.decode(payload.as_bytes()).expect("it is hex");
    let version = Version::decode(&payload).expect("the fields came from somewhere");
    let fields = json!({
        "protocol_version": version.protocol_version,
        "services": version.services,
        "timestamp": version.timestamp,
        "nonce": version.nonce,
        "user_agent": version.user_agent_lossy(),
        "start_height": version.start_height,
        "relay": version.relay,
    });
    for (name, value) in fields.as_object().expect("it was made as one") {
        assert_eq!(line[name], *value, "{name}");
    }
    check_time(version.timestamp);
}

#[track_caller]
fn check_time(unix_time: i64) {
    let now = Timestamp::now().as_second();
    assert!(
        now.abs_diff(unix_time) < SAME_TIME.as_secs(),
        "{unix_time} is not about {now}"
    );
}

/// Returns what has to be kept of a node that was called once: its own words over RPC, and the bytes that it sent.
fn words_of(node: &Bitcoind) -> Value {
    let network = node.rpc(&["getnetworkinfo"]);
    let agent = network["subversion"].as_str().expect("it has a user agent");
    let services = network["localservices"].as_str().expect("it has services");
    let conversation = node.only_conversation();
    let payload = conversation.sent("version");
    let version = Version::decode(payload).expect("a node sent it");
    json!({
        "address": node.addr(),
        "network": "ipv4",
        "outcome": "complete",
        "transport": "v1",
        "protocol_version": network["protocolversion"],
        "services": u64::from_str_radix(services, 16).expect("they are hex"),
        "user_agent": agent,
        "user_agent_hex": HEXLOWER.encode(agent.as_bytes()),
        "start_height": node.rpc(&["getblockcount"]),
        "relay": u8::from(network["localrelay"] == true),
        "timestamp": version.timestamp,
        "nonce": version.nonce,
        "addr_recv": "[::]:0",
        "addr_from": "[::]:0",
        "version_payload_hex": HEXLOWER.encode(payload),
        "features": features_in(&conversation),
    })
}

/// Returns the features that a node announced, read from the bytes that it sent.
fn features_in(conversation: &Conversation) -> Value {
    let mut features = json!({});
    for message in &conversation.sent {
        let number = |at: usize| {
            let bytes = message.payload[at..]
                .first_chunk()
                .expect("it is that long");
            u64::from_le_bytes(*bytes)
        };
        match message.command.as_str() {
            name @ ("sendaddrv2" | "wtxidrelay" | "sendheaders") => features[name] = json!(true),
            "sendcmpct" => features["sendcmpct"] = json!([number(1)]),
            "feefilter" => features["feefilter"] = json!(number(0)),
            _ => (),
        }
    }
    features
}

/// Returns the names of the services in a line, without the bit that only Knots has.
fn service_names(line: &Value) -> String {
    let bits = line["services"].as_u64().expect("it has services");
    let mut names = services::names(bits);
    names.retain(|it| it != "BLAKE2B");
    names.join(" ")
}

/// Returns the bytes that the story of `hello --hex` dumps.
fn dump_in(story: &str) -> Vec<u8> {
    let (_, dump) = story
        .split_once("  its version message, ")
        .expect("--hex shows it");
    let rows = dump.lines().skip(1);
    let bytes: String = rows.filter_map(|row| row.get(10..57)).collect();
    let bytes = bytes.replace(' ', "");
    HEXLOWER.decode(bytes.as_bytes()).expect("a dump is hex")
}
