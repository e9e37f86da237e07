//! Our codec against the `bitcoin` crate's, in both directions, for everything that the stricter one understands.
//!
//! Out of its reach are absent fields and text that is no UTF-8 in `version`, a `ping` without a nonce, a fee rate below
//! zero or above all money, an announce byte above 1 in `sendcmpct`, unknown codes in `reject`, an `addr` without times
//! and broken entries in `addrv2`: the tests beside the codec have those.

use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};

use bitcoin::block::Header;
use bitcoin::consensus::encode::{deserialize, serialize};
use bitcoin::hashes::{Hash, sha256d};
use bitcoin::p2p::address::{AddrV2, AddrV2Message, Address};
use bitcoin::p2p::message::{CommandString, NetworkMessage, RawNetworkMessage};
use bitcoin::p2p::message_blockdata::{GetHeadersMessage, Inventory};
use bitcoin::p2p::message_compact_blocks;
use bitcoin::p2p::message_network::{self, RejectReason, VersionMessage};
use bitcoin::p2p::{Magic, ServiceFlags};
use bitcoin::{BlockHash, Txid, Wtxid};
use proptest::prelude::*;
use proto::framing::v1::{self, HeaderForm};
use proto::gossip::{AddrEntry, AddrV2Entry, OddHost};
use proto::message::{InvItem, Locator, Reject, SendCmpct};
use proto::version::NetAddr;
use proto::{Chain, Command, Host, Message, Version};

proptest! {
    #[test]
    fn both_write_the_same_bytes_and_read_each_others(
        message in any_message(),
        chain in prop::sample::select(&Chain::ALL[..]),
    ) {
        let magic = chain.magic();
        let ours = v1::encode(magic, HeaderForm::WithChecksum, message.command(), &message.encode());
        let theirs = RawNetworkMessage::new(Magic::from_bytes(magic), as_theirs(&message));
        prop_assert_eq!(&ours, &serialize(&theirs));
        prop_assert_eq!(read_ours(&ours, magic), Some(message));
        prop_assert_eq!(deserialize::<RawNetworkMessage>(&ours).ok(), Some(theirs));
    }

    #[test]
    fn what_the_stricter_one_reads_we_read_and_write_to_the_same_bytes(
        message in any_message(),
        changes in prop::collection::vec(any::<(prop::sample::Index, u8)>(), 0..4),
        end in any::<prop::sample::Index>(),
    ) {
        let mut payload = message.encode();
        for (at, byte) in changes {
            if !payload.is_empty() {
                let at = at.index(payload.len());
                payload[at] = byte;
            }
        }
        if end.index(4) == 0 {
            payload.truncate(end.index(payload.len() + 1));
        }
        let magic = Chain::Mainnet.magic();
        let frame = v1::encode(magic, HeaderForm::WithChecksum, message.command(), &payload);
        if deserialize::<RawNetworkMessage>(&frame).is_ok() {
            let read = read_ours(&frame, magic);
            prop_assert_eq!(read.map(|it| it.encode()), Some(payload));
        }
    }
}

fn read_ours(bytes: &[u8], magic: [u8; 4]) -> Option<Message> {
    let mut decoder = v1::Decoder::new(magic, HeaderForm::WithChecksum, bytes.len());
    decoder.feed(bytes);
    let frame = decoder.next_frame().ok()??;
    Message::decode(frame.command, frame.payload?).ok()
}

