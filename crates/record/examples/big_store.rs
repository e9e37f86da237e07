//! Fills a store with made-up crawls, for measurements: `big_store FILE CRAWLS VISITS`.
//!
//! Each crawl visits the same VISITS addresses; one in five is a node, and one in seven nodes is away in each crawl.

use std::path::Path;
use std::time::Duration;

use proto::features::Features;
use proto::gossip::{Gossip, ToldCounts};
use proto::outcome::Outcome;
use proto::version::{NetAddr, Version};
use proto::visit::{Call, Dialect, Heard, Transport, Visit};
use proto::{Chain, Host, PeerAddr};
use record::{CrawlEnd, NewCrawl, SqliteStore, Store};

/// 1 November 2026.
const BEGAN_AT_US: i64 = 1_793_491_200_000_000;
const TEN_MINUTES_US: i64 = 600_000_000;
/// Visits of one transaction.
const BATCH: usize = 10_000;
const RELEASES: [&str; 7] = [
    "29.0.0", "28.1.0", "27.1.0", "25.0.0", "22.0.0", "0.21.1", "0.16.3",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(path), Some(n_crawls), Some(n_visits)) = (args.next(), args.next(), args.next())
    else {
        return Err("usage: big_store FILE CRAWLS VISITS".into());
    };
    let (n_crawls, n_visits): (u32, u32) = (n_crawls.parse()?, n_visits.parse()?);
    let mut store = SqliteStore::open_for_crawl(Path::new(&path))?;
    let addresses: Vec<u32> = (0..n_visits).collect();
    for n in 0..n_crawls {
        let began_at_us = BEGAN_AT_US + TEN_MINUTES_US * i64::from(n);
        let crawl = store.begin_crawl(&new_crawl(began_at_us, n_visits))?;
        for part in addresses.chunks(BATCH) {
            let visits = part.iter().map(|it| visit(*it, n, began_at_us));
            store.append_visits(crawl, &visits.collect::<Vec<_>>())?;
        }
        store.finish_crawl(crawl, began_at_us + TEN_MINUTES_US / 2, CrawlEnd::Finished)?;
    }
    Ok(())
}

fn new_crawl(started_at_us: i64, n_visits: u32) -> NewCrawl {
    NewCrawl {
        chain: Chain::Mainnet,
        vantage: "made up".to_owned(),
        sources: vec!["made up".to_owned()],
        started_at_us,
        n_queued: n_visits.into(),
        config: serde_json::Value::Null,
        series: None,
        observer: None,
    }
}

/// The visit to the address number `n` in the crawl number `crawl`.
fn visit(n: u32, crawl: u32, began_at_us: i64) -> Visit {
    let dice = mixed(n);
    let is_there = n.is_multiple_of(5) && !mixed(dice ^ crawl).is_multiple_of(7);
    let started_at_us = began_at_us + i64::from(n) * 250;
    let call = match is_there {
        true => complete(dice, started_at_us),
        false => gone(dice, started_at_us),
    };
    Visit {
        addr: address(n),
        source: 0,
        attempt: 1,
        dialect: Dialect::Modern,
        call,
    }
}

/// Three in ten are of Tor, one in ten of IPv6.
fn address(n: u32) -> PeerAddr {
    let [a, b, c, d] = mixed(n).to_be_bytes();
    let host = match n % 10 {
        0..3 => {
            let mut key = [7; 32];
            key[..4].copy_from_slice(&[a, b, c, d]);
            Host::Onion(key)
        }
        3 => {
            let ip = [0x20, 0x01, 0x0d, 0xb8, a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 1];
            Host::Ipv6(ip)
        }
        _ => Host::Ipv4([20 + a % 100, b, c, d]),
    };
    PeerAddr::new(host, 8333)
}

fn complete(dice: u32, started_at_us: i64) -> Call {
    let speaks_v2 = dice.is_multiple_of(2);
    let release = RELEASES[usize::try_from(dice).unwrap_or(0) % RELEASES.len()];
    let version = Version {
        protocol_version: 70016,
        services: if speaks_v2 { 0xc09 } else { 0x409 },
        timestamp: started_at_us / 1_000_000 + i64::from(dice % 90) - 45,
        addr_recv: NetAddr::from_host(&Host::Ipv4([192, 0, 2, 1]), 8333),
        addr_from: Some(NetAddr::default()),
        nonce: Some(u64::from(dice) << 20 | 1),
        user_agent: Some(format!("/Satoshi:{release}/").into_bytes()),
        start_height: Some(900_000 - i32::try_from(dice % 3).unwrap_or(0)),
        relay: Some(1),
        trailing: Vec::new(),
    };
    let round_trip = 20 + dice % 300;
    let ms = |n: u32| Some(Duration::from_millis(n.into()));
    let told = ToldCounts {
        ipv4: 800,
        onion: 200,
        ..ToldCounts::default()
    };
    let heard = Heard {
        version_payload: Some(version.encode()),
        version: Some(Box::new(version)),
        version_at: ms(round_trip * 2),
        verack_at: ms(round_trip * 2 + 1),
        answered_at: ms(round_trip * 3),
        features: Features {
            sendaddrv2: true,
            wtxidrelay: true,
            sendheaders: true,
            sendcmpct: vec![2],
            feefilter: Some(1_000),
            ..Features::default()
        },
        gossip: Some(Gossip {
            claims: Vec::new(),
            told,
        }),
        bytes_in: 30_000,
        bytes_out: 300,
        story: Vec::new(),
    };
    Call {
        started_at_us,
        took: Duration::from_millis(u64::from(round_trip) * 3),
        connect: ms(round_trip),
        transport: Some(match speaks_v2 {
            true => Transport::V2,
            false => Transport::V1,
        }),
        tried: Vec::new(),
        outcome: Outcome::Complete,
        reason: None,
        heard,
    }
}

fn gone(dice: u32, started_at_us: i64) -> Call {
    let outcome = match dice.is_multiple_of(3) {
        true => Outcome::ConnectRefused,
        false => Outcome::ConnectTimeout,
    };
    let mut call = Call::not_connected(started_at_us, outcome, None);
    call.took = Duration::from_secs(5);
    call
}

/// Gives every number another one that follows no pattern.
fn mixed(n: u32) -> u32 {
    let n = (n ^ (n >> 16)).wrapping_mul(0x7feb_352d);
    let n = (n ^ (n >> 15)).wrapping_mul(0x846c_a68b);
    n ^ (n >> 16)
}
