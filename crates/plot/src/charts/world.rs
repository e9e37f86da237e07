//! Where nodes are: a map of the world, countries as dark as they have nodes, and what is on no map beside it.

mod atlas;
mod projection;

use std::cmp::Reverse;
use std::collections::BTreeMap;

use record::text::grouped;

use self::atlas::{COUNTRIES, Country, Degrees};
use self::projection::equal_earth;
use super::{counted, float, length};
use crate::canvas::{Area, Picture, Point};
use crate::caption::{Caption, chart_width};
use crate::label::{Font, Label};
use crate::theme::{Color, GROUND, Pen, QUIET, STRIKING};

pub use self::atlas::country_name;

/// The northern and the southern end of the map, in degrees: what is beyond has no nodes.
const NORTH: f64 = 84.0;
const SOUTH: f64 = -57.0;
/// How many countries are named below the map, in how many columns.
const N_NAMED: usize = 9;
const N_COLUMNS: usize = 3;
/// Pixels from one line of text to the next.
const LINE: f64 = 18.0;
/// Countries without a node, and all borders.
const NOBODY: Color = Color::rgb(0xf1efea);
const BORDER: Pen = Pen::new(Color::rgb(0xbdb9b0), 0.6);
/// Countries with nodes, from few to many: each step is as much darker as the one before.
const SHADES: [Color; 6] = [
    Color::rgb(0xd3e3f3),
    Color::rgb(0xa9c9e6),
    Color::rgb(0x78aad3),
    Color::rgb(0x4687b9),
    Color::rgb(0x1f6097),
    Color::rgb(0x0a3461),
];
/// The radius of the largest bubble, in pixels.
const BUBBLE: f64 = 15.0;
/// Degrees whose nodes share a bubble.
const CELL: f64 = 2.5;

/// Where nodes are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct World {
    /// Two letters (ISO 3166) and how many nodes are there.
    pub countries: Vec<(String, u64)>,
    /// Degrees north and east, and how many nodes are there; may be empty.
    pub places: Vec<(f64, f64, u64)>,
    /// Why nodes are on no map, as their network, and how many are not.
    pub nowhere: Vec<(String, u64)>,
}

/// Draws the map; countries too small for it are dots, places are bubbles upon it.
pub fn world(caption: &Caption, world: &World, width: f64) -> Picture {
    let width_inside = chart_width(width);
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    let mut unknown = 0_u64;
    for (code, n) in &world.countries {
        match country_name(code) {
            Some(_) => *counts.entry(code).or_default() += n,
            None => unknown = unknown.saturating_add(*n),
        }
    }
    let map = Map::new(width_inside);
    let nowhere = Label::wrapped(&name_nowhere(world, unknown), Font::LABEL, width_inside);
    let n_rows = N_NAMED.min(counts.len()).div_ceil(N_COLUMNS);
    let text_height = length(n_rows + nowhere.len()) * LINE + 12.0;
    let (mut picture, area) = caption.begin(width, map.height + 44.0 + text_height);
    let map = Map { area, ..map };
    let has_bubbles = !world.places.is_empty();
    let classes = Classes {
        is_pale: has_bubbles,
        ..Classes::up_to(counts.values().copied().max().unwrap_or(0))
    };
    for country in COUNTRIES.iter() {
        let n = counts.get(country.code).copied().unwrap_or(0);
        map.draw_country(&mut picture, country, classes.shade(n));
    }
    for country in COUNTRIES.iter().filter(|it| it.rings.is_empty()) {
        if let Some(n) = counts.get(country.code).filter(|it| **it > 0) {
            map.draw_dot(&mut picture, country, classes.shade(*n));
        }
    }
    map.draw_bubbles(&mut picture, &world.places);
    let below = area.inside(0.0, map.height + 8.0, 0.0, 0.0);
    classes.draw_legend(&mut picture, below, has_bubbles);
    let below = below.inside(0.0, 36.0, 0.0, 0.0);
    let whole = counts.values().copied().fold(0, u64::saturating_add);
    name_countries(&mut picture, below, &counts, whole);
    let below = below.inside(0.0, length(n_rows) * LINE + 8.0, 0.0, 0.0);
    for (i, line) in nowhere.iter().enumerate() {
        let at = Point::new(below.x, below.y + (length(i) + 0.5) * LINE);
        picture.text_beside(at, line, Font::LABEL);
    }
    picture
}

