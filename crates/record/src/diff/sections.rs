//! A comparison as tables.

use proto::Network;

use super::{Absence, Diff, FieldDiff, Lone, Observation, SideFacts, Trait};
use crate::figures::{Cell, Section, Table};
use crate::summary::{Figure, share};
use crate::text::grouped;

/// How many lone addresses of a side are shown.
const N_SHOWN: usize = 10;
/// How many pairs of a field are shown.
const N_PAIRS_SHOWN: usize = 3;
/// From this distance in time on it is said that nodes come and go meanwhile.
const FAR_APART_S: u64 = 6 * 3_600;

impl Diff {
    /// Returns the comparison as tables, those first that say most.
    pub fn sections(&self) -> Vec<Section> {
        let mut sections = vec![
            self.sides(),
            self.overlaps(),
            fields(&self.fields),
            pairs(&self.fields.value),
            absences(
                "why_not_in_b",
                "Only in A: why B lacks them",
                &self.why_not_in_b,
            ),
            traits_of(
                "traits_a",
                "Only in A: what sets them apart",
                &self.traits_of_only_a,
            ),
            lone("only_a", "Only in A", "why not in B", &self.only_a),
            absences(
                "why_not_in_a",
                "Only in B: why A lacks them",
                &self.why_not_in_a,
            ),
            traits_of(
                "traits_b",
                "Only in B: what sets them apart",
                &self.traits_of_only_b,
            ),
            lone("only_b", "Only in B", "why not in A", &self.only_b),
        ];
        sections.retain(|it| !it.table.rows.is_empty());
        sections
    }

    fn sides(&self) -> Section {
        let row = |letter: &str, it: &SideFacts| -> Vec<Cell> {
            vec![
                letter.into(),
                it.name.as_str().into(),
                it.at_us.map_or(Cell::Empty, Cell::Time),
                it.known.into(),
                it.up.into(),
                it.stale.into(),
            ]
        };
        Section {
            key: "sides",
            title: "What is compared".to_owned(),
            definition: self.remarks().join("; "),
            table: Table {
                columns: vec!["", "what", "time (UTC)", "addresses", "up", "stale"],
                rows: vec![row("A", &self.a), row("B", &self.b)],
            },
        }
    }

    /// Says what one must know to believe the rest.
    fn remarks(&self) -> Vec<String> {
        let mut remarks = vec![
            "an address is up where a visit brought a valid version, or a list names it and does not say that it is down"
                .to_owned(),
        ];
        match self.b_after_a_s.map(i64::unsigned_abs) {
            Some(apart) if apart >= FAR_APART_S => remarks.push(format!(
                "the two are {} apart, and nodes come and go meanwhile",
                hours_or_days(apart)
            )),
            Some(_) => (),
            None => remarks.push("of one of them no time is known".to_owned()),
        }
        for (letter, side) in [("A", &self.a), ("B", &self.b)] {
            remarks.extend(side.remarks(letter));
        }
        remarks
    }

    fn overlaps(&self) -> Section {
        let rows = self.overlap.value.iter().map(|it| {
            let share = |it: Option<f64>| it.map_or(Cell::Empty, Cell::Share);
            vec![
                it.network.into(),
                it.only_a.into(),
                it.only_b.into(),
                it.both.into(),
                share(it.jaccard),
                share(it.precision),
                share(it.recall),
            ]
        });
        Section {
            key: "overlap",
            title: "Overlap".to_owned(),
            definition: self.overlap.definition.to_owned(),
            table: Table {
                columns: vec![
                    "network",
                    "only A",
                    "only B",
                    "both",
                    "Jaccard",
                    "precision",
                    "recall",
                ],
                rows: rows.collect(),
            },
        }
    }
}

impl SideFacts {
    fn remarks(&self, letter: &str) -> Vec<String> {
        let mut remarks = Vec::new();
        match (self.observation, self.timed, self.held) {
            (Observation::List, 0, 0) => remarks.push(format!(
                "{letter} says of no node when it was seen, so none can be told to be stale"
            )),
            (Observation::List, 0, _) => remarks.push(format!(
                "{letter} says since when its observer had been connected to nodes, so they were up when it was written"
            )),
            (Observation::List | Observation::Crawl, _, _) => (),
        }
        if self.older_than_a_day > 0 {
            remarks.push(format!(
                "{} of {letter} were last seen more than a day before its time: --fresh 24h leaves them out",
                grouped(self.older_than_a_day)
            ));
        }
        let left_out = self.left_out.iter();
        let left_out: Vec<String> = left_out
            .map(|(why, n)| format!("{} {why}", grouped(n)))
            .collect();
        if !left_out.is_empty() {
            remarks.push(format!(
                "the crawl of {letter} heard of others and left them out: {}",
                left_out.join(", ")
            ));
        }
        remarks
    }
}

