//! Rows of bitnodes, in JSON.
//!
//! Of the thirteen values that bitnodes says of a node, the first five are always there (0 or an empty text where the node did
//! not say), the others are null where nobody knows.

use std::io::{self, Write};

use proto::PeerAddr;
use serde::{Serialize, Serializer};

use crate::Listed;

/// The thirteen values of a row of the bitnodes API.
#[derive(Clone, Copy, Debug)]
pub struct ApiRow<'a>(pub &'a Listed);

impl Serialize for ApiRow<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let said = self.0;
        let row = (
            said.protocol_version.unwrap_or(0),
            said.user_agent.as_deref().unwrap_or_default(),
            said.connected_since.unwrap_or(0),
            said.services.unwrap_or(0),
            said.height.unwrap_or(0),
            &said.hostname,
            &said.city,
            &said.country,
            said.latitude,
            said.longitude,
            &said.timezone,
            &said.asn,
            &said.organisation,
        );
        row.serialize(to)
    }
}

/// A JSON array with one row a line.
#[derive(Debug)]
pub(super) struct JsonRows<W: Write> {
    out: W,
    is_empty: bool,
}

impl<W: Write> JsonRows<W> {
    pub(super) fn new(mut out: W) -> io::Result<JsonRows<W>> {
        out.write_all(b"[")?;
        Ok(JsonRows {
            out,
            is_empty: true,
        })
    }

    fn add(&mut self, row: &impl Serialize) -> io::Result<()> {
        self.out
            .write_all(if self.is_empty { b"\n" } else { b",\n" })?;
        self.is_empty = false;
        Ok(serde_json::to_writer(&mut self.out, row)?)
    }

    pub(super) fn finish(mut self) -> io::Result<()> {
        self.out.write_all(b"\n]\n")?;
        self.out.flush()
    }
}

/// Address, port and the thirteen values.
pub(super) fn write_export_row<W: Write>(
    addr: &PeerAddr,
    said: &Listed,
    rows: &mut JsonRows<W>,
) -> io::Result<()> {
    let mut row = serde_json::to_value(ApiRow(said))?;
    if let Some(cells) = row.as_array_mut() {
        cells.splice(0..0, [addr.host.to_string().into(), addr.port.into()]);
    }
    rows.add(&row)
}

/// Address, port, services, height.
pub(super) fn write_crawl_row<W: Write>(
    addr: &PeerAddr,
    said: &Listed,
    rows: &mut JsonRows<W>,
) -> io::Result<()> {
    let services = said.services.unwrap_or(0);
    let height = said.height.unwrap_or(0);
    rows.add(&(addr.host.to_string(), addr.port, services, height))
}
