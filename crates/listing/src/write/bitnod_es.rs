//! The daily file of bitnod.es.

use std::io::{self, Write};

use jiff::Timestamp;
use proto::PeerAddr;

use super::CsvWriter;
use crate::Listed;

pub(super) const COLUMNS: &[&str] = &[
    "export_date",
    "ip_address",
    "port",
    "country",
    "isp",
    "services",
    "protocol_version",
    "user_agent",
    "block_height",
];

pub(super) fn write_row<W: Write>(
    addr: &PeerAddr,
    said: &Listed,
    row: &mut CsvWriter<W>,
) -> io::Result<()> {
    let seen_at = said.seen_at.and_then(|it| Timestamp::from_second(it).ok());
    row.value(seen_at.map(|it| it.strftime("%F")))?;
    row.value(Some(addr.host))?;
    row.value(Some(addr.port))?;
    row.text_or_empty(said.country.as_deref())?;
    row.text_or_empty(said.organisation.as_deref())?;
    row.value(said.services)?;
    row.value(said.protocol_version)?;
    row.text_or_empty(said.user_agent.as_deref())?;
    row.value(said.height)?;
    row.end_row()
}
