//! The old and the odd: what of long ago is still alive, and who does what hardly anybody does.

mod checks;
mod oldest;
mod unheard;

use serde::Serialize;

pub use self::oldest::{OldProtocol, OldSoftware};

use self::checks::{CHECKS, Seen};
use super::tables::section;
use super::{Cell, Section, Snapshot, agents, when};
use crate::summary::Figure;

/// How many nodes of one kind are listed.
const N_LISTED: usize = 50;

/// What is old or odd. User agents in it are hostile text, with U+FFFD for what is no UTF-8.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Odd {
    /// The oldest protocol versions that are alive, the oldest first.
    pub oldest_protocols: Figure<Vec<OldProtocol>>,
    /// The oldest software that is alive, the oldest first.
    pub oldest_software: Figure<Vec<OldSoftware>>,
    /// The kinds of odd nodes that there are.
    pub findings: Figure<Vec<Finding>>,
}

/// Nodes that are odd in one way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The word for it.
    pub kind: &'static str,
    /// What it is, in plain words.
    pub meaning: &'static str,
    /// How many nodes.
    pub n: u64,
    /// Some of them, 50 at the most: the oldest first, or those that are odd as few others are.
    pub nodes: Vec<OddNode>,
}

/// One odd node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct OddNode {
    /// Its address.
    pub addr: String,
    /// What exactly is odd about it, where its kind does not say all.
    pub what: Option<String>,
    /// Its user agent.
    pub user_agent: Option<String>,
    /// Its protocol version.
    pub protocol_version: Option<i32>,
    /// The height it claims.
    pub start_height: Option<i32>,
    /// The day its software came out (`2013-12-09`), where that is known.
    pub released_on: Option<String>,
}

impl Odd {
    /// Looks for what is old or odd in a crawl.
    pub fn of(snapshot: &Snapshot) -> Odd {
        let groups = agents::group(snapshot);
        let on = when::day(snapshot);
        let seen = groups.iter().flat_map(|it| Seen::each(it, on));
        let seen: Vec<Seen<'_>> = seen.collect();
        let findings = CHECKS.iter().map(|it| it.run(&seen));
        let unheard = unheard::findings(&snapshot.unreached);
        Odd {
            oldest_protocols: Figure::new(
                oldest::protocols(&seen),
                "the lowest protocol versions above 0 that reachable addresses announce, and the software that first did",
            ),
            oldest_software: Figure::new(
                oldest::software(&seen),
                "the oldest software that reachable addresses name in their user agents (or by their protocol versions, \
                 where both were one), with the day on which it was released",
            ),
            findings: Figure::new(
                findings.chain(unheard).filter(|it| it.n > 0).collect(),
                "addresses that do or are what hardly anybody does or is",
            ),
        }
    }

    /// Writes the figures as tables: an overview, and one of each kind.
    pub fn sections(&self) -> Vec<Section> {
        let row = |it: &Finding| vec![it.kind.into(), it.meaning.into(), it.n.into()];
        let overview = section(
            "odd",
            "The odd",
            self.findings.definition,
            &["kind", "meaning", "addresses"],
            self.findings.value.iter().map(row).collect(),
        );
        let oldest = [
            oldest::protocol_section(&self.oldest_protocols),
            oldest::software_section(&self.oldest_software),
        ];
        let findings = self.findings.value.iter().map(Finding::section);
        oldest
            .into_iter()
            .chain([overview])
            .chain(findings)
            .collect()
    }
}

impl Finding {
    fn section(&self) -> Section {
        let row = |it: &OddNode| {
            vec![
                it.addr.clone().into(),
                it.what.clone().into(),
                it.user_agent.clone().into(),
                it.protocol_version.map(|it| Cell::Label(it.into())).into(),
                it.start_height.map(|it| Cell::Integer(it.into())).into(),
                it.released_on.clone().into(),
            ]
        };
        let n_listed = self.nodes.len() as u64;
        let definition = match self.n > n_listed {
            true => format!("{}; {n_listed} of {}", self.meaning, self.n),
            false => self.meaning.to_owned(),
        };
        let columns = [
            "address",
            "what",
            "user agent",
            "protocol",
            "height",
            "released",
        ];
        let mut rows: Vec<Vec<Cell>> = self.nodes.iter().map(row).collect();
        // Of those who said nothing there is nothing to show.
        let is_filled = |i: &usize| rows.iter().any(|cells| cells[*i] != Cell::Empty);
        let filled: Vec<usize> = (0..columns.len()).filter(is_filled).collect();
        for cells in &mut rows {
            *cells = filled.iter().map(|i| cells[*i].clone()).collect();
        }
        section(
            self.kind,
            &format!("Odd: {}", self.kind.replace('_', " ")),
            &definition,
            &filled.iter().map(|i| columns[*i]).collect::<Vec<_>>(),
            rows,
        )
    }
}

#[cfg(test)]
mod tests;
