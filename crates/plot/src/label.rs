//! Text in pictures: made harmless, measured, cut and broken into lines.

use record::text::escape;

use crate::theme::{Color, INK, QUIET};

/// The most characters of one label.
const MAX_LABEL: usize = 400;

/// Advances of DejaVu Sans in 2048ths of the size, from the blank to the tilde.
#[rustfmt::skip]
const REGULAR: [u16; 95] = [
    651, 821, 942, 1716, 1303, 1946, 1597, 563, 799, 799, 1024, 1716, 651, 739, 651, 690, 1303, 1303, 1303, 1303, 1303,
    1303, 1303, 1303, 1303, 1303, 690, 690, 1716, 1716, 1716, 1087, 2048, 1401, 1405, 1430, 1577, 1294, 1178, 1587, 1540,
    604, 604, 1343, 1141, 1767, 1532, 1612, 1235, 1612, 1423, 1300, 1251, 1499, 1401, 2025, 1403, 1251, 1403, 799, 690,
    799, 1716, 1024, 1024, 1255, 1300, 1126, 1300, 1260, 721, 1300, 1298, 569, 569, 1186, 569, 1995, 1298, 1253, 1300,
    1300, 842, 1067, 803, 1298, 1212, 1675, 1212, 1212, 1075, 1303, 690, 1303, 1716,
];

/// The same of DejaVu Sans Bold.
#[rustfmt::skip]
const BOLD: [u16; 95] = [
    713, 934, 1067, 1716, 1425, 2052, 1786, 627, 936, 936, 1071, 1716, 778, 850, 778, 748, 1425, 1425, 1425, 1425, 1425,
    1425, 1425, 1425, 1425, 1425, 819, 819, 1716, 1716, 1716, 1188, 2048, 1585, 1561, 1503, 1700, 1399, 1399, 1681, 1714,
    762, 762, 1587, 1305, 2038, 1714, 1741, 1501, 1741, 1577, 1475, 1397, 1663, 1585, 2259, 1579, 1483, 1485, 936, 748,
    936, 1716, 1024, 1024, 1382, 1466, 1214, 1466, 1389, 891, 1466, 1458, 702, 702, 1362, 702, 2134, 1458, 1407, 1466,
    1466, 1010, 1219, 979, 1458, 1335, 1892, 1321, 1335, 1192, 1458, 748, 1458, 1716,
];

/// Units of an advance in one size.
const UNITS: f64 = 2_048.0;

/// How text is written; its face is DejaVu Sans, which the PNG brings along, or what an SVG's reader has like it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Font {
    /// Pixels.
    pub size: u32,
    /// Whether it is bold.
    pub bold: bool,
    /// Its colour.
    pub color: Color,
    /// Which part of it is at the given place.
    pub anchor: Anchor,
}

/// Which part of a text is at the given place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// Its start.
    Start,
    /// Its middle.
    Middle,
    /// Its end.
    End,
}

impl Font {
    /// Titles.
    pub const TITLE: Font = Font::new(19, INK).bold();
    /// Definitions, and the names of axes.
    pub const NOTE: Font = Font::new(12, QUIET);
    /// What is written beside bars and lines.
    pub const LABEL: Font = Font::new(12, INK);
    /// The numbers of an axis.
    pub const TICK: Font = Font::new(11, QUIET);
    /// The line below a picture.
    pub const SOURCE: Font = Font::new(10, QUIET);

    /// A font that starts at its place.
    pub const fn new(size: u32, color: Color) -> Font {
        Font {
            size,
            bold: false,
            color,
            anchor: Anchor::Start,
        }
    }

    /// The same in bold.
    pub const fn bold(self) -> Font {
        Font { bold: true, ..self }
    }

    /// The same with its middle at its place.
    pub const fn centered(self) -> Font {
        let anchor = Anchor::Middle;
        Font { anchor, ..self }
    }

    /// The same with its end at its place.
    pub const fn ending(self) -> Font {
        let anchor = Anchor::End;
        Font { anchor, ..self }
    }

    /// Returns how far below the middle of a line its baseline is, in pixels.
    pub fn drop(self) -> f64 {
        // Capitals and digits of DejaVu are 0.73 of the size high.
        f64::from(self.size) * 0.365
    }

