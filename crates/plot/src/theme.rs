//! Colours, pens and patterns: told apart by people who see colours differently, and in black and white.

/// A colour: red, green and blue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Color(pub [u8; 3]);

impl Color {
    /// The colour of this number, as in `Color::rgb(0xd55e00)`.
    pub const fn rgb(rgb: u32) -> Color {
        let [_, r, g, b] = rgb.to_be_bytes();
        Color([r, g, b])
    }

    /// Returns this colour with so many percent of another in it.
    pub fn mixed(self, other: Color, percent: u8) -> Color {
        let of_other = u16::from(percent.min(100));
        let mix = |i: usize| {
            let (this, other) = (u16::from(self.0[i]), u16::from(other.0[i]));
            let mixed = (this * (100 - of_other) + other * of_other) / 100;
            u8::try_from(mixed).expect("between two bytes is a byte")
        };
        Color([mix(0), mix(1), mix(2)])
    }
}

/// The ground of every picture.
pub const GROUND: Color = Color::rgb(0xffffff);
/// Titles, and the numbers that matter.
pub const INK: Color = Color::rgb(0x1a1a1a);
/// Definitions, sources and the names of ticks.
pub const QUIET: Color = Color::rgb(0x5a5a5a);
/// Lines behind a chart.
pub const GRID: Color = Color::rgb(0xdedede);
/// Axes.
pub const AXIS: Color = Color::rgb(0x8c8c8c);
/// Bars that need no telling apart.
pub const BAR: Color = STYLES[0].color;
/// Bars that count what is left over.
pub const REST: Color = Color::rgb(0xa8a8a8);

/// What lies upon other colours.
pub const STRIKING: Color = STYLES[7].color;

/// A line's colour, width in pixels and dashes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pen {
    /// Its colour.
    pub color: Color,
    /// Its width in pixels.
    pub width: f64,
    /// Its dashes.
    pub dash: Dash,
}

impl Pen {
    /// A pen without dashes.
    pub const fn new(color: Color, width: f64) -> Pen {
        let dash = Dash::Solid;
        Pen { color, width, dash }
    }
}

/// How a line is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dash {
    /// It is not.
    Solid,
    /// Long dashes.
    Long,
    /// Dashes as long as the gaps.
    Short,
    /// Dots.
    Dotted,
}

impl Dash {
    /// Returns the lengths of dashes and gaps in turn, in pixels.
    pub const fn lengths(self) -> &'static [f64] {
        match self {
            Dash::Solid => &[],
            Dash::Long => &[9.0, 4.0],
            Dash::Short => &[5.0, 3.0],
            Dash::Dotted => &[1.5, 3.0],
        }
    }
}

/// The lines on a filled area.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hatch {
    /// None.
    Plain,
    /// Rising to the right.
    Rising,
    /// Falling to the right.
    Falling,
    /// Standing.
    Upright,
    /// Lying.
    Level,
}

/// The sign at the points of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marker {
    /// A disc.
    Disc,
    /// A square.
    Square,
    /// A triangle that stands on its side.
    Triangle,
    /// A square that stands on its corner.
    Diamond,
}

/// How one of several series is drawn: its lightness, hatch, dashes and marker tell it apart where its colour does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Its colour.
    pub color: Color,
    /// The lines on its areas.
    pub hatch: Hatch,
    /// The dashes of its lines.
    pub dash: Dash,
    /// The sign at its points.
    pub marker: Marker,
}

/// Neighbours differ in lightness and in pattern; the hues are those of Okabe and Ito.
const STYLES: [Style; 8] = [
    style_of(0x1b3f73, Hatch::Plain, Dash::Solid, Marker::Disc),
    style_of(0xe69f00, Hatch::Rising, Dash::Long, Marker::Square),
    style_of(0x007a5a, Hatch::Falling, Dash::Short, Marker::Triangle),
    style_of(0x7cc4ef, Hatch::Plain, Dash::Dotted, Marker::Diamond),
    style_of(0x8e3b74, Hatch::Level, Dash::Solid, Marker::Square),
    style_of(0xd8c94a, Hatch::Upright, Dash::Long, Marker::Disc),
    style_of(0x4d4d4d, Hatch::Rising, Dash::Short, Marker::Diamond),
    style_of(0xd55e00, Hatch::Plain, Dash::Dotted, Marker::Triangle),
];

const fn style_of(rgb: u32, hatch: Hatch, dash: Dash, marker: Marker) -> Style {
    Style {
        color: Color::rgb(rgb),
        hatch,
        dash,
        marker,
    }
}

/// Returns how the series of this number is drawn; from the ninth on they look like earlier ones.
pub const fn style(i: usize) -> Style {
    STYLES[i % STYLES.len()]
}

impl Style {
    /// Returns the pen of its lines.
    pub const fn pen(self, width: f64) -> Pen {
        Pen {
            color: self.color,
            width,
            dash: self.dash,
        }
    }
}
