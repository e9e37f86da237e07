//! What pictures are made of: a handful of shapes, which the SVG and the PNG draw alike.

use crate::label::{Font, Label};
use crate::theme::{Color, GROUND, Hatch, Marker, Pen, Style};

/// Pixels between two lines of a hatch.
const HATCH_GAP: f64 = 6.0;

/// A picture: shapes on a white ground, in pixels from its top left corner.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    pub(crate) width: f64,
    pub(crate) height: f64,
    pub(crate) title: Label,
    pub(crate) definition: Label,
    pub(crate) shapes: Vec<Shape>,
}

/// A place in a picture, in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// From the left.
    pub x: f64,
    /// From the top.
    pub y: f64,
}

/// A rectangle in a picture, in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Area {
    /// Its left edge.
    pub x: f64,
    /// Its upper edge.
    pub y: f64,
    /// How wide it is.
    pub width: f64,
    /// How high it is.
    pub height: f64,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Shape {
    Rect {
        area: Area,
        fill: Color,
    },
    Circle {
        center: Point,
        radius: f64,
        fill: Color,
        /// Percent.
        opacity: u8,
        outline: Option<Pen>,
    },
    Line {
        points: Vec<Point>,
        pen: Pen,
    },
    Polygon {
        rings: Vec<Vec<Point>>,
        fill: Color,
        outline: Option<Pen>,
    },
    Text {
        at: Point,
        label: Label,
        font: Font,
    },
}

impl Point {
    /// A place so far from the left and from the top.
    pub const fn new(x: f64, y: f64) -> Point {
        Point { x, y }
    }

    fn is_finite(self) -> bool {
        self.x.is_finite() && self.y.is_finite()
    }
}

impl Area {
    /// The rectangle with this left and upper edge.
    pub const fn new(x: f64, y: f64, width: f64, height: f64) -> Area {
        Area {
            x,
            y,
            width,
            height,
        }
    }

    /// Returns its right edge.
    pub fn right(self) -> f64 {
        self.x + self.width
    }

    /// Returns its lower edge.
    pub fn bottom(self) -> f64 {
        self.y + self.height
    }

    /// Returns its middle from left to right.
    pub fn middle(self) -> f64 {
        self.x + self.width / 2.0
    }

    /// Returns what is left of it behind margins on the left, above, on the right and below; never less than nothing.
    pub fn inside(self, left: f64, top: f64, right: f64, bottom: f64) -> Area {
        Area {
            x: self.x + left,
            y: self.y + top,
            width: (self.width - left - right).max(0.0),
            height: (self.height - top - bottom).max(0.0),
        }
    }
}

impl Picture {
    /// An empty picture; title and definition are for those who cannot see it. Most begin with a
    /// [`Caption`](crate::Caption).
    pub fn new(width: f64, height: f64, title: &str, definition: &str) -> Picture {
        Picture {
            width,
            height,
            title: title.into(),
            definition: definition.into(),
            shapes: Vec::new(),
        }
    }

    /// Returns how wide it is, in pixels.
    pub fn width(&self) -> f64 {
        self.width
    }

    /// Returns how high it is, in pixels.
    pub fn height(&self) -> f64 {
        self.height
    }

    /// Fills a rectangle.
    pub fn rect(&mut self, area: Area, fill: Color) {
        if area.width > 0.0 && area.height > 0.0 {
            self.push(Shape::Rect { area, fill });
        }
    }

    /// Fills a rectangle with a series' colour and hatch.
    pub fn bar(&mut self, area: Area, style: Style) {
        self.rect(area, style.color);
        let pen = Pen::new(style.color.mixed(GROUND, 65), 1.2);
        for points in hatched(area, style.hatch) {
            self.line(points, pen);
        }
    }

    /// Draws a line through points; one of less than two is none.
    pub fn line(&mut self, points: impl IntoIterator<Item = Point>, pen: Pen) {
        let points: Vec<Point> = points.into_iter().collect();
        if points.len() > 1 {
            self.push(Shape::Line { points, pen });
        }
    }

    /// Fills what rings of points enclose; none of them is a hole in another.
    pub fn polygon(&mut self, rings: Vec<Vec<Point>>, fill: Color, outline: Option<Pen>) {
        self.push(Shape::Polygon {
            rings,
            fill,
            outline,
        });
    }

    /// Fills a circle.
    pub fn circle(&mut self, center: Point, radius: f64, fill: Color, outline: Option<Pen>) {
        self.push(Shape::Circle {
            center,
            radius,
            fill,
            opacity: 100,
            outline,
        });
    }

    /// Fills a circle through which one sees what is below it, with an edge where it is large enough for one.
    pub fn bubble(&mut self, center: Point, radius: f64, fill: Color) {
        let edge = Pen::new(GROUND, 0.5);
        self.push(Shape::Circle {
            center,
            radius,
            fill,
            opacity: 70,
            outline: (radius >= 3.0).then_some(edge),
        });
    }

