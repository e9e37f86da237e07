//! When nodes were up: one JSON object a line, one line a session ([`crate::sessions`]).
//!
//! `up_from` and `up_to` are the times of the first and the last visit that reached the node, RFC 3339 in UTC; `ended` is
//! the word for why it ended, an outcome or `unwatched`, and null while it goes on.

use std::io::{self, Write};

use proto::Chain;
use serde::Serialize;

use super::{ExportError, rfc3339};
use crate::sessions::{Ending, Session, read_sessions};
use crate::store::Store;

/// Writes the sessions of a chain from `since_us` on, as they are at `now_us`, and returns how many there are; both are
/// microseconds since 1970.
pub fn write_chain(
    store: &impl Store,
    chain: Chain,
    since_us: i64,
    now_us: i64,
    out: &mut impl Write,
) -> Result<u64, ExportError> {
    let mut n_lines = 0;
    read_sessions(store, chain, since_us, now_us, &mut |session| {
        n_lines += 1;
        write_session(&session, out)
    })?;
    out.flush()?;
    Ok(n_lines)
}

fn write_session(session: &Session, out: &mut impl Write) -> io::Result<()> {
    let line = Line {
        address: session.addr.to_string(),
        network: session.addr.network().name(),
        up_from: rfc3339(session.up_from_us),
        up_to: rfc3339(session.up_to_us),
        ended: session.ended.map(Ending::code),
    };
    serde_json::to_writer(&mut *out, &line)?;
    out.write_all(b"\n")
}

/// The keys, in the order in which they are written; a published key is never renamed.
#[derive(Serialize)]
struct Line {
    address: String,
    network: &'static str,
    up_from: Option<String>,
    up_to: Option<String>,
    ended: Option<&'static str>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{STARTED_AT_US, complete, failed};
    use crate::sqlite::SqliteStore;
    use crate::store::conformance::new_crawl;
    use proto::outcome::Outcome;

    #[test]
    fn a_session_is_a_line() {
        let dir = tempfile::TempDir::new().unwrap();
        let mut store = SqliteStore::open_for_crawl(&dir.path().join("a.db")).unwrap();
        let crawl = store.begin_crawl(&new_crawl(Chain::Mainnet)).unwrap();
        let up = |addr, s: i64| {
            let mut visit = complete(addr, b"/Satoshi:27.1.0/", 900_000);
            visit.call.started_at_us += s * 1_000_000;
            visit
        };
        let mut gone = failed("1.2.3.4:8333", Outcome::ConnectRefused);
        gone.call.started_at_us += 4_000_000;
        let visits = [
            up("[2a01::1]:8333", 0),
            up("1.2.3.4:8333", 1),
            up("1.2.3.4:8333", 3),
            gone,
        ];
        store.append_visits(crawl, &visits).unwrap();
        let sessions = |since_us, now_us| {
            let mut out = Vec::new();
            let n = write_chain(&store, Chain::Mainnet, since_us, now_us, &mut out).unwrap();
            let text = String::from_utf8(out).unwrap();
            assert_eq!(n, text.lines().count() as u64);
            text
        };
        let expected = r#"
{"address":"1.2.3.4:8333","network":"ipv4","up_from":"2026-11-01T00:00:01.100000Z","up_to":"2026-11-01T00:00:03.100000Z","ended":"connect_refused"}
{"address":"[2a01::1]:8333","network":"ipv6","up_from":"2026-11-01T00:00:00.100000Z","up_to":"2026-11-01T00:00:00.100000Z","ended":null}
"#;
        let end_us = STARTED_AT_US + 4_000_000;
        assert_eq!(sessions(0, end_us), expected[1..]);
        assert_eq!(sessions(end_us, end_us), "");
        let (_, going_on) = expected[1..].split_once('\n').unwrap();
        assert_eq!(sessions(0, STARTED_AT_US), going_on);
    }
}
