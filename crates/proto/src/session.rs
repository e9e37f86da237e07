//! One whole conversation with one peer: bytes and time in, bytes and a deadline out.

use std::sync::Arc;
use std::time::Duration;

use crate::addr::PeerAddr;
use crate::chain::Chain;
use crate::command::{self, Command};
use crate::framing::Frame;
use crate::framing::v1::FrameError;
use crate::framing::v2::V2Error;
use crate::framing::v2::keys::Secret;
use crate::gossip::Gossip;
use crate::handshake::{Handshake, Hangup};
use crate::limits::{MAX_BYTES_PER_VISIT, MAX_KEPT_PAYLOAD, MAX_STORY};
use crate::message::Message;
use crate::outcome::Outcome;
use crate::protocol_version;
use crate::skin::{Skin, SkinError};
use crate::visit::{Dialect, Heard, Told};
use crate::wire::DecodeError;

/// What all conversations of a crawl have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionConfig {
    /// Whose nodes we talk to.
    pub chain: Chain,
    /// The user agent that we announce (BIP 14).
    pub user_agent: String,
    /// In which manner we speak.
    pub dialect: Dialect,
    /// How long `version` and `verack` may take from the moment the connection stands.
    pub handshake_timeout: Duration,
    /// How long the answers to our questions may take from the `verack` on.
    pub answer_timeout: Duration,
    /// How long to go on listening to a peer that may have more addresses to tell: one that does not answer in order.
    pub quiet_timeout: Duration,
    /// What to ask after the handshake.
    pub questions: Questions,
    /// Whether to write down every message, for [`Heard::story`].
    pub story: bool,
}

/// What a peer is asked once it has shaken hands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Questions {
    /// Nothing: we are gone at its `verack`.
    None,
    /// To answer a `ping`, so that the features it announces behind its `verack` are heard.
    Features,
    /// That, and for addresses of other nodes.
    Addresses,
}

impl Default for SessionConfig {
    fn default() -> SessionConfig {
        SessionConfig {
            chain: Chain::Mainnet,
            user_agent: "/bitcensus/".to_owned(),
            dialect: Dialect::Modern,
            handshake_timeout: Duration::from_secs(15),
            answer_timeout: Duration::from_secs(5),
            quiet_timeout: Duration::from_secs(2),
            questions: Questions::Features,
            story: false,
        }
    }
}

/// What the caller does next, in order.
#[derive(Debug, PartialEq, Eq)]
pub enum Output {
    /// Write these bytes, all in one write.
    Send(Vec<u8>),
    /// Close the connection and call [`Session::finish`].
    Close,
}

/// How a conversation ended, and what was heard in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Ending {
    /// How it ended.
    pub outcome: Outcome,
    /// Why, where that says more.
    pub reason: Option<String>,
    /// Whether the peer took a v2 call as one that speaks v1 alone does, so that it is worth another call.
    pub wants_v1: bool,
    /// What the peer said.
    pub heard: Heard,
}

/// One conversation with one peer, over either transport. Opens no socket, reads no clock and draws no chance.
///
/// Time is the duration since the dial began.
#[derive(Debug)]
pub struct Session {
    config: Arc<SessionConfig>,
    skin: Skin,
    handshake: Handshake,
    heard: Heard,
    wants_v1: bool,
}

/// Fresh random numbers for one conversation.
#[derive(Clone)]
pub struct Chance {
    /// Goes into our `version`, so that we know ourselves.
    pub nonce: u64,
    /// Our key where the conversation is to be encrypted (BIP 324); `None` for v1.
    pub v2: Option<Secret>,
}

impl Chance {
    /// For a conversation in plain.
    pub fn v1(nonce: u64) -> Chance {
        Chance { nonce, v2: None }
    }
}

impl Session {
    /// Starts a conversation; its first [`Output::Send`] may go with the dial, before the connection stands.
    ///
    /// `peer` is whom we called, where that is known by address; `unix_time` is our clock in seconds.
    pub fn start(
        config: Arc<SessionConfig>,
        peer: Option<&PeerAddr>,
        chance: Chance,
        unix_time: i64,
        at: Duration,
    ) -> Session {
        let magic = config.chain.magic();
        Session {
            skin: match chance.v2 {
                None => Skin::v1(magic, config.dialect),
                Some(secret) => Skin::v2(magic, secret),
            },
            handshake: Handshake::start(&config, peer, chance.nonce, unix_time, at),
            heard: Heard::default(),
            wants_v1: false,
            config,
        }
    }

    /// Takes in that the connection stands since `at`: from here on the time of the handshake runs.
    pub fn handle_connected(&mut self, at: Duration) {
        self.handshake
            .handle_connected(self.config.handshake_timeout, at);
        // What went with the dial arrives when the connection stands.
        for told in &mut self.heard.story {
            told.at = at;
        }
    }

