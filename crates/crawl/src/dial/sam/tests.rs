//! Calls through a router that this process plays itself.

use super::*;
use std::collections::VecDeque;
use std::sync::Mutex;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::TcpListener;
use tokio::net::tcp::OwnedWriteHalf;
use tokio_util::sync::CancellationToken;

const PEER: &str = "ukeu3k5oycgaauneqgtnvselmt4yemvoilkln7jpvamvfx7dnkdq.b32.i2p:0";
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_call_becomes_a_stream_and_what_came_early_is_kept() {
    let router = FakeRouter::start(Script::default()).await;
    let connection = router
        .client
        .connect(&peer(PEER), b"first words", PATIENCE)
        .await;
    let mut connection = connection.unwrap();
    assert_eq!(connection.early, b"early");
    let mut echo = [0; 11];
    connection.stream.read_exact(&mut echo).await.unwrap();
    assert_eq!(&echo, b"first words");
    let name = PEER.trim_end_matches(":0");
    let asked = [
        "HELLO VERSION MIN=3.1 MAX=3.1",
        "SESSION CREATE STYLE=STREAM ID=ID DESTINATION=TRANSIENT SIGNATURE_TYPE=7 i2cp.leaseSetEncType=4,0",
        "HELLO VERSION MIN=3.1 MAX=3.1",
        &format!("NAMING LOOKUP NAME={name}"),
        "STREAM CONNECT ID=ID DESTINATION=ab~-= SILENT=false",
    ];
    assert_eq!(router.asked(), asked);
}

#[tokio::test]
async fn what_is_said_of_the_peer_is_told_from_the_routers_own_trouble() {
    let connecting = |answer: &'static str| Script {
        stream: answer,
        ..Script::default()
    };
    let looking_up = |answer: &'static str| Script {
        naming: answer,
        ..Script::default()
    };
    for (script, expected) in [
        (
            connecting("STREAM STATUS RESULT=CANT_REACH_PEER MESSAGE=\"no \x1b[2J lease set\""),
            "connect_unreachable SAM CANT_REACH_PEER: no \\u{1b}[2J lease set",
        ),
        (
            connecting("STREAM STATUS RESULT=TIMEOUT"),
            "connect_timeout SAM TIMEOUT",
        ),
        (
            connecting("STREAM STATUS RESULT=INVALID_KEY"),
            "connect_unreachable SAM INVALID_KEY",
        ),
        (
            connecting("STREAM STATUS RESULT=I2P_ERROR MESSAGE=oh"),
            "sam_error SAM I2P_ERROR: oh",
        ),
        (
            connecting("STREAM STATUS RESULT=NEW_WORD"),
            "sam_error SAM NEW_WORD",
        ),
        (
            connecting("HTTP/1.1 400"),
            "sam_error the I2P router said what is no STREAM STATUS: HTTP/1.1 400",
        ),
        (connecting(""), "sam_error the I2P router hung up"),
        (
            looking_up("NAMING REPLY RESULT=KEY_NOT_FOUND NAME=x"),
            "connect_unreachable SAM KEY_NOT_FOUND",
        ),
        (
            looking_up("NAMING REPLY RESULT=INVALID_KEY NAME=x MESSAGE=m"),
            "connect_unreachable SAM INVALID_KEY: m",
        ),
        (
            looking_up("NAMING REPLY RESULT=OK NAME=x VALUE=a\tSILENT=true"),
            "sam_error the I2P router found a destination that is none",
        ),
        (
            looking_up("NAMING REPLY RESULT=OK NAME=x"),
            "sam_error the I2P router found a destination that is none",
        ),
    ] {
        let router = FakeRouter::start(script).await;
        assert_eq!(router.call().await, expected);
    }
}

#[tokio::test]
async fn many_calls_wait_for_one_session() {
    let router = FakeRouter::start(Script::default()).await;
    let calls: Vec<_> = (0..50)
        .map(|_| {
            let client = router.client.clone();
            tokio::spawn(async move { client.connect(&peer(PEER), b"", PATIENCE).await.is_ok() })
        })
        .collect();
    for call in calls {
        assert!(call.await.unwrap());
    }
    assert_eq!(router.n_sessions(), 1);
}

#[tokio::test]
async fn a_session_that_is_refused_is_asked_for_again() {
    let refusals = VecDeque::from([
        "SESSION STATUS RESULT=I2P_ERROR MESSAGE=\"no tunnels\"",
        "?",
    ]);
    let router = FakeRouter::start(Script {
        sessions: refusals,
        ..Script::default()
    })
    .await;
    let refused = "way down: sam_error SAM I2P_ERROR: no tunnels";
    assert_eq!(router.call().await, refused);
    router.call_until("connected").await;
    assert_eq!(router.n_sessions(), 3);
}

