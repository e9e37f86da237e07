//! One call from dial to end.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use proto::framing::v2::keys::Secret;
use proto::session::{Chance, Output, Questions};
use proto::visit::{Dialect, Transport};
use proto::{Call, Network, Outcome, Session, SessionConfig};
use tokio::time::Instant;

use crate::dial::{DialError, Dialer, Failure, Target};
use crate::drive::drive;
use crate::patience::Patience;

/// Makes calls that have their way out and their manners in common.
#[derive(Clone, Debug)]
pub struct Caller {
    /// How connections are opened.
    pub dialer: Dialer,
    /// Which transports are tried.
    pub transports: Transports,
    manners: BTreeMap<(Network, Dialect, bool), Manner>,
}

#[derive(Clone, Debug)]
struct Manner {
    connect_timeout: Duration,
    session: Arc<SessionConfig>,
}

/// Which transports to try.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transports {
    /// v2 with those that are said to speak it, and v1 where that fails as with a node that speaks v1 alone.
    #[default]
    Auto,
    /// v1 alone.
    V1,
    /// v2 alone.
    V2,
}

/// What sets one call apart from others to the same network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Manners {
    /// In which manner we speak.
    pub dialect: Dialect,
    /// Whether the peer is said to speak v2.
    pub v2_first: bool,
    /// Whether it is not to be asked for addresses, although others are.
    pub no_gossip: bool,
}

impl Transports {
    /// Returns the word for it.
    pub fn name(self) -> &'static str {
        match self {
            Transports::Auto => "auto",
            Transports::V1 => "v1",
            Transports::V2 => "v2",
        }
    }

    /// Returns what to try, and what to try on a new connection where the peer turns out to speak v1 alone.
    fn plan(self, manners: Manners) -> (Transport, Option<Transport>) {
        let is_modern = manners.dialect == Dialect::Modern;
        match self {
            Transports::Auto if is_modern && manners.v2_first => {
                (Transport::V2, Some(Transport::V1))
            }
            Transports::V2 if is_modern => (Transport::V2, None),
            Transports::Auto | Transports::V1 | Transports::V2 => (Transport::V1, None),
        }
    }
}

/// Why a call never came to the peer, of which it therefore says nothing.
#[derive(Debug, thiserror::Error)]
pub enum Unmade {
    /// The machine had no file or port for it.
    #[error("this machine has no file or port left for another connection: {0}")]
    MachineFull(#[from] io::Error),
    /// The proxy or the router was not there. Where nobody waits for it to come back, this is how the call ended.
    #[error("the way there is gone: {}", .0.reason.as_deref().unwrap_or_default())]
    WayDown(Box<Call>),
}

impl Caller {
    /// Calls over each network with its own patience, and otherwise as `session` says.
    pub fn new(
        dialer: Dialer,
        transports: Transports,
        session: &SessionConfig,
        patience: impl Fn(Network) -> Patience,
    ) -> Caller {
        let manner = |(network, dialect, no_gossip)| {
            let patience = patience(network);
            let questions = match session.questions {
                Questions::Addresses if no_gossip => Questions::Features,
                usual => usual,
            };
            Manner {
                connect_timeout: patience.connect,
                session: Arc::new(SessionConfig {
                    dialect,
                    questions,
                    handshake_timeout: patience.handshake,
                    answer_timeout: match questions {
                        Questions::Addresses => patience.addrs,
                        Questions::Features | Questions::None => patience.answer,
                    },
                    quiet_timeout: patience.quiet,
                    ..session.clone()
                }),
            }
        };
        let mut each = Vec::new();
        for network in Network::ALL {
            for dialect in Dialect::ALL {
                each.extend([false, true].map(|no_gossip| (network, dialect, no_gossip)));
            }
        }
        Caller {
            dialer,
            transports,
            manners: each.into_iter().map(|it| (it, manner(it))).collect(),
        }
    }

