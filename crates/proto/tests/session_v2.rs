//! Whole conversations over the v2 transport, with a node that is played by hand.

use std::sync::Arc;
use std::time::Duration;

use proto::command::Command;
use proto::framing::v1::{self, HeaderForm};
use proto::framing::v2::keys::Secret;
use proto::framing::v2::{Link, Padding};
use proto::handshake::Hangup;
use proto::session::{Chance, Ending, Output, Questions};
use proto::version::NetAddr;
use proto::{Chain, Message, Outcome, Session, SessionConfig, Version};

const AT: Duration = Duration::from_secs(1);

#[test]
fn everything_is_heard_as_over_v1_and_in_as_few_writes() {
    let (mut session, mut node) = call(Padding::default());
    assert_eq!(node.hear(&mut session), ""); // The key, to which it answers with its own.
    node.flush(&mut session);
    assert_eq!(node.hear(&mut session), "version");
    node.say(
        &mut session,
        &[
            version(),
            Message::WtxidRelay,
            Message::SendAddrV2,
            Message::Verack,
        ],
    );
    assert_eq!(node.hear(&mut session), "sendaddrv2+verack+getaddr+ping");
    let ping = node
        .last_ping
        .expect("a node that is played by hand goes on");
    node.say(
        &mut session,
        &[
            Message::SendHeaders,
            Message::AddrV2(Vec::new()),
            Message::Pong(ping),
        ],
    );
    assert_eq!(session.poll_output(AT), Some(Output::Close));
    let ending = session.finish();
    assert_eq!(tell(&ending), "complete");
    assert_eq!(ending.heard.version_payload, Some(version().encode()));
    assert_eq!(
        (ending.heard.bytes_in, ending.heard.bytes_out),
        (node.sent, node.received)
    );
    assert!(ending.heard.features.sendheaders && ending.heard.features.sendaddrv2);
    assert_eq!(
        ending
            .heard
            .gossip
            .expect("a node that is played by hand goes on")
            .told
            .total(),
        0
    );
}

#[test]
fn garbage_and_decoys_make_no_difference() {
    let (mut session, mut node) = call(Padding {
        garbage: vec![7; 4_095],
        decoys: vec![vec![1; 100]; 3],
    });
    node.hear(&mut session);
    node.flush(&mut session);
    node.hear(&mut session);
    node.say(&mut session, &[version(), Message::Verack]);
    assert_eq!(tell(&session.finish()), "complete");
}

#[test]
fn a_node_that_hangs_up_without_a_word_may_speak_v1() {
    let (session, _) = call(Padding::default());
    let silent = "v2_failed (it hung up before it proved to know v2, as nodes without v2 and full ones do), wants v1";
    assert_eq!(tell(&session.finish()), silent);
    let (mut session, _) = call(Padding::default());
    session.handle_hangup(Hangup::Broken("connection reset".to_owned()));
    assert_eq!(tell(&session.finish()), silent);
}

#[test]
fn a_node_that_hangs_up_behind_its_opening_speaks_v2() {
    let (mut session, mut node) = call(Padding::default());
    node.hear(&mut session);
    node.flush(&mut session);
    node.hear(&mut session);
    node.flush(&mut session);
    assert_eq!(tell(&session.finish()), "closed_before_version");
}

#[test]
fn a_web_server_that_answers_at_length_is_called_again_in_v1() {
    let (mut session, _) = call(Padding::default());
    let page = "HTTP/1.1 400 Bad Request\r\nServer: nginx\r\n\r\n<html>this is no key</html>";
    session.handle_bytes(page.as_bytes(), AT);
    let ending = session.finish();
    assert_eq!((ending.outcome, ending.wants_v1), (Outcome::V2Failed, true));
}

#[test]
fn a_node_that_answers_in_v1_is_called_again_in_v1() {
    let (mut session, _) = call(Padding::default());
    let magic = Chain::Mainnet.magic();
    let greeting = v1::encode(
        magic,
        HeaderForm::default(),
        version().command(),
        &version().encode(),
    );
    session.handle_bytes(&greeting, AT);
    assert_eq!(
        tell(&session.finish()),
        "v2_failed (it speaks the v1 transport), wants v1"
    );
}

#[test]
fn a_node_that_sends_what_is_no_v2_is_called_again_in_v1() {
    let (mut session, _) = call(Padding::default());
    session.handle_bytes(&[0xaa; 64 + 4_095 + 16], AT);
    assert_eq!(
        tell(&session.finish()),
        "v2_failed (it sent 4095 bytes without what ends its garbage, so it does not speak v2), wants v1"
    );
}