#[tokio::test]
async fn a_session_that_the_router_forgot_is_made_again() {
    let router = FakeRouter::start(Script::default()).await;
    assert_eq!(router.call().await, "connected");
    router.forget_sessions();
    assert_eq!(router.call().await, "sam_error SAM INVALID_ID");
    router.call_until("connected").await;
    assert_eq!(router.n_sessions(), 2);
}

#[tokio::test]
async fn a_router_that_dies_and_comes_back_is_used_again() {
    let mut router = FakeRouter::start(Script::default()).await;
    assert_eq!(router.call().await, "connected");
    router.die();
    let gone = format!(
        "way down: sam_error the I2P router {} cannot be reached",
        router.client.at
    );
    router.call_until(&gone).await;
    router.come_back().await;
    router.call_until("connected").await;
    assert_eq!(router.n_sessions(), 2);
}

#[tokio::test]
async fn a_router_that_is_silent_is_no_fact_about_the_peer() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap().to_string();
    let client = Router::parse(&at).unwrap();
    let called = client
        .connect(&peer(PEER), b"", Duration::from_millis(10))
        .await;
    let expected = format!("way down: sam_error the I2P router {at} was not ready in time");
    assert_eq!(tell(called), expected);
}

#[tokio::test]
async fn a_peer_that_does_not_answer_in_time_is_one() {
    let router = FakeRouter::start(Script {
        stream: "silence",
        ..Script::default()
    })
    .await;
    router.client.check().await.unwrap();
    let patience = Duration::from_secs(1);
    let called = router.client.connect(&peer(PEER), b"", patience).await;
    assert_eq!(tell(called), "connect_timeout ");
}

#[tokio::test(start_paused = true)]
async fn the_time_of_the_router_is_not_the_peers() {
    let router = FakeRouter::start(Script {
        session_takes: PATIENCE - Duration::from_secs(1),
        stream_takes: PATIENCE - Duration::from_secs(1),
        ..Script::default()
    })
    .await;
    assert_eq!(router.call().await, "connected");
}

#[tokio::test]
async fn a_check_says_whether_a_session_can_be_had() {
    let router = FakeRouter::start(Script::default()).await;
    assert_eq!(router.client.check().await, Ok(()));
    let nobody = Router::parse("127.0.0.1:1").unwrap();
    let why = nobody.check().await.unwrap_err();
    assert!(
        why.starts_with("the I2P router 127.0.0.1:1 cannot be reached: "),
        "{why}"
    );
}

#[tokio::test]
async fn nothing_but_names_is_looked_up() {
    let router = Router::parse("127.0.0.1:1").unwrap();
    let name = |host: &str| Target::Name {
        host: host.to_owned(),
        port: 8333,
    };
    for (target, expected) in [
        (
            peer(&PEER.replace(":0", ":8333")),
            "I2P has no ports by SAM 3.1, so they are all 0",
        ),
        (name("a b.i2p"), "it is no name"),
        (name("a.i2p\nSESSION"), "it is no name"),
    ] {
        let called = router.connect(&target, b"", PATIENCE).await;
        assert_eq!(tell(called), format!("connect_unreachable {expected}"));
    }
}

#[test]
fn a_router_is_read_with_and_without_its_port() {
    let at = |text| Router::parse(text).map(|it| it.at);
    assert_eq!(at("127.0.0.1:1234"), Ok("127.0.0.1:1234".to_owned()));
    assert_eq!(at("localhost"), Ok("localhost:7656".to_owned()));
    assert_eq!(at("[::1]"), Ok("[::1]:7656".to_owned()));
    assert_eq!(at("[::1]:1"), Ok("[::1]:1".to_owned()));
    for wrong in ["", ":7656", "a:b", "http://127.0.0.1"] {
        assert_eq!(at(wrong), Err(ParseRouterError(wrong.to_owned())));
    }
}

fn peer(text: &str) -> Target {
    Target::Addr(PeerAddr::parse(text, 0).unwrap())
}

fn tell(called: Result<Connection, DialError>) -> String {
    match called {
        Ok(_) => "connected".to_owned(),
        Err(DialError::Failed(it)) => format!("{} {}", it.outcome, it.reason.unwrap_or_default()),
        Err(DialError::WayDown(it)) => {
            format!("way down: {} {}", it.outcome, it.reason.unwrap_or_default())
        }
        Err(DialError::MachineFull(error)) => panic!("{error}"),
    }
}

/// What a router answers where it is not asked to behave.
#[derive(Clone, Debug)]
struct Script {
    /// How it refuses its first sessions.
    sessions: VecDeque<&'static str>,
    naming: &'static str,
    stream: &'static str,
    session_takes: Duration,
    stream_takes: Duration,
}

