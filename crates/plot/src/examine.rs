//! What must be so in every picture, for tests.

use crate::canvas::{Area, Picture, Point, Shape};
use crate::caption::Caption;
use crate::label::{Anchor, Font, Label};

/// Checks that a picture is valid XML, shows nothing outside of itself, and no text upon another.
#[track_caller]
pub(crate) fn examine(picture: &Picture) {
    let svg = picture.svg();
    let document = roxmltree::Document::parse(&svg).expect("every SVG is valid XML");
    let texts = document.descendants().filter(|it| it.has_tag_name("text"));
    assert!(texts.count() > 0, "nothing is written");
    for wrong in ["NaN", "inf", "1000000000"] {
        let is_attribute =
            |it: roxmltree::Node<'_, '_>| it.attributes().any(|it| it.value().contains(wrong));
        assert!(
            !document.descendants().any(is_attribute),
            "{wrong} in {svg}"
        );
    }
    let mut written: Vec<(Area, &Label)> = Vec::new();
    for shape in &picture.shapes {
        let room = room_of(shape);
        let is_inside = room.x >= -0.5
            && room.y >= -0.5
            && room.right() <= picture.width + 0.5
            && room.bottom() <= picture.height + 0.5;
        assert!(
            is_inside,
            "outside of {} x {}: {shape:?}",
            picture.width, picture.height
        );
        let Shape::Text { label, .. } = shape else {
            continue;
        };
        for (other, text) in &written {
            assert!(!meet(room, *other), "{label:?} is upon {text:?}");
        }
        written.push((room, label));
    }
}

/// Returns what is written in a picture, in the order of writing; the first three are of its [`caption`].
pub(crate) fn texts<'a>(picture: &'a Picture) -> Vec<&'a str> {
    let text = |it: &'a Shape| match it {
        Shape::Text { label, .. } => Some(label.as_str()),
        _ => None, // Not written.
    };
    picture.shapes.iter().filter_map(text).collect()
}

/// A caption of three short lines.
pub(crate) fn caption() -> Caption {
    Caption {
        title: "Title".to_owned(),
        definition: "what was counted".to_owned(),
        source: "Crawl 1".to_owned(),
    }
}

/// Names that mean harm, each another one.
pub(crate) fn hostile(i: usize) -> String {
    let names = [
        "/Satoshi:27.1.0/",
        "</text><script>alert(1)</script>",
        "\u{202e}gpj.exe\u{2066}",
        "\0\x1b[2J\r\n\u{fffe}\u{ffff}]]>",
        "שלום עולם",
        "鸡鸡鸡鸡鸡鸡鸡鸡鸡鸡鸡鸡鸡鸡鸡鸡鸡鸡鸡鸡鸡鸡鸡鸡鸡鸡鸡鸡鸡鸡鸡鸡",
        "$\\frac{a}{b}$ & \"'&amp;",
        "",
        "Z\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}",
    ];
    match i % (names.len() + 1) {
        at if at == names.len() => "WWWW ".repeat(5_000 + i),
        at => format!("{}{i}", names[at]),
    }
}

fn room_of(shape: &Shape) -> Area {
    match shape {
        Shape::Rect { area, .. } => *area,
        Shape::Circle { center, radius, .. } => Area::new(
            center.x - radius,
            center.y - radius,
            2.0 * radius,
            2.0 * radius,
        ),
        Shape::Line { points, .. } => around(points.iter()),
        Shape::Polygon { rings, .. } => around(rings.iter().flatten()),
        Shape::Text { at, label, font } => room_of_text(*at, label, *font),
    }
}

fn around<'a>(points: impl Iterator<Item = &'a Point> + Clone) -> Area {
    let least = |of: fn(&Point) -> f64| points.clone().map(of).fold(f64::INFINITY, f64::min);
    let most = |of: fn(&Point) -> f64| points.clone().map(of).fold(f64::NEG_INFINITY, f64::max);
    let (x, y) = (least(|it| it.x), least(|it| it.y));
    Area::new(x, y, most(|it| it.x) - x, most(|it| it.y) - y)
}

fn room_of_text(at: Point, label: &Label, font: Font) -> Area {
    let (width, size) = (label.width(font), f64::from(font.size));
    let before = match font.anchor {
        Anchor::Start => 0.0,
        Anchor::Middle => width / 2.0,
        Anchor::End => width,
    };
    Area::new(at.x - before, at.y - size * 0.76, width, size * 0.92)
}

/// Whether two rectangles have more than an edge in common.
fn meet(a: Area, b: Area) -> bool {
    let across = a.right().min(b.right()) - a.x.max(b.x);
    let down = a.bottom().min(b.bottom()) - a.y.max(b.y);
    across > 0.5 && down > 0.5
}
