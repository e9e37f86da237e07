//! How peers are reached: where addresses come from, which is called next, and the loop that owns a crawl.
//!
//! One task, [`roll::call_all`], owns the [`frontier`] and everything else that changes; visits run beside it, each
//! a [`dial`] and a [`drive`], and come back as values.

pub mod capacity;
pub mod dial;
pub mod drive;
pub mod frontier;
pub mod health;
pub mod opt_out;
pub mod outage;
pub mod pace;
pub mod patience;
pub mod progress;
pub mod reverse_dns;
pub mod roll;
pub mod schedule;
pub mod sources;
pub mod vigil;
pub mod visit;
