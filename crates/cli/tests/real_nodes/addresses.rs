//! What real nodes tell of others comes out of a crawl as they told it.

use std::collections::BTreeMap;

use proto::{Host, Network, PeerAddr};
use serde_json::{Value, json};

use crate::bcoin::Bcoin;
use crate::bitcoind::Bitcoind;
use crate::census::{Census, Exit, hello, hello_json};
use crate::{check, words_of};

/// How much of its book a node tells, in per cent, and how many at the most
/// (Bitcoin Core: `MAX_PCT_ADDR_TO_SEND`, `MAX_ADDR_TO_SEND`).
const TOLD_PERCENT: usize = 23;
const MOST_TOLD: usize = 1_000;

/// What has a node announce itself, at an address that is not its own.
const OWN_ADDR: &str = "-externalip=25.255.2.3:8333";

/// How long a node that knows nobody is waited for, in microseconds: to the deadline that the crawl is given here.
const WAITED_US: std::ops::Range<u64> = 3_000_000..20_000_000;

#[test]
fn what_is_in_the_book_of_a_node_comes_out_of_a_crawl() {
    let Some(node) = Bitcoind::start(2, &["-cjdnsreachable"]) else {
        return;
    };
    let mut addrs = made_up(0..120);
    node.fill_book(&addrs.split_off(300), 5 * 3_600);
    node.fill_book(&addrs, 60);
    let book = node.book();
    assert!(book.len() > 500, "it took {}", book.len());

    let census = Census::of("regtest");
    let (exit, summary) = census.crawl(&[node.addr()], &["--edges"]);
    assert_eq!(exit, Exit::Done);
    let edges = census.edges();
    assert_eq!(edges.len(), book.len() * TOLD_PERCENT / 100);
    let others: Vec<_> = edges.iter().filter(|it| !book.contains(*it)).collect();
    assert_eq!(others, [""; 0], "not in {book:?}");

    let told = told_in(&edges);
    assert_eq!(told.len(), Network::ALL.len(), "{told:?}");
    let mut expected = words_of(&node);
    expected["addresses_told"] = json!(told);
    let mut lines = census.nodes();
    check(
        &lines.remove(&node.addr()).expect("it was called"),
        &expected,
    );
    assert_eq!(lines, BTreeMap::new(), "others were called");
    let outside = told["ipv4"] + told["ipv6"];
    let off = told["onion"] + told["i2p"] + told["cjdns"];
    let mut left_out = summary["left_out"]["value"].clone();
    let left_out = left_out.as_array_mut().expect("it is a list");
    left_out.sort_by_key(|it| it["name"].to_string());
    let expected = [
        json!({ "name": "network_off", "n": off }),
        json!({ "name": "outside", "n": outside }),
    ];
    assert_eq!(left_out, &expected);
    assert_eq!(node.complaints(), [""; 0]);
}

