//! What a peer claims takes no memory; only what it sends does.
//!
//! Counting allocations takes `unsafe`, which is forbidden here: so these look at what is kept, and the fuzzers run with
//! `-malloc_limit_mb=1`, under which no claimed length may allocate a megabyte.

use proto::command::{ADDR, ADDRV2, ALERT, FEATURE, GETDATA, GETHEADERS, HEADERS, INV};
use proto::command::{NOTFOUND, REJECT};
use proto::gossip::{AddrEntry, AddrV2Entry};
use proto::limits::{MAX_ADDRS, MAX_HEADERS, MAX_INV};
use proto::message::InvItem;
use proto::wire::write_compact_size;
use proto::{Command, Message, Version};

#[test]
fn a_list_has_room_for_what_was_sent_and_no_more() {
    check_room(ADDR, &[7; 30], MAX_ADDRS);
    check_room(ADDRV2, &[0, 0, 0, 0, 0, 9, 0, 0, 0], MAX_ADDRS);
    check_room(INV, &[7; 36], MAX_INV);
    check_room(GETDATA, &[7; 36], MAX_INV);
    check_room(NOTFOUND, &[7; 36], MAX_INV);
    check_room(HEADERS, &[7; 81], MAX_HEADERS);
}

#[test]
fn a_claim_without_the_bytes_behind_it_is_an_error() {
    for claim in [1, 0xfc, 0xfd, 999, 0xffff, 0x1_0000, 0x200_0000, u64::MAX] {
        let mut count = Vec::new();
        write_compact_size(&mut count, claim);
        for command in [
            ADDR, ADDRV2, INV, GETDATA, NOTFOUND, HEADERS, ALERT, REJECT, FEATURE,
        ] {
            let read = Message::decode(command, &count);
            assert!(read.is_err(), "{command} of {claim}");
        }
        let locator = [&[0; 4], &count[..]].concat();
        assert!(Message::decode(GETHEADERS, &locator).is_err(), "{claim}");
        let user_agent = [&[0; 80], &count[..]].concat();
        assert!(Version::decode(&user_agent).is_err(), "{claim}");
    }
}

#[test]
fn an_item_in_memory_is_at_most_ten_times_what_it_takes_on_the_wire() {
    let sizes = [
        (size_of::<AddrEntry>(), 26),
        (size_of::<AddrV2Entry>(), 9),
        (size_of::<InvItem>(), 36),
        (size_of::<[u8; 80]>(), 81),
    ];
    assert!(
        sizes.iter().all(|(kept, sent)| kept <= &(10 * sent)),
        "{sizes:?}"
    );
}

/// Sends as many of `item` as are allowed and one fewer than are there, and then one too many.
#[track_caller]
fn check_room(command: Command, item: &[u8], limit: usize) {
    let sent = item.repeat(limit + 1);
    let decode = |claim: usize| {
        let mut payload = Vec::new();
        write_compact_size(&mut payload, claim as u64);
        payload.extend_from_slice(&sent);
        Message::decode(command, &payload)
    };
    for claim in [1, limit] {
        let room = decode(claim).map(|it| room(&it));
        assert_eq!(room, Ok((claim, claim)), "{command}");
    }
    assert!(decode(limit + 1).is_err(), "{command}");
}

/// Returns how many items a list has, and how many it has room for.
fn room(message: &Message) -> (usize, usize) {
    match message {
        Message::Addr(it) => (it.len(), it.capacity()),
        Message::AddrV2(it) => (it.len(), it.capacity()),
        Message::Inv(it) | Message::GetData(it) | Message::NotFound(it) => {
            (it.len(), it.capacity())
        }
        Message::Headers(it) => (it.len(), it.capacity()),
        other => panic!("{} is no list", other.command()),
    }
}
