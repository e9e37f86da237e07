//! One call from dial to end.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use proto::session::Output;
use proto::visit::Transport;
use proto::{Call, Network, Session, SessionConfig};
use tokio::time::Instant;

use crate::dial::{DialError, Dialer, Target};
use crate::drive::drive;
use crate::patience::Patience;

/// Makes calls that have their way out and their manners in common.
#[derive(Clone, Debug)]
pub struct Caller {
    /// How connections are opened.
    pub dialer: Dialer,
    manners: BTreeMap<Network, Manner>,
}

#[derive(Clone, Debug)]
struct Manner {
    connect_timeout: Duration,
    session: Arc<SessionConfig>,
}

/// The machine had no file or port for the call, which therefore never happened.
#[derive(Debug, thiserror::Error)]
#[error("this machine has no file or port left for another connection: {0}")]
pub struct MachineFull(#[from] io::Error);

impl Caller {
    /// Calls over each network with its own patience, and otherwise as `session` says.
    pub fn new(
        dialer: Dialer,
        session: &SessionConfig,
        patience: impl Fn(Network) -> Patience,
    ) -> Caller {
        let manner = |network| {
            let patience = patience(network);
            Manner {
                connect_timeout: patience.connect,
                session: Arc::new(SessionConfig {
                    handshake_timeout: patience.handshake,
                    answer_timeout: patience.answer,
                    ..session.clone()
                }),
            }
        };
        Caller {
            dialer,
            manners: Network::ALL
                .into_iter()
                .map(|it| (it, manner(it)))
                .collect(),
        }
    }

    /// Calls `target`, and returns how that went.
    pub async fn call(&self, target: &Target) -> Result<Call, MachineFull> {
        let (began, started_at) = (Instant::now(), unix_now());
        let started_at_us = micros(started_at);
        let manner = &self.manners[&target.network()];
        let mut session = self.start_session(manner, target, started_at);
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
            Err(DialError::MachineFull(error)) => return Err(MachineFull(error)),
            Err(DialError::Failed(failure)) => {
                let (outcome, reason) = (failure.outcome, failure.reason);
                return Ok(Call {
                    took: began.elapsed(),
                    ..Call::not_connected(started_at_us, outcome, reason)
                });
            }
        };
        let connect = began.elapsed();
        session.handle_connected(connect);
        session.handle_bytes(&connection.early, connect);
        let ending = drive(session, connection.stream, began).await;
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

    /// Returns the longest that any call can take, whatever the peer does.
    pub fn longest_call(&self) -> Duration {
        let longest = self.manners.values().map(|manner| {
            let session = &manner.session;
            manner.connect_timeout + session.handshake_timeout + session.answer_timeout
        });
        longest.max().unwrap_or_default()
    }

    fn start_session(&self, manner: &Manner, target: &Target, now: Duration) -> Session {
        let peer = match target {
            Target::Addr(addr) => Some(addr),
            Target::Name { .. } => None,
        };
        let unix_time = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        let nonce = fastrand::u64(..);
        Session::start(
            manner.session.clone(),
            peer,
            nonce,
            unix_time,
            Duration::ZERO,
        )
    }
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
    use crate::dial::Route;
    use crate::patience::patience_for;

    #[test]
    fn a_call_is_small_because_thousands_are_in_flight() {
        let dialer = Dialer {
            route: Route::Direct,
            allow_private: true,
        };
        let caller = Caller::new(dialer, &SessionConfig::default(), |it| {
            patience_for(it, false)
        });
        let target = Target::Addr(proto::PeerAddr::new(std::net::Ipv4Addr::LOCALHOST, 1));
        let call = caller.call(&target);
        let size = size_of_val(&call);
        println!("call {size} session {}", size_of::<Session>());
        assert!(size < 2_500, "{size} bytes");
    }
}
