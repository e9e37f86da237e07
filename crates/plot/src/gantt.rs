//! When each call ran and what it waited for: a bar a call, a panel a way of calling, all on one time scale.

use crate::axis;
use crate::canvas::{Area, Picture, Point};
use crate::caption::{Caption, chart_width};
use crate::label::{Font, Label};
use crate::legend::Key;
use crate::scale::{Scale, Unit};
use crate::theme::{AXIS, GRID, GROUND, INK, Pen, Style, style};

/// How wide a picture is, in pixels.
const WIDTH: f64 = 860.0;
/// How many pixels the time scale has, about.
const PIXELS: u64 = 800;
/// How high a row is where there are few, in pixels.
const ROW: f64 = 13.0;
/// How high the rows of a panel are together, where there are many.
const MOST_ROWS: f64 = 180.0;
/// The lowest bar that can be seen.
const MIN_BAR: f64 = 0.8;
/// Up to so many rows have numbers.
const NUMBERED: usize = 16;
/// From this height on, in pixels, bars have hatches: in lower ones these would hide the colour.
const HATCHED: f64 = 7.0;
/// Pixels on the left for the numbers of rows.
const LEFT: f64 = 26.0;
/// Pixels above the rows of a panel, for its name.
const HEAD: f64 = 24.0;
/// Pixels below the rows of a panel.
const FOOT: f64 = 10.0;

/// Panels one above the other.
#[derive(Clone, Debug, PartialEq)]
pub struct Gantt {
    /// What stands around them.
    pub caption: Caption,
    /// The panels, the uppermost first.
    pub panels: Vec<Panel>,
}

/// One way of calling.
#[derive(Clone, Debug, PartialEq)]
pub struct Panel {
    /// What it is called.
    pub name: String,
    /// What it took, for people.
    pub note: String,
    /// Its calls, in the same order in every panel.
    pub rows: Vec<Row>,
}

/// One call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What it did when, in order.
    pub spans: Vec<Span>,
    /// Whether it failed.
    pub failed: bool,
}

/// One phase of a call; times are microseconds since the panel's way began to call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Which one.
    pub phase: Phase,
    /// When it began.
    pub from_us: u64,
    /// When it was over.
    pub to_us: u64,
}

/// What a call does at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// It waits for the connection.
    Connect,
    /// It waits for the `version`.
    Version,
    /// It waits for the `verack`.
    Verack,
    /// It waits for answers to its questions.
    Questions,
    /// It waits for nobody, and computes.
    Work,
}

impl Phase {
    const ALL: [Phase; 5] = [
        Phase::Connect,
        Phase::Version,
        Phase::Verack,
        Phase::Questions,
        Phase::Work,
    ];

    fn name(self) -> &'static str {
        match self {
            Phase::Connect => "waits for the connection",
            Phase::Version => "waits for version",
            Phase::Verack => "waits for verack",
            Phase::Questions => "waits for answers",
            Phase::Work => "computes",
        }
    }

    /// Waiting is light, each phase darker than the one before, and computing is dark: so they can be told apart in black
    /// and white, and where bars are too low for a hatch.
    fn style(self) -> Style {
        let (usual, percent_white) = match self {
            Phase::Connect => (style(3), 45),
            Phase::Version => (style(1), 0),
            Phase::Verack => (style(4), 45),
            Phase::Questions => (style(2), 25),
            Phase::Work => (style(0), 0),
        };
        Style {
            color: usual.color.mixed(GROUND, percent_white),
            ..usual
        }
    }
}

impl Gantt {
    /// Draws the panels, and the legend of those phases that occur.
    pub fn draw(&self) -> Picture {
        let spans = || {
            self.panels
                .iter()
                .flat_map(|it| &it.rows)
                .flat_map(|it| &it.spans)
        };
        let last_us = spans().map(|it| it.to_us).max().unwrap_or(0);
        // What is over within a fraction of a pixel is not there to be explained.
        let is_seen =
            |it: &Span| it.to_us.saturating_sub(it.from_us).saturating_mul(PIXELS) > last_us;
        let occurs = |phase| spans().any(|it| it.phase == phase && is_seen(it));
        let phases = Phase::ALL.into_iter().filter(|it| occurs(*it));
        let keys: Vec<_> = phases
            .map(|it| Key {
                name: it.name(),
                style: it.style(),
                is_line: false,
            })
            .collect();
        let heights = self.panels.iter().map(Panel::height);
        let height = Key::height_of(&keys, chart_width(WIDTH)) + heights.sum::<f64>() + axis::BELOW;
        let (mut picture, area) = self.caption.begin(WIDTH, height);
        let area = Key::draw_all(&mut picture, area, &keys);
        let plot = area.inside(LEFT, 0.0, 0.0, axis::BELOW);
        let scale = Scale::linear(0.0, micros(last_us), Unit::Micros).over(plot.x, plot.right());
        axis::below(&mut picture, plot, &scale, "time since the strategy began");
        let mut y = plot.y;
        for panel in &self.panels {
            panel.draw(
                &mut picture,
                Area::new(plot.x, y, plot.width, panel.height()),
                &scale,
            );
            y += panel.height();
        }
        picture
    }
}

