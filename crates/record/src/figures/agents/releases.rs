//! The releases of Bitcoin, later Bitcoin Core: when each came out, and which protocol version it speaks.

use std::fmt;

use jiff::civil::{Date, date};

/// The number of a release, in the order of releases; what is not written is 0.
///
/// Up to 0.21 the first number was 0: 0.21.2 was followed by 22.0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Number(pub [u32; 4]);

/// One release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Release {
    /// Its number.
    pub number: Number,
    /// The day it came out; announcements and tags differ by some days.
    pub on: Date,
    /// The protocol version that it announces.
    pub protocol_version: i32,
}

const fn release(number: [u32; 4], on: Date, protocol_version: i32) -> Release {
    Release {
        number: Number(number),
        on,
        protocol_version,
    }
}

/// From this one on the table has every release.
const COMPLETE_FROM: Number = Number([0, 8, 0, 0]);

/// What the last number of a build of the development branch is: what comes behind 0.16 calls itself 0.16.99.
const DEVELOPMENT: u32 = 99;

/// How far a major release can be ahead of those in the table: they come twice a year.
const DAYS_PER_MAJOR: i32 = 150;

/// How long before its release software is in use: as a release candidate, or built from its branch.
const DAYS_AHEAD: i32 = 90;

/// The releases, oldest first: by the project's own announcements, and those before 0.8 as far as their day is sure.
///
/// 0.19.0 and 24.0 were tagged and built by people, but never announced.
pub const RELEASES: &[Release] = &[
    release([0, 1, 0, 0], date(2009, 1, 8), 101),
    release([0, 2, 0, 0], date(2009, 12, 17), 200),
    release([0, 3, 0, 0], date(2010, 7, 6), 300),
    release([0, 3, 18, 0], date(2010, 12, 8), 31_800),
    release([0, 3, 19, 0], date(2010, 12, 13), 31_900),
    release([0, 3, 20, 0], date(2011, 2, 21), 32_000),
    release([0, 3, 21, 0], date(2011, 4, 27), 32_100),
    release([0, 3, 22, 0], date(2011, 6, 5), 32_200),
    release([0, 3, 23, 0], date(2011, 6, 14), 32_300),
    release([0, 3, 24, 0], date(2011, 7, 8), 32_400),
    release([0, 4, 0, 0], date(2011, 9, 23), 40_000),
    release([0, 5, 0, 0], date(2011, 11, 21), 50_000),
    release([0, 5, 1, 0], date(2011, 12, 15), 50_100),
    release([0, 5, 2, 0], date(2012, 1, 9), 50_200),
    release([0, 5, 3, 0], date(2012, 3, 14), 50_300),
    release([0, 5, 3, 1], date(2012, 3, 16), 50_301),
    release([0, 6, 0, 0], date(2012, 3, 30), 60_000),
    release([0, 6, 1, 0], date(2012, 5, 4), 60_001),
    release([0, 6, 2, 0], date(2012, 5, 8), 60_001),
    release([0, 6, 3, 0], date(2012, 6, 25), 60_001),
    release([0, 7, 0, 0], date(2012, 9, 17), 60_002),
    release([0, 7, 1, 0], date(2012, 10, 19), 60_002),
    release([0, 7, 2, 0], date(2012, 12, 14), 60_002),
    release([0, 8, 0, 0], date(2013, 2, 19), 70_001),
    release([0, 8, 1, 0], date(2013, 3, 18), 70_001),
    release([0, 8, 2, 0], date(2013, 5, 29), 70_001),
    release([0, 8, 3, 0], date(2013, 6, 25), 70_001),
    release([0, 8, 4, 0], date(2013, 9, 3), 70_001),
    release([0, 8, 5, 0], date(2013, 9, 13), 70_001),
    release([0, 8, 6, 0], date(2013, 12, 9), 70_001),
    release([0, 9, 0, 0], date(2014, 3, 19), 70_002),
    release([0, 9, 1, 0], date(2014, 4, 8), 70_002),
    release([0, 9, 2, 0], date(2014, 6, 16), 70_002),
    release([0, 9, 2, 1], date(2014, 6, 19), 70_002),
    release([0, 9, 3, 0], date(2014, 9, 27), 70_002),
    release([0, 9, 4, 0], date(2015, 1, 12), 70_002),
    release([0, 10, 0, 0], date(2015, 2, 16), 70_002),
    release([0, 10, 1, 0], date(2015, 4, 27), 70_002),
    release([0, 10, 2, 0], date(2015, 5, 19), 70_002),
    release([0, 11, 0, 0], date(2015, 7, 12), 70_002),
    release([0, 10, 3, 0], date(2015, 10, 14), 70_002),
    release([0, 11, 1, 0], date(2015, 10, 15), 70_002),
    release([0, 10, 4, 0], date(2015, 11, 13), 70_002),
    release([0, 11, 2, 0], date(2015, 11, 13), 70_002),
    release([0, 12, 0, 0], date(2016, 2, 23), 70_012),
    release([0, 12, 1, 0], date(2016, 4, 15), 70_012),
    release([0, 13, 0, 0], date(2016, 8, 23), 70_014),
    release([0, 13, 1, 0], date(2016, 10, 27), 70_014),
    release([0, 13, 2, 0], date(2017, 1, 3), 70_015),
    release([0, 14, 0, 0], date(2017, 3, 8), 70_015),
    release([0, 14, 1, 0], date(2017, 4, 22), 70_015),
    release([0, 14, 2, 0], date(2017, 6, 17), 70_015),
    release([0, 15, 0, 0], date(2017, 9, 14), 70_015),
    release([0, 15, 0, 1], date(2017, 9, 19), 70_015),
    release([0, 15, 1, 0], date(2017, 11, 11), 70_015),
    release([0, 16, 0, 0], date(2018, 2, 26), 70_015),
    release([0, 16, 1, 0], date(2018, 6, 15), 70_015),
    release([0, 16, 2, 0], date(2018, 7, 29), 70_015),
    release([0, 16, 3, 0], date(2018, 9, 18), 70_015),
    release([0, 14, 3, 0], date(2018, 9, 28), 70_015),
    release([0, 15, 2, 0], date(2018, 9, 28), 70_015),
    release([0, 17, 0, 0], date(2018, 10, 3), 70_015),
    release([0, 17, 0, 1], date(2018, 10, 30), 70_015),
    release([0, 17, 1, 0], date(2018, 12, 25), 70_015),
    release([0, 18, 0, 0], date(2019, 5, 2), 70_015),
    release([0, 18, 1, 0], date(2019, 8, 9), 70_015),
    release([0, 19, 0, 0], date(2019, 11, 18), 70_015),
    release([0, 19, 0, 1], date(2019, 11, 24), 70_015),
    release([0, 19, 1, 0], date(2020, 3, 9), 70_015),
    release([0, 20, 0, 0], date(2020, 6, 3), 70_015),
    release([0, 20, 1, 0], date(2020, 8, 1), 70_015),
    release([0, 21, 0, 0], date(2021, 1, 14), 70_016),
    release([0, 21, 1, 0], date(2021, 5, 1), 70_016),
    release([22, 0, 0, 0], date(2021, 9, 13), 70_016),
    release([0, 20, 2, 0], date(2021, 9, 28), 70_015),
    release([0, 21, 2, 0], date(2021, 9, 29), 70_016),
    release([23, 0, 0, 0], date(2022, 4, 25), 70_016),
    release([24, 0, 0, 0], date(2022, 11, 24), 70_016),
    release([24, 0, 1, 0], date(2022, 12, 12), 70_016),
    release([22, 1, 0, 0], date(2022, 12, 15), 70_016),
    release([23, 1, 0, 0], date(2022, 12, 21), 70_016),
    release([23, 2, 0, 0], date(2023, 5, 18), 70_016),
    release([24, 1, 0, 0], date(2023, 5, 18), 70_016),
    release([25, 0, 0, 0], date(2023, 5, 25), 70_016),
    release([25, 1, 0, 0], date(2023, 10, 19), 70_016),
    release([24, 2, 0, 0], date(2023, 10, 26), 70_016),
    release([26, 0, 0, 0], date(2023, 12, 6), 70_016),
    release([26, 1, 0, 0], date(2024, 4, 2), 70_016),
    release([25, 2, 0, 0], date(2024, 4, 8), 70_016),
    release([27, 0, 0, 0], date(2024, 4, 16), 70_016),
    release([27, 1, 0, 0], date(2024, 6, 17), 70_016),
    release([26, 2, 0, 0], date(2024, 7, 9), 70_016),
    release([28, 0, 0, 0], date(2024, 10, 2), 70_016),
    release([27, 2, 0, 0], date(2024, 11, 4), 70_016),
    release([28, 1, 0, 0], date(2025, 1, 9), 70_016),
    release([29, 0, 0, 0], date(2025, 4, 14), 70_016),
    release([28, 2, 0, 0], date(2025, 6, 26), 70_016),
    release([29, 1, 0, 0], date(2025, 9, 4), 70_016),
    release([30, 0, 0, 0], date(2025, 10, 10), 70_016),
    release([29, 2, 0, 0], date(2025, 10, 14), 70_016),
    release([28, 3, 0, 0], date(2025, 10, 17), 70_016),
    release([30, 1, 0, 0], date(2026, 1, 2), 70_016),
    release([30, 2, 0, 0], date(2026, 1, 10), 70_016),
    release([29, 3, 0, 0], date(2026, 2, 10), 70_016),
    release([28, 4, 0, 0], date(2026, 3, 18), 70_016),
    release([31, 0, 0, 0], date(2026, 4, 19), 70_016),
];

