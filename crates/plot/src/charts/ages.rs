//! How old the software is that nodes run: a column for each year of release.

use super::columns::{self, Column, Fill};
use crate::canvas::{Area, Picture, Point};
use crate::caption::Caption;
use crate::label::{Font, Label};
use crate::legend::Key;
use crate::theme::{self, INK, Pen};

/// The most years that have a column of their own; those before are counted together.
const MAX_YEARS: usize = 18;

/// In which years the software of nodes was released.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ages {
    /// What is stacked, from below to above, as implementations.
    pub series: Vec<String>,
    /// Years, and how many nodes of each series run what was released in it; in any order.
    pub years: Vec<(i16, Vec<u64>)>,
    /// Nodes whose software nobody knows the release of.
    pub unknown: u64,
    /// The year that half of all nodes are not younger than, and what is said of it.
    pub median: Option<(i16, String)>,
}

/// Draws a column for each year from the first to the last, and one for those who are unknown.
pub fn ages(caption: &Caption, ages: &Ages, width: f64) -> Picture {
    let keys: Vec<Key<'_>> = match ages.series.len() {
        // Whoever is alone needs no name.
        1 => Vec::new(),
        _ => ages.series.iter().enumerate().map(Key::area).collect(),
    };
    let legend = Key::height_of(&keys, crate::caption::chart_width(width));
    let (mut picture, area) = caption.begin(width, 330.0 + legend);
    let area = Key::draw_all(&mut picture, area, &keys);
    let years = years(ages);
    let name = |it: &Column| it.name.concat();
    let names: Vec<String> = years.iter().map(name).collect();
    let median = ages.median.as_ref();
    let note_room = if median.is_some() { 10.0 } else { 0.0 };
    let body = area.inside(0.0, note_room, 0.0, 0.0);
    let rooms = columns::draw(&mut picture, body, &years, "nodes");
    let Some((year, said)) = median else {
        return picture;
    };
    let at = names.iter().position(|it| *it == year.to_string());
    if let Some(room) = at.and_then(|it| rooms.get(it)) {
        name_median(&mut picture, *room, area.y, said, (area.x, area.right()));
    }
    picture
}

fn years(ages: &Ages) -> Vec<Column> {
    let years = || ages.years.iter().map(|it| it.0);
    let (Some(first), Some(last)) = (years().min(), years().max()) else {
        return unknown(ages).into_iter().collect();
    };
    let n_years = i16::try_from(MAX_YEARS).unwrap_or(i16::MAX);
    let first_alone = first.max(last.saturating_sub(n_years - 1));
    let mut columns = Vec::new();
    if first < first_alone {
        let name = vec!["until".to_owned(), (first_alone - 1).to_string()];
        columns.push(column(ages, name, |it| it < first_alone));
    }
    for year in first_alone..=last {
        columns.push(column(ages, vec![year.to_string()], |it| it == year));
    }
    columns.extend(unknown(ages));
    columns
}

fn column(ages: &Ages, name: Vec<String>, counts: impl Fn(i16) -> bool) -> Column {
    let n_of = |i: usize| {
        let there = ages.years.iter().filter(|it| counts(it.0));
        let ns = there.map(|it| it.1.get(i).copied().unwrap_or(0));
        ns.fold(0, u64::saturating_add)
    };
    let fill = |i: usize| match ages.series.len() {
        1 => Fill::Plain(theme::BAR),
        _ => Fill::Series(theme::style(i)),
    };
    let parts = (0..ages.series.len()).map(|i| (n_of(i), fill(i))).collect();
    Column {
        name,
        parts,
        weight: 1.0,
    }
}

fn unknown(ages: &Ages) -> Option<Column> {
    (ages.unknown > 0).then(|| Column {
        name: vec!["not".to_owned(), "known".to_owned()],
        parts: vec![(ages.unknown, Fill::Plain(theme::REST))],
        weight: 1.25,
    })
}

/// Points from above at a column, and says what is there.
fn name_median(picture: &mut Picture, room: Area, y: f64, said: &str, (left, right): (f64, f64)) {
    let label = Label::cut(said, Font::LABEL, right - left);
    let half = label.width(Font::LABEL) / 2.0;
    let x = room
        .middle()
        .clamp(left + half, (right - half).max(left + half));
    picture.text_beside(Point::new(x, y + 8.0), label, Font::LABEL.centered());
    let pen = Pen::new(INK, 1.0);
    let (x, end) = (room.middle(), room.y - 2.0);
    picture.line([Point::new(x, y + 18.0), Point::new(x, end)], pen);
    let head = [(x - 3.0, end - 4.0), (x, end), (x + 3.0, end - 4.0)];
    picture.line(head.map(|(x, y)| Point::new(x, y)), pen);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::examine::{caption, examine, hostile, texts};

    #[test]
    fn years_without_a_release_have_their_place_and_old_ones_are_one() {
        let all = Ages {
            series: vec!["Core".to_owned(), "others".to_owned()],
            years: vec![(2024, vec![30, 2]), (2001, vec![1, 0]), (2022, vec![5, 0])],
            unknown: 7,
            median: Some((2022, "half are older".to_owned())),
        };
        let picture = ages(&caption(), &all, 800.0);
        examine(&picture);
        let written = texts(&picture)[3..].join(" ");
        assert_eq!(
            written,
            "Core others 0 10 20 30 40 nodes 1 until 2006 2007 2008 2009 2010 2011 2012 2013 2014 2015 2016 2017 2018 \
             2019 2020 2021 5 2022 2023 32 2024 7 not known half are older"
        );
    }

    #[test]
    fn any_years_have_their_place() {
        for years in [
            vec![],
            vec![2025],
            vec![i16::MIN, i16::MAX],
            (2009..2026).collect(),
        ] {
            let n_series = years.len();
            let all = Ages {
                series: (0..n_series).map(hostile).collect(),
                years: years
                    .iter()
                    .map(|it| (*it, vec![100_000; n_series]))
                    .collect(),
                unknown: 0,
                median: years.first().map(|it| (*it, hostile(5))),
            };
            for width in [0.0, 800.0, 1_600.0] {
                examine(&ages(&caption(), &all, width));
            }
        }
    }
}
