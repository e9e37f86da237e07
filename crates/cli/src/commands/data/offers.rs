//! Who makes files that addresses can be looked up in, what they are good for, and on what terms.

/// Somebody's files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Offer {
    pub(super) name: &'static str,
    /// How what its files call themselves begins, or how they are called.
    known_by: &'static [&'static str],
    pub(super) good_for: &'static str,
    pub(super) licence: &'static str,
    pub(super) get_it: &'static str,
}

/// Bitcoin Core's map of AS numbers.
pub(super) const ASMAP: Offer = Offer {
    name: "asmap of Bitcoin Core",
    known_by: &[],
    good_for: "AS numbers",
    licence: "MIT",
    get_it: "bitcensus data update",
};

/// All that is known of; none but the first is fetched, since nobody can agree to terms for somebody else.
pub(super) const OFFERS: [Offer; 5] = [
    ASMAP,
    Offer {
        name: "GeoLite2 City, Country, ASN",
        known_by: &["GeoLite2", "GeoIP2"],
        good_for: "countries, cities, positions, AS numbers",
        licence: "MaxMind EULA (account; not to be passed on)",
        get_it: "https://dev.maxmind.com/geoip/geolite2-free-geolocation-data",
    },
    Offer {
        name: "DB-IP Lite",
        known_by: &["DBIP", "dbip"],
        good_for: "countries, cities, positions, AS numbers",
        licence: "CC BY 4.0 (link to db-ip.com)",
        get_it: "https://db-ip.com/db/lite.php",
    },
    Offer {
        name: "IPinfo Lite",
        known_by: &["ipinfo"],
        good_for: "countries, AS numbers",
        licence: "CC BY-SA 4.0 (account; link to ipinfo.io)",
        get_it: "https://ipinfo.io/lite",
    },
    Offer {
        name: "geo-whois-asn-country",
        known_by: &["geo-whois"],
        good_for: "countries",
        licence: "CC0, of data under CC BY 4.0 (name nro.net)",
        get_it: "https://github.com/sapics/ip-location-db",
    },
];

/// Returns the licence of a file that calls itself `kind`, and is called `name`.
pub(super) fn licence_of(kind: &str, name: &str) -> &'static str {
    let is_known_by = |it: &&str| kind.starts_with(it) || name.starts_with(it);
    let offer = OFFERS.iter().find(|it| it.known_by.iter().any(is_known_by));
    offer.map_or("unknown; ask its maker", |it| it.licence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn licences_are_known_by_kind_or_name() {
        check(
            "GeoLite2-City",
            "x.mmdb",
            "MaxMind EULA (account; not to be passed on)",
        );
        check("DBIP-City-Lite", "x.mmdb", "CC BY 4.0 (link to db-ip.com)");
        check(
            "country ipvAll",
            "geo-whois-asn-country.mmdb",
            "CC0, of data under CC BY 4.0 (name nro.net)",
        );
        check("country ipvAll", "x.mmdb", "unknown; ask its maker");
    }

    #[track_caller]
    fn check(kind: &str, name: &str, expected: &str) {
        assert_eq!(licence_of(kind, name), expected);
    }
}
