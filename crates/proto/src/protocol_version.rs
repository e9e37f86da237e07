//! Protocol versions, and what each changed.

/// One version from which on nodes behave differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProtocolVersion {
    /// The number in the `version` message.
    pub version: i32,
    /// The first release with it, and its month.
    pub first_release: &'static str,
    /// What changed.
    pub meaning: &'static str,
}

const fn since(
    version: i32,
    first_release: &'static str,
    meaning: &'static str,
) -> ProtocolVersion {
    ProtocolVersion {
        version,
        first_release,
        meaning,
    }
}

/// From here on `version` has the sender's address, a nonce and a user agent.
pub const HAS_USER_AGENT: i32 = 106;
/// From here on `version` has a start height, and is answered by `verack`.
pub const HAS_VERACK: i32 = 209;
/// The oldest version that today's nodes still talk to (Bitcoin Core: `MIN_PEER_PROTO_VERSION`).
pub const OLDEST_TALKED_TO: i32 = 31_800;
/// From here on entries of `addr` have a time (Bitcoin Core: `CADDR_TIME_VERSION`).
pub const ADDR_HAS_TIME: i32 = 31_402;
/// Above this one `ping` has a nonce and is answered by `pong` (Bitcoin Core: `BIP0031_VERSION`).
pub const PONG_ABOVE: i32 = 60_000;
/// From here on nodes negotiate before `verack`, by `wtxidrelay` and `sendaddrv2`.
pub const HAS_ADDRV2: i32 = 70_016;
/// The version that we announce: we understand BIP 434.
pub const OURS: i32 = 70_017;

/// The versions that mattered, oldest first.
pub const PROTOCOL_VERSIONS: &[ProtocolVersion] = &[
    since(
        101,
        "Bitcoin 0.1.0, January 2009",
        "the first; version has 46 bytes",
    ),
    since(
        HAS_USER_AGENT,
        "Bitcoin 0.1.6, 2009",
        "version has the sender's address, a nonce and a text",
    ),
    since(
        HAS_VERACK,
        "Bitcoin 0.2.9, May 2010",
        "version has a height, verack answers it; later messages have a checksum",
    ),
    since(
        31_402,
        "Bitcoin 0.3.15, November 2010",
        "addresses carry the time when they were last seen",
    ),
    since(
        31_800,
        "Bitcoin 0.3.18, December 2010",
        "getheaders; the least that Bitcoin Core still talks to",
    ),
    since(
        60_000,
        "Bitcoin 0.6.0, March 2012",
        "protocol and software version part ways (BIP 14)",
    ),
    since(
        60_001,
        "Bitcoin 0.6.1, May 2012",
        "ping has a nonce, pong answers it (BIP 31)",
    ),
    since(60_002, "Bitcoin 0.7.0, September 2012", "mempool (BIP 35)"),
    since(
        70_001,
        "Bitcoin 0.8.0, February 2013",
        "Bloom filters and the relay byte (BIP 37), notfound",
    ),
    since(70_002, "Bitcoin Core 0.9.0, March 2014", "reject (BIP 61)"),
    since(
        70_011,
        "Bitcoin Core 0.12.0, February 2016",
        "Bloom filters only with their service bit (BIP 111)",
    ),
    since(
        70_012,
        "Bitcoin Core 0.12.0, February 2016",
        "sendheaders (BIP 130)",
    ),
    since(
        70_013,
        "Bitcoin Core 0.13.0, August 2016",
        "feefilter (BIP 133)",
    ),
    since(
        70_014,
        "Bitcoin Core 0.13.0, August 2016",
        "compact blocks (BIP 152)",
    ),
    since(
        70_015,
        "Bitcoin Core 0.13.2, January 2017",
        "an invalid compact block is no reason for a ban",
    ),
    since(
        HAS_ADDRV2,
        "Bitcoin Core 0.21.0, January 2021",
        "wtxidrelay (BIP 339); addrv2 (BIP 155) came with it",
    ),
    since(70_017, "Bitcoin Core's master, 2026", "feature (BIP 434)"),
];

/// Returns what `version` brought, or the latest change before it; `None` before the first.
pub fn latest_change(version: i32) -> Option<&'static ProtocolVersion> {
    PROTOCOL_VERSIONS
        .iter()
        .rev()
        .find(|it| it.version <= version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_between_two_is_explained_by_the_earlier_one() {
        assert_eq!(latest_change(70_010).map(|it| it.version), Some(70_002));
        assert_eq!(latest_change(99_999).map(|it| it.version), Some(70_017));
        assert_eq!(latest_change(-1), None);
    }

    #[test]
    fn the_table_is_in_order() {
        assert!(PROTOCOL_VERSIONS.is_sorted_by(|a, b| a.version < b.version));
    }
}
