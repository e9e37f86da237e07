//! One JSON object a line, one line an address: what its last visit found.
//!
//! Every object has every key, null where there is nothing. Texts that peers sent are JSON strings, with U+FFFD for what
//! is no UTF-8; `user_agent_hex` and `version_payload_hex` have the bytes. `services` and `nonce` are whole numbers of up
//! to 64 bits. `started_at` is RFC 3339 in UTC, and the keys that end in `_us` are microseconds since then. `addr_recv`
//! and `addr_from` are written like `address`; zeros are `[::]:0`, and 16 bytes that are no host, as in `fc00::/8`,
//! are written as the IPv6 address that they look like. `reason` says why, for people; for `not_tried` it is a fixed word.
//! `addresses_told` counts the entries that it told of other nodes, by network, those of which there are some: `{}` where
//! it was asked and told none. `dialect` is the manner in which we spoke, `old` or `old_no_checksum`; null for today's.
//! `tried` lists the transports that failed before `transport` came to be, in order. The keys from `country` on are of its
//! [`Place`], looked up and not seen; a call to a name (`hello`) has none of them.

use std::borrow::Cow;
use std::io::{self, Write};

use data_encoding::HEXLOWER;
use proto::features::Features;
use proto::gossip::ToldCounts;
use proto::version::Version;
use proto::visit::{Dialect, Transport};
use proto::{Call, Network, Visit};
use serde::Serialize;

use super::{ExportError, rfc3339};
use crate::places::{Atlas, Place};
use crate::store::{CrawlId, Store};

/// Writes a crawl, and returns how many lines that took; `atlas` says where its addresses are.
pub fn write_crawl(
    store: &impl Store,
    crawl: CrawlId,
    atlas: &dyn Atlas,
    out: &mut impl Write,
) -> Result<u64, ExportError> {
    let mut n_lines = 0;
    store.read_last_visits(crawl, &mut |visit| {
        n_lines += 1;
        write_visit(&visit, &atlas.place(&visit.addr), out)
    })?;
    out.flush()?;
    Ok(n_lines)
}

fn write_visit(visit: &Visit, place: &Place, out: &mut impl Write) -> io::Result<()> {
    write_line(&Line::of(&visit.addr.to_string(), visit, place), out)
}

/// Writes the line of a call to `address`, which may be a name.
pub fn write_call(
    address: &str,
    network: Network,
    dialect: Dialect,
    call: &Call,
    out: &mut impl Write,
) -> io::Result<()> {
    write_line(&Line::new(address, network, dialect, call, None), out)
}

fn write_line(line: &Line<'_>, out: &mut impl Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    out.write_all(b"\n")
}

/// The keys, in the order in which they are written; a published key is never renamed.
#[derive(Serialize)]
pub(super) struct Line<'a> {
    pub(super) address: &'a str,
    pub(super) network: &'static str,
    pub(super) outcome: &'static str,
    pub(super) reason: Option<&'a str>,
    pub(super) transport: Option<&'static str>,
    pub(super) dialect: Option<&'static str>,
    pub(super) protocol_version: Option<i32>,
    pub(super) services: Option<u64>,
    pub(super) user_agent: Option<Cow<'a, str>>,
    pub(super) user_agent_hex: Option<String>,
    pub(super) start_height: Option<i32>,
    pub(super) relay: Option<u8>,
    pub(super) timestamp: Option<i64>,
    pub(super) nonce: Option<u64>,
    pub(super) addr_recv: Option<String>,
    pub(super) addr_from: Option<String>,
    pub(super) version_payload_hex: Option<String>,
    pub(super) started_at: Option<String>,
    pub(super) connect_us: Option<u128>,
    pub(super) version_us: Option<u128>,
    pub(super) verack_us: Option<u128>,
    pub(super) addrs_us: Option<u128>,
    pub(super) took_us: u128,
    pub(super) addresses_told: Option<&'a ToldCounts>,
    pub(super) features: Option<&'a Features>,
    pub(super) tried: Vec<&'static str>,
    pub(super) bytes_in: u64,
    pub(super) bytes_out: u64,
    #[serde(flatten)]
    pub(super) place: Option<&'a Place>,
}

