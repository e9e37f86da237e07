//! Small files in MaxMind's format, for tests.

use serde_json::{Value, json};

/// The kinds of whole numbers.
const U16: u8 = 5;
const U32: u8 = 6;
const U64: u8 = 9;

/// Writes a file of a kind with a record for each prefix, as `8.8.8.0/24` or `2a01:4f8::/32`.
pub(crate) fn written(kind: &str, records: &[(&str, Value)]) -> Vec<u8> {
    let mut tree = vec![[None; 2]];
    let mut data = Vec::new();
    for (prefix, record) in records {
        let (address, n_bits) = parse(prefix);
        let offset = data.len();
        write(record, &mut data);
        let mut node = 0;
        for place in 0..n_bits {
            let bit = usize::from(address >> (127 - place) & 1 == 1);
            if place + 1 == n_bits {
                tree[node][bit] = Some(To::Data(offset));
                break;
            }
            node = match tree[node][bit] {
                Some(To::Node(next)) => next,
                Some(To::Data(_)) => panic!("{prefix} is within another"),
                None => {
                    tree.push([None; 2]);
                    tree[node][bit] = Some(To::Node(tree.len() - 1));
                    tree.len() - 1
                }
            };
        }
    }
    let mut file = Vec::new();
    for to in tree.iter().flatten() {
        let number = match to {
            None => tree.len(),
            Some(To::Node(node)) => *node,
            Some(To::Data(offset)) => tree.len() + 16 + offset,
        };
        file.extend_from_slice(&number.to_be_bytes()[5..]);
    }
    file.extend_from_slice(&[0; 16]);
    file.extend_from_slice(&data);
    file.extend_from_slice(b"\xab\xcd\xefMaxMind.com");
    write_metadata(kind, tree.len() as u64, &mut file);
    file
}

/// Readers insist on the size of each number here.
fn write_metadata(kind: &str, n_nodes: u64, out: &mut Vec<u8>) {
    let texts = json!({"database_type": kind, "description": {"en": "made for a test"}, "languages": ["en"]});
    let numbers = [
        ("binary_format_major_version", U16, 2),
        ("binary_format_minor_version", U16, 0),
        ("build_epoch", U64, 1_700_000_000),
        ("ip_version", U16, 6),
        ("node_count", U32, n_nodes),
        ("record_size", U16, 24),
    ];
    let texts = texts.as_object().unwrap();
    write_head(7, texts.len() + numbers.len(), out);
    for (key, value) in texts {
        write(&json!(key), out);
        write(value, out);
    }
    for (key, size, number) in numbers {
        write(&json!(key), out);
        write_number(size, number, out);
    }
}

#[derive(Clone, Copy)]
enum To {
    Node(usize),
    Data(usize),
}

/// Returns the bits of a prefix, and how many of them count; IPv4 is in `::/96`.
fn parse(prefix: &str) -> (u128, u32) {
    let (ip, n_bits) = prefix.split_once('/').unwrap();
    let n_bits: u32 = n_bits.parse().unwrap();
    match ip.parse().unwrap() {
        std::net::IpAddr::V4(ip) => (u128::from(ip.to_bits()), n_bits + 96),
        std::net::IpAddr::V6(ip) => (ip.to_bits(), n_bits),
    }
}

fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::String(text) => {
            write_head(2, text.len(), out);
            out.extend_from_slice(text.as_bytes());
        }
        Value::Number(number) => match number.as_u64() {
            Some(whole) => write_number(U32, whole, out),
            None => {
                write_head(3, 8, out);
                out.extend_from_slice(&number.as_f64().unwrap().to_be_bytes());
            }
        },
        Value::Object(map) => {
            write_head(7, map.len(), out);
            for (key, value) in map {
                write(&Value::String(key.clone()), out);
                write(value, out);
            }
        }
        Value::Array(values) => {
            write_head(11, values.len(), out);
            values.iter().for_each(|it| write(it, out));
        }
        Value::Bool(_) | Value::Null => panic!("no test needs {value}"),
    }
}

fn write_number(size: u8, number: u64, out: &mut Vec<u8>) {
    let bytes = number.to_be_bytes();
    let n_zeros = usize::try_from(number.leading_zeros() / 8).unwrap();
    write_head(size, 8 - n_zeros, out);
    out.extend_from_slice(&bytes[n_zeros..]);
}

/// Writes what kind of value comes, and its size.
fn write_head(kind: u8, size: usize, out: &mut Vec<u8>) {
    let (short, rest) = match u8::try_from(size).unwrap() {
        size @ 0..29 => (size, None),
        size => (29, Some(size - 29)),
    };
    match kind {
        0..8 => out.push(kind << 5 | short),
        _ => out.extend_from_slice(&[short, kind - 7]),
    }
    out.extend(rest);
}