impl Number {
    /// Reads up to four numbers with points between from the start of `text`, and returns what is left behind them.
    pub fn parse(text: &str) -> Option<(Number, &str)> {
        let mut parts = [0; 4];
        let mut rest = text;
        for (i, part) in parts.iter_mut().enumerate() {
            let digits = match i {
                0 => rest,
                _ => rest.strip_prefix('.').unwrap_or_default(),
            };
            let n_digits = digits.bytes().take_while(u8::is_ascii_digit).count();
            let Ok(number) = digits[..n_digits].parse() else {
                // Nothing there, or more than any release has: what was read before stands.
                return (i > 0).then_some((Number(parts), rest));
            };
            *part = number;
            rest = &digits[n_digits..];
        }
        Some((Number(parts), rest))
    }

    /// Returns the number of the software that announces `protocol_version`, from the time when both were one (BIP 14:
    /// until 0.6.0).
    pub fn of_protocol_version(protocol_version: i32) -> Option<Number> {
        let version = u32::try_from(protocol_version).ok()?;
        match version {
            // 0.3.0 was 300, 0.3.18 was 31800.
            100..10_000 => Some(Number([0, version / 100, version % 100, 0])),
            10_000..=60_000 => {
                let (minor, patch) = (version / 10_000, version / 100 % 100);
                Some(Number([0, minor, patch, version % 100]))
            }
            _ => None,
        }
    }

