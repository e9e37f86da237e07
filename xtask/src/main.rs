//! `cargo xtask`: what a developer or CI runs.

mod bench;
mod check;
mod nodes;
mod run;
mod test;

use clap::Parser;

/// What a developer or CI runs.
#[derive(Debug, Parser)]
enum Task {
    /// Formatting, lints, docs, dependency rules: quick, and the same everywhere.
    Check,
    /// All of `check`, then all tests, those against real nodes too.
    Test,
    /// The benchmarks, against a floor that runs beside them.
    Bench(bench::BenchArgs),
    /// Bring the real nodes that tests talk to into target/nodes.
    Nodes,
}

fn main() -> anyhow::Result<()> {
    run::go_to_workspace()?;
    match Task::parse() {
        Task::Check => check::check(),
        Task::Test => test::test(),
        Task::Bench(args) => bench::bench(&args),
        Task::Nodes => {
            nodes::Nodes::bring();
            Ok(())
        }
    }
}
