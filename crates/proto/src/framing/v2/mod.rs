//! The v2 transport (BIP 324): after an exchange of keys each message is an encrypted packet.
//!
//! ```text
//! initiator → responder   key · garbage                                    key: 64 bytes that look like chance
//! responder → initiator   key · garbage · terminator · version packet      garbage: any 0 to 4,095 bytes
//! initiator → responder   terminator · version packet · messages …         terminator: 16 bytes that both know
//! ```
//!
//! Decoys, packets that mean nothing, may stand before every other packet. The first packet of each side authenticates
//! its garbage; the version packet is the first that is no decoy, and empty until there are versions.

use std::fmt;
use std::ops::Range;

use data_encoding::HEXLOWER;

use crate::command::{Command, VERSION};
use crate::framing::Frame;
use crate::limits::{MAX_GARBAGE, MAX_V2_CONTENTS};

pub mod keys;
pub mod packet;
mod short_ids;

use keys::{Keys, PUBLIC_KEY_LEN, Role, Secret, TERMINATOR_LEN};
use packet::{Cipher, Kind, LENGTH_LEN, OVERHEAD};

/// The header of a v1 message up to its length: magic and command.
const V1_HEAD_LEN: usize = 16;

/// What one side sends to look like nothing in particular. The default is nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Padding {
    /// Goes behind the key; a peer ends a conversation with more than [`MAX_GARBAGE`] bytes.
    pub garbage: Vec<u8>,
    /// The contents of packets before the version packet.
    pub decoys: Vec<Vec<u8>>,
}

/// What is wrong with a v2 conversation.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum V2Error {
    /// The peer starts with a v1 message, so it can be talked to in v1. It cannot go on in v2.
    #[error("it speaks the v1 transport")]
    PeerSpeaksV1,
    /// The peer sent a key and then never what ends its garbage. It cannot go on.
    #[error("it sent {MAX_GARBAGE} bytes without what ends its garbage, so it does not speak v2")]
    TooMuchGarbage,
    /// A packet was changed on its way, or was never one. It cannot go on.
    #[error("its packet {n} cannot be authenticated")]
    Forged {
        /// Which packet, from 0 on.
        n: u64,
    },
    /// A packet claims to be longer than we hold. It cannot go on.
    #[error("its packet {n} claims {len} bytes, at most {MAX_V2_CONTENTS} are read")]
    Oversize {
        /// Which packet, from 0 on.
        n: u64,
        /// The length of its contents in bytes.
        len: usize,
    },
    /// The message has a number that BIP 324 does not define. The message is passed over.
    #[error("a message has the number {id}, which nobody defined")]
    UnknownShortId {
        /// The number.
        id: u8,
    },
    /// The command is no printable text. The message is passed over.
    #[error("a message has the command {}, which is no text", HEXLOWER.encode(command))]
    BadCommand {
        /// The command as sent.
        command: [u8; 12],
    },
    /// The packet ends before its command does. The message is passed over.
    #[error("a message has no command")]
    NoCommand,
}

impl V2Error {
    /// Whether nothing behind this error can be read.
    pub fn is_fatal(&self) -> bool {
        match self {
            V2Error::PeerSpeaksV1
            | V2Error::TooMuchGarbage
            | V2Error::Forged { .. }
            | V2Error::Oversize { .. } => true,
            V2Error::UnknownShortId { .. } | V2Error::BadCommand { .. } | V2Error::NoCommand => {
                false
            }
        }
    }
}

/// One side of a v2 conversation: cuts messages out of bytes that come in any pieces, and writes messages.
///
/// Holds whatever was fed and not read, so at most one packet of [`MAX_V2_CONTENTS`] and one read.
pub struct Link {
    state: State,
    buffer: Vec<u8>,
    /// Where in `buffer` the unread bytes start.
    start: usize,
    output: Vec<u8>,
}

enum State {
    Opening(Box<Opening>),
    Keyed(Box<Keyed>),
    Broken(V2Error),
}

impl Link {
    /// Calls a peer on the chain with `magic`; our key is the first [output](Link::take_output).
    ///
    /// Send no garbage where the peer may not know v2: bcoin counts it as broken messages, and bans who sent many.
    pub fn initiate(magic: [u8; 4], secret: Secret, padding: Padding) -> Link {
        let mut opening = Opening::new(magic, Role::Initiator, secret, padding);
        let mut output = Vec::new();
        opening.send_key(&mut output);
        Link::new(opening, output)
    }

    /// Answers a caller, once it is sure that this is none of v1.
    pub fn respond(magic: [u8; 4], secret: Secret, padding: Padding) -> Link {
        let opening = Opening::new(magic, Role::Responder, secret, padding);
        Link::new(opening, Vec::new())
    }

    fn new(opening: Opening, output: Vec<u8>) -> Link {
        Link {
            state: State::Opening(Box::new(opening)),
            buffer: Vec::new(),
            start: 0,
            output,
        }
    }

