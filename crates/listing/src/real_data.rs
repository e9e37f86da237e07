//! The lists of others, where they are there: see `data/README.md` beside the checkout.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::PathBuf;

use crate::read_list;

#[test]
fn answers_of_the_bitnodes_api_are_read_to_the_last_node() {
    check(
        "snapshots/bitnodes_2016-11-14.json",
        "bitnodes API answer: 4323 ipv4, 836 ipv6, 175 onion = 5334 read, 3236 with a city, 0 skipped",
    );
    check(
        "snapshots/bitnodes_2018-08-06.json",
        "bitnodes API answer: 8225 ipv4, 1304 ipv6, 8 onion = 9537 read, 6089 with a city, 0 skipped",
    );
    check(
        "snapshots/bitnodes_2019-05-03_excerpt_inconsistent.json",
        "bitnodes API answer: 51 ipv4, 3 ipv6 = 54 read, 45 with a city, 0 skipped",
    );
}

#[test]
fn an_export_of_bitnodes_is_read_to_the_last_node() {
    check(
        "snapshots/bitnodes_export_2022-09-14.json",
        "bitnodes export: 5880 ipv4, 1105 ipv6, 7425 onion = 14410 read, 5344 with a city, 0 skipped",
    );
}

#[test]
fn fixed_seeds_of_bitcoin_core_are_read_to_the_last_node() {
    check(
        "seeds/nodes_main.txt",
        "plain text: 512 ipv4, 512 ipv6, 512 onion, 512 i2p, 11 cjdns = 2059 read, 0 with a city, 0 skipped",
    );
    check(
        "seeds/nodes_test.txt",
        "plain text: 65 ipv4, 38 ipv6, 69 onion, 8 i2p, 1 cjdns = 181 read, 0 with a city, 0 skipped",
    );
    check(
        "seeds/nodes_testnet4.txt",
        "plain text: 63 ipv4, 70 ipv6, 78 onion, 18 i2p, 1 cjdns = 230 read, 0 with a city, 0 skipped",
    );
    check(
        "seeds/nodes_signet.txt",
        "plain text: 46 ipv4, 47 ipv6, 67 onion, 9 i2p, 1 cjdns = 170 read, 0 with a city, 0 skipped",
    );
}

#[track_caller]
fn check(file: &str, expected: &str) {
    let dir = env::var_os("BITCENSUS_DATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")),
        PathBuf::from,
    );
    let Ok(text) = fs::read(dir.join(file)) else {
        println!("skipped: no test data ({file})");
        return;
    };
    let mut networks = BTreeMap::<_, usize>::new();
    let mut n_cities = 0;
    let report = read_list(&text, 8333, |node| {
        *networks.entry(node.addr.network()).or_default() += 1;
        n_cities += usize::from(node.said.is_some_and(|it| it.city.is_some()));
    })
    .unwrap();
    let networks: Vec<_> = networks.iter().map(|(it, n)| format!("{n} {it}")).collect();
    let mut seen = format!(
        "{}: {} = {} read, {n_cities} with a city, {} skipped",
        report.format,
        networks.join(", "),
        report.n_read,
        report.skipped.n,
    );
    if let Some(it) = report.skipped.first.first() {
        let key = it.text.split(": ").next().unwrap();
        let why = it.why.split(',').next().unwrap();
        seen += &format!("; line {} `{key}` {why}", it.line);
    }
    assert_eq!(seen, expected, "{file}");
}