    /// Draws the sign of a series, as high as `size`.
    pub fn marker(&mut self, at: Point, size: f64, style: Style) {
        let r = size / 2.0;
        let corners: &[(f64, f64)] = match style.marker {
            Marker::Disc => return self.circle(at, r, style.color, None),
            Marker::Square => &[(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)],
            Marker::Triangle => &[(0.0, -1.1), (1.1, 0.9), (-1.1, 0.9)],
            Marker::Diamond => &[(0.0, -1.25), (1.25, 0.0), (0.0, 1.25), (-1.25, 0.0)],
        };
        let corner = |(x, y): &(f64, f64)| Point::new(at.x + x * r, at.y + y * r);
        self.polygon(
            vec![corners.iter().map(corner).collect()],
            style.color,
            None,
        );
    }

    /// Writes a line of text; `at` is on its baseline.
    pub fn text(&mut self, at: Point, label: impl Into<Label>, font: Font) {
        let label = label.into();
        self.push(Shape::Text { at, label, font });
    }

    /// Writes a line of text whose capitals have their middle at `at`.
    pub fn text_beside(&mut self, at: Point, label: impl Into<Label>, font: Font) {
        self.text(Point::new(at.x, at.y + font.drop()), label, font);
    }

    /// Keeps a shape, but for one that is nowhere: no picture is broken by a number that is none.
    fn push(&mut self, shape: Shape) {
        let is_somewhere = match &shape {
            Shape::Rect { area, .. } => {
                Point::new(area.x, area.y).is_finite()
                    && Point::new(area.width, area.height).is_finite()
            }
            Shape::Circle { center, radius, .. } => center.is_finite() && radius.is_finite(),
            Shape::Line { points, .. } => points.iter().all(|it| it.is_finite()),
            Shape::Polygon { rings, .. } => rings.iter().flatten().all(|it| it.is_finite()),
            Shape::Text { at, .. } => at.is_finite(),
        };
        if is_somewhere {
            self.shapes.push(shape);
        }
    }
}

/// Returns the lines of a hatch inside of a rectangle; those of neighbours go on in each other.
fn hatched(area: Area, hatch: Hatch) -> Vec<[Point; 2]> {
    let Area { x, y, .. } = area;
    let (right, bottom) = (area.right(), area.bottom());
    // Those that slant have the same distance from each other as those that do not.
    let slanting = HATCH_GAP * 2_f64.sqrt();
    match hatch {
        Hatch::Plain => Vec::new(),
        // On a rising line x + y is the same everywhere, on a falling one y - x.
        Hatch::Rising => multiples(slanting, x + y, right + bottom)
            .map(|sum| {
                let (from, to) = (x.max(sum - bottom), right.min(sum - y));
                [Point::new(from, sum - from), Point::new(to, sum - to)]
            })
            .collect(),
        Hatch::Falling => multiples(slanting, y - right, bottom - x)
            .map(|by| {
                let (from, to) = (x.max(y - by), right.min(bottom - by));
                [Point::new(from, from + by), Point::new(to, to + by)]
            })
            .collect(),
        Hatch::Upright => multiples(HATCH_GAP, x, right)
            .map(|x| [Point::new(x, y), Point::new(x, bottom)])
            .collect(),
        Hatch::Level => multiples(HATCH_GAP, y, bottom)
            .map(|y| [Point::new(x, y), Point::new(right, y)])
            .collect(),
    }
}

/// Returns the multiples of a step between two numbers, as many as a picture may need.
fn multiples(step: f64, from: f64, to: f64) -> impl Iterator<Item = f64> {
    let first = (from / step).ceil();
    let multiples = (0..10_000).map(move |i| (first + f64::from(i)) * step);
    multiples.take_while(move |it| *it < to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hatches_stay_inside_of_their_rectangle() {
        let area = Area::new(10.0, 20.0, 30.0, 7.0);
        for hatch in [
            Hatch::Plain,
            Hatch::Rising,
            Hatch::Falling,
            Hatch::Upright,
            Hatch::Level,
        ] {
            let lines = hatched(area, hatch);
            assert_eq!(lines.is_empty(), hatch == Hatch::Plain, "{hatch:?}");
            for Point { x, y } in lines.into_iter().flatten() {
                assert!((10.0..=40.0).contains(&x), "{hatch:?}: {x}");
                assert!((20.0..=27.0).contains(&y), "{hatch:?}: {y}");
            }
        }
    }

    #[test]
    fn what_is_nowhere_is_left_out() {
        let mut picture = Picture::new(10.0, 10.0, "", "");
        picture.circle(Point::new(f64::NAN, 1.0), 1.0, Color::rgb(0), None);
        picture.rect(Area::new(0.0, 0.0, f64::INFINITY, 1.0), Color::rgb(0));
        picture.rect(Area::new(0.0, 0.0, 0.0, 1.0), Color::rgb(0));
        picture.line([Point::new(1.0, 1.0)], Pen::new(Color::rgb(0), 1.0));
        assert_eq!(picture.shapes, []);
    }
}
