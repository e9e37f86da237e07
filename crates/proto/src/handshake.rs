//! The opening of a conversation, over messages: who are you, understood, and what else can you do?
//!
//! Nothing here knows how messages are carried; [`crate::session`] puts a transport around it.

use std::time::Duration;

use crate::addr::PeerAddr;
use crate::asking::Asking;
use crate::gossip::Gossip;
use crate::message::Message;
use crate::outcome::Outcome;
use crate::protocol_version;
use crate::session::{Questions, SessionConfig};
use crate::version::{NetAddr, Version};
use crate::visit::Heard;
use crate::wire::DecodeError;

/// The caller's side of one handshake. Time is the duration since the dial began.
#[derive(Debug)]
pub struct Handshake {
    nonce: u64,
    questions: Questions,
    protocol_version: i32,
    answer_timeout: Duration,
    state: State,
    asking: Asking,
    to_send: Vec<Message>,
}

#[derive(Debug)]
enum State {
    AwaitVersion { until: Duration },
    AwaitVerack { until: Duration },
    AwaitAnswer { until: Duration },
    Ended(Outcome, Option<String>),
}

/// How the peer's side of a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hangup {
    /// It closed the connection.
    Closed,
    /// The connection broke; what the system said of it.
    Broken(String),
}

impl Handshake {
    /// Starts by sending our `version`.
    ///
    /// `nonce` is a fresh random number, `unix_time` our clock in seconds.
    pub fn start(
        config: &SessionConfig,
        peer: Option<&PeerAddr>,
        nonce: u64,
        unix_time: i64,
        at: Duration,
    ) -> Handshake {
        let version = Version {
            protocol_version: config.dialect.protocol_version(),
            services: 0,
            timestamp: unix_time,
            addr_recv: peer
                .map_or_else(NetAddr::default, |it| NetAddr::from_host(&it.host, it.port)),
            addr_from: Some(NetAddr::default()),
            nonce: Some(nonce),
            user_agent: Some(config.user_agent.clone().into_bytes()),
            start_height: Some(0),
            relay: Some(0),
            trailing: Vec::new(),
        };
        Handshake {
            nonce,
            questions: config.questions,
            protocol_version: version.protocol_version,
            answer_timeout: config.answer_timeout,
            state: State::AwaitVersion {
                until: at + config.handshake_timeout,
            },
            asking: Asking::new(config.questions, config.quiet_timeout),
            to_send: vec![Message::Version(Box::new(version))],
        }
    }

    /// Takes in that the connection stands: `version` and `verack` may take `timeout` from here on.
    pub fn handle_connected(&mut self, timeout: Duration, at: Duration) {
        if let State::AwaitVersion { until } = &mut self.state {
            *until = at + timeout;
        }
    }

    /// Takes a message in, and notes in `heard` what it says.
    pub fn handle_message(&mut self, message: Message, heard: &mut Heard, at: Duration) {
        heard.features.note(&message);
        if let State::AwaitAnswer { .. } = self.state
            && !matches!(message, Message::Pong(_))
        {
            self.asking.note_announcement();
        }
        match (&self.state, message) {
            (State::AwaitVersion { until }, Message::Version(version)) => {
                let until = *until;
                self.greet(version, until, heard, at);
            }
            (State::AwaitVersion { .. } | State::AwaitVerack { .. }, Message::Verack) => {
                heard.verack_at = heard.verack_at.or(Some(at));
                self.ask_on(heard, at);
            }
            (_, Message::Ping(Some(nonce))) => self.to_send.push(Message::Pong(nonce)),
            (State::AwaitVerack { .. } | State::AwaitAnswer { .. }, Message::Pong(nonce))
                if nonce == self.fence() =>
            {
                heard.answered_at = heard.answered_at.or(Some(at));
                self.asking.note_fence(at);
                self.ask_on(heard, at);
            }
            // Peers chat freely, before and after; a message we did not ask for is no offence.
            (_, _) => (),
        }
    }

    /// Takes in that the peer told `n` addresses, which are in `heard` already.
    pub fn handle_addrs(&mut self, n: usize, heard: &mut Heard, at: Duration) {
        match (&self.state, self.questions) {
            (State::AwaitVerack { .. } | State::AwaitAnswer { .. }, Questions::Addresses) => {
                heard.answered_at = Some(at);
                self.asking.note_addrs(n, at);
                self.ask_on(heard, at);
            }
            // Not asked for, but something that it says before its `pong`.
            (State::AwaitAnswer { .. }, _) => self.asking.note_announcement(),
            (_, _) => (),
        }
    }

    /// Takes in that the peer's `version` cannot be read.
    pub fn handle_malformed_version(&mut self, error: &DecodeError) {
        if let State::AwaitVersion { .. } = self.state {
            self.close(Outcome::MalformedVersion, Some(error.to_string()));
        }
    }

