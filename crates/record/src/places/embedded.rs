//! What is known without any file: tables that are part of this program.

use std::net::IpAddr;

use super::Place;

/// A table that is part of this program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Embedded {
    /// The crate that it comes in.
    pub name: &'static str,
    /// The version of that.
    pub version: &'static str,
    /// The day of its data, as in `2026-11-01`.
    pub date: &'static str,
}

/// The country where the internet registries say that an address is registered, which need not be where it is used.
pub const COUNTRIES: Embedded = Embedded {
    name: "iptocc",
    version: "1.4.175",
    date: "2026-11-01",
};

/// Who runs each autonomous system.
pub const AS_NAMES: Embedded = Embedded {
    name: "asinfo",
    version: "0.1.20261101",
    date: "2026-11-01",
};

/// The code under which registries keep what they gave to more than one country of Europe.
const EUROPE: &str = "EU";

/// Returns the country of an address.
pub(super) fn country(ip: IpAddr) -> Option<&'static str> {
    iptocc::country_code(ip).filter(|it| *it != EUROPE)
}

/// Names who runs the place's autonomous system, where nobody did yet.
pub(super) fn name_organisation(mut place: Place) -> Place {
    if place.organisation.is_none() {
        let found = place.asn.and_then(asinfo::lookup);
        place.organisation = found.map(|it| {
            let name = [it.description, it.handle];
            let name = name.into_iter().find(|it| !it.is_empty());
            name.unwrap_or_default().to_owned()
        });
    }
    place
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn countries_and_names_are_there() {
        let country_of = |text: &str| country(text.parse().unwrap());
        assert_eq!(country_of("8.8.8.8"), Some("US"));
        assert_eq!(country_of("2a01:4f8::1"), Some("DE"));
        let place = Place {
            asn: Some(24_940),
            ..Place::default()
        };
        let named = name_organisation(place).organisation;
        assert_eq!(named.as_deref(), Some("Hetzner Online GmbH"));
    }

    #[test]
    fn versions_are_those_of_the_crates() {
        let lock = include_str!("../../../../Cargo.lock");
        for table in [COUNTRIES, AS_NAMES] {
            let entry = format!("name = \"{}\"\nversion = \"{}\"", table.name, table.version);
            assert!(lock.contains(&entry), "another {}: tell of it", table.name);
        }
    }
}
