//! Every strategy against a simulated network behind real sockets on loopback.
//!
//! Processes take part in the tests of the command, which has a program to start.
#![expect(
    clippy::unwrap_used,
    reason = "all of this is tests; clippy knows only those that are marked as such"
)]

use std::collections::BTreeMap;
use std::io::Cursor;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use proto::{Network, PeerAddr};
use race::child::Program;
use race::lap::{Job, answer};
use race::line::{self, Said};
use race::{CallTimes, Manner, Strategy, Usage, Way, work};
use sim::{Kind, NetworkMix, SimServer, World, WorldConfig};
use tokio_util::sync::CancellationToken;

/// How long the callers here wait for a handshake.
const PATIENCE: Duration = Duration::from_secs(2);
/// Those that need no process of their own.
const STRATEGIES: [Strategy; 5] = [
    Strategy::Serial,
    Strategy::Threads,
    Strategy::Pool,
    Strategy::Tasks,
    Strategy::TasksAndPool,
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_strategy_reaches_the_same_nodes_with_the_same_versions() {
    let world = World::generate(&WorldConfig {
        n_nodes: 30,
        odd_share: 0.0,
        ..config()
    });
    check(world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_nodes_hold_nobody_up() {
    let kinds = [
        Kind::Honest,
        Kind::Silent,
        Kind::SlowDrip,
        Kind::Garbage,
        Kind::WrongMagic,
        Kind::OversizeHeader,
        Kind::ClosesAtOnce,
        Kind::Resets,
        Kind::NoVerack,
        Kind::HangsUp,
        Kind::UserAgentNotUtf8,
        Kind::UserAgentLong,
        Kind::MalformedVersion,
        Kind::Fragmented,
        Kind::ChattyAfter,
        Kind::NoPong,
        Kind::Refused,
        Kind::HostUnreachable,
        Kind::TtlExpired,
        Kind::NeverAnswers,
        Kind::ProxyFailure,
    ];
    check(World::of_kinds(&config(), &kinds)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_is_done_behind_every_call_and_takes_cpu() {
    let world = World::generate(&WorldConfig {
        n_nodes: 5,
        odd_share: 0.0,
        dead_share: 0.0,
        ..config()
    });
    let rounds = work::rounds_for(Duration::from_millis(10));
    for strategy in STRATEGIES {
        let (calls, usage) = race(&world, strategy, rounds).await;
        let worked = calls.iter().filter(|it| it.work_us.is_some()).count();
        assert_eq!(worked, 5, "{strategy}");
        // Five times ten milliseconds, measured on a machine that may be quicker or slower at another moment.
        assert!(usage.cpu_us > 15_000, "{strategy}: {usage:?}");
    }
}

#[tokio::test]
async fn a_proxy_that_is_not_there_fails_every_call_and_no_strategy() {
    let addrs: Vec<_> = (1..=3)
        .map(|n| PeerAddr::new(std::net::Ipv4Addr::new(1, 2, 3, n), 8333))
        .collect();
    for strategy in STRATEGIES {
        let (calls, _) = lap(strategy, ([127, 0, 0, 1], 1).into(), &addrs, 0).await;
        let outcomes: Vec<_> = calls.iter().map(|it| it.outcome.as_str()).collect();
        assert_eq!(outcomes, ["proxy_error"; 3], "{strategy}");
    }
}

/// Has every strategy call the whole world, and compares what each found with what there is.
async fn check(world: World) {
    let expected: BTreeMap<_, _> = world
        .nodes()
        .iter()
        .map(|node| {
            let is_reached = node.kind.outcome().is_reachable();
            let version = is_reached.then_some(node.version.protocol_version);
            (
                node.addr.to_string(),
                (node.kind.outcome().code().to_owned(), version),
            )
        })
        .collect();
    for strategy in STRATEGIES {
        let (calls, usage) = race(&world, strategy, 0).await;
        let n_calls = calls.len();
        assert!(calls.iter().all(is_in_order), "{strategy}: {calls:?}");
        assert!(
            calls.iter().all(|it| it.ended_us <= usage.wall_us),
            "{strategy}"
        );
        let found: BTreeMap<_, _> = calls
            .into_iter()
            .map(|it| (it.address, (it.outcome, it.protocol_version)))
            .collect();
        assert_eq!((n_calls, &found), (expected.len(), &expected), "{strategy}");
    }
}

/// Whether each phase of a call ended after the one before.
fn is_in_order(call: &CallTimes) -> bool {
    let phases = [call.connected_us, call.version_us, call.verack_us];
    let times: Vec<_> = std::iter::once(call.began_us)
        .chain(phases.into_iter().flatten())
        .chain([call.ended_us])
        .collect();
    times.is_sorted()
}

async fn race(world: &World, strategy: Strategy, work_rounds: u64) -> (Vec<CallTimes>, Usage) {
    let stop = CancellationToken::new();
    let listen = ([127, 0, 0, 1], 0).into();
    let server = SimServer::start(Arc::new(world.clone()), listen, stop.clone()).unwrap();
    let addrs: Vec<_> = world.nodes().iter().map(|it| it.addr).collect();
    let told = lap(strategy, server.addr(), &addrs, work_rounds).await;
    stop.cancel();
    server.join().await;
    told
}

/// Runs a lap as the process of a race does, and returns what it said.
async fn lap(
    strategy: Strategy,
    proxy: std::net::SocketAddr,
    addrs: &[PeerAddr],
    work_rounds: u64,
) -> (Vec<CallTimes>, Usage) {
    let way = Way {
        proxy: Some(proxy),
        connect: PATIENCE,
        handshake: PATIENCE,
        answer: Duration::from_millis(500),
    };
    let job = Job {
        strategy,
        manner: Manner {
            chain: "mainnet".to_owned(),
            user_agent: "/race/".to_owned(),
            asks: true,
            ways: Network::ALL.map(|it| (it.name().to_owned(), way)).into(),
            work_rounds,
        },
        n_workers: 4,
        n_cores: NonZeroUsize::new(2).unwrap(),
        began_unix_us: None,
    };
    let mut told = Vec::new();
    line::write(&mut told, &job).unwrap();
    for addr in addrs {
        told.extend(format!("{addr}\n").bytes());
    }
    let program = Program {
        path: "none".into(),
        args: Vec::new(),
    };
    let said = tokio::task::spawn_blocking(move || {
        let mut said = Vec::new();
        answer(Cursor::new(told), &mut said, &program, || ()).unwrap();
        said
    });
    let (mut calls, mut usage) = (Vec::new(), None);
    for line in String::from_utf8(said.await.unwrap()).unwrap().lines() {
        match line::parse(line).unwrap() {
            Said::Call(call) => calls.push(*call),
            Said::End(said) => assert_eq!(usage.replace(said), None),
            Said::Failed(why) => panic!("{strategy}: {why}"),
        }
    }
    (calls, usage.unwrap())
}

fn config() -> WorldConfig {
    WorldConfig {
        median_rtt: Duration::from_millis(5),
        patience: PATIENCE,
        networks: NetworkMix::default(),
        dead_kinds: vec![Kind::Refused, Kind::HostUnreachable],
        ..WorldConfig::default()
    }
}
