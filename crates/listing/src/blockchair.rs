//! The answer of the Blockchair API about nodes: each with its user agent, country, height and services.

use proto::PeerAddr;

use crate::named::{Named, Object};
use crate::row::RowError;
use crate::{Listed, ListedNode};

pub(crate) fn read(addr: PeerAddr, row: &Object<'_>) -> Result<ListedNode, RowError> {
    let row: &dyn Named = row;
    let said = Listed {
        user_agent: row.text("version")?,
        country: row.text("country")?,
        height: row.integer("height")?,
        services: row.integer("flags")?,
        ..Listed::default()
    };
    let said = Some(Box::new(said));
    Ok(ListedNode { addr, said })
}
