//! The v1 transport: each message behind a header of magic, command, length and checksum.

use sha2::{Digest, Sha256};

use crate::chain::Chain;
use crate::command::Command;
use crate::framing::Frame;
use crate::limits::MAX_PAYLOAD;
use crate::wire::{checksum, finish_checksum};

/// Whether headers have a checksum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HeaderForm {
    /// 24 bytes, every message since February 2012.
    #[default]
    WithChecksum,
    /// 20 bytes: `version` and `verack` before February 2012, and all messages before protocol 209.
    WithoutChecksum,
}

impl HeaderForm {
    const fn len(self) -> usize {
        match self {
            HeaderForm::WithChecksum => 24,
            HeaderForm::WithoutChecksum => 20,
        }
    }
}

/// Writes one whole message.
pub fn encode(magic: [u8; 4], form: HeaderForm, command: Command, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(form.len() + payload.len());
    encode_into(&mut out, magic, form, command, payload);
    out
}

/// Appends one whole message to `out`.
pub fn encode_into(
    out: &mut Vec<u8>,
    magic: [u8; 4],
    form: HeaderForm,
    command: Command,
    payload: &[u8],
) {
    let len = u32::try_from(payload.len()).expect("nobody sends a message of four gigabytes");
    out.extend_from_slice(&magic);
    out.extend_from_slice(&command.to_wire());
    out.extend_from_slice(&len.to_le_bytes());
    if form == HeaderForm::WithChecksum {
        out.extend_from_slice(&checksum(payload));
    }
    out.extend_from_slice(payload);
}

/// What is wrong with a stream of messages.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum FrameError {
    /// The stream is of another network. It cannot go on.
    #[error("its messages start with {}{}", data_encoding::HEXLOWER.encode(magic), of_chain(*chain))]
    WrongMagic {
        /// The first four bytes.
        magic: [u8; 4],
        /// The chain that they belong to, where we know it.
        chain: Option<Chain>,
    },
    /// The stream is no Bitcoin protocol at all. It cannot go on.
    #[error("it does not speak Bitcoin: its first bytes are {}", data_encoding::HEXLOWER.encode(start))]
    NotBitcoin {
        /// The first bytes.
        start: [u8; 8],
    },
    /// The message claims to be longer than any may be. The stream cannot go on.
    #[error("a {command} message claims {len} bytes, at most {MAX_PAYLOAD} are allowed")]
    Oversize {
        /// The command of its header.
        command: Command,
        /// The length of its header.
        len: u32,
    },
    /// The command is no printable text. The message is passed over.
    #[error("a message has the command {}, which is no text", data_encoding::HEXLOWER.encode(command))]
    BadCommand {
        /// The command field of its header.
        command: [u8; 12],
    },
    /// The payload does not fit the checksum. The message is passed over.
    #[error("a {command} message of {len} bytes has a wrong checksum")]
    BadChecksum {
        /// The command of its header.
        command: Command,
        /// The length of its payload in bytes.
        len: usize,
    },
}

impl FrameError {
    /// Whether nothing behind this error can be read.
    pub fn is_fatal(&self) -> bool {
        match self {
            FrameError::WrongMagic { .. }
            | FrameError::NotBitcoin { .. }
            | FrameError::Oversize { .. } => true,
            FrameError::BadCommand { .. } | FrameError::BadChecksum { .. } => false,
        }
    }
}

fn of_chain(chain: Option<Chain>) -> String {
    chain.map_or_else(String::new, |it| format!(", so it is on {it}"))
}

/// Cuts messages out of bytes that come in any pieces.
///
/// Holds at most `keep` payload bytes of one message and whatever was fed since; a longer payload flows past, its
/// checksum computed on the way.
#[derive(Debug)]
pub struct Decoder {
    magic: [u8; 4],
    form: HeaderForm,
    keep: usize,
    buffer: Vec<u8>,
    /// Where in `buffer` the next message starts.
    start: usize,
    skim: Option<Box<Skim>>,
}

