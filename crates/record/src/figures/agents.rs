//! Which software nodes run, by what they say of themselves.

mod age;
pub mod agent;
mod impostors;
pub mod names;
pub mod releases;

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use jiff::civil::Date;
use proto::limits::MAX_USER_AGENT;
use serde::Serialize;

pub use self::age::{Age, YearCount};
pub use self::agent::Agent;
pub use self::impostors::{Impostor, Impostors, SignCount};
pub use self::names::{Implementation, Kind};
pub use self::releases::{Number, RELEASES, Release};

use self::impostors::Claim;
use self::names::CORE;
use super::tables::{most_frequent, section};
use super::{Cell, Node, Section, Snapshot, tables, when};
use crate::summary::{Count, Figure, Top};

/// How many user agents, forks and remarks are told apart; the others are counted together.
const N_TOP: usize = 100;

/// Which software nodes run. All names in it are hostile text, with U+FFFD for what is no UTF-8.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Agents {
    /// The user agents as they are.
    pub whole: Figure<Top>,
    /// The programs.
    pub implementations: Figure<Vec<ImplementationCount>>,
    /// The releases of Bitcoin Core by series, the newest first.
    pub core_series: Figure<Top>,
    /// The releases of Bitcoin Core, the newest first.
    pub core_releases: Figure<Vec<ReleaseCount>>,
    /// What names itself behind a release.
    pub forks: Figure<Top>,
    /// The remarks of operators.
    pub comments: Figure<Top>,
    /// User agents of programs that nobody here knows.
    pub unknown: Figure<Top>,
    /// Those who cannot be the Bitcoin Core that they name.
    pub impostors: Figure<Impostors>,
    /// How old the software is; `None` where no release is known.
    pub age: Figure<Option<Age>>,
}

/// How many nodes run one program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ImplementationCount {
    /// The program; `None` where it is unknown.
    pub implementation: Option<Implementation>,
    /// How many nodes run it.
    pub n: u64,
}

/// How many nodes run one release of Bitcoin Core.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReleaseCount {
    /// Its number; `None` for all that are not told apart.
    pub release: Option<String>,
    /// The day it came out (`2013-12-09`), where that is known.
    pub released_on: Option<String>,
    /// How many nodes run it.
    pub n: u64,
}

/// Nodes with the same user agent.
pub(super) struct Group<'a> {
    /// Its first 256 bytes, with U+FFFD for what is no UTF-8.
    pub(super) text: Option<String>,
    pub(super) agent: Agent,
    pub(super) nodes: Vec<&'a Node>,
    /// The day on which the software came out, where the user agent tells it.
    released_on: Option<Date>,
}

impl Group<'_> {
    /// Returns the day on which the software came out that has this user agent and protocol version.
    pub(super) fn released_on(&self, protocol_version: i32) -> Option<Date> {
        let agent = &self.agent;
        // Before user agents had a form, they said nothing, or some letters.
        let says_nothing = agent.implementation.is_none() && agent.core_release.is_none();
        let by_protocol = || age::released_with(protocol_version).filter(|_| says_nothing);
        self.released_on.or_else(by_protocol)
    }

    fn n(&self) -> u64 {
        self.nodes.len() as u64
    }
}

impl Agents {
    /// Takes the user agents of a crawl's reachable addresses apart.
    pub fn of(snapshot: &Snapshot) -> Agents {
        let groups = group(snapshot);
        let on = when::day(snapshot);
        let top = |names: &dyn Fn(&Group<'_>) -> Vec<Option<String>>| {
            let counts = groups.iter().flat_map(|group| {
                let names = names(group);
                names.into_iter().map(|it| (it, group.n()))
            });
            Top::of_counts(counts, N_TOP)
        };
        let core = || {
            groups
                .iter()
                .filter(|it| it.agent.implementation == Some(CORE))
        };
        let claiming = groups.iter().filter_map(|group| {
            let claim = Claim::of(&group.agent, on)?;
            let visits = group.nodes.iter().map(|it| &it.visit);
            Some(visits.map(move |it| (it, claim.signs(it))))
        });
        let released = groups.iter().flat_map(|group| {
            let versions = group.nodes.iter().filter_map(|it| it.version());
            versions.map(|it| (group.released_on(it.protocol_version), 1))
        });
        Agents {
            whole: Figure::new(
                top(&|it| vec![it.text.clone()]),
                "reachable addresses by the user agent they announce, its first 256 bytes",
            ),
            implementations: Figure::new(
                count_implementations(&groups),
                "reachable addresses by the program that their user agent names, as far as it is in our table",
            ),
            core_series: Figure::new(
                count_series(core()),
                "reachable addresses that name Bitcoin Core and no fork of it, by the series of the release",
            ),
            core_releases: Figure::new(
                count_releases(core()),
                "reachable addresses that name Bitcoin Core and no fork of it, by release, and when it came out; \
                 those with 99 are builds of the development branch",
            ),
            forks: Figure::new(
                top(&|it| it.agent.fork.iter().cloned().map(Some).collect()),
                "reachable addresses by what their user agent names behind the release: forks with their edition, \
                 and signs of support",
            ),
            comments: Figure::new(
                top(&|it| {
                    it.agent
                        .comments
                        .iter()
                        .map(|it| Some(agent::stem(it).to_owned()))
                        .collect()
                }),
                "reachable addresses by the remarks in brackets in their user agent, numbers at their ends aside",
            ),
            unknown: Figure::new(
                top(&|it| match it.agent.implementation {
                    Some(_) => Vec::new(),
                    None => vec![it.text.clone()],
                }),
                "reachable addresses with user agents of programs that are not in our table",
            ),
            impostors: Figure::new(
                Impostors::of(&claiming.flatten().collect::<Vec<_>>()),
                impostors::IMPOSTORS,
            ),
            age: Figure::new(Age::of(released, on), age::AGE),
        }
    }