    /// Takes bytes in, in pieces of any size.
    pub fn handle_bytes(&mut self, bytes: &[u8], at: Duration) {
        self.heard.bytes_in += bytes.len() as u64;
        self.skin.feed(bytes);
        while self.handshake.ending().is_none() {
            match self.skin.next_frame() {
                Ok(None) => break,
                Ok(Some(frame)) => {
                    let command = frame.command;
                    tell(&self.config, &mut self.heard, at, true, command, frame.len);
                    handle_frame(&mut self.handshake, &mut self.heard, &frame, at);
                    if command == command::VERACK {
                        self.skin.handle_verack();
                    }
                }
                Err(SkinError::V1(error)) => {
                    handle_v1_error(&mut self.handshake, &self.heard, &error);
                }
                Err(SkinError::V2(error)) => self.handle_v2_error(error),
            }
        }
        if self.heard.bytes_in > MAX_BYTES_PER_VISIT {
            let reason = format!("it sent more than {MAX_BYTES_PER_VISIT} bytes");
            self.handshake
                .handle_offence(Outcome::ProtocolViolation, reason);
        }
        // A peer that never pauses gives its caller no idle moment to notice the deadline in.
        self.handshake.handle_timeout(at);
    }

    /// Takes in that no more bytes will come.
    pub fn handle_hangup(&mut self, hangup: Hangup) {
        if !self.skin.is_established() && self.handshake.ending().is_none() {
            // What a node that speaks v1 alone makes of our key (Bitcoin Core: `ShouldReconnectV1`).
            self.wants_v1 = true;
            let reason =
                "it hung up before it proved to know v2, as nodes without v2 and full ones do";
            self.handshake
                .handle_offence(Outcome::V2Failed, reason.to_owned());
            return;
        }
        self.handshake.handle_hangup(hangup);
    }

    /// Call at [`Session::deadline`]; calling early or late is harmless.
    pub fn handle_timeout(&mut self, at: Duration) {
        self.handshake.handle_timeout(at);
    }

    /// Returns when [`Session::handle_timeout`] is due; `None` once the conversation is over.
    pub fn deadline(&self) -> Option<Duration> {
        self.handshake.deadline()
    }

    /// Returns the next thing to do; drain it to `None` or [`Output::Close`] after every `handle_*` call.
    pub fn poll_output(&mut self, at: Duration) -> Option<Output> {
        if self.skin.can_write() {
            for message in self.handshake.take_messages() {
                let (command, payload) = (message.command(), message.encode());
                tell(
                    &self.config,
                    &mut self.heard,
                    at,
                    false,
                    command,
                    payload.len(),
                );
                self.skin.write(command, &payload);
            }
        }
        let bytes = self.skin.take_output();
        if bytes.is_empty() {
            return self.handshake.ending().map(|_| Output::Close);
        }
        self.heard.bytes_out += bytes.len() as u64;
        Some(Output::Send(bytes))
    }

    /// Ends the conversation, where it is not over yet as if the peer had hung up, and returns what came of it.
    pub fn finish(mut self) -> Ending {
        self.handle_hangup(Hangup::Closed);
        let (outcome, reason) = self
            .handshake
            .ending()
            .expect("a conversation is over after the peer hung up");
        Ending {
            outcome,
            reason: reason.map(str::to_owned),
            wants_v1: self.wants_v1,
            heard: self.heard,
        }
    }

    fn handle_v2_error(&mut self, error: V2Error) {
        if !error.is_fatal() {
            return; // As in Bitcoin Core, the message is passed over.
        }
        let outcome = match error {
            V2Error::PeerSpeaksV1 | V2Error::TooMuchGarbage => {
                self.wants_v1 = true;
                Outcome::V2Failed
            }
            V2Error::Oversize { .. } => Outcome::ProtocolViolation,
            V2Error::Forged { .. }
            | V2Error::UnknownShortId { .. }
            | V2Error::BadCommand { .. }
            | V2Error::NoCommand => Outcome::V2Failed,
        };
        self.handshake.handle_offence(outcome, error.to_string());
    }
}

fn handle_frame(handshake: &mut Handshake, heard: &mut Heard, frame: &Frame<'_>, at: Duration) {
    let Some(payload) = frame.payload else {
        if frame.command == command::VERSION {
            handshake.handle_malformed_version(&DecodeError::TooMany {
                field: "its length",
                said: frame.len as u64,
                max: MAX_KEPT_PAYLOAD,
            });
        }
        return; // Longer than anything that we want to hear.
    };
    if frame.command == command::VERSION && heard.version_payload.is_none() {
        heard.version_payload = Some(payload.to_vec());
    }
    if matches!(frame.command, command::ADDR | command::ADDRV2) {
        let mut unasked = Gossip::default();
        let gossip = heard.gossip.as_mut().unwrap_or(&mut unasked);
        let version = heard.version.as_ref().map_or(0, |it| it.protocol_version);
        let read = match frame.command {
            command::ADDR => gossip.read_addr(payload, version >= protocol_version::ADDR_HAS_TIME),
            _ => gossip.read_addrv2(payload),
        };
        // As in Bitcoin Core, a message that cannot be read is passed over.
        if let Ok(n) = read {
            handshake.handle_addrs(n, heard, at);
        }
        return;
    }
    match Message::decode(frame.command, payload) {
        Ok(message) => handshake.handle_message(message, heard, at),
        Err(error) if frame.command == command::VERSION => {
            handshake.handle_malformed_version(&error);
        }
        // As in Bitcoin Core, a message that cannot be read is passed over.
        Err(_) => (),
    }
}

fn handle_v1_error(handshake: &mut Handshake, heard: &Heard, error: &FrameError) {
    let outcome = match error {
        FrameError::WrongMagic { .. } => Outcome::WrongNetwork,
        FrameError::NotBitcoin { .. } | FrameError::Oversize { .. } => Outcome::ProtocolViolation,
        // Nobody sends a second version: there is nothing left to wait for.
        FrameError::BadChecksum { command, .. }
            if *command == command::VERSION && heard.version.is_none() =>
        {
            Outcome::ProtocolViolation
        }
        FrameError::BadChecksum { .. } | FrameError::BadCommand { .. } => return,
    };
    handshake.handle_offence(outcome, error.to_string());
}