/// From degrees to pixels.
struct Map {
    area: Area,
    height: f64,
    /// Pixels of one radius of the globe.
    scale: f64,
}

impl Map {
    fn new(width: f64) -> Map {
        let edge = equal_earth(Degrees {
            north: 0.0,
            east: 180.0,
        })
        .0;
        let scale = width / edge / 2.0;
        let latitude = |north| equal_earth(Degrees { north, east: 0.0 }).1;
        Map {
            area: Area::new(0.0, 0.0, width, 0.0),
            height: ((latitude(NORTH) - latitude(SOUTH)) * scale).ceil(),
            scale,
        }
    }

    fn at(&self, place: Degrees) -> Point {
        let north = place.north.clamp(SOUTH, NORTH);
        let (x, y) = equal_earth(Degrees { north, ..place });
        let top = equal_earth(Degrees {
            north: NORTH,
            east: 0.0,
        })
        .1;
        Point::new(
            self.area.middle() + x * self.scale,
            self.area.y + (top - y) * self.scale,
        )
    }

    fn draw_country(&self, picture: &mut Picture, country: &Country, shade: Color) {
        let project = |ring: &Vec<Degrees>| ring.iter().map(|it| self.at(*it)).collect();
        let rings: Vec<Vec<Point>> = country.rings.iter().map(project).collect();
        if !rings.is_empty() {
            picture.polygon(rings, shade, Some(BORDER));
        }
    }

    fn draw_dot(&self, picture: &mut Picture, country: &Country, shade: Color) {
        let pen = Pen::new(QUIET, 0.8);
        picture.circle(self.at(country.center), 3.5, shade, Some(pen));
    }

    /// Draws a bubble for the nodes of each few degrees, the largest first.
    fn draw_bubbles(&self, picture: &mut Picture, places: &[(f64, f64, u64)]) {
        let mut cells: BTreeMap<(i32, i32), Cell> = BTreeMap::new();
        for (north, east, n) in places {
            let at = Degrees {
                north: *north,
                east: *east,
            };
            if let Some(key) = at.cell().filter(|_| *n > 0) {
                cells.entry(key).or_default().add(at, *n);
            }
        }
        let mut bubbles: Vec<Cell> = cells.into_values().collect();
        bubbles.sort_by_key(|it| Reverse(it.n));
        let most = bubbles.first().map_or(1.0, |it| float(it.n));
        for cell in bubbles {
            let radius = ((float(cell.n) / most).sqrt() * BUBBLE).max(1.5);
            let at = self.at(cell.middle());
            let inside = |at: f64, from: f64, to: f64| at.max(from + radius).min(to - radius);
            let x = inside(at.x, self.area.x, self.area.right());
            let y = inside(at.y, self.area.y, self.area.y + self.height);
            picture.bubble(Point::new(x, y), radius, STRIKING);
        }
    }
}

/// The nodes of a few degrees.
#[derive(Clone, Copy, Default)]
struct Cell {
    n: u64,
    north: f64,
    east: f64,
}

impl Cell {
    fn add(&mut self, at: Degrees, n: u64) {
        self.n = self.n.saturating_add(n);
        let part = float(n) / float(self.n);
        self.north += (at.north - self.north) * part;
        self.east += (at.east - self.east) * part;
    }

    /// Where its nodes are on average.
    fn middle(self) -> Degrees {
        Degrees {
            north: self.north,
            east: self.east,
        }
    }
}

