//! `export`: what a crawl found, for other programs.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, ValueEnum};
use record::export::bitnodes::SnapshotBuilder;
use record::export::ndjson;
use record::{Crawl, SqliteStore, Store};

use crate::Done;
use crate::chosen::ChosenArgs;

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// The format.
    #[arg(value_enum)]
    format: Format,
    /// Write to this file instead of stdout; it is there only once it is whole.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    chosen: ChosenArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// One JSON object a visited address, with everything it said and how the call went.
    Ndjson,
    /// The shape of bitnodes' API: {"timestamp", "total_nodes", "latest_height", "nodes": {"ADDR:PORT": [13 values]}}.
    Bitnodes,
}

pub(crate) fn run(args: ExportArgs) -> anyhow::Result<Done> {
    let (store, crawl) = args.chosen.find()?;
    match &args.output {
        None => write(
            args.format,
            &store,
            &crawl,
            &mut BufWriter::new(std::io::stdout().lock()),
        )?,
        Some(path) => {
            let dir = path.parent().filter(|it| !it.as_os_str().is_empty());
            let unfinished = tempfile::NamedTempFile::new_in(dir.unwrap_or(".".as_ref()))
                .with_context(|| format!("{} can not be written", path.display()))?;
            let mut out: BufWriter<&File> = BufWriter::new(unfinished.as_file());
            write(args.format, &store, &crawl, &mut out)?;
            drop(out);
            unfinished
                .persist(path)
                .with_context(|| format!("{} can not be written", path.display()))?;
        }
    }
    Ok(Done::Well)
}

fn write(
    format: Format,
    store: &SqliteStore,
    crawl: &Crawl,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    match format {
        Format::Ndjson => {
            ndjson::write_crawl(store, crawl.id, out)?;
        }
        Format::Bitnodes => {
            let mut builder = SnapshotBuilder::default();
            store.read_last_visits(crawl.id, &mut |visit| {
                builder.add(&visit);
                Ok(())
            })?;
            let taken_at_us = crawl.finished_at_us.unwrap_or(crawl.started_at_us);
            let snapshot = builder.finish(taken_at_us.div_euclid(1_000_000));
            snapshot.write(out)?;
        }
    }
    out.flush()?;
    Ok(())
}
