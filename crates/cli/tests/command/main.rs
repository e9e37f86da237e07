//! The `bitcensus` command as people and programs use it: what goes in, what comes out, how it exits.
//!
//! Every command here runs in a [`place::Place`] of its own and stays on this machine.
#![expect(
    clippy::unwrap_used,
    reason = "all of this is tests; clippy knows only those that are marked as such"
)]

mod bad_input;
mod crawl;
mod demo;
#[cfg(target_os = "linux")]
mod direct;
mod export;
#[cfg(target_os = "linux")]
mod hello;
mod listed;
mod place;
#[cfg(unix)]
mod signals;
mod sources;
