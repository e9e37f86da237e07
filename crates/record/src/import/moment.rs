//! When a list was made, by what people type and by what files are called.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

/// Bitcoin's first block: nothing that lists nodes is older.
const GENESIS: i64 = 1_231_006_505;
/// The last second of the year 2099: larger numbers in the name of a file mean something else.
const LATEST: i64 = 4_102_444_799;

/// Reads a time in seconds since 1970: Unix seconds, or a date with or without time, in UTC unless it says otherwise.
pub fn read(text: &str) -> Option<i64> {
    let unix = text.parse().ok().filter(|it: &i64| *it >= 0);
    unix.or_else(|| Some(text.parse::<Timestamp>().ok()?.as_second()))
        .or_else(|| in_utc(text.parse().ok()?))
}

/// Finds the time in the name of a file: `1663113591.json`, `bitcoin_nodes_2026-08-01.csv`,
/// `2025-06-10T12:00_visits.ndjson`, `2024-12-17T08-30-00Z_v3.10.1_reachable_nodes.csv`.
pub fn of_name(name: &str) -> Option<i64> {
    let numbers = name.split(|it: char| !it.is_ascii_digit());
    let unix = numbers.filter(|it| it.len() == 10);
    let mut unix = unix.filter_map(|it| it.parse().ok());
    unix.find(|it| (GENESIS..=LATEST).contains(it))
        .or_else(|| dates(name).find(|it| (GENESIS..=LATEST).contains(it)))
}

/// Every date with hyphens, and the hours and minutes that follow it behind a `T`.
fn dates(name: &str) -> impl Iterator<Item = i64> {
    let starts = name
        .match_indices('-')
        .filter_map(|(at, _)| at.checked_sub(4));
    starts.filter_map(|start| {
        let date: Date = name.get(start..start + 10)?.parse().ok()?;
        let clock = name.get(start + 10..).and_then(clock);
        let [hour, minute, second] = clock.unwrap_or_default();
        in_utc(date.at(hour, minute, second, 0))
    })
}

/// Reads `T12:00`, `T12-00` and the same with seconds.
fn clock(text: &str) -> Option<[i8; 3]> {
    let text = text.strip_prefix('T')?;
    let part = |at: usize| {
        let part = text.get(at..at + 2)?.parse::<i8>().ok()?;
        Some(part).filter(|it| (0..60).contains(it))
    };
    let is_parted = |at| matches!(text.as_bytes().get(at), Some(b':' | b'-'));
    let hour = part(0).filter(|it| *it < 24)?;
    let minute = part(3).filter(|_| is_parted(2))?;
    let second = part(6).filter(|_| is_parted(5));
    Some([hour, minute, second.unwrap_or(0)])
}

fn in_utc(time: DateTime) -> Option<i64> {
    let time = time.to_zoned(TimeZone::UTC).ok()?;
    Some(time.timestamp().as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_typed_as_a_number_or_as_a_date() {
        let check = |text, expected| assert_eq!(read(text), expected, "{text}");
        check("1663113591", Some(1_663_113_591));
        check("2026-08-01", Some(1_785_542_400));
        check("2026-08-01T12:30", Some(1_785_587_400));
        check("2026-08-01 12:30:01", Some(1_785_587_401));
        check("2026-08-01T12:30:00+02:00", Some(1_785_580_200));
        check("-5", None);
        check("yesterday", None);
        check("", None);
    }

    #[test]
    fn the_name_of_a_file_often_says_when_it_was_made() {
        let check = |name, expected| assert_eq!(of_name(name), expected, "{name}");
        check("1663113591.json", Some(1_663_113_591));
        check("bitcoin_nodes_2026-08-01.csv", Some(1_785_542_400));
        check("2025-06-10T12:00_visits.ndjson", Some(1_749_556_800));
        check(
            "2024-12-17T08-30-05Z_v3.10.1_reachable_nodes.csv",
            Some(1_734_424_205),
        );
        check("2026-08-01T99:99.csv", Some(1_785_542_400));
        check("nodes_main.txt", None);
        check("seeds-2026-13-01.txt", None);
        check("node-4159213250-1999-01-01.txt", None);
        check("é-2026-08-01", Some(1_785_542_400));
        check("---", None);
    }
}