    /// Takes bytes in; call [`Link::next_frame`] until it returns `None` afterwards.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.start);
        self.start = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// Returns the bytes that were fed and not read: those of v1 after [`V2Error::PeerSpeaksV1`].
    pub fn pending(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    /// Returns the next message, or `None` until more bytes are fed. There may be [output](Link::take_output) after it.
    ///
    /// After an error that [is fatal](V2Error::is_fatal), the same error comes again and again.
    pub fn next_frame(&mut self) -> Result<Option<Frame<'_>>, V2Error> {
        let contents = match self.next_contents() {
            Ok(Some(contents)) => contents,
            Ok(None) => return Ok(None),
            Err(error) => {
                self.state = State::Broken(error);
                return Err(error);
            }
        };
        let (command, payload) = short_ids::split_command(&self.buffer[contents])?;
        Ok(Some(Frame {
            command,
            payload: Some(payload),
            len: payload.len(),
        }))
    }

    /// Returns where in the buffer the contents of the next message are. All its errors are fatal.
    fn next_contents(&mut self) -> Result<Option<Range<usize>>, V2Error> {
        loop {
            let pending = &mut self.buffer[self.start..];
            let step = match &mut self.state {
                State::Broken(error) => return Err(*error),
                State::Opening(opening) => {
                    let Some(theirs) = opening.read_key(pending, &mut self.output)? else {
                        return Ok(None);
                    };
                    let keyed = opening.agree(theirs, &mut self.output);
                    self.state = State::Keyed(Box::new(keyed));
                    Step::Pass(PUBLIC_KEY_LEN)
                }
                State::Keyed(keyed) => keyed.read(pending)?,
            };
            let from = self.start;
            match step {
                Step::Wait => return Ok(None),
                Step::Pass(len) => self.start += len,
                Step::Message(len) => {
                    self.start += OVERHEAD + len;
                    let contents = from + packet::CONTENTS_AT;
                    return Ok(Some(contents..contents + len));
                }
            }
        }
    }

    /// Writes messages into the [output](Link::take_output); `None` until the key of the peer has been read.
    ///
    /// That is before [`Link::is_established`]: our first messages may go with what is left of our opening.
    pub fn writer(&mut self) -> Option<Writer<'_>> {
        match &mut self.state {
            State::Keyed(keyed) => Some(Writer {
                cipher: &mut keyed.outbound,
                output: &mut self.output,
            }),
            State::Opening(_) | State::Broken(_) => None,
        }
    }

    /// Takes the bytes to send, best in one write; empty where there are none.
    pub fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.output)
    }

    /// Whether the peer has proved that it speaks v2: its version packet was read.
    pub fn is_established(&self) -> bool {
        match &self.state {
            State::Keyed(keyed) => keyed.phase == Phase::Established,
            State::Opening(_) | State::Broken(_) => false,
        }
    }

    /// Returns the name of the conversation, equal on both sides, from when both keys are known.
    pub fn session_id(&self) -> Option<[u8; 32]> {
        match &self.state {
            State::Keyed(keyed) => Some(keyed.session_id),
            State::Opening(_) | State::Broken(_) => None,
        }
    }
}

/// Keys stay out of logs.
impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Opening(_) => "opening".to_owned(),
            State::Keyed(keyed) => format!("{:?}", keyed.phase),
            State::Broken(error) => error.to_string(),
        };
        f.debug_struct("Link")
            .field("state", &state)
            .finish_non_exhaustive()
    }
}

/// Writes packets.
pub struct Writer<'a> {
    cipher: &'a mut Cipher,
    output: &'a mut Vec<u8>,
}

impl Writer<'_> {
    /// Appends one whole message.
    pub fn write(&mut self, command: Command, payload: &[u8]) {
        let mut contents = Vec::with_capacity(1 + 12 + payload.len());
        short_ids::write_command(&mut contents, command);
        contents.extend_from_slice(payload);
        self.write_packet(Kind::Genuine, &contents);
    }

    /// Appends one packet, whatever it holds.
    pub fn write_packet(&mut self, kind: Kind, contents: &[u8]) {
        self.cipher.encrypt_into(self.output, kind, b"", contents);
    }
}

/// What is done with the start of the unread bytes.
enum Step {
    /// It takes more of them.
    Wait,
    /// So many mean nothing to the caller.
    Pass(usize),
    /// A packet, whose contents have this length.
    Message(usize),
}

/// Before the key of the peer is known.
struct Opening {
    role: Role,
    magic: [u8; 4],
    secret: Secret,
    padding: Padding,
    /// Once it was sent.
    public_key: Option<[u8; PUBLIC_KEY_LEN]>,
}

impl Opening {
    fn new(magic: [u8; 4], role: Role, secret: Secret, padding: Padding) -> Opening {
        Opening {
            role,
            magic,
            secret,
            padding,
            public_key: None,
        }
    }

    fn send_key(&mut self, output: &mut Vec<u8>) -> [u8; PUBLIC_KEY_LEN] {
        *self.public_key.get_or_insert_with(|| {
            let key = self.secret.public_key();
            output.extend_from_slice(&key);
            output.extend_from_slice(&self.padding.garbage);
            key
        })
    }