    /// Writes the figures as tables.
    pub fn sections(&self) -> Vec<Section> {
        let total = self.whole.value.total();
        let series = &self.core_series;
        let n_core = series.value.total();
        let mut sections = vec![
            self.implementation_section(total),
            tables::top(
                "core_series",
                "Bitcoin Core by series",
                "series",
                series,
                n_core,
            ),
            self.release_section(n_core),
        ];
        sections.extend(self.age_sections());
        sections.extend([
            tables::top(
                "user_agents",
                "User agents",
                "user agent",
                &self.whole,
                total,
            ),
            tables::top(
                "agent_forks",
                "Forks and signs of support",
                "named",
                &self.forks,
                total,
            ),
            tables::top("agent_comments", "Remarks", "remark", &self.comments, total),
            tables::top(
                "agents_unknown",
                "Unknown programs",
                "user agent",
                &self.unknown,
                total,
            ),
        ]);
        sections.extend(self.impostor_sections());
        sections
    }

    fn implementation_section(&self, total: u64) -> Section {
        let row = |it: &ImplementationCount| {
            let name = it.implementation.map_or(Cell::Empty, |it| it.name.into());
            let kind = it.implementation.map_or("unknown", |it| it.kind.meaning());
            vec![
                name,
                kind.into(),
                it.n.into(),
                tables::share_of(it.n, total),
            ]
        };
        section(
            "implementations",
            "Programs",
            self.implementations.definition,
            &["program", "kind", "nodes", "share"],
            self.implementations.value.iter().map(row).collect(),
        )
    }

    fn release_section(&self, total: u64) -> Section {
        let row = |it: &ReleaseCount| {
            let release = it.release.clone().unwrap_or_else(|| "others".to_owned());
            vec![
                release.into(),
                it.released_on.clone().into(),
                it.n.into(),
                tables::share_of(it.n, total),
            ]
        };
        section(
            "core_releases",
            "Bitcoin Core by release",
            self.core_releases.definition,
            &["release", "released", "nodes", "share"],
            self.core_releases.value.iter().map(row).collect(),
        )
    }

    fn age_sections(&self) -> Vec<Section> {
        let Some(age) = &self.age.value else {
            return Vec::new();
        };
        let shares = [
            ("older than 1 year", age.older_than_1_year_share),
            ("older than 2 years", age.older_than_2_years_share),
            ("older than 5 years", age.older_than_5_years_share),
        ];
        let shares = shares.map(|(name, it)| vec![name.into(), Cell::Share(it)]);
        let counts = [
            vec!["median, in days".into(), Cell::Integer(age.median_days)],
            vec!["release known".into(), age.n_dated.into()],
            vec!["release unknown".into(), age.n_undated.into()],
        ];
        let year = |it: &YearCount| {
            vec![
                it.year.to_string().into(),
                it.n.into(),
                tables::share_of(it.n, age.n_dated),
            ]
        };
        vec![
            section(
                "software_age",
                "Age of the software",
                self.age.definition,
                &["age", "value"],
                counts.into_iter().chain(shares).collect(),
            ),
            section(
                "software_years",
                "Software by year of release",
                self.age.definition,
                &["year", "nodes", "share"],
                age.years.iter().map(year).collect(),
            ),
        ]
    }

