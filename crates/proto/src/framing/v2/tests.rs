use super::*;
use crate::chain::Chain;
use crate::command::{ADDRV2, KnownCommand, PING, VERACK};
use crate::framing::v1::{self, HeaderForm};
use proptest::prelude::*;

const MAGIC: [u8; 4] = [0xf9, 0xbe, 0xb4, 0xd9];

#[test]
fn the_first_bytes_of_a_call_are_its_key_and_no_more() {
    let mut link = initiator(Padding::default());
    assert_eq!(link.take_output(), secret(1).public_key());
    assert_eq!(link.take_output(), b"");
    assert!(link.writer().is_none());
}

#[test]
fn our_first_messages_go_with_the_rest_of_our_opening() {
    let (mut caller, mut called) = pair(Padding::default(), Padding::default());
    called.feed(&caller.take_output());
    assert_eq!(called.next_frame(), Ok(None));
    // The key of the peer is enough; the rest of its opening may take longer.
    caller.feed(&called.take_output()[..PUBLIC_KEY_LEN]);
    assert_eq!(caller.next_frame(), Ok(None));
    write(&mut caller, VERSION, b"hello");
    assert!(!caller.is_established());
    let output = caller.take_output();
    assert_eq!(
        output.len(),
        TERMINATOR_LEN + OVERHEAD + OVERHEAD + 13 + b"hello".len()
    );
    check(&mut called, &output, "version hello");
    assert!(called.is_established());
    assert_eq!(called.session_id(), caller.session_id());
}

#[test]
fn a_caller_that_speaks_v1_is_known_by_its_first_header() {
    let stream = v1::encode(MAGIC, HeaderForm::WithChecksum, VERSION, b"hello");
    for n in 0..V1_HEAD_LEN {
        let mut link = responder(Padding::default());
        check(&mut link, &stream[..n], "");
        assert_eq!(link.take_output(), b"", "after {n} bytes");
    }
    let mut link = responder(Padding::default());
    check(&mut link, &stream, "it speaks the v1 transport");
    assert_eq!(link.take_output(), b"");
    assert_eq!(link.pending(), stream);
}

#[test]
fn a_caller_that_cannot_speak_v1_is_answered_at_once() {
    let mut link = responder(Padding::default());
    check(&mut link, &MAGIC, "");
    assert_eq!(link.take_output(), b"");
    check(&mut link, b"x", "");
    assert_eq!(link.take_output(), secret(2).public_key());
}

#[test]
fn a_peer_that_answers_in_v1_is_known_by_its_first_header() {
    for (chain, command) in [(Chain::Mainnet, VERSION), (Chain::Testnet3, PING)] {
        let stream = v1::encode(chain.magic(), HeaderForm::WithChecksum, command, b"");
        let mut link = initiator(Padding::default());
        check(&mut link, &stream[..V1_HEAD_LEN - 1], "");
        check(
            &mut link,
            &stream[V1_HEAD_LEN - 1..],
            "it speaks the v1 transport",
        );
        check(&mut link, b"", "it speaks the v1 transport");
    }
}

#[test]
fn as_much_garbage_as_bip_324_allows_is_passed_over_and_no_more() {
    for len in [0, 1, 15, 16, 17, MAX_GARBAGE] {
        let mut link = initiator(Padding::default());
        check(&mut link, &opening_with_garbage(len), "ping 12345678");
    }
    let error = "it sent 4095 bytes without what ends its garbage, so it does not speak v2";
    let mut link = initiator(Padding::default());
    check(&mut link, &opening_with_garbage(MAX_GARBAGE + 1), error);
}

#[test]
fn what_a_version_packet_holds_is_for_later_versions() {
    let mut stream = HandMade::new();
    stream.packet(Kind::Genuine, b"and I speak version 7");
    stream.packet(Kind::Genuine, &[18]);
    check(&mut initiator(Padding::default()), &stream.bytes, "ping ");
}

#[test]
fn decoys_are_passed_over_wherever_they_come() {
    let mut stream = HandMade::new();
    for contents in [&b""[..], b"version", &[18]] {
        stream.packet(Kind::Decoy, contents);
        stream.packet(Kind::Decoy, contents);
        stream.packet(Kind::Genuine, contents);
    }
    check(
        &mut initiator(Padding::default()),
        &stream.bytes,
        "a message has the number 118, which nobody defined, ping ",
    );
}

#[test]
fn a_message_without_a_known_name_costs_itself_alone() {
    let mut stream = HandMade::new();
    for contents in [
        &b""[..],
        b"\x1d",
        b"",
        b"\0ver\xffion\0\0\0\0\0",
        b"\0verack\0\0\0\0\0\0",
    ] {
        stream.packet(Kind::Genuine, contents);
    }
    check(
        &mut initiator(Padding::default()),
        &stream.bytes,
        "a message has the number 29, which nobody defined, a message has no command, \
         a message has the command 766572ff696f6e0000000000, which is no text, verack ",
    );
}

