//! Pictures as SVG: plain attributes, no style sheet, no script, nothing from elsewhere.

use std::fmt::Write;

use crate::canvas::{Picture, Point, Shape};
use crate::label::{Anchor, Font, Label};
use crate::theme::{Color, Dash, GROUND, Pen};

/// Faces as wide as DejaVu Sans, for which everything is measured, or narrower.
const FACES: &str = "DejaVu Sans, Verdana, Noto Sans, Helvetica, Arial, sans-serif";

impl Picture {
    /// Returns the picture as an SVG document, which can stand in a page as it is.
    pub fn svg(&self) -> String {
        let mut svg = String::new();
        self.write_svg(&mut svg)
            .expect("writing into a string does not fail");
        svg
    }

    fn write_svg(&self, svg: &mut String) -> std::fmt::Result {
        let (width, height) = (self.width, self.height);
        writeln!(
            svg,
            r#"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img" font-family="{FACES}">"#
        )?;
        writeln!(svg, "<title>{}</title>", escaped(&self.title))?;
        writeln!(svg, "<desc>{}</desc>", escaped(&self.definition))?;
        let ground = fill(GROUND);
        writeln!(svg, r#"<rect width="{width}" height="{height}"{ground}/>"#)?;
        for shape in &self.shapes {
            write_shape(svg, shape)?;
        }
        svg.push_str("</svg>\n");
        Ok(())
    }
}

fn write_shape(svg: &mut String, shape: &Shape) -> std::fmt::Result {
    match shape {
        Shape::Rect { area, fill: color } => {
            let (x, y) = (number(area.x), number(area.y));
            let (width, height) = (number(area.width), number(area.height));
            let fill = fill(*color);
            writeln!(
                svg,
                r#"<rect x="{x}" y="{y}" width="{width}" height="{height}"{fill}/>"#
            )
        }
        Shape::Circle {
            center,
            radius,
            fill: color,
            opacity,
            outline,
        } => {
            let (x, y, r) = (number(center.x), number(center.y), number(*radius));
            let mut paint = fill(*color);
            if *opacity < 100 {
                paint += &format!(r#" fill-opacity="{}""#, number(f64::from(*opacity) / 100.0));
            }
            paint += &stroke(*outline);
            writeln!(svg, r#"<circle cx="{x}" cy="{y}" r="{r}"{paint}/>"#)
        }
        Shape::Line { points, pen } => {
            let (path, stroke) = (path(points), stroke(Some(*pen)));
            writeln!(svg, r#"<path d="{path}" fill="none"{stroke}/>"#)
        }
        Shape::Polygon {
            rings,
            fill: color,
            outline,
        } => {
            let path: String = rings.iter().map(|it| path(it) + "Z").collect();
            let paint = fill(*color) + &stroke(*outline);
            writeln!(svg, r#"<path d="{path}"{paint}/>"#)
        }
        Shape::Text { at, label, font } => write_text(svg, *at, label, *font),
    }
}

fn write_text(svg: &mut String, at: Point, label: &Label, font: Font) -> std::fmt::Result {
    let (x, y, size) = (number(at.x), number(at.y), font.size);
    write!(svg, r#"<text x="{x}" y="{y}" font-size="{size}""#)?;
    match font.anchor {
        Anchor::Start => {}
        Anchor::Middle => svg.push_str(r#" text-anchor="middle""#),
        Anchor::End => svg.push_str(r#" text-anchor="end""#),
    }
    if font.bold {
        svg.push_str(r#" font-weight="bold""#);
    }
    let (fill, text) = (fill(font.color), escaped(label));
    writeln!(svg, "{fill}>{text}</text>")
}

/// Each further point is told from the one before: less than half the bytes.
fn path(points: &[Point]) -> String {
    let mut path = String::new();
    let (mut x, mut y) = (0, 0);
    for (i, point) in points.iter().enumerate() {
        let (next_x, next_y) = (hundredths(point.x), hundredths(point.y));
        path.push_str(match i {
            0 => "M",
            1 => "l",
            _ => " ",
        });
        path.push_str(&of_hundredths(next_x - x));
        path.push(' ');
        path.push_str(&of_hundredths(next_y - y));
        (x, y) = (next_x, next_y);
    }
    path
}

fn fill(color: Color) -> String {
    paint("fill", color)
}

fn stroke(pen: Option<Pen>) -> String {
    let Some(pen) = pen else {
        return String::new();
    };
    let mut stroke = paint("stroke", pen.color);
    stroke += &format!(
        r#" stroke-width="{}" stroke-linejoin="round""#,
        number(pen.width)
    );
    if pen.dash != Dash::Solid {
        let lengths: Vec<String> = pen.dash.lengths().iter().map(|it| number(*it)).collect();
        stroke += &format!(r#" stroke-dasharray="{}""#, lengths.join(" "));
    }
    stroke
}

fn paint(what: &str, Color([r, g, b]): Color) -> String {
    format!(r##" {what}="#{r:02x}{g:02x}{b:02x}""##)
}

fn number(value: f64) -> String {
    of_hundredths(hundredths(value))
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "what is as far away as this is outside of every picture"
)]
fn hundredths(value: f64) -> i64 {
    (value.clamp(-1e9, 1e9) * 100.0).round() as i64
}

fn of_hundredths(hundredths: i64) -> String {
    let sign = if hundredths < 0 { "-" } else { "" };
    let (whole, rest) = (hundredths.abs() / 100, hundredths.abs() % 100);
    match (rest, rest % 10) {
        (0, _) => format!("{sign}{whole}"),
        (_, 0) => format!("{sign}{whole}.{}", rest / 10),
        _ => format!("{sign}{whole}.{rest:02}"),
    }
}

fn escaped(label: &Label) -> String {
    let mut text = String::new();
    for char in label.as_str().chars() {
        match char {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            // No XML may hold these two; `escape` has dealt with the others that it may not.
            '\u{fffe}' | '\u{ffff}' => text.push('\u{fffd}'),
            _ => text.push(char),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canvas::Area;
    use crate::theme;

    #[test]
    fn every_shape_is_written() {
        let mut picture = Picture::new(60.0, 40.5, "a < b", "it's \u{202e}\0 & more");
        picture.rect(Area::new(1.0, 2.0, 3.25, 4.004), Color::rgb(0x1b3f73));
        let pen = Pen {
            dash: Dash::Short,
            ..Pen::new(Color::rgb(0xff0000), 1.5)
        };
        picture.line(
            [
                Point::new(1.0, 1.0),
                Point::new(2.5, 0.25),
                Point::new(2.5, 3.0),
            ],
            pen,
        );
        picture.circle(
            Point::new(5.0, 5.0),
            2.0,
            theme::INK,
            Some(Pen::new(theme::GRID, 1.0)),
        );
        picture.bubble(Point::new(5.0, 5.0), 3.0, theme::INK);
        let ring = [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0)].map(|(x, y)| Point::new(x, y));
        picture.polygon(vec![ring.to_vec()], theme::BAR, None);
        picture.text(Point::new(9.0, 9.0), "<$x$>", Font::TITLE.centered());
        assert_eq!(
            picture.svg(),
            r##"<svg xmlns="http://www.w3.org/2000/svg" width="60" height="40.5" viewBox="0 0 60 40.5" role="img" font-family="DejaVu Sans, Verdana, Noto Sans, Helvetica, Arial, sans-serif">
<title>a &lt; b</title>
<desc>it's \u{202e}\0 &amp; more</desc>
<rect width="60" height="40.5" fill="#ffffff"/>
<rect x="1" y="2" width="3.25" height="4" fill="#1b3f73"/>
<path d="M1 1l1.5 -0.75 0 2.75" fill="none" stroke="#ff0000" stroke-width="1.5" stroke-linejoin="round" stroke-dasharray="5 3"/>
<circle cx="5" cy="5" r="2" fill="#1a1a1a" stroke="#dedede" stroke-width="1" stroke-linejoin="round"/>
<circle cx="5" cy="5" r="3" fill="#1a1a1a" fill-opacity="0.7" stroke="#ffffff" stroke-width="0.5" stroke-linejoin="round"/>
<path d="M0 0l1 0 -1 1Z" fill="#1b3f73"/>
<text x="9" y="9" font-size="19" text-anchor="middle" font-weight="bold" fill="#1a1a1a">&lt;$x$&gt;</text>
</svg>
"##
        );
    }

    #[test]
    fn numbers_have_two_digits_at_most() {
        let written = [0.0, -0.001, 0.1, -0.25, 12.345, -3.0, 1e300, 100.999].map(number);
        let expected = ["0", "0", "0.1", "-0.25", "12.35", "-3", "1000000000", "101"];
        assert_eq!(written, expected);
    }
}
