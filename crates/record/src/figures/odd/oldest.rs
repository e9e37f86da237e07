//! The oldest protocol versions and the oldest software that are alive.

use std::collections::BTreeMap;

use jiff::civil::Date;
use proto::protocol_version::latest_change;
use serde::Serialize;

use super::checks::Seen;
use crate::figures::agents::{Number, releases};
use crate::figures::{Cell, Section, tables};
use crate::summary::Figure;

/// How many of each are listed.
const N_OLDEST: usize = 20;

/// A protocol version that is alive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OldProtocol {
    /// It.
    pub protocol_version: i32,
    /// The release of Bitcoin that it is, or the first that announced it, where that is known.
    pub release: Option<String>,
    /// The day that one came out, where that is known.
    pub released_on: Option<String>,
    /// The latest change that it knows.
    pub meaning: Option<&'static str>,
    /// How many nodes announce it.
    pub n: u64,
}

/// Software that is alive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OldSoftware {
    /// What it says of itself; `None` where it says nothing.
    pub user_agent: Option<String>,
    /// The day it came out.
    pub released_on: String,
    /// How many nodes run it.
    pub n: u64,
}

/// Returns the lowest protocol versions above 0.
pub(super) fn protocols(seen: &[Seen<'_>]) -> Vec<OldProtocol> {
    let mut counts: BTreeMap<i32, u64> = BTreeMap::new();
    for version in seen.iter().filter_map(Seen::protocol_version) {
        *counts.entry(version).or_default() += 1;
    }
    let old = |(protocol_version, n): (i32, u64)| {
        let first = releases::first_with(protocol_version);
        let number = first.map(|it| it.number);
        let number = number.or_else(|| Number::of_protocol_version(protocol_version));
        OldProtocol {
            protocol_version,
            release: number.map(|it| it.to_string()),
            released_on: first.map(|it| it.on.to_string()),
            meaning: latest_change(protocol_version).map(|it| it.meaning),
            n,
        }
    };
    let above_zero = counts.into_iter().filter(|(it, _)| *it > 0);
    above_zero.take(N_OLDEST).map(old).collect()
}

/// Returns the software that came out first.
pub(super) fn software(seen: &[Seen<'_>]) -> Vec<OldSoftware> {
    let mut counts: BTreeMap<(Date, Option<&str>), u64> = BTreeMap::new();
    for it in seen {
        if let Some(released_on) = it.released_on {
            *counts.entry((released_on, it.user_agent)).or_default() += 1;
        }
    }
    let old = |((released_on, user_agent), n): ((Date, Option<&str>), u64)| OldSoftware {
        user_agent: user_agent.map(str::to_owned),
        released_on: released_on.to_string(),
        n,
    };
    counts.into_iter().take(N_OLDEST).map(old).collect()
}

pub(super) fn protocol_section(figure: &Figure<Vec<OldProtocol>>) -> Section {
    let row = |it: &OldProtocol| {
        vec![
            Cell::Label(it.protocol_version.into()),
            it.release.clone().into(),
            it.released_on.clone().into(),
            it.meaning.into(),
            it.n.into(),
        ]
    };
    tables::section(
        "oldest_protocols",
        "The oldest protocol versions alive",
        figure.definition,
        &[
            "version",
            "release",
            "released",
            "latest change it knows",
            "nodes",
        ],
        figure.value.iter().map(row).collect(),
    )
}

pub(super) fn software_section(figure: &Figure<Vec<OldSoftware>>) -> Section {
    let row = |it: &OldSoftware| {
        let day = it.released_on.clone().into();
        vec![it.user_agent.clone().into(), day, it.n.into()]
    };
    tables::section(
        "oldest_software",
        "The oldest software alive",
        figure.definition,
        &["user agent", "released", "nodes"],
        figure.value.iter().map(row).collect(),
    )
}
