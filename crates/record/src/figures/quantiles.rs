//! Where most values lie.

use serde::Serialize;

use super::Cell;
use crate::summary::quantile;

/// Where most values lie; each is a value that was seen, by the nearest rank.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Quantiles<T> {
    /// How many values there are.
    pub n: usize,
    /// One in ten is this or less.
    pub p10: T,
    /// Half of them are this or less.
    pub p50: T,
    /// Nine in ten are this or less.
    pub p90: T,
    /// 99 in 100 are this or less.
    pub p99: T,
    /// The largest.
    pub max: T,
}

impl<T: Copy + Ord> Quantiles<T> {
    /// The headings of [`Quantiles::row`], behind that of its name.
    pub(super) const COLUMNS: [&'static str; 6] = ["n", "p10", "p50", "p90", "p99", "max"];

    /// Takes values in any order; `None` where there are none.
    pub(super) fn of(mut values: Vec<T>) -> Option<Quantiles<T>> {
        values.sort_unstable();
        Some(Quantiles {
            n: values.len(),
            p10: quantile(&values, 10)?,
            p50: quantile(&values, 50)?,
            p90: quantile(&values, 90)?,
            p99: quantile(&values, 99)?,
            max: quantile(&values, 100)?,
        })
    }

    /// Writes a row: a name, how many there are, and the quantiles.
    pub(super) fn row(name: Cell, it: Option<&Quantiles<T>>, cell: fn(T) -> Cell) -> Vec<Cell> {
        let n = it.map_or(0, |it| it.n as u64);
        let values = it.map(|it| [it.p10, it.p50, it.p90, it.p99, it.max].map(cell));
        let values = values.unwrap_or([const { Cell::Empty }; 5]);
        [name, n.into()].into_iter().chain(values).collect()
    }
}

/// Puts a heading in front of those of [`Quantiles::row`].
pub(super) fn columns(first: &'static str) -> Vec<&'static str> {
    [&[first][..], &Quantiles::<u64>::COLUMNS].concat()
}
