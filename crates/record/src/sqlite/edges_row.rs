//! What one peer told as one row.

use proto::gossip::{AddrV2Entry, Claim, decode_addrv2, encode_addrv2};
use proto::limits::MAX_ADDRS;
use proto::wire::{DecodeError, Reader, write_var_bytes};
use rusqlite::types::Type;
use rusqlite::{Error, Row, Statement, params};

use super::column;
use crate::store::Edges;

/// Adds one row.
pub(super) const INSERT: &str = "INSERT INTO edges (visit_id, claims) VALUES (?, ?)";

/// Runs [`INSERT`] for the claims of a visit.
pub(super) fn insert(
    statement: &mut Statement<'_>,
    visit_id: i64,
    claims: &[Claim],
) -> rusqlite::Result<()> {
    statement.execute(params![visit_id, write_claims(claims)])?;
    Ok(())
}

/// Reads a row of the table of edges, with the address of its visit.
pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Edges> {
    let claims = row.get_ref("claims")?.as_blob()?;
    Ok(Edges {
        from: column::addr(row, "address")?,
        claims: read_claims(claims)
            .map_err(|it| Error::FromSqlConversionFailure(0, Type::Blob, Box::new(it)))?,
    })
}

/// As many payloads as it takes: one may have 1,000 entries.
fn write_claims(claims: &[Claim]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for some in claims.chunks(MAX_ADDRS) {
        let entries: Vec<AddrV2Entry> = some.iter().map(entry).collect();
        write_var_bytes(&mut bytes, &encode_addrv2(&entries));
    }
    bytes
}

fn read_claims(bytes: &[u8]) -> Result<Vec<Claim>, DecodeError> {
    let mut reader = Reader::new(bytes);
    let mut claims = Vec::new();
    while !reader.is_empty() {
        let payload = reader.var_bytes(bytes.len(), "the length of some claims")?;
        let entries = decode_addrv2(payload)?;
        claims.extend(entries.iter().filter_map(|it| it.claim().ok()));
    }
    Ok(claims)
}

fn entry(claim: &Claim) -> AddrV2Entry {
    AddrV2Entry {
        time: claim.time.unwrap_or(0),
        services: claim.services,
        host: Ok(claim.addr.host),
        port: claim.addr.port,
    }
}
