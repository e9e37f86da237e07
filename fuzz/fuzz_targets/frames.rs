//! A v1 stream gives the same messages in one piece and in any pieces.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use proto::framing::v1::{self, Decoder, HeaderForm};
use proto::{Chain, Command};

/// Payloads up to here are kept; small, so that longer ones are found fast.
const KEEP: usize = 64;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    has_checksums: bool,
    parts: Vec<Part<'a>>,
    cuts: Vec<u8>,
}

/// A stream is made of parts, because chance finds no checksum.
#[derive(Arbitrary, Debug)]
enum Part<'a> {
    Message { name: [u8; 12], payload: &'a [u8] },
    SpoiltMessage { payload: &'a [u8] },
    Ours { rest: &'a [u8] },
    Garbage(&'a [u8]),
}

fuzz_target!(|input: Input<'_>| {
    let form = match input.has_checksums {
        true => HeaderForm::WithChecksum,
        false => HeaderForm::WithoutChecksum,
    };
    let stream: Vec<u8> = input
        .parts
        .iter()
        .flat_map(|part| write(part, form))
        .collect();
    let whole = read(&stream, form, &[]);
    assert_eq!(read(&stream, form, &input.cuts), whole);
    assert_eq!(read(&stream, form, &[1]), whole);
});

fn write(part: &Part<'_>, form: HeaderForm) -> Vec<u8> {
    let magic = Chain::Mainnet.magic();
    match part {
        Part::Message { name, payload } => {
            let command = Command::from_wire(*name).unwrap_or(Command::new("ping"));
            v1::encode(magic, form, command, payload)
        }
        Part::SpoiltMessage { payload } => {
            let mut bytes = v1::encode(magic, form, Command::new("ping"), payload);
            let last = bytes.len() - 1;
            bytes[last] ^= 1;
            bytes
        }
        Part::Ours { rest } => [&magic, *rest].concat(),
        Part::Garbage(bytes) => bytes.to_vec(),
    }
}

/// Tells all that comes out of `stream`, fed in pieces of the sizes `cuts`, over and over.
fn read(stream: &[u8], form: HeaderForm, cuts: &[u8]) -> Vec<String> {
    let mut decoder = Decoder::new(Chain::Mainnet.magic(), form, KEEP);
    let mut sizes = cuts.iter().map(|it| usize::from(*it).max(1)).cycle();
    let mut seen = Vec::new();
    let mut rest = stream;
    while !rest.is_empty() {
        let size = sizes.next().unwrap_or(rest.len()).min(rest.len());
        let (piece, tail) = rest.split_at(size);
        rest = tail;
        decoder.feed(piece);
        loop {
            match decoder.next_frame() {
                Ok(None) => break,
                Ok(Some(frame)) => {
                    assert_eq!(frame.payload.is_some(), frame.len <= KEEP);
                    seen.push(format!("{frame:?}"));
                }
                Err(error) => {
                    seen.push(error.to_string());
                    if error.is_fatal() {
                        assert_eq!(decoder.next_frame(), Err(error));
                        return seen;
                    }
                }
            }
        }
        assert!(decoder.n_pending() < 24 + KEEP);
    }
    seen
}
