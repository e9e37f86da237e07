//! How figures changed: a line for each series, with a sign at each point, its name at its end, and gaps where nothing
//! was seen.

use super::say_empty;
use crate::axis;
use crate::canvas::{Area, Picture, Point};
use crate::caption::Caption;
use crate::label::{Font, Label};
use crate::scale::{Scale, Unit};
use crate::theme::{self, AXIS, Dash, Pen, Style};

/// Pixels from the middle of one name to the next.
const LINE: f64 = 15.0;
/// Pixels below the lines, for an axis without a name.
const BELOW: f64 = 22.0;
/// The widest names, in pixels.
const MAX_NAME: f64 = 190.0;
/// Lines of more points have no sign at each.
const MAX_SIGNS: usize = 80;

/// Figures over time.
#[derive(Clone, Debug, PartialEq)]
pub struct Trends {
    /// What the figures are.
    pub unit: Unit,
    /// What stands on the left.
    pub name: String,
    /// The series, as networks, or as observers of the same.
    pub series: Vec<Trend>,
}

/// One figure over time.
#[derive(Clone, Debug, PartialEq)]
pub struct Trend {
    /// What it is called.
    pub name: String,
    /// Moments in their order, microseconds since 1970, and the value; the line is broken where there is none.
    pub points: Vec<(i64, Option<f64>)>,
}

/// Draws a line for each series.
pub fn trends(caption: &Caption, trends: &Trends, width: f64) -> Picture {
    let (mut picture, area) = caption.begin(width, 340.0);
    let points = || trends.series.iter().flat_map(|it| &it.points);
    let values = points().filter_map(|it| it.1).filter(|it| it.is_finite());
    let times = || points().filter(|it| it.1.is_some()).map(|it| it.0);
    let (Some(first), Some(last)) = (times().min(), times().max()) else {
        say_empty(&mut picture, area, "nothing was seen");
        return picture;
    };
    let y = Scale::from_zero(values.fold(0.0, f64::max), trends.unit);
    let left = axis::left_margin(area.height - BELOW - axis::ABOVE, &y);
    let shown: Vec<(&Trend, Style)> = styled(&trends.series);
    let cut = |it: &Trend| Label::cut(&it.name, Font::LABEL, MAX_NAME);
    let widths = shown.iter().map(|it| cut(it.0).width(Font::LABEL));
    let right = widths.fold(0.0, f64::max) + 24.0;
    let plot = area.inside(left, axis::ABOVE, right, BELOW);
    let x = Scale::time(first, last).over(plot.x, plot.right());
    let y = y.over(plot.bottom(), plot.y);
    axis::left(&mut picture, plot, &y, (area.x, &trends.name));
    axis::below(&mut picture, plot, &x, "");
    for (trend, style) in &shown {
        draw_line(&mut picture, trend, *style, &x, &y);
    }
    name_ends(&mut picture, plot, &shown, &x, &y);
    picture
}

/// Returns the series that have a value, each with its style.
fn styled(series: &[Trend]) -> Vec<(&Trend, Style)> {
    let all = series
        .iter()
        .enumerate()
        .map(|(i, it)| (it, theme::style(i)));
    all.filter(|(it, _)| last_point(it).is_some()).collect()
}

/// Returns the last moment of a series and its value there.
fn last_point(trend: &Trend) -> Option<(i64, f64)> {
    let points = trend.points.iter().rev();
    let points = points.filter_map(|(time, value)| Some((*time, (*value)?)));
    points.into_iter().find(|(_, value)| value.is_finite())
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a pixel is more than a microsecond"
)]
fn place(x: &Scale, y: &Scale, (time, value): (i64, f64)) -> Point {
    Point::new(x.at(time as f64), y.at(value))
}

fn draw_line(picture: &mut Picture, trend: &Trend, style: Style, x: &Scale, y: &Scale) {
    let placed = |(time, value): &(i64, Option<f64>)| {
        let value = value.filter(|it| it.is_finite())?;
        Some(place(x, y, (*time, value)))
    };
    let mut piece = Vec::new();
    let mut signs = Vec::new();
    for point in trend.points.iter().map(placed) {
        match point {
            Some(point) => {
                piece.push(point);
                signs.push(point);
            }
            None => picture.line(piece.drain(..), style.pen(2.0)),
        }
    }
    picture.line(piece, style.pen(2.0));
    // Where there are very many, the line itself tells enough; a lone point is never without its sign.
    let every = signs.len().div_ceil(MAX_SIGNS);
    for sign in signs.iter().step_by(every.max(1)) {
        picture.marker(*sign, 6.5, style);
    }
}

