//! `report`: what a crawl found.

use clap::Args;
use record::summary::Spent;

use crate::chosen::ChosenArgs;
use crate::{Done, console, roll_call};

#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// Print the figures as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    chosen: ChosenArgs,
}

pub(crate) fn run(args: ReportArgs) -> anyhow::Result<Done> {
    let (store, crawl) = args.chosen.find()?;
    let wall_us = crawl
        .finished_at_us
        .and_then(|it| u64::try_from(it - crawl.started_at_us).ok());
    let spent = Spent {
        wall_us,
        cpu_us: None,
    };
    let summary = roll_call::sum_up(&store, crawl.id, spent)?;
    let text = match args.json {
        true => serde_json::to_string_pretty(&summary)?,
        false => summary.to_text(console::width()),
    };
    console::print_result(&text)?;
    Ok(Done::Well)
}