#[test]
fn the_longest_answer_that_is_kept_in_v1_is_read() {
    let mut stream = HandMade::new();
    stream.packet(Kind::Genuine, b"");
    stream.packet(Kind::Genuine, &[28; 1 + crate::limits::MAX_KEPT_PAYLOAD]);
    let mut link = initiator(Padding::default());
    link.feed(&stream.bytes);
    let frame = link.next_frame().unwrap().unwrap();
    assert_eq!((frame.command, frame.len), (ADDRV2, 65_536));
}

#[test]
fn a_claimed_length_ends_the_conversation_or_takes_no_memory() {
    let mut stream = HandMade::new();
    stream.packet(Kind::Genuine, b"");
    let n_before = stream.bytes.len();
    for (len, expected) in [
        (MAX_V2_CONTENTS, ""),
        (
            MAX_V2_CONTENTS + 1,
            "its packet 1 claims 65550 bytes, at most 65549 are read",
        ),
    ] {
        let mut stream = stream.clone();
        stream.packet(Kind::Decoy, &vec![0; len]);
        let mut link = initiator(Padding::default());
        check(&mut link, &stream.bytes[..n_before + LENGTH_LEN], expected);
        assert!(link.buffer.capacity() < 1_000);
    }
}

#[test]
fn a_changed_byte_anywhere_ends_the_conversation() {
    let mut stream = HandMade::new();
    stream.packet(Kind::Decoy, b"decoy");
    stream.packet(Kind::Genuine, b"");
    stream.packet(Kind::Genuine, &[18]);
    let n_true = stream.bytes.len();
    // Room for every length that a changed byte may claim.
    stream.bytes.resize(n_true + MAX_V2_CONTENTS + OVERHEAD, 0);
    for at in 0..n_true {
        let mut changed = stream.bytes.clone();
        changed[at] ^= 1 << (at % 8);
        let mut link = initiator(Padding::default());
        link.feed(&changed);
        let error = link.next_frame().expect_err("nothing was said before");
        assert!(error.is_fatal(), "byte {at}: {error}");
        assert_eq!(link.next_frame(), Err(error), "byte {at}");
        assert!(link.writer().is_none() && !link.is_established());
    }
    check(
        &mut initiator(Padding::default()),
        &stream.bytes[..n_true],
        "ping ",
    );
}

#[test]
fn a_link_that_waits_is_small() {
    assert!(size_of::<Link>() <= 96, "{}", size_of::<Link>());
    assert!(size_of::<Opening>() <= 224, "{}", size_of::<Opening>());
    assert!(size_of::<Keyed>() <= 288, "{}", size_of::<Keyed>());
}

#[test]
fn every_command_arrives_and_the_keys_change_meanwhile() {
    let (mut caller, mut called) = pair(Padding::default(), Padding::default());
    shake(&mut caller, &mut called);
    for n in 0..12 {
        let mut expected = Vec::new();
        for KnownCommand { command, .. } in crate::command::COMMANDS {
            write(&mut caller, *command, &[b'0' + n]);
            expected.push(format!("{command} {}", char::from(b'0' + n)));
        }
        let output = caller.take_output();
        check(&mut called, &output, &expected.join(", "));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn messages_arrive_in_pieces_of_any_size(
        ours in any_padding(),
        theirs in any_padding(),
        payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..600), 0..6),
        cuts in prop::collection::vec(1usize..200, 1..20),
    ) {
        let (mut caller, mut called) = pair(ours, theirs);
        let mut cuts = cuts.iter().copied().cycle();
        let mut said = vec![(VERSION, b"".to_vec()), (VERACK, b"".to_vec())];
        said.extend(payloads.into_iter().map(|it| (PING, it)));
        let (mut heard_by_caller, mut heard_by_called) = (Vec::new(), Vec::new());
        let (mut to_say, mut to_answer) = (said.clone(), said.clone());
        loop {
            let to_called = speak(&mut caller, &mut to_say);
            let to_caller = speak(&mut called, &mut to_answer);
            if to_called.is_empty() && to_caller.is_empty() {
                break;
            }
            hear(&mut called, &to_called, &mut cuts, &mut heard_by_called);
            hear(&mut caller, &to_caller, &mut cuts, &mut heard_by_caller);
        }
        prop_assert!(caller.is_established() && called.is_established());
        prop_assert_eq!(caller.session_id(), called.session_id());
        prop_assert_eq!(&heard_by_called, &said);
        prop_assert_eq!(&heard_by_caller, &said);
    }

    #[test]
    fn nonsense_is_waited_on_until_it_is_too_much(
        stream in prop::collection::vec(any::<u8>(), 0..6_000),
        is_caller: bool,
        cut in 1usize..2_000,
    ) {
        let mut link = match is_caller {
            true => initiator(Padding::default()),
            false => responder(Padding::default()),
        };
        let mut n_fed = 0;
        for piece in stream.chunks(cut) {
            link.feed(piece);
            n_fed += piece.len();
            let expected = match n_fed < PUBLIC_KEY_LEN + MAX_GARBAGE + TERMINATOR_LEN {
                true => Ok(None),
                false => Err(V2Error::TooMuchGarbage),
            };
            prop_assert_eq!(link.next_frame(), expected);
        }
    }
}