/// A message whose payload flows past.
#[derive(Debug)]
struct Skim {
    header: Header,
    left: usize,
    hasher: Sha256,
}

#[derive(Clone, Copy, Debug)]
struct Header {
    /// As sent where it is no text.
    command: Result<Command, [u8; 12]>,
    len: usize,
    checksum: Option<[u8; 4]>,
}

impl Header {
    /// Judges a payload whose checksum is computed only where it is needed.
    fn judge(&self, computed: impl FnOnce() -> [u8; 4]) -> Result<Command, FrameError> {
        let command = self
            .command
            .map_err(|command| FrameError::BadCommand { command })?;
        match self.checksum {
            Some(sent) if sent != computed() => Err(FrameError::BadChecksum {
                command,
                len: self.len,
            }),
            _ => Ok(command),
        }
    }
}

impl Decoder {
    /// Expects messages with `magic`, and keeps payloads of at most `keep` bytes.
    pub fn new(magic: [u8; 4], form: HeaderForm, keep: usize) -> Decoder {
        Decoder {
            magic,
            form,
            keep,
            buffer: Vec::new(),
            start: 0,
            skim: None,
        }
    }

    /// Changes the form of the headers from the next message on.
    pub fn set_form(&mut self, form: HeaderForm) {
        self.form = form;
    }

    /// Takes bytes in; call [`Decoder::next_frame`] until it returns `None` afterwards.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.start);
        self.start = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// How many bytes of an unfinished message are held.
    pub fn n_pending(&self) -> usize {
        self.buffer.len() - self.start
    }

