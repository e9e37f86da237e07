//! Standing bars beside each other, stacked where there are several series.

use record::text::grouped;

use super::{float, length, say_empty};
use crate::axis;
use crate::canvas::{Area, Picture, Point};
use crate::label::{Font, Label};
use crate::scale::{Scale, Unit};
use crate::theme::{AXIS, Color, Pen, Style};

/// Pixels below the columns, for two lines of names.
pub(super) const BELOW: f64 = 34.0;

/// A column: what stands below it, and its parts from below to above.
pub(super) struct Column {
    /// One line of its name, or two.
    pub(super) name: Vec<String>,
    /// How many each part counts, and how it is drawn.
    pub(super) parts: Vec<(u64, Fill)>,
    /// How wide it is, by the width of the others.
    pub(super) weight: f64,
}

/// How a part of a column is filled.
#[derive(Clone, Copy)]
pub(super) enum Fill {
    /// With a colour.
    Plain(Color),
    /// As its series is drawn.
    Series(Style),
}

impl Column {
    fn n(&self) -> u64 {
        self.parts
            .iter()
            .fold(0, |sum, (n, _)| sum.saturating_add(*n))
    }
}

/// Draws columns with an axis on the left; returns the room of each from its number on, none where
/// nobody is.
pub(super) fn draw(picture: &mut Picture, area: Area, columns: &[Column], name: &str) -> Vec<Area> {
    let max = columns.iter().map(Column::n).max().unwrap_or(0);
    if max == 0 {
        say_empty(picture, area, "nobody to count");
        return Vec::new();
    }
    let scale = Scale::from_zero(float(max), Unit::Count);
    let height = area.height - BELOW - axis::ABOVE;
    let left = axis::left_margin(height, &scale);
    let edge = area.x;
    let area = area.inside(left, axis::ABOVE, 0.0, BELOW);
    let scale = scale.over(area.bottom(), area.y);
    axis::left(picture, area, &scale, (edge, name));
    let weights: f64 = columns.iter().map(|it| it.weight).sum();
    let mut x = area.x;
    let mut rooms = Vec::new();
    for column in columns {
        let width = area.width * column.weight / weights;
        let room = Area::new(x, area.y, width, area.height);
        let top = draw_column(picture, room, column, &scale);
        rooms.push(room.inside(0.0, top - room.y, 0.0, 0.0));
        x += width;
    }
    let corners = [(area.x, area.bottom()), (area.right(), area.bottom())];
    picture.line(corners.map(|(x, y)| Point::new(x, y)), Pen::new(AXIS, 1.0));
    rooms
}

/// Draws one column with its number above, where that has room, and its name below; returns where it ends above.
fn draw_column(picture: &mut Picture, room: Area, column: &Column, scale: &Scale) -> f64 {
    let gap = (room.width * 0.14).min(6.0);
    let mut below = 0_u64;
    let mut top = room.bottom();
    for (n, fill) in &column.parts {
        let above = below.saturating_add(*n);
        let upper = scale.at(float(above));
        // Whoever is there at all is seen.
        let high = (top - upper).max(if *n > 0 { 1.0 } else { 0.0 });
        let part = Area::new(room.x + gap, top - high, room.width - 2.0 * gap, high);
        match fill {
            Fill::Plain(color) => picture.rect(part, *color),
            Fill::Series(style) => picture.bar(part, *style),
        }
        (below, top) = (above, top - high);
    }
    let middle = room.middle();
    let numbers = [grouped(column.n()), short(column.n())].map(Label::from);
    let fitting = numbers
        .into_iter()
        .find(|it| it.width(Font::TICK) <= room.width - 3.0);
    if let Some(number) = fitting.filter(|_| column.n() > 0) {
        picture.text(Point::new(middle, top - 4.0), number, Font::TICK.centered());
    }
    for (i, line) in column.name.iter().enumerate() {
        let at = Point::new(middle, room.bottom() + 15.0 + length(i) * 13.0);
        let line = Label::cut(line, Font::TICK, room.width);
        picture.text(at, line, Font::TICK.centered());
    }
    top - 16.0
}

/// Writes a count in five letters at most: `999`, `1.2k`, `45k`, `3.1M`.
fn short(n: u64) -> String {
    let (value, letter) = match n {
        0..1_000 => return n.to_string(),
        1_000..1_000_000 => (float(n) / 1e3, "k"),
        1_000_000..1_000_000_000 => (float(n) / 1e6, "M"),
        _ => (float(n) / 1e9, "G"),
    };
    match value < 9.95 {
        true => format!("{value:.1}{letter}"),
        false => format!("{value:.0}{letter}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_above_columns_are_short() {
        let written = [0, 999, 1_000, 1_250, 9_960, 45_000, 3_100_000].map(short);
        assert_eq!(written, ["0", "999", "1.0k", "1.2k", "10k", "45k", "3.1M"]);
        assert_eq!(short(7_000_000_000), "7.0G");
    }
}
