//! How far from the tip of the chain nodes say they are: block by block near it, by powers of ten far from it.

use record::text::grouped;

use super::columns::{self, Column, Fill};
use crate::canvas::{Area, Picture, Point};
use crate::caption::Caption;
use crate::label::{Font, Label};
use crate::theme::{self, AXIS, GROUND, Pen};

/// Up to so many blocks from the tip each has a column of its own.
const NEAR: i64 = 5;
/// How much wider a column of many blocks is.
const WIDE: f64 = 1.75;

/// Far columns: what is written below them, and the distances from the tip that they count, ahead of it positive.
const BEHIND: [([&str; 2], i64, i64); 4] = [
    (["over", "10k"], i64::MIN, -10_001),
    (["1k–", "10k"], -10_000, -1_001),
    (["101–", "1k"], -1_000, -101),
    (["6–", "100"], -100, -NEAR - 1),
];
const AHEAD: [([&str; 2], i64, i64); 3] = [
    (["6–", "100"], NEAR + 1, 100),
    (["101–", "10k"], 101, 10_000),
    (["over", "10k"], 10_001, i64::MAX),
];

/// The heights that nodes claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heights {
    /// One a node, in any order; may be negative or invented.
    pub heights: Vec<i32>,
    /// The height of the chain, where it is known.
    pub tip: Option<i32>,
}

/// Draws a column for each distance from the tip.
pub fn heights(caption: &Caption, heights: &Heights, width: f64) -> Picture {
    let (mut picture, area) = caption.begin(width, 340.0);
    let tip = heights.tip.map_or(0, i64::from);
    let distances: Vec<i64> = heights
        .heights
        .iter()
        .map(|it| i64::from(*it) - tip)
        .collect();
    let count = |from: i64, to: i64| {
        let there = distances.iter().filter(|it| (from..=to).contains(it));
        u64::try_from(there.count()).unwrap_or(u64::MAX)
    };
    let far = |&(name, from, to): &([&str; 2], i64, i64)| Column {
        name: name.map(str::to_owned).to_vec(),
        parts: vec![(count(from, to), Fill::Plain(theme::REST))],
        weight: WIDE,
    };
    let near = |distance: i64| Column {
        name: vec![match distance {
            0 => "tip".to_owned(),
            1.. => format!("+{distance}"),
            _ => format!("−{}", -distance),
        }],
        parts: vec![(count(distance, distance), Fill::Plain(theme::BAR))],
        weight: 1.0,
    };
    let mut all: Vec<Column> = BEHIND.iter().map(far).collect();
    all.extend((-NEAR..=NEAR).map(near));
    all.extend(AHEAD.iter().map(far));
    let body = area.inside(0.0, 0.0, 0.0, 22.0);
    let rooms = columns::draw(&mut picture, body, &all, "nodes");
    let (behind, near_and_behind) = (BEHIND.len(), all.len() - AHEAD.len());
    // The axis is broken where columns begin to count more than one block.
    for room in [behind, near_and_behind]
        .into_iter()
        .filter_map(|it| rooms.get(it))
    {
        break_axis(&mut picture, Point::new(room.x, room.bottom()));
    }
    if let [first, .., last] = &rooms[..] {
        let ends = (first.middle(), last.middle());
        let tip_at = f64::midpoint(rooms[behind].x, rooms[near_and_behind].x);
        name_sides(
            &mut picture,
            ends,
            Point::new(tip_at, area.bottom() - 6.0),
            heights.tip,
        );
    }
    picture
}

fn break_axis(picture: &mut Picture, at: Point) {
    picture.rect(Area::new(at.x - 2.5, at.y - 1.0, 5.0, 2.0), GROUND);
    for x in [at.x - 2.5, at.x + 2.5] {
        let line = [
            Point::new(x - 2.0, at.y + 5.0),
            Point::new(x + 2.0, at.y - 5.0),
        ];
        picture.line(line, Pen::new(AXIS, 1.2));
    }
}

/// Writes where the tip is, and on both sides of that whether nodes are behind or ahead.
fn name_sides(picture: &mut Picture, ends: (f64, f64), at: Point, tip: Option<i32>) {
    let font = Font::NOTE.centered();
    let tip = Label::from(match tip {
        Some(tip) => format!("tip: block {}", grouped(tip)),
        None => "tip unknown".to_owned(),
    });
    let half = tip.width(font) / 2.0;
    picture.text(at, tip, font);
    for (end, name) in [(ends.0, "behind"), (ends.1, "ahead")] {
        let side = (end - at.x).signum();
        let name = Label::from(name);
        let x = at.x + side * (half + 24.0 + name.width(font) / 2.0);
        let from = x + side * (name.width(font) / 2.0 + 8.0);
        picture.text(Point::new(x, at.y), name, font);
        arrow(picture, from, end, at.y - 4.0);
    }
}

fn arrow(picture: &mut Picture, from: f64, to: f64, y: f64) {
    let pen = Pen::new(AXIS, 1.0);
    let back = (from - to).signum() * 5.0;
    picture.line([Point::new(from, y), Point::new(to, y)], pen);
    let head = [(to + back, y - 3.0), (to, y), (to + back, y + 3.0)];
    picture.line(head.map(|(x, y)| Point::new(x, y)), pen);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::examine::{caption, examine, texts};

    #[test]
    fn near_blocks_stand_alone_and_far_ones_together() {
        let tip = 870_000;
        let far = [
            i32::MIN,
            -1,
            tip - 10_001,
            tip - 10_000,
            tip - 101,
            tip - 100,
            tip - 6,
        ];
        let near = [
            tip - 5,
            tip,
            tip,
            tip + 5,
            tip + 6,
            tip + 100,
            tip + 101,
            i32::MAX,
        ];
        let heights_of_all = [&far[..], &near[..]].concat();
        let all = Heights {
            heights: heights_of_all,
            tip: Some(tip),
        };
        let picture = heights(&caption(), &all, 800.0);
        examine(&picture);
        let columns: Vec<_> = texts(&picture)[3..].to_vec();
        assert_eq!(
            columns.join(" "),
            "0 1 2 3 nodes 3 over 10k 1 1k– 10k 1 101– 1k 2 6– 100 1 −5 −4 −3 −2 −1 2 tip +1 +2 +3 +4 1 +5 2 6– 100 \
             1 101– 10k 1 over 10k tip: block 870,000 behind ahead"
        );
    }

    #[test]
    fn any_number_of_heights_has_its_place() {
        for n in [0, 1, 100_000] {
            for (tip, width) in [(None, 0.0), (Some(-5), 800.0), (Some(i32::MAX), 1_600.0)] {
                let all = Heights {
                    heights: (0..n).map(|it| it / 1_000).collect(),
                    tip,
                };
                examine(&heights(&caption(), &all, width));
            }
        }
    }
}
