//! Our v2 transport against the `bip324` crate's, which has its own ciphers: in both roles they understand each other.
//!
//! Both take the multiplication of points from libsecp256k1; `vectors.rs` holds that against BIP 324.

use bip324::{FillBytes, GarbageResult, Handshake, InboundCipher, Initialized, OutboundCipher};
use bip324::{PacketType, VersionResult};
use proptest::prelude::*;
use proto::Command;
use proto::command::{ADDRV2, PING, VERACK, VERSION};
use proto::framing::v2::keys::Secret;
use proto::framing::v2::{Link, Padding};

const MAGIC: [u8; 4] = [0xf9, 0xbe, 0xb4, 0xd9];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn both_sides_agree_and_read_each_other(
        we_call: bool,
        keys: [[u8; 32]; 3],
        our_garbage in prop::collection::vec(any::<u8>(), 0..4_096),
        their_garbage in prop::collection::vec(any::<u8>(), 0..4_096),
        decoys in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..50), 0..3),
        payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..100), 0..260),
    ) {
        let ours = Padding { garbage: our_garbage, decoys: decoys.clone() };
        let secret = Secret::new(keys[0], keys[1]);
        let (mut us, role) = match we_call {
            true => (Link::initiate(MAGIC, secret, ours), bip324::Role::Responder),
            false => (Link::respond(MAGIC, secret, ours), bip324::Role::Initiator),
        };
        let mut them = Theirs::shake(role, keys[2], &their_garbage, &decoys, &mut us);
        prop_assert!(us.is_established());
        prop_assert_eq!(us.session_id(), Some(them.session_id));
        for (n, payload) in payloads.iter().enumerate() {
            let (command, name) = named(n);
            us.writer().expect("it is established").write(command, payload);
            let contents = [name, payload].concat();
            prop_assert_eq!(them.read(&us.take_output()), contents.clone());
            us.feed(&them.write(&contents));
            let frame = us.next_frame().expect("a message").expect("a whole one");
            prop_assert_eq!((frame.command, frame.payload), (command, Some(&payload[..])));
        }
    }
}

/// The other implementation, after its handshake.
struct Theirs {
    session_id: [u8; 32],
    inbound: InboundCipher,
    outbound: OutboundCipher,
}

impl Theirs {
    fn shake(
        role: bip324::Role,
        key: [u8; 32],
        garbage: &[u8],
        decoys: &[Vec<u8>],
        us: &mut Link,
    ) -> Theirs {
        let decoys: Vec<&[u8]> = decoys.iter().map(Vec::as_slice).collect();
        let handshake =
            Handshake::new_with_rng(MAGIC, role, &mut Chance(key), secp256k1::SECP256K1)
                .expect("a key");
        let mut opening = vec![0; Handshake::<Initialized>::send_key_len(Some(garbage))];
        let handshake = handshake
            .send_key(Some(garbage), &mut opening)
            .expect("a buffer of the right size");

        let mut stream = us.take_output();
        if role == bip324::Role::Initiator {
            say(us, &opening);
            stream.extend(us.take_output());
        }
        let (theirs, _) = stream.split_first_chunk().expect("our whole key");
        let handshake = handshake.receive_key(*theirs).expect("a key of v2");
        let mut rest = vec![0; Handshake::<bip324::ReceivedKey>::send_version_len(Some(&decoys))];
        let handshake = handshake
            .send_version(&mut rest, Some(&decoys))
            .expect("a buffer of the right size");
        if role == bip324::Role::Responder {
            say(us, &opening);
        }
        say(us, &rest);
        stream.extend(us.take_output());

        let Ok(GarbageResult::FoundGarbage {
            mut handshake,
            consumed_bytes,
        }) = handshake.receive_garbage(&stream[64..])
        else {
            panic!("our garbage has an end");
        };
        let mut packets = &stream[64 + consumed_bytes..];
        loop {
            let (length, behind) = packets.split_first_chunk().expect("a length");
            let len = handshake
                .decrypt_packet_len(*length)
                .expect("a length of a packet");
            let (packet, behind) = behind.split_at(len);
            packets = behind;
            match handshake.receive_version(&mut packet.to_vec()) {
                Ok(VersionResult::Decoy(again)) => handshake = again,
                Ok(VersionResult::Complete { cipher }) => {
                    assert_eq!(packets, b"");
                    let session_id = *cipher.id();
                    let (inbound, outbound) = cipher.into_split();
                    return Theirs {
                        session_id,
                        inbound,
                        outbound,
                    };
                }
                Err(error) => panic!("{error}"),
            }
        }
    }

    fn read(&mut self, packet: &[u8]) -> Vec<u8> {
        let (length, rest) = packet.split_first_chunk().expect("a length");
        assert_eq!(self.inbound.decrypt_packet_len(*length), rest.len());
        let mut rest = rest.to_vec();
        let (kind, contents) = self
            .inbound
            .decrypt_in_place(&mut rest, None)
            .expect("a true packet");
        assert_eq!(kind, PacketType::Genuine);
        contents[1..].to_vec()
    }

    fn write(&mut self, contents: &[u8]) -> Vec<u8> {
        let mut packet = vec![0; OutboundCipher::encryption_buffer_len(contents.len())];
        self.outbound
            .encrypt(contents, &mut packet, PacketType::Genuine, None)
            .expect("a buffer of the right size");
        packet
    }
}

/// Gives the same bytes always.
struct Chance([u8; 32]);

impl FillBytes for Chance {
    fn fill_bytes(&mut self, dest: &mut [u8; 32]) {
        *dest = self.0;
    }
}

/// Feeds what is no message yet.
fn say(us: &mut Link, bytes: &[u8]) {
    us.feed(bytes);
    assert_eq!(us.next_frame(), Ok(None));
}

/// The messages take turns; returns one with its name as it is sent.
fn named(n: usize) -> (Command, &'static [u8]) {
    match n % 4 {
        0 => (VERSION, b"\0version\0\0\0\0\0"),
        1 => (VERACK, b"\0verack\0\0\0\0\0\0"),
        2 => (PING, b"\x12"),
        _ => (ADDRV2, b"\x1c"),
    }
}
