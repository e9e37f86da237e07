//! Where the nodes of a list go, and what becomes of entries that cannot be read.

use std::borrow::Cow;
use std::io;

use crate::error::ListError;
use crate::row::RowError;
use crate::skipped::{Skipped, SkippedEntry};
use crate::{Format, ListReport, ListedNode};

/// Takes entries, and knows what there was.
pub(crate) struct Sink<'s> {
    each: &'s mut dyn FnMut(ListedNode) -> io::Result<()>,
    is_strict: bool,
    format: Option<Format>,
    taken_at: Option<i64>,
    n_said: Option<usize>,
    n_read: usize,
    skipped: Skipped,
}

impl<'s> Sink<'s> {
    /// Hands nodes to `each`; if `is_strict`, no entry may be unreadable.
    pub(crate) fn new(
        is_strict: bool,
        each: &'s mut dyn FnMut(ListedNode) -> io::Result<()>,
    ) -> Sink<'s> {
        Sink {
            each,
            is_strict,
            format: None,
            taken_at: None,
            n_said: None,
            n_read: 0,
            skipped: Skipped::default(),
        }
    }

    /// Takes an entry, or why it is none; only then is its place asked for.
    pub(crate) fn take<'t>(
        &mut self,
        format: Format,
        entry: Result<ListedNode, RowError>,
        place: impl FnOnce() -> (usize, Cow<'t, str>),
    ) -> Result<(), ListError> {
        match entry {
            Ok(node) => {
                self.format.get_or_insert(format);
                self.n_read += 1;
                (self.each)(node).map_err(ListError::Taker)
            }
            Err(why) if self.is_strict => {
                let entry = SkippedEntry::new(why, place());
                Err(ListError::Entry(Box::new(entry)))
            }
            Err(why) => {
                self.skipped.push(why, place);
                Ok(())
            }
        }
    }

    /// Notes when the list says that it was made, Unix seconds.
    pub(crate) fn note_taken_at(&mut self, at: i64) {
        self.taken_at.get_or_insert(at);
    }

    /// Notes how many nodes the list says that it has.
    pub(crate) fn note_total(&mut self, n: usize) {
        self.n_said.get_or_insert(n);
    }

    /// How many nodes there were so far.
    pub(crate) fn n_read(&self) -> usize {
        self.n_read
    }

    /// Returns what came of it.
    pub(crate) fn finish(self) -> Result<ListReport, ListError> {
        match self.format {
            Some(format) => Ok(ListReport {
                format,
                taken_at: self.taken_at,
                n_said: self.n_said,
                n_read: self.n_read,
                skipped: self.skipped,
            }),
            None => Err(ListError::NothingRead(Box::new(self.skipped))),
        }
    }
}
