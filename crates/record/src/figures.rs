//! What visits mean: each figure a pure function of a [`Snapshot`], with its definition beside it.
//!
//! A chapter is a struct of figures, which is what `--json` prints, and can write itself as [`Section`]s: tables with
//! titles and definitions, from which text, pages and pictures are made by one mechanism each.

pub mod agents;
pub mod census;
pub mod churn;
pub mod graph;
pub mod history;
pub mod many;
pub mod odd;
pub mod quantiles;
pub mod section;
pub mod snapshot;
pub mod speech;
pub(crate) mod tables;
pub mod text;
pub mod timeline;
pub mod times;
pub mod trends;
pub mod truth;
pub mod uptime;
mod when;
pub mod whereabouts;

#[cfg(test)]
pub(crate) mod made;

pub use self::agents::Agents;
pub use self::census::{Census, Chapter};
pub use self::churn::{Churn, SessionFigures};
pub use self::graph::{Graph, GraphBuilder};
pub use self::history::History;
pub use self::many::{Lately, Many};
pub use self::odd::Odd;
pub use self::quantiles::Quantiles;
pub use self::section::{Cell, Section, Table};
pub use self::snapshot::{Node, Snapshot, Unreached};
pub use self::speech::Speech;
pub use self::timeline::{Timeline, TimelineBuilder};
pub use self::times::HowWell;
pub use self::trends::Trends;
pub use self::truth::{PromisesBuilder, Truth};
pub use self::whereabouts::Whereabouts;