impl Panel {
    fn height(&self) -> f64 {
        HEAD + self.row_height() * count(self.rows.len()) + FOOT
    }

    fn row_height(&self) -> f64 {
        ROW.min(MOST_ROWS / count(self.rows.len()))
    }

    fn draw(&self, picture: &mut Picture, area: Area, scale: &Scale) {
        // Only here the lines of the axis give way.
        let head = Area::new(area.x, area.y, area.width, HEAD);
        picture.rect(head, GROUND);
        let name = Label::cut(&self.name, Font::LABEL.bold(), area.width / 2.0);
        let left = area.x + name.width(Font::LABEL.bold()) + 12.0;
        let middle = area.y + HEAD / 2.0 + 2.0;
        picture.text_beside(Point::new(area.x, middle), name, Font::LABEL.bold());
        let note = Label::cut(&self.note, Font::NOTE, area.right() - left);
        picture.text_beside(Point::new(left, middle), note, Font::NOTE);
        let (mut y, height) = (area.y + HEAD, self.row_height());
        let rule = [Point::new(area.x, y), Point::new(area.right(), y)];
        picture.line(rule, Pen::new(GRID, 1.0));
        for (i, row) in self.rows.iter().enumerate() {
            if self.rows.len() <= NUMBERED {
                let at = Point::new(area.x - 6.0, y + height / 2.0);
                picture.text_beside(at, (i + 1).to_string(), Font::TICK.ending());
            }
            row.draw(picture, y, height, scale);
            y += height;
        }
        let edge = [Point::new(area.x, area.y + HEAD), Point::new(area.x, y)];
        picture.line(edge, Pen::new(AXIS, 1.0));
    }
}

impl Row {
    fn draw(&self, picture: &mut Picture, y: f64, height: f64, scale: &Scale) {
        let gap = height * 0.2;
        let (y, height) = (y + gap / 2.0, (height - gap).max(MIN_BAR));
        // Whoever waits for its turn between two phases is still there.
        for (before, after) in self.spans.iter().zip(self.spans.iter().skip(1)) {
            let ends = [before.to_us, after.from_us].map(|it| scale.at(micros(it)));
            let middle = y + height / 2.0;
            picture.line(ends.map(|x| Point::new(x, middle)), Pen::new(AXIS, 1.0));
        }
        for span in &self.spans {
            let (from, to) = (scale.at(micros(span.from_us)), scale.at(micros(span.to_us)));
            let area = Area::new(from, y, to - from, height);
            match height >= HATCHED {
                true => picture.bar(area, span.phase.style()),
                false => picture.rect(area, span.phase.style().color),
            }
        }
        if let Some(last) = self.spans.last().filter(|_| self.failed) {
            let end = Point::new(scale.at(micros(last.to_us)), y + height / 2.0);
            let radius = (height / 2.0).clamp(1.0, 4.0);
            picture.circle(end, radius, GROUND, Some(Pen::new(INK, 1.2)));
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a pixel is more than a microsecond"
)]
fn micros(us: u64) -> f64 {
    us as f64
}

#[expect(clippy::cast_precision_loss, reason = "rows are few")]
fn count(n: usize) -> f64 {
    n.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_legend_names_what_occurs_and_nothing_else() {
        let svg = gantt(&[&[(Phase::Connect, 0, 10), (Phase::Work, 20, 30)]])
            .draw()
            .svg();
        for (name, expected) in [
            ("waits for the connection", true),
            ("waits for version", false),
            ("computes", true),
        ] {
            assert_eq!(svg.contains(name), expected, "{name}");
        }
    }

    #[test]
    fn names_cannot_break_the_picture() {
        let mut gantt = gantt(&[&[(Phase::Connect, 0, 10)]]);
        gantt.panels[0].name = "</svg><script>".to_owned();
        let svg = gantt.draw().svg();
        assert!(!svg.contains("<script>"), "{svg}");
        assert_eq!(svg.matches("</svg>").count(), 1);
    }

    #[test]
    fn nothing_and_a_thousand_calls_are_pictures_too() {
        let row: &[_] = &[(Phase::Connect, 0, 10), (Phase::Version, 10, 1_000_000)];
        for rows in [vec![], vec![&[][..]], vec![row; 1_000]] {
            let picture = gantt(&rows).draw();
            assert!(picture.height() < 500.0, "{}", picture.height());
            picture.png(1.0).unwrap();
        }
    }

    fn gantt(rows: &[&[(Phase, u64, u64)]]) -> Gantt {
        let span = |&(phase, from_us, to_us): &(Phase, u64, u64)| Span {
            phase,
            from_us,
            to_us,
        };
        let row = |spans: &&[(Phase, u64, u64)]| Row {
            spans: spans.iter().map(span).collect(),
            failed: true,
        };
        Gantt {
            caption: Caption {
                title: "A race".to_owned(),
                definition: "What was measured.".to_owned(),
                source: "Here.".to_owned(),
            },
            panels: vec![Panel {
                name: "serial".to_owned(),
                note: "1 s".to_owned(),
                rows: rows.iter().map(row).collect(),
            }],
        }
    }
}