    /// Ends the conversation for something that the peer must not do.
    ///
    /// What was reached before counts: a peer that gave its `version` was reached, whatever it sent later.
    pub fn handle_offence(&mut self, outcome: Outcome, reason: String) {
        self.end(outcome, Some(reason));
    }

    /// Takes in that no more bytes will come.
    pub fn handle_hangup(&mut self, hangup: Hangup) {
        self.to_send.clear();
        let reason = match hangup {
            Hangup::Closed => None,
            Hangup::Broken(how) => Some(how),
        };
        self.end(Outcome::ClosedBeforeVersion, reason);
    }

    /// Call at [`Handshake::deadline`]; calling early or late is harmless.
    pub fn handle_timeout(&mut self, at: Duration) {
        if self.deadline().is_some_and(|until| until <= at) {
            self.end(Outcome::VersionTimeout, None);
        }
    }

    /// Returns when [`Handshake::handle_timeout`] is due; `None` once the conversation is over.
    pub fn deadline(&self) -> Option<Duration> {
        match self.state {
            State::AwaitVersion { until } | State::AwaitVerack { until } => Some(until),
            State::AwaitAnswer { until } => {
                Some(self.asking.over_at().map_or(until, |it| it.min(until)))
            }
            State::Ended(..) => None,
        }
    }

    /// Takes the messages to send, in order; they belong into one write.
    pub fn take_messages(&mut self) -> Vec<Message> {
        std::mem::take(&mut self.to_send)
    }

    /// Returns how the conversation ended, once it did.
    pub fn ending(&self) -> Option<(Outcome, Option<&str>)> {
        match &self.state {
            State::Ended(outcome, reason) => Some((*outcome, reason.as_deref())),
            State::AwaitVersion { .. } | State::AwaitVerack { .. } | State::AwaitAnswer { .. } => {
                None
            }
        }
    }

    fn greet(&mut self, version: Box<Version>, until: Duration, heard: &mut Heard, at: Duration) {
        let peer_version = version.protocol_version;
        let is_self = version.nonce == Some(self.nonce);
        let knows_verack = version.start_height.is_some();
        heard.version_at = Some(at);
        heard.version = Some(version);
        if is_self {
            self.close(Outcome::SelfConnection, None);
            return;
        }
        if !knows_verack && heard.verack_at.is_none() {
            // Before protocol 209 there was no verack to wait for.
            let reason = "its version is of the time before verack".to_owned();
            self.close(Outcome::VersionOnly, Some(reason));
            return;
        }
        self.state = State::AwaitVerack { until };
        self.ask(peer_version, heard);
        self.ask_on(heard, at);
    }

    /// Sends our `verack`, and all questions behind it in the same write.
    fn ask(&mut self, peer_version: i32, heard: &mut Heard) {
        // Each end speaks as the older one does.
        let common_version = peer_version.min(self.protocol_version);
        let asks_addresses = self.questions == Questions::Addresses;
        if asks_addresses {
            heard.gossip = Some(Gossip::default());
            // BIP 155: between `version` and `verack`.
            if common_version >= protocol_version::HAS_ADDRV2 {
                self.to_send.push(Message::SendAddrV2);
            }
        }
        self.to_send.push(Message::Verack);
        if asks_addresses {
            self.to_send.push(Message::GetAddr);
        }
        if self.questions != Questions::None {
            match common_version > protocol_version::PONG_ABOVE {
                true => self.to_send.push(Message::Ping(Some(self.fence()))),
                false => self.asking.expect_no_fence(),
            }
        }
    }

    /// Goes on as far as what was heard allows.
    fn ask_on(&mut self, heard: &Heard, at: Duration) {
        if heard.version_at.is_none() || heard.verack_at.is_none() {
            return;
        }
        if let State::AwaitVerack { .. } = self.state {
            let until = at + self.answer_timeout;
            self.state = State::AwaitAnswer { until };
        }
        if let State::AwaitAnswer { .. } = self.state
            && self.asking.over_at().is_some_and(|it| it <= at)
        {
            self.close(Outcome::Complete, None);
        }
    }

    /// Ends with the farthest outcome that was reached, `before_version` if that is none.
    fn end(&mut self, before_version: Outcome, reason: Option<String>) {
        let outcome = match self.state {
            State::AwaitVersion { .. } => before_version,
            State::AwaitVerack { .. } => Outcome::VersionOnly,
            State::AwaitAnswer { .. } => Outcome::Complete,
            State::Ended(..) => return,
        };
        self.close(outcome, reason);
    }

    /// Is done with the peer; of all that was still to be sent it is owed a `verack` alone.
    fn close(&mut self, outcome: Outcome, reason: Option<String>) {
        self.to_send.retain(|it| *it == Message::Verack);
        self.state = State::Ended(outcome, reason);
    }