    /// Returns the next message, or `None` until more bytes are fed.
    ///
    /// After an error that [is fatal](FrameError::is_fatal), the same error comes again and again.
    pub fn next_frame(&mut self) -> Result<Option<Frame<'_>>, FrameError> {
        if self.skim.is_none() {
            let pending = &self.buffer[self.start..];
            let Some(header) = self.read_header(pending)? else {
                return Ok(None);
            };
            if header.len <= self.keep {
                return self.take_whole(header);
            }
            self.start += self.form.len();
            self.skim = Some(Box::new(Skim {
                header,
                left: header.len,
                hasher: Sha256::new(),
            }));
        }
        self.skim_on()
    }

    fn read_header(&self, pending: &[u8]) -> Result<Option<Header>, FrameError> {
        self.check_magic(pending)?;
        if pending.len() < self.form.len() {
            return Ok(None);
        }
        let field = |from: usize| -> [u8; 4] {
            let (_, rest) = pending.split_at(from);
            *rest
                .first_chunk()
                .expect("the length of the header was checked")
        };
        let mut command = [0; 12];
        command.copy_from_slice(&pending[4..16]);
        let len = u32::from_le_bytes(field(16));
        let command = Command::from_wire(command).ok_or(command);
        if len as usize > MAX_PAYLOAD {
            let command = command.unwrap_or(Command::new("?"));
            return Err(FrameError::Oversize { command, len });
        }
        Ok(Some(Header {
            command,
            len: len as usize,
            checksum: match self.form {
                HeaderForm::WithChecksum => Some(field(20)),
                HeaderForm::WithoutChecksum => None,
            },
        }))
    }

    /// Says so as early as it is sure: at four bytes for the magic of a chain that we know, else when there would be
    /// a command.
    fn check_magic(&self, pending: &[u8]) -> Result<(), FrameError> {
        const COMMAND_END: usize = 16;
        let seen = pending.len().min(4);
        if pending[..seen] == self.magic[..seen] {
            return Ok(());
        }
        let Some(magic) = pending.first_chunk::<4>().copied() else {
            return Ok(());
        };
        let chain = Chain::from_magic(magic);
        if chain.is_some() {
            return Err(FrameError::WrongMagic { magic, chain });
        }
        let Some(head) = pending.first_chunk::<COMMAND_END>() else {
            return Ok(());
        };
        // Other coins kept the form of the header, so a known command in its place tells them from an SSH banner.
        let (_, command) = head.split_last_chunk::<12>().expect("16 is more than 12");
        let is_other_coin = Command::from_wire(*command).is_some_and(Command::is_known);
        if is_other_coin {
            return Err(FrameError::WrongMagic { magic, chain });
        }
        let (start, _) = head.split_first_chunk::<8>().expect("16 is more than 8");
        Err(FrameError::NotBitcoin { start: *start })
    }

    fn take_whole(&mut self, header: Header) -> Result<Option<Frame<'_>>, FrameError> {
        let from = self.start + self.form.len();
        let Some(payload) = self.buffer.get(from..from + header.len) else {
            return Ok(None);
        };
        self.start = from + header.len;
        let command = header.judge(|| checksum(payload))?;
        Ok(Some(Frame {
            command,
            payload: Some(payload),
            len: header.len,
        }))
    }

    fn skim_on(&mut self) -> Result<Option<Frame<'_>>, FrameError> {
        let Some(mut skim) = self.skim.take() else {
            return Ok(None);
        };
        let pending = &self.buffer[self.start..];
        let flowing = &pending[..pending.len().min(skim.left)];
        skim.hasher.update(flowing);
        skim.left -= flowing.len();
        self.start += flowing.len();
        if skim.left > 0 {
            self.skim = Some(skim);
            return Ok(None);
        }
        let Skim { header, hasher, .. } = *skim;
        Ok(Some(Frame {
            command: header.judge(|| finish_checksum(hasher))?,
            payload: None,
            len: header.len,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{PING, VERACK, VERSION};
    use proptest::prelude::*;

    const MAGIC: [u8; 4] = [0xf9, 0xbe, 0xb4, 0xd9];

    #[test]
    fn messages_are_cut_out_of_one_piece() {
        let stream = [message(VERACK, b""), message(PING, &[7; 8])].concat();
        check(&stream, "verack 0, ping 8");
    }

    #[test]
    fn a_wrong_checksum_costs_one_message() {
        let mut bad = message(PING, &[7; 8]);
        bad[20] ^= 1;
        check(
            &[bad, message(VERACK, b"")].concat(),
            "a ping message of 8 bytes has a wrong checksum, verack 0",
        );
    }

    #[test]
    fn a_command_that_is_no_text_costs_one_message() {
        let mut bad = message(PING, &[7; 8]);
        bad[4] = 0xff;
        check(
            &[bad, message(VERACK, b"")].concat(),
            "a message has the command ff696e670000000000000000, which is no text, verack 0",
        );
    }

    #[test]
    fn an_oversize_length_ends_the_stream() {
        let mut bad = message(PING, &[7; 8]);
        bad[16..20].copy_from_slice(&4_000_001u32.to_le_bytes());
        check(
            &bad,
            "a ping message claims 4000001 bytes, at most 4000000 are allowed",
        );
    }

    #[test]
    fn the_magic_of_another_chain_is_known_by_four_bytes() {
        check(
            &Chain::Testnet3.magic(),
            "its messages start with 0b110907, so it is on testnet3",
        );
    }

    #[test]
    fn another_coin_is_known_by_its_command() {
        let mut litecoin = message(VERSION, &[0; 46]);
        litecoin[..4].copy_from_slice(&[0xfb, 0xc0, 0xb6, 0xdb]);
        check(&litecoin, "its messages start with fbc0b6db");
    }

    #[test]
    fn a_banner_is_no_bitcoin() {
        check(
            b"SSH-2.0-OpenSSH_9.2p1\r\n",
            "it does not speak Bitcoin: its first bytes are 5353482d322e302d",
        );
        check(b"220 hi\r\n", "");
    }

    #[test]
    fn a_payload_longer_than_kept_flows_past_with_its_checksum_checked() {
        let long = vec![3; KEEP + 1];
        check(
            &[message(PING, &long), message(VERACK, b"")].concat(),
            "ping 1025 flowed past, verack 0",
        );
        let mut bad = message(PING, &long);
        bad[20] ^= 1;
        check(
            &[bad, message(VERACK, b"")].concat(),
            "a ping message of 1025 bytes has a wrong checksum, verack 0",
        );
    }

    #[test]
    fn headers_of_before_2012_have_no_checksum() {
        let mut decoder = Decoder::new(MAGIC, HeaderForm::WithoutChecksum, KEEP);
        decoder.feed(&encode(
            MAGIC,
            HeaderForm::WithoutChecksum,
            VERSION,
            &[1; 46],
        ));
        decoder.feed(&message(PING, &[7; 8]));
        let version = decoder.next_frame().unwrap().unwrap();
        assert_eq!((version.command, version.len), (VERSION, 46));
        decoder.set_form(HeaderForm::WithChecksum);
        let ping = decoder.next_frame().unwrap().unwrap();
        assert_eq!((ping.command, ping.payload), (PING, Some(&[7; 8][..])));
    }

    #[test]
    fn memory_is_bounded_by_what_is_kept_and_one_read() {
        let mut decoder = Decoder::new(MAGIC, HeaderForm::WithChecksum, KEEP);
        decoder.feed(&message(PING, &vec![0; 1_000_000])[..24]);
        for _ in 0..100 {
            assert_eq!(decoder.next_frame(), Ok(None));
            decoder.feed(&[0; 4_096]);
        }
        assert!(decoder.buffer.capacity() < 20_000);
    }

    proptest! {
        #[test]
        fn pieces_of_any_size_give_the_same_messages(
            payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..2_000), 0..6),
            garbage in prop::collection::vec(any::<u8>(), 0..40),
            cuts in prop::collection::vec(1usize..200, 1..20),
        ) {
            let mut stream = Vec::new();
            for payload in &payloads {
                stream.extend(message(PING, payload));
            }
            stream.extend(garbage);
            let whole = read_all(&stream, &[stream.len().max(1)]);
            prop_assert_eq!(read_all(&stream, &cuts), whole);
        }

        #[test]
        fn any_bytes_end_in_messages_or_an_error(stream in prop::collection::vec(any::<u8>(), 0..400)) {
            let mut ours = MAGIC.to_vec();
            ours.extend(stream);
            read_all(&ours, &[1]);
        }
    }

    const KEEP: usize = 1_024;

    fn message(command: Command, payload: &[u8]) -> Vec<u8> {
        encode(MAGIC, HeaderForm::WithChecksum, command, payload)
    }

    /// Feeds `stream` in pieces of the sizes `cuts`, over and over, and tells all that came out.
    fn read_all(stream: &[u8], cuts: &[usize]) -> Vec<String> {
        let mut decoder = Decoder::new(MAGIC, HeaderForm::WithChecksum, KEEP);
        let mut seen = Vec::new();
        let mut rest = stream;
        for cut in cuts.iter().cycle() {
            let (piece, tail) = rest.split_at(rest.len().min(*cut));
            decoder.feed(piece);
            rest = tail;
            loop {
                match decoder.next_frame() {
                    Ok(None) => break,
                    Ok(Some(Frame {
                        command,
                        payload: Some(payload),
                        len,
                    })) => {
                        assert_eq!(payload.len(), len);
                        seen.push(format!("{command} {len}"));
                    }
                    Ok(Some(Frame {
                        command,
                        payload: None,
                        len,
                    })) => {
                        seen.push(format!("{command} {len} flowed past"));
                    }
                    Err(error) => {
                        seen.push(error.to_string());
                        if error.is_fatal() {
                            return seen;
                        }
                    }
                }
            }
            if rest.is_empty() {
                break;
            }
        }
        seen
    }

    #[track_caller]
    fn check(stream: &[u8], expected: &str) {
        assert_eq!(read_all(stream, &[stream.len()]).join(", "), expected);
        assert_eq!(read_all(stream, &[1]).join(", "), expected, "byte by byte");
    }
}
