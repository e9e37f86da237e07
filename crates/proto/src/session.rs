//! One whole conversation with one peer: bytes and time in, bytes and a deadline out.

use std::sync::Arc;
use std::time::Duration;

use crate::addr::PeerAddr;
use crate::chain::Chain;
use crate::command::{self, Command};
use crate::framing::v1::{self, FrameError, HeaderForm};
use crate::handshake::{Handshake, Hangup};
use crate::limits::{MAX_BYTES_PER_VISIT, MAX_KEPT_PAYLOAD, MAX_STORY};
use crate::message::Message;
use crate::outcome::Outcome;
use crate::protocol_version;
use crate::visit::{Heard, Told};

/// What all conversations of a crawl have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionConfig {
    /// Whose nodes we talk to.
    pub chain: Chain,
    /// The protocol version that we announce.
    pub protocol_version: i32,
    /// The user agent that we announce (BIP 14).
    pub user_agent: String,
    /// How long `version` and `verack` may take from the moment the connection stands.
    pub handshake_timeout: Duration,
    /// How long the answers to our questions may take from the `verack` on.
    pub answer_timeout: Duration,
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
}

impl Default for SessionConfig {
    fn default() -> SessionConfig {
        SessionConfig {
            chain: Chain::Mainnet,
            protocol_version: protocol_version::OURS,
            user_agent: "/bitcensus/".to_owned(),
            handshake_timeout: Duration::from_secs(15),
            answer_timeout: Duration::from_secs(5),
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
    /// What the peer said.
    pub heard: Heard,
}

/// One conversation with one peer, over the v1 transport. Opens no socket and reads no clock.
///
/// Time is the duration since the dial began.
#[derive(Debug)]
pub struct Session {
    config: Arc<SessionConfig>,
    decoder: v1::Decoder,
    handshake: Handshake,
    heard: Heard,
}

impl Session {
    /// Starts a conversation over a connection that stands since `at`.
    ///
    /// `peer` is whom we called, where that is known by address; `nonce` is a fresh random number, `unix_time` our
    /// clock in seconds.
    pub fn start(
        config: Arc<SessionConfig>,
        peer: Option<&PeerAddr>,
        nonce: u64,
        unix_time: i64,
        at: Duration,
    ) -> Session {
        let magic = config.chain.magic();
        Session {
            decoder: v1::Decoder::new(magic, HeaderForm::WithChecksum, MAX_KEPT_PAYLOAD),
            handshake: Handshake::start(&config, peer, nonce, unix_time, at),
            heard: Heard::default(),
            config,
        }
    }

    /// Takes bytes in, in pieces of any size.
    pub fn handle_bytes(&mut self, bytes: &[u8], at: Duration) {
        self.heard.bytes_in += bytes.len() as u64;
        self.decoder.feed(bytes);
        while self.handshake.ending().is_none() {
            match self.decoder.next_frame() {
                Ok(None) => break,
                Ok(Some(frame)) => {
                    tell(
                        &self.config,
                        &mut self.heard,
                        at,
                        true,
                        frame.command,
                        frame.len,
                    );
                    handle_frame(&mut self.handshake, &mut self.heard, &frame, at);
                }
                Err(error) => handle_frame_error(&mut self.handshake, &error),
            }
        }
        if self.heard.bytes_in > MAX_BYTES_PER_VISIT {
            let reason = format!("it sent more than {MAX_BYTES_PER_VISIT} bytes");
            self.handshake
                .handle_offence(Outcome::ProtocolViolation, reason);
        }
    }

    /// Takes in that no more bytes will come.
    pub fn handle_hangup(&mut self, hangup: Hangup) {
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
        if self.handshake.ending().is_some() {
            return Some(Output::Close);
        }
        let messages = self.handshake.take_messages();
        if messages.is_empty() {
            return None;
        }
        let mut bytes = Vec::new();
        for message in messages {
            let (command, payload) = (message.command(), message.encode());
            tell(
                &self.config,
                &mut self.heard,
                at,
                false,
                command,
                payload.len(),
            );
            let magic = self.config.chain.magic();
            v1::encode_into(
                &mut bytes,
                magic,
                HeaderForm::WithChecksum,
                command,
                &payload,
            );
        }
        self.heard.bytes_out += bytes.len() as u64;
        Some(Output::Send(bytes))
    }

    /// Ends the conversation, where it is not over yet as if the peer had hung up, and returns what came of it.
    pub fn finish(mut self) -> Ending {
        self.handshake.handle_hangup(Hangup::Closed);
        let (outcome, reason) = self
            .handshake
            .ending()
            .expect("a conversation is over after the peer hung up");
        Ending {
            outcome,
            reason: reason.map(str::to_owned),
            heard: self.heard,
        }
    }
}

fn handle_frame(handshake: &mut Handshake, heard: &mut Heard, frame: &v1::Frame<'_>, at: Duration) {
    let Some(payload) = frame.payload else {
        return; // Longer than anything that we want to hear.
    };
    if frame.command == command::VERSION && heard.version_payload.is_none() {
        heard.version_payload = Some(payload.to_vec());
    }
    match Message::decode(frame.command, payload) {
        Ok(message) => handshake.handle_message(message, heard, at),
        Err(error) if frame.command == command::VERSION => {
            handshake.handle_malformed_version(&error);
        }
        // As in Bitcoin Core, a message that can not be read is passed over.
        Err(_) => (),
    }
}

fn handle_frame_error(handshake: &mut Handshake, error: &FrameError) {
    let outcome = match error {
        FrameError::WrongMagic { .. } => Outcome::WrongNetwork,
        FrameError::NotBitcoin { .. } | FrameError::Oversize { .. } => Outcome::ProtocolViolation,
        // Nobody sends a second version: there is nothing left to wait for.
        FrameError::BadChecksum { command, .. } if *command == command::VERSION => {
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
