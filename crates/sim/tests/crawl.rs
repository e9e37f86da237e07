//! A small crawler that follows what nodes tell finds whole worlds, liars and all.

use std::collections::HashSet;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use proto::framing::v2::keys::Secret;
use proto::gossip::Claim;
use proto::handshake::Hangup;
use proto::session::{Chance, Ending, Output, Questions};
use proto::visit::{Call, Dialect, Heard, Transport};
use proto::{Outcome, PeerAddr, Session, SessionConfig, Visit};
use sim::floor::{self, ProxyAnswer};
use sim::{Explorer, N_SEEDS, NetworkMix, Reach, SimServer, World, WorldConfig, compare_found};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

/// The service bit of those who speak v2 (BIP 324).
const P2P_V2: u64 = 1 << 11;
/// How long after the last byte an answer may still come: longer than the late ones take.
const QUIET: Duration = Duration::from_millis(1_500);
/// How long a handshake lasts at the most, and an answer: some never end.
const MAX_CALL: Duration = Duration::from_secs(8);
/// How long the dial may take.
const MAX_DIAL: Duration = Duration::from_secs(5);

#[tokio::test]
async fn a_crawl_from_the_seeds_finds_a_world_with_liars_as_it_is() {
    let world = World::generate(&WorldConfig {
        seed: 5,
        n_nodes: 300,
        median_rtt: Duration::from_millis(10),
        odd_share: 0.0,
        liar_share: 0.2,
        networks: NetworkMix {
            ipv4: 4,
            ipv6: 1,
            onion: 4,
            i2p: 1,
            cjdns: 1,
        },
        ..WorldConfig::default()
    });
    let findable = world.findable(Explorer::default());
    assert!(findable.iter().all(|it| *it));
    let world = Arc::new(world);
    let stop = CancellationToken::new();
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let server = SimServer::start(Arc::clone(&world), listen, stop.clone()).unwrap();
    let seeds = world.seeds(N_SEEDS);
    let seeds = seeds.into_iter().map(|it| world.nodes()[it].addr).collect();
    let visits = crawl(server.addr(), seeds, &world).await;
    stop.cancel();
    let comparison = compare_found(&world.truth(Reach::Proxy), &visits);
    assert!(comparison.is_perfect(), "{comparison}");
    assert!(comparison.n_right > 290, "{comparison}");
}

#[tokio::test]
async fn the_crawl_floor_finds_every_honest_node() {
    let world = Arc::new(World::generate(&WorldConfig {
        seed: 6,
        n_nodes: 200,
        median_rtt: Duration::from_millis(10),
        odd_share: 0.0,
        ..WorldConfig::default()
    }));
    let stop = CancellationToken::new();
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let server = SimServer::start(Arc::clone(&world), listen, stop.clone()).unwrap();
    let list = std::env::temp_dir().join(format!("crawl_floor.{}", std::process::id()));
    let seeds = world.seeds(N_SEEDS).into_iter();
    let seeds: Vec<String> = seeds.map(|it| world.nodes()[it].addr.to_string()).collect();
    std::fs::write(&list, seeds.join("\n")).unwrap();
    let mut floor = std::process::Command::new(env!("CARGO_BIN_EXE_crawl_floor"));
    floor
        .args(["--proxy", &server.addr().to_string()])
        .args(["--list", &list.to_string_lossy()])
        .args(["--in-flight", "500", "--timeout-ms", "1500"]);
    let ended = tokio::task::spawn_blocking(move || floor.output());
    let ended = ended.await.unwrap().unwrap();
    std::fs::remove_file(&list).unwrap();
    let told: serde_json::Value = serde_json::from_slice(&ended.stdout).unwrap();
    let n_live = world.nodes().iter().filter(|it| it.kind.is_live());
    assert_eq!(told["answered"], n_live.count());
    assert_eq!(told["known"], 200);
}

/// Calls whom the seeds tell of, and whom those tell of, in v2 those who are told to speak it; of addresses where nobody
/// is only a few.
async fn crawl(proxy: SocketAddr, start: Vec<PeerAddr>, world: &World) -> Vec<Visit> {
    let mut n_fakes = 0;
    let mut known: HashSet<PeerAddr> = start.iter().copied().collect();
    let mut calls = JoinSet::new();
    for addr in start {
        calls.spawn(visit(proxy, addr, Transport::V1));
    }
    let mut visits = Vec::new();
    while let Some(visited) = calls.join_next().await {
        let (visited, claims) = visited.expect("no call panics");
        visits.push(visited);
        for claim in claims {
            n_fakes += usize::from(world.find(&claim.addr).is_none());
            let is_wanted = world.find(&claim.addr).is_some() || n_fakes < 100;
            if is_wanted && known.insert(claim.addr) {
                let first = match claim.services & P2P_V2 {
                    0 => Transport::V1,
                    _ => Transport::V2,
                };
                calls.spawn(visit(proxy, claim.addr, first));
            }
        }
    }
    visits
}

