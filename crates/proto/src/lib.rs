//! What Bitcoin peers say to each other.
//!
//! This crate opens no socket, reads no clock, draws no chance and spawns nothing: bytes and the time that has passed
//! go in, decoded values, things to send and a deadline come out. A [`session::Session`] is one whole conversation
//! with one peer; read that first, then [`handshake`] and [`framing`] below it.
//!
//! Everything here is written for what peers really send, from the 46-byte `version` of 2009 to BIP 434: what was sent
//! is kept as it was sent, and what was absent stays absent.

pub mod addr;
mod asking;
pub mod chain;
pub mod command;
pub mod features;
pub mod framing;
pub mod gossip;
pub mod handshake;
pub mod layout;
pub mod limits;
pub mod message;
pub mod outcome;
pub mod protocol_version;
pub mod routable;
pub mod services;
pub mod session;
mod skin;
pub mod text;
pub mod version;
pub mod visit;
pub mod wire;

pub use addr::{Host, Network, PeerAddr};
pub use chain::Chain;
pub use command::Command;
pub use message::Message;
pub use outcome::{NotTried, Outcome};
pub use session::{Session, SessionConfig};
pub use version::Version;
pub use visit::{Call, Visit};
