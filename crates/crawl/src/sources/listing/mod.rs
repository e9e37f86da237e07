//! Reading node lists, whatever wrote them; the format is recognised by content.
//!
//! | format | looks like |
//! | --- | --- |
//! | bitnodes API | `{"nodes": {"1.2.3.4:8333": [70016, …5 or 13 values]}}` |
//! | bitnodes export | `[["1.2.3.4", 8333, 70016, …15 values]]` |
//! | bitnodes crawl dump | `[["1.2.3.4", 8333, services, height]]` |
//! | JSON addresses | `["1.2.3.4:8333"]` |
//! | plain | one address a line, other columns and `#` comments ignored: `nodes_main.txt`, seeders' dumps |

mod json;
mod plain;
#[cfg(test)]
mod real_data;
mod row;
mod skipped;
#[cfg(test)]
mod tests;

use std::fmt;

use proto::PeerAddr;

pub use skipped::{MAX_SKIPPED_KEPT, Skipped, SkippedEntry};

/// What a list may look like, in the words of an error.
const EXPECTED: &str = "expected bitnodes' JSON (an API answer, an export or a crawl dump), a JSON array of addresses, or \
                        plain text with one address a line";

/// Hands every node of the list to `each`, in the order of the list and with its duplicates.
///
/// An address without a port gets `default_port`. An entry that cannot be read is counted and does not stop the rest.
/// Malformed JSON is found before `each` is called for the first time, so nothing is ever half used.
pub fn read_list(
    text: &[u8],
    default_port: u16,
    each: impl FnMut(ListedNode),
) -> Result<ListReport, ListError> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    if text.trim_ascii().is_empty() {
        return Err(ListError::Empty);
    }
    let report = if json::is_json(text) {
        // Invalid UTF-8 inside one node's user agent must not cost the whole list.
        json::read(&String::from_utf8_lossy(text), default_port, each)?
    } else {
        plain::read(text, default_port, each)
    };
    if report.n_read == 0 {
        return Err(ListError::NothingRead(Box::new(report.skipped)));
    }
    Ok(report)
}

/// One node of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct ListedNode {
    /// Where it is.
    pub addr: PeerAddr,
    /// What the list says about it besides, for the formats that say more.
    pub said: Option<Box<Listed>>,
}

/// What a tracker said about a node; a claim, never proof.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listed {
    /// The protocol version in its `version` message.
    pub protocol_version: Option<i64>,
    /// Its user agent.
    pub user_agent: Option<String>,
    /// Unix seconds at which the tracker's connection to it began.
    pub connected_since: Option<i64>,
    /// Its service bits.
    pub services: Option<u64>,
    /// The height of its best block.
    pub height: Option<i64>,
    /// The name that its address resolves to.
    pub hostname: Option<String>,
    /// The city of its address.
    pub city: Option<String>,
    /// The two letters of its country (ISO 3166).
    pub country: Option<String>,
    /// Degrees north.
    pub latitude: Option<f64>,
    /// Degrees east.
    pub longitude: Option<f64>,
    /// Its time zone, as in `Europe/Berlin`.
    pub timezone: Option<String>,
    /// The autonomous system of its address, as in `AS24940`, or `TOR`.
    pub asn: Option<String>,
    /// Who runs that autonomous system.
    pub organisation: Option<String>,
}

/// What wrote a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// An answer of the bitnodes API, or of one that imitates it.
    BitnodesApi,
    /// A file of bitnodes' `export.py`.
    BitnodesExport,
    /// A file of bitnodes' `crawl.py`.
    BitnodesCrawl,
    /// A JSON array of addresses.
    JsonAddrs,
    /// One address a line.
    Plain,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Format::BitnodesApi => "bitnodes API answer",
            Format::BitnodesExport => "bitnodes export",
            Format::BitnodesCrawl => "bitnodes crawl dump",
            Format::JsonAddrs => "JSON array of addresses",
            Format::Plain => "plain text",
        })
    }
}

/// What came of reading a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListReport {
    /// What the list turned out to be; where rows of several formats are mixed, that of the first one read.
    pub format: Format,
    /// Nodes handed on.
    pub n_read: usize,
    /// Entries that could not be read.
    pub skipped: Skipped,
}

/// Why a list is of no use at all.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum ListError {
    /// Not one byte but white space.
    #[error("the list is empty: {EXPECTED}")]
    Empty,
    /// Not one entry could be read.
    #[error("no node found in {} entries{}: {EXPECTED}", .0.n, first_reason(.0))]
    NothingRead(Box<Skipped>),
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
}

fn first_reason(skipped: &Skipped) -> String {
    match skipped.first.first() {
        Some(entry) => format!(" (line {}, `{}`: {})", entry.line, entry.text, entry.why),
        None => String::new(),
    }
}
