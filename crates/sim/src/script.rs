//! What a node of each kind does in a call, written down before anybody calls.

use std::time::Duration;

use proto::command::{self, Command};
use proto::features::Features;
use proto::framing::v1::{HeaderForm, encode_into};
use proto::gossip::AddrV2Entry;
use proto::message::{Feature, InvItem};
use proto::protocol_version::PONG_ABOVE;
use proto::{Chain, Message, PeerAddr};

use crate::dice::Dice;
use crate::kind::Kind;
use crate::software::Talk;

/// How many times the patience of its callers a slow drip takes.
const SLOW_DRIP: u32 = 8;
/// Which part of the patience of its callers a patient drip takes: one in this many.
const PATIENT_DRIP: u32 = 2;
/// Between two pieces, so that they arrive as two.
const PIECE_PAUSE: Duration = Duration::from_millis(1);
/// How many pings a chatty node sends.
const N_CHATTY_PINGS: u64 = 64;
/// The first bytes of every message of Litecoin.
const LITECOIN_MAGIC: [u8; 4] = [0xfb, 0xc0, 0xb6, 0xdb];

/// One thing that a node does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Writes these bytes, in one write.
    Say(Vec<u8>),
    /// Lets time pass.
    Wait(Duration),
    /// Closes the connection in order.
    Close,
    /// Breaks the connection.
    Reset,
}

/// What a node does in a call; each list once, and what answers the caller one round trip later.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Script {
    /// As soon as the connection stands.
    pub(crate) on_accept: Vec<Step>,
    /// When it heard the caller's `version`.
    pub(crate) on_version: Vec<Step>,
    /// When it heard the caller's `verack`.
    pub(crate) on_verack: Vec<Step>,
    /// Whether it answers `ping`.
    pub(crate) answers_pings: bool,
    /// Whether it answers with its `version` and the caller's nonce instead of `on_version`.
    pub(crate) echoes_nonce: bool,
}

/// What a script is made from.
#[derive(Debug)]
pub(crate) struct Part<'a> {
    pub(crate) addr: PeerAddr,
    pub(crate) kind: Kind,
    pub(crate) chain: Chain,
    pub(crate) protocol_version: i32,
    pub(crate) version_payload: &'a [u8],
    pub(crate) talk: Talk,
    /// How long callers wait for a handshake.
    pub(crate) patience: Duration,
}

