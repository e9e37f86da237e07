//! Which bytes of a `version` payload are which field.

use std::ops::Range;

use crate::wire::Reader;

/// One field of a payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name, as in Bitcoin's documentation.
    pub name: &'static str,
    /// Where its bytes are.
    pub bytes: Range<usize>,
}

/// The fields in front of the user agent, and how many bytes each takes.
const HEAD: [(&str, usize); 10] = [
    ("protocol version", 4),
    ("services", 8),
    ("timestamp", 8),
    ("addr_recv services", 8),
    ("addr_recv address", 16),
    ("addr_recv port", 2),
    ("addr_from services", 8),
    ("addr_from address", 16),
    ("addr_from port", 2),
    ("nonce", 8),
];

/// Splits a `version` payload of any age into its fields, in order and without gaps.
///
/// A payload that ends inside a field has the rest of its bytes in a last field called `cut short`.
pub fn version_fields(payload: &[u8]) -> Vec<Field> {
    let mut fields = Vec::new();
    let mut at = 0;
    for (name, len) in HEAD {
        if !push(&mut fields, payload, &mut at, name, len) {
            return fields;
        }
    }
    let mut reader = Reader::new(&payload[at..]);
    let left = reader.len();
    let Ok(user_agent_len) = reader.compact_size("the user agent") else {
        push(&mut fields, payload, &mut at, "user agent length", left + 1);
        return fields;
    };
    let user_agent_len = usize::try_from(user_agent_len).unwrap_or(usize::MAX);
    let tail = [
        ("user agent length", left - reader.len()),
        ("user agent", user_agent_len),
        ("start height", 4),
        ("relay", 1),
    ];
    for (name, len) in tail {
        if !push(&mut fields, payload, &mut at, name, len) {
            return fields;
        }
    }
    let rest = payload.len() - at;
    push(&mut fields, payload, &mut at, "trailing", rest);
    fields
}

/// Adds a field, and returns whether it was whole.
fn push(
    fields: &mut Vec<Field>,
    payload: &[u8],
    at: &mut usize,
    name: &'static str,
    len: usize,
) -> bool {
    let left = payload.len() - *at;
    let (name, len) = if len <= left {
        (name, len)
    } else {
        ("cut short", left)
    };
    if len > 0 {
        fields.push(Field {
            name,
            bytes: *at..*at + len,
        });
    }
    *at += len;
    name != "cut short"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::version::{NetAddr, Version};

    #[test]
    fn a_modern_version_has_every_field() {
        check(
            98,
            "protocol version 4, services 8, timestamp 8, addr_recv services 8, addr_recv address 16, \
             addr_recv port 2, addr_from services 8, addr_from address 16, addr_from port 2, nonce 8, \
             user agent length 1, user agent 10, start height 4, relay 1, trailing 2",
        );
    }

    #[test]
    fn old_ones_end_earlier() {
        let old = "protocol version 4, services 8, timestamp 8, addr_recv services 8, \
                   addr_recv address 16, addr_recv port 2";
        check(46, old);
        check(50, &format!("{old}, cut short 4"));
        check(0, "");
    }

    /// Splits the first `len` bytes of a sample.
    #[track_caller]
    fn check(len: usize, expected: &str) {
        let version = Version {
            addr_from: Some(NetAddr::default()),
            nonce: Some(1),
            user_agent: Some(b"/sample:1/".to_vec()),
            start_height: Some(1),
            relay: Some(1),
            trailing: vec![1, 2],
            ..Version::default()
        };
        let payload = version.encode();
        let seen: Vec<_> = version_fields(&payload[..len])
            .iter()
            .map(|it| format!("{} {}", it.name, it.bytes.len()))
            .collect();
        assert_eq!(seen.join(", "), expected);
    }
}
