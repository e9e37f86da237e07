//! Visits and neighbours in the shape of nebula's files: one JSON object a line.
//!
//! Nebula gives every peer of every network a name, its `PeerID`. A Bitcoin node has none but its address, which stands there
//! as in our other exports; `Maddrs` has it in the form of libp2p. `Properties` are what nebula has no key for: keys of
//! [`super::ndjson`].

use std::io::{self, Write};
use std::time::Duration;

use proto::version::Version;
use proto::visit::Transport;
use proto::{Host, Outcome, PeerAddr, Visit};
use serde::Serialize;

use super::{ExportError, rfc3339};
use crate::store::{CrawlId, Edges, Store};

/// Writes what a crawl found as nebula's `_visits.ndjson`, and returns how many lines that took.
pub fn write_visits(
    store: &impl Store,
    crawl: CrawlId,
    out: &mut impl Write,
) -> Result<u64, ExportError> {
    let mut n_lines = 0;
    store.read_last_visits(crawl, &mut |visit| {
        if matches!(visit.call.outcome, Outcome::NotTried(_)) {
            return Ok(());
        }
        n_lines += 1;
        write_line(&VisitLine::new(&visit), out)
    })?;
    out.flush()?;
    Ok(n_lines)
}

/// Writes the claims of a crawl that kept them as nebula's `_neighbors.ndjson`, and returns how many lines that took.
pub fn write_neighbors(
    store: &impl Store,
    crawl: CrawlId,
    out: &mut impl Write,
) -> Result<u64, ExportError> {
    let mut n_lines = 0;
    store.read_edges(crawl, &mut |edges| {
        n_lines += 1;
        write_line(&NeighborsLine::new(&edges), out)
    })?;
    out.flush()?;
    Ok(n_lines)
}

fn write_line(line: &impl Serialize, out: &mut impl Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    out.write_all(b"\n")
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct VisitLine<'a> {
    #[serde(rename = "PeerID")]
    peer_id: String,
    maddrs: [String; 1],
    protocols: [&'a str; 0],
    agent_version: String,
    connect_duration: String,
    crawl_duration: String,
    visit_started_at: Option<String>,
    visit_ended_at: Option<String>,
    connect_error_str: &'static str,
    crawl_error_str: &'static str,
    properties: Properties<'a>,
}

#[derive(Serialize)]
struct Properties<'a> {
    outcome: &'static str,
    reason: Option<&'a str>,
    transport: Option<&'static str>,
    protocol_version: Option<i32>,
    services: Option<u64>,
    start_height: Option<i32>,
}

