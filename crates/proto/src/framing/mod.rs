//! How messages are cut out of a stream of bytes.

use crate::command::Command;

pub mod v1;
pub mod v2;

/// One message as it was cut out of the stream.
#[derive(Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Its name.
    pub command: Command,
    /// Its payload, or `None` where that is longer than the decoder keeps.
    pub payload: Option<&'a [u8]>,
    /// The length of the payload in bytes.
    pub len: usize,
}
