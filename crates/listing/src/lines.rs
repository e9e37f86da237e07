//! Lists with an entry a line: plain text, dumps, ndjson.

use std::io::{BufRead, Read};

use crate::error::ListError;
use crate::named::Object;
use crate::row::RowError;
use crate::sink::Sink;
use crate::text::{MAX_ROW, Text};
use crate::{Format, ListedNode, dump, nebula, own, plain};

/// Reads a list of that format to its end.
pub(crate) fn read(
    mut text: Text<impl BufRead>,
    format: Format,
    default_port: u16,
    sink: &mut Sink<'_>,
) -> Result<(), ListError> {
    let place = text.place();
    let mut bytes = Vec::new();
    loop {
        let line = place.line();
        bytes.clear();
        let limit = MAX_ROW as u64 + 1;
        let n_read = text.by_ref().take(limit).read_until(b'\n', &mut bytes);
        match n_read.map_err(ListError::Read)? {
            0 => return Ok(()),
            n if n > MAX_ROW => return Err(ListError::TooLong { line }),
            _ => (),
        }
        let entry = String::from_utf8_lossy(&bytes);
        let entry = entry.trim();
        if entry.is_empty() || entry.starts_with('#') {
            continue;
        }
        match read_entry(entry, format, default_port) {
            Ok(nodes) => {
                for node in nodes {
                    sink.take(format, Ok(node), || (line, entry.into()))?;
                }
            }
            Err(why) => sink.take(format, Err(why), || (line, entry.into()))?,
        }
    }
}

/// Most formats have one node a line.
fn read_entry(entry: &str, format: Format, default_port: u16) -> Result<Vec<ListedNode>, RowError> {
    match format {
        Format::SipaDump | Format::DnsseedrsDump => Ok(vec![dump::read(entry, default_port)?]),
        Format::OwnNdjson => {
            let row = Object::read(entry)?;
            Ok(vec![own::read(&row, default_port)?])
        }
        Format::NebulaVisits => {
            let row = Object::read(entry)?;
            Ok(vec![nebula::read_visit(&row, default_port)?])
        }
        Format::NebulaNeighbors => nebula::read_neighbors(&Object::read(entry)?, default_port),
        _ => Ok(vec![plain::read(entry, default_port)?]),
    }
}