fn any_padding() -> impl Strategy<Value = Padding> {
    let bytes = |max| prop::collection::vec(any::<u8>(), 0..=max);
    let garbage = prop_oneof![bytes(0), bytes(40), bytes(MAX_GARBAGE)];
    (garbage, prop::collection::vec(bytes(100), 0..4))
        .prop_map(|(garbage, decoys)| Padding { garbage, decoys })
}

fn secret(n: u8) -> Secret {
    Secret::new([n; 32], [n + 1; 32])
}

fn initiator(padding: Padding) -> Link {
    Link::initiate(MAGIC, secret(1), padding)
}

fn responder(padding: Padding) -> Link {
    Link::respond(MAGIC, secret(2), padding)
}

fn pair(ours: Padding, theirs: Padding) -> (Link, Link) {
    (initiator(ours), responder(theirs))
}

fn shake(caller: &mut Link, called: &mut Link) {
    check(called, &caller.take_output(), "");
    check(caller, &called.take_output(), "");
    check(called, &caller.take_output(), "");
    assert!(caller.is_established() && called.is_established());
}

fn write(link: &mut Link, command: Command, payload: &[u8]) {
    let mut writer = link.writer().expect("the keys are known");
    writer.write(command, payload);
}

/// Says one more message where that is possible already, and returns all bytes to send.
fn speak(link: &mut Link, to_say: &mut Vec<(Command, Vec<u8>)>) -> Vec<u8> {
    if link.writer().is_some() && !to_say.is_empty() {
        let (command, payload) = to_say.remove(0);
        write(link, command, &payload);
    }
    link.take_output()
}

fn hear(
    link: &mut Link,
    mut bytes: &[u8],
    cuts: &mut impl Iterator<Item = usize>,
    heard: &mut Vec<(Command, Vec<u8>)>,
) {
    while !bytes.is_empty() {
        let cut = cuts.next().expect("it cycles").min(bytes.len());
        let (piece, rest) = bytes.split_at(cut);
        link.feed(piece);
        while let Some(frame) = link.next_frame().expect("nobody changed a byte") {
            let payload = frame.payload.expect("v2 keeps whole payloads");
            heard.push((frame.command, payload.to_vec()));
        }
        bytes = rest;
    }
}

/// What a responder sends that also pings, behind `len` bytes of garbage.
fn opening_with_garbage(len: usize) -> Vec<u8> {
    let garbage = vec![7; len];
    let (mut caller, mut called) = pair(
        Padding::default(),
        Padding {
            garbage,
            decoys: vec![b"decoy".to_vec()],
        },
    );
    check(&mut called, &caller.take_output(), "");
    write(&mut called, PING, b"12345678");
    called.take_output()
}

/// What a responder sends, packet by packet.
#[derive(Clone)]
struct HandMade {
    cipher: Cipher,
    bytes: Vec<u8>,
}

impl HandMade {
    /// Starts with its key and what ends no garbage.
    fn new() -> HandMade {
        let (ours, theirs) = (secret(2).public_key(), secret(1).public_key());
        let keys = Keys::agree(MAGIC, Role::Responder, &secret(2), ours, theirs);
        HandMade {
            cipher: Cipher::new(&keys.responder),
            bytes: [&ours[..], &keys.responder.terminator].concat(),
        }
    }

    fn packet(&mut self, kind: Kind, contents: &[u8]) {
        self.cipher
            .encrypt_into(&mut self.bytes, kind, b"", contents);
    }
}

/// Feeds `bytes` and tells all that came out.
#[track_caller]
fn check(link: &mut Link, bytes: &[u8], expected: &str) {
    link.feed(bytes);
    let mut seen = Vec::new();
    loop {
        match link.next_frame() {
            Ok(None) => break,
            Ok(Some(frame)) => {
                let payload = frame.payload.expect("v2 keeps whole payloads");
                assert_eq!(payload.len(), frame.len);
                let payload = String::from_utf8_lossy(payload);
                seen.push(format!("{} {payload}", frame.command));
            }
            Err(error) => {
                seen.push(error.to_string());
                if error.is_fatal() {
                    break;
                }
            }
        }
    }
    assert_eq!(seen.join(", "), expected);
}
