//! Names by how often they came: lying bars, the longest above.

use std::cmp::Reverse;

use super::{counted, float, length, say_empty};
use crate::canvas::{Area, Picture, Point};
use crate::caption::Caption;
use crate::label::{Font, Label};
use crate::scale::{Scale, Unit};
use crate::theme::{self, Color};

/// Pixels from one bar to the next.
const ROW: f64 = 24.0;
/// How thick a bar is, in pixels.
const BAR: f64 = 15.0;
/// Pixels between a bar and its name, and between a bar and its number.
const GAP: f64 = 8.0;
/// The widest names, as a part of the picture.
const NAMES: f64 = 0.42;

/// What names are counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bars {
    /// Names, which may be hostile, and how often each came; their order does not matter.
    pub rows: Vec<(String, u64)>,
    /// What shares are of, 0 for none; one of which rows are missing has their number in `others`.
    pub whole: u64,
    /// How many more names there are that are not among the rows, and how often they came.
    pub others: (usize, u64),
    /// How many names are shown; the further ones are counted with the others.
    pub top: usize,
}

/// Draws a bar for each name, with its count and its share.
pub fn bars(caption: &Caption, bars: &Bars, width: f64) -> Picture {
    let rows = ranked(bars);
    let (mut picture, area) = caption.begin(width, length(rows.len().max(2)) * ROW);
    if rows.is_empty() {
        say_empty(&mut picture, area, "nobody to count");
        return picture;
    }
    let numbers: Vec<String> = rows.iter().map(|it| counted(it.n, bars.whole)).collect();
    let widest = |labels: &mut dyn Iterator<Item = Label>| {
        let widths = labels.map(|it| it.width(Font::LABEL));
        widths.fold(0.0, f64::max)
    };
    let names: Vec<Label> = rows
        .iter()
        .map(|it| Label::cut(&it.name, Font::LABEL, area.width * NAMES))
        .collect();
    let names_width = widest(&mut names.iter().cloned());
    let numbers_width = widest(&mut numbers.iter().map(|it| it.as_str().into()));
    let inside = area.inside(names_width + GAP, 0.0, numbers_width + GAP, 0.0);
    let max = rows.iter().map(|it| it.n).max().unwrap_or(0);
    let scale = Scale::linear(0.0, float(max.max(1)), Unit::Count).over(0.0, inside.width);
    for (i, ((row, name), number)) in rows.iter().zip(&names).zip(numbers).enumerate() {
        let middle = inside.y + (length(i) + 0.5) * ROW;
        picture.text_beside(
            Point::new(inside.x - GAP, middle),
            name,
            Font::LABEL.ending(),
        );
        // Whoever is there at all is seen.
        let long = scale
            .at(float(row.n))
            .max(if row.n > 0 { 1.0 } else { 0.0 });
        picture.rect(
            Area::new(inside.x, middle - BAR / 2.0, long, BAR),
            row.color,
        );
        let at = Point::new(inside.x + long + GAP, middle);
        picture.text_beside(at, number, Font::LABEL);
    }
    picture
}

struct Row {
    name: String,
    n: u64,
    color: Color,
}

/// The most frequent names first, those of the same number in their order; the others last.
fn ranked(bars: &Bars) -> Vec<Row> {
    let mut rows: Vec<&(String, u64)> = bars.rows.iter().collect();
    rows.sort_by_key(|(name, n)| (Reverse(*n), name));
    let left_over = rows.split_off(bars.top.min(rows.len()));
    let n_names = left_over.len() + bars.others.0;
    let n_left_over = left_over
        .iter()
        .fold(bars.others.1, |sum, (_, n)| sum.saturating_add(*n));
    let mut ranked: Vec<Row> = rows
        .into_iter()
        .map(|(name, n)| Row {
            name: name.clone(),
            n: *n,
            color: theme::BAR,
        })
        .collect();
    if n_names > 0 {
        let s = if n_names == 1 { "" } else { "s" };
        ranked.push(Row {
            name: format!("{} other{s}", record::text::grouped(n_names)),
            n: n_left_over,
            color: theme::REST,
        });
    }
    ranked
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::examine::{caption, examine, hostile, texts};

    #[test]
    fn names_are_ranked_and_the_rest_is_counted_together() {
        let rows = [("b", 20), ("c", 1), ("a", 20), ("d", 39)];
        let picture = bars(
            &caption(),
            &Bars {
                rows: rows.map(|(name, n)| (name.to_owned(), n)).to_vec(),
                whole: 100,
                others: (3, 20),
                top: 3,
            },
            800.0,
        );
        examine(&picture);
        assert_eq!(
            texts(&picture)[3..],
            [
                "d",
                "39 · 39.0 %",
                "a",
                "20 · 20.0 %",
                "b",
                "20 · 20.0 %",
                "4 others",
                "21 · 21.0 %",
            ]
        );
    }

    #[test]
    fn of_a_hundred_thousand_names_the_first_are_shown() {
        let rows = (0..100_000).map(|i| (format!("name {i}"), i)).collect();
        let (whole, others, top) = (0, (0, 0), 2);
        let all = Bars {
            rows,
            whole,
            others,
            top,
        };
        let picture = bars(&caption(), &all, 800.0);
        examine(&picture);
        assert_eq!(
            texts(&picture)[3..].join("|"),
            "name 99999|99,999|name 99998|99,998|99,998 others|4,999,750,003"
        );
    }

    #[test]
    fn any_number_of_any_names_has_its_place() {
        for n in [0, 1, 2, 40] {
            for width in [0.0, 320.0, 800.0, 2_000.0, f64::INFINITY] {
                let rows: Vec<_> = (0..n).map(|i| (hostile(i), 1 << i)).collect();
                let whole = rows.iter().map(|it| it.1).sum();
                let others = (0, 0);
                let top = 30;
                let all = Bars {
                    rows,
                    whole,
                    others,
                    top,
                };
                examine(&bars(&caption(), &all, width));
            }
        }
    }
}
