//! v2 is spoken with those who offer it, and costs nobody anything who does not.

use proto::PeerAddr;
use serde_json::json;

use crate::bcoin::Bcoin;
use crate::bitcoind::Bitcoind;
use crate::census::{Census, Exit, hello, hello_json};
use crate::{check, words_of};

#[test]
fn a_v2_call_keeps_the_same_words_and_every_byte() {
    let Some(node) = Bitcoind::start(2, &[]) else {
        return;
    };
    let words = ["--network", "regtest", "--transport", "v2", &node.addr()];
    let (exit, story) = hello(&words);
    assert_eq!(exit, Exit::Done);
    assert!(
        story.contains("connected, to speak v2 (encrypted)"),
        "{story}"
    );
    let log = node.log_at_rest();
    assert!(log.contains("New inbound v2 peer connected"), "{log}");
    let totals = node.rpc(&["getnettotals"]);
    assert_eq!(
        json!(bytes_in(&story)),
        json!([totals["totalbytesrecv"], totals["totalbytessent"]])
    );

    let Some(node) = Bitcoind::start(3, &[]) else {
        return;
    };
    let words = ["--network", "regtest", "--transport", "v2", &node.addr()];
    let (exit, line) = hello_json(&words);
    assert_eq!(exit, Exit::Done);
    let mut expected = words_of(&node);
    expected["transport"] = json!("v2");
    check(&line, &expected);
    assert_eq!(node.complaints(), [""; 0]);
}

#[test]
fn who_offers_v2_is_called_with_it_next_time_and_with_v1_where_it_does_not_any_more() {
    let Some(mut modern) = Bitcoind::start(2, &[]) else {
        return;
    };
    let Some(plain) = Bitcoind::start(3, &["-v2transport=0"]) else {
        return;
    };
    let addrs = [modern.addr(), plain.addr()];
    let census = Census::of("regtest");
    let spoken = || {
        let nodes = census.nodes();
        addrs.each_ref().map(|it| {
            let line = &nodes[it];
            let words = [&line["outcome"], &line["transport"]];
            words.map(|it| it.as_str().unwrap_or_default()).join(" ")
        })
    };
    assert_eq!(census.crawl(&addrs, &["--no-gossip"]).0, Exit::Done);
    assert_eq!(spoken(), ["complete v1", "complete v1"]);
    for _ in 0..2 {
        assert_eq!(census.call_again(), Exit::Done);
        assert_eq!(spoken(), ["complete v2", "complete v1"]);
    }
    assert_eq!(modern.complaints(), [""; 0]);

    modern.restart(&["-v2transport=0"]);
    for _ in 0..2 {
        assert_eq!(census.call_again(), Exit::Done);
        assert_eq!(spoken(), ["complete v1", "complete v1"]);
        // The first of these calls tries v2, the second one knows better.
        let complaints = modern.complaints();
        let keys = complaints.iter().filter(|it| it.contains("messagestart"));
        assert_eq!(keys.count(), 1, "{complaints:?}");
    }
    assert_eq!(plain.complaints(), [""; 0]);
}

#[test]
fn a_peer_tells_who_offers_v2() {
    let Some(node) = Bitcoind::start(3, &[]) else {
        return;
    };
    let addr = PeerAddr::parse(&node.addr(), 0).expect("it is one");
    let Some(teller) = Bcoin::start_with(&[addr]) else {
        return;
    };
    let census = Census::of("regtest");
    assert_eq!(census.crawl(&[teller.addr()], &[]).0, Exit::Done);
    let nodes = census.nodes();
    let spoken = nodes
        .iter()
        .map(|(addr, line)| (addr.clone(), line["transport"].clone()));
    let expected = [(teller.addr(), json!("v1")), (node.addr(), json!("v2"))];
    assert_eq!(spoken.collect::<Vec<_>>(), expected);
    assert_eq!(node.complaints(), [""; 0]);
}

#[test]
fn v2_alone_fails_with_whom_v1_alone_is_spoken() {
    let Some(node) = Bitcoind::start(2, &["-v2transport=0"]) else {
        return;
    };
    let words = ["--network", "regtest", "--transport", "v2", &node.addr()];
    let (exit, line) = hello_json(&words);
    assert_eq!(exit, Exit::NobodyAnswered);
    let failed = json!({
        "address": node.addr(),
        "network": "ipv4",
        "outcome": "v2_failed",
        "reason": "it hung up before it proved to know v2, as nodes without v2 and full ones do",
        "transport": "v2",
    });
    check(&line, &failed);
    assert_eq!(node.rpc(&["listbanned"]), json!([]));
}

#[test]
fn bcoin_does_not_ban_us_for_v2_calls() {
    let Some(node) = Bcoin::start() else {
        return;
    };
    let words = ["--network", "regtest", "--transport", "v2", &node.addr()];
    for _ in 0..15 {
        let (exit, line) = hello_json(&words);
        assert_eq!(exit, Exit::NobodyAnswered);
        assert_eq!(line["outcome"], "v2_failed", "{line}");
        let us = node.next_gone();
        assert_eq!(us["nBanned"], 0, "{us}");
        assert!(us["banScore"].as_u64() < Some(100), "{us}");
    }
    let (exit, line) = hello_json(&["--network", "regtest", &node.addr()]);
    assert_eq!(exit, Exit::Done);
    assert_eq!(line["outcome"], "complete");
    let us = node.next_gone();
    assert_eq!([&us["nBanned"], &us["banScore"]], [0, 0]);
}

/// Returns how many bytes were sent and received, by a story.
fn bytes_in(story: &str) -> [u64; 2] {
    let (_, end) = story.split_once("the end: ").expect("it has an end");
    let (sent, rest) = end.split_once(" bytes sent, ").expect("it says so");
    let (received, _) = rest.split_once(" received").expect("it says so");
    [sent, received].map(|it| it.replace(',', "").parse().expect("it is a number"))
}
