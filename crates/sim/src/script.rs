//! What a node of each kind does in a call, written down before anybody calls.

use std::time::Duration;

use proto::command::{self, Command};
use proto::features::Features;
use proto::framing::v1::{HeaderForm, encode};
use proto::framing::v2::keys::{PUBLIC_KEY_LEN, TERMINATOR_LEN};
use proto::gossip::AddrV2Entry;
use proto::limits::MAX_GARBAGE;
use proto::message::{Feature, InvItem};
use proto::protocol_version::PONG_ABOVE;
use proto::{Chain, Message, PeerAddr};

use crate::dice::Dice;
use crate::kind::Kind;
use crate::line::Say;
use crate::software::Talk;

/// How many times the patience of its callers a slow drip takes.
const SLOW_DRIP: u32 = 8;
/// Which part of the patience of its callers a patient drip takes: one in this many.
const PATIENT_DRIP: u32 = 4;
/// Between two pieces, so that they arrive as two.
const PIECE_PAUSE: Duration = Duration::from_millis(1);
/// How many pings a chatty node sends.
const N_CHATTY_PINGS: u64 = 64;
/// The first bytes of every message of Litecoin.
const LITECOIN_MAGIC: [u8; 4] = [0xfb, 0xc0, 0xb6, 0xdb];

/// How much garbage is more than a v2 conversation can start with: a key, what may follow it, and what ends that.
const TOO_MUCH_GARBAGE: usize = PUBLIC_KEY_LEN + MAX_GARBAGE + TERMINATOR_LEN;

/// One thing that a node does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Says this; what is said without a wait between goes out in one write.
    Say(Say),
    /// Says this in pieces.
    SayBy(Pace, Vec<Say>),
    /// Closes the connection in order.
    Close,
    /// Breaks the connection.
    Reset,
}

/// How bytes are said in pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// One at a time, so that all of them take so long.
    Drip(Duration),
    /// One to seven at a time; this is where chance starts.
    Pieces(u64),
}

/// Some of the bytes of what is said in pieces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    /// How long the node waits before it sends them.
    pub(crate) pause: Duration,
    pub(crate) bytes: Vec<u8>,
}

/// What a node does in a call; each list once, and what answers the caller one round trip later.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Script {
    /// As soon as the connection stands.
    pub(crate) on_accept: Vec<Step>,
    /// When it heard anything at all.
    pub(crate) on_words: Vec<Step>,
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
    let mut voice = Voice::default();
    let magic = part.chain.magic();
    let version = Say::Message(command::VERSION, part.version_payload.to_vec());
    let script = match part.kind {
        kind if !kind.is_live() => Script::default(),
        Kind::Silent | Kind::V2Broken | Kind::SelfConnection => Script {
            echoes_nonce: part.kind == Kind::SelfConnection,
            ..Script::default()
        },
        Kind::ClosesAtOnce => Script {
            on_accept: vec![Step::Close],
            ..Script::default()
        },
        // At the first word, because a connection that breaks earlier may look to its caller like none at all.
        Kind::Resets => on_words(vec![Step::Reset]),
        // Both banners are shorter than a key: who says more may speak v2, as far as a caller can tell.
        Kind::SshBanner => Script {
            on_accept: vec![say_bytes(b"SSH-2.0-OpenSSH_9.2p1\r\n")],
            ..on_words(say_and_close(b"Invalid SSH identification string.\r\n"))
        },
        Kind::HttpBanner => on_words(say_and_close(
            b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n",
        )),
        Kind::Garbage => on_words(vec![say_bytes(&draw_garbage(dice))]),
        Kind::WrongMagic => {
            let magic = another_chain(part.chain).magic();
            let greeting = [
                frame(magic, command::VERSION, part.version_payload),
                frame(magic, command::VERACK, b""),
            ];
            on_version(vec![say_bytes(&greeting.concat())])
        }
        Kind::OtherCoin => {
            let version = frame(LITECOIN_MAGIC, command::VERSION, part.version_payload);
            on_version(vec![say_bytes(&version)])
        }
        Kind::BadVersionChecksum => {
            let version = frame(magic, command::VERSION, part.version_payload);
            on_version(vec![say_bytes(&spoil_checksum(version))])
        }
        Kind::OversizeHeader => {
            let header = spoil_length(frame(magic, command::BLOCK, b""));
            on_version(vec![say_bytes(&header), Step::Say(version)])
        }
        Kind::SlowDrip => {
            let pace = Pace::Drip(part.patience * SLOW_DRIP);
            on_version(vec![Step::SayBy(pace, vec![version])])
        }
        Kind::NoVerack => {
            let negotiation = voice.say(&part.talk.before_verack);
            on_version(say_all([vec![version], negotiation].concat()))
        }
        Kind::HangsUp => on_version(vec![Step::Say(version), Step::Close]),
        Kind::AncientShort | Kind::AncientNoHeight => on_version(vec![Step::Say(version)]),
        Kind::MalformedVersion => {
            let verack = voice.say(&[Message::Verack]);
            on_version(say_all([vec![version], verack].concat()))
        }
        _polite => polite(part, &mut voice, version, dice),
    };
    (script, voice.features)
}