/// Says the same in the words of the other crate.
fn as_theirs(message: &Message) -> NetworkMessage {
    match message {
        Message::Version(version) => NetworkMessage::Version(version_as_theirs(version)),
        Message::Verack => NetworkMessage::Verack,
        Message::Ping(nonce) => NetworkMessage::Ping(nonce.expect("only pings with a nonce")),
        Message::Pong(nonce) => NetworkMessage::Pong(*nonce),
        Message::GetAddr => NetworkMessage::GetAddr,
        Message::Addr(entries) => {
            NetworkMessage::Addr(entries.iter().map(addr_as_theirs).collect())
        }
        Message::SendAddrV2 => NetworkMessage::SendAddrV2,
        Message::AddrV2(entries) => {
            NetworkMessage::AddrV2(entries.iter().map(addrv2_as_theirs).collect())
        }
        Message::WtxidRelay => NetworkMessage::WtxidRelay,
        Message::SendHeaders => NetworkMessage::SendHeaders,
        Message::SendCmpct(it) => NetworkMessage::SendCmpct(message_compact_blocks::SendCmpct {
            send_compact: it.announce == 1,
            version: it.version,
        }),
        Message::FeeFilter(rate) => NetworkMessage::FeeFilter(*rate),
        Message::Inv(items) => NetworkMessage::Inv(items.iter().map(item_as_theirs).collect()),
        Message::GetData(items) => {
            NetworkMessage::GetData(items.iter().map(item_as_theirs).collect())
        }
        Message::NotFound(items) => {
            NetworkMessage::NotFound(items.iter().map(item_as_theirs).collect())
        }
        Message::GetHeaders(locator) => NetworkMessage::GetHeaders(GetHeadersMessage {
            version: locator.protocol_version,
            locator_hashes: locator.hashes.iter().map(|it| block_hash(*it)).collect(),
            stop_hash: block_hash(locator.stop),
        }),
        Message::Headers(headers) => {
            let header = |it: &[u8; 80]| deserialize::<Header>(it).expect("any 80 bytes are one");
            NetworkMessage::Headers(headers.iter().map(header).collect())
        }
        Message::Reject(reject) => NetworkMessage::Reject(reject_as_theirs(reject)),
        Message::Other { command, payload } => NetworkMessage::Unknown {
            command: CommandString::try_from(command.name().to_owned()).expect("a short name"),
            payload: payload.clone(),
        },
        Message::Feature(_) | Message::Alert(_) => {
            unreachable!("the other crate does not look into feature and alert")
        }
    }
}

fn version_as_theirs(version: &Version) -> VersionMessage {
    let user_agent = version.user_agent.clone().expect("every field is there");
    VersionMessage {
        version: version.protocol_version.cast_unsigned(),
        services: ServiceFlags::from(version.services),
        timestamp: version.timestamp,
        receiver: net_addr_as_theirs(&version.addr_recv),
        sender: net_addr_as_theirs(&version.addr_from.expect("every field is there")),
        nonce: version.nonce.expect("every field is there"),
        user_agent: String::from_utf8(user_agent).expect("it was made from text"),
        start_height: version.start_height.expect("every field is there"),
        relay: version.relay == Some(1),
    }
}

fn net_addr_as_theirs(addr: &NetAddr) -> Address {
    Address {
        services: ServiceFlags::from(addr.services),
        address: Ipv6Addr::from(addr.ip).segments(),
        port: addr.port,
    }
}

fn addr_as_theirs(entry: &AddrEntry) -> (u32, Address) {
    let address = Address {
        services: ServiceFlags::from(entry.services),
        address: Ipv6Addr::from(entry.ip).segments(),
        port: entry.port,
    };
    (entry.time.expect("only entries with a time"), address)
}

fn addrv2_as_theirs(entry: &AddrV2Entry) -> AddrV2Message {
    let addr = match &entry.host {
        Ok(Host::Ipv4(ip)) => AddrV2::Ipv4(Ipv4Addr::from(*ip)),
        Ok(Host::Ipv6(ip)) => AddrV2::Ipv6(Ipv6Addr::from(*ip)),
        Ok(Host::OnionV2(name)) => AddrV2::TorV2(*name),
        Ok(Host::Onion(key)) => AddrV2::TorV3(*key),
        Ok(Host::I2p(hash)) => AddrV2::I2p(*hash),
        Ok(Host::Cjdns(ip)) => AddrV2::Cjdns(Ipv6Addr::from(*ip)),
        Err(odd) => AddrV2::Unknown(odd.network_id, odd.bytes.clone()),
    };
    AddrV2Message {
        time: entry.time,
        services: ServiceFlags::from(entry.services),
        addr,
        port: entry.port,
    }
}