    fn advance(self, char: char) -> f64 {
        let table = if self.bold { &BOLD } else { &REGULAR };
        let at = u32::from(char).checked_sub(32);
        let ascii = at.and_then(|it| table.get(usize::try_from(it).ok()?));
        let units = match (ascii, char) {
            (Some(units), _) => f64::from(*units),
            (None, '·') => f64::from(table[0]),
            (None, '–') => 1_024.0,
            (None, '−') => 1_716.0,
            // Rather too wide than cut.
            (None, _) => UNITS,
        };
        units / UNITS * f64::from(self.size)
    }
}

/// A line of text that does no harm: whatever cannot be seen or turns text around is written as `\u{202e}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label(String);

impl Label {
    /// Makes text harmless, and as long as `width` pixels permit; what is cut ends with `…`.
    pub fn cut(text: &str, font: Font, width: f64) -> Label {
        let whole = Label::from(text);
        if whole.width(font) <= width {
            return whole;
        }
        // The longest start that fits: escapes are not torn apart.
        let (mut fits, mut too_long) = (0, MAX_LABEL);
        while too_long - fits > 1 {
            let middle = fits.midpoint(too_long);
            match Label(escape(text, middle)).width(font) <= width {
                true => fits = middle,
                false => too_long = middle,
            }
        }
        Label(escape(text, fits))
    }

    /// Breaks text between words into harmless lines of at most `width` pixels.
    pub fn wrapped(text: &str, font: Font, width: f64) -> Vec<Label> {
        let mut lines: Vec<String> = Vec::new();
        for word in text.split_whitespace() {
            let longer = match lines.last() {
                Some(line) => format!("{line} {word}"),
                None => word.to_owned(),
            };
            match lines.last_mut() {
                Some(line) if Label::from(longer.as_str()).width(font) <= width => *line = longer,
                _ => lines.push(word.to_owned()),
            }
        }
        let cut = |it: String| Label::cut(&it, font, width);
        lines.into_iter().map(cut).collect()
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns its width in pixels.
    pub fn width(&self, font: Font) -> f64 {
        self.0.chars().map(|it| font.advance(it)).sum()
    }
}

impl From<&str> for Label {
    fn from(text: &str) -> Label {
        Label(escape(text, MAX_LABEL))
    }
}

impl From<String> for Label {
    fn from(text: String) -> Label {
        Label::from(text.as_str())
    }
}

impl From<&Label> for Label {
    fn from(label: &Label) -> Label {
        label.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_as_wide_as_its_letters() {
        assert_eq!(Label::from("").width(Font::LABEL), 0.0);
        // DejaVu Sans at 2048 pixels would be 1401 + 1300 wide.
        let expected = (1_401.0 + 1_300.0) / 2_048.0 * 12.0;
        assert_eq!(Label::from("Ab").width(Font::LABEL), expected);
        assert_eq!(Label::from("鸡").width(Font::LABEL), 12.0);
    }

    #[test]
    fn what_is_too_wide_is_cut_between_characters() {
        check_cut("/Satoshi:27.1.0/", 200.0, "/Satoshi:27.1.0/");
        check_cut("/Satoshi:27.1.0/", 60.0, "/Satosh…");
        check_cut("/Satoshi:27.1.0/", 1.0, "…");
        check_cut("\u{202e}\u{202e}", 70.0, "\\u{202e}…");
        check_cut(&"x".repeat(100_000), 60.0, "xxxxxx…");
    }

    #[track_caller]
    fn check_cut(text: &str, width: f64, expected: &str) {
        let label = Label::cut(text, Font::LABEL, width);
        assert_eq!(label.as_str(), expected, "{:.40}", text);
        assert!(expected == "…" || label.width(Font::LABEL) <= width);
    }

    #[test]
    fn lines_are_as_wide_as_they_may() {
        let lines = Label::wrapped("one two  three\nfour five", Font::LABEL, 60.0);
        let lines: Vec<_> = lines.iter().map(Label::as_str).collect();
        assert_eq!(lines, ["one two", "three four", "five"]);
        assert_eq!(Label::wrapped(" ", Font::LABEL, 60.0), []);
    }
}
