//! Axes with their ticks, names and the lines behind a chart.

use crate::canvas::{Area, Picture, Point};
use crate::label::{Font, Label};
use crate::scale::{Scale, Tick};
use crate::theme::{AXIS, GRID, Pen};

/// Pixels between an axis and its numbers.
const GAP: f64 = 6.0;
/// Pixels below an area that an axis with a name needs.
pub const BELOW: f64 = 44.0;
/// Pixels above an area that the name of an axis on its left needs.
pub const ABOVE: f64 = 28.0;

/// Draws a scale of pixels from left to right below an area, with lines up through it; needs [`BELOW`] pixels.
pub fn below(picture: &mut Picture, area: Area, scale: &Scale, name: &str) {
    for Written {
        value,
        middle,
        label,
    } in fitting_across(picture.width(), area.width, scale)
    {
        let x = scale.at(value);
        picture.line(
            [Point::new(x, area.y), Point::new(x, area.bottom() + 4.0)],
            Pen::new(GRID, 1.0),
        );
        let at = Point::new(middle, area.bottom() + GAP + 11.0);
        picture.text(at, label, Font::TICK.centered());
    }
    let corners = [(area.x, area.bottom()), (area.right(), area.bottom())];
    picture.line(corners.map(|(x, y)| Point::new(x, y)), Pen::new(AXIS, 1.0));
    if !name.is_empty() {
        let at = Point::new(area.middle(), area.bottom() + BELOW - 10.0);
        let name = Label::cut(name, Font::NOTE, area.width);
        picture.text(at, name, Font::NOTE.centered());
    }
}

/// Draws a scale of pixels from bottom to top on the left of an area, with lines through it, and its name above, which
/// begins at `x`; needs [`left_margin`] pixels on the left and [`ABOVE`].
pub fn left(picture: &mut Picture, area: Area, scale: &Scale, (x, name): (f64, &str)) {
    for tick in upright(area.height, scale) {
        let y = scale.at(tick.value);
        picture.line(
            [Point::new(area.x, y), Point::new(area.right(), y)],
            Pen::new(GRID, 1.0),
        );
        let at = Point::new(area.x - GAP, y);
        picture.text_beside(at, tick.label, Font::TICK.ending());
    }
    let name = Label::cut(name, Font::NOTE, area.right() - x);
    picture.text(Point::new(x, area.y - 14.0), name, Font::NOTE);
}

/// Returns how many pixels on the left of an area of this height an axis needs.
pub fn left_margin(height: f64, scale: &Scale) -> f64 {
    let labels = upright(height, scale)
        .into_iter()
        .map(|it| Label::from(it.label));
    let widest = labels.map(|it| it.width(Font::TICK)).fold(0.0, f64::max);
    (widest + GAP).ceil()
}

fn upright(height: f64, scale: &Scale) -> Vec<Tick> {
    scale.ticks(fitting(height / 46.0, 12))
}

/// A tick of a lying axis, and where the middle of its label is.
struct Written {
    value: f64,
    middle: f64,
    label: Label,
}

impl Written {
    fn new(tick: Tick, scale: &Scale, picture_width: f64) -> Written {
        let label = Label::from(tick.label);
        let half = label.width(Font::TICK) / 2.0;
        // The first and the last are moved in, where they would be cut.
        let middle = scale
            .at(tick.value)
            .min(picture_width - half - 2.0)
            .max(half + 2.0);
        Written {
            value: tick.value,
            middle,
            label,
        }
    }

    /// Whether this one has room after another.
    fn is_behind(&self, other: &Written) -> bool {
        let half = |it: &Written| it.label.width(Font::TICK) / 2.0;
        self.middle - other.middle >= half(self) + half(other) + 10.0
    }
}

/// Returns as many ticks as stand beside each other without touching.
fn fitting_across(picture_width: f64, width: f64, scale: &Scale) -> Vec<Written> {
    for n in (2..=fitting(width / 60.0, 12)).rev() {
        let ticks = scale.ticks(n).into_iter();
        let written: Vec<_> = ticks
            .map(|it| Written::new(it, scale, picture_width))
            .collect();
        if written.windows(2).all(|it| it[1].is_behind(&it[0])) {
            return written;
        }
    }
    let first = scale.ticks(1).into_iter().take(1);
    first
        .map(|it| Written::new(it, scale, picture_width))
        .collect()
}

/// Returns how many of something fit, 1 at least and `most` at most.
pub(crate) fn fitting(n: f64, most: usize) -> usize {
    let fits = |it: &usize| f64::from(u32::try_from(*it).unwrap_or(u32::MAX)) <= n;
    (1..=most).rev().find(fits).unwrap_or(1)
}