    /// Returns the first number of its series: 0.21 of 0.21.1, 22 of 22.1.
    pub fn series(self) -> Number {
        match self.0 {
            [0, minor, ..] => Number([0, minor, 0, 0]),
            [major, ..] => Number([major, 0, 0, 0]),
        }
    }

    /// Returns the name of its series, as people say it: `0.21`, `22`.
    pub fn series_name(self) -> String {
        match self.0 {
            [0, minor, ..] => format!("0.{minor}"),
            [major, ..] => major.to_string(),
        }
    }

    /// Whether it is that of a build of the development branch.
    pub fn is_development(self) -> bool {
        match self.0 {
            [0, _, patch, _] => patch == DEVELOPMENT,
            [_, minor, ..] => minor == DEVELOPMENT,
        }
    }

    /// Returns its place in time, where the first number of old ones says nothing.
    fn major(self) -> u32 {
        match self.0 {
            [0, minor, ..] => minor,
            [major, ..] => major,
        }
    }
}

impl fmt::Display for Number {
    /// Writes it as its user agent does: three numbers, and the fourth where there is one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d] = self.0;
        write!(f, "{a}.{b}.{c}")?;
        match d {
            0 => Ok(()),
            d => write!(f, ".{d}"),
        }
    }
}

/// Returns the release with that number.
pub fn find(number: Number) -> Option<&'static Release> {
    RELEASES.iter().find(|it| it.number == number)
}

/// Returns the first release that announced `protocol_version`.
pub fn first_with(protocol_version: i32) -> Option<&'static Release> {
    let mut releases = RELEASES.iter();
    releases.find(|it| it.protocol_version == protocol_version)
}

/// Returns the releases of the series of `number`, oldest first.
pub fn in_series(number: Number) -> impl Iterator<Item = &'static Release> {
    let series = number.series();
    RELEASES
        .iter()
        .filter(move |it| it.number.series() == series)
}

/// Why no release of Bitcoin Core can have had a number at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Doubt {
    /// There was none with that number.
    NeverReleased,
    /// It came out later.
    NotYetReleased,
}

/// Returns why no node can have run the release with that `number` on the day `on`, where the table is sure of it.
///
/// Nothing is said of numbers before 0.8. Builds of the development branch (`.99`) and of the branch of a release (one
/// above its last number) are software that people run.
pub fn doubt(number: Number, on: Date) -> Option<Doubt> {
    let days_since = |day: Date| (on - day).get_days();
    let not_yet = |day| (days_since(day) < -DAYS_AHEAD).then_some(Doubt::NotYetReleased);
    if number < COMPLETE_FROM {
        return None;
    }
    if let Some(release) = find(number) {
        return not_yet(release.on);
    }
    let series = || in_series(number);
    if let (Some(first), Some(last)) = (series().next(), series().last()) {
        return match number.is_development() {
            true => not_yet(first.on),
            false => (!is_next(last.number, number)).then_some(Doubt::NeverReleased),
        };
    }
    // 22.0 was built from 21.99, though no 21 came out.
    if number == Number([21, DEVELOPMENT, 0, 0]) {
        return None;
    }
    let newest = RELEASES.iter().max_by_key(|it| it.number)?;
    let majors_since = days_since(newest.on).max(0) / DAYS_PER_MAJOR + 1;
    let newest_major = newest.number.major() + u32::try_from(majors_since).unwrap_or(0);
    match number > newest.number && number.major() <= newest_major {
        true => not_yet(newest.on),
        false => Some(Doubt::NeverReleased),
    }
}