#[test]
fn a_changed_packet_ends_the_conversation_with_what_was_reached() {
    let (mut session, mut node) = call(Padding::default());
    node.hear(&mut session);
    node.flush(&mut session);
    node.hear(&mut session);
    node.say(&mut session, &[version()]);
    node.write(&Message::Verack);
    let mut bytes = node.link.take_output();
    *bytes
        .last_mut()
        .expect("a node that is played by hand goes on") ^= 1;
    session.handle_bytes(&bytes, AT);
    assert_eq!(
        tell(&session.finish()),
        "version_only (its packet 2 cannot be authenticated)"
    );
}

#[test]
fn a_silent_node_is_left_at_the_deadline_and_not_called_again() {
    let (mut session, _) = call(Padding::default());
    session.handle_timeout(AT + Duration::from_secs(15));
    assert_eq!(tell(&session.finish()), "version_timeout");
}

fn tell(ending: &Ending) -> String {
    let reason = ending.reason.as_ref().map(|it| format!(" ({it})"));
    let wants_v1 = if ending.wants_v1 { ", wants v1" } else { "" };
    format!("{}{}{wants_v1}", ending.outcome, reason.unwrap_or_default())
}

/// Starts a conversation with a node that pads what it sends.
fn call(padding: Padding) -> (Session, Node) {
    let config = SessionConfig {
        questions: Questions::Addresses,
        ..SessionConfig::default()
    };
    let chance = Chance {
        nonce: 7,
        v2: Some(Secret::new([1; 32], [2; 32])),
    };
    let session = Session::start(Arc::new(config), None, chance, 1_700_000_000, AT);
    let link = Link::respond(
        Chain::Mainnet.magic(),
        Secret::new([3; 32], [4; 32]),
        padding,
    );
    let node = Node {
        link,
        last_ping: None,
        sent: 0,
        received: 0,
    };
    (session, node)
}

struct Node {
    link: Link,
    last_ping: Option<u64>,
    sent: u64,
    received: u64,
}

impl Node {
    /// Takes one write of the session in, and names its messages.
    fn hear(&mut self, session: &mut Session) -> String {
        let Some(Output::Send(bytes)) = session.poll_output(AT) else {
            panic!("nothing was sent");
        };
        self.received += bytes.len() as u64;
        self.link.feed(&bytes);
        let mut names = Vec::new();
        while let Some(frame) = self
            .link
            .next_frame()
            .expect("a node that is played by hand goes on")
        {
            names.push(frame.command.to_string());
            if frame.command == Command::new("ping") {
                let nonce = frame
                    .payload
                    .expect("a node that is played by hand goes on")
                    .try_into()
                    .expect("a node that is played by hand goes on");
                self.last_ping = Some(u64::from_le_bytes(nonce));
            }
        }
        names.join("+")
    }

    fn say(&mut self, session: &mut Session, messages: &[Message]) {
        for message in messages {
            self.write(message);
        }
        self.flush(session);
    }

    fn write(&mut self, message: &Message) {
        let mut writer = self
            .link
            .writer()
            .expect("a node that is played by hand goes on");
        writer.write(message.command(), &message.encode());
    }

    /// Sends what is to be sent, in pieces.
    fn flush(&mut self, session: &mut Session) {
        let bytes = self.link.take_output();
        self.sent += bytes.len() as u64;
        for piece in bytes.chunks(17) {
            session.handle_bytes(piece, AT);
        }
    }
}

fn version() -> Message {
    Message::Version(Box::new(Version {
        protocol_version: 70_016,
        addr_from: Some(NetAddr::default()),
        nonce: Some(5),
        user_agent: Some(b"/Satoshi:31.0.0/".to_vec()),
        start_height: Some(900_000),
        relay: Some(1),
        ..Version::default()
    }))
}

#[test]
fn nothing_is_said_before_the_key_of_the_node_is_there() {
    let (mut session, _) = call(Padding::default());
    let Some(Output::Send(first)) = session.poll_output(AT) else {
        panic!("nothing was sent");
    };
    assert_eq!(first.len(), 64);
    assert_eq!(session.poll_output(AT), None);
    assert_eq!(session.deadline(), Some(AT + Duration::from_secs(15)));
    session.handle_timeout(Duration::from_secs(60));
    assert_eq!(session.poll_output(AT), Some(Output::Close));
    assert_eq!(session.finish().outcome, Outcome::VersionTimeout);
}
