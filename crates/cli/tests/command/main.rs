//! The `bitcensus` command as people and programs use it: what goes in, what comes out, how it exits.
//!
//! Every command here runs in a [`place::Place`] of its own and stays on this machine.
#![expect(
    clippy::unwrap_used,
    reason = "all of this is tests; clippy knows only those that are marked as such"
)]

mod bad_input;
mod crawl;
mod data;
mod demo;
mod diff;
#[cfg(target_os = "linux")]
mod direct;
mod edges;
mod export;
mod followed;
#[cfg(target_os = "linux")]
mod full_disk;
#[cfg(target_os = "linux")]
mod hello;
mod hosted;
#[cfg(target_os = "linux")]
mod hostile;
mod import;
mod kindness;
mod listed;
mod place;
mod plot;
mod race;
#[cfg(unix)]
mod resumed;
mod retries;
#[cfg(unix)]
mod signals;
mod sources;
mod sql;
#[cfg(unix)]
mod watch;
mod ways;
