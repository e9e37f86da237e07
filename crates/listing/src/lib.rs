//! Node lists, whatever wrote them; the format is recognised by content.
//!
//! | format | looks like |
//! | --- | --- |
//! | bitnodes API | `{"nodes": {"1.2.3.4:8333": [70016, …5 or 13 values]}}` |
//! | bitnodes export | `[["1.2.3.4", 8333, 70016, …15 values]]` |
//! | bitnodes crawl dump | `[["1.2.3.4", 8333, services, height]]` |
//! | JSON addresses | `["1.2.3.4:8333"]` |
//! | Blockchair API | `{"data": {"nodes": {"1.2.3.4:8333": {"version": "/Satoshi:27.1.0/", …}}}}` |
//! | dumps of sipa's seeder and dnsseedrs | `1.2.3.4:8333  1  1549113737  100.00% … 561219  0000001d  70015 "/Satoshi:0.15.1/"` |
//! | CSV of p2p-crawler, peer-observer, bitnod.es | known by their columns |
//! | our own exports | ndjson and CSV with `address` and `outcome` |
//! | nebula | ndjson with `PeerID` and `VisitStartedAt`, or with `NeighborIDs` |
//! | plain | one address a line, other columns and `#` comments ignored: `nodes_main.txt` |

mod bitnod_es;
mod blockchair;
mod cell;
mod dump;
mod error;
mod format;
mod json;
mod lines;
mod listed;
mod named;
mod nebula;
mod own;
mod peer_observer;
mod plain;
#[cfg(test)]
mod real_data;
mod recognise;
mod row;
mod sink;
mod skipped;
mod table;
#[cfg(test)]
mod tests;
mod text;
mod virtu;
pub mod write;

use std::io::{self, BufRead, Cursor, Read};

pub use error::ListError;
pub use format::Format;
pub use listed::{Claimed, Listed, ListedNode, Uptime};
pub use skipped::{MAX_SKIPPED_KEPT, Skipped, SkippedEntry};

use recognise::{HEAD, Kind, recognise};
use sink::Sink;
use text::Text;

/// Hands every node of the list to `each`, in the order of the list and with its duplicates.
///
/// An address without a port gets `default_port`. An entry that cannot be read is counted and does not stop the rest.
/// A list that is of no use is found before `each` is called for the first time, so nothing is ever half used.
pub fn read_list(
    text: &[u8],
    default_port: u16,
    mut each: impl FnMut(ListedNode),
) -> Result<ListReport, ListError> {
    read_stream(text, default_port, OnBad::Skip, &mut |_| Ok(()))?;
    read_stream(text, default_port, OnBad::Skip, &mut |node| {
        each(node);
        Ok(())
    })
}

/// Does the same with a list that may be longer than memory, in one go: what is wrong with its end is found at its end.
///
/// An error of `each` ends the reading and comes back as [`ListError::Taker`].
pub fn read_stream(
    mut input: impl BufRead,
    default_port: u16,
    on_bad: OnBad,
    each: &mut dyn FnMut(ListedNode) -> io::Result<()>,
) -> Result<ListReport, ListError> {
    let mut head = Vec::new();
    let read = input.by_ref().take(HEAD as u64).read_to_end(&mut head);
    read.map_err(ListError::Read)?;
    if head.starts_with(b"\xef\xbb\xbf") {
        head.drain(..3);
    }
    let kind = recognise(&head)?;
    let text = Text::new(Cursor::new(head).chain(input));
    let mut sink = Sink::new(on_bad == OnBad::Fail, each);
    match kind {
        Kind::Json => json::read(text, default_port, &mut sink)?,
        Kind::Lines(format) => lines::read(text, format, default_port, &mut sink)?,
        Kind::Table(format) => table::read(text, format, default_port, &mut sink)?,
    }
    sink.finish()
}

/// What an entry does that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnBad {
    /// It is counted, and the rest is read.
    Skip,
    /// It makes the list be of no use.
    Fail,
}

/// What came of reading a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListReport {
    /// What the list turned out to be; where rows of several formats are mixed, that of the first one read.
    pub format: Format,
    /// When the list says that it was made, Unix seconds.
    pub taken_at: Option<i64>,
    /// How many nodes the list says that it has.
    pub n_said: Option<usize>,
    /// Nodes handed on.
    pub n_read: usize,
    /// Entries that could not be read.
    pub skipped: Skipped,
}
