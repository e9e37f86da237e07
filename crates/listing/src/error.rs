//! Why a list is of no use at all.

use std::io;

use crate::skipped::{Skipped, SkippedEntry};

/// What a list may look like, in the words of an error.
pub(crate) const EXPECTED: &str = "expected bitnodes' JSON (an API answer, an export or a crawl dump), a dump of a seeder, \
                                   CSV or ndjson of a crawler that is known, a JSON array of addresses, or plain text with \
                                   one address a line";

/// Why a list is of no use at all.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// Not one byte but white space.
    #[error("the list is empty: {EXPECTED}")]
    Empty,
    /// Not one entry could be read.
    #[error("no node found in {} entries{}: {EXPECTED}", .0.n, first_reason(.0))]
    NothingRead(Box<Skipped>),
    /// A KIT dossier.
    #[error(
        "it looks like a dossier of the KIT, which names nodes by hashes: there are no addresses in it"
    )]
    Hashes,
    /// Something that has to be unpacked, or that another program reads.
    #[error("it is {0}: unpack it first, or give it in another format")]
    Packed(&'static str),
    /// A table of which no column is known.
    #[error("it is a table with the columns `{0}`, which no known format has: {EXPECTED}")]
    UnknownTable(String),
    /// JSON that ends early or is no JSON.
    #[error(
        "malformed JSON at line {line}, column {column}, after {n_read} nodes: {why}; none of them is used"
    )]
    Json {
        /// Where it goes wrong, counted from 1.
        line: usize,
        /// Where in that line, counted from 1; 0 is before its first character.
        column: usize,
        /// Nodes before that place.
        n_read: usize,
        /// What is wrong there.
        why: String,
    },
    /// An entry that cannot be read, where none may be left out.
    #[error("line {}, `{}`: {}; nothing of the list is used", .0.line, .0.text, .0.why)]
    Entry(Box<SkippedEntry>),
    /// An entry of more bytes than any can have.
    #[error("the entry at line {line} is longer than 1 MiB; nothing of the list is used")]
    TooLong {
        /// The line on which it starts.
        line: usize,
    },
    /// The file could not be read to its end.
    #[error("it cannot be read: {0}")]
    Read(io::Error),
    /// Whoever took the nodes could not go on.
    #[error("{0}")]
    Taker(io::Error),
}

fn first_reason(skipped: &Skipped) -> String {
    match skipped.first.first() {
        Some(entry) => format!(" (line {}, `{}`: {})", entry.line, entry.text, entry.why),
        None => String::new(),
    }
}

/// `serde_json` ends its messages with the place, which our own message names already.
pub(crate) fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}
