//! What both sides agree on before the first packet, from two public keys that look like chance.

use hkdf::Hkdf;
use secp256k1::ellswift::{ElligatorSwift, ElligatorSwiftParty};
use secp256k1::{SECP256K1, SecretKey};
use sha2::Sha256;

/// How many bytes a public key takes on the wire.
pub const PUBLIC_KEY_LEN: usize = 64;

/// How many bytes end the garbage.
pub const TERMINATOR_LEN: usize = 16;

/// Who called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The one who opened the connection.
    Initiator,
    /// The one who took it.
    Responder,
}

/// The chance that one side puts into one conversation; never use it for a second one.
#[derive(Clone)]
pub struct Secret {
    key: SecretKey,
    public_key: [u8; PUBLIC_KEY_LEN],
}

impl Secret {
    /// Makes a secret of fresh random bytes: of `key` the key, and of `encoding` the choice among its many encodings.
    pub fn new(mut key: [u8; 32], encoding: [u8; 32]) -> Secret {
        let key = SecretKey::from_slice(&key).unwrap_or_else(|_| {
            // Zero and the numbers from the order of the curve on are no keys. Chance hits none of them, callers may.
            key[0] ^= 0x80;
            SecretKey::from_slice(&key).expect("zero is small, the order of the curve is large")
        });
        let public_key = ElligatorSwift::from_seckey(SECP256K1, key, Some(encoding));
        Secret {
            key,
            public_key: public_key.to_array(),
        }
    }

    /// Returns the public key in the form in which it is sent.
    pub fn public_key(&self) -> [u8; PUBLIC_KEY_LEN] {
        self.public_key
    }
}

/// All that two sides derive from their keys. Equal on both sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keys {
    /// Names the conversation; people may compare it to find out whether somebody sits between them.
    pub session_id: [u8; 32],
    /// Of the bytes that the initiator sends.
    pub initiator: SideKeys,
    /// Of the bytes that the responder sends.
    pub responder: SideKeys,
}

/// The keys of one direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SideKeys {
    /// Of the lengths of packets.
    pub length: [u8; 32],
    /// Of the rest of packets.
    pub packet: [u8; 32],
    /// Ends the garbage.
    pub terminator: [u8; TERMINATOR_LEN],
}

impl Keys {
    /// Derives the keys of the side with `role`, which sent the public key `ours` of its `secret`.
    pub fn agree(
        magic: [u8; 4],
        role: Role,
        secret: &Secret,
        ours: [u8; PUBLIC_KEY_LEN],
        theirs: [u8; PUBLIC_KEY_LEN],
    ) -> Keys {
        let (initiator, responder, party) = match role {
            Role::Initiator => (ours, theirs, ElligatorSwiftParty::A),
            Role::Responder => (theirs, ours, ElligatorSwiftParty::B),
        };
        let shared = ElligatorSwift::shared_secret(
            ElligatorSwift::from_array(initiator),
            ElligatorSwift::from_array(responder),
            secret.key,
            party,
            None,
        );
        let salt = [b"bitcoin_v2_shared_secret", &magic[..]].concat();
        let hkdf = Hkdf::<Sha256>::new(Some(&salt), shared.as_secret_bytes());
        let expand = |label: &[u8]| {
            let mut key = [0; 32];
            hkdf.expand(label, &mut key)
                .expect("32 bytes are one block of the hash");
            key
        };
        let (of_initiator, of_responder) = halves(expand(b"garbage_terminators"));
        Keys {
            session_id: expand(b"session_id"),
            initiator: SideKeys {
                length: expand(b"initiator_L"),
                packet: expand(b"initiator_P"),
                terminator: of_initiator,
            },
            responder: SideKeys {
                length: expand(b"responder_L"),
                packet: expand(b"responder_P"),
                terminator: of_responder,
            },
        }
    }
}

fn halves(bytes: [u8; 32]) -> ([u8; 16], [u8; 16]) {
    let (first, second) = bytes.split_at(16);
    let half = |it: &[u8]| it.try_into().expect("half of 32 is 16");
    (half(first), half(second))
}

#[cfg(test)]
mod tests {
    use super::*;
    use secp256k1::{PublicKey, constants::CURVE_ORDER};

    #[test]
    fn any_bytes_make_a_secret() {
        for key in [[0; 32], CURVE_ORDER, [0xff; 32], [7; 32]] {
            let secret = Secret::new(key, [1; 32]);
            let sent = PublicKey::from_ellswift(ElligatorSwift::from_array(secret.public_key()));
            assert_eq!(
                sent.x_only_public_key().0,
                secret.key.x_only_public_key(SECP256K1).0
            );
        }
        assert_eq!(Secret::new([7; 32], [0; 32]).key.secret_bytes(), [7; 32]);
    }

    #[test]
    fn one_key_has_many_encodings_and_the_same_chance_gives_the_same() {
        let sent = |encoding| Secret::new([7; 32], [encoding; 32]).public_key();
        assert_eq!(sent(1), sent(1));
        assert_ne!(sent(1), sent(2));
    }

    #[test]
    fn both_sides_derive_the_same_keys_and_other_chains_others() {
        let (one, other) = (Secret::new([1; 32], [2; 32]), Secret::new([3; 32], [4; 32]));
        let (called, calls) = (one.public_key(), other.public_key());
        let keys = Keys::agree(*b"main", Role::Responder, &one, called, calls);
        assert_eq!(
            Keys::agree(*b"main", Role::Initiator, &other, calls, called),
            keys
        );
        assert_ne!(
            Keys::agree(*b"test", Role::Initiator, &other, calls, called),
            keys
        );
    }
}
