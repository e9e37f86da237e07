//! The daily file of bitnod.es: every node that it ever saw, with the day when it last did.

use jiff::Timestamp;

use crate::named::Named;
use crate::row::{RowError, read_addr};
use crate::{Listed, ListedNode};

pub(crate) const COLUMNS: [&str; 3] = ["export_date", "ip_address", "port"];

pub(crate) fn read(row: &dyn Named) -> Result<ListedNode, RowError> {
    let addr = read_addr(&row.cell("ip_address"), &row.cell("port"))?;
    let said = Listed {
        protocol_version: row.integer("protocol_version")?,
        user_agent: row.text("user_agent")?,
        services: row.integer("services")?,
        height: row.integer("block_height")?,
        country: row.text("country")?,
        organisation: row.text("isp")?,
        seen_at: row.moment("export_date")?.map(Timestamp::as_second),
        is_up: Some(true),
        ..Listed::default()
    };
    let said = Some(Box::new(said));
    Ok(ListedNode { addr, said })
}
