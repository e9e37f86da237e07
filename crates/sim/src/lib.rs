//! A simulated Bitcoin network, made from a seed: honest, odd, hostile and dead nodes, and the truth about them.
//!
//! A [`World`] is the nodes, a pure value: the same [`WorldConfig`] makes the same world. A [`SimServer`] lets callers
//! reach them through a SOCKS5 proxy or an I2P router on loopback, or on Linux each at its own `127.x.y.z`. A [`TruthRow`] says what a
//! census must find at one address, and [`compare()`] what one did find.
//!
//! Nothing but loopback is ever bound, and nothing is ever dialled; only the benchmark's floors, programs of their own,
//! call a proxy, which must be on loopback.

mod address;
mod announce;
mod book;
pub mod churn;
pub mod compare;
pub mod config;
mod converse;
mod dice;
pub mod floor;
mod form;
mod gossip;
pub mod kind;
mod line;
pub mod node;
mod peer;
mod sam;
mod script;
pub mod server;
mod socks;
mod software;
mod tally;
pub mod truth;
pub mod world;

pub use churn::{Churn, Schedule};
pub use compare::{Comparison, compare, compare_found};
pub use config::{NetworkMix, ParseMixError, WorldConfig};
pub use kind::{Class, Dial, Kind};
pub use node::{ListedPeer, Node};
pub use server::{ServeError, SimServer};
pub use tally::Counts;
pub use truth::TruthRow;
pub use world::{Explorer, N_SEEDS, Reach, World};
