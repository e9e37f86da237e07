//! The dumps of DNS seeders, sipa's and dnsseedrs', which Bitcoin Core's `makeseeds.py` reads too.
//!
//! Whoever never answered has the time 0 there. Percentages and the rest of a line are of its last answer, however long
//! ago that was.

use proto::PeerAddr;

use crate::cell::Cell;
use crate::row::RowError;
use crate::{Listed, ListedNode, Uptime};

/// How many columns there are in front of the user agent, which may hold spaces.
const N_COLUMNS: usize = 11;

/// Whether a line is one of a dump, and of which: dnsseedrs writes services with 16 digits, sipa's seeder with 8.
pub(crate) fn recognise(line: &str) -> Option<crate::Format> {
    let (columns, _) = split(line)?;
    if !columns[3..8].iter().all(|it| it.ends_with('%')) {
        return None;
    }
    Some(match columns[9].len() {
        16 => crate::Format::DnsseedrsDump,
        _ => crate::Format::SipaDump,
    })
}

/// Reads a line.
pub(crate) fn read(line: &str, default_port: u16) -> Result<ListedNode, RowError> {
    let Some((columns, user_agent)) = split(line) else {
        return Err(RowError::Columns {
            n: line.split_ascii_whitespace().count(),
            expected: N_COLUMNS + 1,
        });
    };
    let addr = PeerAddr::parse(columns[0], default_port)?;
    let cell = |n: usize| Cell::of_field(columns[n]);
    let last_success = cell(2).time("last success")?.filter(|it| *it != 0);
    let called = Listed {
        is_good: cell(1).flag("good flag")?,
        seen_at: last_success,
        is_up: Some(last_success.is_some()),
        uptime: Some(Uptime {
            hours_2: percent(&cell(3), "2 h uptime")?,
            hours_8: percent(&cell(4), "8 h uptime")?,
            day: percent(&cell(5), "1 d uptime")?,
            week: percent(&cell(6), "7 d uptime")?,
            month: percent(&cell(7), "30 d uptime")?,
        }),
        ..Listed::default()
    };
    let said = Listed {
        height: cell(8).integer("blocks")?,
        services: cell(9).read("services", "hexadecimal digits", |it| {
            u64::from_str_radix(it, 16).ok()
        })?,
        protocol_version: cell(10).integer("version")?,
        user_agent: Some(unquoted(user_agent).to_owned()),
        ..called.clone()
    };
    let said = match last_success {
        Some(_) => said,
        None => called,
    };
    let said = Some(Box::new(said));
    Ok(ListedNode { addr, said })
}

/// Cuts a line into its columns and the user agent.
fn split(line: &str) -> Option<([&str; N_COLUMNS], &str)> {
    let mut rest = line;
    let mut columns = [""; N_COLUMNS];
    for column in &mut columns {
        rest = rest.trim_ascii_start();
        let end = rest.find(|it: char| it.is_ascii_whitespace())?;
        (*column, rest) = rest.split_at(end);
    }
    Some((columns, rest.trim_ascii()))
}

fn percent(cell: &Cell<'_>, field: &'static str) -> Result<f64, RowError> {
    let share = cell.read(field, "a percentage", |it| {
        let share: f64 = it.strip_suffix('%')?.parse().ok()?;
        (0.0..=100.0).contains(&share).then_some(share)
    })?;
    share.ok_or_else(|| cell.wrong(field, "a percentage"))
}

fn unquoted(user_agent: &str) -> &str {
    let inside = user_agent.strip_prefix('"');
    let inside = inside.and_then(|it| it.strip_suffix('"'));
    inside.unwrap_or(user_agent)
}
