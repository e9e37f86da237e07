//! Messages: a command and what its payload says.

use crate::command::{self, Command};
use crate::gossip::{self, AddrEntry, AddrV2Entry};
use crate::limits::{
    FEATURE_ID_LEN, MAX_FEATURE_DATA, MAX_HEADERS, MAX_INV, MAX_LOCATOR, MAX_TEXT,
};
use crate::version::Version;
use crate::wire::{DecodeError, Reader, write_compact_size, write_var_bytes};

/// One message, decoded as far as a census needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Who the sender is.
    Version(Box<Version>),
    /// The `version` was read.
    Verack,
    /// Are you there? Without a nonce before BIP 31.
    Ping(Option<u64>),
    /// The nonce of a `ping`, back.
    Pong(u64),
    /// Asks for addresses.
    GetAddr,
    /// Addresses, IPv4 and IPv6.
    Addr(Vec<AddrEntry>),
    /// The sender understands `addrv2`.
    SendAddrV2,
    /// Addresses of all networks.
    AddrV2(Vec<AddrV2Entry>),
    /// The sender announces transactions by wtxid.
    WtxidRelay,
    /// The sender wants blocks announced by their headers.
    SendHeaders,
    /// The sender understands compact blocks.
    SendCmpct(SendCmpct),
    /// The least fee rate of interest, in satoshis per 1,000 virtual bytes.
    FeeFilter(i64),
    /// A named feature.
    Feature(Feature),
    /// Announces transactions or blocks.
    Inv(Vec<InvItem>),
    /// Asks for transactions or blocks.
    GetData(Vec<InvItem>),
    /// The sender does not have what was asked for.
    NotFound(Vec<InvItem>),
    /// Asks for headers.
    GetHeaders(Locator),
    /// Headers of blocks, 80 bytes each.
    Headers(Vec<[u8; 80]>),
    /// Something was refused.
    Reject(Reject),
    /// A signed warning of the years before 2016.
    Alert(Alert),
    /// Any other command, with its payload.
    Other {
        /// Its name.
        command: Command,
        /// What came with it.
        payload: Vec<u8>,
    },
}

/// The payload of `sendcmpct` (BIP 152).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SendCmpct {
    /// 1: send compact blocks unasked; 0: announce them first. Other values have been seen.
    pub announce: u8,
    /// The version of compact blocks: 1, or 2 with witnesses.
    pub version: u64,
}

/// The payload of `feature` (BIP 434).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feature {
    /// Its name, 4 to 80 bytes.
    pub id: Vec<u8>,
    /// Its parameters, at most 512 bytes.
    pub data: Vec<u8>,
}

/// What is announced or asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvItem {
    /// 1 transaction, 2 block, and flags of later BIPs.
    pub kind: u32,
    /// Its hash, as on the wire.
    pub hash: [u8; 32],
}

/// Blocks that the asker has, newest first, and where to stop: the payload of `getheaders`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Locator {
    /// The asker's protocol version.
    pub protocol_version: u32,
    /// Hashes of blocks, as on the wire.
    pub hashes: Vec<[u8; 32]>,
    /// The last block wanted; zeros for as many as possible.
    pub stop: [u8; 32],
}

/// The payload of `reject` (BIP 61).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// The command of what was refused.
    pub message: Vec<u8>,
    /// A number for the reason.
    pub code: u8,
    /// The reason as text.
    pub reason: Vec<u8>,
    /// The hash of what was refused, or nothing.
    pub extra: Vec<u8>,
}

/// The payload of `alert`: what was signed, and the signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// The serialized warning.
    pub payload: Vec<u8>,
    /// The signature with Satoshi's alert key.
    pub signature: Vec<u8>,
}

impl Message {
    /// Reads the payload of `command`; bytes behind what the command defines are ignored.
    ///
    /// `addr` entries are read as those of protocol 31402 and later; [`gossip::decode_addr`] reads the older ones.
    pub fn decode(command: Command, payload: &[u8]) -> Result<Message, DecodeError> {
        let mut reader = Reader::new(payload);
        Ok(match command {
            command::VERSION => Message::Version(Box::new(Version::decode(payload)?)),
            command::VERACK => Message::Verack,
            command::PING if payload.is_empty() => Message::Ping(None),
            command::PING => Message::Ping(Some(reader.u64("the nonce")?)),
            command::PONG => Message::Pong(reader.u64("the nonce")?),
            command::GETADDR => Message::GetAddr,
            command::ADDR => Message::Addr(gossip::decode_addr(payload, true)?),
            command::SENDADDRV2 => Message::SendAddrV2,
            command::ADDRV2 => Message::AddrV2(gossip::decode_addrv2(payload)?),
            command::WTXIDRELAY => Message::WtxidRelay,
            command::SENDHEADERS => Message::SendHeaders,
            command::SENDCMPCT => Message::SendCmpct(SendCmpct {
                announce: reader.u8("the announce byte")?,
                version: reader.u64("the version of compact blocks")?,
            }),
            command::FEEFILTER => Message::FeeFilter(reader.i64("the fee rate")?),
            command::FEATURE => Message::Feature(decode_feature(&mut reader)?),
            command::INV => Message::Inv(decode_inv(&mut reader)?),
            command::GETDATA => Message::GetData(decode_inv(&mut reader)?),
            command::NOTFOUND => Message::NotFound(decode_inv(&mut reader)?),
            command::GETHEADERS => Message::GetHeaders(decode_locator(&mut reader)?),
            command::HEADERS => Message::Headers(decode_headers(&mut reader)?),
            command::REJECT => Message::Reject(Reject {
                message: reader.var_bytes(MAX_TEXT, "the refused command")?.to_vec(),
                code: reader.u8("the code")?,
                reason: reader.var_bytes(MAX_TEXT, "the reason")?.to_vec(),
                extra: reader.rest().to_vec(),
            }),
            command::ALERT => Message::Alert(Alert {
                payload: reader.var_bytes(MAX_TEXT, "the warning")?.to_vec(),
                signature: reader.var_bytes(MAX_TEXT, "the signature")?.to_vec(),
            }),
            other => Message::Other {
                command: other,
                payload: payload.to_vec(),
            },
        })
    }

