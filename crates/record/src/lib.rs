//! What a census keeps, and what it means.
//!
//! Visits go into a [`store::Store`] as they were seen and are never edited; everything else is a function of them: the
//! files of [`export`], the figures of [`summary`], the [`sessions`] of nodes. This crate opens no socket and reads no clock. Whatever a peer
//! sent is hostile text, which [`text::escape`] makes fit to be shown.

pub mod diff;
pub mod export;
pub mod figures;
pub mod import;
pub mod places;
pub mod sessions;
pub mod sqlite;
pub mod store;
pub mod summary;
pub mod text;
pub mod thinning;

#[cfg(test)]
mod samples;

pub use sqlite::SqliteStore;
pub use store::{
    Batch, Crawl, CrawlEnd, CrawlId, CrawlState, Edges, Feed, Glimpse, NewCrawl, Standing, Store,
    StoreError, Take,
};
pub use summary::{Summary, SummaryBuilder};
pub use thinning::Thinning;
