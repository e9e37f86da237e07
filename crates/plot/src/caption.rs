//! What stands around every chart: what it is, what was counted, and where that is from.

use crate::canvas::{Area, Picture, Point};
use crate::label::{Font, Label};

/// Pixels around a picture.
const MARGIN: f64 = 20.0;
/// The narrowest picture, in pixels.
const MIN_WIDTH: f64 = 560.0;
/// The widest one.
const MAX_WIDTH: f64 = 4_000.0;

/// What stands above and below a chart.
#[derive(Clone, Debug, PartialEq)]
pub struct Caption {
    /// What it shows.
    pub title: String,
    /// What was counted or measured, in sentences for people.
    pub definition: String,
    /// Which crawl, when, from where, by whom: `Crawl 3 · 2025-11-23 09:10 UTC · seen from here · bitcensus 0.1.0`.
    pub source: String,
}

impl Caption {
    /// Begins a picture of this width with everything around its chart, and returns where the chart goes: `height` pixels,
    /// as wide as the margins leave.
    pub fn begin(&self, width: f64, height: f64) -> (Picture, Area) {
        let width = chart_width(width) + 2.0 * MARGIN;
        let inner = width - 2.0 * MARGIN;
        let lines = |text: &str, font: Font| Label::wrapped(text, font, inner);
        let title = lines(&self.title, Font::TITLE);
        let definition = lines(&self.definition, Font::NOTE);
        let source = lines(&self.source, Font::SOURCE);
        let mut picture = Picture::new(width, 0.0, &self.title, &self.definition);
        let mut y = MARGIN - 4.0;
        y = write(&mut picture, y, &title, Font::TITLE, 24.0);
        y = write(&mut picture, y, &definition, Font::NOTE, 16.0);
        let area = Area::new(MARGIN, y + 14.0, inner, height.clamp(1.0, 20_000.0));
        y = area.bottom() + 10.0;
        y = write(&mut picture, y, &source, Font::SOURCE, 14.0);
        picture.height = (y + MARGIN - 8.0).ceil();
        (picture, area)
    }
}

/// Returns how wide the chart in a picture of this width is, in pixels.
pub(crate) fn chart_width(width: f64) -> f64 {
    width.clamp(MIN_WIDTH, MAX_WIDTH).floor() - 2.0 * MARGIN
}

/// Writes lines below each other, and returns where the last one ends.
fn write(picture: &mut Picture, mut y: f64, lines: &[Label], font: Font, step: f64) -> f64 {
    for line in lines {
        y += step;
        picture.text(Point::new(MARGIN, y - step * 0.25), line, font);
    }
    y
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::examine::{examine, hostile};

    #[test]
    fn any_caption_has_its_place_above_and_below_the_chart() {
        for i in 0..10 {
            let caption = Caption {
                title: hostile(i + 5),
                definition: format!("what was counted {}", hostile(i)),
                source: hostile(i + 3),
            };
            let (mut picture, area) = caption.begin(0.0, 100.0);
            let middle = Point::new(area.middle(), area.y + 50.0);
            picture.text_beside(middle, "chart", Font::LABEL.centered());
            examine(&picture);
            assert_eq!((area.x, area.width, area.height), (20.0, 520.0, 100.0));
        }
    }
}