fn item_as_theirs(item: &InvItem) -> Inventory {
    let hash = sha256d::Hash::from_byte_array(item.hash);
    match item.kind {
        1 => Inventory::Transaction(Txid::from_raw_hash(hash)),
        2 => Inventory::Block(BlockHash::from_raw_hash(hash)),
        4 => Inventory::CompactBlock(BlockHash::from_raw_hash(hash)),
        5 => Inventory::WTx(Wtxid::from_raw_hash(hash)),
        0x4000_0001 => Inventory::WitnessTransaction(Txid::from_raw_hash(hash)),
        0x4000_0002 => Inventory::WitnessBlock(BlockHash::from_raw_hash(hash)),
        inv_type => Inventory::Unknown {
            inv_type,
            hash: item.hash,
        },
    }
}

fn reject_as_theirs(reject: &Reject) -> message_network::Reject {
    let text = |bytes: &[u8]| -> Cow<'static, str> {
        Cow::Owned(String::from_utf8(bytes.to_vec()).expect("it was made from text"))
    };
    let (_, code) = REJECT_CODES
        .into_iter()
        .find(|(code, _)| *code == reject.code)
        .expect("it was made from this table");
    message_network::Reject {
        message: text(&reject.message),
        ccode: code,
        reason: text(&reject.reason),
        hash: sha256d::Hash::from_slice(&reject.extra).expect("it was made with 32 bytes"),
    }
}

const REJECT_CODES: [(u8, RejectReason); 8] = [
    (0x01, RejectReason::Malformed),
    (0x10, RejectReason::Invalid),
    (0x11, RejectReason::Obsolete),
    (0x12, RejectReason::Duplicate),
    (0x40, RejectReason::NonStandard),
    (0x41, RejectReason::Dust),
    (0x42, RejectReason::Fee),
    (0x43, RejectReason::Checkpoint),
];

fn block_hash(bytes: [u8; 32]) -> BlockHash {
    BlockHash::from_byte_array(bytes)
}

/// Any message that both crates can say.
fn any_message() -> impl Strategy<Value = Message> {
    let simple = prop::sample::select(vec![
        Message::Verack,
        Message::GetAddr,
        Message::SendAddrV2,
        Message::WtxidRelay,
        Message::SendHeaders,
    ]);
    let many = 0..30;
    prop_oneof![
        simple,
        any_version().prop_map(|it| Message::Version(Box::new(it))),
        any::<u64>().prop_map(|nonce| Message::Ping(Some(nonce))),
        any::<u64>().prop_map(Message::Pong),
        prop::collection::vec(any_addr(), many.clone()).prop_map(Message::Addr),
        prop::collection::vec(any_addrv2(), many.clone()).prop_map(Message::AddrV2),
        (0u8..=1, any::<u64>()).prop_map(|(announce, version)| {
            Message::SendCmpct(SendCmpct { announce, version })
        }),
        (0i64..=2_100_000_000_000_000).prop_map(Message::FeeFilter),
        prop::collection::vec(any_item(), many.clone()).prop_map(Message::Inv),
        prop::collection::vec(any_item(), many.clone()).prop_map(Message::GetData),
        prop::collection::vec(any_item(), many).prop_map(Message::NotFound),
        any_locator().prop_map(Message::GetHeaders),
        prop::collection::vec(any_header(), 0..5).prop_map(Message::Headers),
        any_reject().prop_map(Message::Reject),
        prop::collection::vec(any::<u8>(), 0..99).prop_map(|payload| Message::Other {
            command: Command::new("whatever"),
            payload,
        }),
    ]
}

