//! Node lists as other programs write them, so that what reads theirs reads ours.
//!
//! Rows go out one by one; nothing is kept. What each form does with text that would break it is said where it is written;
//! `docs/data.md` has the columns.

mod bitnod_es;
pub mod bitnodes;
mod cells;
mod dump;
mod peer_observer;
#[cfg(test)]
mod tests;
mod virtu;

use std::io::{self, Write};

use proto::PeerAddr;

pub use cells::{CsvWriter, LineEnd};

use crate::{Listed, ListedNode};
use bitnodes::JsonRows;

/// A form in which another program writes node lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The rows of fifteen values of bitnodes' `export.py`.
    BitnodesExport,
    /// The rows of four values of bitnodes' `crawl.py`.
    BitnodesCrawl,
    /// The dump of sipa's seeder: `dnsseed.dump`, published as `seeds.txt.gz`.
    Sipa,
    /// The dump of dnsseedrs.
    Dnsseedrs,
    /// Bitcoin Core's fixed seeds: `nodes_main.txt`.
    Seeds,
    /// The reachable nodes of virtu's p2p-crawler.
    Virtu,
    /// The connectivity check of peer-observer.
    PeerObserver,
    /// The daily file of bitnod.es.
    BitnodEs,
}

impl Form {
    /// Whether this form has rows for nodes that could not be reached.
    pub fn has_unreached(self) -> bool {
        match self {
            Form::Dnsseedrs | Form::PeerObserver => true,
            Form::BitnodesExport
            | Form::BitnodesCrawl
            | Form::Sipa
            | Form::Seeds
            | Form::Virtu
            | Form::BitnodEs => false,
        }
    }
}

/// Writes a list, one node after the other.
#[derive(Debug)]
pub struct ListWriter<W: Write> {
    form: Form,
    rows: Rows<W>,
    n_rows: u64,
}

/// Where rows go, and what writes one of them.
#[derive(Debug)]
enum Rows<W: Write> {
    Json(JsonRows<W>, WriteRow<JsonRows<W>>),
    Csv(CsvWriter<W>, WriteRow<CsvWriter<W>>),
    Lines(W, WriteRow<W>),
}

type WriteRow<T> = fn(&PeerAddr, &Listed, &mut T) -> io::Result<()>;

impl<W: Write> ListWriter<W> {
    /// Begins a list: writes what stands above the rows.
    ///
    /// `is_harmless` keeps spreadsheets from taking text for a formula ([`CsvWriter::new`]), in the forms that are CSV.
    pub fn new(form: Form, is_harmless: bool, mut out: W) -> io::Result<ListWriter<W>> {
        let csv = |out, line_end, columns| CsvWriter::new(out, line_end, is_harmless, columns);
        let rows = match form {
            Form::BitnodesExport => Rows::Json(JsonRows::new(out)?, bitnodes::write_export_row),
            Form::BitnodesCrawl => Rows::Json(JsonRows::new(out)?, bitnodes::write_crawl_row),
            Form::Sipa => {
                dump::write_sipa_header(&mut out)?;
                Rows::Lines(out, dump::write_sipa_line)
            }
            Form::Dnsseedrs => {
                dump::write_dnsseedrs_header(&mut out)?;
                Rows::Lines(out, dump::write_dnsseedrs_line)
            }
            Form::Seeds => Rows::Lines(out, dump::write_seed),
            Form::Virtu => Rows::Csv(csv(out, LineEnd::CrLf, virtu::COLUMNS)?, virtu::write_row),
            Form::PeerObserver => Rows::Csv(
                csv(out, LineEnd::Lf, peer_observer::COLUMNS)?,
                peer_observer::write_row,
            ),
            Form::BitnodEs => Rows::Csv(
                csv(out, LineEnd::Lf, bitnod_es::COLUMNS)?,
                bitnod_es::write_row,
            ),
        };
        Ok(ListWriter {
            form,
            rows,
            n_rows: 0,
        })
    }

    /// Writes the row of a node, where this form has one for it ([`Form::has_unreached`]).
    pub fn add(&mut self, node: &ListedNode) -> io::Result<()> {
        let nothing = Listed::default();
        let said = node.said.as_deref().unwrap_or(&nothing);
        if said.is_up == Some(false) && !self.form.has_unreached() {
            return Ok(());
        }
        self.n_rows += 1;
        match &mut self.rows {
            Rows::Json(rows, write) => write(&node.addr, said, rows),
            Rows::Csv(csv, write) => write(&node.addr, said, csv),
            Rows::Lines(out, write) => write(&node.addr, said, out),
        }
    }

    /// Ends the list, and returns how many rows it has.
    pub fn finish(self) -> io::Result<u64> {
        match self.rows {
            Rows::Json(rows, _) => rows.finish()?,
            Rows::Csv(mut csv, _) => csv.flush()?,
            Rows::Lines(mut out, _) => out.flush()?,
        }
        Ok(self.n_rows)
    }
}

/// Returns the 32 bits of a number as those read them who take it as unsigned: a negative version or height is a large one.
fn as_u32(number: i64) -> i64 {
    number & i64::from(u32::MAX)
}