impl Degrees {
    /// Returns which cell a place is in: nothing for what is on no globe, and for 0° north, 0° east, where databases put
    /// what they do not know.
    #[expect(clippy::cast_possible_truncation, reason = "fewer cells than degrees")]
    fn cell(self) -> Option<(i32, i32)> {
        let is_there = self.north.abs() <= 90.0 && self.east.abs() <= 180.0;
        let is_known = self.north != 0.0 || self.east != 0.0;
        let key = |degrees: f64| (degrees / CELL).floor() as i32;
        (is_there && is_known).then(|| (key(self.north), key(self.east)))
    }
}

/// From how many nodes on a country is one step darker.
struct Classes {
    from: Vec<u64>,
    /// Whether bubbles are to stand out from them.
    is_pale: bool,
}

impl Classes {
    /// The steps 1, 3, 10, 30, …, or without every second one, so that there are six at most.
    fn up_to(max: u64) -> Classes {
        let tens = (0..19).map(|it| 10_u64.pow(it));
        let all: Vec<u64> = tens
            .flat_map(|it| [it, it * 3])
            .take_while(|it| *it <= max)
            .collect();
        let every = all.len().div_ceil(SHADES.len()).max(1);
        let from = all.into_iter().step_by(every).collect();
        Classes {
            from,
            is_pale: false,
        }
    }

    fn shade(&self, n: u64) -> Color {
        match self.from.partition_point(|it| *it <= n) {
            0 => NOBODY,
            class => self.shade_of(class - 1),
        }
    }

    /// The last class is the darkest, however few there are.
    fn shade_of(&self, class: usize) -> Color {
        let shade = SHADES[(SHADES.len() + class - self.from.len()).min(SHADES.len() - 1)];
        match self.is_pale {
            true => shade.mixed(GROUND, 45),
            false => shade,
        }
    }

    fn draw_legend(&self, picture: &mut Picture, area: Area, has_bubbles: bool) {
        let mut x = area.x;
        let middle = area.y + 10.0;
        let mut add = |picture: &mut Picture, shade: Color, name: String| {
            let box_area = Area::new(x, middle - 6.0, 16.0, 12.0);
            picture.rect(box_area, BORDER.color);
            picture.rect(box_area.inside(0.7, 0.7, 0.7, 0.7), shade);
            let label = Label::from(name);
            let width = label.width(Font::TICK);
            picture.text_beside(Point::new(x + 21.0, middle), label, Font::TICK);
            x += 21.0 + width + 10.0;
        };
        add(picture, NOBODY, "none".to_owned());
        for (i, from) in self.from.iter().enumerate() {
            let nodes = if i + 1 < self.from.len() {
                ""
            } else {
                " nodes"
            };
            add(
                picture,
                self.shade_of(i),
                format!("{}+{nodes}", grouped(from)),
            );
        }
        if has_bubbles {
            let label = Label::from("places, by size");
            let width = label.width(Font::TICK);
            if x + 18.0 + width <= area.right() {
                picture.bubble(Point::new(x + 6.0, middle), 6.0, STRIKING);
                picture.text_beside(Point::new(x + 18.0, middle), label, Font::TICK);
            }
        }
    }
}

/// Writes the countries with the most nodes in columns, from above to below.
fn name_countries(picture: &mut Picture, area: Area, counts: &BTreeMap<&str, u64>, whole: u64) {
    let mut ranked: Vec<(&str, u64)> = counts.iter().map(|(code, n)| (*code, *n)).collect();
    ranked.sort_by_key(|(code, n)| (Reverse(*n), *code));
    ranked.truncate(N_NAMED);
    let n_rows = ranked.len().div_ceil(N_COLUMNS).max(1);
    let width = (area.width + 24.0) / length(N_COLUMNS);
    for (i, (code, n)) in ranked.into_iter().enumerate() {
        let x = area.x + length(i / n_rows) * width;
        let y = area.y + (length(i % n_rows) + 0.5) * LINE;
        let number = Label::from(counted(n, whole));
        let right = x + width - 24.0;
        let room = width - 24.0 - number.width(Font::LABEL) - 8.0;
        let name = Label::cut(country_name(code).unwrap_or(code), Font::LABEL, room);
        picture.text_beside(Point::new(x, y), name, Font::LABEL);
        picture.text_beside(Point::new(right, y), number, Font::LABEL.ending());
    }
}

