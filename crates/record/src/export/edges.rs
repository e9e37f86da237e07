//! Who told whom: one JSON object a line, one line a claim.
//!
//! `from` is the peer that told it, `to` the address that it told, both written `host:port` with IPv6 in brackets. `time`
//! and `services` are what it claimed of that address: when it was seen, Unix seconds as sent, 0 where none was sent; and
//! its service bits, a whole number of up to 64 bits.

use std::io::{self, Write};

use proto::PeerAddr;
use proto::gossip::Claim;
use serde::Serialize;

use super::ExportError;
use crate::store::{CrawlId, Store};

/// Writes the claims of a crawl that kept them, and returns how many lines that took.
pub fn write_crawl(
    store: &impl Store,
    crawl: CrawlId,
    out: &mut impl Write,
) -> Result<u64, ExportError> {
    let mut n_lines = 0;
    store.read_edges(crawl, &mut |edges| {
        n_lines += edges.claims.len() as u64;
        let mut claims = edges.claims.iter();
        claims.try_for_each(|it| write_claim(&edges.from, it, out))
    })?;
    out.flush()?;
    Ok(n_lines)
}

fn write_claim(from: &PeerAddr, claim: &Claim, out: &mut impl Write) -> io::Result<()> {
    let line = Line {
        from: from.to_string(),
        to: claim.addr.to_string(),
        time: claim.time.unwrap_or(0),
        services: claim.services,
    };
    serde_json::to_writer(&mut *out, &line)?;
    out.write_all(b"\n")
}

/// The keys, in the order in which they are written; a published key is never renamed.
#[derive(Serialize)]
struct Line {
    from: String,
    to: String,
    time: u32,
    services: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{ONION, telling};
    use crate::sqlite::SqliteStore;
    use crate::store::Batch;
    use crate::store::conformance::{new_crawl, sample};

    #[test]
    fn every_claim_is_a_line() {
        let claim = |addr, time, services| Claim {
            addr: PeerAddr::parse(addr, 0).unwrap(),
            time,
            services,
        };
        let first = claim("[2a01::1]:8333", Some(u32::MAX), u64::MAX);
        let second = claim(ONION, None, 9);
        let visits = [
            telling("1.2.3.4:8333", &[first, second]),
            telling("1.2.3.5:8333", &[second]),
        ];
        check(
            &visits,
            r#"
{"from":"1.2.3.4:8333","to":"[2a01::1]:8333","time":4294967295,"services":18446744073709551615}
{"from":"1.2.3.4:8333","to":"pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion:8333","time":0,"services":9}
{"from":"1.2.3.5:8333","to":"pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion:8333","time":0,"services":9}
"#,
        );
        check(&sample(), "\n");
    }

    #[track_caller]
    fn check(visits: &[proto::Visit], expected: &str) {
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
        let mut out = Vec::new();
        let n_lines = write_crawl(&store, crawl, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text, expected[1..]);
        assert_eq!(n_lines, text.lines().count() as u64);
    }
}
