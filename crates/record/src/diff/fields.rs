//! In what two sides differ of the addresses that both have.

use std::cmp::Reverse;
use std::collections::HashMap;

use serde::Serialize;

use super::{Says, Side, shown};

/// What [`FieldDiff`] is, for people.
pub(super) const DEFINITION: &str = "addresses that both have, by field: of how many both sides say something, and of how many not the same; with the \
     pairs that came most often";

/// How many pairs of a field are kept: a screenful.
const N_PAIRS: usize = 10;

/// A field, and its value as people compare it.
type Field = (&'static str, fn(&Says) -> Option<String>);

/// What is compared.
const FIELDS: [Field; 6] = [
    ("protocol_version", |it| shown(it.protocol_version)),
    ("user_agent", |it| it.user_agent.clone()),
    ("services", |it| it.services.map(|it| format!("{it:#x}"))),
    ("height", |it| shown(it.height)),
    ("country", |it| it.country.clone()),
    ("asn", |it| shown(it.asn)),
];

/// How often two sides do not say the same in one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldDiff {
    /// Which field.
    pub field: &'static str,
    /// Addresses of which both sides say something.
    pub compared: u64,
    /// Those of which they do not say the same.
    pub differ: u64,
    /// The pairs that came most often, those first; where two are equal, in their order.
    pub pairs: Vec<Pair>,
    /// How many more pairs there are.
    pub n_other_pairs: u64,
}

/// What the two say, and how often.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pair {
    /// What A says; may be hostile text.
    pub a: String,
    /// What B says; may be hostile text.
    pub b: String,
    /// Of how many addresses.
    pub n: u64,
}

/// Compares all fields, and returns those that can be compared.
pub(super) fn compare(a: &Side, b: &Side) -> Vec<FieldDiff> {
    let rows = FIELDS.iter().map(|(field, value)| {
        let both = a
            .up()
            .filter_map(|(addr, says)| Some((value(says)?, value(b.says(addr)?)?)));
        FieldDiff::of(field, both)
    });
    rows.filter(|it| it.compared > 0).collect()
}

/// Returns the fields in which the two do not say the same.
pub(super) fn differing(a: &Says, b: &Says) -> Vec<&'static str> {
    let differing = FIELDS.iter().filter(|(_, value)| {
        let both = value(a).zip(value(b));
        both.is_some_and(|(a, b)| a != b)
    });
    differing.map(|(field, _)| *field).collect()
}

impl FieldDiff {
    fn of(field: &'static str, both: impl Iterator<Item = (String, String)>) -> FieldDiff {
        let (mut compared, mut differ) = (0, 0);
        let mut n_by_pair: HashMap<(String, String), u64> = HashMap::new();
        for (a, b) in both {
            compared += 1;
            if a != b {
                differ += 1;
                *n_by_pair.entry((a, b)).or_default() += 1;
            }
        }
        let pairs = n_by_pair.into_iter();
        let mut pairs: Vec<Pair> = pairs.map(|((a, b), n)| Pair { a, b, n }).collect();
        pairs.sort_unstable_by(|x, y| (Reverse(x.n), &x.a, &x.b).cmp(&(Reverse(y.n), &y.a, &y.b)));
        let n_pairs = pairs.len();
        pairs.truncate(N_PAIRS);
        FieldDiff {
            field,
            compared,
            differ,
            n_other_pairs: (n_pairs - pairs.len()) as u64,
            pairs,
        }
    }
}
