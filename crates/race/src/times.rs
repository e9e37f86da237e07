//! When each phase of each call began and ended, on one clock for all threads and processes of a lap.

use std::time::{Duration, Instant};

use crawl::visit::{Unmade, micros, unix_now};
use proto::{Call, Outcome, PeerAddr};
use serde::{Deserialize, Serialize};

use crate::work;

/// The most characters that are kept of a user agent.
const MAX_USER_AGENT_CHARS: usize = 256;
/// How a call ended for which this machine had no file or port.
pub const MACHINE_FULL: &str = "machine_full";
/// How a call ended whose process was gone before it said anything.
pub const WORKER_DIED: &str = "worker_died";

/// One call: when which phase of it was over, and what came of it. Times are microseconds since the lap began.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallTimes {
    /// Whom we called.
    pub address: String,
    /// Which thread or process called, from 0 on.
    pub worker: usize,
    /// When the dial began.
    pub began_us: u64,
    /// When the connection stood.
    pub connected_us: Option<u64>,
    /// When the `version` was there.
    pub version_us: Option<u64>,
    /// When the `verack` was there.
    pub verack_us: Option<u64>,
    /// When we hung up.
    pub ended_us: u64,
    /// When the work for the CPU began and ended, where there was some.
    pub work_us: Option<(u64, u64)>,
    /// How it ended: an [`Outcome`]'s word, [`MACHINE_FULL`] or [`WORKER_DIED`].
    pub outcome: String,
    /// The protocol version that the node told.
    pub protocol_version: Option<i32>,
    /// The user agent that it told, as text; hostile, so escape it where it is shown.
    pub user_agent: Option<String>,
}

/// Tells time since the lap began.
///
/// Threads could share an [`Instant`], processes cannot: they share the moment on the machine's clock, and each goes on
/// from there by an instant of its own.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    ahead: Duration,
    origin: Instant,
}

impl Clock {
    /// Tells time since `began_unix_us`, microseconds since 1970.
    pub fn since(began_unix_us: i64) -> Clock {
        let ahead = micros(unix_now()).saturating_sub(began_unix_us);
        Clock {
            ahead: Duration::from_micros(u64::try_from(ahead).unwrap_or(0)),
            origin: Instant::now(),
        }
    }

    /// Returns the microseconds since the lap began.
    pub fn now_us(&self) -> u64 {
        whole_us(self.ahead + self.origin.elapsed())
    }
}

impl CallTimes {
    /// Takes in how a call went that began at `began_us`.
    pub fn of(
        addr: &PeerAddr,
        worker: usize,
        began_us: u64,
        called: Result<Call, Unmade>,
    ) -> CallTimes {
        let call = match called {
            Ok(call) => call,
            Err(Unmade::WayDown(call)) => *call,
            Err(Unmade::MachineFull(_)) => {
                return CallTimes::unmade(addr, worker, began_us, MACHINE_FULL);
            }
        };
        let at = |since_dial: Duration| began_us + whole_us(since_dial);
        let version = call.heard.version.as_ref();
        let user_agent = version.and_then(|it| it.user_agent.as_deref());
        CallTimes {
            connected_us: call.connect.map(at),
            version_us: call.heard.version_at.map(at),
            verack_us: call.heard.verack_at.map(at),
            ended_us: at(call.took),
            protocol_version: version.map(|it| it.protocol_version),
            user_agent: user_agent.map(shortened),
            ..CallTimes::unmade(addr, worker, began_us, call.outcome.code())
        }
    }

    /// A call that never left this machine.
    pub fn unmade(addr: &PeerAddr, worker: usize, at_us: u64, outcome: &str) -> CallTimes {
        CallTimes {
            address: addr.to_string(),
            worker,
            began_us: at_us,
            connected_us: None,
            version_us: None,
            verack_us: None,
            ended_us: at_us,
            work_us: None,
            outcome: outcome.to_owned(),
            protocol_version: None,
            user_agent: None,
        }
    }

    /// Does the work behind the call, and notes when.
    pub fn followed_by_work(self, rounds: u64, clock: &Clock) -> CallTimes {
        if rounds == 0 {
            return self;
        }
        let began_us = clock.now_us();
        work::burn(rounds);
        CallTimes {
            work_us: Some((began_us, clock.now_us())),
            ..self
        }
    }

    /// Whether the node gave its `version`.
    pub fn is_reached(&self) -> bool {
        Outcome::from_code(&self.outcome, None).is_some_and(Outcome::is_reachable)
    }
}

fn shortened(user_agent: &[u8]) -> String {
    let text = String::from_utf8_lossy(user_agent);
    text.chars().take(MAX_USER_AGENT_CHARS).collect()
}

/// Returns whole microseconds.
pub(crate) fn whole_us(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
