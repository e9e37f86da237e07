//! One file a kind of chart: each a pure function from plain numbers to a picture.

mod ages;
mod bars;
mod columns;
mod curves;
mod heights;
mod pairs;
mod timeline;
mod trends;
mod world;

pub use ages::{Ages, ages};
pub use bars::{Bars, bars};
pub use curves::{Curve, curves};
pub use heights::{Heights, heights};
pub use pairs::{Pair, Pairs, pairs};
pub use timeline::{Timeline, timeline};
pub use trends::{Trend, Trends, trends};
pub use world::{World, country_name, world};

use record::text::grouped;

use crate::canvas::{Area, Picture, Point};
use crate::label::Font;

/// Returns a number as a float: a pixel is more than what is lost of large ones.
#[expect(
    clippy::cast_precision_loss,
    reason = "a pixel is more than what is lost"
)]
fn float(n: u64) -> f64 {
    n as f64
}

/// Returns how many there are as a float, which no list's length is too large for.
fn length(n: usize) -> f64 {
    float(u64::try_from(n).unwrap_or(u64::MAX))
}

/// Writes a part of a whole in percent, and nothing where there is no whole.
fn percent(n: u64, whole: u64) -> Option<String> {
    let percent = float(n) / float(whole) * 100.0;
    match whole {
        0 => None,
        _ if n > 0 && percent < 0.1 => Some("<0.1 %".to_owned()),
        _ => Some(format!("{percent:.1} %")),
    }
}

/// Writes a count, and its share where there is a whole.
fn counted(n: u64, whole: u64) -> String {
    match percent(n, whole) {
        Some(share) => format!("{} · {share}", grouped(n)),
        None => grouped(n),
    }
}

/// Says in the middle of an area that there is nothing to be shown.
fn say_empty(picture: &mut Picture, area: Area, why: &str) {
    let at = Point::new(area.x + area.width / 2.0, area.y + area.height / 2.0);
    picture.text_beside(at, why, Font::NOTE.centered());
}
