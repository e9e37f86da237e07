//! What was offered against what worked: two lying bars for each name.

use super::{counted, float, length, say_empty};
use crate::canvas::{Area, Picture, Point};
use crate::caption::{Caption, chart_width};
use crate::label::{Font, Label};
use crate::legend::Key;
use crate::scale::{Scale, Unit};
use crate::theme;

/// How thick a bar is, in pixels.
const BAR: f64 = 15.0;
/// Pixels from the first pair to the next.
const ROW: f64 = 48.0;
/// Pixels between a bar and what is written beside it.
const GAP: f64 = 8.0;

/// Two numbers for each name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pairs {
    /// What the first number counts, and what the second.
    pub names: [String; 2],
    /// The pairs, in the order in which they are shown.
    pub rows: Vec<Pair>,
}

/// One name, and its two numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The name.
    pub name: String,
    /// What shares are of.
    pub whole: u64,
    /// How many the first counts, and how many the second.
    pub counts: [u64; 2],
}

/// Draws two bars for each name, each as a share of what it is of.
pub fn pairs(caption: &Caption, pairs: &Pairs, width: f64) -> Picture {
    let keys: Vec<Key<'_>> = pairs.names.iter().enumerate().map(Key::area).collect();
    let legend = Key::height_of(&keys, chart_width(width));
    let (mut picture, area) = caption.begin(width, legend + length(pairs.rows.len().max(1)) * ROW);
    let area = Key::draw_all(&mut picture, area, &keys);
    if pairs.rows.is_empty() {
        say_empty(&mut picture, area, "nobody to count");
        return picture;
    }
    let cut = |it: &Pair| Label::cut(&it.name, Font::LABEL, area.width * 0.3);
    let names: Vec<Label> = pairs.rows.iter().map(cut).collect();
    let numbers = |it: &Pair| it.counts.map(|n| counted(n, it.whole));
    let all_numbers = pairs.rows.iter().flat_map(numbers).map(Label::from);
    let widest = |labels: &mut dyn Iterator<Item = Label>| {
        labels.map(|it| it.width(Font::LABEL)).fold(0.0, f64::max)
    };
    let left = widest(&mut names.iter().cloned()) + GAP;
    let right = widest(&mut all_numbers.into_iter()) + GAP;
    let inside = area.inside(left, 0.0, right, 0.0);
    let max = pairs
        .rows
        .iter()
        .flat_map(|it| it.counts)
        .max()
        .unwrap_or(0);
    let scale = Scale::linear(0.0, float(max.max(1)), Unit::Count).over(0.0, inside.width);
    for (i, (pair, name)) in pairs.rows.iter().zip(names).enumerate() {
        let middle = inside.y + (length(i) + 0.5) * ROW;
        picture.text_beside(
            Point::new(inside.x - GAP, middle),
            name,
            Font::LABEL.ending(),
        );
        for (k, (n, number)) in pair.counts.into_iter().zip(numbers(pair)).enumerate() {
            let y = middle + (length(k) - 0.5) * (BAR + 2.0);
            let long = scale.at(float(n)).max(if n > 0 { 1.0 } else { 0.0 });
            picture.bar(
                Area::new(inside.x, y - BAR / 2.0, long, BAR),
                theme::style(k),
            );
            picture.text_beside(Point::new(inside.x + long + GAP, y), number, Font::LABEL);
        }
    }
    picture
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::examine::{caption, examine, hostile, texts};

    #[test]
    fn each_name_has_two_bars() {
        let row = |name: &str, counts| Pair {
            name: name.to_owned(),
            whole: 200,
            counts,
        };
        let all = Pairs {
            names: ["offered".to_owned(), "worked".to_owned()],
            rows: vec![row("ipv4", [150, 140]), row("ipv6", [0, 0])],
        };
        let picture = pairs(&caption(), &all, 800.0);
        examine(&picture);
        assert_eq!(
            texts(&picture)[3..],
            [
                "offered",
                "worked",
                "ipv4",
                "150 · 75.0 %",
                "140 · 70.0 %",
                "ipv6",
                "0 · 0.0 %",
                "0 · 0.0 %",
            ]
        );
    }

    #[test]
    fn any_pairs_have_their_place() {
        for n in [0, 1, 10] {
            let row = |i| Pair {
                name: hostile(i),
                whole: 0,
                counts: [u64::MAX, 0],
            };
            let names = [hostile(9), hostile(1)];
            let rows = (0..n).map(row).collect();
            examine(&pairs(&caption(), &Pairs { names, rows }, 0.0));
        }
    }
}