/// Writes the script of a node that shakes hands, with the oddities of its kind.
fn polite(part: Part<'_>, voice: &mut Voice, version: Say, dice: &mut Dice) -> Script {
    let spoilt_ping = |spoil: fn(Vec<u8>) -> Vec<u8>| {
        let ping = frame(part.chain.magic(), command::PING, &[7; 8]);
        vec![Say::Bytes(spoil(ping))]
    };
    let mut talk = part.talk;
    let mut prelude = Vec::new();
    let mut interlude = Vec::new();
    match part.kind {
        Kind::BadCommand => prelude = spoilt_ping(spoil_command),
        Kind::BadChecksum => interlude = spoilt_ping(spoil_checksum),
        Kind::ChattyBefore => prelude = voice.say(&chat(dice, &["xversion", "sendcats"])),
        Kind::ChattyAfter => talk.after_verack.extend(chat_on(dice, part.addr)),
        Kind::NewFeatures => talk.before_verack.extend(new_features()),
        Kind::VerackFirst => prelude = voice.say(&[Message::Verack]),
        _plain => (),
    }
    let is_first = match part.kind {
        Kind::Honest | Kind::SpeaksFirst | Kind::V1SpeaksFirstDespiteBit => talk.speaks_first,
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
        false => (Vec::new(), [prelude, vec![version], rest].concat()),
    };
    let deliver = |said: Vec<Say>, dice: &mut Dice| match part.kind {
        Kind::Fragmented => vec![Step::SayBy(Pace::Pieces(dice.number()), said)],
        _whole => say_all(said),
    };
    Script {
        on_accept,
        on_words: Vec::new(),
        on_version: match part.kind {
            Kind::PatientDrip => {
                let pace = Pace::Drip(part.patience / PATIENT_DRIP);
                vec![Step::SayBy(pace, greeting)]
            }
            _swift => deliver(greeting, dice),
        },
        on_verack: deliver(after, dice),
        answers_pings: part.protocol_version > PONG_ABOVE
            && !matches!(part.kind, Kind::NoPong | Kind::IgnoresQuestions),
        echoes_nonce: false,
    }
}

impl Pace {
    /// Cuts `bytes` into pieces.
    pub(crate) fn cut(self, bytes: &[u8]) -> Vec<Piece> {
        match self {
            Pace::Drip(total) => drip(bytes, total),
            Pace::Pieces(seed) => fragment(bytes, &mut Dice::new(seed, 0)),
        }
    }
}

/// Notes what a caller learns from messages.
#[derive(Default)]
struct Voice {
    features: Features,
}

impl Voice {
    fn say(&mut self, messages: &[Message]) -> Vec<Say> {
        let mut say = |message: &Message| {
            self.features.note(message);
            Say::Message(message.command(), message.encode())
        };
        messages.iter().map(&mut say).collect()
    }
}

/// Writes one whole message as v1 has it.
pub(crate) fn frame(magic: [u8; 4], command: Command, payload: &[u8]) -> Vec<u8> {
    encode(magic, HeaderForm::WithChecksum, command, payload)
}

fn on_words(steps: Vec<Step>) -> Script {
    Script {
        on_words: steps,
        ..Script::default()
    }
}

fn on_version(steps: Vec<Step>) -> Script {
    Script {
        on_version: steps,
        ..Script::default()
    }
}

fn say_and_close(text: &[u8]) -> Vec<Step> {
    vec![say_bytes(text), Step::Close]
}

fn say_bytes(bytes: &[u8]) -> Step {
    Step::Say(Say::Bytes(bytes.to_vec()))
}

fn say_all(said: Vec<Say>) -> Vec<Step> {
    said.into_iter().map(Step::Say).collect()
}

fn another_chain(chain: Chain) -> Chain {
    match chain {
        Chain::Testnet3 => Chain::Mainnet,
        Chain::Mainnet | Chain::Testnet4 | Chain::Signet | Chain::Regtest => Chain::Testnet3,
    }
}

fn draw_garbage(dice: &mut Dice) -> Vec<u8> {
    let len = TOO_MUCH_GARBAGE + dice.roll(400);
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

fn drip(bytes: &[u8], total: Duration) -> Vec<Piece> {
    let n_bytes = u32::try_from(bytes.len()).expect("a handshake is short");
    let piece = |byte: &u8| Piece {
        pause: total / n_bytes,
        bytes: vec![*byte],
    };
    bytes.iter().map(piece).collect()
}

fn fragment(bytes: &[u8], dice: &mut Dice) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let (piece, tail) = rest.split_at(rest.len().min(1 + dice.roll(7)));
        pieces.push(Piece {
            pause: PIECE_PAUSE,
            bytes: piece.to_vec(),
        });
        rest = tail;
    }
    pieces
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