    /// Returns the name of this message.
    pub fn command(&self) -> Command {
        match self {
            Message::Version(_) => command::VERSION,
            Message::Verack => command::VERACK,
            Message::Ping(_) => command::PING,
            Message::Pong(_) => command::PONG,
            Message::GetAddr => command::GETADDR,
            Message::Addr(_) => command::ADDR,
            Message::SendAddrV2 => command::SENDADDRV2,
            Message::AddrV2(_) => command::ADDRV2,
            Message::WtxidRelay => command::WTXIDRELAY,
            Message::SendHeaders => command::SENDHEADERS,
            Message::SendCmpct(_) => command::SENDCMPCT,
            Message::FeeFilter(_) => command::FEEFILTER,
            Message::Feature(_) => command::FEATURE,
            Message::Inv(_) => command::INV,
            Message::GetData(_) => command::GETDATA,
            Message::NotFound(_) => command::NOTFOUND,
            Message::GetHeaders(_) => command::GETHEADERS,
            Message::Headers(_) => command::HEADERS,
            Message::Reject(_) => command::REJECT,
            Message::Alert(_) => command::ALERT,
            Message::Other { command, .. } => *command,
        }
    }

    /// Writes the payload.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Message::Version(version) => return version.encode(),
            Message::Addr(entries) => return gossip::encode_addr(entries),
            Message::AddrV2(entries) => return gossip::encode_addrv2(entries),
            Message::Verack
            | Message::Ping(None)
            | Message::GetAddr
            | Message::SendAddrV2
            | Message::WtxidRelay
            | Message::SendHeaders => (),
            Message::Ping(Some(nonce)) | Message::Pong(nonce) => {
                out.extend_from_slice(&nonce.to_le_bytes());
            }
            Message::SendCmpct(it) => {
                out.push(it.announce);
                out.extend_from_slice(&it.version.to_le_bytes());
            }
            Message::FeeFilter(rate) => out.extend_from_slice(&rate.to_le_bytes()),
            Message::Feature(it) => {
                write_var_bytes(&mut out, &it.id);
                write_var_bytes(&mut out, &it.data);
            }
            Message::Inv(items) | Message::GetData(items) | Message::NotFound(items) => {
                write_compact_size(&mut out, items.len() as u64);
                for item in items {
                    out.extend_from_slice(&item.kind.to_le_bytes());
                    out.extend_from_slice(&item.hash);
                }
            }
            Message::GetHeaders(locator) => {
                out.extend_from_slice(&locator.protocol_version.to_le_bytes());
                write_compact_size(&mut out, locator.hashes.len() as u64);
                out.extend_from_slice(locator.hashes.as_flattened());
                out.extend_from_slice(&locator.stop);
            }
            Message::Headers(headers) => {
                write_compact_size(&mut out, headers.len() as u64);
                for header in headers {
                    out.extend_from_slice(header);
                    out.push(0); // Headers come as blocks without transactions.
                }
            }
            Message::Reject(it) => {
                write_var_bytes(&mut out, &it.message);
                out.push(it.code);
                write_var_bytes(&mut out, &it.reason);
                out.extend_from_slice(&it.extra);
            }
            Message::Alert(it) => {
                write_var_bytes(&mut out, &it.payload);
                write_var_bytes(&mut out, &it.signature);
            }
            Message::Other { payload, .. } => out.extend_from_slice(payload),
        }
        out
    }
}

fn decode_feature(reader: &mut Reader<'_>) -> Result<Feature, DecodeError> {
    let id = reader.var_bytes(*FEATURE_ID_LEN.end(), "the length of a feature's name")?;
    if id.len() < *FEATURE_ID_LEN.start() {
        return Err(DecodeError::EndsEarly {
            field: "a feature's name",
            wanted: *FEATURE_ID_LEN.start(),
            left: id.len(),
        });
    }
    Ok(Feature {
        id: id.to_vec(),
        data: reader
            .var_bytes(MAX_FEATURE_DATA, "the length of a feature's data")?
            .to_vec(),
    })
}

