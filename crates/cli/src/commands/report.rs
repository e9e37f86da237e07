//! `report`: what a crawl found.

use clap::Args;

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
    let summary = roll_call::sum_up(&store, &crawl)?;
    let text = match args.json {
        true => serde_json::to_string_pretty(&summary)?,
        false => summary.to_text(console::width()),
    };
    console::print_result(&text)?;
    Ok(Done::Well)
}
