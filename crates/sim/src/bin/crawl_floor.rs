//! The least that a crawler does, to measure others by: dial each address through a SOCKS5 proxy, shake hands, ask for
//! addresses, take the first answer of more than one, follow it. No rules, no store, no second try, one thread.
//!
//! `crawl_floor --proxy 127.0.0.1:9050 --list FILE --in-flight 10000 --timeout-ms 5000` starts from the addresses of the
//! list and prints one line of JSON. The time-out is for the connection, for the `version` and for the answer, each.

use std::collections::{HashSet, VecDeque};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use proto::framing::v1::{HeaderForm, encode_into};
use proto::gossip::{decode_addr, decode_addrv2};
use proto::{Chain, Command, PeerAddr, command};
use sim::floor::{self, FloorArgs, ProxyAnswer, RawMessage};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// A node that announces itself first says more later.
const LEAST_ANSWER: usize = 2;

struct Words {
    proxy: SocketAddr,
    timeout: Duration,
    version: Vec<u8>,
    /// That we understand `addrv2`, that we read the `version`, and the question.
    question: Vec<u8>,
}

fn main() -> io::Result<()> {
    let args = FloorArgs::read(std::env::args().skip(1))?;
    let start = args.targets()?;
    let words = Arc::new(Words {
        proxy: args.proxy,
        timeout: args.timeout,
        version: floor::version_message(),
        question: say(&[command::SENDADDRV2, command::VERACK, command::GETADDR]),
    });
    let began = Instant::now();
    let (known, answered) = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(crawl(&words, start, args.in_flight));
    let wall_ms = began.elapsed().as_millis();
    let failed = known - answered;
    writeln!(
        io::stdout(),
        r#"{{"answered":{answered},"known":{known},"failed":{failed},"wall_ms":{wall_ms}}}"#
    )
}

/// Returns how many addresses it knows in the end, and how many answered.
async fn crawl(words: &Arc<Words>, start: Vec<PeerAddr>, in_flight: usize) -> (usize, usize) {
    let mut known: HashSet<PeerAddr> = start.iter().copied().collect();
    let mut to_call = VecDeque::from(start);
    let mut calls = JoinSet::new();
    let mut n_answered = 0;
    loop {
        while calls.len() < in_flight.max(1)
            && let Some(target) = to_call.pop_front()
        {
            calls.spawn(call(Arc::clone(words), target));
        }
        let Some(ended) = calls.join_next().await else {
            return (known.len(), n_answered);
        };
        if let Ok(Ok(told)) = ended {
            n_answered += 1;
            to_call.extend(told.into_iter().filter(|it| known.insert(*it)));
        }
    }
}

async fn call(words: Arc<Words>, target: PeerAddr) -> io::Result<Vec<PeerAddr>> {
    let mut line = Line {
        stream: timeout(words.timeout, TcpStream::connect(words.proxy)).await??,
        heard: Vec::new(),
    };
    let first = floor::first_words(&target, &words.version);
    line.stream.write_all(&first).await?;
    drop(first);
    timeout(words.timeout, line.connected()).await??;
    timeout(words.timeout, line.hear(is_version)).await??;
    line.stream.write_all(&words.question).await?;
    timeout(words.timeout, line.hear(read_answer)).await?
}

/// A connection, and what came that is not read yet.
struct Line {
    stream: TcpStream,
    heard: Vec<u8>,
}

impl Line {
    async fn connected(&mut self) -> io::Result<()> {
        loop {
            self.read_more().await?;
            match ProxyAnswer::read(&self.heard) {
                ProxyAnswer::Unfinished => (),
                ProxyAnswer::Refused => return Err(io::ErrorKind::ConnectionRefused.into()),
                ProxyAnswer::Connected(len) => {
                    self.heard.drain(..len);
                    return Ok(());
                }
            }
        }
    }

    /// Reads messages until `take` makes something of one.
    async fn hear<T>(&mut self, take: fn(RawMessage<'_>) -> Option<T>) -> io::Result<T> {
        loop {
            let mut rest = &self.heard[..];
            while let Some(message) = RawMessage::read(rest)? {
                rest = message.behind;
                if let Some(taken) = take(message) {
                    let n_read = self.heard.len() - rest.len();
                    self.heard.drain(..n_read);
                    return Ok(taken);
                }
            }
            let n_read = self.heard.len() - rest.len();
            self.heard.drain(..n_read);
            self.read_more().await?;
        }
    }

    async fn read_more(&mut self) -> io::Result<()> {
        match floor::read_into(&mut self.stream, &mut self.heard).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

fn is_version(message: RawMessage<'_>) -> Option<()> {
    (message.command == command::VERSION.to_wire()).then_some(())
}

fn read_answer(message: RawMessage<'_>) -> Option<Vec<PeerAddr>> {
    let told: Vec<PeerAddr> = if message.command == command::ADDRV2.to_wire() {
        let entries = decode_addrv2(message.payload).ok()?;
        let told = entries.iter().filter_map(|it| Some(it.claim().ok()?.addr));
        told.collect()
    } else if message.command == command::ADDR.to_wire() {
        let entries = decode_addr(message.payload, true).ok()?;
        let told = entries.iter().filter_map(|it| Some(it.claim().ok()?.addr));
        told.collect()
    } else {
        return None;
    };
    (told.len() >= LEAST_ANSWER).then_some(told)
}

fn say(commands: &[Command]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for command in commands {
        let form = HeaderForm::WithChecksum;
        encode_into(&mut bytes, Chain::Mainnet.magic(), form, *command, b"");
    }
    bytes
}
