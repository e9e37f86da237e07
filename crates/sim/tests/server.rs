//! A whole world behind real sockets on loopback, found by the census's own conversation.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use proto::handshake::Hangup;
use proto::session::{Chance, Ending, Output};
use proto::visit::{Call, Dialect, Transport};
use proto::{Host, Outcome, PeerAddr, Session, SessionConfig, Visit};
use sim::{
    Churn, Counts, Kind, NetworkMix, Reach, ServeError, SimServer, World, WorldConfig, compare,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

/// How long the callers here wait for a handshake.
const PATIENCE: Duration = Duration::from_secs(3);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

#[tokio::test]
async fn every_kind_is_found_through_the_proxy() {
    let world = Arc::new(World::of_kinds(&config(), Kind::ALL));
    let stop = CancellationToken::new();
    let server = start(&world, &stop);
    let proxy = server.addr();
    let mut calls = JoinSet::new();
    for node in world.nodes() {
        let addr = node.addr;
        let is_full = node.kind == Kind::FullAtFirst;
        calls.spawn(async move {
            if is_full {
                let first = call_by_proxy(proxy, addr).await;
                assert_eq!(first.outcome, Outcome::ClosedBeforeVersion);
            }
            visit(addr, call_by_proxy(proxy, addr).await)
        });
    }
    let visits = calls.join_all().await;
    stop.cancel();
    let counts = server.join().await;
    let comparison = compare(&world.truth(Reach::Proxy), &visits);
    assert!(comparison.is_perfect(), "{comparison}");
    assert_eq!(counts.connections, Kind::ALL.len() as u64 + 1);
    assert_eq!((counts.open, counts.most_to_one, counts.unknown), (0, 1, 0));
}

#[tokio::test]
async fn every_live_kind_is_found_directly() {
    let world = Arc::new(World::of_kinds(&config(), Kind::ALL));
    let stop = CancellationToken::new();
    let server = match SimServer::listen_direct(Arc::clone(&world), 0, stop.clone()) {
        Ok(server) => server,
        Err(error @ (ServeError::BindDevice(_) | ServeError::OnlyLinux)) => {
            println!("skipped: {error}");
            return;
        }
        Err(error) => panic!("{error}"),
    };
    let port = server.addr().port();
    let mut calls = JoinSet::new();
    for (n, node) in world.nodes().iter().enumerate() {
        if node.kind.is_live() {
            let addr = World::loopback_addr(n, port);
            let is_full = node.kind == Kind::FullAtFirst;
            calls.spawn(async move {
                if is_full {
                    call_directly(addr).await;
                }
                visit(PeerAddr::from(addr), call_directly(addr).await)
            });
        }
    }
    let visits = calls.join_all().await;
    stop.cancel();
    server.join().await;
    let comparison = compare(&world.truth(Reach::Direct(port)), &visits);
    assert!(comparison.is_perfect(), "{comparison}");
}

#[tokio::test]
async fn every_kind_is_found_over_i2p() {
    let config = WorldConfig {
        networks: NetworkMix {
            ipv4: 0,
            ipv6: 0,
            onion: 0,
            i2p: 1,
            cjdns: 0,
        },
        ..config()
    };
    let world = Arc::new(World::of_kinds(&config, Kind::ALL));
    let stop = CancellationToken::new();
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let server = SimServer::start_sam(Arc::clone(&world), listen, stop.clone()).unwrap();
    let router = server.addr();
    let mut session = TcpStream::connect(router).await.unwrap();
    let create = "SESSION CREATE STYLE=STREAM ID=census DESTINATION=TRANSIENT SIGNATURE_TYPE=7";
    let created = ask(&mut session, create).await;
    assert!(created.starts_with("SESSION STATUS RESULT=OK DESTINATION="));
    let mut calls = JoinSet::new();
    for node in world.nodes() {
        let addr = node.addr;
        let is_full = node.kind == Kind::FullAtFirst;
        calls.spawn(async move {
            if is_full {
                call_by_router(router, addr).await;
            }
            visit(addr, call_by_router(router, addr).await)
        });
    }
    let visits = calls.join_all().await;
    let comparison = compare(&world.truth(Reach::Proxy), &visits);
    assert!(comparison.is_perfect(), "{comparison}");

    let nobody = PeerAddr::new(Host::I2p([1; 32]), 0);
    let look_up = format!("NAMING LOOKUP NAME={}", nobody.host);
    let unknown = ask(&mut session, &look_up).await;
    assert!(unknown.starts_with("NAMING REPLY RESULT=KEY_NOT_FOUND"));
    let mut other = TcpStream::connect(router).await.unwrap();
    let twice = ask(&mut other, create).await;
    assert_eq!(twice, "SESSION STATUS RESULT=DUPLICATED_ID");
    drop(session);
    while ask(&mut other, create).await == "SESSION STATUS RESULT=DUPLICATED_ID" {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn nodes_that_are_down_are_not_reached() {
    let config = WorldConfig {
        churn: Churn {
            share: 1.0,
            period: Duration::from_secs(1_000_000),
        },
        ..config()
    };
    let world = Arc::new(World::of_kinds(&config, &[Kind::Honest; 40]));
    let stop = CancellationToken::new();
    let server = start(&world, &stop);
    let proxy = server.addr();
    let mut calls = JoinSet::new();
    for (n, node) in world.nodes().iter().enumerate() {
        let addr = node.addr;
        calls.spawn(async move { (n, call_by_proxy(proxy, addr).await.outcome) });
    }
    let mut n_up = 0;
    for (n, outcome) in calls.join_all().await {
        let is_up = world.is_up(n, Duration::ZERO);
        n_up += usize::from(is_up);
        let expected = match outcome {
            Outcome::Complete => true,
            Outcome::ConnectRefused | Outcome::ConnectTimeout => false,
            other => panic!("{other}"),
        };
        assert_eq!(is_up, expected, "node {n}");
    }
    assert!((10..30).contains(&n_up), "{n_up} of 40 are up");
}

#[tokio::test]
async fn a_stopped_server_ends_every_call() {
    let world = Arc::new(World::of_kinds(
        &config(),
        &[Kind::Silent, Kind::NeverAnswers],
    ));
    let stop = CancellationToken::new();
    let server = start(&world, &stop);
    let mut open = Vec::new();
    for node in world.nodes() {
        let mut stream = TcpStream::connect(server.addr()).await.unwrap();
        stream.write_all(&request(1, node.addr)).await.unwrap();
        open.push(stream);
    }
    while server.counts().most_to_one == 0 || server.counts().open < 2 {
        tokio::task::yield_now().await;
    }
    stop.cancel();
    let counts = timeout(Duration::from_secs(5), server.join())
        .await
        .unwrap();
    let expected = Counts {
        connections: 2,
        peak: 2,
        most_to_one: 1,
        ..Counts::default()
    };
    assert_eq!(counts, expected);
    for mut stream in open {
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await;
    }
}

#[tokio::test]
async fn an_address_that_nobody_has_is_unreachable() {
    let world = Arc::new(World::of_kinds(&config(), &[]));
    let stop = CancellationToken::new();
    let server = start(&world, &stop);
    let nobody = PeerAddr::parse("1.2.3.4:8333", 0).unwrap();
    let ending = call_by_proxy(server.addr(), nobody).await;
    assert_eq!(ending.outcome, Outcome::ConnectUnreachable);
    assert_eq!(server.counts().unknown, 1);
}

#[tokio::test]
async fn a_seed_is_resolved_to_a_node() {
    let only_ipv4 = WorldConfig {
        networks: NetworkMix {
            ipv4: 1,
            ipv6: 0,
            onion: 0,
            i2p: 0,
            cjdns: 0,
        },
        ..config()
    };
    let world = Arc::new(World::of_kinds(&only_ipv4, &[Kind::Refused, Kind::Honest]));
    let stop = CancellationToken::new();
    let server = start(&world, &stop);
    let mut stream = TcpStream::connect(server.addr()).await.unwrap();
    let name = b"seed.example";
    let len = u8::try_from(name.len()).unwrap();
    let request = [&[5, 1, 0, 5, 0xf0, 0, 3, len], &name[..], &[0, 0]].concat();
    stream.write_all(&request).await.unwrap();
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).await.unwrap();
    let Host::Ipv4(ip) = world.nodes()[1].addr.host else {
        panic!("only IPv4 was ordered");
    };
    assert_eq!(reply, [&[5, 0, 5, 0, 0, 1], &ip[..], &[0, 0]].concat());
}

#[tokio::test]
async fn nothing_but_loopback_is_bound() {
    let world = Arc::new(World::of_kinds(&config(), &[]));
    let open = SocketAddr::from(([0, 0, 0, 0], 0));
    let error = SimServer::start(world, open, CancellationToken::new()).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("0.0.0.0:0 is not on loopback")
    );
}

fn config() -> WorldConfig {
    WorldConfig {
        seed: 11,
        median_rtt: Duration::from_millis(10),
        patience: PATIENCE,
        networks: NetworkMix {
            ipv4: 1,
            ipv6: 1,
            onion: 1,
            i2p: 1,
            cjdns: 1,
        },
        ..WorldConfig::default()
    }
}

fn start(world: &Arc<World>, stop: &CancellationToken) -> SimServer {
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    SimServer::start(Arc::clone(world), listen, stop.clone()).expect("loopback is there")
}

fn visit(addr: PeerAddr, ending: Ending) -> Visit {
    Visit {
        addr,
        source: 0,
        attempt: 1,
        dialect: Dialect::Modern,
        call: Call {
            transport: Some(Transport::V1),
            heard: ending.heard,
            ..Call::not_connected(0, ending.outcome, ending.reason)
        },
    }
}

async fn call_directly(addr: SocketAddr) -> Ending {
    match TcpStream::connect(addr).await {
        Ok(stream) => talk(stream).await,
        Err(error) => failed(Outcome::ConnectOther, &error.to_string()),
    }
}

async fn call_by_proxy(proxy: SocketAddr, addr: PeerAddr) -> Ending {
    let connect = async {
        let mut stream = TcpStream::connect(proxy).await?;
        stream.write_all(&request(1, addr)).await?;
        let mut reply = [0; 12];
        stream.read_exact(&mut reply).await?;
        Ok::<_, io::Error>((stream, reply[3]))
    };
    match timeout(CONNECT_TIMEOUT, connect).await {
        Err(_) => failed(Outcome::ConnectTimeout, ""),
        Ok(Err(error)) => failed(Outcome::ProxyError, &error.to_string()),
        Ok(Ok((stream, 0))) => talk(stream).await,
        Ok(Ok((_, 5))) => failed(Outcome::ConnectRefused, ""),
        Ok(Ok((_, 3 | 4))) => failed(Outcome::ConnectUnreachable, ""),
        Ok(Ok((_, 6))) => failed(Outcome::ConnectTimeout, ""),
        Ok(Ok((_, code))) => failed(Outcome::ProxyError, &code.to_string()),
    }
}

async fn call_by_router(router: SocketAddr, addr: PeerAddr) -> Ending {
    let mut stream = TcpStream::connect(router).await.expect("it listens");
    ask(&mut stream, "HELLO VERSION MIN=3.1 MAX=3.1").await;
    let found = ask(&mut stream, &format!("NAMING LOOKUP NAME={}", addr.host)).await;
    let (_, destination) = found.split_once(" VALUE=").expect("every node has one");
    let connect = format!("STREAM CONNECT ID=census DESTINATION={destination} SILENT=false");
    let answer = timeout(CONNECT_TIMEOUT, ask(&mut stream, &connect)).await;
    match answer.as_deref() {
        Ok("STREAM STATUS RESULT=OK") => talk(stream).await,
        Ok("STREAM STATUS RESULT=CANT_REACH_PEER") => failed(Outcome::ConnectUnreachable, ""),
        Ok("STREAM STATUS RESULT=TIMEOUT") | Err(_) => failed(Outcome::ConnectTimeout, ""),
        Ok(other) => failed(Outcome::SamError, other),
    }
}

/// Says one line to the router, and reads one.
async fn ask(stream: &mut TcpStream, line: &str) -> String {
    let said = stream.write_all(format!("{line}\n").as_bytes()).await;
    said.expect("it listens");
    let mut answer = Vec::new();
    loop {
        match stream.read_u8().await.expect("it answers") {
            b'\n' => return String::from_utf8(answer).expect("it writes text"),
            byte => answer.push(byte),
        }
    }
}

/// Greets without a login, and asks for `addr` in the same breath.
fn request(command: u8, addr: PeerAddr) -> Vec<u8> {
    let mut bytes = vec![5, 1, 0, 5, command, 0];
    match addr.host.ip() {
        Some(IpAddr::V4(ip)) => {
            bytes.push(1);
            bytes.extend(ip.octets());
        }
        Some(IpAddr::V6(ip)) => {
            bytes.push(4);
            bytes.extend(ip.octets());
        }
        None => {
            let name = addr.host.to_string();
            bytes.extend([3, u8::try_from(name.len()).expect("names are short")]);
            bytes.extend(name.as_bytes());
        }
    }
    bytes.extend(addr.port.to_be_bytes());
    bytes
}

fn failed(outcome: Outcome, reason: &str) -> Ending {
    Ending {
        outcome,
        reason: Some(reason.to_owned()),
        wants_v1: false,
        heard: Default::default(),
    }
}

async fn talk(mut stream: TcpStream) -> Ending {
    let began = Instant::now();
    let config = Arc::new(SessionConfig {
        handshake_timeout: PATIENCE,
        answer_timeout: Duration::from_secs(2),
        ..SessionConfig::default()
    });
    let mut session = Session::start(config, None, Chance::v1(42), 1_789_000_000, Duration::ZERO);
    let mut buffer = [0; 4_096];
    loop {
        match session.poll_output(began.elapsed()) {
            Some(Output::Close) => return session.finish(),
            Some(Output::Send(bytes)) => {
                if let Err(error) = stream.write_all(&bytes).await {
                    session.handle_hangup(Hangup::Broken(error.to_string()));
                }
                continue;
            }
            None => (),
        }
        let until = began + session.deadline().expect("it is not over");
        match timeout_at(until, stream.read(&mut buffer)).await {
            Ok(Ok(0)) => session.handle_hangup(Hangup::Closed),
            Ok(Ok(n)) => session.handle_bytes(&buffer[..n], began.elapsed()),
            Ok(Err(error)) => session.handle_hangup(Hangup::Broken(error.to_string())),
            Err(_) => session.handle_timeout(began.elapsed()),
        }
    }
}
