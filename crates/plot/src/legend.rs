//! What the series of a chart are called.

use crate::canvas::{Area, Picture, Point};
use crate::label::{Font, Label};
use crate::theme::{self, Style};

/// How high a line of a legend is, in pixels.
const LINE: f64 = 20.0;
/// Pixels from the sign to its name.
const SIGN: f64 = 28.0;
/// Pixels between two entries.
const GAP: f64 = 18.0;
/// The widest name, in pixels.
const MAX_NAME: f64 = 240.0;

/// One series in a legend.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Key<'a> {
    /// What it is called.
    pub name: &'a str,
    /// How it is drawn.
    pub style: Style,
    /// Whether it is a line and not an area.
    pub is_line: bool,
}

impl<'a> Key<'a> {
    /// The series of this number that is drawn as an area.
    pub fn area((i, name): (usize, &'a String)) -> Key<'a> {
        Key {
            name,
            style: theme::style(i),
            is_line: false,
        }
    }

    /// The series of this number that is drawn as a line.
    pub fn line((i, name): (usize, &'a String)) -> Key<'a> {
        Key {
            is_line: true,
            ..Key::area((i, name))
        }
    }

    /// Returns how high the legend of these series is, in pixels.
    pub fn height_of(keys: &[Key<'_>], width: f64) -> f64 {
        let places = placed(keys, width);
        places.last().map_or(0.0, |(at, _)| at.y + LINE + 10.0)
    }

    /// Draws the legend of these series at the top of an area, and returns what is left of that.
    pub fn draw_all(picture: &mut Picture, area: Area, keys: &[Key<'_>]) -> Area {
        for ((at, label), key) in placed(keys, area.width).into_iter().zip(keys) {
            let at = Point::new(area.x + at.x, area.y + at.y + LINE / 2.0);
            key.draw_sign(picture, at);
            picture.text_beside(Point::new(at.x + SIGN, at.y), label, Font::LABEL);
        }
        area.inside(0.0, Key::height_of(keys, area.width), 0.0, 0.0)
    }

    fn draw_sign(&self, picture: &mut Picture, at: Point) {
        match self.is_line {
            true => {
                let end = Point::new(at.x + SIGN - 6.0, at.y);
                picture.line([at, end], self.style.pen(2.0));
                picture.marker(
                    Point::new(f64::midpoint(at.x, end.x), at.y),
                    7.0,
                    self.style,
                );
            }
            false => {
                let area = Area::new(at.x, at.y - 6.0, SIGN - 6.0, 12.0);
                picture.bar(area, self.style);
            }
        }
    }
}

/// Returns where each entry goes, from the top left corner of the legend.
fn placed(keys: &[Key<'_>], width: f64) -> Vec<(Point, Label)> {
    let (mut x, mut y) = (0.0, 0.0);
    let place = |key: &Key<'_>| {
        let label = Label::cut(key.name, Font::LABEL, MAX_NAME.min(width - SIGN));
        let entry = SIGN + label.width(Font::LABEL);
        if x > 0.0 && x + entry > width {
            (x, y) = (0.0, y + LINE);
        }
        let at = Point::new(x, y);
        x += entry + GAP;
        (at, label)
    };
    keys.iter().map(place).collect()
}
