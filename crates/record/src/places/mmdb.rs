//! Files in MaxMind's format, whoever made them: countries, cities, positions, autonomous systems.

use std::net::IpAddr;

use maxminddb::{LookupResult, MaxMindDbError, PathElement, Reader, WithinOptions};
use serde::Deserialize;

use super::Place;

/// The largest file that is read, in bytes; the largest that are sold have half of it. All of it is in memory.
pub const MAX_MMDB_BYTES: u64 = 1 << 30;

/// The most characters that are taken of a text; longer ones are no names.
const MAX_TEXT_CHARS: usize = 200;

/// How many records are looked at to see what a file has.
const SAMPLE: usize = 500;

/// A file in MaxMind's format.
#[derive(Debug)]
pub struct Mmdb {
    reader: Reader<Vec<u8>>,
}

/// Why bytes are no such file.
#[derive(Debug, thiserror::Error)]
pub enum MmdbError {
    /// Larger than [`MAX_MMDB_BYTES`].
    #[error("{0} bytes are more than this program keeps in memory")]
    TooLarge(usize),
    /// Another format, or damaged.
    #[error("no file of MaxMind's format: {0}")]
    Malformed(String),
}

/// What a file can say of an address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// Countries.
    pub countries: bool,
    /// Cities.
    pub cities: bool,
    /// Degrees north and east.
    pub positions: bool,
    /// Numbers of autonomous systems.
    pub asns: bool,
}

impl Mmdb {
    /// Takes a file whose tree and description are in order; a record that is not in order is none.
    pub fn parse(bytes: Vec<u8>) -> Result<Mmdb, MmdbError> {
        if bytes.len() as u64 > MAX_MMDB_BYTES {
            return Err(MmdbError::TooLarge(bytes.len()));
        }
        let reader = Reader::from_source(bytes).map_err(malformed)?;
        Ok(Mmdb { reader })
    }

    /// The kind of file that its maker calls it, as `GeoLite2-City`: text that anybody may have written.
    pub fn kind(&self) -> &str {
        &self.reader.metadata().database_type
    }

    /// When it was made, in seconds since 1970.
    pub fn built_at_s(&self) -> i64 {
        i64::try_from(self.reader.metadata().build_epoch).unwrap_or(i64::MAX)
    }

    /// Returns what is known of an address.
    pub fn place(&self, ip: IpAddr) -> Place {
        // Files of IPv4 alone know no IPv6 address.
        let record = self.reader.lookup(ip).ok().filter(LookupResult::has_data);
        record.as_ref().map(place).unwrap_or_default()
    }

    /// Returns what the file has, as its first records show.
    pub fn contents(&self) -> Contents {
        let mut contents = Contents::default();
        let records = self.reader.networks(WithinOptions::default());
        let records = records.into_iter().flatten().take(SAMPLE);
        for record in records.map_while(Result::ok) {
            let place = place(&record);
            contents.countries |= place.country.is_some();
            contents.cities |= place.city.is_some();
            contents.positions |= place.latitude.is_some();
            contents.asns |= place.asn.is_some();
        }
        contents
    }
}

fn malformed(error: MaxMindDbError) -> MmdbError {
    MmdbError::Malformed(error.to_string())
}

type Record<'a> = LookupResult<'a, Vec<u8>>;

/// Reads what is there and makes sense.
fn place(record: &Record<'_>) -> Place {
    let latitude = degrees(record, paths::LATITUDE, 90.0);
    let longitude = degrees(record, paths::LONGITUDE, 180.0);
    let position = latitude.zip(longitude);
    Place {
        country: text(record, paths::COUNTRY).and_then(|it| country(&it)),
        asn: asn(record),
        organisation: text(record, paths::ORGANISATION),
        city: text(record, paths::CITY),
        latitude: position.map(|it| it.0),
        longitude: position.map(|it| it.1),
        timezone: text(record, paths::TIMEZONE),
        hostname: None,
    }
}

fn text(record: &Record<'_>, paths: Paths) -> Option<String> {
    let text: &str = first(record, paths)?;
    let is_name = !text.is_empty() && text.chars().nth(MAX_TEXT_CHARS).is_none();
    is_name.then(|| text.to_owned())
}

fn country(code: &str) -> Option<String> {
    let is_code = code.len() == 2 && code.bytes().all(|it| it.is_ascii_alphabetic());
    is_code.then(|| code.to_ascii_uppercase())
}

fn degrees(record: &Record<'_>, paths: Paths, most: f64) -> Option<f64> {
    let degrees = match first(record, paths)? {
        Number::Is(number) => number,
        Number::IsWritten(text) => text.parse().ok()?,
    };
    (-most..=most).contains(&degrees).then_some(degrees)
}

/// Reads a number that is one, or written as `AS15169`.
fn asn(record: &Record<'_>) -> Option<u32> {
    let asn = match first(record, paths::ASN)? {
        Number::Is(number) => number,
        Number::IsWritten(text) => text.trim_start_matches("AS").parse().ok()?,
    };
    (asn != 0).then_some(asn)
}

/// A number, which some makers write as text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Number<'a, T> {
    Is(T),
    IsWritten(&'a str),
}

/// Returns what is at the first of `paths` that leads to such a value.
fn first<'a, T: Deserialize<'a>>(record: &Record<'a>, paths: Paths) -> Option<T> {
    let found = |path: &&[PathElement<'_>]| record.decode_path(path).ok().flatten();
    paths.iter().find_map(found)
}

/// Ways to one value, the usual one first.
type Paths = &'static [&'static [PathElement<'static>]];

/// Where makers put what is to be known: MaxMind's own way first, then the flat ones of others.
mod paths {
    use maxminddb::PathElement::Key;

    use super::Paths;

    pub(super) const COUNTRY: Paths = &[
        &[Key("country"), Key("iso_code")],
        &[Key("country_code")],
        &[Key("country")],
    ];
    pub(super) const ASN: Paths = &[&[Key("autonomous_system_number")], &[Key("asn")]];
    pub(super) const ORGANISATION: Paths =
        &[&[Key("autonomous_system_organization")], &[Key("as_name")]];
    pub(super) const CITY: Paths = &[&[Key("city"), Key("names"), Key("en")], &[Key("city")]];
    pub(super) const LATITUDE: Paths = &[
        &[Key("location"), Key("latitude")],
        &[Key("latitude")],
        &[Key("lat")],
    ];
    pub(super) const LONGITUDE: Paths = &[
        &[Key("location"), Key("longitude")],
        &[Key("longitude")],
        &[Key("lng")],
    ];
    pub(super) const TIMEZONE: Paths = &[&[Key("location"), Key("time_zone")], &[Key("timezone")]];
}

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(super) mod writer;
