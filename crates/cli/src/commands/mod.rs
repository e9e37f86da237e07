//! One file a command.

mod crawl;
mod crawls;
mod data;
mod demo;
mod diff;
mod export;
mod hello;
mod import;
mod plot;
mod race;
mod report;
mod sim;
mod sql;
mod status;
mod tables;
mod watch;

use clap::Subcommand;

use crate::Done;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Call every node, ask each for the others, follow them, and keep what each one says.
    Crawl(crawl::CrawlArgs),
    /// Call nodes again and again for weeks: a snapshot every few minutes, and when each node was up.
    Watch(watch::WatchArgs),
    /// Say whether the watch of the store is well: the exit code is 0 if it is, 1 if not.
    Status(status::StatusArgs),
    /// Shake hands with nodes, and tell field by field what each one says.
    Hello(hello::HelloArgs),
    /// Crawl a simulated network of thousands of nodes; needs no internet.
    Demo(demo::DemoArgs),
    /// Run the simulated network of `demo` alone, for any crawler to be tried on.
    Sim(sim::SimArgs),
    /// Keep what other observers saw: snapshots, exports and dumps of other crawlers, each a crawl marked as theirs.
    Import(import::ImportArgs),
    /// Make the same calls by a loop, by threads, by processes and by async tasks, and compare what each takes.
    Race(race::RaceArgs),
    /// Run one strategy of a race, or work for one; a race starts this itself.
    #[command(name = race::LAP, hide = true)]
    RaceLap(race::LapArgs),
    /// List the crawls in the store.
    Crawls(crawls::CrawlsArgs),
    /// Show what a crawl found.
    Report(report::ReportArgs),
    /// Draw what a crawl found as pictures, SVG or PNG; without a name, list those that can be drawn.
    Plot(plot::PlotArgs),
    /// Write what a crawl found in a format for other programs.
    Export(export::ExportArgs),
    /// Show what there is to look addresses up in (countries, AS numbers, cities), how old it is, and get more.
    Data(data::DataArgs),
    /// Hold two crawls, or a crawl and somebody's list, against each other: who is only in one, and why.
    Diff(diff::DiffArgs),
    /// Ask the store in SQL; without a query, list its tables and what their columns mean.
    Sql(sql::SqlArgs),
    /// Print what the words mean: commands, service bits, protocol versions, outcomes, chains.
    Tables(tables::TablesArgs),
}

pub(crate) fn run(command: Command) -> anyhow::Result<Done> {
    match command {
        Command::Crawl(args) => crawl::run(args),
        Command::Watch(args) => watch::run(args),
        Command::Status(args) => status::run(args),
        Command::Hello(args) => hello::run(args),
        Command::Demo(args) => demo::run(args),
        Command::Sim(args) => sim::run(args),
        Command::Import(args) => import::run(args),
        Command::Race(args) => race::run(args),
        Command::RaceLap(args) => race::run_lap(args),
        Command::Crawls(args) => crawls::run(args),
        Command::Report(args) => report::run(args),
        Command::Plot(args) => plot::run(args),
        Command::Export(args) => export::run(args),
        Command::Data(args) => data::run(args),
        Command::Diff(args) => diff::run(args),
        Command::Sql(args) => sql::run(args),
        Command::Tables(args) => tables::run(args),
    }
}