    /// Calls `target`, and returns how that went.
    ///
    /// A peer that takes a v2 call as one that speaks v1 alone does is called once more, as Bitcoin Core does.
    pub async fn call(&self, target: &Target, manners: Manners) -> Result<Call, Unmade> {
        let manner = &self.manners[&(target.network(), manners.dialect, manners.no_gossip)];
        let (transport, fallback) = self.transports.plan(manners);
        let first = self.call_over(transport, manner, target).await?;
        let Some(fallback) = fallback.filter(|_| first.wants_v1) else {
            return Ok(first.call);
        };
        // Boxed: few calls come here, and thousands need no room for it.
        let second = Box::pin(self.call_over(fallback, manner, target)).await?;
        Ok(joined(first.call, second.call, transport))
    }

    async fn call_over(
        &self,
        transport: Transport,
        manner: &Manner,
        target: &Target,
    ) -> Result<Attempt, Unmade> {
        let (began, started_at) = (Instant::now(), unix_now());
        let started_at_us = micros(started_at);
        let chance = draw_chance(transport)?;
        let mut session = start_session(chance, manner, target, started_at);
        let first_words = match session.poll_output(Duration::ZERO) {
            Some(Output::Send(bytes)) => bytes,
            Some(Output::Close) | None => Vec::new(),
        };
        let dialling = self
            .dialer
            .dial(target, &first_words, manner.connect_timeout);
        let dialled = dialling.await;
        drop(first_words); // Thousands of calls wait behind this line.
        let connection = match dialled {
            Ok(connection) => connection,
            Err(DialError::MachineFull(error)) => return Err(Unmade::MachineFull(error)),
            Err(DialError::WayDown(failure)) => {
                let call = not_connected(failure, started_at_us, began);
                return Err(Unmade::WayDown(Box::new(call)));
            }
            Err(DialError::Failed(failure)) => {
                return Ok(Attempt {
                    call: not_connected(failure, started_at_us, began),
                    wants_v1: false,
                });
            }
        };
        let connect = began.elapsed();
        session.handle_connected(connect);
        session.handle_bytes(&connection.early, connect);
        let ending = drive(session, connection.stream, began).await;
        let call = Call {
            started_at_us,
            took: began.elapsed(),
            connect: Some(connect),
            transport: Some(transport),
            tried: Vec::new(),
            outcome: ending.outcome,
            reason: ending.reason,
            heard: ending.heard,
        };
        Ok(Attempt {
            call,
            wants_v1: ending.wants_v1,
        })
    }