    /// The nonce of the `ping` behind our questions: nodes answer in order, so its `pong` says that all is answered.
    fn fence(&self) -> u64 {
        self.nonce ^ 0xfe9c_efe9_cefe_9cef
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_deadline_is_of_the_handshake_until_the_verack_and_of_the_answer_behind_it() {
        let mut heard = Heard::default();
        let mut handshake = start(Questions::Features);
        let mut deadlines = vec![handshake.deadline()];
        for (secs, message) in [(3, version(70_016, 1)), (9, Message::Verack)] {
            handshake.handle_message(message, &mut heard, Duration::from_secs(secs));
            deadlines.push(handshake.deadline());
        }
        handshake.handle_timeout(Duration::from_secs(14));
        deadlines.push(handshake.deadline());
        let at = |secs| Some(Duration::from_secs(secs));
        assert_eq!(deadlines, [at(16), at(16), at(14), None]);
    }

    #[test]
    fn a_timeout_that_comes_early_or_twice_is_harmless() {
        let mut handshake = start(Questions::Features);
        handshake.handle_timeout(Duration::from_secs(15));
        assert_eq!(handshake.ending(), None);
        for secs in [16, 17] {
            handshake.handle_timeout(Duration::from_secs(secs));
            assert_eq!(handshake.ending(), Some((Outcome::VersionTimeout, None)));
        }
    }

    #[test]
    fn nothing_changes_an_ending() {
        let mut heard = Heard::default();
        let mut handshake = start(Questions::Features);
        handshake.handle_offence(Outcome::WrongNetwork, "first".to_owned());
        handshake.handle_hangup(Hangup::Closed);
        handshake.handle_offence(Outcome::ProtocolViolation, "second".to_owned());
        handshake.handle_message(Message::Verack, &mut heard, AT);
        handshake.handle_message(version(70_016, 1), &mut heard, AT);
        handshake.handle_timeout(Duration::MAX);
        let first = (Outcome::WrongNetwork, Some("first"));
        assert_eq!(handshake.ending(), Some(first));
    }

    proptest! {
        #[test]
        fn whatever_comes_the_outcome_says_what_was_heard(
            questions in prop_oneof![Just(Questions::None), Just(Questions::Features), Just(Questions::Addresses)],
            messages in prop::collection::vec((0u64..3, any_message()), 0..12),
        ) {
            let mut heard = Heard::default();
            let mut handshake = start(questions);
            let mut at = AT;
            for (secs, message) in messages {
                at += Duration::from_secs(secs);
                handshake.handle_timeout(at);
                if handshake.ending().is_none() {
                    handshake.handle_message(message, &mut heard, at);
                }
                prop_assert_eq!(handshake.deadline().is_none(), handshake.ending().is_some());
                let latest = heard.verack_at.or(heard.version_at).unwrap_or(AT).max(AT);
                prop_assert!(handshake.deadline() <= Some(latest + Duration::from_secs(15)));
            }
            handshake.handle_hangup(Hangup::Closed);
            let (outcome, _) = handshake.ending().unwrap();
            let is_self = heard.version.as_ref().is_some_and(|it| it.nonce == Some(NONCE));
            let expected = match (&heard.version, heard.verack_at) {
                (Some(_), _) if is_self => Outcome::SelfConnection,
                (Some(_), Some(_)) => Outcome::Complete,
                (Some(_), None) => Outcome::VersionOnly,
                (None, _) if at >= Duration::from_secs(16) => Outcome::VersionTimeout,
                (None, _) => Outcome::ClosedBeforeVersion,
            };
            prop_assert_eq!(outcome, expected);
            prop_assert!(heard.answered_at.is_none() || heard.version_at <= heard.answered_at);
        }
    }

    const NONCE: u64 = 0x1234_5678_9abc_def0;
    /// When the connection stood.
    const AT: Duration = Duration::from_secs(1);

    fn start(questions: Questions) -> Handshake {
        let config = SessionConfig {
            questions,
            ..SessionConfig::default()
        };
        Handshake::start(&config, None, NONCE, 1_700_000_000, AT)
    }

    fn version(protocol_version: i32, nonce: u64) -> Message {
        Message::Version(Box::new(Version {
            protocol_version,
            addr_from: Some(NetAddr::default()),
            nonce: Some(nonce),
            user_agent: Some(Vec::new()),
            start_height: Some(0),
            ..Version::default()
        }))
    }

    fn any_message() -> impl Strategy<Value = Message> {
        let fence = start(Questions::None).fence();
        prop_oneof![
            Just(Message::Verack),
            Just(Message::Pong(fence)),
            Just(Message::Pong(1)),
            Just(Message::Ping(Some(1))),
            Just(Message::SendAddrV2),
            Just(version(70_016, NONCE)),
            Just(version(70_016, 1)),
            Just(version(60_000, 1)),
            Just(Message::Version(Box::default())),
        ]
    }
}