/// Calls in v1 where a call in v2 shows that the node speaks nothing else, and once more where slots may have been full.
async fn visit(proxy: SocketAddr, addr: PeerAddr, first: Transport) -> (Visit, Vec<Claim>) {
    let (mut transport, mut ending) = (first, call(proxy, addr, first).await);
    if ending.wants_v1 {
        transport = Transport::V1;
        ending = call(proxy, addr, transport).await;
    }
    if ending.outcome == Outcome::ClosedBeforeVersion {
        ending = call(proxy, addr, transport).await;
    }
    let is_connected = ending.heard.bytes_out > 0;
    let claims = ending.heard.gossip.as_ref().map(|it| it.claims.clone());
    let visit = Visit {
        addr,
        source: 0,
        attempt: 1,
        dialect: Dialect::Modern,
        call: Call {
            transport: is_connected.then_some(transport),
            heard: ending.heard,
            ..Call::not_connected(0, ending.outcome, ending.reason)
        },
    };
    (visit, claims.unwrap_or_default())
}

async fn call(proxy: SocketAddr, addr: PeerAddr, transport: Transport) -> Ending {
    let began = Instant::now();
    let config = Arc::new(SessionConfig {
        questions: Questions::Addresses,
        handshake_timeout: MAX_CALL,
        answer_timeout: MAX_CALL,
        quiet_timeout: QUIET,
        ..SessionConfig::default()
    });
    let chance = Chance {
        nonce: 42,
        v2: (transport == Transport::V2).then(|| Secret::new([1; 32], [2; 32])),
    };
    let mut session = Session::start(config, Some(&addr), chance, 1_789_000_000, Duration::ZERO);
    let Some(Output::Send(first)) = session.poll_output(Duration::ZERO) else {
        panic!("a caller speaks first");
    };
    let (mut stream, rest) = match timeout(MAX_DIAL, dial(proxy, addr, &first)).await {
        Err(_) => return failed(Outcome::ConnectTimeout),
        Ok(Err(error)) => panic!("{addr}: {error}"),
        Ok(Ok(Err(outcome))) => return failed(outcome),
        Ok(Ok(Ok(connected))) => connected,
    };
    session.handle_connected(began.elapsed());
    session.handle_bytes(&rest, began.elapsed());
    loop {
        match session.poll_output(began.elapsed()) {
            Some(Output::Close) => return session.finish(),
            Some(Output::Send(bytes)) => {
                // Whoever hung up is noticed when it is read from.
                let _ = stream.write_all(&bytes).await;
                continue;
            }
            None => (),
        }
        let until = began + session.deadline().expect("it is not over");
        let mut bytes = Vec::new();
        match timeout_at(until, floor::read_into(&mut stream, &mut bytes)).await {
            Ok(Ok(0) | Err(_)) => session.handle_hangup(Hangup::Closed),
            Ok(Ok(_)) => session.handle_bytes(&bytes, began.elapsed()),
            Err(_) => session.handle_timeout(began.elapsed()),
        }
    }
}

fn failed(outcome: Outcome) -> Ending {
    Ending {
        outcome,
        reason: None,
        wants_v1: false,
        heard: Heard::default(),
    }
}

type Connected = (TcpStream, Vec<u8>);

/// Dials, and says `first` in the same breath.
async fn dial(
    proxy: SocketAddr,
    addr: PeerAddr,
    first: &[u8],
) -> io::Result<Result<Connected, Outcome>> {
    let mut stream = TcpStream::connect(proxy).await?;
    stream.write_all(&floor::first_words(&addr, first)).await?;
    let mut answer = Vec::new();
    loop {
        floor::read_into(&mut stream, &mut answer).await?;
        match ProxyAnswer::read(&answer) {
            ProxyAnswer::Unfinished => (),
            ProxyAnswer::Connected(len) => return Ok(Ok((stream, answer.split_off(len)))),
            ProxyAnswer::Refused => {
                return Ok(Err(match answer[3] {
                    3 | 4 => Outcome::ConnectUnreachable,
                    5 => Outcome::ConnectRefused,
                    6 => Outcome::ConnectTimeout,
                    _ => Outcome::ProxyError,
                }));
            }
        }
    }
}
