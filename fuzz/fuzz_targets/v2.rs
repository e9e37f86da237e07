//! Two sides of a v2 conversation understand each other in any pieces, and never hear what was changed on the way.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use proto::framing::v2::keys::Secret;
use proto::framing::v2::packet::Kind;
use proto::framing::v2::{Link, Padding};
use proto::{Chain, Command};

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    caller: Side<'a>,
    called: Side<'a>,
    cuts: Vec<u8>,
    change: Option<Change>,
}

#[derive(Arbitrary, Debug)]
struct Side<'a> {
    key: [u8; 32],
    encoding: [u8; 32],
    garbage: &'a [u8],
    decoys: Vec<&'a [u8]>,
    packets: Vec<Packet<'a>>,
}

#[derive(Arbitrary, Debug)]
enum Packet<'a> {
    Message { name: [u8; 12], payload: &'a [u8] },
    Decoy(&'a [u8]),
    Raw(&'a [u8]),
}

/// One byte that somebody between the two changes.
#[derive(Arbitrary, Debug)]
struct Change {
    to_caller: bool,
    at: u16,
    by: u8,
}

fuzz_target!(|input: Input<'_>| {
    let magic = Chain::Mainnet.magic();
    let mut caller = Link::initiate(magic, input.caller.secret(), input.caller.padding());
    let mut called = Link::respond(magic, input.called.secret(), input.called.padding());
    let (mut to_caller, mut to_called) = (Wire::default(), Wire::default());
    if let Some(change) = &input.change {
        let wire = match change.to_caller {
            true => &mut to_caller,
            false => &mut to_called,
        };
        wire.change = Some((usize::from(change.at), change.by));
    }
    let cuts = match input.cuts.is_empty() {
        true => &[0][..],
        false => &input.cuts,
    };
    let (mut caller_spoke, mut called_spoke) = (false, false);
    loop {
        speak(&mut caller, &input.caller, &mut caller_spoke);
        speak(&mut called, &input.called, &mut called_spoke);
        let (ours, theirs) = (caller.take_output(), called.take_output());
        if ours.is_empty() && theirs.is_empty() {
            break;
        }
        to_called.carry(ours, &mut called, cuts);
        to_caller.carry(theirs, &mut caller, cuts);
    }
    assert!(input.caller.messages().starts_with(&to_called.heard));
    assert!(input.called.messages().starts_with(&to_caller.heard));
    let was_changed = to_caller.was_changed || to_called.was_changed;
    let is_too_long = [&input.caller, &input.called]
        .iter()
        .any(|it| it.garbage.len() > proto::limits::MAX_GARBAGE);
    if !was_changed && !is_too_long {
        assert!(caller.is_established() && called.is_established());
        assert_eq!(caller.session_id(), called.session_id());
        assert_eq!(to_called.heard, input.caller.messages());
        assert_eq!(to_caller.heard, input.called.messages());
    }
});

impl Side<'_> {
    fn secret(&self) -> Secret {
        Secret::new(self.key, self.encoding)
    }

    fn padding(&self) -> Padding {
        Padding {
            garbage: self.garbage.to_vec(),
            decoys: self.decoys.iter().map(|it| it.to_vec()).collect(),
        }
    }

    /// What the other side has to hear.
    fn messages(&self) -> Vec<(Command, Vec<u8>)> {
        self.packets
            .iter()
            .filter_map(|it| match it {
                Packet::Message { name, payload } => {
                    Some((Command::from_wire(*name)?, payload.to_vec()))
                }
                Packet::Decoy(_) | Packet::Raw(_) => None,
            })
            .collect()
    }
}

/// Sends everything as soon as that is possible.
fn speak(link: &mut Link, side: &Side<'_>, spoke: &mut bool) {
    let Some(mut writer) = link.writer() else {
        return;
    };
    if std::mem::replace(spoke, true) {
        return;
    }
    for packet in &side.packets {
        match packet {
            Packet::Message { name, payload } => {
                if let Some(command) = Command::from_wire(*name) {
                    writer.write(command, payload);
                }
            }
            Packet::Decoy(contents) => writer.write_packet(Kind::Decoy, contents),
            Packet::Raw(contents) => {
                // Numbers that nobody defined, and the long form without a name.
                let odd = [&[200], *contents].concat();
                writer.write_packet(Kind::Genuine, &odd);
                writer.write_packet(Kind::Genuine, b"\0");
            }
        }
    }
}

/// The bytes in one direction, and what was heard of them.
#[derive(Default)]
struct Wire {
    n_carried: usize,
    change: Option<(usize, u8)>,
    was_changed: bool,
    heard: Vec<(Command, Vec<u8>)>,
}

impl Wire {
    fn carry(&mut self, mut bytes: Vec<u8>, to: &mut Link, cuts: &[u8]) {
        if let Some((at, by)) = self.change
            && by != 0
            && let Some(at) = at.checked_sub(self.n_carried)
            && let Some(byte) = bytes.get_mut(at)
        {
            *byte ^= by;
            self.was_changed = true;
        }
        self.n_carried += bytes.len();
        let mut rest = &bytes[..];
        for cut in cuts.iter().cycle() {
            let (piece, tail) = rest.split_at(rest.len().min(usize::from(*cut) + 1));
            to.feed(piece);
            self.hear(to);
            rest = tail;
            if rest.is_empty() {
                break;
            }
        }
    }

    fn hear(&mut self, link: &mut Link) {
        loop {
            match link.next_frame() {
                Ok(None) => break,
                Ok(Some(frame)) => {
                    let payload = frame.payload.expect("v2 keeps whole payloads");
                    self.heard.push((frame.command, payload.to_vec()));
                }
                Err(error) if error.is_fatal() => {
                    assert_eq!(link.next_frame(), Err(error));
                    assert!(link.writer().is_none());
                    break;
                }
                Err(_) => (),
            }
        }
    }
}
