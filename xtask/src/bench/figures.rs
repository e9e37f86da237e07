//! What was measured, as a table beside what was measured before.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::measure::{Cost, Ratio};

/// Everything that the benchmarks came to.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Figures {
    /// What each program cost, medians over its runs.
    costs: BTreeMap<String, Cost>,
    /// What to compare, in the order of the table.
    figures: Vec<Figure>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Figure {
    name: String,
    value: f64,
    aim: f64,
}

impl Figures {
    /// Takes in what a program cost in each of its runs.
    pub(super) fn add_cost(&mut self, name: &str, costs: &[Cost]) -> Cost {
        let cost = Cost::median(costs);
        self.costs.insert(name.to_owned(), cost);
        cost
    }

    /// Takes in a figure, and the most that it should be.
    pub(super) fn add(&mut self, name: &str, value: f64, aim: f64) {
        let name = name.to_owned();
        self.figures.push(Figure { name, value, aim });
    }

    /// Takes in how a program compares with the floor that ran in turn with it.
    pub(super) fn add_ratio(&mut self, name: &str, ratio: Ratio, aim: Ratio) {
        self.add(&format!("{name}: wall time / floor"), ratio.wall, aim.wall);
        self.add(&format!("{name}: CPU time / floor"), ratio.cpu, aim.cpu);
    }

    /// Returns these figures with those of `newer` in the place of older ones.
    pub(super) fn updated_by(mut self, newer: Figures) -> Figures {
        self.costs.extend(newer.costs);
        self.figures
            .retain(|old| newer.figures.iter().all(|it| it.name != old.name));
        self.figures.extend(newer.figures);
        self
    }

    #[expect(clippy::print_stdout, reason = "the table is the result")]
    pub(super) fn show(&self, baseline: &Figures) {
        println!(
            "\n{:<52}{:>9}{:>9}{:>9}",
            "medians of the turns", "wall s", "CPU s", "peak MB"
        );
        for (name, cost) in &self.costs {
            let (wall, cpu, peak) = (cost.wall_secs, cost.cpu_secs, cost.peak_mb);
            println!("{name:<52}{wall:>9.2}{cpu:>9.2}{peak:>9.1}");
        }
        println!("\n{:<52}{:>9}{:>9}{:>9}", "", "now", "baseline", "aim");
        for Figure { name, value, aim } in &self.figures {
            let before = baseline.figures.iter().find(|it| it.name == *name);
            let before = before.map_or("-".to_owned(), |it| format!("{:.2}", it.value));
            let met = if value <= aim { "met" } else { "MISSED" };
            println!("{name:<52}{value:>9.2}{before:>9}{aim:>9.2}  {met}");
        }
    }
}
