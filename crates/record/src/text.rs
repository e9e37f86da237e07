//! Text for people's eyes: what peers sent made harmless, numbers and lines made easy to read.

use std::fmt::Display;

pub use proto::text::escape;

/// Writes a number as people read it: `12,345`, `-1,699.5`.
pub fn grouped(number: impl Display) -> String {
    let text = number.to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let n_digits = whole.trim_start_matches('-').len();
    let mut grouped = String::new();
    for (i, char) in whole.chars().enumerate() {
        let n_left = whole.len() - i;
        if n_left < n_digits && n_left.is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(char);
    }
    if !fraction.is_empty() {
        grouped.push('.');
        grouped.push_str(fraction);
    }
    grouped
}

/// Breaks `text` between words into lines of at most `width` columns; a longer word has a line of its own.
pub fn wrapped(text: &str, width: usize) -> Vec<String> {
    packed(text.split(' '), " ", width)
}

/// Puts `parts` into lines of at most `width` columns, with `between` between those of one line.
pub fn packed<'a>(
    parts: impl IntoIterator<Item = &'a str>,
    between: &str,
    width: usize,
) -> Vec<String> {
    let mut lines = vec![String::new()];
    for part in parts {
        let line = lines.last_mut().expect("there is a first line");
        let n_chars = line.chars().count() + between.chars().count() + part.chars().count();
        if line.is_empty() {
            line.push_str(part);
        } else if n_chars <= width {
            line.push_str(between);
            line.push_str(part);
        } else {
            lines.push(part.to_owned());
        }
    }
    lines
}

/// Little is not nothing.
const LITTLE: &str = "<0.1 %";

/// Writes the share that `part` is of `whole`, to a tenth of a per cent: `4.2 %`.
pub fn percent_of(part: u64, whole: u64) -> String {
    let tenths = (u128::from(part) * 1000 + u128::from(whole) / 2).checked_div(u128::from(whole));
    match tenths {
        Some(0) if part > 0 => LITTLE.to_owned(),
        Some(tenths) => format!("{}.{} %", tenths / 10, tenths % 10),
        None => "-".to_owned(),
    }
}

/// Writes a share from 0 to 1, to a tenth of a per cent: `4.2 %`.
pub fn percent(share: f64) -> String {
    let tenths = (share * 1000.0).round();
    match share > 0.0 && tenths < 1.0 {
        true => LITTLE.to_owned(),
        // Nothing that was rounded to zero is below it.
        false => format!("{:.1} %", tenths / 10.0 + 0.0),
    }
}

/// Writes a duration in microseconds with the unit that suits it: `81 ms`.
pub fn short_time(us: u64) -> String {
    match us {
        0 => "0 s".to_owned(),
        1..1_000 => format!("{us} µs"),
        1_000..10_000 => format!("{}.{} ms", us / 1_000, us % 1_000 / 100),
        10_000..1_000_000 => format!("{} ms", us / 1_000),
        _ => format!("{}.{:02} s", us / 1_000_000, us % 1_000_000 / 10_000),
    }
}

/// Writes a duration in microseconds that may be hours: `2 h 3 min`.
pub fn long_time(us: u64) -> String {
    let s = us / 1_000_000;
    match s {
        0..60 => short_time(us),
        60..3_600 => format!("{} min {} s", s / 60, s % 60),
        _ => format!("{} h {} min", grouped(s / 3_600), s % 3_600 / 60),
    }
}

/// Writes a duration in whole seconds that may be years: `3 s`, `5 h 2 min`, `12 d`.
pub fn coarse_time(s: u64) -> String {
    match s {
        0..60 => format!("{s} s"),
        60..3_600 => format!("{} min {} s", s / 60, s % 60),
        3_600..172_800 => format!("{} h {} min", s / 3_600, s % 3_600 / 60),
        _ => format!("{} d", grouped(s / 86_400)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_is_not_nothing() {
        let shares = [0.0, 0.0004, 0.0006, 1.0, -0.0004, -0.02].map(percent);
        let written = ["0.0 %", "<0.1 %", "0.1 %", "100.0 %", "0.0 %", "-2.0 %"];
        assert_eq!(shares, written);
        assert_eq!(percent_of(0, 3_000), "0.0 %");
        assert_eq!(percent_of(1, 3_000), "<0.1 %");
        assert_eq!(percent_of(2, 3_000), "0.1 %");
        assert_eq!(percent_of(0, 0), "-");
    }

    #[test]
    fn long_numbers_are_grouped() {
        let written = [0, 999, 1_000, -1, -999, -1_000, i32::MIN].map(grouped);
        let expected = [
            "0",
            "999",
            "1,000",
            "-1",
            "-999",
            "-1,000",
            "-2,147,483,648",
        ];
        assert_eq!(written, expected);
        assert_eq!(grouped(u64::MAX), "18,446,744,073,709,551,615");
        assert_eq!(grouped("1234.5678"), "1,234.5678");
    }

    #[test]
    fn lines_break_between_words() {
        assert_eq!(wrapped("", 5), [""]);
        assert_eq!(wrapped("ab cd ef", 5), ["ab cd", "ef"]);
        assert_eq!(wrapped("abcdefg h", 5), ["abcdefg", "h"]);
        let parts = ["a 1", "b 2", "c 3"];
        assert_eq!(packed(parts, " · ", 9), ["a 1 · b 2", "c 3"]);
    }
}