fn tell(
    config: &SessionConfig,
    heard: &mut Heard,
    at: Duration,
    by_peer: bool,
    command: Command,
    len: usize,
) {
    if config.story && heard.story.len() < MAX_STORY {
        heard.story.push(Told {
            at,
            by_peer,
            command,
            len,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::addr::Host;
    use crate::framing::v1::{self, HeaderForm};
    use crate::gossip::{self, AddrEntry, AddrV2Entry};
    use crate::message::{Feature, SendCmpct};
    use crate::version::{NetAddr, Version};
    use Message::{FeeFilter, Ping, SendAddrV2, SendHeaders, Verack, WtxidRelay};
    use Step::*;

    #[test]
    fn a_polite_peer_is_complete_with_its_features() {
        check(
            &[
                Hear(vec![version(70_016), WtxidRelay, SendAddrV2, Verack]),
                Wait(1),
                Hear(vec![sendcmpct(2), Ping(Some(7)), FeeFilter(1_000)]),
                Pong,
            ],
            r#"send version, send verack+ping, send pong, close: complete; version 70016 at 1, verack at 1, answered at 2, {"sendaddrv2":true,"wtxidrelay":true,"sendcmpct":[2],"feefilter":1000}"#,
        );
    }

    #[test]
    fn everything_the_peer_announces_is_kept() {
        let feature = Message::Feature(Feature {
            id: b"shout".to_vec(),
            data: vec![1, 0xff],
        });
        let other = |name, payload: &[u8]| Message::Other {
            command: Command::new(name),
            payload: payload.to_vec(),
        };
        check(
            &[
                Hear(vec![version(70_017), feature]),
                Hear(vec![other("sendtxrcncl", &[1, 0, 0, 0, 9, 9]), Verack]),
                Hear(vec![SendHeaders, sendcmpct(2), sendcmpct(1)]),
                Hear(vec![Message::GetAddr, other("xversion", b"")]),
                Pong,
            ],
            r#"send version, send verack+ping, close: complete; version 70017 at 1, verack at 1, answered at 1, {"sendheaders":true,"getaddr":true,"sendcmpct":[2,1],"sendtxrcncl":1,"feature":[["shout","01ff"]],"unknown":["xversion"]}"#,
        );
    }

    #[test]
    fn all_that_is_said_and_asked_after_the_version_is_one_write() {
        let mut session = start(SessionConfig::default());
        session.handle_bytes(&bytes_of(&[version(70_016), Ping(Some(7))]), AT);
        let writes: Vec<_> = std::iter::from_fn(|| session.poll_output(AT)).collect();
        let [Output::Send(first)] = &writes[..] else {
            panic!("one write, not {writes:?}");
        };
        assert_eq!(names(&read(first)), "version+verack+ping+pong");
    }

    #[test]
    fn bcoin_sends_its_version_before_it_reads_ours() {
        // The bytes are there before the caller asks what to send.
        let mut session = start(SessionConfig::default());
        session.handle_bytes(&bytes_of(&[version(70_015)]), AT);
        session.handle_bytes(&bytes_of(&[Verack, sendcmpct(2), Message::GetAddr]), AT);
        assert_eq!(drain(&mut session, AT), ["send version+verack+ping"]);
        assert_eq!(session.deadline(), Some(AT + Duration::from_secs(5)));
    }

    #[test]
    fn bcoin_answers_before_it_announces() {
        check(
            &[
                Hear(vec![version(70_015)]),
                Hear(vec![Verack]),
                Wait(1),
                Pong,
                Hear(vec![sendcmpct(1), Message::GetAddr]),
                Wait(1),
            ],
            r#"send version, send verack+ping, close: complete; version 70015 at 1, verack at 1, answered at 2, {"getaddr":true,"sendcmpct":[1]}"#,
        );
    }

    #[test]
    fn a_peer_that_announces_nothing_is_listened_to_for_a_moment() {
        check(
            &[Hear(vec![version(70_016), Verack]), Wait(4), Pong, Wait(1)],
            "send version, send verack+ping, close: complete; version 70016 at 1, verack at 1, answered at 5",
        );
    }

    #[test]
    fn a_verack_before_the_version_counts() {
        check(
            &[
                Hear(vec![Verack]),
                Wait(1),
                Hear(vec![version(70_015), SendHeaders]),
                Pong,
            ],
            r#"send version, send verack+ping, close: complete; version 70015 at 2, verack at 1, answered at 2, {"sendheaders":true}"#,
        );
    }

    #[test]
    fn an_answer_before_the_verack_counts() {
        check(
            &[
                Hear(vec![version(70_015)]),
                Pong,
                Wait(1),
                Hear(vec![Verack]),
            ],
            "send version, send verack+ping, close: complete; version 70015 at 1, verack at 2, answered at 1",
        );
    }

    #[test]
    fn an_answer_before_the_question_is_none() {
        check(
            &[
                Hear(vec![Message::Pong(FENCE), Verack, version(70_015)]),
                Wait(4),
            ],
            "send version, send verack+ping, waits until 6; version 70015 at 1, verack at 1",
        );
    }

    #[test]
    fn a_pong_to_another_ping_is_no_answer() {
        check(
            &[
                Hear(vec![version(70_015), Verack, Message::Pong(1)]),
                Wait(5),
            ],
            "send version, send verack+ping, close: complete; version 70015 at 1, verack at 1",
        );
    }

    #[test]
    fn a_peer_without_verack_is_left_at_the_deadline_of_the_handshake() {
        check(
            &[
                Wait(10),
                Hear(vec![version(70_015), SendHeaders]),
                Wait(4),
                Hear(vec![Ping(Some(7))]),
                Wait(1),
            ],
            r#"send version, send verack+ping, send pong, close: version_only; version 70015 at 11, {"sendheaders":true}"#,
        );
    }

    #[test]
    fn a_silent_peer_is_given_up() {
        check(&[Wait(14)], "send version, waits until 16");
        check(&[Wait(14), Wait(1)], "send version, close: version_timeout");
    }

    #[test]
    fn a_trickle_of_bytes_extends_nothing() {
        let version = bytes_of(&[version(70_015)]);
        let mut steps = vec![Bytes(version[..10].to_vec())];
        for byte in &version[10..25] {
            steps.extend([Pause(1), Bytes(vec![*byte])]);
        }
        check(&steps, "send version, close: version_timeout");
    }

    #[test]
    fn a_peer_that_never_pauses_is_left_at_the_deadline() {
        // The clock moves, but the caller is too busy reading to call `handle_timeout`.
        let mut steps = vec![Hear(vec![version(70_015)])];
        for _ in 0..20 {
            steps.extend([Pause(1), Hear(vec![Message::Inv(Vec::new())])]);
        }
        check(
            &steps,
            "send version, send verack+ping, close: version_only; version 70015 at 1",
        );
    }

    #[test]
    fn a_version_of_46_bytes_is_the_whole_conversation() {
        let first = Version {
            protocol_version: 101,
            ..Version::default()
        };
        check(
            &[Hear(vec![Message::Version(Box::new(first))])],
            "send version, close: version_only (its version is of the time before verack); version 101 at 1",
        );
    }

    #[test]
    fn a_verack_makes_even_the_oldest_peer_complete() {
        let first = Version {
            protocol_version: 101,
            ..Version::default()
        };
        check(
            &[Hear(vec![Verack, Message::Version(Box::new(first))])],
            "send version, send verack, close: complete; version 101 at 1, verack at 1",
        );
    }

    #[test]
    fn a_peer_before_bip_31_is_not_pinged() {
        for protocol_version in [209, 31_402, 60_000] {
            check(
                &[
                    Hear(vec![without_relay_byte(protocol_version)]),
                    Wait(1),
                    Hear(vec![Verack]),
                ],
                &format!(
                    "send version, send verack, close: complete; version {protocol_version} at 1, verack at 2"
                ),
            );
        }
    }

    #[test]
    fn a_peer_of_2011_has_no_checksums_up_to_its_verack() {
        let old = HeaderForm::WithoutChecksum;
        let mut session = start(SessionConfig {
            dialect: Dialect::OldNoChecksum,
            ..SessionConfig::default()
        });
        let magic = Chain::Mainnet.magic();
        let Some(Output::Send(ours)) = session.poll_output(AT) else {
            panic!("our version comes first");
        };
        let mut decoder = v1::Decoder::new(magic, old, MAX_KEPT_PAYLOAD);
        decoder.feed(&ours);
        let frame = decoder.next_frame().unwrap().unwrap();
        assert_eq!((frame.command, decoder.n_pending()), (command::VERSION, 0));

        let theirs = without_relay_byte(31_402);
        let version = v1::encode(magic, old, command::VERSION, &theirs.encode());
        let verack = v1::encode(magic, old, command::VERACK, &[]);
        session.handle_bytes(&[version, verack].concat(), AT);
        let owed = v1::encode(magic, old, command::VERACK, &[]);
        assert_eq!(session.poll_output(AT), Some(Output::Send(owed)));
        assert_eq!(session.finish().outcome, Outcome::Complete);
    }

    #[test]
    fn in_the_old_manner_even_a_modern_peer_is_asked_as_one_of_old() {
        let config = |questions| SessionConfig {
            dialect: Dialect::Old,
            questions,
            ..SessionConfig::default()
        };
        let steps = [Hear(vec![version(70_016), Verack])];
        check_with(
            &config(Questions::Features),
            &steps,
            "send version, send verack, close: complete; version 70016 at 1, verack at 1",
        );
        check_with(
            &config(Questions::Addresses),
            &steps,
            "send version, send verack+getaddr, waits until 6; version 70016 at 1, verack at 1, told {}",
        );
    }

    #[test]
    fn a_version_without_relay_byte_is_as_good_as_any() {
        check(
            &[
                Hear(vec![without_relay_byte(70_015), Verack]),
                Pong,
                Wait(1),
            ],
            "send version, send verack+ping, close: complete; version 70015 at 1, verack at 1, answered at 1",
        );
    }

    #[test]
    fn a_negative_protocol_version_is_not_pinged() {
        check(
            &[Hear(vec![version(-1), Verack])],
            "send version, send verack, close: complete; version -1 at 1, verack at 1",
        );
    }

    #[test]
    fn who_asks_nothing_is_gone_at_the_verack() {
        let config = SessionConfig {
            questions: Questions::None,
            ..SessionConfig::default()
        };
        check_with(
            &config,
            &[Hear(vec![version(70_016)]), Hear(vec![SendAddrV2, Verack])],
            r#"send version, send verack, close: complete; version 70016 at 1, verack at 1, {"sendaddrv2":true}"#,
        );
    }

    #[test]
    fn addresses_are_asked_for_behind_the_verack_in_one_write_with_the_fence() {
        check_with(
            &asking(),
            &[
                Hear(vec![version(70_016), SendAddrV2, Verack]),
                Hear(vec![sendcmpct(2), addrv2(1), addrv2(1_000)]),
                Pong,
            ],
            r#"send version, send sendaddrv2+verack+getaddr+ping, close: complete; version 70016 at 1, verack at 1, answered at 1, {"sendaddrv2":true,"sendcmpct":[2]}, told {"ipv4":500,"onion":501}"#,
        );
    }

    #[test]
    fn an_old_peer_is_asked_in_its_own_words_and_taken_at_its_own_pace() {
        // Bitcoin 0.3.14: no ping, no addrv2, and entries without a time, in more than one message.
        let old = |n| Bytes(framed(Chain::Mainnet, command::ADDR, &without_time(n)));
        check_with(
            &asking(),
            &[
                Hear(vec![without_relay_byte(31_401), Verack]),
                Wait(10),
                old(1_000),
                Wait(1),
                old(500),
                Wait(2),
            ],
            r#"send version, send verack+getaddr, close: complete; version 31401 at 1, verack at 1, answered at 12, told {"ipv4":1500}"#,
        );
    }

    #[test]
    fn addresses_that_nobody_asked_for_are_not_kept() {
        check(
            &[
                Hear(vec![version(70_016), addrv2(3), Verack, addrv2(4)]),
                Pong,
            ],
            "send version, send verack+ping, close: complete; version 70016 at 1, verack at 1, answered at 1",
        );
    }

    #[test]
    fn a_peer_that_keeps_its_addresses_back_is_left_at_the_deadline() {
        check_with(
            &asking(),
            &[
                Hear(vec![version(70_016), SendAddrV2, Verack]),
                Wait(44),
                Wait(1),
            ],
            r#"send version, send sendaddrv2+verack+getaddr+ping, close: complete; version 70016 at 1, verack at 1, {"sendaddrv2":true}, told {}"#,
        );
    }

    #[test]
    fn a_drip_of_addresses_extends_nothing() {
        let mut steps = vec![Hear(vec![version(70_016), SendAddrV2, Verack])];
        for _ in 0..60 {
            steps.extend([Wait(1), Hear(vec![addrv2(1)])]);
        }
        check_with(
            &asking(),
            &steps,
            r#"send version, send sendaddrv2+verack+getaddr+ping, close: complete; version 70016 at 1, verack at 1, answered at 45, {"sendaddrv2":true}, told {"onion":44}"#,
        );
    }

    #[test]
    fn a_message_with_too_many_addresses_is_passed_over() {
        let mut too_many = addrv2(1_000).encode();
        too_many[1..3].copy_from_slice(&1_001u16.to_le_bytes());
        check_with(
            &asking(),
            &[
                Hear(vec![version(70_016), SendAddrV2, Verack, sendcmpct(2)]),
                Bytes(framed(Chain::Mainnet, command::ADDRV2, &too_many)),
                Pong,
                Wait(45),
            ],
            r#"send version, send sendaddrv2+verack+getaddr+ping, close: complete; version 70016 at 1, verack at 1, answered at 1, {"sendaddrv2":true,"sendcmpct":[2]}, told {}"#,
        );
    }

    #[test]
    fn a_call_to_ourselves_is_known_by_the_nonce() {
        let ours = Version {
            nonce: Some(NONCE),
            ..modern(70_016)
        };
        check(
            &[Hear(vec![Message::Version(Box::new(ours)), Verack])],
            "send version, close: self_connection; version 70016 at 1",
        );
    }

    #[test]
    fn a_peer_of_another_chain_is_told_apart() {
        check(
            &[Bytes(framed(
                Chain::Signet,
                command::VERSION,
                &modern(70_016).encode(),
            ))],
            "send version, close: wrong_network (its messages start with 0a03cf40, so it is on signet)",
        );
    }

    #[test]
    fn a_banner_is_another_protocol() {
        check(
            &[Bytes(b"SSH-2.0-OpenSSH_9.2p1\r\n".to_vec())],
            "send version, close: protocol_violation (it does not speak Bitcoin: its first bytes are 5353482d322e302d)",
        );
    }

    #[test]
    fn a_short_banner_is_waited_out() {
        check(
            &[Bytes(b"220 hi\r\n".to_vec()), Wait(15)],
            "send version, close: version_timeout",
        );
    }

    #[test]
    fn an_oversize_message_ends_the_conversation_with_what_was_reached() {
        let reason = "(a tx message claims 4000001 bytes, at most 4000000 are allowed)";
        check(
            &[Bytes(oversize())],
            &format!("send version, close: protocol_violation {reason}"),
        );
        check(
            &[Hear(vec![version(70_016)]), Bytes(oversize())],
            &format!(
                "send version, send verack+ping, close: version_only {reason}; version 70016 at 1"
            ),
        );
        check(
            &[Hear(vec![version(70_016), Verack]), Bytes(oversize())],
            &format!(
                "send version, send verack+ping, close: complete {reason}; version 70016 at 1, verack at 1"
            ),
        );
    }

    #[test]
    fn a_version_with_a_wrong_checksum_ends_the_conversation() {
        check(
            &[Bytes(spoilt(&version(70_016)))],
            "send version, close: protocol_violation (a version message of 102 bytes has a wrong checksum)",
        );
    }

    #[test]
    fn any_other_message_with_a_wrong_checksum_is_passed_over() {
        check(
            &[
                Bytes(spoilt(&SendHeaders)),
                Hear(vec![version(70_016), Verack]),
                Bytes(spoilt(&WtxidRelay)),
                Pong,
                Wait(1),
            ],
            "send version, send verack+ping, close: complete; version 70016 at 1, verack at 1, answered at 1",
        );
    }

    #[test]
    fn a_version_that_can_not_be_read_is_kept_as_sent() {
        let cut = modern(70_016).encode()[..50].to_vec();
        check(
            &[Bytes(framed(Chain::Mainnet, command::VERSION, &cut))],
            "send version, close: malformed_version (it ends inside addr_from, which takes 26 bytes where 4 are left); unread version of 50 bytes",
        );
    }

    #[test]
    fn a_version_longer_than_anybody_keeps_can_not_be_read() {
        let endless = vec![0; MAX_KEPT_PAYLOAD + 1];
        check(
            &[Bytes(framed(Chain::Mainnet, command::VERSION, &endless))],
            "send version, close: malformed_version (its length is 65537, at most 65536 is allowed)",
        );
    }

    #[test]
    fn other_messages_that_can_not_be_read_are_passed_over() {
        check(
            &[
                Hear(vec![version(70_016)]),
                Bytes(framed(Chain::Mainnet, command::FEEFILTER, &[1])),
                Bytes(framed(Chain::Mainnet, command::TX, &vec![0; 100_000])),
                Hear(vec![Verack]),
                Pong,
                Wait(1),
            ],
            "send version, send verack+ping, close: complete; version 70016 at 1, verack at 1, answered at 1",
        );
    }

    #[test]
    fn a_hangup_ends_with_what_was_reached() {
        check(&[HangUp], "send version, close: closed_before_version");
        check(
            &[Bytes(bytes_of(&[version(70_016)])[..100].to_vec()), HangUp],
            "send version, close: closed_before_version",
        );
        check(
            &[Break("connection reset")],
            "send version, close: closed_before_version (connection reset)",
        );
        check(
            &[Hear(vec![version(70_016)]), HangUp],
            "send version, send verack+ping, close: version_only; version 70016 at 1",
        );
        check(
            &[Hear(vec![version(70_016), Verack]), Break("broken pipe")],
            "send version, send verack+ping, close: complete (broken pipe); version 70016 at 1, verack at 1",
        );
    }

    #[test]
    fn whoever_keeps_the_answer_back_is_complete_without_it() {
        check(
            &[
                Wait(14),
                Hear(vec![version(70_016), Verack]),
                Wait(4),
                Hear(vec![sendcmpct(2)]),
                Wait(1),
            ],
            r#"send version, send verack+ping, close: complete; version 70016 at 15, verack at 15, {"sendcmpct":[2]}"#,
        );
    }

    #[test]
    fn only_the_first_version_counts() {
        check(
            &[
                Hear(vec![version(70_016), version(70_001)]),
                Bytes(framed(Chain::Mainnet, command::VERSION, b"nonsense")),
                Bytes(spoilt(&version(70_001))),
                Hear(vec![Verack]),
                Pong,
                Wait(1),
            ],
            "send version, send verack+ping, close: complete; version 70016 at 1, verack at 1, answered at 1",
        );
    }

    #[test]
    fn every_ping_with_a_nonce_is_answered() {
        check(
            &[
                Hear(vec![Ping(Some(1)), Ping(None)]),
                Hear(vec![version(70_016), Verack]),
                Hear(vec![Ping(Some(2)), Ping(Some(3))]),
            ],
            "send version, send pong, send verack+ping, send pong+pong, waits until 6; version 70016 at 1, verack at 1",
        );
    }

    #[test]
    fn a_flood_ends_the_conversation_with_what_was_reached() {
        let reason = "(it sent more than 8000000 bytes)";
        check(
            &[Flood],
            &format!("send version, close: protocol_violation {reason}"),
        );
        check(
            &[Hear(vec![version(70_016)]), Flood],
            &format!(
                "send version, send verack+ping, close: version_only {reason}; version 70016 at 1"
            ),
        );
        check(
            &[Hear(vec![version(70_016), Verack]), Flood],
            &format!(
                "send version, send verack+ping, close: complete {reason}; version 70016 at 1, verack at 1"
            ),
        );
    }

    #[test]
    fn the_story_tells_every_message_in_order() {
        let config = SessionConfig {
            story: true,
            ..SessionConfig::default()
        };
        let steps = [
            Hear(vec![version(70_016), Verack]),
            Wait(1),
            Hear(vec![Ping(Some(7))]),
            Pong,
        ];
        let (_, session) = play(&config, &steps, usize::MAX);
        let story: Vec<_> = session
            .heard
            .story
            .iter()
            .map(|told| {
                let who = if told.by_peer { "peer" } else { "we" };
                format!("{} {who} {} {}", told.at.as_secs(), told.command, told.len)
            })
            .collect();
        assert_eq!(
            story,
            [
                "1 we version 97",
                "1 peer version 102",
                "1 peer verack 0",
                "1 we verack 0",
                "1 we ping 8",
                "2 peer ping 8",
                "2 we pong 8",
                "2 peer pong 8",
            ]
        );
    }

    #[test]
    fn the_story_of_a_chatty_peer_is_bounded() {
        let config = SessionConfig {
            story: true,
            ..SessionConfig::default()
        };
        let steps = [Hear(vec![Ping(Some(7)); 1_000])];
        let (_, session) = play(&config, &steps, usize::MAX);
        assert_eq!(session.heard.story.len(), MAX_STORY);
    }

    #[test]
    fn our_version_says_who_calls_and_nothing_of_where_we_are() {
        let peer = PeerAddr::new(Host::Ipv4([192, 0, 2, 1]), 8333);
        let config = Arc::new(SessionConfig::default());
        let mut session = Session::start(config, Some(&peer), Chance::v1(NONCE), 1_700_000_000, AT);
        let Some(Output::Send(bytes)) = session.poll_output(AT) else {
            panic!("the first thing to do is to send our version");
        };
        let expected = Version {
            protocol_version: 70_017,
            services: 0,
            timestamp: 1_700_000_000,
            addr_recv: NetAddr::from_host(&peer.host, peer.port),
            addr_from: Some(NetAddr::default()),
            nonce: Some(NONCE),
            user_agent: Some(b"/bitcensus/".to_vec()),
            start_height: Some(0),
            relay: Some(0),
            trailing: Vec::new(),
        };
        assert_eq!(read(&bytes), [Message::Version(Box::new(expected))]);
    }

    #[test]
    fn a_dropped_conversation_ends_as_if_the_peer_had_hung_up() {
        let mut session = start(SessionConfig::default());
        session.handle_bytes(&bytes_of(&[version(70_016)]), AT);
        let ending = session.finish();
        assert_eq!(
            (ending.outcome, ending.reason),
            (Outcome::VersionOnly, None)
        );
    }

    enum Step {
        /// These messages come in one piece.
        Hear(Vec<Message>),
        /// These bytes come in one piece.
        Bytes(Vec<u8>),
        /// The answer to our `ping` comes.
        Pong,
        /// Seconds pass, and the caller looks at the clock.
        Wait(u64),
        /// Seconds pass, and nobody looks at the clock.
        Pause(u64),
        /// The peer closes the connection.
        HangUp,
        /// The connection breaks.
        Break(&'static str),
        /// Blocks that nobody asked for come until the conversation is over.
        Flood,
    }

    const NONCE: u64 = 0x1234_5678_9abc_def0;
    /// The nonce of our `ping`.
    const FENCE: u64 = NONCE ^ 0xfe9c_efe9_cefe_9cef;
    /// When the connection stood.
    const AT: Duration = Duration::from_secs(1);

    #[track_caller]
    fn check(steps: &[Step], expected: &str) {
        check_with(&SessionConfig::default(), steps, expected);
    }

    /// Plays `steps` and compares all that was done and heard with `expected`; byte by byte the end is the same.
    #[track_caller]
    fn check_with(config: &SessionConfig, steps: &[Step], expected: &str) {
        let (mut seen, session) = play(config, steps, usize::MAX);
        let ending = tell_ending(&session);
        let (_, slowly) = play(config, steps, 1);
        assert_eq!(tell_ending(&slowly), ending, "byte by byte");
        assert_eq!(
            session.heard.version,
            session
                .heard
                .version_payload
                .as_deref()
                .and_then(|it| Version::decode(it).ok())
                .map(Box::new)
        );
        seen.push(ending);
        assert_eq!(seen.join(", "), expected);
    }

    /// Returns all that was done, and the session; bytes come in pieces of at most `piece`.
    fn play(config: &SessionConfig, steps: &[Step], piece: usize) -> (Vec<String>, Session) {
        let mut session = start(config.clone());
        let mut at = AT;
        let mut seen = drain(&mut session, at);
        for step in steps {
            match step {
                Hear(messages) => feed(&mut session, &bytes_of(messages), piece, at, &mut seen),
                Bytes(bytes) => feed(&mut session, bytes, piece, at, &mut seen),
                Pong => {
                    let pong = bytes_of(&[Message::Pong(FENCE)]);
                    feed(&mut session, &pong, piece, at, &mut seen);
                }
                Wait(secs) => {
                    at += Duration::from_secs(*secs);
                    session.handle_timeout(at);
                }
                Pause(secs) => at += Duration::from_secs(*secs),
                HangUp => session.handle_hangup(Hangup::Closed),
                Break(how) => session.handle_hangup(Hangup::Broken((*how).to_owned())),
                Flood => {
                    let block = framed(Chain::Mainnet, command::BLOCK, &vec![0; 1_000_000]);
                    while session.deadline().is_some() {
                        feed(&mut session, &block, 64 * 1024, at, &mut seen);
                    }
                }
            }
            seen.extend(drain(&mut session, at));
        }
        (seen, session)
    }

    fn start(config: SessionConfig) -> Session {
        Session::start(Arc::new(config), None, Chance::v1(NONCE), 1_700_000_000, AT)
    }

    /// As the driver does it: nothing is read once the conversation is over.
    fn feed(
        session: &mut Session,
        bytes: &[u8],
        piece: usize,
        at: Duration,
        seen: &mut Vec<String>,
    ) {
        for piece in bytes.chunks(piece) {
            if session.deadline().is_none() {
                return;
            }
            session.handle_bytes(piece, at);
            seen.extend(drain(session, at));
        }
    }

    fn drain(session: &mut Session, at: Duration) -> Vec<String> {
        std::iter::from_fn(|| match session.poll_output(at) {
            Some(Output::Send(bytes)) => Some(format!("send {}", names(&read(&bytes)))),
            Some(Output::Close) | None => None,
        })
        .collect()
    }

    fn tell_ending(session: &Session) -> String {
        let mut told = match session.handshake.ending() {
            None => format!("waits until {}", session.deadline().unwrap().as_secs()),
            Some((outcome, None)) => format!("close: {outcome}"),
            Some((outcome, Some(reason))) => format!("close: {outcome} ({reason})"),
        };
        let heard = tell_heard(&session.heard);
        if !heard.is_empty() {
            told += &format!("; {}", heard.join(", "));
        }
        told
    }

    fn tell_heard(heard: &Heard) -> Vec<String> {
        let mut told = Vec::new();
        match (&heard.version, &heard.version_payload) {
            (Some(version), _) => told.push(format!("version {}", version.protocol_version)),
            (None, Some(payload)) => {
                told.push(format!("unread version of {} bytes", payload.len()));
            }
            (None, None) => (),
        }
        if let (Some(at), Some(version)) = (heard.version_at, told.last_mut()) {
            *version += &format!(" at {}", at.as_secs());
        }
        for (what, at) in [("verack", heard.verack_at), ("answered", heard.answered_at)] {
            told.extend(at.map(|at| format!("{what} at {}", at.as_secs())));
        }
        if heard.features != Default::default() {
            told.push(serde_json::to_string(&heard.features).unwrap());
        }
        if let Some(gossip) = &heard.gossip {
            let counts = serde_json::to_string(&gossip.told).unwrap();
            assert_eq!(gossip.told.total(), gossip.claims.len() as u64);
            told.push(format!("told {counts}"));
        }
        told
    }

    fn modern(protocol_version: i32) -> Version {
        Version {
            protocol_version,
            services: 0xc09,
            timestamp: 1_700_000_000,
            addr_recv: NetAddr::default(),
            addr_from: Some(NetAddr::default()),
            nonce: Some(5),
            user_agent: Some(b"/Satoshi:31.0.0/".to_vec()),
            start_height: Some(900_000),
            relay: Some(1),
            trailing: Vec::new(),
        }
    }

    fn version(protocol_version: i32) -> Message {
        Message::Version(Box::new(modern(protocol_version)))
    }

    fn without_relay_byte(protocol_version: i32) -> Message {
        Message::Version(Box::new(Version {
            relay: None,
            ..modern(protocol_version)
        }))
    }

    fn asking() -> SessionConfig {
        SessionConfig {
            questions: Questions::Addresses,
            answer_timeout: Duration::from_secs(45),
            ..SessionConfig::default()
        }
    }

    /// The first of `n` addresses, and every second one, is in Tor.
    fn addrv2(n: u32) -> Message {
        let entry = |it: u32| AddrV2Entry {
            time: 1_700_000_000,
            services: 9,
            host: Ok(match it % 2 {
                0 => Host::Onion([7; 32]),
                _ => Host::Ipv4(it.to_be_bytes()),
            }),
            port: 8333,
        };
        Message::AddrV2((0..n).map(entry).collect())
    }

    fn without_time(n: u32) -> Vec<u8> {
        let entry = |it: u32| AddrEntry {
            time: None,
            services: 1,
            ip: Host::Ipv4(it.to_be_bytes()).to_ip16().unwrap(),
            port: 8333,
        };
        gossip::encode_addr(&(0..n).map(entry).collect::<Vec<_>>())
    }

    fn sendcmpct(version: u64) -> Message {
        Message::SendCmpct(SendCmpct {
            announce: 0,
            version,
        })
    }

    fn framed(chain: Chain, command: Command, payload: &[u8]) -> Vec<u8> {
        v1::encode(chain.magic(), HeaderForm::WithChecksum, command, payload)
    }

    fn bytes_of(messages: &[Message]) -> Vec<u8> {
        messages
            .iter()
            .flat_map(|it| framed(Chain::Mainnet, it.command(), &it.encode()))
            .collect()
    }

    /// A message whose checksum is wrong.
    fn spoilt(message: &Message) -> Vec<u8> {
        let mut bytes = bytes_of(std::slice::from_ref(message));
        bytes[20] ^= 1;
        bytes
    }

    /// A header that claims one byte more than is allowed.
    fn oversize() -> Vec<u8> {
        let mut bytes = framed(Chain::Mainnet, command::TX, b"");
        bytes[16..20].copy_from_slice(&4_000_001u32.to_le_bytes());
        bytes
    }

    /// Reads what we wrote, all of which must be whole messages.
    fn read(bytes: &[u8]) -> Vec<Message> {
        let magic = Chain::Mainnet.magic();
        let mut decoder = v1::Decoder::new(magic, HeaderForm::WithChecksum, MAX_KEPT_PAYLOAD);
        decoder.feed(bytes);
        let mut messages = Vec::new();
        while let Some(frame) = decoder.next_frame().unwrap() {
            messages.push(Message::decode(frame.command, frame.payload.unwrap()).unwrap());
        }
        assert_eq!(decoder.n_pending(), 0, "half a message was sent");
        messages
    }

    fn names(messages: &[Message]) -> String {
        let names: Vec<_> = messages.iter().map(|it| it.command().to_string()).collect();
        names.join("+")
    }
}
