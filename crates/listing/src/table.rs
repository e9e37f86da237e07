//! Lists in CSV; a row may have several lines where a text has.

use std::io::BufRead;

use csv::{ReaderBuilder, StringRecord};

use crate::error::ListError;
use crate::named::{Header, Named};
use crate::row::RowError;
use crate::sink::Sink;
use crate::text::Text;
use crate::{Format, ListedNode, bitnod_es, own, peer_observer, virtu};

/// How much of a file is read at once.
const BUFFER: usize = 8 * 1024;

/// Returns the format that has such a header.
pub(crate) fn recognise(line: &str) -> Option<Format> {
    let mut names = StringRecord::new();
    let mut reader = builder().from_reader(line.as_bytes());
    if !reader.read_record(&mut names).unwrap_or(false) {
        return None;
    }
    let header = Header::read(&names);
    let known = [
        (Format::OwnCsv, &own::COLUMNS[..]),
        (Format::VirtuCsv, &virtu::COLUMNS),
        (Format::PeerObserverCsv, &peer_observer::COLUMNS),
        (Format::BitnodEsCsv, &bitnod_es::COLUMNS),
    ];
    let found = known.into_iter().find(|(_, names)| header.has(names));
    found.map(|(format, _)| format)
}

/// Reads a table of that format to its end.
pub(crate) fn read(
    text: Text<impl BufRead>,
    format: Format,
    default_port: u16,
    sink: &mut Sink<'_>,
) -> Result<(), ListError> {
    let place = text.place();
    let mut reader = builder().from_reader(text);
    let mut fields = StringRecord::new();
    let mut header: Option<Header> = None;
    loop {
        place.begin_row(BUFFER);
        let begin = reader.position().line();
        let line = usize::try_from(begin).unwrap_or(usize::MAX);
        match reader.read_record(&mut fields) {
            Ok(true) => (),
            Ok(false) => return Ok(()),
            Err(_) if place.is_too_long() => return Err(ListError::TooLong { line }),
            Err(error) => return Err(ListError::Read(error.into())),
        }
        let Some(header) = &header else {
            header = Some(Header::read(&fields));
            continue;
        };
        let node = read_row(header, &fields, format, default_port);
        sink.take(format, node, || {
            let fields: Vec<&str> = fields.iter().collect();
            (line, fields.join(",").into())
        })?;
    }
}

fn read_row(
    header: &Header,
    fields: &StringRecord,
    format: Format,
    default_port: u16,
) -> Result<ListedNode, RowError> {
    if fields.len() != header.len() {
        return Err(RowError::Columns {
            n: fields.len(),
            expected: header.len(),
        });
    }
    let row: &dyn Named = &header.row(fields);
    match format {
        Format::VirtuCsv => virtu::read(row),
        Format::PeerObserverCsv => peer_observer::read(row),
        Format::BitnodEsCsv => bitnod_es::read(row),
        _ => own::read(row, default_port),
    }
}

/// How all tables are written; rows of a wrong length are ours to tell of.
fn builder() -> ReaderBuilder {
    let mut builder = ReaderBuilder::new();
    builder
        .has_headers(false)
        .flexible(true)
        .comment(Some(b'#'))
        .buffer_capacity(BUFFER);
    builder
}
