//! How a crawl went: connections in flight above, and below how many calls ended in each second.

use super::{float, length, say_empty};
use crate::axis;
use crate::canvas::{Area, Picture, Point};
use crate::caption::{Caption, chart_width};
use crate::legend::Key;
use crate::scale::{Scale, Unit};
use crate::theme::{self, GROUND};

/// How high each of the two charts is, in pixels.
const PANEL: f64 = 150.0;
/// What stands above them.
const NAMES: [&str; 2] = ["calls in flight", "calls that ended, a second"];
/// Columns are no narrower than this, in pixels.
const MIN_COLUMN: f64 = 3.0;

/// A crawl in steps of the same length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeline {
    /// How long a step is, in microseconds.
    pub step_us: u64,
    /// How many calls were in flight in each step.
    pub in_flight: Vec<u64>,
    /// How calls ended, from below to above, and how many did so in each step.
    pub ended: Vec<(String, Vec<u64>)>,
}

/// Draws the calls in flight over time, and below them how many ended and how.
pub fn timeline(caption: &Caption, timeline: &Timeline, width: f64) -> Picture {
    let names: Vec<String> = timeline.ended.iter().map(|it| it.0.clone()).collect();
    let keys: Vec<Key<'_>> = names.iter().enumerate().map(Key::area).collect();
    let legend = Key::height_of(&keys, chart_width(width));
    let height = legend + 2.0 * (PANEL + axis::ABOVE) + 6.0 + axis::BELOW;
    let (mut picture, area) = caption.begin(width, height);
    let area = Key::draw_all(&mut picture, area, &keys);
    let n_steps = timeline.in_flight.len();
    if n_steps == 0 {
        say_empty(&mut picture, area, "nobody was called");
        return picture;
    }
    let steps = merged(timeline, area.width);
    let rates = steps.iter().map(Step::rate);
    let in_flight = steps.iter().map(|it| it.in_flight).max().unwrap_or(0);
    let scales = [
        Scale::from_zero(float(in_flight), Unit::Count),
        Scale::from_zero(rates.fold(0.0, f64::max), Unit::Count),
    ];
    let lefts = scales.map(|it| axis::left_margin(PANEL, &it));
    let left = lefts[0].max(lefts[1]);
    let above = Area::new(
        area.x + left,
        area.y + axis::ABOVE,
        area.width - left - 8.0,
        PANEL,
    );
    let below = Area::new(
        above.x,
        above.bottom() + axis::ABOVE + 6.0,
        above.width,
        PANEL,
    );
    let end = length(n_steps) * float(timeline.step_us.max(1));
    let x = Scale::linear(0.0, end, Unit::Elapsed).over(above.x, above.right());
    let [upper, lower] = [(scales[0], above), (scales[1], below)]
        .map(|(scale, area)| scale.over(area.bottom(), area.y));
    axis::left(&mut picture, above, &upper, (area.x, NAMES[0]));
    axis::left(&mut picture, below, &lower, (area.x, NAMES[1]));
    axis::below(&mut picture, below, &x, "time since the crawl began");
    draw_in_flight(&mut picture, &steps, &x, &upper);
    for step in &steps {
        step.draw_ended(&mut picture, &x, &lower);
    }
    picture
}

/// One step of the picture, which may be several of the crawl.
struct Step {
    from_us: f64,
    to_us: f64,
    in_flight: u64,
    ended: Vec<u64>,
}

/// Takes steps together until each is wide enough to be seen.
fn merged(timeline: &Timeline, width: f64) -> Vec<Step> {
    let n_steps = timeline.in_flight.len();
    let step_us = float(timeline.step_us.max(1));
    let together = (length(n_steps) * MIN_COLUMN / width).ceil().max(1.0);
    let together = (1..=n_steps)
        .find(|it| length(*it) >= together)
        .unwrap_or(n_steps);
    let merge = |first: usize| {
        let last = (first + together).min(n_steps);
        let most = timeline.in_flight[first..last].iter().max();
        let sum = |(_, counts): &(String, Vec<u64>)| {
            let counts = counts.iter().skip(first).take(last - first);
            counts.fold(0, |sum: u64, n| sum.saturating_add(*n))
        };
        Step {
            from_us: length(first) * step_us,
            to_us: length(last) * step_us,
            in_flight: most.copied().unwrap_or(0),
            ended: timeline.ended.iter().map(sum).collect(),
        }
    };
    (0..n_steps).step_by(together).map(merge).collect()
}

impl Step {
    /// How many ended a second.
    fn rate(&self) -> f64 {
        let sum = self
            .ended
            .iter()
            .fold(0, |sum: u64, n| sum.saturating_add(*n));
        float(sum) / (self.to_us - self.from_us) * 1e6
    }

    fn draw_ended(&self, picture: &mut Picture, x: &Scale, y: &Scale) {
        let (left, right) = (x.at(self.from_us), x.at(self.to_us));
        let gap = if right - left > 5.0 { 1.0 } else { 0.0 };
        let mut sum = 0_u64;
        for (i, n) in self.ended.iter().enumerate() {
            let a_second = |n: u64| y.at(float(n) / (self.to_us - self.from_us) * 1e6);
            let bottom = a_second(sum);
            sum = sum.saturating_add(*n);
            let top = a_second(sum);
            let area = Area::new(left, top, right - left - gap, bottom - top);
            picture.bar(area, theme::style(i));
        }
    }
}

fn draw_in_flight(picture: &mut Picture, steps: &[Step], x: &Scale, y: &Scale) {
    let corners = |it: &Step| {
        let height = y.at(float(it.in_flight));
        [it.from_us, it.to_us].map(|at| Point::new(x.at(at), height))
    };
    let top: Vec<Point> = steps.iter().flat_map(corners).collect();
    let (Some(first), Some(last)) = (top.first(), top.last()) else {
        return;
    };
    let ground = y.at(0.0);
    let mut ring = vec![Point::new(first.x, ground)];
    let end = Point::new(last.x, ground);
    ring.extend(&top);
    ring.push(end);
    let style = theme::style(0);
    picture.polygon(vec![ring], style.color.mixed(GROUND, 75), None);
    picture.line(top, style.pen(2.0));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::examine::{caption, examine, hostile, texts};

    #[test]
    fn a_crawl_is_drawn_from_its_first_second_to_its_last() {
        let all = Timeline {
            step_us: 1_000_000,
            in_flight: (0..90).map(|it| it * 100).collect(),
            ended: vec![
                ("answered".to_owned(), vec![40; 90]),
                ("nobody there".to_owned(), vec![70; 90]),
            ],
        };
        let picture = timeline(&caption(), &all, 800.0);
        examine(&picture);
        assert_eq!(
            texts(&picture)[3..].join("|"),
            "answered|nobody there|0|5,000|10,000|calls in flight|0|50|100|150|calls that ended, a second|0:00|0:10|0:20|0:30|\
             0:40|0:50|1:00|1:10|1:20|1:30|time since the crawl began"
        );
    }

    #[test]
    fn any_crawl_has_its_place() {
        for n in [0, 1, 100_000] {
            for step_us in [0, 1, 86_400_000_000] {
                let all = Timeline {
                    step_us,
                    in_flight: vec![1; n],
                    ended: (0..7).map(|i| (hostile(i), vec![9; n / (i + 1)])).collect(),
                };
                examine(&timeline(&caption(), &all, 0.0));
            }
        }
    }
}