impl<'a> VisitLine<'a> {
    fn new(visit: &'a Visit) -> VisitLine<'a> {
        let call = &visit.call;
        let version: Option<&Version> = call.heard.version.as_deref();
        let took_us = i64::try_from(call.took.as_micros()).unwrap_or(i64::MAX);
        let error = net_error(call.outcome);
        let (connect_error_str, crawl_error_str) = match call.connect {
            Some(_) => ("", error),
            None => (error, error),
        };
        VisitLine {
            peer_id: visit.addr.to_string(),
            maddrs: [multiaddr(&visit.addr)],
            protocols: [],
            agent_version: version
                .and_then(Version::user_agent_lossy)
                .unwrap_or_default()
                .into_owned(),
            connect_duration: go_duration(call.connect.unwrap_or_default()),
            crawl_duration: go_duration(call.took),
            visit_started_at: rfc3339(call.started_at_us),
            visit_ended_at: rfc3339(call.started_at_us.saturating_add(took_us)),
            connect_error_str,
            crawl_error_str,
            properties: Properties {
                outcome: call.outcome.code(),
                reason: call.reason.as_deref(),
                transport: call.transport.map(Transport::name),
                protocol_version: version.map(|it| it.protocol_version),
                services: version.map(|it| it.services),
                start_height: version.and_then(|it| it.start_height),
            },
        }
    }
}

#[derive(Serialize)]
struct NeighborsLine {
    #[serde(rename = "PeerID")]
    peer_id: String,
    #[serde(rename = "NeighborIDs")]
    neighbor_ids: Vec<String>,
    #[serde(rename = "ErrorBits")]
    error_bits: &'static str,
}

impl NeighborsLine {
    fn new(edges: &Edges) -> NeighborsLine {
        NeighborsLine {
            peer_id: edges.from.to_string(),
            neighbor_ids: edges.claims.iter().map(|it| it.addr.to_string()).collect(),
            // One for each bucket that could not be asked for: a Bitcoin node has one, and it answered.
            error_bits: "0000000000000000",
        }
    }
}

/// Writes an address as libp2p has it: `/ip4/1.2.3.4/tcp/8333`, `/onion3/….:8333`, `/garlic32/…`.
fn multiaddr(addr: &PeerAddr) -> String {
    let PeerAddr { host, port } = addr;
    let name = host.to_string();
    let without = |end| name.strip_suffix(end).unwrap_or(&name);
    match host {
        Host::Ipv4(_) => format!("/ip4/{name}/tcp/{port}"),
        Host::Ipv6(_) | Host::Cjdns(_) => format!("/ip6/{name}/tcp/{port}"),
        Host::OnionV2(_) => format!("/onion/{}:{port}", without(".onion")),
        Host::Onion(_) => format!("/onion3/{}:{port}", without(".onion")),
        Host::I2p(_) => format!("/garlic32/{}", without(".b32.i2p")),
    }
}

/// Returns nebula's word for what went wrong (its `net_error`), `unknown` where it has none.
fn net_error(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Complete | Outcome::VersionOnly => "",
        Outcome::ConnectTimeout | Outcome::VersionTimeout => "io_timeout",
        Outcome::ConnectRefused => "connection_refused",
        Outcome::ConnectReset => "connection_reset_by_peer",
        Outcome::ConnectUnreachable => "network_unreachable",
        Outcome::ConnectOther
        | Outcome::ProxyError
        | Outcome::SamError
        | Outcome::ClosedBeforeVersion
        | Outcome::MalformedVersion
        | Outcome::WrongNetwork
        | Outcome::ProtocolViolation
        | Outcome::V2Failed
        | Outcome::SelfConnection
        | Outcome::NotTried(_) => "unknown",
    }
}

/// Writes a duration as Go does: `0s`, `20ms`, `60.5ms`, `1.5s`, `1m2s`.
fn go_duration(duration: Duration) -> String {
    let us = duration.as_micros();
    if us == 0 {
        return "0s".to_owned();
    }
    if us < 1_000 {
        return format!("{us}µs");
    }
    if us < 1_000_000 {
        return format!("{}ms", fraction(us, 1_000, 3));
    }
    let (minutes, us) = (us / 60_000_000, us % 60_000_000);
    let seconds = format!("{}s", fraction(us, 1_000_000, 6));
    match (minutes / 60, minutes % 60) {
        (0, 0) => seconds,
        (0, minutes) => format!("{minutes}m{seconds}"),
        (hours, minutes) => format!("{hours}h{minutes}m{seconds}"),
    }
}

