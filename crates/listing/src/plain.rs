//! Plain lists: one address a line, whatever else the line holds.

use proto::PeerAddr;

use crate::row::RowError;
use crate::{Listed, ListedNode};

/// Reads the first column of a line, and the autonomous system behind it in Bitcoin Core's `nodes_main.txt`:
/// `1.2.3.4:8333 # AS123`.
pub(crate) fn read(line: &str, default_port: u16) -> Result<ListedNode, RowError> {
    let (columns, remark) = line.split_once('#').unwrap_or((line, ""));
    let first = columns.split_ascii_whitespace().next().unwrap_or_default();
    let addr = PeerAddr::parse(first, default_port)?;
    let said = is_as_number(remark.trim()).then(|| Listed {
        asn: Some(remark.trim().to_owned()),
        ..Listed::default()
    });
    let said = said.map(Box::new);
    Ok(ListedNode { addr, said })
}

fn is_as_number(text: &str) -> bool {
    let digits = text.strip_prefix("AS");
    digits.is_some_and(|it| it.parse::<u32>().is_ok())
}