/// Writes the script of one node, and the features that a caller hears in it.
pub(crate) fn write(part: Part<'_>, dice: &mut Dice) -> (Script, Features) {
    let mut voice = Voice {
        magic: part.chain.magic(),
        features: Features::default(),
    };
    let version = voice.raw(command::VERSION, part.version_payload);
    let script = match part.kind {
        kind if !kind.is_live() => Script::default(),
        Kind::Silent | Kind::SelfConnection => Script {
            echoes_nonce: part.kind == Kind::SelfConnection,
            ..Script::default()
        },
        Kind::ClosesAtOnce => Script {
            on_accept: vec![Step::Close],
            ..Script::default()
        },
        // At the first word, because a connection that breaks earlier may look to its caller like none at all.
        Kind::Resets => on_version(vec![Step::Reset]),
        Kind::SshBanner => Script {
            on_accept: vec![Step::Say(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n".to_vec())],
            ..on_version(say_and_close(b"Invalid SSH identification string.\r\n"))
        },
        Kind::HttpBanner => on_version(say_and_close(
            b"HTTP/1.1 400 Bad Request\r\nServer: nginx\r\nConnection: close\r\n\r\n",
        )),
        Kind::Garbage => on_version(vec![Step::Say(draw_garbage(dice))]),
        Kind::WrongMagic => {
            voice.magic = another_chain(part.chain).magic();
            let greeting = [
                voice.raw(command::VERSION, part.version_payload),
                voice.say(&[Message::Verack]),
            ];
            on_version(vec![Step::Say(greeting.concat())])
        }
        Kind::OtherCoin => {
            voice.magic = LITECOIN_MAGIC;
            let version = voice.raw(command::VERSION, part.version_payload);
            on_version(vec![Step::Say(version)])
        }
        Kind::BadVersionChecksum => on_version(vec![Step::Say(spoil_checksum(version))]),
        Kind::OversizeHeader => {
            let header = spoil_length(voice.raw(command::BLOCK, b""));
            on_version(vec![Step::Say([header, version].concat())])
        }
        Kind::SlowDrip => on_version(drip(&version, part.patience * SLOW_DRIP)),
        Kind::NoVerack => {
            let negotiation = voice.say(&part.talk.before_verack);
            on_version(vec![Step::Say([version, negotiation].concat())])
        }
        Kind::HangsUp => on_version(vec![Step::Say(version), Step::Close]),
        Kind::AncientShort | Kind::AncientNoHeight => on_version(vec![Step::Say(version)]),
        Kind::MalformedVersion => {
            let verack = voice.say(&[Message::Verack]);
            on_version(vec![Step::Say([version, verack].concat())])
        }
        _polite => polite(part, &mut voice, version, dice),
    };
    (script, voice.features)
}

/// Writes the script of a node that shakes hands, with the oddities of its kind.
fn polite(part: Part<'_>, voice: &mut Voice, version: Vec<u8>, dice: &mut Dice) -> Script {
    let mut talk = part.talk;
    let mut prelude = Vec::new();
    let mut interlude = Vec::new();
    match part.kind {
        Kind::BadCommand => prelude = spoil_command(voice.raw(command::PING, &[7; 8])),
        Kind::BadChecksum => interlude = spoil_checksum(voice.raw(command::PING, &[7; 8])),
        Kind::ChattyBefore => prelude = voice.say(&chat(dice, &["xversion", "sendcats"])),
        Kind::ChattyAfter => talk.after_verack.extend(chat_on(dice, part.addr)),
        Kind::NewFeatures => talk.before_verack.extend(new_features()),
        Kind::VerackFirst => prelude = voice.say(&[Message::Verack]),
        _plain => (),
    }
    let is_first = match part.kind {
        Kind::Honest | Kind::SpeaksFirst => talk.speaks_first,
        _odd => false,
    };
    let negotiation = voice.say(&talk.before_verack);
    let verack = match part.kind {
        Kind::VerackFirst => Vec::new(),
        _in_order => voice.say(&[Message::Verack]),
    };
    let behind = voice.say(&talk.behind_verack);
    let after = voice.say(&talk.after_verack);
    let rest = [interlude, negotiation, verack, behind].concat();
    let (on_accept, greeting) = match is_first {
        true => (vec![Step::Say(version)], rest),
        false => (Vec::new(), [prelude, version, rest].concat()),
    };
    let deliver = |bytes: Vec<u8>, dice: &mut Dice| match part.kind {
        _ if bytes.is_empty() => Vec::new(),
        Kind::Fragmented => fragment(&bytes, dice),
        _whole => vec![Step::Say(bytes)],
    };
    Script {
        on_accept,
        on_version: match part.kind {
            Kind::PatientDrip => drip(&greeting, part.patience / PATIENT_DRIP),
            _swift => deliver(greeting, dice),
        },
        on_verack: deliver(after, dice),
        answers_pings: part.kind != Kind::NoPong && part.protocol_version > PONG_ABOVE,
        echoes_nonce: false,
    }
}

/// Turns messages into bytes, and notes what a caller learns from them.
struct Voice {
    magic: [u8; 4],
    features: Features,
}

impl Voice {
    fn say(&mut self, messages: &[Message]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for message in messages {
            self.features.note(message);
            let payload = message.encode();
            let form = HeaderForm::WithChecksum;
            encode_into(&mut bytes, self.magic, form, message.command(), &payload);
        }
        bytes
    }

    fn raw(&self, command: Command, payload: &[u8]) -> Vec<u8> {
        frame(self.magic, command, payload)
    }
}

/// Writes one whole message.
pub(crate) fn frame(magic: [u8; 4], command: Command, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(24 + payload.len());
    encode_into(
        &mut bytes,
        magic,
        HeaderForm::WithChecksum,
        command,
        payload,
    );
    bytes
}

fn on_version(steps: Vec<Step>) -> Script {
    Script {
        on_version: steps,
        ..Script::default()
    }
}

fn say_and_close(text: &[u8]) -> Vec<Step> {
    vec![Step::Say(text.to_vec()), Step::Close]
}

fn another_chain(chain: Chain) -> Chain {
    match chain {
        Chain::Testnet3 => Chain::Mainnet,
        Chain::Mainnet | Chain::Testnet4 | Chain::Signet | Chain::Regtest => Chain::Testnet3,
    }
}

fn draw_garbage(dice: &mut Dice) -> Vec<u8> {
    let len = 64 + dice.roll(400);
    let mut bytes: Vec<u8> = (0..len).map(|_| dice.byte()).collect();
    bytes[0] = 0; // No chain's magic starts so.
    bytes[4] = 0xff; // No command does.
    bytes
}

/// Where the command, the length and the checksum of a message start.
const COMMAND_AT: usize = 4;
const LENGTH_AT: usize = 16;
const CHECKSUM_AT: usize = 20;

fn spoil_command(mut message: Vec<u8>) -> Vec<u8> {
    message[COMMAND_AT] = 0xff;
    message
}

fn spoil_length(mut message: Vec<u8>) -> Vec<u8> {
    message[LENGTH_AT..CHECKSUM_AT].copy_from_slice(&5_000_000u32.to_le_bytes());
    message
}

fn spoil_checksum(mut message: Vec<u8>) -> Vec<u8> {
    message[CHECKSUM_AT] ^= 1;
    message
}

/// Says `bytes` one at a time, so that all of them take `total`.
fn drip(bytes: &[u8], total: Duration) -> Vec<Step> {
    let n_bytes = u32::try_from(bytes.len()).expect("a handshake is short");
    let pause = Step::Wait(total / n_bytes.max(1));
    let say = |byte: &u8| [pause.clone(), Step::Say(vec![*byte])];
    bytes.iter().flat_map(say).collect()
}

fn fragment(bytes: &[u8], dice: &mut Dice) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let (piece, tail) = rest.split_at(rest.len().min(1 + dice.roll(7)));
        steps.extend([Step::Say(piece.to_vec()), Step::Wait(PIECE_PAUSE)]);
        rest = tail;
    }
    steps
}