/// Writes `us` in units of `unit`, with the digits of the fraction that say something.
fn fraction(us: u128, unit: u128, n_digits: usize) -> String {
    let text = format!("{}.{:0n_digits$}", us / unit, us % unit);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{ONION, complete, failed, not_tried, telling};
    use crate::sqlite::SqliteStore;
    use crate::store::Batch;
    use crate::store::conformance::new_crawl;
    use proto::gossip::Claim;

    #[test]
    fn a_visit_is_a_line() {
        let mut gone = failed("5.6.7.8:8333", Outcome::ConnectTimeout);
        gone.call.took = Duration::from_secs(5);
        let mut silent = failed("5.6.7.9:8333", Outcome::VersionTimeout);
        silent.call.connect = Some(Duration::from_micros(1));
        silent.call.reason = Some("no version".to_owned());
        let visits = [
            complete("[2a01::1]:8333", b"/\xffSat\"oshi/\n", 900_000),
            gone,
            silent,
            not_tried("1.2.3.4:8333"),
        ];
        let (found, _) = written(&visits);
        let expected = r#"
{"PeerID":"[2a01::1]:8333","Maddrs":["/ip6/2a01::1/tcp/8333"],"Protocols":[],"AgentVersion":"/�Sat\"oshi/\n","ConnectDuration":"20ms","CrawlDuration":"90ms","VisitStartedAt":"2026-11-01T00:00:00.100000Z","VisitEndedAt":"2026-11-01T00:00:00.190000Z","ConnectErrorStr":"","CrawlErrorStr":"","Properties":{"outcome":"complete","reason":null,"transport":"v1","protocol_version":70016,"services":3081,"start_height":900000}}
{"PeerID":"5.6.7.8:8333","Maddrs":["/ip4/5.6.7.8/tcp/8333"],"Protocols":[],"AgentVersion":"","ConnectDuration":"0s","CrawlDuration":"5s","VisitStartedAt":"2026-11-01T00:00:00.100000Z","VisitEndedAt":"2026-11-01T00:00:05.100000Z","ConnectErrorStr":"io_timeout","CrawlErrorStr":"io_timeout","Properties":{"outcome":"connect_timeout","reason":null,"transport":null,"protocol_version":null,"services":null,"start_height":null}}
{"PeerID":"5.6.7.9:8333","Maddrs":["/ip4/5.6.7.9/tcp/8333"],"Protocols":[],"AgentVersion":"","ConnectDuration":"1µs","CrawlDuration":"0s","VisitStartedAt":"2026-11-01T00:00:00.100000Z","VisitEndedAt":"2026-11-01T00:00:00.100000Z","ConnectErrorStr":"","CrawlErrorStr":"io_timeout","Properties":{"outcome":"version_timeout","reason":"no version","transport":null,"protocol_version":null,"services":null,"start_height":null}}
"#;
        assert_eq!(found, expected[1..]);
    }

    #[test]
    fn what_a_peer_told_is_a_line() {
        let claim = |addr| Claim {
            addr: PeerAddr::parse(addr, 0).unwrap(),
            time: None,
            services: 9,
        };
        let told = [claim(ONION), claim("[2a01::1]:8333")];
        let (_, neighbors) = written(&[telling("1.2.3.4:8333", &told)]);
        let expected = r#"
{"PeerID":"1.2.3.4:8333","NeighborIDs":["pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion:8333","[2a01::1]:8333"],"ErrorBits":"0000000000000000"}
"#;
        assert_eq!(neighbors, expected[1..]);
    }

    #[test]
    fn addresses_are_written_as_libp2p_writes_them() {
        let i2p = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.b32.i2p:0";
        let written = [
            "1.2.3.4:8333",
            "[fc00::1]:8333",
            "expyuzz4wqqyqhjn.onion:1",
            ONION,
            i2p,
        ]
        .map(|it| multiaddr(&PeerAddr::parse(it, 0).unwrap()));
        let expected = [
            "/ip4/1.2.3.4/tcp/8333",
            "/ip6/fc00::1/tcp/8333",
            "/onion/expyuzz4wqqyqhjn:1",
            "/onion3/pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd:8333",
            "/garlic32/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        ];
        assert_eq!(written, expected);
    }

    #[test]
    fn durations_are_written_as_go_writes_them() {
        let written = [
            0,
            999,
            1_000,
            60_500,
            1_000_000,
            1_500_000,
            60_000_000,
            3_661_000_001,
        ]
        .map(|us| go_duration(Duration::from_micros(us)));
        let expected = [
            "0s",
            "999µs",
            "1ms",
            "60.5ms",
            "1s",
            "1.5s",
            "1m0s",
            "1h1m1.000001s",
        ];
        assert_eq!(written, expected);
    }

    fn written(visits: &[Visit]) -> (String, String) {
        let dir = tempfile::TempDir::new().unwrap();
        let mut store = SqliteStore::open_for_crawl(&dir.path().join("a.db")).unwrap();
        let crawl = store
            .begin_crawl(&new_crawl(proto::Chain::Mainnet))
            .unwrap();
        let batch = Batch {
            visits,
            with_edges: true,
            ..Batch::default()
        };
        store.append(crawl, &batch).unwrap();
        let (mut found, mut neighbors) = (Vec::new(), Vec::new());
        let n_found = write_visits(&store, crawl, &mut found).unwrap();
        let n_neighbors = write_neighbors(&store, crawl, &mut neighbors).unwrap();
        let found = String::from_utf8(found).unwrap();
        let neighbors = String::from_utf8(neighbors).unwrap();
        let n_lines = |text: &str| text.lines().count() as u64;
        assert_eq!(
            (n_found, n_neighbors),
            (n_lines(&found), n_lines(&neighbors))
        );
        (found, neighbors)
    }
}