impl<'a> Line<'a> {
    /// Says what a visit to `address` found.
    pub(super) fn of(address: &'a str, visit: &'a Visit, place: &'a Place) -> Line<'a> {
        let network = visit.addr.network();
        Line::new(address, network, visit.dialect, &visit.call, Some(place))
    }

    fn new(
        address: &'a str,
        network: Network,
        dialect: Dialect,
        call: &'a Call,
        place: Option<&'a Place>,
    ) -> Line<'a> {
        let heard = &call.heard;
        let version: Option<&'a Version> = heard.version.as_deref();
        let payload = heard.version_payload.as_deref();
        let was_heard = payload.is_some() || heard.features != Features::default();
        Line {
            address,
            network: network.name(),
            outcome: call.outcome.code(),
            reason: call.reason.as_deref(),
            transport: call.transport.map(Transport::name),
            dialect: (dialect != Dialect::Modern).then(|| dialect.name()),
            protocol_version: version.map(|it| it.protocol_version),
            services: version.map(|it| it.services),
            user_agent: version.and_then(Version::user_agent_lossy),
            user_agent_hex: version.and_then(|it| Some(HEXLOWER.encode(it.user_agent.as_ref()?))),
            start_height: version.and_then(|it| it.start_height),
            relay: version.and_then(|it| it.relay),
            timestamp: version.map(|it| it.timestamp),
            nonce: version.and_then(|it| it.nonce),
            addr_recv: version.map(|it| it.addr_recv.to_string()),
            addr_from: version.and_then(|it| Some(it.addr_from?.to_string())),
            version_payload_hex: payload.map(|it| HEXLOWER.encode(it)),
            started_at: rfc3339(call.started_at_us),
            connect_us: call.connect.map(|it| it.as_micros()),
            version_us: heard.version_at.map(|it| it.as_micros()),
            verack_us: heard.verack_at.map(|it| it.as_micros()),
            addrs_us: heard.answered_at.map(|it| it.as_micros()),
            took_us: call.took.as_micros(),
            addresses_told: heard.gossip.as_ref().map(|it| &it.told),
            features: was_heard.then_some(&heard.features),
            tried: call.tried.iter().map(|it| it.name()).collect(),
            bytes_in: heard.bytes_in,
            bytes_out: heard.bytes_out,
            place,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{Berlin, complete, not_tried};
    use crate::sqlite::SqliteStore;
    use crate::store::conformance::{new_crawl, sample};
    use proto::gossip::Gossip;
    use proto::outcome::Outcome;
    use proto::version::NetAddr;

    #[test]
    fn a_node_is_one_line_with_everything_it_said() {
        check(
            &complete("[2a01::1]:8333", b"/\xffSat\"oshi/\n", 900_000),
            r#"{
  "address": "[2a01::1]:8333",
  "network": "ipv6",
  "outcome": "complete",
  "reason": null,
  "transport": "v1",
  "dialect": null,
  "protocol_version": 70016,
  "services": 3081,
  "user_agent": "/�Sat\"oshi/\n",
  "user_agent_hex": "2fff536174226f7368692f0a",
  "start_height": 900000,
  "relay": 1,
  "timestamp": 1793491199,
  "nonce": 18446744073709551615,
  "addr_recv": "192.0.2.1:8333",
  "addr_from": "[::]:0",
  "version_payload_hex": "80110100090c000000000000ff80e66a00000000000000000000000000000000000000000000ffffc0000201208d0000000000000000000000000000000000000000000000000000ffffffffffffffff0c2fff536174226f7368692f0aa0bb0d0001",
  "started_at": "2026-11-01T00:00:00.100000Z",
  "connect_us": 20000,
  "version_us": 60000,
  "verack_us": 61000,
  "addrs_us": 90000,
  "took_us": 90000,
  "addresses_told": null,
  "features": {
    "sendaddrv2": true,
    "feefilter": 1000
  },
  "tried": [
    "v2"
  ],
  "bytes_in": 300,
  "bytes_out": 200,
  "country": "DE",
  "asn": 24940,
  "organisation": null,
  "city": null,
  "latitude": 52.5,
  "longitude": null,
  "timezone": null,
  "hostname": null
}"#,
        );
    }

    #[test]
    fn what_is_not_there_is_null() {
        check(
            &not_tried("1.2.3.4:8333"),
            r#"{
  "address": "1.2.3.4:8333",
  "network": "ipv4",
  "outcome": "not_tried",
  "reason": "network_off",
  "transport": null,
  "dialect": null,
  "protocol_version": null,
  "services": null,
  "user_agent": null,
  "user_agent_hex": null,
  "start_height": null,
  "relay": null,
  "timestamp": null,
  "nonce": null,
  "addr_recv": null,
  "addr_from": null,
  "version_payload_hex": null,
  "started_at": "2026-11-01T00:00:00.100000Z",
  "connect_us": null,
  "version_us": null,
  "verack_us": null,
  "addrs_us": null,
  "took_us": 0,
  "addresses_told": null,
  "features": null,
  "tried": [],
  "bytes_in": 0,
  "bytes_out": 0,
  "country": "DE",
  "asn": 24940,
  "organisation": null,
  "city": null,
  "latitude": 52.5,
  "longitude": null,
  "timezone": null,
  "hostname": null
}"#,
        );
    }