    /// Returns the key of the peer once it is there, and sends ours where that waited for a sign of v2.
    fn read_key(
        &mut self,
        pending: &[u8],
        output: &mut Vec<u8>,
    ) -> Result<Option<[u8; PUBLIC_KEY_LEN]>, V2Error> {
        // Any magic: a call in v1 will find out whose it is.
        if pending
            .first_chunk::<V1_HEAD_LEN>()
            .is_some_and(is_head_of_v1)
        {
            return Err(V2Error::PeerSpeaksV1);
        }
        if self.role == Role::Responder && !self.could_be_v1(pending) {
            self.send_key(output);
        }
        Ok(pending.first_chunk().copied())
    }

    /// Whether a caller may yet turn out to start with a v1 `version`, as all of them do.
    fn could_be_v1(&self, pending: &[u8]) -> bool {
        let head = [&self.magic[..], &VERSION.to_wire()].concat();
        head.starts_with(&pending[..pending.len().min(V1_HEAD_LEN)])
    }

    /// Sends the rest of our opening, all that does not wait for the peer.
    fn agree(&mut self, theirs: [u8; PUBLIC_KEY_LEN], output: &mut Vec<u8>) -> Keyed {
        let ours = self.send_key(output);
        let keys = Keys::agree(self.magic, self.role, &self.secret, ours, theirs);
        let (of_ours, of_theirs) = match self.role {
            Role::Initiator => (&keys.initiator, &keys.responder),
            Role::Responder => (&keys.responder, &keys.initiator),
        };
        output.extend_from_slice(&of_ours.terminator);
        let mut outbound = Cipher::new(of_ours);
        let mut aad = &self.padding.garbage[..];
        for decoy in &self.padding.decoys {
            outbound.encrypt_into(output, Kind::Decoy, aad, decoy);
            aad = b"";
        }
        outbound.encrypt_into(output, Kind::Genuine, aad, b"");
        Keyed {
            session_id: keys.session_id,
            inbound: Cipher::new(of_theirs),
            outbound,
            terminator: of_theirs.terminator,
            garbage: Vec::new(),
            phase: Phase::Garbage { n_searched: 0 },
        }
    }
}

/// Chance does not write the name of a message behind any four bytes.
fn is_head_of_v1(head: &[u8; V1_HEAD_LEN]) -> bool {
    let (_, command) = head.split_last_chunk::<12>().expect("16 is more than 12");
    Command::from_wire(*command).is_some_and(Command::is_known)
}

/// After the exchange of keys.
struct Keyed {
    session_id: [u8; 32],
    inbound: Cipher,
    outbound: Cipher,
    terminator: [u8; TERMINATOR_LEN],
    /// What came before the terminator, until the first packet has authenticated it.
    garbage: Vec<u8>,
    phase: Phase,
}

/// What the peer sends next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Garbage and its terminator, which does not start in the first `n_searched` bytes.
    Garbage { n_searched: usize },
    /// Its version packet.
    Version,
    /// Messages.
    Established,
}

impl Keyed {
    fn read(&mut self, pending: &mut [u8]) -> Result<Step, V2Error> {
        match self.phase {
            Phase::Garbage { n_searched } => self.read_garbage(pending, n_searched),
            Phase::Version | Phase::Established => self.read_packet(pending),
        }
    }

    fn read_garbage(&mut self, pending: &[u8], n_searched: usize) -> Result<Step, V2Error> {
        let window = &pending[..pending.len().min(MAX_GARBAGE + TERMINATOR_LEN)];
        let found = window[n_searched..]
            .windows(TERMINATOR_LEN)
            .position(|it| it == self.terminator);
        if let Some(at) = found {
            let len = n_searched + at;
            self.garbage = pending[..len].to_vec();
            self.phase = Phase::Version;
            return Ok(Step::Pass(len + TERMINATOR_LEN));
        }
        if window.len() == MAX_GARBAGE + TERMINATOR_LEN {
            return Err(V2Error::TooMuchGarbage);
        }
        self.phase = Phase::Garbage {
            n_searched: (window.len() + 1).saturating_sub(TERMINATOR_LEN),
        };
        Ok(Step::Wait)
    }

    fn read_packet(&mut self, pending: &mut [u8]) -> Result<Step, V2Error> {
        let n = self.inbound.n_packets();
        let Some(length) = pending.first_chunk::<LENGTH_LEN>() else {
            return Ok(Step::Wait);
        };
        let len = self.inbound.decrypt_length(*length);
        if len > MAX_V2_CONTENTS {
            return Err(V2Error::Oversize { n, len });
        }
        let Some(packet) = pending.get_mut(..OVERHEAD + len) else {
            return Ok(Step::Wait);
        };
        let (kind, _) = self
            .inbound
            .decrypt(&self.garbage, packet)
            .map_err(|_| V2Error::Forged { n })?;
        self.garbage = Vec::new();
        Ok(match (kind, self.phase) {
            (Kind::Genuine, Phase::Established) => Step::Message(len),
            (Kind::Decoy, _) => Step::Pass(OVERHEAD + len),
            (Kind::Genuine, _) => {
                self.phase = Phase::Established;
                Step::Pass(OVERHEAD + len)
            }
        })
    }
}

#[cfg(test)]
mod tests;
