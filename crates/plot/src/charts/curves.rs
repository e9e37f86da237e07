//! How many took no longer than so long: a rising curve for each series, over times that grow by powers of ten.

use super::{length, say_empty};
use crate::axis;
use crate::canvas::{Picture, Point};
use crate::caption::{Caption, chart_width};
use crate::legend::Key;
use crate::scale::{Scale, Unit};
use crate::theme;

/// Parts of all at which a curve has a mark.
const MARKS: [f64; 3] = [0.1, 0.5, 0.9];
/// What stands on the left.
const SHARE: &str = "share of nodes that took no longer";

/// How long each of a series took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Curve {
    /// What the series is called.
    pub name: String,
    /// Microseconds, in any order.
    pub times_us: Vec<u64>,
}

/// Draws the curve of each series, with marks where a tenth, a half and nine tenths are through; `name` says which times
/// they are.
pub fn curves(caption: &Caption, curves: &[Curve], name: &str, width: f64) -> Picture {
    let sorted: Vec<(String, Vec<f64>)> = curves.iter().filter_map(sort).collect();
    let names: Vec<String> = sorted.iter().map(|it| it.0.clone()).collect();
    let keys: Vec<Key<'_>> = names.iter().enumerate().map(Key::line).collect();
    let legend = Key::height_of(&keys, chart_width(width));
    let (mut picture, area) = caption.begin(width, 370.0 + legend);
    let area = Key::draw_all(&mut picture, area, &keys);
    let times = || sorted.iter().flat_map(|it| &it.1).copied();
    if sorted.is_empty() {
        say_empty(&mut picture, area, "nobody was timed");
        return picture;
    }
    let x = Scale::log(
        times().fold(f64::MAX, f64::min),
        times().fold(0.0, f64::max),
        Unit::Micros,
    );
    let y = Scale::linear(0.0, 1.0, Unit::Share);
    let left = axis::left_margin(area.height - axis::BELOW - axis::ABOVE, &y);
    let plot = area.inside(left, axis::ABOVE, 12.0, axis::BELOW);
    let (x, y) = (x.over(plot.x, plot.right()), y.over(plot.bottom(), plot.y));
    axis::left(&mut picture, plot, &y, (area.x, SHARE));
    axis::below(&mut picture, plot, &x, name);
    for (i, (_, times)) in sorted.iter().enumerate() {
        let style = theme::style(i);
        picture.line(steps(times, &x, &y), style.pen(2.0));
        for mark in MARKS {
            let at = Point::new(x.at(quantile(times, mark)), y.at(mark));
            picture.marker(at, 7.0, style);
        }
    }
    picture
}

/// Sorts the times of a series that has some, and names it with its median.
fn sort(curve: &Curve) -> Option<(String, Vec<f64>)> {
    let mut times: Vec<f64> = curve.times_us.iter().map(|it| super::float(*it)).collect();
    times.sort_unstable_by(f64::total_cmp);
    let middle = times.get((times.len().max(1) - 1) / 2)?;
    let name = format!(
        "{}: half within {}",
        curve.name,
        Unit::Micros.write(*middle)
    );
    Some((name, times))
}

/// Returns the least time within which a part of all were through.
fn quantile(sorted: &[f64], part: f64) -> f64 {
    let n_through = sorted.partition_point(|it| share_within(sorted, *it) < part);
    sorted.get(n_through).copied().unwrap_or(0.0)
}

fn share_within(sorted: &[f64], time: f64) -> f64 {
    length(sorted.partition_point(|it| *it <= time)) / length(sorted.len())
}

/// Returns the curve's corners, not more than two a pixel, however many times there are.
fn steps(sorted: &[f64], x: &Scale, y: &Scale) -> Vec<Point> {
    let mut points: Vec<Point> = Vec::new();
    let mut height = y.at(0.0);
    for (i, time) in sorted.iter().enumerate() {
        let at = x.at(*time);
        let is_far = points.last().is_none_or(|it| at >= it.x + 1.0);
        let is_last = i + 1 == sorted.len();
        if is_far || is_last {
            points.push(Point::new(at, height));
            height = y.at(length(i + 1) / length(sorted.len()));
            points.push(Point::new(at, height));
        }
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canvas::Shape;
    use crate::examine::{caption, examine, hostile, texts};

    #[test]
    fn each_series_is_named_with_its_median() {
        let all = [
            curve("ipv4", vec![30_000, 10_000, 20_000]),
            curve("nobody", vec![]),
            curve("onion", vec![1_500_000]),
        ];
        let picture = curves(&caption(), &all, "time to the version", 800.0);
        examine(&picture);
        assert_eq!(
            texts(&picture)[3..].join("|"),
            "ipv4: half within 20 ms|onion: half within 1.5 s|0 %|20 %|40 %|60 %|80 %|100 %|share of nodes that took no \
             longer|10 ms|20 ms|50 ms|100 ms|200 ms|500 ms|1 s|2 s|5 s|10 s|time to the version"
        );
    }

    #[test]
    fn a_tenth_a_half_and_nine_tenths_are_those_of_the_sorted_times() {
        let times: Vec<f64> = (1..=10).map(f64::from).collect();
        assert_eq!(MARKS.map(|it| quantile(&times, it)), [1.0, 5.0, 9.0]);
        assert_eq!(MARKS.map(|it| quantile(&[3.0], it)), [3.0; 3]);
    }

    #[test]
    fn a_hundred_thousand_times_need_no_more_points_than_pixels() {
        let mut dice = fastrand::Rng::with_seed(1);
        let times = (0..100_000).map(|_| dice.u64(1_000..60_000_000)).collect();
        let picture = curves(&caption(), &[curve("all", times)], "time", 800.0);
        examine(&picture);
        let longest = picture.shapes.iter().filter_map(|it| match it {
            Shape::Line { points, .. } => Some(points.len()),
            _ => None, // No curve.
        });
        assert!(longest.max().unwrap() < 1_700);
    }

    #[test]
    fn any_series_have_their_place() {
        for n in [0, 1, 12] {
            let all: Vec<_> = (0..n)
                .map(|i| curve(&hostile(i), vec![0, 1, u64::MAX]))
                .collect();
            for width in [0.0, 800.0] {
                examine(&curves(&caption(), &all, "time", width));
            }
        }
    }

    fn curve(name: &str, times_us: Vec<u64>) -> Curve {
        Curve {
            name: name.to_owned(),
            times_us,
        }
    }
}
