//! What a census keeps, and what it means.
//!
//! Visits go into a [`store::Store`] as they were seen and are never edited; everything else is a function of them: the
//! files of [`export`] and the figures of [`summary`]. This crate opens no socket and reads no clock. Whatever a peer
//! sent is hostile text, which [`text::escape`] makes fit to be shown.

pub mod export;
pub mod sqlite;
pub mod store;
pub mod summary;
pub mod text;

#[cfg(test)]
mod samples;

pub use sqlite::SqliteStore;
pub use store::{Crawl, CrawlEnd, CrawlId, CrawlState, NewCrawl, Store, StoreError};
pub use summary::{Summary, SummaryBuilder};
