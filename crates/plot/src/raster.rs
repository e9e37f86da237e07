//! Pictures as PNG, drawn by kuva, which brings its own font.

use kuva::RasterBackend;
use kuva::render::color::Color as Paint;
use kuva::render::render::{PathData, Primitive, Scene, TextAnchor, TextSpan};
use thiserror::Error;

use crate::canvas::{Picture, Point, Shape};
use crate::label::{Anchor, Font, Label};
use crate::theme::{Color, Dash, Pen};

/// The most pixels of a PNG: four bytes each.
const MAX_PIXELS: f64 = 64e6;

/// Why there is no PNG.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PngError {
    /// It would be too large, or smaller than a pixel.
    #[error("a PNG of {width} x {height} pixels is more than {MAX_PIXELS} pixels, or none")]
    Size {
        /// How wide it would be.
        width: String,
        /// How high it would be.
        height: String,
    },
    /// It could not be encoded.
    #[error("the PNG cannot be encoded: {0}")]
    Encode(String),
}

impl Picture {
    /// Returns the picture as a PNG, `scale` pixels for each of its own.
    pub fn png(&self, scale: f64) -> Result<Vec<u8>, PngError> {
        let (width, height) = (self.width * scale, self.height * scale);
        if !(width >= 1.0 && height >= 1.0 && width * height <= MAX_PIXELS) {
            return Err(PngError::Size {
                width: format!("{width:.0}"),
                height: format!("{height:.0}"),
            });
        }
        let mut scene = Scene::new(self.width, self.height);
        for shape in &self.shapes {
            add(&mut scene, shape);
        }
        let backend = RasterBackend {
            scale: single(scale),
        };
        backend.render_scene(&scene).map_err(PngError::Encode)
    }
}

fn add(scene: &mut Scene, shape: &Shape) {
    match shape {
        Shape::Rect { area, fill } => scene.add(Primitive::Rect {
            x: area.x,
            y: area.y,
            width: area.width,
            height: area.height,
            fill: paint(*fill),
            stroke: None,
            stroke_width: None,
            opacity: None,
        }),
        Shape::Circle {
            center,
            radius,
            fill,
            opacity,
            outline,
        } => scene.add(Primitive::Circle {
            cx: center.x,
            cy: center.y,
            r: *radius,
            fill: paint(*fill),
            fill_opacity: Some(f64::from(*opacity) / 100.0),
            stroke: outline.map(|it| paint(it.color)),
            stroke_width: outline.map(|it| it.width),
        }),
        Shape::Line { points, pen } => add_line(scene, points, *pen),
        Shape::Polygon {
            rings,
            fill,
            outline,
        } => {
            for ring in rings {
                add_ring(scene, ring, *fill, *outline);
            }
        }
        Shape::Text { at, label, font } => scene.add(text(*at, label, *font)),
    }
}

fn add_line(scene: &mut Scene, points: &[Point], pen: Pen) {
    // kuva begins its dashes anew at every point, so that those of a curve would flow together.
    for points in dashed(points, pen.dash) {
        scene.add(Primitive::PolyLine {
            points,
            stroke: paint(pen.color),
            stroke_width: pen.width,
            stroke_dasharray: None,
        });
    }
}

fn add_ring(scene: &mut Scene, ring: &[Point], fill: Color, outline: Option<Pen>) {
    let mut path = String::new();
    for (i, Point { x, y }) in ring.iter().enumerate() {
        path += &format!("{}{x:.2} {y:.2}", if i == 0 { "M" } else { " L" });
    }
    path.push('Z');
    scene.add(Primitive::Path(Box::new(PathData {
        d: path,
        fill: Some(paint(fill)),
        stroke: outline.map_or(Paint::None, |it| paint(it.color)),
        stroke_width: outline.map_or(0.0, |it| it.width),
        opacity: None,
        stroke_dasharray: None,
    })));
}

fn text(at: Point, label: &Label, font: Font) -> Primitive {
    let anchor = match font.anchor {
        Anchor::Start => TextAnchor::Start,
        Anchor::Middle => TextAnchor::Middle,
        Anchor::End => TextAnchor::End,
    };
    // Unlike their text, kuva's spans are bold where they should be, and never read as formulas.
    Primitive::RichText {
        x: at.x,
        y: at.y,
        spans: vec![TextSpan {
            bold: font.bold,
            ..TextSpan::plain(label.as_str())
        }],
        size: font.size,
        anchor,
        color: Some(paint(font.color)),
    }
}

fn paint(Color([r, g, b]): Color) -> Paint {
    Paint::Rgb(r, g, b)
}

/// Cuts a line into its dashes.
fn dashed(points: &[Point], dash: Dash) -> Vec<Vec<(f64, f64)>> {
    let lengths = dash.lengths();
    let Some((first, rest)) = points.split_first() else {
        return Vec::new();
    };
    if lengths.is_empty() {
        return vec![points.iter().map(|it| (it.x, it.y)).collect()];
    }
    let mut dashes = Vec::new();
    let mut at = *first;
    let mut drawn = vec![(at.x, at.y)];
    let (mut i, mut left) = (0, lengths[0]);
    for to in rest {
        let mut distance = (to.x - at.x).hypot(to.y - at.y);
        while distance > left {
            let part = left / distance;
            at = Point::new(at.x + (to.x - at.x) * part, at.y + (to.y - at.y) * part);
            distance -= left;
            match i % 2 {
                0 => {
                    drawn.push((at.x, at.y));
                    dashes.push(std::mem::take(&mut drawn));
                }
                _ => drawn = vec![(at.x, at.y)],
            }
            i += 1;
            left = lengths[i % lengths.len()];
        }
        left -= distance;
        at = *to;
        if i % 2 == 0 {
            drawn.push((at.x, at.y));
        }
    }
    if drawn.len() > 1 {
        dashes.push(drawn);
    }
    dashes
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a scale needs no more than seven digits"
)]
fn single(scale: f64) -> f32 {
    scale as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canvas::Area;
    use crate::theme;

    #[test]
    fn a_png_has_the_size_that_was_asked_for() {
        let mut picture = Picture::new(30.0, 20.0, "", "");
        picture.rect(Area::new(0.0, 0.0, 30.0, 20.0), theme::BAR);
        let png = picture.png(2.0).unwrap();
        assert_eq!(png[..8], *b"\x89PNG\r\n\x1a\n");
        // The header chunk begins with width and height.
        assert_eq!(png[16..24], [0, 0, 0, 60, 0, 0, 0, 40]);
    }

    #[test]
    fn what_is_too_large_or_nothing_is_refused() {
        let picture = Picture::new(1_000.0, 800.0, "", "");
        for scale in [0.0, -1.0, f64::NAN, f64::INFINITY, 10.0] {
            let error = picture.png(scale).unwrap_err();
            assert!(matches!(error, PngError::Size { .. }), "{scale}: {error}");
        }
    }

    #[test]
    fn dashes_go_on_around_corners() {
        let points = [(0.0, 0.0), (3.0, 0.0), (3.0, 4.0), (3.0, 9.0)];
        let points = points.map(|(x, y)| Point::new(x, y));
        assert_eq!(
            dashed(&points, Dash::Short),
            [
                vec![(0.0, 0.0), (3.0, 0.0), (3.0, 2.0)],
                vec![(3.0, 5.0), (3.0, 9.0)],
            ]
        );
        let whole: Vec<_> = points.iter().map(|it| (it.x, it.y)).collect();
        assert_eq!(dashed(&points, Dash::Solid), [whole]);
        assert!(dashed(&[], Dash::Short).is_empty());
    }
}
