//! Reading and writing the integers and byte strings that messages are made of.

use sha2::{Digest, Sha256};

/// Why a payload could not be read.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum DecodeError {
    /// A field reaches past the end of the payload.
    #[error("it ends inside {field}, which takes {wanted} bytes where {left} are left")]
    EndsEarly {
        /// What was being read.
        field: &'static str,
        /// Bytes that the field takes.
        wanted: usize,
        /// Bytes that were left.
        left: usize,
    },
    /// A count or length is larger than the protocol allows.
    #[error("{field} is {said}, at most {max} is allowed")]
    TooMany {
        /// What was counted.
        field: &'static str,
        /// What the peer said.
        said: u64,
        /// The bound, from [`crate::limits`].
        max: usize,
    },
    /// A length is written in more bytes than it needs, which Bitcoin Core refuses too.
    #[error("{field} is not written in its shortest form")]
    NotCanonical {
        /// What was being read.
        field: &'static str,
    },
}

/// A place in a payload, moving forward.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    left: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Starts at the first byte of `payload`.
    pub fn new(payload: &'a [u8]) -> Reader<'a> {
        Reader { left: payload }
    }

    /// Whether every byte has been read.
    pub fn is_empty(&self) -> bool {
        self.left.is_empty()
    }

    /// How many bytes are left.
    pub fn len(&self) -> usize {
        self.left.len()
    }

    /// Takes the next `n` bytes.
    pub fn bytes(&mut self, n: usize, field: &'static str) -> Result<&'a [u8], DecodeError> {
        let Some((taken, left)) = self.left.split_at_checked(n) else {
            return Err(DecodeError::EndsEarly {
                field,
                wanted: n,
                left: self.left.len(),
            });
        };
        self.left = left;
        Ok(taken)
    }

    /// Takes the next `N` bytes as an array.
    pub fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], DecodeError> {
        let mut array = [0; N];
        array.copy_from_slice(self.bytes(N, field)?);
        Ok(array)
    }

    /// Takes all that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.left)
    }

    /// Reads one byte.
    pub fn u8(&mut self, field: &'static str) -> Result<u8, DecodeError> {
        Ok(self.array::<1>(field)?[0])
    }

    /// Reads a port: 16 bits, big-endian.
    pub fn u16_be(&mut self, field: &'static str) -> Result<u16, DecodeError> {
        Ok(u16::from_be_bytes(self.array(field)?))
    }

    /// Reads 32 bits, little-endian.
    pub fn u32(&mut self, field: &'static str) -> Result<u32, DecodeError> {
        Ok(u32::from_le_bytes(self.array(field)?))
    }

    /// Reads 32 bits with a sign, little-endian.
    pub fn i32(&mut self, field: &'static str) -> Result<i32, DecodeError> {
        Ok(i32::from_le_bytes(self.array(field)?))
    }

    /// Reads 64 bits, little-endian.
    pub fn u64(&mut self, field: &'static str) -> Result<u64, DecodeError> {
        Ok(u64::from_le_bytes(self.array(field)?))
    }

    /// Reads 64 bits with a sign, little-endian.
    pub fn i64(&mut self, field: &'static str) -> Result<i64, DecodeError> {
        Ok(i64::from_le_bytes(self.array(field)?))
    }

    /// Reads a CompactSize integer, which must be in its shortest form (Bitcoin Core: `ReadCompactSize`).
    pub fn compact_size(&mut self, field: &'static str) -> Result<u64, DecodeError> {
        let (value, least) = match self.u8(field)? {
            0xfd => (u64::from(u16::from_le_bytes(self.array(field)?)), 0xfd),
            0xfe => (u64::from(self.u32(field)?), 0x1_0000),
            0xff => (self.u64(field)?, 0x1_0000_0000),
            small => (u64::from(small), 0),
        };
        if value < least {
            return Err(DecodeError::NotCanonical { field });
        }
        Ok(value)
    }

    /// Reads a count of at most `max`, before anything is allocated for it.
    pub fn count(&mut self, max: usize, field: &'static str) -> Result<usize, DecodeError> {
        let said = self.compact_size(field)?;
        match usize::try_from(said) {
            Ok(count) if count <= max => Ok(count),
            _ => Err(DecodeError::TooMany { field, said, max }),
        }
    }

    /// Reads a byte string of at most `max` bytes behind its length.
    pub fn var_bytes(&mut self, max: usize, field: &'static str) -> Result<&'a [u8], DecodeError> {
        let len = self.count(max, field)?;
        self.bytes(len, field)
    }
}

/// Appends `value` as a CompactSize integer in its shortest form.
pub fn write_compact_size(out: &mut Vec<u8>, value: u64) {
    match value {
        0..0xfd => out.push(value.to_le_bytes()[0]),
        0xfd..0x1_0000 => {
            out.push(0xfd);
            out.extend_from_slice(&value.to_le_bytes()[..2]);
        }
        0x1_0000..0x1_0000_0000 => {
            out.push(0xfe);
            out.extend_from_slice(&value.to_le_bytes()[..4]);
        }
        _ => {
            out.push(0xff);
            out.extend_from_slice(&value.to_le_bytes());
        }
    }
}

/// Appends `bytes` behind their length.
pub fn write_var_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    write_compact_size(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Returns the first four bytes of the double SHA-256 of `payload`: the checksum of a v1 message.
pub fn checksum(payload: &[u8]) -> [u8; 4] {
    finish_checksum(Sha256::new_with_prefix(payload))
}

/// Returns the checksum of everything that `hasher` was fed.
pub(crate) fn finish_checksum(hasher: Sha256) -> [u8; 4] {
    let [a, b, c, d, ..]: [u8; 32] = Sha256::digest(hasher.finalize()).into();
    [a, b, c, d]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_checksum_of_nothing_is_the_one_in_every_verack() {
        assert_eq!(checksum(b""), [0x5d, 0xf6, 0xe0, 0xe2]);
    }

    #[test]
    fn a_length_in_more_bytes_than_it_needs_is_refused() {
        for long in [
            &[0xfd, 0xfc, 0][..],
            &[0xfe, 0xff, 0xff, 0, 0],
            &[0xff, 1, 0, 0, 0, 0, 0, 0, 0],
        ] {
            assert_eq!(
                Reader::new(long).compact_size("count"),
                Err(DecodeError::NotCanonical { field: "count" })
            );
        }
    }

    #[test]
    fn an_error_says_what_was_being_read() {
        let mut reader = Reader::new(&[3, 1, 2]);
        let error = reader.var_bytes(10, "the user agent").unwrap_err();
        assert_eq!(
            error.to_string(),
            "it ends inside the user agent, which takes 3 bytes where 2 are left"
        );
    }

    proptest! {
        #[test]
        fn every_size_comes_back(value: u64) {
            let mut out = Vec::new();
            write_compact_size(&mut out, value);
            let mut reader = Reader::new(&out);
            prop_assert_eq!(reader.compact_size("value"), Ok(value));
            prop_assert!(reader.is_empty());
        }
    }
}
