//! Playing an I2P router: programs ask it over SAM 3.1 for streams to nodes.

use std::collections::HashSet;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use proto::Host;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::{Gate, MAX_LIFE, say, wait_for_the_end};
use crate::converse::{Ending, read_once};
use crate::kind::Dial;
use crate::sam::{self, Lines, Request};
use crate::socks;

/// The names of the sessions that stand; each as long as the connection that made it.
#[derive(Debug, Default)]
pub(super) struct Sessions(Mutex<HashSet<String>>);

/// A session, which ends when this is dropped.
struct Session<'a> {
    all: &'a Sessions,
    name: String,
}

impl Sessions {
    /// Makes a session, unless one with this name stands.
    fn create(&self, name: String) -> Option<Session<'_>> {
        let is_new = self.lock().insert(name.clone());
        is_new.then_some(Session { all: self, name })
    }

    fn stands(&self, name: &str) -> bool {
        self.lock().contains(name)
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        self.all.lock().remove(&self.name);
    }
}

impl Gate {
    /// Answers a program line by line; a line that asks for a stream is the last one.
    pub(super) async fn attend_program(&self, stream: &mut TcpStream) -> io::Result<Ending> {
        let mut lines = Lines::default();
        let mut session = None;
        loop {
            let request = match lines.poll_request() {
                Ok(Some(request)) => request,
                Ok(None) => match read_once(stream, |it| lines.handle_bytes(it)).await? {
                    0 => return Ok(Ending::Close),
                    _ => continue,
                },
                Err(sam::TooLong) => return Ok(Ending::Close),
            };
            let reply = match request {
                Request::Hello => "HELLO REPLY RESULT=OK VERSION=3.1".to_owned(),
                Request::CreateSession(name) => {
                    let key = sam::private_destination(&name);
                    match self.sessions.create(name) {
                        Some(created) => {
                            session = Some(created);
                            format!("SESSION STATUS RESULT=OK DESTINATION={key}")
                        }
                        None => "SESSION STATUS RESULT=DUPLICATED_ID".to_owned(),
                    }
                }
                Request::Lookup(name) if name == "ME" => match &session {
                    Some(it) => naming_reply(&name, &sam::private_destination(&it.name)),
                    None => "NAMING REPLY RESULT=INVALID_KEY NAME=ME".to_owned(),
                },
                Request::Lookup(name) => self.look_up(&name),
                Request::Connect {
                    session,
                    destination,
                } => {
                    if !self.sessions.stands(&session) {
                        return say(stream, b"STREAM STATUS RESULT=INVALID_ID\n").await;
                    }
                    let rest = lines.into_rest();
                    let open = self.open_stream(stream, &destination, &rest);
                    return timeout(MAX_LIFE, open).await.unwrap_or(Ok(Ending::Close));
                }
                Request::Ping(text) => format!("PONG {text}"),
                Request::Unknown => return Ok(Ending::Close),
            };
            stream.write_all(format!("{reply}\n").as_bytes()).await?;
        }
    }

    /// A router knows the destinations of all nodes, dead ones too.
    fn look_up(&self, name: &str) -> String {
        let Some(addr) = sam::read_destination(name) else {
            return format!("NAMING REPLY RESULT=INVALID_KEY NAME={name}");
        };
        match (self.world.find(&addr), addr.host) {
            (Some(_), Host::I2p(hash)) => naming_reply(name, &sam::destination(&hash)),
            _ => format!("NAMING REPLY RESULT=KEY_NOT_FOUND NAME={name}"),
        }
    }

    async fn open_stream(
        &self,
        stream: &mut TcpStream,
        destination: &str,
        rest: &[u8],
    ) -> io::Result<Ending> {
        let Some(addr) = sam::read_destination(destination) else {
            return say(stream, b"STREAM STATUS RESULT=INVALID_KEY\n").await;
        };
        let Some(n) = self.world.find(&addr) else {
            self.tally.count_unknown();
            return say(stream, b"STREAM STATUS RESULT=CANT_REACH_PEER\n").await;
        };
        let call = self.tally.call(n);
        let rtt = self.world.nodes()[n].rtt;
        match self.world.dial(n, self.started.elapsed()) {
            Dial::NeverAnswers => wait_for_the_end(stream).await,
            Dial::Fails(socks::TTL_EXPIRED) => {
                sleep(rtt).await;
                say(stream, b"STREAM STATUS RESULT=TIMEOUT\n").await
            }
            Dial::Fails(_) => {
                sleep(rtt).await;
                say(stream, b"STREAM STATUS RESULT=CANT_REACH_PEER\n").await
            }
            Dial::Connects => {
                sleep(rtt).await;
                stream.write_all(b"STREAM STATUS RESULT=OK\n").await?;
                self.talk(stream, n, call.n_earlier, rest).await
            }
        }
    }
}

fn naming_reply(name: &str, destination: &str) -> String {
    format!("NAMING REPLY RESULT=OK NAME={name} VALUE={destination}")
}
