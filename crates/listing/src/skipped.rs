//! The entries of a list that could not be read: all counted, the first ones kept.

use std::borrow::Cow;
use std::fmt;

/// The most skipped entries that a report keeps.
///
/// Enough to see what is wrong with a file, and few enough to print.
pub const MAX_SKIPPED_KEPT: usize = 20;

/// The most characters kept of the text of one skipped entry: one line of a terminal.
const MAX_TEXT: usize = 80;

/// Entries of a list that could not be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Skipped {
    /// How many there are.
    pub n: usize,
    /// The first [`MAX_SKIPPED_KEPT`] of them.
    pub first: Vec<SkippedEntry>,
}

/// One entry that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedEntry {
    /// The line of the file on which it starts, counted from 1.
    pub line: usize,
    /// How it starts, fit for a terminal.
    pub text: String,
    /// What is wrong with it.
    pub why: String,
}

impl Skipped {
    /// Counts an entry, and keeps it if there is room; only then is its place asked for.
    pub(crate) fn push<'t>(
        &mut self,
        why: impl fmt::Display,
        place: impl FnOnce() -> (usize, Cow<'t, str>),
    ) {
        self.n += 1;
        if self.first.len() < MAX_SKIPPED_KEPT {
            self.first.push(SkippedEntry::new(why, place()));
        }
    }
}

impl SkippedEntry {
    /// Tells of an entry on that line, which holds that text.
    pub(crate) fn new(why: impl fmt::Display, (line, text): (usize, Cow<'_, str>)) -> SkippedEntry {
        SkippedEntry {
            line,
            text: fit_for_terminal(&text),
            why: why.to_string(),
        }
    }
}

/// Escapes what a terminal might obey, folds white space, and cuts after [`MAX_TEXT`] characters.
pub(crate) fn fit_for_terminal(text: &str) -> String {
    // A line may have megabytes; white space makes at most some of its start vanish.
    let start: String = text.trim_start().chars().take(4 * MAX_TEXT).collect();
    let words: Vec<&str> = start.split_whitespace().collect();
    proto::text::escape(&words.join(" "), MAX_TEXT)
}
