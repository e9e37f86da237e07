//! Figures as pictures, SVG and PNG; nothing here reads a file or a clock.
//!
//! A picture is made in three steps: [`Caption::begin`] makes one with its title, definition and source, and says where
//! the chart goes; [`Scale`]s turn values into pixels there, and [`axis`] draws them; what the chart shows is then drawn
//! as bars, lines, circles and text, each series in its own [`theme::Style`].

pub mod axis;
mod canvas;
mod caption;
mod charts;
#[cfg(test)]
mod examine;
pub mod gantt;
mod label;
mod legend;
mod of_census;
pub mod page;
mod picture_name;
mod raster;
mod scale;
mod svg;
pub mod theme;

pub use canvas::{Area, Picture, Point};
pub use caption::Caption;
pub use charts::{
    Ages, Bars, Curve, Heights, Pair, Pairs, Timeline, Trend, Trends, World, ages, bars,
    country_name, curves, heights, pairs, timeline, trends, world,
};
pub use label::{Anchor, Font, Label};
pub use legend::Key;
pub use of_census::{Look, of_census};
pub use picture_name::{NoSuchPicture, PictureName};
pub use raster::PngError;
pub use scale::{Scale, Tick, Unit};
