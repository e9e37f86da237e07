//! Bounds on what a peer may make us keep, each with its source.

/// The most payload bytes one v1 message may claim.
///
/// Bitcoin Core: `MAX_PROTOCOL_MESSAGE_LENGTH`.
pub const MAX_PAYLOAD: usize = 4_000_000;

/// The most payload bytes of one message that a census keeps; a longer one is checked as it flows past.
///
/// A full `addrv2` answer (1,000 entries of at most 50 bytes) fits with room for entries of unknown networks.
pub const MAX_KEPT_PAYLOAD: usize = 64 * 1024;

/// The most bytes that one packet of the v2 transport may hold: a payload that is kept, behind its name in the long form.
///
/// Bitcoin Core allows 4 MB (`MAX_CONTENTS_LEN`). But nothing in a packet can be trusted before all of it has come, so a
/// longer one would have to be held; a census asks for nothing that long, and leaves a peer that sends it unasked.
pub const MAX_V2_CONTENTS: usize = 13 + MAX_KEPT_PAYLOAD;

/// The most garbage that a peer may send before the v2 transport begins, in bytes (BIP 324).
pub const MAX_GARBAGE: usize = 4_095;

/// The most addresses one `addr` or `addrv2` message may hold.
///
/// BIP 155: longer `addrv2` messages SHOULD be rejected; Bitcoin Core (`MAX_ADDR_TO_SEND`) holds `addr` to the same.
pub const MAX_ADDRS: usize = 1_000;

/// The most claims of one peer that are kept.
///
/// Up to 0.20 Bitcoin Core answered `getaddr` with 2,500 addresses (`ADDRMAN_GETADDR_MAX`), since then with 1,000.
pub const MAX_CLAIMS: usize = 5_000;

/// The longest address of one `addrv2` entry, in bytes (BIP 155).
pub const MAX_ADDRV2_LEN: usize = 512;

/// The most entries of one `inv`, `getdata` or `notfound`.
///
/// Bitcoin Core: `MAX_INV_SZ`.
pub const MAX_INV: usize = 50_000;

/// The most headers of one `headers` message.
///
/// Bitcoin Core: `MAX_HEADERS_RESULTS`.
pub const MAX_HEADERS: usize = 2_000;

/// The most block hashes of one locator.
///
/// Bitcoin Core: `MAX_LOCATOR_SZ`.
pub const MAX_LOCATOR: usize = 101;

/// The longest user agent that Bitcoin Core accepts (`MAX_SUBVERSION_LENGTH`); longer ones are kept, and marked.
pub const MAX_USER_AGENT: usize = 256;

/// The longest text of a `reject` or `alert` field; both are obsolete, and nobody sends more.
pub const MAX_TEXT: usize = 64 * 1024;

/// The shortest and longest name of a BIP 434 feature, in bytes.
pub const FEATURE_ID_LEN: std::ops::RangeInclusive<usize> = 4..=80;

/// The longest data of a BIP 434 feature, in bytes.
pub const MAX_FEATURE_DATA: usize = 512;

/// How many `sendcmpct` versions, BIP 434 features and unknown commands of one peer are kept, each.
///
/// Real peers send one or two; the bound is for those who send thousands.
pub const MAX_FEATURES: usize = 16;

/// The most bytes that one visit reads; a peer that sends more is left.
///
/// A handshake takes about 1 kB and a full answer to `getaddr` 50 kB; the rest is room for chatty peers.
pub const MAX_BYTES_PER_VISIT: u64 = 8_000_000;

/// How many messages of one conversation are written down where a story of it was asked for.
pub const MAX_STORY: usize = 64;
