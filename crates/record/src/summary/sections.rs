//! What the summary alone says, as tables.

use super::{Figure, Summary};
use crate::figures::{Cell, Section, tables};

impl Summary {
    /// Returns how the crawl went, as far as no chapter of a [`crate::figures::Census`] says it: whom it left out, what it
    /// was told, and how fast it was.
    pub fn crawl_sections(&self) -> Vec<Section> {
        let left_out = self.left_out.as_ref().map(|it| {
            let total = it.value.iter().map(|it| it.n).sum();
            tables::counts("left_out", "Left out", "reason", it, total)
        });
        let told = self.addresses_told.as_ref().map(|it| {
            let networks = Figure::new(it.value.networks.clone(), it.definition);
            tables::counts(
                "addresses_told",
                "Addresses told",
                "network",
                &networks,
                it.value.total,
            )
        });
        let of_addresses = |mut it: Section| {
            it.table.columns[1] = "addresses";
            it
        };
        let counted = [left_out, told].into_iter().flatten().map(of_addresses);
        [self.pace_section()].into_iter().chain(counted).collect()
    }

    fn pace_section(&self) -> Section {
        let pace = &self.pace;
        let rows = [
            row("calls", &pace.calls, Cell::from),
            row("the crawl took", &pace.wall_us, |it| of(it, Cell::Micros)),
            row("the calls took", &pace.calls_us, Cell::Micros),
            row("calls a second", &pace.calls_per_second, |it| {
                of(it, Cell::Number)
            }),
            row("calls at once", &pace.calls_in_flight, |it| {
                of(it, Cell::Number)
            }),
            row("spent waiting", &pace.waited_share, |it| {
                of(it, Cell::Share)
            }),
        ];
        let rows = rows
            .into_iter()
            .filter(|it| self.is_timed() && it[1] != Cell::Empty);
        let definition = "how fast the crawl went, and what it spent its time on";
        let columns = ["", "value", "meaning"];
        tables::section("pace", "Pace", definition, &columns, rows.collect())
    }
}

fn row<T: Copy>(name: &str, figure: &Figure<T>, cell: impl Fn(T) -> Cell) -> Vec<Cell> {
    vec![name.into(), cell(figure.value), figure.definition.into()]
}

fn of<T>(value: Option<T>, cell: impl Fn(T) -> Cell) -> Cell {
    value.map_or(Cell::Empty, cell)
}
