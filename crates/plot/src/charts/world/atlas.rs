//! Countries: their codes, names and outlines, from `data/world.tsv`.

use std::sync::LazyLock;

/// A country or territory.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Country {
    /// Its two letters (ISO 3166).
    pub(super) code: &'static str,
    /// What it is called in English.
    pub(super) name: &'static str,
    /// Degrees north and east of its middle.
    pub(super) center: Degrees,
    /// Its outline; none where it is too small for one.
    pub(super) rings: Vec<Vec<Degrees>>,
}

/// A place on the globe.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Degrees {
    pub(super) north: f64,
    pub(super) east: f64,
}

/// Every country, the largest first.
pub(super) static COUNTRIES: LazyLock<Vec<Country>> = LazyLock::new(|| {
    let lines = include_str!("../../../data/world.tsv").lines();
    lines.filter_map(country).collect()
});

/// Returns the English name of a country by its two letters (ISO 3166).
pub fn country_name(code: &str) -> Option<&'static str> {
    let found = COUNTRIES.iter().find(|it| it.code == code);
    found.map(|it| it.name)
}

fn country(line: &'static str) -> Option<Country> {
    let mut fields = line.split('\t');
    let (code, name) = (fields.next()?, fields.next()?);
    let mut degrees = || fields.next()?.parse().ok();
    let (north, east) = (degrees()?, degrees()?);
    Some(Country {
        code,
        name,
        center: Degrees { north, east },
        rings: fields.map(ring).collect(),
    })
}

/// Decodes a ring: tenths of a degree, each told by its difference from the one before, five bits a letter, the lowest
/// first, the sign in the lowest of all.
fn ring(text: &str) -> Vec<Degrees> {
    let mut letters = text.bytes().map(|it| i32::from(it) - 63);
    let mut difference = || {
        let (mut bits, mut shift) = (0, 0);
        loop {
            let letter = letters.next()?;
            bits |= (letter & 31) << shift;
            shift += 5;
            if letter < 32 {
                break;
            }
        }
        Some(if bits & 1 == 1 {
            !(bits >> 1)
        } else {
            bits >> 1
        })
    };
    let (mut east, mut north) = (0, 0);
    let mut ring = Vec::new();
    while let Some((by_east, by_north)) = difference().zip(difference()) {
        (east, north) = (east + by_east, north + by_north);
        ring.push(Degrees {
            north: f64::from(north) / 10.0,
            east: f64::from(east) / 10.0,
        });
    }
    ring
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_country_is_read_and_every_outline_is_on_the_globe() {
        let lines = include_str!("../../../data/world.tsv").lines();
        assert_eq!(COUNTRIES.len(), lines.count());
        let n_with_outline = COUNTRIES.iter().filter(|it| !it.rings.is_empty()).count();
        assert_eq!((COUNTRIES.len(), n_with_outline), (248, 174));
        for Country {
            code,
            name,
            center,
            rings,
        } in COUNTRIES.iter()
        {
            assert!(code.len() == 2 && !name.is_empty(), "{code}");
            for at in rings.iter().flatten().chain([center]) {
                assert!((-90.0..=90.0).contains(&at.north), "{code}: {at:?}");
                assert!((-180.0..=180.0).contains(&at.east), "{code}: {at:?}");
            }
            for ring in rings {
                assert!(ring.len() > 3, "{code}");
            }
        }
    }

    #[test]
    fn small_places_with_many_nodes_are_there() {
        for (code, name) in [
            ("SG", "Singapore"),
            ("HK", "Hong Kong"),
            ("MT", "Malta"),
            ("US", "United States"),
            ("XK", "Kosovo"),
        ] {
            assert_eq!(country_name(code), Some(name));
        }
        assert_eq!(country_name("ZZ"), None);
    }
}
