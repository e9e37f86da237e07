//! The bytes of a call: messages in, messages out. How messages are carried is known here, and nowhere else in a call.

use std::borrow::Cow;
use std::sync::LazyLock;

use proto::Command;
use proto::command;
use proto::framing::Frame;
use proto::framing::v1::{Decoder, FrameError, HeaderForm, encode_into};
use proto::framing::v2::keys::Secret;
use proto::framing::v2::{Link, Padding, V2Error};
use proto::limits::MAX_GARBAGE;

/// The most payload bytes of one message that a node reads; callers have nothing longer to say.
const MAX_HEARD: usize = 4 * 1024;

/// The key of all nodes in all calls: nothing here is secret, and to make one costs as much as to agree on one.
static SECRET: LazyLock<Secret> = LazyLock::new(|| Secret::new([7; 32], [7; 32]));

/// Something that a node says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Say {
    /// A message.
    Message(Command, Vec<u8>),
    /// Bytes as they are, whatever carries messages.
    Bytes(Vec<u8>),
}

/// How a node takes calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offer {
    /// Not at all: it is deaf, or no Bitcoin node.
    Nothing,
    /// In v1; it hangs up at a key.
    V1,
    /// In v1 as before February 2012: its `version` and `verack`, and those of its callers, have no checksum.
    OldV1,
    /// In v2, and in v1 from those who start so.
    V2,
    /// The same, with as much garbage as may be, and with decoys.
    V2WithGarbage,
    /// In v2 alone.
    OnlyV2,
    /// In v2 alone, and its first packet is spoilt.
    BrokenV2,
}

/// The node's end of a connection.
pub(crate) struct Line {
    magic: [u8; 4],
    offer: Offer,
    carrier: Carrier,
}

enum Carrier {
    None,
    V1(Decoder),
    V2(Link),
}

/// What is wrong with the bytes of a caller.
#[derive(Clone, Copy, Debug)]
pub(crate) enum LineError {
    V1(FrameError),
    V2(V2Error),
}

impl Line {
    /// Takes a call on a chain whose messages start with `magic`.
    pub(crate) fn accept(magic: [u8; 4], offer: Offer) -> Line {
        let link = |padding| Carrier::V2(Link::respond(magic, SECRET.clone(), padding));
        Line {
            magic,
            offer,
            carrier: match offer {
                Offer::Nothing => Carrier::None,
                Offer::V1 => Carrier::V1(decoder(magic, HeaderForm::WithChecksum)),
                Offer::OldV1 => Carrier::V1(decoder(magic, HeaderForm::WithoutChecksum)),
                Offer::V2 | Offer::OnlyV2 | Offer::BrokenV2 => link(Padding::default()),
                Offer::V2WithGarbage => link(Padding {
                    garbage: vec![0x5a; MAX_GARBAGE],
                    decoys: vec![Vec::new(), vec![0xa5; 100]],
                }),
            },
        }
    }

    /// Takes bytes in, in pieces of any size.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        match &mut self.carrier {
            Carrier::None => (),
            Carrier::V1(decoder) => decoder.feed(bytes),
            Carrier::V2(link) => link.feed(bytes),
        }
    }

    /// Returns the next message, or `None` until more bytes are there.
    pub(crate) fn next_frame(&mut self) -> Result<Option<Frame<'_>>, LineError> {
        match &mut self.carrier {
            Carrier::None => Ok(None),
            Carrier::V1(decoder) => decoder.next_frame().map_err(LineError::V1),
            Carrier::V2(link) => link.next_frame().map_err(LineError::V2),
        }
    }

    /// Whether more can be read behind `error`: behind a spoilt message, and from a caller who turns out to speak v1.
    pub(crate) fn goes_on_after(&mut self, error: LineError) -> bool {
        match (error, &self.carrier, self.offer) {
            (
                LineError::V2(V2Error::PeerSpeaksV1),
                Carrier::V2(link),
                Offer::V2 | Offer::V2WithGarbage,
            ) => {
                let mut plain = decoder(self.magic, HeaderForm::WithChecksum);
                plain.feed(link.pending());
                self.carrier = Carrier::V1(plain);
                true
            }
            (LineError::V1(error), ..) => !error.is_fatal(),
            (LineError::V2(error), ..) => !error.is_fatal(),
        }
    }

    /// Takes in that the caller sent its `verack`: its messages have checksums from here on.
    pub(crate) fn handle_verack(&mut self) {
        if let Carrier::V1(decoder) = &mut self.carrier {
            decoder.set_form(HeaderForm::WithChecksum);
        }
    }

    /// Takes what the transport itself owes the caller, before any message; empty where that is nothing.
    pub(crate) fn take_opening(&mut self) -> Vec<u8> {
        let Carrier::V2(link) = &mut self.carrier else {
            return Vec::new();
        };
        let mut opening = link.take_output();
        let is_agreed = link.session_id().is_some();
        if let Some(last) = opening.last_mut()
            && is_agreed
            && self.offer == Offer::BrokenV2
        {
            *last ^= 1;
        }
        opening
    }

    /// Returns the bytes of all that is said in one breath. In v2 nothing but bytes can be said before the caller's key.
    pub(crate) fn speak(&mut self, said: &[Cow<'_, Say>]) -> Vec<u8> {
        let mut out = Vec::new();
        for say in said {
            match (say.as_ref(), &mut self.carrier) {
                (Say::Bytes(bytes), _) => out.extend_from_slice(bytes),
                (Say::Message(command, payload), Carrier::V2(link)) => {
                    if let Some(mut writer) = link.writer() {
                        writer.write(*command, payload);
                    }
                    out.append(&mut link.take_output());
                }
                (Say::Message(command, payload), Carrier::None | Carrier::V1(_)) => {
                    let form = self.offer.form_of(*command);
                    encode_into(&mut out, self.magic, form, *command, payload);
                }
            }
        }
        out
    }
}

impl Offer {
    fn form_of(self, command: Command) -> HeaderForm {
        match command {
            command::VERSION | command::VERACK if self == Offer::OldV1 => {
                HeaderForm::WithoutChecksum
            }
            _usual => HeaderForm::WithChecksum,
        }
    }
}

fn decoder(magic: [u8; 4], form: HeaderForm) -> Decoder {
    Decoder::new(magic, form, MAX_HEARD)
}