/// Whether `number` is what the branch of the release `last` is called before its next one.
fn is_next(last: Number, number: Number) -> bool {
    let [a, b, c, _] = last.0;
    let next = match a {
        0 => [0, b, c + 1, 0],
        _ => [a, b + 1, 0, 0],
    };
    number == Number(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_time_and_has_each_release_once() {
        assert!(RELEASES.is_sorted_by_key(|it| it.on));
        let mut numbers: Vec<Number> = RELEASES.iter().map(|it| it.number).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), RELEASES.len());
    }

    #[test]
    fn later_releases_never_speak_an_older_protocol() {
        let mut releases = RELEASES.to_vec();
        releases.sort_by_key(|it| it.number);
        assert!(releases.is_sorted_by_key(|it| it.protocol_version));
    }

    #[test]
    fn numbers_are_read_as_far_as_they_are_numbers() {
        let read = |text| Number::parse(text).map(|(number, rest)| format!("{number}|{rest}"));
        let texts = ["0.19.0.1", "23", "1.10.2pre", "0.11.0F", "1.", "1.2.3.4.5"];
        let expected = [
            "0.19.0.1|",
            "23.0.0|",
            "1.10.2|pre",
            "0.11.0|F",
            "1.0.0|.",
            "1.2.3.4|.5",
        ];
        assert_eq!(texts.map(|it| read(it).unwrap()), expected);
        assert_eq!(
            ["", "v1", ".1", "99999999999"].map(read),
            [None, None, None, None]
        );
    }

    #[test]
    fn old_protocol_versions_are_those_of_the_software() {
        let check = |version| Number::of_protocol_version(version).map(|it| it.to_string());
        assert_eq!(check(101).as_deref(), Some("0.1.1"));
        assert_eq!(check(300).as_deref(), Some("0.3.0"));
        assert_eq!(check(31_800).as_deref(), Some("0.3.18"));
        assert_eq!(check(50_301).as_deref(), Some("0.5.3.1"));
        assert_eq!(
            [-1, 0, 60_001, i32::MAX].map(check),
            [None, None, None, None]
        );
    }

    #[test]
    fn series_are_named_as_people_name_them() {
        assert_eq!(Number([0, 21, 1, 0]).series_name(), "0.21");
        assert_eq!(Number([27, 1, 0, 0]).series_name(), "27");
    }

    #[test]
    fn releases_that_never_were_are_known() {
        use Doubt::{NeverReleased, NotYetReleased};
        let in_2026 = date(2026, 11, 1);
        check("0.7.9", in_2026, None);
        check("0.8.6", in_2026, None);
        check("0.16.99", in_2026, None);
        check("0.17.2", in_2026, None);
        check("0.18.7", in_2026, Some(NeverReleased));
        check("0.16.2.1", in_2026, Some(NeverReleased));
        check("0.42.0", in_2026, Some(NeverReleased));
        check("1.0.0", in_2026, Some(NeverReleased));
        check("10.0.1", in_2026, Some(NeverReleased));
        check("21.99.0", in_2026, None);
        check("21.2.0", in_2026, Some(NeverReleased));
        check("29.4.0", in_2026, None);
        check("29.9.0", in_2026, Some(NeverReleased));
        check("31.99.0", in_2026, None);
        check("32.0.0", in_2026, None);
        check("99.0.0", in_2026, Some(NeverReleased));
        check("40.0.0", date(2030, 1, 1), None);
        check("30.0.0", date(2025, 9, 1), None);
        check("30.0.0", date(2022, 9, 14), Some(NotYetReleased));
        check("30.99.0", date(2022, 9, 14), Some(NotYetReleased));
        check("32.0.0", date(2022, 9, 14), Some(NotYetReleased));
    }

    #[track_caller]
    fn check(number: &str, on: Date, expected: Option<Doubt>) {
        let (number, _) = Number::parse(number).unwrap();
        assert_eq!(doubt(number, on), expected, "{number} on {on}");
    }
}