fn fields(fields: &Figure<Vec<FieldDiff>>) -> Section {
    let rows = fields.value.iter().map(|it| {
        vec![
            it.field.into(),
            it.compared.into(),
            it.differ.into(),
            share(it.differ, it.compared).map_or(Cell::Empty, Cell::Share),
        ]
    });
    Section {
        key: "fields",
        title: "Fields that differ".to_owned(),
        definition: fields.definition.to_owned(),
        table: Table {
            columns: vec!["field", "compared", "differ", "share"],
            rows: rows.collect(),
        },
    }
}

fn pairs(fields: &[FieldDiff]) -> Section {
    let rows = fields.iter().flat_map(|field| {
        let pairs = field.pairs.iter().take(N_PAIRS_SHOWN);
        pairs.map(|it| {
            vec![
                field.field.into(),
                it.a.as_str().into(),
                it.b.as_str().into(),
                it.n.into(),
            ]
        })
    });
    Section {
        key: "pairs",
        title: "How they differ".to_owned(),
        definition: format!(
            "what A says of an address and what B says, the {N_PAIRS_SHOWN} most frequent pairs of each field"
        ),
        table: Table {
            columns: vec!["field", "A", "B", "addresses"],
            rows: rows.collect(),
        },
    }
}

fn absences(key: &'static str, title: &str, absences: &Figure<Vec<Absence>>) -> Section {
    let rows = absences.value.iter().map(|it| {
        let n = |network: &str| Cell::Count(it.networks.get(network).copied().unwrap_or(0));
        let mut row: Vec<Cell> = vec![it.why.as_str().into(), n(super::ALL)];
        row.extend(Network::ALL.map(|it| n(it.name())));
        row.push(it.meaning.into());
        row
    });
    let mut columns = vec!["why", "addresses"];
    columns.extend(Network::ALL.map(Network::name));
    columns.push("meaning");
    Section {
        key,
        title: title.to_owned(),
        definition: absences.definition.to_owned(),
        table: Table {
            columns,
            rows: rows.collect(),
        },
    }
}

/// Writes how long nodes had to come and go.
fn hours_or_days(seconds: u64) -> String {
    match seconds / 3_600 {
        hours @ 0..48 => format!("{hours} hours"),
        hours => format!("{} days", grouped(hours / 24)),
    }
}

/// A trait that all addresses share sets none apart.
fn traits_of(key: &'static str, title: &str, traits: &Figure<Vec<Trait>>) -> Section {
    let has_any = traits.value.iter().any(|it| it.alone > 0);
    let mut rows = Vec::new();
    for values in traits.value.chunk_by(|it, next| it.name == next.name) {
        if !has_any || values.len() < 2 {
            continue;
        }
        let n_alone = values.iter().map(|it| it.alone).sum();
        let n_both = values.iter().map(|it| it.both).sum();
        let part = |n, of| share(n, of).map_or(Cell::Empty, Cell::Share);
        rows.extend(values.iter().map(|it| {
            vec![
                it.name.into(),
                it.value.as_str().into(),
                it.alone.into(),
                part(it.alone, n_alone),
                it.both.into(),
                part(it.both, n_both),
            ]
        }));
    }
    Section {
        key,
        title: title.to_owned(),
        definition: traits.definition.to_owned(),
        table: Table {
            columns: vec!["", "value", "alone", "share", "both", "share"],
            rows,
        },
    }
}

fn lone(key: &'static str, title: &str, why: &'static str, lone: &[Lone]) -> Section {
    let rows = lone.iter().take(N_SHOWN).map(|it| {
        vec![
            it.address.as_str().into(),
            it.says
                .user_agent
                .as_deref()
                .map_or(Cell::Empty, Cell::from),
            it.why.as_str().into(),
        ]
    });
    let n_more = lone.len().saturating_sub(N_SHOWN);
    let more = match n_more {
        0 => String::new(),
        n => format!(", and {} more", grouped(n)),
    };
    Section {
        key,
        title: title.to_owned(),
        definition: format!("the first addresses{more}"),
        table: Table {
            columns: vec!["address", "user agent", why],
            rows: rows.collect(),
        },
    }
}