    #[test]
    fn what_was_told_is_counted_where_it_was_asked_for() {
        let mut visit = complete("1.2.3.4:8333", b"//", 0);
        visit.call.heard.gossip = Some(Gossip::default());
        assert!(line(&visit).contains(r#""addresses_told":{},"#));
        let told = ToldCounts {
            ipv4: 990,
            onion_v2: 1,
            ..ToldCounts::default()
        };
        visit.call.heard.gossip.as_mut().unwrap().told = told;
        assert!(line(&visit).contains(r#""addresses_told":{"ipv4":990,"onion_v2":1},"#));
    }

    #[test]
    fn an_old_manner_is_named() {
        let mut visit = complete("1.2.3.4:8333", b"//", 0);
        visit.dialect = Dialect::OldNoChecksum;
        assert!(line(&visit).contains(r#","dialect":"old_no_checksum","#));
    }

    #[test]
    fn a_version_that_can_not_be_read_is_there_as_bytes() {
        let mut visit = complete("1.2.3.4:8333", b"//", 0);
        visit.call.outcome = Outcome::MalformedVersion;
        visit.call.heard.version = None;
        visit.call.heard.version_payload = Some(vec![1, 2, 3]);
        let line: serde_json::Value = serde_json::from_str(&line(&visit)).unwrap();
        assert_eq!(line["version_payload_hex"], "010203");
        assert_eq!(line["user_agent"], serde_json::Value::Null);
    }

    #[test]
    fn the_largest_numbers_are_whole() {
        let mut visit = complete("1.2.3.4:8333", b"", -1);
        let version = visit.call.heard.version.as_mut().unwrap();
        version.services = u64::MAX;
        version.addr_from = Some(NetAddr {
            services: 0,
            ip: [0xfc; 16],
            port: 1,
        });
        let line = line(&visit);
        assert!(line.contains(r#""services":18446744073709551615,"user_agent":"","user_agent_hex":"","start_height":-1,"#));
        let cjdns = "[fcfc:fcfc:fcfc:fcfc:fcfc:fcfc:fcfc:fcfc]:1";
        assert!(line.contains(&format!(r#""addr_from":"{cjdns}""#)));
    }

    #[test]
    fn the_last_visit_of_an_address_is_its_line() {
        let dir = tempfile::TempDir::new().unwrap();
        let mut store = SqliteStore::open_for_crawl(&dir.path().join("a.db")).unwrap();
        let crawl = store
            .begin_crawl(&new_crawl(proto::Chain::Mainnet))
            .unwrap();
        store.append_visits(crawl, &sample()).unwrap();

        let mut out = Vec::new();
        assert_eq!(write_crawl(&store, crawl, &Berlin, &mut out).unwrap(), 3);
        let expected: String = sample()[1..].iter().map(line).collect();
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn a_closed_pipe_ends_the_export() {
        let dir = tempfile::TempDir::new().unwrap();
        let mut store = SqliteStore::open_for_crawl(&dir.path().join("a.db")).unwrap();
        let crawl = store
            .begin_crawl(&new_crawl(proto::Chain::Mainnet))
            .unwrap();
        store.append_visits(crawl, &sample()).unwrap();
        let error = write_crawl(&store, crawl, &Berlin, &mut &mut [0; 10][..]).unwrap_err();
        assert_eq!(error.to_string(), "the export could not be written");
    }

    fn line(visit: &Visit) -> String {
        let mut out = Vec::new();
        write_visit(visit, &Berlin.place(&visit.addr), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    /// Compares the line, laid out for reading.
    #[track_caller]
    fn check(visit: &Visit, expected: &str) {
        let line: serde_json::Value = serde_json::from_str(&line(visit)).unwrap();
        assert_eq!(serde_json::to_string_pretty(&line).unwrap(), expected);
    }
}
