//! One value of a row, whatever a format writes around it.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use proto::PeerAddr;
use proto::gossip::ToldCounts;
use proto::limits::MAX_TEXT;
use serde::de::{Deserializer, Error, Visitor};

use crate::row::RowError;

/// The last second of the year 9999: no time in a list is later.
const MAX_TIME: i64 = 253_402_300_799;
/// The longest that anything in a list takes: a year, in microseconds.
const MAX_MICROS: u64 = 366 * 86_400 * 1_000_000;

/// One value.
#[derive(Clone, Debug)]
pub(crate) enum Cell<'t> {
    /// There is none.
    Absent,
    /// Text, which may mean a number.
    Text(Cow<'t, str>),
    /// Any other value in JSON.
    Json(&'t str),
}

impl<'t> Cell<'t> {
    /// Takes a value of JSON as it is written.
    pub(crate) fn of_json(written: &'t str) -> Cell<'t> {
        match written.as_bytes().first() {
            Some(b'n') | None => Cell::Absent,
            Some(b'"') => Cell::Text(unquote(written).into()),
            Some(_) => Cell::Json(written),
        }
    }

    /// Takes a field of a table, which is empty where there is no value.
    pub(crate) fn of_field(field: &'t str) -> Cell<'t> {
        match field {
            "" => Cell::Absent,
            _ => Cell::Text(field.into()),
        }
    }

    pub(crate) fn text(&self, field: &'static str) -> Result<Option<String>, RowError> {
        match self {
            Cell::Absent => Ok(None),
            // A byte that is no UTF-8 is a character here.
            Cell::Text(text) if text.chars().nth(MAX_TEXT).is_some() => {
                Err(self.wrong(field, "text of up to 65,536 characters"))
            }
            Cell::Text(text) => Ok(Some(text.to_string())),
            Cell::Json(json) if json.starts_with(|it: char| it == '-' || it.is_ascii_digit()) => {
                Ok(Some((*json).to_owned()))
            }
            Cell::Json(_) => Err(self.wrong(field, "text")),
        }
    }

    /// Reads a whole number, also one written as text or with a fraction, which is cut off.
    pub(crate) fn integer<T: TryFrom<i128>>(
        &self,
        field: &'static str,
    ) -> Result<Option<T>, RowError> {
        self.read(field, "a whole number", |text| {
            let whole = text.parse().ok().or_else(|| cut_off_fraction(text));
            whole.and_then(|it: i128| T::try_from(it).ok())
        })
    }

    /// Reads a number of 32 bits of which some programs take the sign away.
    pub(crate) fn wrapped(&self, field: &'static str) -> Result<Option<i64>, RowError> {
        let number = self.integer::<i64>(field)?;
        Ok(number.map(|it| match u32::try_from(it) {
            Ok(it) => it.cast_signed().into(),
            Err(_) => it,
        }))
    }

    pub(crate) fn number(&self, field: &'static str) -> Result<Option<f64>, RowError> {
        self.read(field, "a number", |text| {
            text.parse().ok().filter(|it: &f64| it.is_finite())
        })
    }

    /// Reads Unix seconds.
    pub(crate) fn time(&self, field: &'static str) -> Result<Option<i64>, RowError> {
        match self.integer(field) {
            Ok(time) if time.is_none_or(|it: i64| (0..=MAX_TIME).contains(&it)) => Ok(time),
            Ok(_) | Err(_) => Err(self.wrong(field, "a time in seconds since 1970")),
        }
    }

    /// Reads a date, with or without a time of the day, in UTC unless it says otherwise.
    pub(crate) fn moment(&self, field: &'static str) -> Result<Option<Timestamp>, RowError> {
        self.read(field, "a date", |text| {
            let with_zone = text.parse::<Timestamp>().ok();
            with_zone.or_else(|| {
                let civil = text.parse::<DateTime>().ok()?;
                Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp())
            })
        })
    }

    /// Reads a duration; its unit is so many microseconds.
    pub(crate) fn duration(
        &self,
        field: &'static str,
        unit_us: u64,
    ) -> Result<Option<Duration>, RowError> {
        let n = match self.integer::<u64>(field) {
            Ok(None) => return Ok(None),
            Ok(n) => n.and_then(|it| it.checked_mul(unit_us)),
            Err(_) => None,
        };
        match n.filter(|it| *it <= MAX_MICROS) {
            Some(us) => Ok(Some(Duration::from_micros(us))),
            None => Err(self.wrong(field, "a duration of up to a year")),
        }
    }

    pub(crate) fn flag(&self, field: &'static str) -> Result<Option<bool>, RowError> {
        self.read(field, "true or false", |text| match text {
            "1" | "true" | "True" => Some(true),
            "0" | "false" | "False" => Some(false),
            _ => None,
        })
    }

    pub(crate) fn addr(
        &self,
        field: &'static str,
        default_port: u16,
    ) -> Result<Option<PeerAddr>, RowError> {
        let text = self.text(field)?;
        let addr = text.map(|it| PeerAddr::parse(&it, default_port));
        Ok(addr.transpose()?)
    }

    /// Reads what `parse` understands.
    pub(crate) fn read<T>(
        &self,
        field: &'static str,
        wanted: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, RowError> {
        let value = match self {
            Cell::Absent => return Ok(None),
            Cell::Text(text) => parse(text.trim()),
            Cell::Json(json) => parse(json),
        };
        match value {
            Some(value) => Ok(Some(value)),
            None => Err(self.wrong(field, wanted)),
        }
    }

    pub(crate) fn wrong(&self, field: &'static str, wanted: &'static str) -> RowError {
        let cell = match self {
            Cell::Absent => "nothing",
            Cell::Text(text) => text,
            Cell::Json(json) => json,
        };
        RowError::Cell {
            field,
            wanted,
            cell: cell.to_owned(),
        }
    }
}

/// Whether all of `counts` together can be counted.
pub(crate) fn can_be_counted(counts: &ToldCounts) -> bool {
    u32::try_from(counts.total()).is_ok()
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "cutting off the fraction is the purpose, and the range is checked"
)]
fn cut_off_fraction(text: &str) -> Option<i128> {
    let number: f64 = text.parse().ok()?;
    (number.abs() < 1e30).then_some(number as i128)
}

/// Reads a JSON string; halves of surrogate pairs and other broken characters become `�`.
pub(crate) fn unquote(quoted: &str) -> String {
    struct Bytes;
    impl Visitor<'_> for Bytes {
        type Value = String;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a string")
        }

        fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<String, E> {
            Ok(String::from_utf8_lossy(bytes).into_owned())
        }
    }
    serde_json::Deserializer::from_str(quoted)
        .deserialize_bytes(Bytes)
        .unwrap_or_default()
}
