//! What the values of one row mean whose meaning is their place, and what can be wrong with any row.

use std::fmt;

use proto::PeerAddr;
use proto::addr::ParseAddrError;
use serde::de::{Deserialize, Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::cell::{Cell, unquote};
use crate::skipped::fit_for_terminal;
use crate::{Format, Listed, ListedNode};

/// The most values that a row of any format has: address, port and the 13 of the API.
const MAX_CELLS: usize = 15;

/// Why one row cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RowError {
    #[error("no row of 5, 13 or 15 values")]
    NoRow,
    #[error("neither a row nor an address")]
    NoRowNorAddr,
    #[error("no JSON object: {why} at column {column}")]
    NoObject { column: usize, why: String },
    #[error("a row of {n} values, expected {expected}")]
    Length { n: usize, expected: &'static str },
    #[error("a row of {n} columns, expected {expected}")]
    Columns { n: usize, expected: usize },
    #[error("its {field} should be {wanted}, not {}", fit_for_terminal(.cell))]
    Cell {
        field: &'static str,
        wanted: &'static str,
        cell: String,
    },
    #[error(transparent)]
    Addr(#[from] ParseAddrError),
}

/// Reads one pair of the `nodes` of an API answer.
pub(crate) fn read_pair(
    key: &RawValue,
    row: &RawValue,
    default_port: u16,
) -> Result<ListedNode, RowError> {
    let addr = parse_key(&unquote(key.get()), default_port)?;
    let said = match row.get() {
        "null" => None,
        row => Some(Box::new(read_api_row(row)?)),
    };
    Ok(ListedNode { addr, said })
}

fn read_api_row(row: &str) -> Result<Listed, RowError> {
    let cells = Cells::read(row).ok_or(RowError::NoRow)?;
    match cells.n {
        5 | 13 => read_listed(&cells.kept),
        15 if cells.kept[0].get().starts_with('"') => read_listed(&cells.kept[2..]),
        15 => read_listed(&cells.kept[..13]),
        n => Err(RowError::Length {
            n,
            expected: "5, 13 or 15",
        }),
    }
}

/// Reads one element of an array: a row that brings its address, or nothing but an address.
pub(crate) fn read_element(
    element: &RawValue,
    default_port: u16,
) -> Result<(Format, ListedNode), RowError> {
    if element.get().starts_with('"') {
        let addr = PeerAddr::parse(&unquote(element.get()), default_port)?;
        return Ok((Format::JsonAddrs, ListedNode { addr, said: None }));
    }
    let Cells { kept, n } = Cells::read(element.get()).ok_or(RowError::NoRowNorAddr)?;
    let (format, said) = match n {
        4 => (Format::BitnodesCrawl, read_crawl_row(&kept[2..])?),
        15 => (Format::BitnodesExport, read_listed(&kept[2..])?),
        n => {
            return Err(RowError::Length {
                n,
                expected: "4 or 15",
            });
        }
    };
    let addr = read_addr(&Cell::of_json(kept[0].get()), &Cell::of_json(kept[1].get()))?;
    let said = Some(Box::new(said));
    Ok((format, ListedNode { addr, said }))
}

fn read_crawl_row(cells: &[&RawValue]) -> Result<Listed, RowError> {
    let cell = |n: usize| Cell::of_json(cells[n].get());
    Ok(Listed {
        services: cell(0).integer("services")?,
        height: cell(1).integer("height")?,
        ..Listed::default()
    })
}

/// Reads the 5 or 13 values of the API, in their order.
fn read_listed(cells: &[&RawValue]) -> Result<Listed, RowError> {
    let cell = |n: usize| {
        cells
            .get(n)
            .map_or(Cell::Absent, |it| Cell::of_json(it.get()))
    };
    Ok(Listed {
        protocol_version: cell(0).integer("protocol version")?,
        user_agent: cell(1).text("user agent")?,
        connected_since: cell(2).time("connection time")?,
        services: cell(3).integer("services")?,
        height: cell(4).integer("height")?,
        hostname: cell(5).text("host name")?,
        city: cell(6).text("city")?,
        country: cell(7).text("country")?,
        latitude: cell(8).number("latitude")?,
        longitude: cell(9).number("longitude")?,
        timezone: cell(10).text("time zone")?,
        asn: cell(11).text("autonomous system")?,
        organisation: cell(12).text("organisation")?,
        ..Listed::default()
    })
}

/// A key always ends in its port, so `2a01::1:8333` has one here, unlike in [`PeerAddr::parse`].
pub(crate) fn parse_key(key: &str, default_port: u16) -> Result<PeerAddr, ParseAddrError> {
    if let Some((host, port)) = key.rsplit_once(':')
        && host.contains(':')
        && let Ok(port) = port.parse()
        && let Ok(addr) = PeerAddr::from_host_text(host, port)
    {
        return Ok(addr);
    }
    PeerAddr::parse(key, default_port)
}

/// Reads an address whose host and port are values of their own.
pub(crate) fn read_addr(host: &Cell<'_>, port: &Cell<'_>) -> Result<PeerAddr, RowError> {
    let name = host.text("address")?;
    let name = name.ok_or_else(|| host.wrong("address", "text"))?;
    let port = port.integer("port").ok().flatten();
    Ok(PeerAddr::from_host_text(
        &name,
        port.ok_or(ParseAddrError::Port)?,
    )?)
}

/// The values of one row, each as raw text; those beyond the longest known row are only counted.
struct Cells<'t> {
    kept: Vec<&'t RawValue>,
    n: usize,
}

impl<'t> Cells<'t> {
    fn read(row: &'t str) -> Option<Cells<'t>> {
        serde_json::from_str(row).ok()
    }
}

impl<'t> Deserialize<'t> for Cells<'t> {
    fn deserialize<D: Deserializer<'t>>(deserializer: D) -> Result<Cells<'t>, D::Error> {
        struct Row;
        impl<'t> Visitor<'t> for Row {
            type Value = Cells<'t>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a row")
            }

            fn visit_seq<A: SeqAccess<'t>>(self, mut row: A) -> Result<Cells<'t>, A::Error> {
                let mut kept = Vec::with_capacity(MAX_CELLS);
                while kept.len() < MAX_CELLS {
                    match row.next_element()? {
                        Some(cell) => kept.push(cell),
                        None => break,
                    }
                }
                let mut n = kept.len();
                while row.next_element::<IgnoredAny>()?.is_some() {
                    n += 1;
                }
                Ok(Cells { kept, n })
            }
        }
        deserializer.deserialize_seq(Row)
    }
}
