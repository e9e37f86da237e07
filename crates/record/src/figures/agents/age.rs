//! How old the software of nodes is.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::Serialize;

use super::agent::Agent;
use super::releases::{self, Number};
use crate::summary::quantile::quantile;

/// The days of a year.
const YEAR: i64 = 365;

/// What [`Age`] is, for people.
pub(super) const AGE: &str = "how long before the end of the crawl the software of reachable addresses was released, by the release of Bitcoin \
     Core that their user agent names (Bitcoin Knots: by its own date), or by their protocol version where both were \
     one; builds of the development branch and other programs are left out";

/// How old the software of nodes is, as far as its release is known.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Age {
    /// Nodes whose software has a known day of release.
    pub n_dated: u64,
    /// Those whose software has none.
    pub n_undated: u64,
    /// The dated ones by the year of the release, the oldest first.
    pub years: Vec<YearCount>,
    /// Half of the dated ones run software of at most this age, in days.
    pub median_days: i64,
    /// The part of the dated ones whose software is older than 365 days.
    pub older_than_1_year_share: f64,
    /// The same with 730 days.
    pub older_than_2_years_share: f64,
    /// The same with 1,825 days.
    pub older_than_5_years_share: f64,
}

/// How many nodes run software of one year.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct YearCount {
    /// The year.
    pub year: i16,
    /// The nodes.
    pub n: u64,
}

impl Age {
    /// Measures the ages on the day `on` of software that was `released`, `n` nodes each; `None` where no day is known.
    pub(super) fn of(
        released: impl Iterator<Item = (Option<Date>, u64)>,
        on: Option<Date>,
    ) -> Option<Age> {
        let mut n_by_day: BTreeMap<Option<Date>, u64> = BTreeMap::new();
        for (day, n) in released {
            *n_by_day.entry(day).or_default() += n;
        }
        let n_undated = n_by_day.remove(&None).unwrap_or(0);
        let dated = || n_by_day.iter().filter_map(|(day, n)| Some(((*day)?, *n)));
        let mut years: BTreeMap<i16, u64> = BTreeMap::new();
        let mut ages = Vec::new();
        for (day, n) in dated() {
            *years.entry(day.year()).or_default() += n;
            let age = i64::from((on? - day).get_days());
            ages.extend((0..n).map(|_| age));
        }
        ages.sort_unstable();
        let older_than_share = |n_years: i64| {
            let n_older = ages.len() - ages.partition_point(|it| *it <= n_years * YEAR);
            share(n_older, ages.len())
        };
        Some(Age {
            n_dated: ages.len() as u64,
            n_undated,
            years: years
                .into_iter()
                .map(|(year, n)| YearCount { year, n })
                .collect(),
            median_days: quantile(&ages, 50)?,
            older_than_1_year_share: older_than_share(1),
            older_than_2_years_share: older_than_share(2),
            older_than_5_years_share: older_than_share(5),
        })
    }
}

/// Returns the day on which the software was released that has this user agent.
pub(super) fn released_on(agent: &Agent) -> Option<Date> {
    let edition = agent.fork.iter().flat_map(|it| it.split('/'));
    let by_edition = edition.filter_map(knots_day).next();
    by_edition.or_else(|| releases::find(agent.core_release?).map(|it| it.on))
}

/// Returns the day on which the software was released that announced this protocol version, while both were one.
pub(super) fn released_with(protocol_version: i32) -> Option<Date> {
    Number::of_protocol_version(protocol_version)?;
    releases::first_with(protocol_version).map(|it| it.on)
}

/// Reads the day of `Knots:20240801`.
fn knots_day(title: &str) -> Option<Date> {
    let digits = title
        .strip_prefix("Knots:")
        .or_else(|| title.strip_prefix("ljr:"))?;
    let number: u32 = digits.get(..8)?.parse().ok()?;
    let year = i16::try_from(number / 10_000).ok()?;
    let month = i8::try_from(number / 100 % 100).ok()?;
    let day = i8::try_from(number % 100).ok()?;
    Date::new(year, month, day).ok()
}

#[expect(
    clippy::cast_precision_loss,
    reason = "four digits are shown at the most"
)]
fn share(n: usize, total: usize) -> f64 {
    n as f64 / total as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn software_is_dated_by_its_release() {
        check_day("/Satoshi:0.8.6/", "2013-12-09");
        check_day("/Satoshi:29.2.0/Knots:20251110/", "2025-11-10");
        check_day("/Satoshi:29.2.0/Knots:20259999/", "2025-10-14");
        check_day("/Satoshi:0.20.1(Omni:0.11.0)/", "2020-08-01");
        check_day("", "-");
        check_day("/Satoshi:23.99.0/", "-");
        check_day("/btcwire:0.5.0/btcd:0.24.2/", "-");
    }

    #[test]
    fn software_of_the_first_years_is_dated_by_its_protocol() {
        let day = |version| released_with(version).map(|it| it.to_string());
        assert_eq!(day(31_800).as_deref(), Some("2010-12-08"));
        assert_eq!(day(300).as_deref(), Some("2010-07-06"));
        assert_eq!([70_016, 60_001, 299, -1].map(day), [None, None, None, None]);
    }

    #[test]
    fn ages_are_measured_on_the_day_of_the_crawl() {
        let on = date(2026, 11, 1);
        let released = [
            (Some(date(2026, 4, 19)), 2),
            (Some(date(2025, 11, 1)), 1),
            (Some(date(2025, 10, 10)), 1),
            (Some(date(2013, 12, 9)), 1),
            (None, 7),
        ];
        let year = |year, n| YearCount { year, n };
        let expected = Age {
            n_dated: 5,
            n_undated: 7,
            years: vec![year(2013, 1), year(2025, 2), year(2026, 2)],
            median_days: 365,
            older_than_1_year_share: 0.4,
            older_than_2_years_share: 0.2,
            older_than_5_years_share: 0.2,
        };
        assert_eq!(Age::of(released.into_iter(), Some(on)), Some(expected));
        assert_eq!(Age::of([(None, 7)].into_iter(), Some(on)), None);
        assert_eq!(Age::of(released.into_iter(), None), None);
    }

    #[track_caller]
    fn check_day(user_agent: &str, expected: &str) {
        let agent = Agent::parse(user_agent.as_bytes());
        let day = released_on(&agent).map(|it| it.to_string());
        assert_eq!(day.as_deref().unwrap_or("-"), expected, "{user_agent}");
    }
}