fn chat(dice: &mut Dice, unknown: &[&str]) -> Vec<Message> {
    let block = InvItem {
        kind: 2,
        hash: dice.bytes(),
    };
    let mut messages = vec![
        Message::Inv(vec![block]),
        Message::Ping(Some(dice.number())),
    ];
    messages.extend(unknown.iter().map(|name| Message::Other {
        command: Command::new(name),
        payload: dice.bytes::<9>().to_vec(),
    }));
    messages
}

fn chat_on(dice: &mut Dice, addr: PeerAddr) -> Vec<Message> {
    let own = AddrV2Entry {
        time: 0,
        services: 1,
        host: Ok(addr.host),
        port: addr.port,
    };
    let mut messages = chat(dice, &["protoconf"]);
    messages.push(Message::AddrV2(vec![own]));
    messages.extend((0..N_CHATTY_PINGS).map(|nonce| Message::Ping(Some(nonce))));
    messages
}

fn new_features() -> [Message; 2] {
    let reconciliation = [&1u32.to_le_bytes()[..], &[7; 8]].concat();
    [
        Message::Other {
            command: command::SENDTXRCNCL,
            payload: reconciliation,
        },
        Message::Feature(Feature {
            id: b"https://example.org/shout".to_vec(),
            data: vec![1, 2],
        }),
    ]
}
