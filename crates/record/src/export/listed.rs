//! Visits in the words of node lists, for the forms of other programs ([`listing::write`]).
//!
//! As bitnodes has it, Tor is an autonomous system of its own, `TOR`, at latitude and longitude 0. A census does not stay
//! connected, so *connected since* is when the node was called.

use std::borrow::Cow;
use std::io::Write;
use std::time::Duration;

use listing::write::{Form, ListWriter};
use listing::{Listed, ListedNode, Uptime};
use proto::version::Version;
use proto::{Network, Outcome, PeerAddr, Visit};

use super::ExportError;
use crate::places::{Atlas, Place};
use crate::store::{CrawlId, Store};

/// What earlier visits say of a node, as seeders reckon it; whatever nobody reckoned is absent.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Reckoned {
    /// How much of the time it was up.
    pub uptime: Option<Uptime>,
    /// Whether a seeder would name it to others.
    pub is_good: Option<bool>,
}

/// Writes a crawl in the form of another program, and returns how many rows that took.
///
/// `reckon` says what earlier visits say of the node of a visit; `is_harmless` is that of [`ListWriter::new`].
pub fn write_crawl(
    store: &impl Store,
    crawl: CrawlId,
    form: Form,
    is_harmless: bool,
    atlas: &dyn Atlas,
    reckon: &dyn Fn(&Visit) -> Reckoned,
    out: &mut impl Write,
) -> Result<u64, ExportError> {
    let mut list = ListWriter::new(form, is_harmless, out)?;
    store.read_last_visits(crawl, &mut |visit| {
        if !was_called(&visit) || !(visit.call.outcome.is_reachable() || form.has_unreached()) {
            return Ok(());
        }
        let said = listed(&visit, atlas.place(&visit.addr), reckon(&visit));
        let said = Some(Box::new(said));
        list.add(&ListedNode {
            addr: visit.addr,
            said,
        })
    })?;
    Ok(list.finish()?)
}

/// Whether the call came as far as to the node: our own ways' troubles say nothing of it.
fn was_called(visit: &Visit) -> bool {
    !matches!(
        visit.call.outcome,
        Outcome::NotTried(_) | Outcome::ProxyError | Outcome::SamError
    )
}

/// Says what a visit found in the words of lists.
pub fn listed(visit: &Visit, place: Place, reckoned: Reckoned) -> Listed {
    let call = &visit.call;
    let heard = &call.heard;
    let micros = |it: Duration| u64::try_from(it.as_micros()).unwrap_or(u64::MAX);
    let called_at = call.started_at_us.div_euclid(1_000_000);
    let version = heard.version.as_deref();
    let user_agent = version.and_then(Version::user_agent_lossy);
    let listed = Listed {
        protocol_version: version.map(|it| it.protocol_version.into()),
        user_agent: user_agent.map(Cow::into_owned),
        connected_since: Some(called_at),
        services: version.map(|it| it.services),
        height: version.and_then(|it| it.start_height).map(i64::from),
        seen_at: Some(called_at),
        is_up: Some(call.outcome.is_reachable()),
        is_good: reckoned.is_good,
        uptime: reckoned.uptime,
        relay: version.and_then(|it| it.relay),
        timestamp: version.map(|it| it.timestamp),
        nonce: version.and_then(|it| it.nonce),
        addr_from: version.and_then(|it| {
            let addr = it.addr_from?;
            Some(PeerAddr::new(addr.host().ok()?, addr.port))
        }),
        connect_us: call.connect.map(micros),
        handshake_us: heard.verack_at.map(micros),
        attempts: Some(visit.attempt),
        told: heard.gossip.as_ref().map(|it| it.told),
        ..Listed::default()
    };
    with_place(listed, visit.addr.network(), place)
}

fn with_place(listed: Listed, network: Network, place: Place) -> Listed {
    match network {
        Network::Onion => Listed {
            latitude: Some(0.0),
            longitude: Some(0.0),
            asn: Some("TOR".to_owned()),
            organisation: Some("Tor network".to_owned()),
            ..listed
        },
        Network::Ipv4 | Network::Ipv6 | Network::I2p | Network::Cjdns => Listed {
            hostname: place.hostname,
            city: place.city,
            country: place.country,
            latitude: place.latitude,
            longitude: place.longitude,
            timezone: place.timezone,
            asn: place.asn.map(|it| format!("AS{it}")),
            organisation: place.organisation,
            ..listed
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::places::NoAtlas;
    use crate::samples::{Berlin, ONION, complete, failed, not_tried};
    use crate::sqlite::SqliteStore;
    use crate::store::conformance::new_crawl;

    #[test]
    fn reachable_nodes_are_rows_with_their_places() {
        check(
            Form::BitnodesExport,
            &Berlin,
            r#"[
["2a01::1",8333,70016,"/Satoshi:27.1.0/",1793491200,3081,900000,null,null,"DE",52.5,null,null,"AS24940",null],
["pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion",8333,70016,"/�/",1793491200,3081,900000,null,null,null,0.0,0.0,null,"TOR","Tor network"]
]
"#,
        );
        check(
            Form::Seeds,
            &Berlin,
            "[2a01::1]:8333 # AS24940\npg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion:8333\n",
        );
    }

    #[test]
    fn what_earlier_visits_say_is_in_the_dumps() {
        check(
            Form::Dnsseedrs,
            &NoAtlas,
            r#"# address                                                             good  last_seen    %(2h)   %(8h)   %(1d)   %(1w)   %(1m)   blocks  services          version user_agent
[2a01::1]:8333                                                        1     1793491200   13.00%   0.00%   0.00%   0.00%    0.00% 900000  0000000000000c09  70016   "/Satoshi:27.1.0/"
pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion:8333   0     1793491200    0.00%   0.00%   0.00%   0.00%    0.00% 900000  0000000000000c09  70016   "/_/"
5.6.7.8:8333                                                          0     0             0.00%   0.00%   0.00%   0.00%    0.00% 0       0000000000000000  0       ""
"#,
        );
    }

    #[track_caller]
    fn check(form: Form, atlas: &dyn Atlas, expected: &str) {
        let dir = tempfile::TempDir::new().unwrap();
        let mut store = SqliteStore::open_for_crawl(&dir.path().join("a.db")).unwrap();
        let crawl = store
            .begin_crawl(&new_crawl(proto::Chain::Mainnet))
            .unwrap();
        let visits = [
            complete("[2a01::1]:8333", b"/Satoshi:27.1.0/", 900_000),
            complete(ONION, b"/\xff/", 900_000),
            failed("5.6.7.8:8333", Outcome::ConnectTimeout),
            failed("5.6.7.9:8333", Outcome::ProxyError),
            not_tried("5.6.7.10:8333"),
        ];
        store.append_visits(crawl, &visits).unwrap();
        let reckon = |visit: &Visit| Reckoned {
            uptime: (visit.addr == visits[0].addr).then(|| Uptime {
                hours_2: 13.0,
                ..Uptime::default()
            }),
            is_good: Some(visit.addr == visits[0].addr),
        };
        let mut out = Vec::new();
        write_crawl(&store, crawl, form, false, atlas, &reckon, &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
