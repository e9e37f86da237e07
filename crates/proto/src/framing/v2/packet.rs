//! One direction of packets: each is encrypted, authenticated, and behind its encrypted length.

use chacha20::ChaCha20;
use chacha20::cipher::{KeyIvInit, StreamCipher, StreamCipherSeek};
use chacha20poly1305::{AeadInPlace, ChaCha20Poly1305, KeyInit};

use super::keys::SideKeys;

/// How many bytes the length of a packet takes.
pub const LENGTH_LEN: usize = 3;

/// How many bytes a packet has besides its contents: length, header, tag.
pub const OVERHEAD: usize = LENGTH_LEN + HEADER_LEN + TAG_LEN;

/// Where in a packet its contents are.
pub const CONTENTS_AT: usize = LENGTH_LEN + HEADER_LEN;

const HEADER_LEN: usize = 1;
const TAG_LEN: usize = 16;

/// Both keys are replaced after so many packets, so that what was said before stays secret when they leak.
const REKEY_INTERVAL: u8 = 224;

/// The only bit of the header with a meaning: nothing in this packet is meant.
const DECOY: u8 = 0x80;

/// Whether a packet means something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It does.
    Genuine,
    /// It is there to be passed over.
    Decoy,
}

/// A packet that was changed on its way, or was never one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forged;

/// Encrypts or decrypts the packets of one direction, in order.
#[derive(Clone)]
pub struct Cipher {
    length_key: [u8; 32],
    packet_key: [u8; 32],
    /// Packets that are done with these keys.
    n_packets: u8,
    /// How often the keys were replaced.
    n_rekeys: u64,
}

impl Cipher {
    /// Starts before the first packet.
    pub fn new(keys: &SideKeys) -> Cipher {
        Cipher {
            length_key: keys.length,
            packet_key: keys.packet,
            n_packets: 0,
            n_rekeys: 0,
        }
    }

    /// How many packets are done.
    pub fn n_packets(&self) -> u64 {
        self.n_rekeys * u64::from(REKEY_INTERVAL) + u64::from(self.n_packets)
    }

    /// Appends one packet, which also authenticates `aad`.
    pub fn encrypt_into(&mut self, out: &mut Vec<u8>, kind: Kind, aad: &[u8], contents: &[u8]) {
        let [length @ .., zero] = u32::try_from(contents.len())
            .expect("nobody sends a packet of four gigabytes")
            .to_le_bytes();
        assert_eq!(zero, 0, "nobody sends a packet of 16 megabytes");
        out.reserve(OVERHEAD + contents.len());
        out.extend_from_slice(&self.crypt_length(length));
        let start = out.len();
        out.push(match kind {
            Kind::Genuine => 0,
            Kind::Decoy => DECOY,
        });
        out.extend_from_slice(contents);
        let tag = self
            .aead()
            .encrypt_in_place_detached(&self.packet_nonce().into(), aad, &mut out[start..])
            .expect("the cipher takes gigabytes");
        out.extend_from_slice(&tag);
        self.step();
    }

    /// Decrypts how long the contents of the next packet are; asking twice is harmless.
    ///
    /// It is what the peer claims, and can only be trusted when the packet has been decrypted.
    pub fn decrypt_length(&self, length: [u8; LENGTH_LEN]) -> usize {
        let [a, b, c] = self.crypt_length(length);
        usize::from(a) | usize::from(b) << 8 | usize::from(c) << 16
    }

