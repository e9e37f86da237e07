//! What is read of any payload, written and read again is the same, and takes no more memory than was sent.
#![no_main]

use libfuzzer_sys::fuzz_target;
use proto::command::COMMANDS;
use proto::features::Features;
use proto::limits::{MAX_ADDRS, MAX_HEADERS, MAX_INV};
use proto::{Command, Message, gossip};

fuzz_target!(|input: (u8, [u8; 12], &[u8])| {
    let (which, name, payload) = input;
    let command = match COMMANDS.get(usize::from(which)) {
        Some(known) => known.command,
        None => match Command::from_wire(name) {
            Some(unknown) => unknown,
            None => return,
        },
    };
    if let Ok(message) = Message::decode(command, payload) {
        let again = Message::decode(command, &message.encode());
        assert_eq!(again.as_ref(), Ok(&message));
        assert_eq!(message.command(), command);
        Features::default().note(&message);
        check_size(&message, payload.len());
    }
    if let Ok(entries) = gossip::decode_addr(payload, false) {
        let again = gossip::encode_addr(&entries);
        assert_eq!(again, payload[..again.len()]);
    }
});

/// The least bytes that an item takes on the wire bound how many there is memory for.
fn check_size(message: &Message, sent: usize) {
    let (n_items, capacity, limit, least) = match message {
        Message::Addr(it) => (it.len(), it.capacity(), MAX_ADDRS, 26),
        Message::AddrV2(it) => (it.len(), it.capacity(), MAX_ADDRS, 9),
        Message::Inv(it) | Message::GetData(it) | Message::NotFound(it) => {
            (it.len(), it.capacity(), MAX_INV, 36)
        }
        Message::Headers(it) => (it.len(), it.capacity(), MAX_HEADERS, 81),
        _ => return,
    };
    assert!(n_items <= limit && capacity <= limit && capacity <= sent / least);
}
