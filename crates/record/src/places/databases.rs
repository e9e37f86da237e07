//! Every database that is there, asked in a fixed order.

use std::net::IpAddr;

use proto::routable::{embedded_ipv4, unroutable};
use proto::{Host, PeerAddr};

use super::{Asmap, Atlas, Mmdb, Names, Place, embedded};

/// Looks addresses up in everything that is there.
///
/// The files of MaxMind's format are asked first: what names a city or a position before what does not, else in the order
/// in which they were given. Then the asmap says the autonomous system, where none of them did; and the embedded tables the country
/// and who runs the system. IPv6 that leads to IPv4 (6to4, Teredo, NAT64) is looked up as that; private and reserved
/// addresses are in no place.
#[derive(Debug, Default)]
pub struct Databases {
    asmap: Option<Asmap>,
    mmdbs: Vec<Mmdb>,
    names: Names,
}

impl Databases {
    /// Asks an asmap.
    pub fn with_asmap(self, asmap: Asmap) -> Databases {
        let asmap = Some(asmap);
        Databases { asmap, ..self }
    }

    /// Asks another file of MaxMind's format, behind those that are there.
    pub fn with_mmdb(mut self, mmdb: Mmdb) -> Databases {
        self.mmdbs.push(mmdb);
        self
    }

    /// Names hosts by what a resolver said.
    pub fn with_names(self, names: Names) -> Databases {
        Databases { names, ..self }
    }

    /// Says in one sentence what is missing and what to do about it.
    pub fn hint(&self) -> Option<String> {
        let contents: Vec<_> = self.mmdbs.iter().map(Mmdb::contents).collect();
        let has_asns = self.asmap.is_some() || contents.iter().any(|it| it.asns);
        let has_cities = contents.iter().any(|it| it.cities || it.positions);
        let hint = match (has_asns, has_cities) {
            (true, true) => return None,
            (false, true) => {
                "AS numbers are unknown: `bitcensus data update` fetches the file that they are looked up in"
            }
            (true, false) => {
                "cities and positions are unknown: `bitcensus data` says where to get a file of them"
            }
            (false, false) => {
                "AS numbers, cities and positions are unknown: `bitcensus data update` fetches a file of the first, \
                 `bitcensus data` says where to get one of the others"
            }
        };
        Some(hint.to_owned())
    }
}

impl Atlas for Databases {
    fn place(&self, addr: &PeerAddr) -> Place {
        let Some(ip) = public_ip(addr) else {
            return Place::default();
        };
        let located = embedded_ipv4(&addr.host).map_or(ip, IpAddr::V4);
        let mut place = Place::default();
        for answer in self.mmdbs.iter().map(|it| it.place(located)) {
            place = match answer.names_a_spot() && !place.names_a_spot() {
                true => answer.or(place),
                false => place.or(answer),
            };
        }
        let asn = || self.asmap.as_ref()?.asn(located);
        let country = || embedded::country(located).map(str::to_owned);
        place.asn = place.asn.or_else(asn);
        place.country = place.country.or_else(country);
        place.hostname = self.names.name(ip).map(str::to_owned);
        embedded::name_organisation(place)
    }
}

/// Returns the IP address of a node that can be in some place.
pub fn public_ip(addr: &PeerAddr) -> Option<IpAddr> {
    let ip = match addr.host {
        Host::Ipv4(bytes) => IpAddr::from(bytes),
        Host::Ipv6(bytes) => IpAddr::from(bytes),
        Host::OnionV2(_) | Host::Onion(_) | Host::I2p(_) | Host::Cjdns(_) => return None,
    };
    // Where it is does not depend on the port, and lists name some without.
    let somewhere = PeerAddr { port: 1, ..*addr };
    unroutable(&somewhere).is_none().then_some(ip)
}
