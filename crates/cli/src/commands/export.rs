//! `export`: what a crawl found, for other programs.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, ValueEnum};
use crawl::visit::{micros, unix_now};
use record::export::bitnodes::SnapshotBuilder;
use record::export::{edges, ndjson, sessions};
use record::{Crawl, SqliteStore, Store};
use tempfile::NamedTempFile;

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
    /// Who told whom, of a crawl with --edges: {"from", "to", "time", "services"}, one JSON object a claim.
    Edges,
    /// When nodes of the chain were up, by all its crawls: {"address", "network", "up_from", "up_to", "ended"}, one JSON
    /// object a session.
    Sessions,
}

pub(crate) fn run(args: ExportArgs) -> anyhow::Result<Done> {
    let (store, crawl) = args.chosen.find()?;
    match &args.output {
        None => write(
            args.format,
            &store,
            &crawl,
            &mut BufWriter::new(io::stdout().lock()),
        )?,
        // A device or a pipe is written to, not replaced.
        Some(path) if path.metadata().is_ok_and(|it| !it.is_file()) => {
            let out = File::options().write(true).open(path);
            let out = out.with_context(|| format!("{} cannot be written", path.display()))?;
            write(args.format, &store, &crawl, &mut BufWriter::new(out))?;
        }
        Some(path) => {
            let unfinished = begin_beside(path)
                .with_context(|| format!("{} cannot be written", path.display()))?;
            let mut out: BufWriter<&File> = BufWriter::new(unfinished.as_file());
            write(args.format, &store, &crawl, &mut out)?;
            drop(out);
            unfinished
                .persist(path)
                .with_context(|| format!("{} cannot be written", path.display()))?;
        }
    }
    Ok(Done::Well)
}

/// Makes a file beside `path` that those may read who may read any new file: the umask decides.
fn begin_beside(path: &Path) -> io::Result<NamedTempFile> {
    let dir = path.parent().filter(|it| !it.as_os_str().is_empty());
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(dir.unwrap_or(".".as_ref()))
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
        Format::Edges => {
            edges::write_crawl(store, crawl.id, out)?;
        }
        Format::Sessions => {
            let now_us = micros(unix_now());
            sessions::write_chain(store, crawl.chain, i64::MIN, now_us, out)?;
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
