//! One call on a thread that waits: the blocking twin of [`crawl::visit`] and [`crawl::drive`].
//!
//! The session is the same value that the async driver moves bytes for; only the waiting differs. Here the thread sleeps
//! in the kernel until bytes are there or the deadline is, and can do nothing else meanwhile.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crawl::dial::{DialError, Failure, Target, classify};
use crawl::drive::{LAST_WORDS, hangup};
use crawl::visit::{Unmade, micros, unix_now};
use proto::handshake::Hangup;
use proto::session::{Chance, Ending, Output};
use proto::visit::Transport;
use proto::{Call, Network, Outcome, PeerAddr, Session, SessionConfig};

use crate::RaceError;
use crate::manner::{Manner, Way};
use crate::socks5;
use crate::times::{CallTimes, Clock};

/// How many bytes are read at once.
const READ_SIZE: usize = 8 * 1024;

/// Makes calls one at a time, each to its end.
#[derive(Clone, Debug)]
pub struct Phone {
    lines: BTreeMap<Network, Line>,
    work_rounds: u64,
    clock: Clock,
}

/// How calls over one network are made.
#[derive(Clone, Debug)]
struct Line {
    way: Way,
    session: Arc<SessionConfig>,
}

impl Phone {
    /// Calls in this manner, and tells times by `clock`.
    pub fn new(manner: &Manner, clock: Clock) -> Result<Phone, RaceError> {
        let mut lines = BTreeMap::new();
        for network in Network::ALL {
            if let Some(&way) = manner.way(network) {
                let session = manner.session(&way)?;
                lines.insert(network, Line { way, session });
            }
        }
        Ok(Phone {
            lines,
            work_rounds: manner.work_rounds,
            clock,
        })
    }

    /// Calls `addr`, does the work behind the call, and returns when what happened; `worker` is who calls.
    pub fn call(&self, worker: usize, addr: &PeerAddr) -> CallTimes {
        let began_us = self.clock.now_us();
        let called = match self.lines.get(&addr.network()) {
            Some(line) => line.call(addr),
            None => Ok(not_connected(no_way(), micros(unix_now()), Instant::now())),
        };
        let times = CallTimes::of(addr, worker, began_us, called);
        times.followed_by_work(self.work_rounds, &self.clock)
    }
}

impl Line {
    fn call(&self, addr: &PeerAddr) -> Result<Call, Unmade> {
        let (began, now) = (Instant::now(), unix_now());
        let started_at_us = micros(now);
        let unix_time = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        let chance = Chance::v1(fastrand::u64(..));
        let config = self.session.clone();
        let mut session = Session::start(config, Some(addr), chance, unix_time, Duration::ZERO);
        let stream = match self.dial(addr) {
            Ok(stream) => stream,
            Err(DialError::MachineFull(error)) => return Err(Unmade::MachineFull(error)),
            Err(DialError::WayDown(failure) | DialError::Failed(failure)) => {
                return Ok(not_connected(failure, started_at_us, began));
            }
        };
        let connect = began.elapsed();
        session.handle_connected(connect);
        let ending = drive(session, &stream, began);
        Ok(Call {
            started_at_us,
            took: began.elapsed(),
            connect: Some(connect),
            transport: Some(Transport::V1),
            tried: Vec::new(),
            outcome: ending.outcome,
            reason: ending.reason,
            heard: ending.heard,
        })
    }

    fn dial(&self, addr: &PeerAddr) -> Result<TcpStream, DialError> {
        match (self.way.proxy, addr.socket_addr()) {
            (Some(proxy), _) => socks5::connect(proxy, &Target::Addr(*addr), self.way.connect),
            (None, Some(at)) => connect(at, self.way.connect),
            (None, None) => Err(DialError::Failed(no_way())),
        }
    }
}

/// A connection on which every read and write ends at one moment, however the bytes trickle.
#[derive(Debug)]
pub(crate) struct Until<'a> {
    pub(crate) stream: &'a TcpStream,
    pub(crate) at: Instant,
}

impl Until<'_> {
    /// Returns how long a wait may take yet. The system takes none of no time at all.
    fn left(&self) -> io::Result<Option<Duration>> {
        let left = self.at.saturating_duration_since(Instant::now());
        match left.is_zero() {
            true => Err(ErrorKind::TimedOut.into()),
            false => Ok(Some(left)),
        }
    }
}

impl Read for Until<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(self.left()?)?;
        self.stream.read(buffer)
    }
}

impl Write for Until<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(self.left()?)?;
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether a wait ended because its time was over: Unix says it in the first of these words, Windows in the second.
pub(crate) fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// Connects to `at` and no other.
pub(crate) fn connect(at: SocketAddr, patience: Duration) -> Result<TcpStream, DialError> {
    let connecting = TcpStream::connect_timeout(&at, patience).and_then(|stream| {
        stream.set_nodelay(true)?;
        Ok(stream)
    });
    connecting.map_err(|error| match is_timeout(&error) {
        true => DialError::Failed(silence()),
        false => classify(error),
    })
}

/// Whoever has not answered by now is a peer that does not.
pub(crate) fn silence() -> Failure {
    Failure {
        outcome: Outcome::ConnectTimeout,
        reason: None,
    }
}

fn no_way() -> Failure {
    Failure {
        outcome: Outcome::ConnectUnreachable,
        reason: None,
    }
}

/// Talks until the session is over; `began` is when the dial did. Every wait ends at the session's deadline.
fn drive(mut session: Session, stream: &TcpStream, began: Instant) -> Ending {
    let mut buffer = [0; READ_SIZE];
    let mut end = Hangup::Closed;
    loop {
        match session.poll_output(began.elapsed()) {
            Some(Output::Close) => return session.finish(),
            Some(Output::Send(bytes)) => {
                let at = match session.deadline() {
                    Some(deadline) => began + deadline,
                    None => Instant::now() + LAST_WORDS,
                };
                match (Until { stream, at }).write_all(&bytes) {
                    Ok(()) => (),
                    Err(error) if is_timeout(&error) => session.handle_timeout(at - began),
                    // Whoever takes no more may have said something before.
                    Err(error) => end = hangup(&error),
                }
                continue;
            }
            None => (),
        }
        let deadline = session
            .deadline()
            .expect("a session that says nothing more waits for something");
        let at = began + deadline;
        match (Until { stream, at }).read(&mut buffer) {
            Ok(0) => session.handle_hangup(end.clone()),
            Ok(n) => session.handle_bytes(&buffer[..n], began.elapsed()),
            // Whoever wakes a little early finds that nothing happened, and waits again.
            Err(error) if is_timeout(&error) => session.handle_timeout(began.elapsed()),
            Err(error) if error.kind() == ErrorKind::Interrupted => (),
            Err(error) => session.handle_hangup(hangup(&error)),
        }
    }
}

fn not_connected(failure: Failure, started_at_us: i64, began: Instant) -> Call {
    Call {
        took: began.elapsed(),
        ..Call::not_connected(started_at_us, failure.outcome, failure.reason)
    }
}