fn decode_inv(reader: &mut Reader<'_>) -> Result<Vec<InvItem>, DecodeError> {
    let count = reader.count(MAX_INV, "the count of items")?;
    let mut items = Vec::with_capacity(count.min(reader.len() / 36));
    for _ in 0..count {
        items.push(InvItem {
            kind: reader.u32("the kind of an item")?,
            hash: reader.array("the hash of an item")?,
        });
    }
    Ok(items)
}

fn decode_locator(reader: &mut Reader<'_>) -> Result<Locator, DecodeError> {
    let protocol_version = reader.u32("the protocol version")?;
    let count = reader.count(MAX_LOCATOR, "the count of hashes")?;
    let hashes = (0..count)
        .map(|_| reader.array("a hash"))
        .collect::<Result<_, _>>()?;
    Ok(Locator {
        protocol_version,
        hashes,
        stop: reader.array("the last hash")?,
    })
}

fn decode_headers(reader: &mut Reader<'_>) -> Result<Vec<[u8; 80]>, DecodeError> {
    let count = reader.count(MAX_HEADERS, "the count of headers")?;
    let mut headers = Vec::with_capacity(count.min(reader.len() / 81));
    for _ in 0..count {
        headers.push(reader.array("a header")?);
        reader.compact_size("the count of transactions")?;
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_ping_before_bip_31_has_no_nonce() {
        assert_eq!(Message::decode(command::PING, b""), Ok(Message::Ping(None)));
    }

    #[test]
    fn a_feature_with_a_short_name_is_refused() {
        let error = Message::decode(command::FEATURE, &[3, b'a', b'b', b'c', 0]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "it ends inside a feature's name, which takes 4 bytes where 3 are left"
        );
    }

    #[test]
    fn a_claimed_count_takes_no_memory_before_the_bytes_are_there() {
        // 50,000 items claimed in three bytes: the list may hold at most what was sent.
        let error = Message::decode(command::INV, &[0xfd, 0x50, 0xc3]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "it ends inside the kind of an item, which takes 4 bytes where 0 are left"
        );
    }

    proptest! {
        #[test]
        fn every_message_comes_back(message in any_message()) {
            let payload = message.encode();
            prop_assert_eq!(Message::decode(message.command(), &payload), Ok(message));
        }

        #[test]
        fn a_message_cut_anywhere_is_an_error_or_a_shorter_message(message in any_message()) {
            let payload = message.encode();
            for end in 0..payload.len() {
                if let Ok(shorter) = Message::decode(message.command(), &payload[..end]) {
                    prop_assert!(shorter.encode().len() <= end);
                }
            }
        }

        #[test]
        fn any_bytes_are_a_message_or_an_error(
            which in 0..command::COMMANDS.len(),
            payload in prop::collection::vec(any::<u8>(), 0..400),
        ) {
            let command = command::COMMANDS[which].command;
            if let Ok(message) = Message::decode(command, &payload) {
                let again = Message::decode(command, &message.encode());
                prop_assert_eq!(again, Ok(message));
            }
        }
    }

    fn any_message() -> impl Strategy<Value = Message> {
        let bytes = |max| prop::collection::vec(any::<u8>(), 0..max);
        let items = || {
            let item = any::<(u32, [u8; 32])>().prop_map(|(kind, hash)| InvItem { kind, hash });
            prop::collection::vec(item, 0..40)
        };
        let hash = any::<[u8; 32]>;
        let header =
            prop::collection::vec(any::<u8>(), 80).prop_map(|it| <[u8; 80]>::try_from(it).unwrap());
        prop_oneof![
            Just(Message::Verack),
            Just(Message::GetAddr),
            Just(Message::SendAddrV2),
            Just(Message::WtxidRelay),
            Just(Message::SendHeaders),
            any::<Option<u64>>().prop_map(Message::Ping),
            any::<u64>().prop_map(Message::Pong),
            any::<i64>().prop_map(Message::FeeFilter),
            any::<(u8, u64)>().prop_map(|(announce, version)| {
                Message::SendCmpct(SendCmpct { announce, version })
            }),
            (prop::collection::vec(any::<u8>(), 4..=80), bytes(512))
                .prop_map(|(id, data)| Message::Feature(Feature { id, data })),
            items().prop_map(Message::Inv),
            items().prop_map(Message::GetData),
            items().prop_map(Message::NotFound),
            (any::<u32>(), prop::collection::vec(hash(), 0..20), hash()).prop_map(
                |(protocol_version, hashes, stop)| Message::GetHeaders(Locator {
                    protocol_version,
                    hashes,
                    stop
                })
            ),
            prop::collection::vec(header, 0..5).prop_map(Message::Headers),
            (bytes(20), any::<u8>(), bytes(99), bytes(33)).prop_map(
                |(message, code, reason, extra)| Message::Reject(Reject {
                    message,
                    code,
                    reason,
                    extra
                })
            ),
            (bytes(99), bytes(99))
                .prop_map(|(payload, signature)| Message::Alert(Alert { payload, signature })),
            bytes(99).prop_map(|payload| Message::Other {
                command: Command::new("whatever"),
                payload
            }),
        ]
    }
}
