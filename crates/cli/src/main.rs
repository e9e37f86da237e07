//! The `bitcensus` command.
//!
//! Results go to stdout, progress and logs to stderr. The exit code is 0 where it is done, 1 where it failed or a watch
//! is not well, 2 for wrong usage, 3 where it is done but nobody answered.

mod atlas;
mod chosen;
mod commands;
mod config;
mod console;
mod output;
mod pass;
mod paths;
mod pictures;
mod reckoned;
mod remembered;
mod roll_call;
mod sources;
mod stop;
mod table;
mod watch;
mod writer;

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;

use commands::Command;

/// Takes the census of the Bitcoin network: calls every node at once and keeps what each one says.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, max_term_width = 100)]
#[command(after_help = "\
Start with one of these:
  bitcensus demo                     a simulated network of thousands of nodes, no internet needed
  bitcensus hello 127.0.0.1:8333     one handshake with one node, told field by field
  bitcensus crawl snapshot.json      call every node of a list that bitnodes' API gave
  bitcensus crawl                    call what the DNS seeds and the last census name
  bitcensus report --html page.html  what that found, as one page with pictures
  bitcensus watch                    the same without end, a snapshot every ten minutes

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done but nobody answered.")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// How a command ended that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Done {
    /// All went as asked.
    Well,
    /// Nobody answered; why that may be was said.
    NobodyAnswered,
    /// A watch does not see what it should; why was said.
    Unhealthy,
}

fn main() -> ExitCode {
    start_logging();
    match commands::run(Cli::parse().command) {
        Ok(Done::Well) => ExitCode::SUCCESS,
        Ok(Done::NobodyAnswered) => ExitCode::from(3),
        Ok(Done::Unhealthy) => ExitCode::FAILURE,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            console::say_error(&error);
            ExitCode::FAILURE
        }
    }
}

/// Logs go to stderr; `BITCENSUS_LOG=debug` shows more.
fn start_logging() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("BITCENSUS_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        // They would be printed to the very place that takes nothing.
        .log_internal_errors(false)
        .init();
}

/// `bitcensus export … | head` is no failure.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|it| {
        it.downcast_ref::<std::io::Error>()
            .is_some_and(|it| it.kind() == std::io::ErrorKind::BrokenPipe)
    })
}
