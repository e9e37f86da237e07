//! Where addresses are: countries, autonomous systems, cities; all of it is looked up, none of it is seen.
//!
//! [`Databases`] looks addresses up in what is embedded here and in files that the user has; [`Known`] puts before it
//! what is known already, as the places that came with imported rows.

mod asmap;
mod databases;
mod embedded;
mod mmdb;
mod names;

use std::collections::HashMap;

use proto::PeerAddr;
use serde::{Deserialize, Serialize};

pub use asmap::{Asmap, AsmapError, MAX_ASMAP_BYTES};
pub use databases::{Databases, public_ip};
pub use embedded::{AS_NAMES, COUNTRIES, Embedded};
pub use mmdb::{Contents, MAX_MMDB_BYTES, Mmdb, MmdbError};
pub use names::{MAX_NAMES, Names, is_host_name};

/// What is known of where an address is; whatever nobody knows is absent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Place {
    /// The two letters of its country (ISO 3166).
    pub country: Option<String>,
    /// The number of its autonomous system.
    pub asn: Option<u32>,
    /// Who runs that.
    pub organisation: Option<String>,
    /// The city.
    pub city: Option<String>,
    /// Degrees north.
    pub latitude: Option<f64>,
    /// Degrees east.
    pub longitude: Option<f64>,
    /// The time zone, as in `Europe/Berlin`.
    pub timezone: Option<String>,
    /// The name that the address resolves to.
    pub hostname: Option<String>,
}

impl Place {
    /// Returns this place with what is unknown of it taken from `other`, as far as the two fit together.
    ///
    /// City, position and time zone are one answer, taken from nowhere in another country; an organisation is taken
    /// only where it runs the same autonomous system.
    pub fn or(mut self, other: Place) -> Place {
        let fits =
            [&self.country, &other.country].contains(&&None) || self.country == other.country;
        self.country = self.country.or(other.country);
        if fits && !self.names_a_spot() {
            self.city = other.city;
            self.latitude = other.latitude;
            self.longitude = other.longitude;
            self.timezone = other.timezone;
        }
        self.asn = self.asn.or(other.asn);
        if self.asn == other.asn {
            self.organisation = self.organisation.or(other.organisation);
        }
        self.hostname = self.hostname.or(other.hostname);
        self
    }

    /// Whether it is more precise than a country.
    fn names_a_spot(&self) -> bool {
        self.city.is_some() || self.latitude.is_some() || self.longitude.is_some()
    }
}

/// Says where addresses are.
pub trait Atlas {
    /// Returns what is known of an address: nothing for one that is in no place, as of Tor, I2P and CJDNS.
    fn place(&self, addr: &PeerAddr) -> Place;
}

impl<A: Atlas + ?Sized> Atlas for &A {
    fn place(&self, addr: &PeerAddr) -> Place {
        (**self).place(addr)
    }
}

/// Knows no place.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoAtlas;

impl Atlas for NoAtlas {
    fn place(&self, _: &PeerAddr) -> Place {
        Place::default()
    }
}

/// Knows the places of some addresses, as of the time when others listed them, and asks another atlas for the rest.
#[derive(Clone, Debug, Default)]
pub struct Known<A> {
    places: HashMap<PeerAddr, Place>,
    rest: A,
}

impl<A: Atlas> Known<A> {
    /// Puts `places` before `rest`.
    pub fn new(places: HashMap<PeerAddr, Place>, rest: A) -> Known<A> {
        Known { places, rest }
    }
}

impl<A: Atlas> Atlas for Known<A> {
    fn place(&self, addr: &PeerAddr) -> Place {
        let rest = self.rest.place(addr);
        match self.places.get(addr) {
            Some(known) => known.clone().or(rest),
            None => rest,
        }
    }
}

#[cfg(test)]
mod tests;
