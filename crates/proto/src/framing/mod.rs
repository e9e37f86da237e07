//! How messages are cut out of a stream of bytes.

pub mod v1;