/// Writes the names of lines beside their ends, moved apart where they would be upon each other.
fn name_ends(picture: &mut Picture, plot: Area, shown: &[(&Trend, Style)], x: &Scale, y: &Scale) {
    let ends = shown.iter().filter_map(|(trend, _)| {
        let end = place(x, y, last_point(trend)?);
        Some((end, *trend))
    });
    let mut ends: Vec<(Point, &Trend)> = ends.collect();
    ends.sort_by(|a, b| a.0.y.total_cmp(&b.0.y));
    // There are fewer styles than names have room.
    ends.truncate(axis::fitting(plot.height / LINE, 40));
    let wanted: Vec<f64> = ends.iter().map(|it| it.0.y).collect();
    let places = moved_apart(&wanted, plot.y, plot.bottom());
    for (y, (end, trend)) in places.into_iter().zip(ends) {
        let at = Point::new(plot.right() + 22.0, y);
        let label = Label::cut(&trend.name, Font::LABEL, MAX_NAME);
        picture.text_beside(at, label, Font::LABEL);
        let bend = Point::new(plot.right() + 6.0, end.y);
        let leader = [
            Point::new(end.x + 6.0, end.y),
            bend,
            Point::new(at.x - 4.0, y),
        ];
        let pen = Pen {
            dash: Dash::Dotted,
            ..Pen::new(AXIS, 1.0)
        };
        picture.line(leader, pen);
    }
}

/// Returns places as near as may be to those wanted, which are sorted, a line apart, and not outside.
fn moved_apart(wanted: &[f64], top: f64, bottom: f64) -> Vec<f64> {
    let mut places: Vec<f64> = Vec::new();
    for at in wanted {
        let free = places.last().map_or(top, |it| it + LINE);
        places.push(at.max(free));
    }
    let mut free = bottom;
    for at in places.iter_mut().rev() {
        *at = at.min(free);
        free = *at - LINE;
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canvas::Shape;
    use crate::examine::{caption, examine, hostile, texts};

    #[test]
    fn lines_are_broken_where_nothing_was_seen() {
        let day = |it: i64| it * 86_400_000_000;
        let points = vec![
            (day(1), Some(5.0)),
            (day(2), Some(6.0)),
            (day(3), None),
            (day(4), Some(7.0)),
            (day(5), Some(8.0)),
            (day(6), None),
            (day(7), Some(1.0)),
        ];
        let name = "ours".to_owned();
        let picture = drawn(vec![Trend { name, points }], 800.0);
        let lines = picture.shapes.iter().filter_map(|it| match it {
            Shape::Line { points, pen } if pen.width == 2.0 => Some(points.len()),
            _ => None, // Part of an axis.
        });
        assert_eq!(lines.collect::<Vec<_>>(), [2, 2]);
        assert_eq!(
            texts(&picture)[3..].join("|"),
            "0|2|4|6|8|nodes|2 Jan|3 Jan|4 Jan|5 Jan|6 Jan|7 Jan|8 Jan|ours"
        );
    }

    #[test]
    fn names_are_moved_apart() {
        assert!(moved_apart(&[], 0.0, 100.0).is_empty());
        assert_eq!(moved_apart(&[50.0, 51.0], 0.0, 100.0), [50.0, 65.0]);
        assert_eq!(moved_apart(&[99.0, 100.0], 0.0, 100.0), [85.0, 100.0]);
        assert_eq!(moved_apart(&[-5.0, 20.0], 0.0, 100.0), [0.0, 20.0]);
    }

    #[test]
    fn any_series_have_their_place() {
        for n_series in [0, 1, 30] {
            for n_points in [0, 1, 5_000] {
                let value = |i: i64| match i % 50 {
                    7 => None,
                    8 => Some(f64::NAN),
                    _ => Some(i as f64),
                };
                let points: Vec<_> = (0..n_points).map(|i| (i << 40, value(i))).collect();
                let trend = |i| Trend {
                    name: hostile(i),
                    points: points.clone(),
                };
                drawn((0..n_series).map(trend).collect(), 0.0);
            }
        }
    }

    fn drawn(series: Vec<Trend>, width: f64) -> Picture {
        let all = Trends {
            unit: Unit::Count,
            name: "nodes".to_owned(),
            series,
        };
        let picture = trends(&caption(), &all, width);
        examine(&picture);
        picture
    }
}
