//! What nebula writes: visits, and who told it of whom, one JSON object a line.
//!
//! Nodes are named by `PeerID`, which is their address, or else by the first of their `Maddrs` that can be read.

use jiff::{SignedDuration, Timestamp};
use proto::gossip::Claim;
use proto::{Outcome, PeerAddr};

use crate::cell::Cell;
use crate::listed::micros;
use crate::named::{Named, Object};
use crate::row::RowError;
use crate::{Claimed, Listed, ListedNode};

pub(crate) fn read_visit(row: &Object<'_>, default_port: u16) -> Result<ListedNode, RowError> {
    let named: &dyn Named = row;
    let addr = match named.addr("PeerID", default_port) {
        Ok(Some(addr)) => addr,
        Ok(None) | Err(_) => first_of_maddrs(named)?,
    };
    let properties = read_properties(named)?;
    let outcome = match named.text("ConnectErrorStr")?.unwrap_or_default().as_str() {
        "" => Outcome::Complete,
        "connection_refused" => Outcome::ConnectRefused,
        "io_timeout" => Outcome::ConnectTimeout,
        "connection_reset_by_peer" => Outcome::ConnectReset,
        "no_route_to_host" | "network_unreachable" | "host_is_down" => Outcome::ConnectUnreachable,
        _ => Outcome::ConnectOther,
    };
    // Ours say it in more words than nebula has.
    let outcome = properties.outcome.unwrap_or(outcome);
    let is_up = outcome.is_reachable();
    let user_agent = named.text("AgentVersion")?;
    let seen_at = named.moment("VisitStartedAt")?;
    let connect_us = read_duration(named, "ConnectDuration")?;
    let said = Listed {
        user_agent: user_agent.filter(|it| !it.is_empty()),
        seen_at: seen_at.map(Timestamp::as_second),
        is_up: Some(is_up),
        outcome: Some(outcome),
        connect_us: connect_us.filter(|_| is_up),
        ..properties
    };
    let said = Some(Box::new(said));
    Ok(ListedNode { addr, said })
}

/// Hands on the teller, and then everybody of whom it told.
pub(crate) fn read_neighbors(
    row: &Object<'_>,
    default_port: u16,
) -> Result<Vec<ListedNode>, RowError> {
    let row: &dyn Named = row;
    let teller = row.addr("PeerID", default_port)?;
    let teller = teller.ok_or_else(|| row.wrong("PeerID", "an address"))?;
    let names = read_texts(row, "NeighborIDs")?;
    let addrs = names
        .iter()
        .map(|it| PeerAddr::parse(it, default_port))
        .collect::<Result<Vec<_>, _>>()?;
    let claims = addrs.iter().map(|addr| Claim {
        addr: *addr,
        time: None,
        services: 0,
    });
    let told = Listed {
        is_up: Some(true),
        claims: claims.collect(),
        ..Listed::default()
    };
    let neighbor = |addr| {
        let claimed = Claimed {
            by: Some(teller),
            ..Claimed::default()
        };
        node(
            addr,
            Listed {
                claimed: Some(claimed),
                ..Listed::default()
            },
        )
    };
    let neighbors = addrs.into_iter().map(neighbor);
    Ok([node(teller, told)].into_iter().chain(neighbors).collect())
}

fn node(addr: PeerAddr, said: Listed) -> ListedNode {
    let said = Some(Box::new(said));
    ListedNode { addr, said }
}

/// What our own export adds; nebula itself adds other things.
fn read_properties(row: &dyn Named) -> Result<Listed, RowError> {
    let Cell::Json(written) = row.cell("Properties") else {
        return Ok(Listed::default());
    };
    let properties = Object::read(written)?;
    let properties: &dyn Named = &properties;
    let reason = properties.text("reason")?;
    Ok(Listed {
        outcome: properties.read("outcome", "a published word", |it| {
            Outcome::from_code(it, reason.as_deref())
        })?,
        protocol_version: properties.integer("protocol_version")?,
        services: properties.integer("services")?,
        height: properties.integer("start_height")?,
        ..Listed::default()
    })
}

fn first_of_maddrs(row: &dyn Named) -> Result<PeerAddr, RowError> {
    let maddrs = read_texts(row, "Maddrs")?;
    let first = maddrs.iter().find_map(|it| read_maddr(it));
    first.ok_or_else(|| row.wrong("Maddrs", "addresses with a port"))
}

fn read_texts(row: &dyn Named, name: &'static str) -> Result<Vec<String>, RowError> {
    let texts = row.read(name, "a list of texts", |it| serde_json::from_str(it).ok())?;
    Ok(texts.unwrap_or_default())
}

/// Reads a multiaddr: `/ip4/1.2.3.4/tcp/8333`, `/ip6/…/tcp/8333`, `/onion3/….:8333`, `/garlic32/…`.
fn read_maddr(text: &str) -> Option<PeerAddr> {
    let parts: Vec<&str> = text.split('/').collect();
    let addr = |host: &str, port: &str| PeerAddr::from_host_text(host, port.parse().ok()?).ok();
    match parts[..] {
        ["", "ip4" | "ip6", ip, "tcp", port] => addr(ip, port),
        ["", "onion3", service] => {
            let (name, port) = service.split_once(':')?;
            addr(&format!("{name}.onion"), port)
        }
        ["", "garlic32", name] => addr(&format!("{name}.b32.i2p"), "0"),
        ["", "garlic32", name, "tcp", port] => addr(&format!("{name}.b32.i2p"), port),
        _ => None,
    }
}

/// Reads a duration as Go writes it, in microseconds: `1m2.5s`, `38.2ms`.
fn read_duration(row: &dyn Named, name: &'static str) -> Result<Option<u64>, RowError> {
    row.read(name, "a duration", |it| match it {
        "0" | "0s" => Some(0),
        it => {
            let duration: SignedDuration = it.parse().ok()?;
            Some(micros(duration.try_into().ok()?))
        }
    })
}
