//! Figures as tables.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::{Cell, Section, Table};
use crate::summary::{Count, Figure, Top, share};

/// Makes a section of a figure's definition and its rows.
pub(crate) fn section(
    key: &'static str,
    title: &str,
    definition: &str,
    columns: &[&'static str],
    rows: Vec<Vec<Cell>>,
) -> Section {
    Section {
        key,
        title: title.to_owned(),
        definition: definition.to_owned(),
        table: Table {
            columns: columns.to_vec(),
            rows,
        },
    }
}

/// Makes a table of names, how often each came, and which part of `total` that is.
pub(super) fn top(
    key: &'static str,
    title: &str,
    heading: &'static str,
    figure: &Figure<Top>,
    total: u64,
) -> Section {
    let columns = [heading, "nodes", "share"];
    let rows = ranked(&figure.value, total);
    section(key, title, figure.definition, &columns, rows)
}

/// The same of names that are all there.
pub(crate) fn counts(
    key: &'static str,
    title: &str,
    heading: &'static str,
    figure: &Figure<Vec<Count>>,
    total: u64,
) -> Section {
    let columns = [heading, "nodes", "share"];
    let rows = figure.value.iter().map(|it| row(it, total)).collect();
    section(key, title, figure.definition, &columns, rows)
}

/// Writes names with how often they came and their share of `total`; those that were cut off are one row at the end.
pub(super) fn ranked(top: &Top, total: u64) -> Vec<Vec<Cell>> {
    let mut rows: Vec<_> = top.rows.iter().map(|it| row(it, total)).collect();
    if top.n_other_names > 0 {
        let share = share_of(top.n_others, total);
        rows.push(vec![others(top.n_other_names), top.n_others.into(), share]);
    }
    rows
}

/// Returns the `len` most frequent, and how often the others came.
pub(super) fn most_frequent<K: Copy + Ord>(
    counts: &BTreeMap<K, u64>,
    len: usize,
) -> (Vec<(K, u64)>, u64) {
    let mut ranked: Vec<(K, u64)> = counts.iter().map(|(key, n)| (*key, *n)).collect();
    ranked.sort_by_key(|(_, n)| Reverse(*n));
    let others = ranked.split_off(len.min(ranked.len()));
    (ranked, others.iter().map(|(_, n)| n).sum())
}

/// Names the row of all that were cut off.
pub(super) fn others(n: usize) -> Cell {
    Cell::Text(format!("{n} others"))
}

/// Returns the share of a part in the whole; nothing where there is no whole.
pub(super) fn share_of(part: u64, whole: u64) -> Cell {
    share(part, whole).map_or(Cell::Empty, Cell::Share)
}

fn row(count: &Count, total: u64) -> Vec<Cell> {
    let name = count.name.clone().map_or(Cell::Empty, Cell::Text);
    vec![name, count.n.into(), share_of(count.n, total)]
}
