//! Visits as a Parquet file, for DuckDB, pandas and whatever else reads tables of millions of rows.
//!
//! One row an address: what its last visit found. The columns, their units and what they mean are in `docs/data.md`;
//! [`SCHEMA_VERSION`] rises when one is added, and none is ever renamed. Columns are packed with zstd. Rows are gathered until
//! there are 65,536 of them or 32 MiB of their texts, and then written as one row group, so memory grows with the
//! crawl by 20 bytes a visit at the most. While one group is packed and written on a thread of its own, the next is read.

mod column;

use std::io::{self, Write};
use std::mem;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;

use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{ByteArrayType, DoubleType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use proto::Visit;

use self::column::{COLUMNS, Gathered, Row, Values};
use super::{ExportError, rfc3339};
use crate::places::{Atlas, Place};
use crate::store::{Crawl, CrawlId, Store, StoreError};

/// The version of the columns, which every file names in its metadata.
pub const SCHEMA_VERSION: u32 = 1;

/// The most rows of one row group: enough for readers to skip by, few enough to hold.
const MAX_GROUP_ROWS: usize = 64 * 1024;

/// The most bytes of text that a row group gathers before it is written.
const MAX_GROUP_BYTES: usize = 32 * 1024 * 1024;

/// Writes a crawl, and returns how many rows that took; `atlas` says where its addresses are.
pub fn write_crawl(
    store: &impl Store,
    crawl: &Crawl,
    atlas: &dyn Atlas,
    out: &mut (impl Write + Send),
) -> Result<u64, ExportError> {
    write_table(crawl, out, |table| {
        store.read_last_visits(crawl.id, &mut |visit| {
            table.add(&visit, &atlas.place(&visit.addr))
        })
    })
}

/// Writes the table that `fill` fills, and returns how many rows it has.
fn write_table(
    crawl: &Crawl,
    out: &mut (impl Write + Send),
    fill: impl FnOnce(&mut Table) -> Result<(), StoreError>,
) -> Result<u64, ExportError> {
    let file = begin_file(crawl, out)?;
    // Not one group waits: the next one is read meanwhile, and that is enough.
    let (groups, full_groups) = mpsc::sync_channel(0);
    thread::scope(|scope| {
        let writing = scope.spawn(|| write_groups(file, full_groups));
        let mut table = Table::new(crawl.id, groups);
        let filled = fill(&mut table).map_err(ExportError::from);
        let filled = filled.and_then(|()| Ok(table.finish()?));
        let written = writing.join().expect("the writer does not panic");
        // Where the writer stopped, that is why nothing more could be handed to it.
        written?;
        filled
    })
}

/// Gathers rows, and hands them on a group at a time.
struct Table {
    crawl: CrawlId,
    groups: SyncSender<Group>,
    group: Group,
    n_in_group: usize,
    n_bytes_in_group: usize,
    n_rows: u64,
}

/// The columns of a row group.
type Group = Vec<Gathered>;

impl Table {
    fn new(crawl: CrawlId, groups: SyncSender<Group>) -> Table {
        Table {
            crawl,
            groups,
            group: empty_group(),
            n_in_group: 0,
            n_bytes_in_group: 0,
            n_rows: 0,
        }
    }

    fn add(&mut self, visit: &Visit, place: &Place) -> io::Result<()> {
        let row = Row::new(self.crawl.0, visit, place);
        for (column, gathered) in COLUMNS.iter().zip(&mut self.group) {
            self.n_bytes_in_group += gathered.push((column.read)(&row));
        }
        self.n_in_group += 1;
        self.n_rows += 1;
        if self.n_in_group == MAX_GROUP_ROWS || self.n_bytes_in_group >= MAX_GROUP_BYTES {
            self.hand_on()?;
        }
        Ok(())
    }

    /// Hands on what is left, and returns how many rows there were.
    fn finish(mut self) -> io::Result<u64> {
        if self.n_in_group > 0 {
            self.hand_on()?;
        }
        Ok(self.n_rows)
    }

    fn hand_on(&mut self) -> io::Result<()> {
        let group = mem::replace(&mut self.group, empty_group());
        self.n_in_group = 0;
        self.n_bytes_in_group = 0;
        let handed_on = self.groups.send(group);
        handed_on.map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

fn empty_group() -> Group {
    COLUMNS.iter().map(Gathered::new).collect()
}

fn begin_file<W: Write + Send>(
    crawl: &Crawl,
    out: W,
) -> Result<SerializedFileWriter<W>, ParquetError> {
    let about = [
        ("bitcensus.schema", Some(SCHEMA_VERSION.to_string())),
        ("bitcensus.crawl", Some(crawl.id.to_string())),
        ("bitcensus.chain", Some(crawl.chain.to_string())),
        ("bitcensus.vantage", Some(crawl.vantage.clone())),
        ("bitcensus.started_at", rfc3339(crawl.started_at_us)),
    ];
    let about = about.map(|(key, value)| KeyValue::new(key.to_owned(), value));
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_created_by(concat!("bitcensus ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_key_value_metadata(Some(about.to_vec()))
        .build();
    let schema = Arc::new(parse_message_type(&column::schema())?);
    SerializedFileWriter::new(out, schema, Arc::new(properties))
}

fn write_groups<W: Write + Send>(
    mut file: SerializedFileWriter<W>,
    groups: Receiver<Group>,
) -> Result<(), ParquetError> {
    for gathered in groups {
        let mut group = file.next_row_group()?;
        for column in gathered {
            write_column(column, &mut group)?;
        }
        group.close()?;
    }
    file.finish()?;
    Ok(file.inner_mut().flush()?)
}

fn write_column<W: Write + Send>(
    Gathered { values, is_there }: Gathered,
    group: &mut SerializedRowGroupWriter<'_, W>,
) -> Result<(), ParquetError> {
    let mut column = group
        .next_column()?
        .expect("the schema has a column for each of ours");
    let is_there = is_there.as_deref();
    match values {
        Values::Int32(it) => {
            let column = column.typed::<Int32Type>();
            column.write_batch(&it, is_there, None)
        }
        Values::Int64(it) => {
            let column = column.typed::<Int64Type>();
            column.write_batch(&it, is_there, None)
        }
        Values::Double(it) => {
            let column = column.typed::<DoubleType>();
            column.write_batch(&it, is_there, None)
        }
        Values::Bytes(it) => {
            let column = column.typed::<ByteArrayType>();
            column.write_batch(&it.into_values(), is_there, None)
        }
    }?;
    column.close()
}

impl From<ParquetError> for ExportError {
    fn from(error: ParquetError) -> ExportError {
        ExportError::Write(match error {
            ParquetError::External(why) => match why.downcast::<io::Error>() {
                Ok(error) => *error,
                Err(why) => io::Error::other(why),
            },
            error => io::Error::other(error),
        })
    }
}

#[cfg(test)]
mod tests;