/// Says how many nodes are not on the map and why.
fn name_nowhere(world: &World, unknown: u64) -> String {
    let mut reasons: Vec<(&str, u64)> = world
        .nowhere
        .iter()
        .map(|(why, n)| (&why[..], *n))
        .collect();
    reasons.push(("country unknown", unknown));
    reasons.retain(|(_, n)| *n > 0);
    reasons.sort_by_key(|(why, n)| (Reverse(*n), *why));
    let reasons: Vec<String> = reasons
        .iter()
        .map(|(why, n)| format!("{why} {}", grouped(n)))
        .collect();
    match reasons.is_empty() {
        true => String::new(),
        false => format!("Not on the map: {}", reasons.join(" · ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::examine::{caption, examine, hostile, texts};

    #[test]
    fn countries_are_ranked_and_what_is_nowhere_is_told() {
        let all = World {
            countries: counts(&[("DE", 300), ("US", 1_200), ("SG", 20), ("zz", 4)]),
            places: vec![
                (52.5, 13.4, 250),
                (52.6, 13.3, 40),
                (f64::NAN, 0.0, 1),
                (91.0, 0.0, 1),
            ],
            nowhere: counts(&[("i2p", 12), ("onion", 7_425), ("cjdns", 0)]),
        };
        let picture = world(&caption(), &all, 800.0);
        examine(&picture);
        assert_eq!(
            texts(&picture)[3..].join("|"),
            "none|1+|10+|100+|1,000+ nodes|places, by size|United States|1,200 · 78.9 %|Germany|300 · 19.7 %|\
             Singapore|20 · 1.3 %|Not on the map: onion 7,425 · i2p 12 · country unknown 4"
        );
    }

    #[test]
    fn more_nodes_make_a_country_darker() {
        for max in [1, 2, 9, 100, 5_000, u64::MAX] {
            let classes = Classes::up_to(max);
            assert!(classes.from.len() <= SHADES.len(), "{max}");
            assert_eq!(classes.shade(0), NOBODY);
            assert_eq!(classes.shade(max), SHADES[SHADES.len() - 1], "{max}");
        }
        let classes = Classes::up_to(5_000);
        let shades = [1, 10, 100, 1_000].map(|it| classes.shade(it));
        assert_eq!(shades, [SHADES[2], SHADES[3], SHADES[4], SHADES[5]]);
    }

    #[test]
    fn any_nodes_have_their_place() {
        for n in [0, 1, 100_000] {
            let mut dice = fastrand::Rng::with_seed(n);
            let mut place = || (dice.f64() * 180.0 - 90.0, dice.f64() * 360.0 - 180.0, 1);
            let places = (0..n).map(|_| place()).collect();
            let codes = COUNTRIES.iter().map(|it| (it.code.to_owned(), n));
            let nowhere = (0..6).map(|i| (hostile(i), n)).collect();
            let all = World {
                countries: codes.collect(),
                places,
                nowhere,
            };
            for width in [0.0, 1_600.0] {
                examine(&world(&caption(), &all, width));
            }
        }
        examine(&world(&caption(), &World::default(), 800.0));
    }

    fn counts(counts: &[(&str, u64)]) -> Vec<(String, u64)> {
        counts
            .iter()
            .map(|(name, n)| ((*name).to_owned(), *n))
            .collect()
    }
}
