//! One file a command.

mod crawl;
mod crawls;
mod demo;
mod export;
mod hello;
mod report;
mod sim;
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
    /// List the crawls in the store.
    Crawls(crawls::CrawlsArgs),
    /// Show what a crawl found.
    Report(report::ReportArgs),
    /// Write what a crawl found in a format for other programs.
    Export(export::ExportArgs),
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
        Command::Crawls(args) => crawls::run(args),
        Command::Report(args) => report::run(args),
        Command::Export(args) => export::run(args),
        Command::Tables(args) => tables::run(args),
    }
}
