//! Whatever a peer does, the conversation ends by its deadline, with the outcome that fits what was heard.
#![no_main]

use std::sync::Arc;
use std::time::Duration;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use proto::command::COMMANDS;
use proto::framing::v1::{self, HeaderForm};
use proto::handshake::Hangup;
use proto::limits::MAX_STORY;
use proto::session::{Chance, Output, Questions};
use proto::version::NetAddr;
use proto::{Chain, Outcome, Session, SessionConfig, Version};

const NONCE: u64 = 7;
/// When the connection stood.
const AT: Duration = Duration::from_secs(1);

#[derive(Arbitrary, Debug)]
enum Step<'a> {
    Bytes(&'a [u8]),
    Message { which: u8, payload: &'a [u8] },
    Version { protocol_version: i32, nonce: u64 },
    Answer,
    Pause { millis: u16 },
    Timeout,
    HangUp,
    Break,
}

fuzz_target!(|input: (u8, Vec<Step<'_>>)| {
    let (asks, steps) = input;
    let config = SessionConfig {
        questions: match asks % 3 {
            0 => Questions::None,
            1 => Questions::Features,
            _ => Questions::Addresses,
        },
        story: true,
        ..SessionConfig::default()
    };
    let latest = AT + config.handshake_timeout + config.answer_timeout;
    let mut session = Session::start(Arc::new(config), None, Chance::v1(NONCE), 0, AT);
    let mut fence = NONCE;
    let mut at = AT;
    drain(&mut session, at, &mut fence);
    for step in &steps {
        match step {
            Step::Pause { millis } => at += Duration::from_millis(u64::from(*millis)),
            Step::Timeout => session.handle_timeout(at),
            Step::HangUp => session.handle_hangup(Hangup::Closed),
            Step::Break => session.handle_hangup(Hangup::Broken("broken".to_owned())),
            Step::Bytes(_) | Step::Message { .. } | Step::Version { .. } | Step::Answer => {
                session.handle_bytes(&write(step, fence), at);
            }
        }
        drain(&mut session, at, &mut fence);
        let Some(deadline) = session.deadline() else {
            break;
        };
        assert!(deadline <= latest.max(at + Duration::from_secs(5)));
    }
    while let Some(deadline) = session.deadline() {
        at = at.max(deadline);
        session.handle_timeout(at);
        drain(&mut session, at, &mut fence);
    }
    assert_eq!(session.poll_output(at), Some(Output::Close));

    let ending = session.finish();
    let heard = &ending.heard;
    let has_version = heard.version.is_some();
    let is_self = heard
        .version
        .as_ref()
        .is_some_and(|it| it.nonce == Some(NONCE));
    match ending.outcome {
        Outcome::SelfConnection => assert!(is_self),
        Outcome::Complete => assert!(has_version && heard.verack_at.is_some()),
        Outcome::VersionOnly => assert!(has_version && heard.verack_at.is_none()),
        _ => assert!(!has_version),
    }
    assert_eq!(heard.version_at.is_some(), has_version);
    assert!(heard.story.len() <= MAX_STORY);
    if let (Some(version), Some(payload)) = (&heard.version, &heard.version_payload) {
        assert_eq!(&version.encode(), payload);
    }
});

/// Does what a driver does, and learns the nonce of our `ping` from what is written.
fn drain(session: &mut Session, at: Duration, fence: &mut u64) {
    while let Some(Output::Send(bytes)) = session.poll_output(at) {
        let magic = Chain::Mainnet.magic();
        let mut decoder = v1::Decoder::new(magic, HeaderForm::WithChecksum, bytes.len());
        decoder.feed(&bytes);
        while let Some(frame) = decoder.next_frame().expect("we keep to the protocol") {
            let nonce = frame.payload.and_then(|it| it.first_chunk());
            if let ("ping", Some(nonce)) = (frame.command.name(), nonce) {
                *fence = u64::from_le_bytes(*nonce);
            }
        }
        assert_eq!(decoder.n_pending(), 0, "half a message was sent");
    }
}

fn write(step: &Step<'_>, fence: u64) -> Vec<u8> {
    match step {
        Step::Bytes(bytes) => bytes.to_vec(),
        Step::Message { which, payload } => message(
            COMMANDS[usize::from(*which) % COMMANDS.len()]
                .command
                .name(),
            payload,
        ),
        Step::Version {
            protocol_version,
            nonce,
        } => {
            let version = Version {
                protocol_version: *protocol_version,
                addr_from: Some(NetAddr::default()),
                nonce: Some(*nonce),
                user_agent: Some(Vec::new()),
                start_height: Some(0),
                ..Version::default()
            };
            message("version", &version.encode())
        }
        Step::Answer => message("pong", &fence.to_le_bytes()),
        Step::Pause { .. } | Step::Timeout | Step::HangUp | Step::Break => Vec::new(),
    }
}

fn message(name: &str, payload: &[u8]) -> Vec<u8> {
    let magic = Chain::Mainnet.magic();
    v1::encode(
        magic,
        HeaderForm::WithChecksum,
        proto::Command::new(name),
        payload,
    )
}