    fn impostor_sections(&self) -> Vec<Section> {
        let impostors = &self.impostors.value;
        let signs = Figure::new(impostors.sign_counts(), self.impostors.definition);
        let row = |it: &Impostor| {
            vec![
                it.addr.clone().into(),
                it.user_agent.clone().into(),
                Cell::Label(it.protocol_version.into()),
                format!("0x{:x}", it.services).into(),
                it.signs.join(", ").into(),
            ]
        };
        vec![
            tables::counts(
                "impostor_signs",
                "Impostors by sign",
                "sign",
                &signs,
                impostors.n_claiming,
            ),
            section(
                "impostors",
                "Impostors",
                self.impostors.definition,
                &["address", "user agent", "protocol", "services", "signs"],
                impostors.listed.iter().map(row).collect(),
            ),
        ]
    }
}

impl Kind {
    /// Returns what it is, for people.
    pub fn meaning(self) -> &'static str {
        match self {
            Kind::Core => "Bitcoin Core",
            Kind::CoreFork => "fork of Bitcoin Core",
            Kind::OtherNode => "node of its own",
            Kind::Library => "library or wallet",
            Kind::OtherChain => "of another chain",
            Kind::Observer => "observer",
        }
    }
}

/// Puts nodes together that say the same, in the order of what they say.
pub(super) fn group(snapshot: &Snapshot) -> Vec<Group<'_>> {
    let mut nodes: HashMap<Option<&[u8]>, Vec<&Node>> = HashMap::new();
    for node in &snapshot.nodes {
        let bytes = node.version().and_then(|it| it.user_agent.as_deref());
        nodes.entry(bytes.map(start)).or_default().push(node);
    }
    let mut nodes: Vec<_> = nodes.into_iter().collect();
    nodes.sort_unstable_by_key(|(bytes, _)| *bytes);
    let group = |(bytes, nodes): (Option<&[u8]>, _)| {
        let agent = bytes.map(Agent::parse).unwrap_or_default();
        Group {
            text: bytes.map(|it| String::from_utf8_lossy(it).into_owned()),
            released_on: age::released_on(&agent),
            agent,
            nodes,
        }
    };
    nodes.into_iter().map(group).collect()
}

/// Returns as much of a user agent as is looked at: whoever sends 60,000 bytes does not get to fill our memory.
fn start(user_agent: &[u8]) -> &[u8] {
    &user_agent[..user_agent.len().min(MAX_USER_AGENT)]
}

fn count_implementations(groups: &[Group<'_>]) -> Vec<ImplementationCount> {
    let mut counts: BTreeMap<Option<Implementation>, u64> = BTreeMap::new();
    for group in groups {
        *counts.entry(group.agent.implementation).or_default() += group.n();
    }
    let count = |(implementation, n)| ImplementationCount { implementation, n };
    let mut counts: Vec<_> = counts.into_iter().map(count).collect();
    counts.sort_by_key(|it| Reverse(it.n));
    counts
}

/// Keeps the most frequent, the latest first: anybody can invent more.
fn count_series<'a>(core: impl Iterator<Item = &'a Group<'a>>) -> Top {
    let mut counts: BTreeMap<Option<Number>, u64> = BTreeMap::new();
    for group in core {
        let series = group.agent.core_release.map(Number::series);
        *counts.entry(series).or_default() += group.n();
    }
    let (mut kept, n_others) = most_frequent(&counts, N_TOP);
    kept.sort_by_key(|(series, _)| Reverse(*series));
    let n_other_names = counts.len() - kept.len();
    let count = |(series, n): (Option<Number>, u64)| Count {
        name: series.map(Number::series_name),
        n,
    };
    Top {
        rows: kept.into_iter().map(count).collect(),
        n_other_names,
        n_others,
    }
}

/// The same of releases.
fn count_releases<'a>(core: impl Iterator<Item = &'a Group<'a>>) -> Vec<ReleaseCount> {
    let mut counts: BTreeMap<Number, u64> = BTreeMap::new();
    for group in core {
        if let Some(number) = group.agent.core_release {
            *counts.entry(number).or_default() += group.n();
        }
    }
    let (mut kept, n_others) = most_frequent(&counts, N_TOP);
    kept.sort_by_key(|(number, _)| Reverse(*number));
    let count = |(number, n): (Number, u64)| ReleaseCount {
        release: Some(number.to_string()),
        released_on: releases::find(number).map(|it| it.on.to_string()),
        n,
    };
    let others = (n_others > 0).then_some(ReleaseCount {
        release: None,
        released_on: None,
        n: n_others,
    });
    kept.into_iter().map(count).chain(others).collect()
}

#[cfg(test)]
mod tests;
