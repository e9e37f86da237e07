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

#[cfg(test)]
mod tests {
    use super::*;

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
