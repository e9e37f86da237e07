//! Names by how often they came.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::Serialize;

/// How often one name came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Count {
    /// The name; `None` where there was none.
    pub name: Option<String>,
    /// How often it came.
    pub n: u64,
}

impl Count {
    /// Puts the most frequent first; where two are equal, they stay in their order.
    pub(crate) fn ranked(counts: impl IntoIterator<Item = (Option<String>, u64)>) -> Vec<Count> {
        let counts = counts.into_iter();
        let mut rows: Vec<Count> = counts.map(|(name, n)| Count { name, n }).collect();
        rows.sort_by_key(|it| Reverse(it.n));
        rows
    }
}

/// The names that came most often.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Top {
    /// The most frequent first; where two are equal, in the order of their names.
    pub rows: Vec<Count>,
    /// How many more names there are.
    pub n_other_names: usize,
    /// How often those came, all together.
    pub n_others: u64,
}

impl Top {
    /// Counts `names`, and keeps the first `len` of them.
    pub(crate) fn of<N: Ord + Into<String>>(
        names: impl Iterator<Item = Option<N>>,
        len: usize,
    ) -> Top {
        Top::of_counts(names.map(|it| (it, 1)), len)
    }

    /// Adds up how often each name came, and keeps the first `len` of them.
    pub(crate) fn of_counts<N: Ord + Into<String>>(
        counts: impl Iterator<Item = (Option<N>, u64)>,
        len: usize,
    ) -> Top {
        let mut n_by_name: BTreeMap<Option<N>, u64> = BTreeMap::new();
        for (name, n) in counts {
            *n_by_name.entry(name).or_default() += n;
        }
        let counts = n_by_name.into_iter();
        Top::ranked(counts.map(|(name, n)| (name.map(Into::into), n)), len)
    }

    /// Keeps the first `len` of names that are counted; where two are equal, they stay in their order.
    pub(crate) fn ranked(
        counts: impl IntoIterator<Item = (Option<String>, u64)>,
        len: usize,
    ) -> Top {
        let mut rows = Count::ranked(counts);
        let others = rows.split_off(len.min(rows.len()));
        Top {
            rows,
            n_other_names: others.len(),
            n_others: others.iter().map(|it| it.n).sum(),
        }
    }

    /// Keeps only the first `len` names.
    pub(crate) fn cut(&self, len: usize) -> Top {
        let (rows, others) = self.rows.split_at(len.min(self.rows.len()));
        Top {
            rows: rows.to_vec(),
            n_other_names: self.n_other_names + others.len(),
            n_others: self.n_others + others.iter().map(|it| it.n).sum::<u64>(),
        }
    }

    /// How often any name came.
    pub fn total(&self) -> u64 {
        self.rows.iter().map(|it| it.n).sum::<u64>() + self.n_others
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_frequent_names_come_first() {
        check("b a c b - a b", 9, "b 3, a 2, - 1, c 1");
        check("b a c b - a b", 2, "b 3, a 2, 2 more 2");
        check("", 2, "");
    }

    #[track_caller]
    fn check(names: &str, len: usize, expected: &str) {
        let name = |it: &str| (it != "-").then(|| it.to_owned());
        let all = Top::of(names.split_whitespace().map(name), usize::MAX);
        let top = all.cut(len);
        assert_eq!(Top::of(names.split_whitespace().map(name), len), top);
        let rows = top.rows.iter();
        let mut words: Vec<String> = rows
            .map(|it| format!("{} {}", it.name.as_deref().unwrap_or("-"), it.n))
            .collect();
        if top.n_other_names > 0 {
            words.push(format!("{} more {}", top.n_other_names, top.n_others));
        }
        assert_eq!(words.join(", "), expected);
        assert_eq!(top.total(), all.total());
    }
}
