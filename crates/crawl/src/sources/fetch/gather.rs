//! Bytes as they come in, counted against the bound before they are kept.

use super::{FetchError, OnProgress, Progress};
use crate::sources::Source;

/// What has come of one source so far.
pub(super) struct Gathered<'a> {
    /// The source, fit for errors.
    pub(super) from: String,
    bytes: Vec<u8>,
    total: Option<u64>,
    max_bytes: u64,
    on_progress: OnProgress<'a>,
}

impl<'a> Gathered<'a> {
    pub(super) fn new(source: &Source, max_bytes: u64, on_progress: OnProgress<'a>) -> Self {
        Gathered {
            from: source.to_string(),
            bytes: Vec::new(),
            total: None,
            max_bytes,
            on_progress,
        }
    }

    /// Takes note of how much there will be, which may already be too much; takes no memory for a mere claim.
    pub(super) fn announce(&mut self, total: Option<u64>) -> Result<(), FetchError> {
        self.total = total;
        self.check_size(total.unwrap_or(0))
    }

    pub(super) fn push(&mut self, piece: &[u8]) -> Result<(), FetchError> {
        let received = (self.bytes.len() + piece.len()) as u64;
        self.check_size(received)?;
        self.bytes.extend_from_slice(piece);
        (self.on_progress)(Progress {
            received,
            total: self.total,
        });
        Ok(())
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.bytes
    }

    fn check_size(&self, size: u64) -> Result<(), FetchError> {
        if size <= self.max_bytes {
            return Ok(());
        }
        Err(FetchError::TooLarge {
            from: self.from.clone(),
            max_bytes: self.max_bytes,
        })
    }
}
