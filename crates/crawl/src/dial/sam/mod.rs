//! Connections into I2P through a router's SAM bridge, version 3.1.
//!
//! Own code, because the client at hand hides the router's answers, and these are what one wants to know: what they say
//! about the peer is told apart from the router's own trouble. One session stands for all calls; each call is a
//! connection of its own to the router, which becomes the stream to the peer.
//!
//! <https://geti2p.net/en/docs/api/samv3>

mod session;
mod talk;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use proto::text::escape;
use proto::{Outcome, PeerAddr};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;

use super::{Connection, DialError, Target, failed, silence, tcp, way_down};
use session::{Session, Standing};
use talk::{Answer, Talk};

/// The port of a SAM bridge, unless told otherwise.
pub const USUAL_PORT: u16 = 7656;
/// How long the router may take to build the tunnels of a session.
const SESSION_PATIENCE: Duration = Duration::from_secs(120);
/// How long to leave a router alone that made no session; doubled each time.
const PAUSE: Duration = Duration::from_secs(5);
/// How much of the router's words is kept, in characters.
const MAX_REASON: usize = 160;

/// An I2P router, and the session that all calls through it have in common.
#[derive(Clone, Debug)]
pub struct Router {
    at: String,
    pause: Duration,
    /// What the task that keeps the session tells; the first call starts it, and it ends when nobody listens.
    session: Arc<OnceLock<watch::Receiver<Session>>>,
}

/// The text names no router.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is no SAM bridge: expected HOST:PORT, as 127.0.0.1:7656")]
pub struct ParseRouterError(String);

/// What went wrong between us and the router; says nothing about any peer.
#[derive(Debug)]
enum Trouble {
    /// This machine has no file or port left.
    MachineFull(std::io::Error),
    /// The router is not there, hung up, or said what is no SAM.
    Router(String),
}

/// What goes wrong once a peer was asked for is the end of that call: its name may be what the router stumbles over.
impl From<Trouble> for DialError {
    fn from(trouble: Trouble) -> DialError {
        match trouble {
            Trouble::MachineFull(error) => DialError::MachineFull(error),
            Trouble::Router(why) => failed(Outcome::SamError, why),
        }
    }
}

impl Router {
    /// Reads `HOST:PORT`; without a port [`USUAL_PORT`] is meant.
    pub fn parse(text: &str) -> Result<Router, ParseRouterError> {
        let error = || ParseRouterError(text.to_owned());
        let is_bare_ipv6 = text.ends_with(']');
        let at = match text.rsplit_once(':').filter(|_| !is_bare_ipv6) {
            Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => {
                text.to_owned()
            }
            Some(_) => return Err(error()),
            None if text.is_empty() => return Err(error()),
            None => format!("{text}:{USUAL_PORT}"),
        };
        Ok(Router {
            at,
            pause: PAUSE,
            session: Arc::default(),
        })
    }

    /// Returns where it is, as `host:port`.
    pub fn at(&self) -> &str {
        &self.at
    }

    /// Checks that the router makes a session, and returns why not; takes as long as its tunnels take, two minutes at
    /// the most.
    pub(super) async fn check(&self) -> Result<(), String> {
        self.session().await.map(|_| ())
    }

    /// Has the router connect to `target`, and sends `first_words` there.
    ///
    /// The router has `patience` to be ready for it, and the peer has as much from then on.
    pub(super) async fn connect(
        &self,
        target: &Target,
        first_words: &[u8],
        patience: Duration,
    ) -> Result<Connection, DialError> {
        let name = name_of(target)?;
        let prepared = timeout(patience, self.prepare()).await;
        let (standing, mut talk) = match prepared.unwrap_or_else(|_| Err(self.not_ready())) {
            Ok(prepared) => prepared,
            Err(Trouble::MachineFull(error)) => return Err(DialError::MachineFull(error)),
            Err(Trouble::Router(why)) => return Err(way_down(Outcome::SamError, why)),
        };
        let reached = timeout(patience, self.reach(&standing, &mut talk, &name)).await;
        reached.unwrap_or_else(|_| Err(silence()))?;
        // Only now: words that come before the router's answer need not reach the peer.
        let (mut stream, early) = talk.into_stream();
        // Where the peer is gone already, reading says so better.
        let _ = stream.write_all(first_words).await;
        Ok(Connection { stream, early })
    }

    /// Waits for the session, and greets the router on a new connection.
    async fn prepare(&self) -> Result<(Standing, Talk<TcpStream>), Trouble> {
        let standing = self.session().await.map_err(Trouble::Router)?;
        let talk = greet(&self.at).await?;
        Ok((standing, talk))
    }

    fn not_ready(&self) -> Trouble {
        Trouble::Router(format!("the I2P router {} was not ready in time", self.at))
    }

