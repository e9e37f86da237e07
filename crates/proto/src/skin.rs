//! What carries the messages of a conversation: the v1 or the v2 transport.

use crate::command::{self, Command};
use crate::framing::Frame;
use crate::framing::v1::{self, FrameError, HeaderForm};
use crate::framing::v2::keys::Secret;
use crate::framing::v2::{Link, Padding, V2Error};
use crate::limits::MAX_KEPT_PAYLOAD;
use crate::visit::Dialect;

/// One side of a conversation below its messages.
#[derive(Debug)]
pub(crate) enum Skin {
    V1(Plain),
    V2(Link),
}

/// The v1 transport.
#[derive(Debug)]
pub(crate) struct Plain {
    magic: [u8; 4],
    /// Whether our `version` and `verack` have a checksum.
    form: HeaderForm,
    decoder: v1::Decoder,
    output: Vec<u8>,
}

/// What is wrong with the bytes of a peer.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum SkinError {
    #[error(transparent)]
    V1(#[from] FrameError),
    #[error(transparent)]
    V2(#[from] V2Error),
}

impl Skin {
    pub(crate) fn v1(magic: [u8; 4], dialect: Dialect) -> Skin {
        let form = dialect.header_form();
        Skin::V1(Plain {
            magic,
            form,
            decoder: v1::Decoder::new(magic, form, MAX_KEPT_PAYLOAD),
            output: Vec::new(),
        })
    }

    /// No garbage: bcoin counts it as broken messages, and bans who sent many.
    pub(crate) fn v2(magic: [u8; 4], secret: Secret) -> Skin {
        Skin::V2(Link::initiate(magic, secret, Padding::default()))
    }

    /// Takes bytes in; call [`Skin::next_frame`] until it returns `None` afterwards.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        match self {
            Skin::V1(plain) => plain.decoder.feed(bytes),
            Skin::V2(link) => link.feed(bytes),
        }
    }

    pub(crate) fn next_frame(&mut self) -> Result<Option<Frame<'_>>, SkinError> {
        Ok(match self {
            Skin::V1(plain) => plain.decoder.next_frame()?,
            Skin::V2(link) => link.next_frame()?,
        })
    }

    /// Takes in that the peer sent its `verack`: its messages have checksums from here on.
    pub(crate) fn handle_verack(&mut self) {
        match self {
            Skin::V1(plain) => plain.decoder.set_form(HeaderForm::WithChecksum),
            Skin::V2(_) => (),
        }
    }

    /// Whether the peer has shown that it speaks this transport, as far as the transport can tell.
    pub(crate) fn is_established(&self) -> bool {
        match self {
            Skin::V1(_) => true,
            Skin::V2(link) => link.is_established(),
        }
    }

    /// Whether messages can be sent: in v2 not before the key of the peer is there.
    pub(crate) fn can_write(&mut self) -> bool {
        match self {
            Skin::V1(_) => true,
            Skin::V2(link) => link.writer().is_some(),
        }
    }

    /// Appends a message to the output, where [`Skin::can_write`].
    pub(crate) fn write(&mut self, command: Command, payload: &[u8]) {
        match self {
            Skin::V1(plain) => {
                let form = match command {
                    command::VERSION | command::VERACK => plain.form,
                    // Peers of before February 2012 expect a checksum from the message behind our `verack` on.
                    _later => HeaderForm::WithChecksum,
                };
                v1::encode_into(&mut plain.output, plain.magic, form, command, payload);
            }
            Skin::V2(link) => {
                if let Some(mut writer) = link.writer() {
                    writer.write(command, payload);
                }
            }
        }
    }

    /// Takes the bytes to send in one write; empty where there are none.
    pub(crate) fn take_output(&mut self) -> Vec<u8> {
        match self {
            Skin::V1(plain) => std::mem::take(&mut plain.output),
            Skin::V2(link) => link.take_output(),
        }
    }
}