impl Default for Script {
    fn default() -> Script {
        Script {
            sessions: VecDeque::new(),
            naming: "NAMING REPLY RESULT=OK NAME=x VALUE=ab~-=",
            stream: "STREAM STATUS RESULT=OK",
            session_takes: Duration::ZERO,
            stream_takes: Duration::ZERO,
        }
    }
}

struct FakeRouter {
    client: Router,
    state: Arc<Mutex<State>>,
    life: CancellationToken,
}

#[derive(Debug)]
struct State {
    script: Script,
    /// What it was asked, with session ids written `ID`.
    asked: Vec<String>,
    sessions: Vec<String>,
}

impl FakeRouter {
    async fn start(script: Script) -> FakeRouter {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap().to_string();
        let state = Arc::new(Mutex::new(State {
            script,
            asked: Vec::new(),
            sessions: Vec::new(),
        }));
        let life = CancellationToken::new();
        tokio::spawn(
            life.clone()
                .run_until_cancelled_owned(serve(listener, state.clone())),
        );
        let client = Router {
            pause: Duration::from_millis(10),
            ..Router::parse(&at).unwrap()
        };
        FakeRouter {
            client,
            state,
            life,
        }
    }

    async fn call(&self) -> String {
        tell(self.client.connect(&peer(PEER), b"", PATIENCE).await)
    }

    /// Calls until that ends as `expected`; nothing but the test's own time-out bounds it.
    async fn call_until(&self, expected: &str) {
        while !self.call().await.starts_with(expected) {
            tokio::task::yield_now().await;
        }
    }

    fn die(&mut self) {
        self.forget_sessions();
        self.life.cancel();
    }

    async fn come_back(&mut self) {
        let listener = TcpListener::bind(&self.client.at).await.unwrap();
        self.life = CancellationToken::new();
        let serving = serve(listener, self.state.clone());
        tokio::spawn(self.life.clone().run_until_cancelled_owned(serving));
    }

    fn forget_sessions(&self) {
        for id in &mut self.state.lock().unwrap().sessions {
            id.clear();
        }
    }

    fn n_sessions(&self) -> usize {
        self.state.lock().unwrap().sessions.len()
    }

    fn asked(&self) -> Vec<String> {
        let state = self.state.lock().unwrap();
        let id = &state.sessions[0];
        state.asked.iter().map(|it| it.replace(id, "ID")).collect()
    }
}

/// Serves everybody, until it is dropped.
async fn serve(listener: TcpListener, state: Arc<Mutex<State>>) {
    let mut clients = tokio::task::JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        // A paused clock would run on while the kernel holds a piece back.
        stream.set_nodelay(true).unwrap();
        let state = state.clone();
        clients.spawn(async move {
            let (reading, mut writing) = stream.into_split();
            let mut lines = BufReader::new(reading).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                let is_stream = line.starts_with("STREAM");
                let (answer, takes) = state.lock().unwrap().answer(&line);
                tokio::time::sleep(takes).await;
                let connects = is_stream && answer.ends_with("RESULT=OK");
                match answer.as_str() {
                    "" => return,
                    "silence" => std::future::pending().await,
                    answer if connects => say(&mut writing, &format!("{answer}\nearly")).await,
                    answer => say(&mut writing, &format!("{answer}\n")).await,
                }
                if connects {
                    let _ = tokio::io::copy(&mut lines.into_inner(), &mut writing).await;
                    return;
                }
            }
        });
    }
}

/// Writes in two pieces, of which the second has the end of the line and what is behind it.
async fn say(writing: &mut OwnedWriteHalf, words: &str) {
    let (head, tail) = words.split_at(words.len() / 2);
    for piece in [head, tail] {
        let _ = writing.write_all(piece.as_bytes()).await;
        tokio::task::yield_now().await;
    }
}

impl State {
    /// Returns what it says, and after how long.
    fn answer(&mut self, line: &str) -> (String, Duration) {
        self.asked.push(line.to_owned());
        let id = line.split(' ').find_map(|it| it.strip_prefix("ID="));
        let at_once = |words: &str| (words.to_owned(), Duration::ZERO);
        match line.split(' ').next().unwrap() {
            "HELLO" => at_once("HELLO REPLY RESULT=OK VERSION=3.1"),
            "SESSION" => {
                self.sessions.push(id.unwrap().to_owned());
                let secret = "A".repeat(900);
                let answer = match self.script.sessions.pop_front() {
                    Some(refusal) => refusal.to_owned(),
                    None => format!("SESSION STATUS RESULT=OK DESTINATION={secret}"),
                };
                (answer, self.script.session_takes)
            }
            "NAMING" => at_once(self.script.naming),
            "STREAM" if self.sessions.iter().any(|it| Some(it.as_str()) == id) => {
                (self.script.stream.to_owned(), self.script.stream_takes)
            }
            "STREAM" => at_once("STREAM STATUS RESULT=INVALID_ID"),
            other => panic!("{other}"),
        }
    }
}
