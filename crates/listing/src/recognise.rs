//! What a list is, by how it begins.

use crate::error::ListError;
use crate::named::Object;
use crate::skipped::fit_for_terminal;
use crate::text::MAX_ROW;
use crate::{Format, dump, table};

/// How much of a list is looked at, in bytes: its first entry, however long that is.
pub(crate) const HEAD: usize = MAX_ROW;

/// Which reader a list is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One JSON value, which shows its format as it is read.
    Json,
    /// An entry a line.
    Lines(Format),
    /// CSV.
    Table(Format),
}

/// Files that are no text, by their first bytes.
const PACKED: &[(&[u8], &str)] = &[
    (b"\x1f\x8b", "packed by gzip"),
    (b"BZh", "packed by bzip2"),
    (b"\xfd7zXZ\0", "packed by xz"),
    (b"\x28\xb5\x2f\xfd", "packed by zstd"),
    (b"PK\x03\x04", "packed by zip"),
    (b"PAR1", "a Parquet file"),
    (b"SQLite format 3\0", "an SQLite database"),
];

/// Says what the list is that begins so.
pub(crate) fn recognise(head: &[u8]) -> Result<Kind, ListError> {
    if head.trim_ascii().is_empty() {
        return Err(ListError::Empty);
    }
    if let Some((_, name)) = PACKED.iter().find(|(magic, _)| head.starts_with(magic)) {
        return Err(ListError::Packed(name));
    }
    let line = first_entry(head);
    let line = String::from_utf8_lossy(line);
    if is_json(head) {
        return Ok(ndjson(&line).map_or(Kind::Json, Kind::Lines));
    }
    if let Some(format) = table::recognise(&line) {
        return Ok(Kind::Table(format));
    }
    if line.matches(',').count() >= 2 {
        return Err(ListError::UnknownTable(fit_for_terminal(&line)));
    }
    Ok(Kind::Lines(dump::recognise(&line).unwrap_or(Format::Plain)))
}

/// Returns the first line that is neither blank nor a remark.
fn first_entry(head: &[u8]) -> &[u8] {
    let mut lines = head.split(|&it| it == b'\n').map(<[u8]>::trim_ascii);
    let first = lines.find(|it| !it.is_empty() && !it.starts_with(b"#"));
    first.unwrap_or_default()
}

/// Tells JSON from a plain list, which may also start with a bracket: `[2a01::1]:8333`.
fn is_json(text: &[u8]) -> bool {
    let text = text.trim_ascii_start();
    match text.split_first() {
        Some((b'{', _)) => true,
        Some((b'[', rest)) => match rest.trim_ascii_start().first() {
            Some(byte) => !(byte.is_ascii_hexdigit() || *byte == b':'),
            None => true,
        },
        _ => false,
    }
}

/// Returns the format of which the first line is an object.
fn ndjson(line: &str) -> Option<Format> {
    let object = Object::read(line).ok()?;
    let known = [
        (Format::OwnNdjson, ["address", "outcome"]),
        (Format::NebulaNeighbors, ["PeerID", "NeighborIDs"]),
        (Format::NebulaVisits, ["PeerID", "VisitStartedAt"]),
    ];
    let found = known
        .into_iter()
        .find(|(_, keys)| keys.iter().all(|it| object.has(it)));
    found.map(|(format, _)| format)
}