prop_compose! {
    fn any_version()(
        (protocol_version, services, timestamp, nonce) in any::<(i32, u64, i64, u64)>(),
        addr_recv in any_net_addr(),
        addr_from in any_net_addr(),
        user_agent in "\\PC{0,300}",
        start_height: i32,
        relay in 0u8..=1,
    ) -> Version {
        Version {
            protocol_version,
            services,
            timestamp,
            addr_recv,
            addr_from: Some(addr_from),
            nonce: Some(nonce),
            user_agent: Some(user_agent.into_bytes()),
            start_height: Some(start_height),
            relay: Some(relay),
            trailing: Vec::new(),
        }
    }
}

prop_compose! {
    fn any_net_addr()((services, ip, port) in any::<(u64, [u8; 16], u16)>()) -> NetAddr {
        NetAddr { services, ip, port }
    }
}

prop_compose! {
    fn any_addr()((time, services, ip, port) in any::<(u32, u64, [u8; 16], u16)>()) -> AddrEntry {
        AddrEntry { time: Some(time), services, ip, port }
    }
}

prop_compose! {
    fn any_addrv2()(
        (time, services, port) in any::<(u32, u64, u16)>(),
        host in any_host(),
    ) -> AddrV2Entry {
        AddrV2Entry { time, services, host, port }
    }
}

/// Hosts of the five networks, Tor v2 too, and networks that nobody knows yet.
fn any_host() -> impl Strategy<Value = Result<Host, OddHost>> {
    let ipv6 = any::<[u8; 16]>().prop_map(|mut ip| {
        ip[0] = ip[0] & 0x1f | 0x20; // As given out by IANA: `2000::/3`.
        Ok(Host::Ipv6(ip))
    });
    let cjdns = any::<[u8; 16]>().prop_map(|mut ip| {
        ip[0] = 0xfc;
        Ok(Host::Cjdns(ip))
    });
    let unknown = (7u8.., prop::collection::vec(any::<u8>(), 0..=512)).prop_map(odd);
    prop_oneof![
        any::<[u8; 4]>().prop_map(|ip| Ok(Host::Ipv4(ip))),
        ipv6,
        any::<[u8; 10]>().prop_map(|name| Ok(Host::OnionV2(name))),
        any::<[u8; 32]>().prop_map(|key| Ok(Host::Onion(key))),
        any::<[u8; 32]>().prop_map(|hash| Ok(Host::I2p(hash))),
        cjdns,
        unknown,
    ]
}

fn odd((network_id, bytes): (u8, Vec<u8>)) -> Result<Host, OddHost> {
    let why = Host::from_bip155(network_id, &bytes).expect_err("it is none of our networks");
    Err(OddHost {
        network_id,
        bytes,
        why,
    })
}

prop_compose! {
    fn any_item()(
        kind in prop_oneof![
            prop::sample::select(&[0u32, 1, 2, 3, 4, 5, 0x4000_0001, 0x4000_0002][..]),
            any::<u32>(),
        ],
        hash: [u8; 32],
    ) -> InvItem {
        InvItem { kind, hash }
    }
}

prop_compose! {
    fn any_locator()(
        protocol_version: u32,
        hashes in prop::collection::vec(any::<[u8; 32]>(), 0..=101),
        stop: [u8; 32],
    ) -> Locator {
        Locator { protocol_version, hashes, stop }
    }
}

fn any_header() -> impl Strategy<Value = [u8; 80]> {
    any::<([u8; 32], [u8; 32], [u8; 16])>().prop_map(|(a, b, c)| {
        let mut header = [0; 80];
        header[..32].copy_from_slice(&a);
        header[32..64].copy_from_slice(&b);
        header[64..].copy_from_slice(&c);
        header
    })
}

prop_compose! {
    fn any_reject()(
        message in "[a-z]{0,12}",
        (code, _) in prop::sample::select(&REJECT_CODES[..]),
        reason in "\\PC{0,111}",
        hash: [u8; 32],
    ) -> Reject {
        Reject {
            message: message.into_bytes(),
            code,
            reason: reason.into_bytes(),
            extra: hash.to_vec(),
        }
    }
}