#[test]
fn a_node_that_announces_itself_is_heard_to_the_end() {
    let Some(node) = Bitcoind::start(2, &[OWN_ADDR]) else {
        return;
    };
    // It announces itself once its chain is of today.
    node.mine(1);
    let mut internet = made_up(0..3_000);
    internet.retain(|it| matches!(it.network(), Network::Ipv4 | Network::Ipv6));
    node.fill_book(&internet, 60);
    let book = node.book();
    assert!(book.len() * TOLD_PERCENT / 100 >= MOST_TOLD);

    let census = Census::of("regtest");
    let (exit, _) = census.crawl(&[node.addr()], &["--edges"]);
    assert_eq!(exit, Exit::Done);
    // Its own address is among the thousand in Knots 29.4, and in a message before them in Bitcoin Core 31.
    let sent = node.only_conversation().addresses_sent();
    assert_eq!(sent.last(), Some(&MOST_TOLD));
    let edges = census.edges();
    assert_eq!(edges.len(), sent.iter().sum::<usize>());
    let own: Vec<_> = edges.iter().filter(|it| !book.contains(*it)).collect();
    assert_eq!(own.len(), 1, "{own:?}");
    assert!(own[0].contains(r#""to":"25.255.2.3:8333""#), "{own:?}");
    assert_eq!(node.complaints(), [""; 0]);
}

#[test]
fn a_node_that_knows_nobody_or_itself_alone_is_waited_for() {
    let settings: [&[&str]; 2] = [&[], &[OWN_ADDR]];
    for (settings, told) in settings.into_iter().zip([json!({}), json!({ "ipv4": 1 })]) {
        let Some(node) = Bitcoind::start(2, settings) else {
            return;
        };
        node.mine(1);
        let census = Census::of("regtest");
        let (exit, _) = census.crawl(&[node.addr()], &[]);
        assert_eq!(exit, Exit::Done);
        let line = &census.nodes()[&node.addr()];
        let mut expected = words_of(&node);
        expected["addresses_told"] = told;
        check(line, &expected);
        let took = line["took_us"].as_u64();
        assert!(took.is_some_and(|it| WAITED_US.contains(&it)), "{line}");
    }
}

#[test]
fn what_bcoin_knows_comes_out_too_though_it_tells_late() {
    let hosts: Vec<_> = made_up(0..150)
        .into_iter()
        .filter(|it| matches!(it.network(), Network::Ipv4 | Network::Ipv6))
        .collect();
    let Some(node) = Bcoin::start_with(&hosts) else {
        return;
    };
    let census = Census::of("regtest");
    let (exit, _) = census.crawl(&[node.addr()], &["--edges"]);
    assert_eq!(exit, Exit::Done);
    let mut edges = census.edges();
    edges.sort();
    assert_eq!(edges, node.book());
    let line = &census.nodes()[&node.addr()];
    assert_eq!(line["addresses_told"], json!(told_in(&edges)));
    assert_eq!(
        line["features"],
        json!({ "getaddr": true, "sendcmpct": [1] })
    );

    let words = ["--network", "regtest", "--addresses", &node.addr()];
    let (exit, line) = hello_json(&words);
    assert_eq!(exit, Exit::Done);
    assert_eq!(line["addresses_told"], json!(told_in(&edges)));
    let (_, story) = hello(&words);
    let told = "
  it told 300 addresses
    ipv4              150
    ipv6              150
";
    assert!(story.ends_with(told), "{story}");
}

/// Returns addresses of every network that are nobody's: of blocks that are not in use on the internet, and of keys
/// that nobody has.
fn made_up(numbers: std::ops::Range<u16>) -> Vec<PeerAddr> {
    let each = numbers.flat_map(|n| {
        let [high, low] = n.to_be_bytes();
        let key = [low.reverse_bits(), high, 7, 9].repeat(8);
        let key: [u8; 32] = key.try_into().expect("it is that long");
        let mut ipv6 = [0; 16];
        ipv6[..4].copy_from_slice(&[0x3f, 0xfe, high, low]);
        let mut cjdns = [0xfc; 16];
        cjdns[1..3].copy_from_slice(&[low.reverse_bits(), high]);
        [
            PeerAddr::new(Host::Ipv4([25, low, high, 1]), 8333),
            PeerAddr::new(Host::Ipv6(ipv6), 8333),
            PeerAddr::new(Host::Onion(key), 8333),
            PeerAddr::new(Host::I2p(key), 0),
            PeerAddr::new(Host::Cjdns(cjdns), 8333),
        ]
    });
    each.collect()
}

/// Counts edges by the network of whom they are about.
fn told_in(edges: &[String]) -> BTreeMap<&'static str, usize> {
    let mut told = BTreeMap::new();
    for edge in edges {
        let edge: Value = serde_json::from_str(edge).expect("each is an object");
        let to = PeerAddr::parse(edge["to"].as_str().expect("each has one"), 0);
        let network = to.expect("it is an address").network();
        *told.entry(network.name()).or_insert(0) += 1;
    }
    told
}