    /// Decrypts one whole packet in its place and returns its kind and contents.
    ///
    /// A forged packet leaves the cipher where it is.
    pub fn decrypt<'a>(
        &mut self,
        aad: &[u8],
        packet: &'a mut [u8],
    ) -> Result<(Kind, &'a [u8]), Forged> {
        let (_, sealed) = packet.split_at_mut_checked(LENGTH_LEN).ok_or(Forged)?;
        let (text, tag) = sealed.split_last_chunk_mut::<TAG_LEN>().ok_or(Forged)?;
        self.aead()
            .decrypt_in_place_detached(&self.packet_nonce().into(), aad, text, &(*tag).into())
            .map_err(|_| Forged)?;
        self.step();
        let (header, contents) = text.split_first().ok_or(Forged)?;
        let kind = match header & DECOY {
            0 => Kind::Genuine,
            _ => Kind::Decoy,
        };
        Ok((kind, contents))
    }

    fn crypt_length(&self, mut length: [u8; LENGTH_LEN]) -> [u8; LENGTH_LEN] {
        self.length_stream().apply_keystream(&mut length);
        length
    }

    /// Counts a packet, and replaces the keys where it was the last of theirs.
    fn step(&mut self) {
        self.n_packets += 1;
        if self.n_packets < REKEY_INTERVAL {
            return;
        }
        let mut length_key = [0; 32];
        self.length_stream().apply_keystream(&mut length_key);
        // As if 32 zeros were encrypted as a packet: their text takes the stream from its second block on.
        let mut packet_key = [0; 32];
        let nonce = nonce([0xff; 4], self.n_rekeys);
        let mut stream = ChaCha20::new(&self.packet_key.into(), &nonce.into());
        stream.seek(64u32);
        stream.apply_keystream(&mut packet_key);
        *self = Cipher {
            length_key,
            packet_key,
            n_packets: 0,
            n_rekeys: self.n_rekeys + 1,
        };
    }

    /// The lengths of all packets between two changes of keys are one stream; returns it from the next length on.
    fn length_stream(&self) -> ChaCha20 {
        let nonce = nonce([0; 4], self.n_rekeys);
        let mut stream = ChaCha20::new(&self.length_key.into(), &nonce.into());
        stream.seek(LENGTH_LEN * usize::from(self.n_packets));
        stream
    }

    fn aead(&self) -> ChaCha20Poly1305 {
        ChaCha20Poly1305::new(&self.packet_key.into())
    }

    fn packet_nonce(&self) -> [u8; 12] {
        nonce(u32::from(self.n_packets).to_le_bytes(), self.n_rekeys)
    }
}

fn nonce(start: [u8; 4], n_rekeys: u64) -> [u8; 12] {
    let mut nonce = [0; 12];
    nonce[..4].copy_from_slice(&start);
    nonce[4..].copy_from_slice(&n_rekeys.to_le_bytes());
    nonce
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_come_back_over_several_changes_of_keys() {
        let (mut sender, mut receiver) = (cipher(), cipher());
        for n in 0..3 * usize::from(REKEY_INTERVAL) {
            let contents = vec![7; n];
            let kind = match n % 2 {
                0 => Kind::Genuine,
                _ => Kind::Decoy,
            };
            let mut packet = Vec::new();
            sender.encrypt_into(&mut packet, kind, b"aad", &contents);
            assert_eq!(receiver.decrypt_length(length_of(&packet)), n);
            assert_eq!(
                receiver.decrypt(b"aad", &mut packet),
                Ok((kind, &contents[..]))
            );
        }
        assert_eq!(receiver.n_packets(), 672);
        assert_eq!(receiver.n_rekeys, 3);
    }

    #[test]
    fn a_forged_packet_leaves_the_cipher_where_it_is() {
        let (mut sender, mut receiver) = (cipher(), cipher());
        let mut packet = Vec::new();
        sender.encrypt_into(&mut packet, Kind::Genuine, b"aad", b"contents");
        for at in LENGTH_LEN..packet.len() {
            let mut forged = packet.clone();
            forged[at] ^= 1;
            assert_eq!(receiver.decrypt(b"aad", &mut forged), Err(Forged));
        }
        assert_eq!(receiver.decrypt(b"other", &mut packet.clone()), Err(Forged));
        assert_eq!(receiver.decrypt(b"aad", &mut []), Err(Forged));
        assert_eq!(
            receiver.decrypt(b"aad", &mut packet),
            Ok((Kind::Genuine, &b"contents"[..]))
        );
    }

    #[test]
    fn only_the_highest_bit_of_the_header_makes_a_decoy() {
        for (header, kind) in [
            (0x00, Kind::Genuine),
            (0x7f, Kind::Genuine),
            (0xff, Kind::Decoy),
        ] {
            let sender = cipher();
            let mut packet = vec![0, 0, 0, header];
            let tag = sender
                .aead()
                .encrypt_in_place_detached(
                    &sender.packet_nonce().into(),
                    b"",
                    &mut packet[LENGTH_LEN..],
                )
                .unwrap();
            packet.extend(tag);
            assert_eq!(cipher().decrypt(b"", &mut packet), Ok((kind, &[][..])));
        }
    }

    fn cipher() -> Cipher {
        Cipher::new(&SideKeys {
            length: [1; 32],
            packet: [2; 32],
            terminator: [3; 16],
        })
    }

    fn length_of(packet: &[u8]) -> [u8; LENGTH_LEN] {
        packet[..LENGTH_LEN].try_into().unwrap()
    }
}
