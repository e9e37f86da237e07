//! `report`: what a crawl found, as text, as JSON, or as a page to be mailed.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use record::figures::{self, Census, Chapter};

use crate::atlas::{AtlasArgs, Wanted};
use crate::chosen::ChosenArgs;
use crate::console::Console;
use crate::{Done, atlas, console, output, pictures};

#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// Print every figure with its definition as JSON.
    #[arg(long, conflicts_with = "html")]
    json: bool,
    /// Write one HTML file with everything inside, pictures too, that can be mailed and opened without a network.
    #[arg(long, value_name = "FILE", conflicts_with = "only")]
    html: Option<PathBuf>,
    /// Print these chapters alone; can be given again.
    #[arg(long, value_name = "CHAPTER", conflicts_with = "json")]
    only: Vec<Only>,
    /// Leave out how the network changed from crawl to crawl, which takes a while to read after a long watch.
    #[arg(long)]
    no_history: bool,
    #[command(flatten)]
    chosen: ChosenArgs,
    #[command(flatten)]
    atlas: AtlasArgs,
}

/// The chapters of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Only {
    /// The page that a crawl ends with.
    Summary,
    /// How many nodes there are, and how calls ended.
    HowMany,
    /// Programs, releases, services, features, transports.
    What,
    /// The old and the odd.
    Odd,
    /// Countries, autonomous systems, cities, ports, crowded prefixes.
    Where,
    /// How long each phase took, and how the crawl went.
    HowWell,
    /// Heights, clocks, what peers say of us and of each other.
    Truth,
    /// Who tells of whom, of a crawl with --edges.
    Graph,
    /// How nodes come, stay and go.
    OverTime,
}

impl Only {
    fn key(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |it| it.get_name().to_owned())
    }
}

impl ReportArgs {
    fn wanted(&self) -> Wanted {
        let is_wanted = |it| self.only.is_empty() || self.only.contains(&it);
        Wanted {
            history: !self.no_history && is_wanted(Only::OverTime),
            places: is_wanted(Only::Where),
        }
    }
}

pub(crate) fn run(args: ReportArgs) -> anyhow::Result<Done> {
    let (store, crawl) = args.chosen.find()?;
    let console = Console::new(false);
    let census = atlas::read_census(&args.atlas, &store, crawl, args.wanted(), console)?;
    if let Some(path) = &args.html {
        output::write_bytes(path, pictures::page(&census).html().as_bytes())?;
        console.say(&format!("{} is written", path.display()));
        return Ok(Done::Well);
    }
    let text = match args.json {
        true => serde_json::to_string_pretty(&census)?,
        false => text(&census, &args.only, console::width()),
    };
    console::print_result(&text)?;
    Ok(Done::Well)
}

fn text(census: &Census, only: &[Only], width: usize) -> String {
    let wanted: Vec<String> = only.iter().map(|it| it.key()).collect();
    let is_wanted = |key: &str| wanted.is_empty() || wanted.iter().any(|it| it == key);
    let summary = is_wanted("summary").then(|| census.summary.to_text(width));
    let chapters = census.chapters();
    let chapters = chapters.iter().filter(|it| is_wanted(it.key));
    let chapters = chapters.filter_map(|it| chapter_text(it, width));
    summary
        .into_iter()
        .chain(chapters)
        .collect::<Vec<_>>()
        .join("\n")
}

/// Returns nothing where there is nothing to tell.
fn chapter_text(chapter: &Chapter, width: usize) -> Option<String> {
    let sections = figures::text::to_text(&chapter.sections, width);
    let title = chapter.title.to_uppercase();
    (!sections.is_empty()).then(|| format!("{title}\n\n{sections}"))
}