    /// Returns the longest that any call can take over the ways that there are, whatever the peer does.
    pub fn longest_call(&self) -> Duration {
        let (ways, is_public) = (&self.dialer.ways, !self.dialer.allow_private);
        let manners = self.manners.iter();
        let called = manners.filter(|((network, ..), _)| ways.lead_to(*network, is_public));
        let longest = called.map(|((network, ..), manner)| {
            let session = &manner.session;
            let dial = ways.longest_dial(*network, manner.connect_timeout);
            dial + session.handshake_timeout + session.answer_timeout
        });
        let longest = longest.max().unwrap_or_default();
        match self.transports {
            Transports::Auto => longest * 2,
            Transports::V1 | Transports::V2 => longest,
        }
    }
}

/// One connection of a call.
struct Attempt {
    call: Call,
    wants_v1: bool,
}

fn not_connected(failure: Failure, started_at_us: i64, began: Instant) -> Call {
    Call {
        took: began.elapsed(),
        ..Call::not_connected(started_at_us, failure.outcome, failure.reason)
    }
}

/// Makes one call of two connections: durations are those of the second one, but the call began with the first.
fn joined(first: Call, second: Call, tried: Transport) -> Call {
    if second.connect.is_none() {
        // It took a call a moment ago, so it is there: it may have had one slot, and we took it.
        return Call {
            took: first.took + second.took,
            outcome: Outcome::ClosedBeforeVersion,
            ..first
        };
    }
    let mut call = Call {
        started_at_us: first.started_at_us,
        took: first.took + second.took,
        tried: vec![tried],
        ..second
    };
    call.heard.bytes_in += first.heard.bytes_in;
    call.heard.bytes_out += first.heard.bytes_out;
    call
}

fn draw_chance(transport: Transport) -> io::Result<Chance> {
    let mut chance = Chance::v1(fastrand::u64(..));
    if transport == Transport::V2 {
        let (mut key, mut encoding) = ([0; 32], [0; 32]);
        getrandom::fill(&mut key)?;
        getrandom::fill(&mut encoding)?;
        chance.v2 = Some(Secret::new(key, encoding));
    }
    Ok(chance)
}

fn start_session(chance: Chance, manner: &Manner, target: &Target, now: Duration) -> Session {
    let peer = match target {
        Target::Addr(addr) => Some(addr),
        Target::Name { .. } => None,
    };
    let unix_time = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    let config = manner.session.clone();
    Session::start(config, peer, chance, unix_time, Duration::ZERO)
}

/// Returns the time of this machine's clock since 1970.
pub fn unix_now() -> Duration {
    // A clock set before 1970 is wrong anyway; 0 says so.
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}

/// Returns whole microseconds, as visits keep them.
pub fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dial::sam::Router;
    use crate::dial::socks5::Proxy;
    use crate::dial::ways::Ways;
    use crate::patience::patience_for;
    use proto::Outcome;

    #[test]
    fn a_call_is_small_because_thousands_are_in_flight() {
        let caller = caller(Ways::direct(), Transports::Auto);
        let target = Target::Addr(proto::PeerAddr::new(std::net::Ipv4Addr::LOCALHOST, 1));
        let call = caller.call(&target, Manners::default());
        let size = size_of_val(&call);
        println!("call {size} session {}", size_of::<Session>());
        assert!(size < 2_500, "{size} bytes");
    }

    #[test]
    fn the_longest_call_is_one_that_is_made() {
        let longest = |ways, transports| caller(ways, transports).longest_call().as_secs();
        let tor = || Ways::direct().with_tor(vec![Proxy::parse("127.0.0.1:1").unwrap()]);
        let i2p = Ways::direct().with_i2p(Router::parse("127.0.0.1").unwrap());
        let mut broken = tor();
        broken.turn_off(Network::Onion);
        assert_eq!(longest(Ways::direct(), Transports::V1), 65);
        assert_eq!(longest(Ways::direct(), Transports::Auto), 130);
        assert_eq!(longest(tor(), Transports::V1), 230);
        assert_eq!(longest(broken, Transports::V1), 65);
        assert_eq!(longest(i2p, Transports::V1), 340);
    }

    #[tokio::test]
    async fn a_call_that_finds_no_way_says_nothing_about_its_peer() {
        let router = Router::parse("127.0.0.1:1").unwrap();
        let tor = vec![Proxy::parse("127.0.0.1:1").unwrap()];
        let caller = caller(
            Ways::direct().with_tor(tor).with_i2p(router),
            Transports::V1,
        );
        for (host, expected) in [
            (proto::Host::Onion([7; 32]), Outcome::ProxyError),
            (proto::Host::I2p([7; 32]), Outcome::SamError),
        ] {
            let target = Target::Addr(proto::PeerAddr::new(host, 0));
            match caller.call(&target, Manners::default()).await {
                Err(Unmade::WayDown(call)) => assert_eq!(call.outcome, expected),
                other => panic!("{other:?}"),
            }
        }
    }

    fn caller(ways: Ways, transports: Transports) -> Caller {
        let dialer = Dialer {
            ways,
            allow_private: true,
            opt_out: Arc::default(),
        };
        let session = SessionConfig {
            questions: Questions::Addresses,
            ..SessionConfig::default()
        };
        Caller::new(dialer, transports, &session, |it| patience_for(it, false))
    }
}