    /// Has the router look `name` up and make `talk` a stream to it.
    async fn reach(
        &self,
        standing: &Standing,
        talk: &mut Talk<TcpStream>,
        name: &str,
    ) -> Result<(), DialError> {
        let question = format!("NAMING LOOKUP NAME={name}");
        let found = talk.ask(&question, "NAMING REPLY").await?;
        if let Some(failure) = failure_of(&found) {
            return Err(failure);
        }
        let destination = found.value.unwrap_or_default();
        if destination.is_empty() || !destination.chars().all(is_base64) {
            let why = "the I2P router found a destination that is none".to_owned();
            return Err(failed(Outcome::SamError, why));
        }
        let id = &standing.id;
        let question = format!("STREAM CONNECT ID={id} DESTINATION={destination} SILENT=false");
        let answer = talk.ask(&question, "STREAM STATUS").await?;
        if answer.result == "INVALID_ID" {
            standing.is_invalid.cancel();
        }
        match failure_of(&answer) {
            Some(failure) => Err(failure),
            None => Ok(()),
        }
    }

    /// Returns the session that stands; waits while it is being made, but not after that failed.
    async fn session(&self) -> Result<Standing, String> {
        let told = self.session.get_or_init(|| {
            let (tell, told) = watch::channel(Session::Making);
            tokio::spawn(session::keep(self.at.clone(), self.pause, tell));
            told
        });
        let mut told = told.clone();
        let settled = told.wait_for(|it| !matches!(it, Session::Making)).await;
        match settled.as_deref() {
            Ok(Session::Standing(standing)) => Ok(standing.clone()),
            Ok(Session::Failed(why)) => Err(why.to_string()),
            Ok(Session::Making) | Err(_) => Err("the I2P session is gone".to_owned()),
        }
    }
}

/// Connects to the router, and agrees on the version.
async fn greet(at: &str) -> Result<Talk<TcpStream>, Trouble> {
    let stream = match TcpStream::connect(at).await.map_err(tcp::classify) {
        Ok(stream) => stream,
        Err(DialError::MachineFull(error)) => return Err(Trouble::MachineFull(error)),
        Err(DialError::WayDown(failure) | DialError::Failed(failure)) => {
            let reason = failure.reason.unwrap_or_default();
            let why = format!("the I2P router {at} cannot be reached: {reason}");
            return Err(Trouble::Router(why));
        }
    };
    // Its failure costs time and nothing else.
    let _ = stream.set_nodelay(true);
    let mut talk = Talk::new(stream);
    let answer = talk
        .ask("HELLO VERSION MIN=3.1 MAX=3.1", "HELLO REPLY")
        .await?;
    match answer.result.as_str() {
        "OK" => Ok(talk),
        _ => Err(Trouble::Router(reason_of(&answer))),
    }
}

/// Returns the name under which the router finds `target`.
fn name_of(target: &Target) -> Result<String, DialError> {
    let unreachable = |why: &str| failed(Outcome::ConnectUnreachable, why.to_owned());
    match target {
        Target::Addr(PeerAddr { host, port: 0 }) => Ok(host.to_string()),
        Target::Addr(_) => Err(unreachable(
            "I2P has no ports by SAM 3.1, so they are all 0",
        )),
        Target::Name { host, .. } if host.chars().all(is_name) => Ok(host.clone()),
        Target::Name { .. } => Err(unreachable("it is no name")),
    }
}

fn is_name(char: char) -> bool {
    char.is_ascii_alphanumeric() || matches!(char, '-' | '.' | '_')
}

/// I2P's base 64 has `-` and `~` where others have `+` and `/`.
fn is_base64(char: char) -> bool {
    char.is_ascii_alphanumeric() || matches!(char, '-' | '~' | '=')
}

/// Returns what an answer about a peer means; `None` for success.
fn failure_of(answer: &Answer) -> Option<DialError> {
    let outcome = match answer.result.as_str() {
        "OK" => return None,
        "CANT_REACH_PEER" | "PEER_NOT_FOUND" | "KEY_NOT_FOUND" | "INVALID_KEY" => {
            Outcome::ConnectUnreachable
        }
        "TIMEOUT" => Outcome::ConnectTimeout,
        // I2P_ERROR, INVALID_ID, and whatever else a router has to say about itself.
        _ => Outcome::SamError,
    };
    Some(failed(outcome, reason_of(answer)))
}

fn reason_of(answer: &Answer) -> String {
    let words = match &answer.message {
        Some(message) => format!("SAM {}: {message}", answer.result),
        None => format!("SAM {}", answer.result),
    };
    escape(&words, MAX_REASON)
}

#[cfg(test)]
mod tests;
