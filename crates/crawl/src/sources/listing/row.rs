//! What the values of one row mean.

use std::fmt;

use proto::PeerAddr;
use proto::addr::ParseAddrError;
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::skipped::fit_for_terminal;
use super::{Format, Listed, ListedNode};

/// The most values that a row of any format has: address, port and the 13 of the API.
const MAX_CELLS: usize = 15;

/// Why one row cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum RowError {
    #[error("no row of 5, 13 or 15 values")]
    NoRow,
    #[error("neither a row nor an address")]
    NoRowNorAddr,
    #[error("a row of {n} values, expected {expected}")]
    Length { n: usize, expected: &'static str },
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
pub(super) fn read_pair(
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
pub(super) fn read_element(
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
    let addr = read_addr(kept[0].get(), kept[1].get())?;
    let said = Some(Box::new(said));
    Ok((format, ListedNode { addr, said }))
}

fn read_crawl_row(cells: &[&RawValue]) -> Result<Listed, RowError> {
    Ok(Listed {
        services: integer("services", cells[0].get())?,
        height: integer("height", cells[1].get())?,
        ..Listed::default()
    })
}

/// Reads the 5 or 13 values of the API, in their order.
fn read_listed(cells: &[&RawValue]) -> Result<Listed, RowError> {
    let cell = |n: usize| cells.get(n).map_or("null", |it| it.get());
    Ok(Listed {
        protocol_version: integer("protocol version", cell(0))?,
        user_agent: text("user agent", cell(1))?,
        connected_since: integer("connection time", cell(2))?,
        services: integer("services", cell(3))?,
        height: integer("height", cell(4))?,
        hostname: text("host name", cell(5))?,
        city: text("city", cell(6))?,
        country: text("country", cell(7))?,
        latitude: degrees("latitude", cell(8))?,
        longitude: degrees("longitude", cell(9))?,
        timezone: text("time zone", cell(10))?,
        asn: text("autonomous system", cell(11))?,
        organisation: text("organisation", cell(12))?,
    })
}

/// A key always ends in its port, so `2a01::1:8333` has one here, unlike in [`PeerAddr::parse`].
fn parse_key(key: &str, default_port: u16) -> Result<PeerAddr, ParseAddrError> {
    if let Some((host, port)) = key.rsplit_once(':')
        && host.contains(':')
        && let Ok(port) = port.parse()
        && let Ok(addr) = PeerAddr::from_host_text(host, port)
    {
        return Ok(addr);
    }
    PeerAddr::parse(key, default_port)
}

fn read_addr(host: &str, port: &str) -> Result<PeerAddr, RowError> {
    let wrong = |wanted| RowError::Cell {
        field: "address",
        wanted,
        cell: host.to_owned(),
    };
    let name = text("address", host)?.ok_or_else(|| wrong("text"))?;
    let port = integer("port", port).ok().flatten();
    Ok(PeerAddr::from_host_text(
        &name,
        port.ok_or(ParseAddrError::Port)?,
    )?)
}

fn text(field: &'static str, cell: &str) -> Result<Option<String>, RowError> {
    match cell.as_bytes().first() {
        Some(b'n') => Ok(None),
        Some(b'"') => Ok(Some(unquote(cell))),
        Some(b'-' | b'0'..=b'9') => Ok(Some(cell.to_owned())),
        _ => Err(RowError::Cell {
            field,
            wanted: "text",
            cell: cell.to_owned(),
        }),
    }
}

/// Reads a whole number, also one written as text or with a fraction, which is cut off.
fn integer<T: TryFrom<i128>>(field: &'static str, cell: &str) -> Result<Option<T>, RowError> {
    let number = |text: &str| {
        let whole = text.parse().ok().or_else(|| cut_off_fraction(text));
        whole.and_then(|it: i128| T::try_from(it).ok())
    };
    read_number(field, "a whole number", cell, number)
}

fn degrees(field: &'static str, cell: &str) -> Result<Option<f64>, RowError> {
    let number = |text: &str| text.parse().ok().filter(|it: &f64| it.is_finite());
    read_number(field, "a number", cell, number)
}

fn read_number<T>(
    field: &'static str,
    wanted: &'static str,
    cell: &str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<Option<T>, RowError> {
    let number = match cell.as_bytes().first() {
        Some(b'n') => return Ok(None),
        Some(b'"') => parse(unquote(cell).trim()),
        _ => parse(cell),
    };
    match number {
        Some(number) => Ok(Some(number)),
        None => Err(RowError::Cell {
            field,
            wanted,
            cell: cell.to_owned(),
        }),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "cutting off the fraction is the purpose, and the range is checked"
)]
fn cut_off_fraction(text: &str) -> Option<i128> {
    let number: f64 = text.parse().ok()?;
    (number.abs() < 1e30).then_some(number as i128)
}

/// Reads a JSON string; halves of surrogate pairs and other broken characters become `�`.
fn unquote(quoted: &str) -> String {
    struct Bytes;
    impl Visitor<'_> for Bytes {
        type Value = String;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a string")
        }

        fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<String, E> {
            Ok(String::from_utf8_lossy(bytes).into_owned())
        }
    }
    serde_json::Deserializer::from_str(quoted)
        .deserialize_bytes(Bytes)
        .unwrap_or_default()
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
