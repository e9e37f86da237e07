//! What peers say our address is.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::net::Ipv6Addr;

use proto::addr::Network;
use proto::routable::unroutable;
use proto::{Host, PeerAddr};
use serde::Serialize;

use super::super::tables::{self, ranked};
use super::super::{Node, Section};
use crate::summary::{Figure, Top};

/// How many addresses are told apart.
const N_ADDRESSES: usize = 10;
/// No address, as IPv6 and as IPv4.
const ZERO: [u8; 16] = [0; 16];
const ZERO_IPV4: [u8; 16] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0];

/// What a [`Mirror`] is, for people.
pub(super) const MIRRORS: &str = "what reachable addresses of each network say in the addr_recv of their version that our address is, ports aside: \
     what most say; their own address, which is an echo of ours; none (zeros); one that no node of the public network \
     has; or another one, which is a lie, or that of a machine between us";

/// What the peers of one network say that our address is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mirror {
    /// Their network.
    pub network: &'static str,
    /// How many said anything.
    pub n: u64,
    /// What most say that say any address but their own.
    pub most_told: Option<String>,
    /// How many say that.
    pub n_most_told: u64,
    /// How many say their own address.
    pub n_echo: u64,
    /// How many say none: zeros.
    pub n_zero: u64,
    /// How many say an address that no node of the public network has.
    pub n_unroutable: u64,
    /// How many say another address: a lie, or that of a machine between us.
    pub n_other: u64,
    /// The most frequent addresses, but for echoes and zeros.
    pub told: Top,
}

impl Mirror {
    /// Looks at those whose `version` came to ourselves: others have other addresses.
    pub(super) fn all(nodes: &[Node]) -> Vec<Mirror> {
        let by_network = Network::ALL.map(|network| Mirror::of(network, nodes));
        by_network.into_iter().filter(|it| it.n > 0).collect()
    }

    fn of(network: Network, nodes: &[Node]) -> Mirror {
        let here = nodes.iter().filter(|it| it.visit.addr.network() == network);
        let ours = here.filter(|it| it.visit.call.heard.version_payload.is_some());
        let (mut n, mut n_echo, mut n_zero) = (0, 0, 0);
        let mut n_by_ip: BTreeMap<[u8; 16], u64> = BTreeMap::new();
        for node in ours {
            let Some(version) = node.version() else {
                continue;
            };
            let ip = version.addr_recv.ip;
            n += 1;
            match ip {
                ZERO | ZERO_IPV4 => n_zero += 1,
                _ if node.visit.addr.host.to_ip16() == Some(ip) => n_echo += 1,
                _ => *n_by_ip.entry(ip).or_default() += 1,
            }
        }
        let most_told = n_by_ip.iter().max_by_key(|(ip, n)| (**n, Reverse(**ip)));
        let most_told = most_told.map(|(ip, n)| (*ip, *n));
        let others = n_by_ip
            .iter()
            .filter(|(ip, _)| most_told.is_none_or(|most| most.0 != **ip));
        let (unroutable, others): (Vec<_>, Vec<_>) =
            others.partition(|(ip, _)| is_unroutable(**ip));
        Mirror {
            network: network.name(),
            n,
            most_told: most_told.map(|(ip, _)| written(ip)),
            n_most_told: most_told.map_or(0, |(_, n)| n),
            n_echo,
            n_zero,
            n_unroutable: unroutable.iter().map(|(_, n)| **n).sum(),
            n_other: others.iter().map(|(_, n)| **n).sum(),
            told: Top::ranked(
                n_by_ip.iter().map(|(ip, n)| (Some(written(*ip)), *n)),
                N_ADDRESSES,
            ),
        }
    }
}

fn is_unroutable(ip: [u8; 16]) -> bool {
    // The port is that of our socket, or whatever the peer likes: any will do.
    Host::from_ip16(ip).map_or(true, |host| unroutable(&PeerAddr::new(host, 1)).is_some())
}

fn written(ip: [u8; 16]) -> String {
    match Host::from_ip16(ip) {
        Ok(host) => host.to_string(),
        Err(_) => Ipv6Addr::from(ip).to_string(),
    }
}

pub(super) fn sections(mirrors: &Figure<Vec<Mirror>>) -> [Section; 2] {
    let rows = mirrors.value.iter().map(|it| {
        vec![
            it.network.into(),
            it.n.into(),
            it.most_told.clone().into(),
            it.n_most_told.into(),
            it.n_echo.into(),
            it.n_zero.into(),
            it.n_unroutable.into(),
            it.n_other.into(),
        ]
    });
    let told = mirrors.value.iter().flat_map(|mirror| {
        ranked(&mirror.told, mirror.told.total())
            .into_iter()
            .map(|mut row| {
                row.insert(0, mirror.network.into());
                row
            })
    });
    [
        tables::section(
            "mirrors",
            "What peers say our address is",
            mirrors.definition,
            &[
                "network",
                "peers",
                "most say",
                "so many",
                "echo",
                "zeros",
                "unroutable",
                "other",
            ],
            rows.collect(),
        ),
        tables::section(
            "addresses_told_us",
            "Addresses that peers say are ours",
            "addresses that reachable ones of each network say are ours, echoes of their own one and zeros aside",
            &["network", "address", "peers", "share"],
            told.collect(),
        ),
    ]
}
