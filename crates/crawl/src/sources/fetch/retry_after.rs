//! The `Retry-After` header (RFC 9110 §10.2.3).

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;

/// Returns how long to wait from `now` on, for seconds as for an HTTP date.
pub(super) fn parse(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    if value.bytes().all(|it| it.is_ascii_digit()) {
        return value.parse().ok().map(Duration::from_secs);
    }
    let until = DateTimeParser::new().parse_timestamp(value).ok()?;
    // A date that has passed means now.
    Some(Duration::try_from(until.duration_since(now)).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates_are_read() {
        check("0", Some(0));
        check(" 120 ", Some(120));
        check("Sun, 06 Nov 1994 08:49:37 GMT", Some(7));
        check("Sun, 06 Nov 1994 08:49:20 GMT", Some(0));
        check("Thu, 31 Dec 9998 23:59:59 GMT", Some(252_586_653_029));
    }

    #[test]
    fn anything_else_is_no_wait() {
        check("", None);
        check("-1", None);
        check("soon", None);
        check("1.5", None);
        check("99999999999999999999", None);
    }

    #[track_caller]
    fn check(value: &str, expected: Option<u64>) {
        let now = "1994-11-06T08:49:30Z".parse().unwrap();
        assert_eq!(parse(value, now), expected.map(Duration::from_secs));
    }
}
