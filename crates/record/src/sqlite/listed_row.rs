//! What another observer said of a node, as one row.

use proto::PeerAddr;
use rusqlite::{Row, Statement, params};
use serde_json::Value;

use super::column;
use crate::import::Remarks;

/// Adds one row.
pub(super) const INSERT: &str = "INSERT INTO listed (visit_id, said) VALUES (?, ?)";

/// Runs [`INSERT`], unless nothing was said.
pub(super) fn insert(
    statement: &mut Statement<'_>,
    visit_id: i64,
    remarks: &Remarks,
) -> rusqlite::Result<()> {
    if *remarks != Remarks::default() {
        statement.execute(params![visit_id, write(remarks)])?;
    }
    Ok(())
}

/// Reads a row of the table, with the address that it is about.
pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<(PeerAddr, Remarks)> {
    let remarks = column::parsed(row, "said", |it| serde_json::from_str(it).ok())?;
    Ok((column::addr(row, "address")?, remarks))
}

/// Writes what was said, and nothing of what was not.
fn write(remarks: &Remarks) -> String {
    let mut said = serde_json::to_value(remarks).expect("remarks are texts and numbers");
    if let Value::Object(said) = &mut said {
        said.retain(|_, it| !it.is_null());
    }
    said.to_string()
}
