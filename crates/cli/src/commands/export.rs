//! `export`: what a crawl found, for other programs.

use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::PathBuf;

use anyhow::ensure;
use clap::{Args, ValueEnum};
use crawl::visit::{micros, unix_now};
use listing::write::Form;
use proto::{PeerAddr, Visit};
use record::export::bitnodes::SnapshotBuilder;
use record::export::listed::{self, Reckoned};
use record::export::{csv, edges, ndjson, nebula, parquet, sessions};
use record::places::{Atlas, Known};
use record::{Crawl, SqliteStore, Store};

use crate::atlas::{AtlasArgs, NamesArgs};
use crate::chosen::ChosenArgs;
use crate::console::Console;
use crate::reckoned::{self, Reckon};
use crate::{Done, output};

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// The format.
    #[arg(value_enum)]
    format: Format,
    /// Write to this file instead of stdout; it is there only once it is whole.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Put a ' before texts in CSV that a spreadsheet would take for a formula.
    #[arg(long)]
    harmless: bool,
    #[command(flatten)]
    chosen: ChosenArgs,
    #[command(flatten)]
    atlas: AtlasArgs,
    #[command(flatten)]
    names: NamesArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One JSON object a visited address, with everything it said and how the call went.
    Ndjson,
    /// The same as a table, RFC 4180.
    Csv,
    /// The same as a Parquet file packed with zstd, with types and units, for DuckDB and pandas.
    Parquet,
    /// The shape of bitnodes' API: {"timestamp", "total_nodes", "latest_height", "nodes": {"ADDR:PORT": [13 values]}}.
    Bitnodes,
    /// The rows of bitnodes' export.py: [[address, port, 13 values]].
    BitnodesExport,
    /// The rows of bitnodes' crawl.py: [[address, port, services, height]].
    BitnodesCrawl,
    /// The daily CSV of bitnod.es.
    BitnodEs,
    /// The dump of sipa's DNS seeder, which Bitcoin Core's makeseeds.py reads.
    Sipa,
    /// The dump of dnsseedrs, which makeseeds.py reads too; with nodes that were not reached.
    Dnsseedrs,
    /// Bitcoin Core's nodes_main.txt: 1.2.3.4:8333 # AS123.
    Seeds,
    /// The CSV of reachable nodes of virtu's p2p-crawler.
    Virtu,
    /// The CSV of peer-observer's connectivity check; with nodes that were not reached.
    PeerObserver,
    /// Visits in the shape of nebula's ndjson.
    Nebula,
    /// Who told of whom in the shape of nebula's ndjson, of a crawl with --edges.
    NebulaNeighbors,
    /// Who told whom, of a crawl with --edges: {"from", "to", "time", "services"}, one JSON object a claim.
    Edges,
    /// When nodes of the chain were up, by all its crawls: {"address", "network", "up_from", "up_to", "ended"}, one JSON
    /// object a session.
    Sessions,
}

impl Format {
    fn is_csv(self) -> bool {
        matches!(
            self,
            Format::Csv | Format::BitnodEs | Format::Virtu | Format::PeerObserver
        )
    }
}

pub(crate) fn run(args: ExportArgs) -> anyhow::Result<Done> {
    ensure!(
        !args.harmless || args.format.is_csv(),
        "--harmless is for the formats that are CSV: csv, bitnod-es, virtu and peer-observer"
    );
    let is_terminal = args.output.is_none() && io::stdout().is_terminal();
    ensure!(
        !is_terminal || args.format != Format::Parquet,
        "a terminal can not show Parquet; say where it is to go with --output FILE"
    );
    let (store, crawl) = args.chosen.find()?;
    let console = Console::new(false);
    let databases = args.atlas.open()?;
    let databases = match args.names.are_wanted() {
        true => args
            .names
            .add_names(databases, &reachable(&store, &crawl)?, console)?,
        false => databases,
    };
    let atlas = Known::new(store.places_of(crawl.id)?, databases);
    let reckon = match args.format {
        Format::Sipa | Format::Dnsseedrs => reckoned::reckon(&store, &crawl)?,
        _ => Box::new(|_: &Visit| Reckoned::default()), // They have no room for it.
    };
    let export = Export {
        format: args.format,
        is_harmless: args.harmless,
        store,
        crawl,
        atlas: Box::new(atlas),
        reckon,
    };
    match &args.output {
        // Not locked: what is written may come from another thread. Nobody else prints meanwhile.
        None => export.write(&mut BufWriter::new(io::stdout()))?,
        Some(path) => output::write_file(path, |out| export.write(out))?,
    }
    Ok(Done::Well)
}

fn reachable(store: &SqliteStore, crawl: &Crawl) -> anyhow::Result<Vec<PeerAddr>> {
    let mut reachable = Vec::new();
    store.read_sightings(crawl.id, &mut |it| {
        reachable.extend(it.said.is_some().then_some(it.addr));
        Ok(())
    })?;
    Ok(reachable)
}

/// What is to be written, and all that it is made of.
struct Export {
    format: Format,
    is_harmless: bool,
    store: SqliteStore,
    crawl: Crawl,
    /// Where addresses are.
    atlas: Box<dyn Atlas>,
    /// What earlier visits say of the node of a visit.
    reckon: Reckon,
}

impl Export {
    fn write(&self, out: &mut (impl Write + Send)) -> anyhow::Result<()> {
        let Export { store, crawl, .. } = self;
        let atlas = &*self.atlas;
        match self.format {
            Format::Ndjson => ndjson::write_crawl(store, crawl.id, atlas, out)?,
            Format::Csv => csv::write_crawl(store, crawl.id, atlas, self.is_harmless, out)?,
            Format::Parquet => parquet::write_crawl(store, crawl, atlas, out)?,
            Format::Bitnodes => self.write_snapshot(out)?,
            Format::BitnodesExport => self.write_list(Form::BitnodesExport, out)?,
            Format::BitnodesCrawl => self.write_list(Form::BitnodesCrawl, out)?,
            Format::BitnodEs => self.write_list(Form::BitnodEs, out)?,
            Format::Sipa => self.write_list(Form::Sipa, out)?,
            Format::Dnsseedrs => self.write_list(Form::Dnsseedrs, out)?,
            Format::Seeds => self.write_list(Form::Seeds, out)?,
            Format::Virtu => self.write_list(Form::Virtu, out)?,
            Format::PeerObserver => self.write_list(Form::PeerObserver, out)?,
            Format::Nebula => nebula::write_visits(store, crawl.id, out)?,
            Format::NebulaNeighbors => nebula::write_neighbors(store, crawl.id, out)?,
            Format::Edges => edges::write_crawl(store, crawl.id, out)?,
            Format::Sessions => {
                let now_us = micros(unix_now());
                sessions::write_chain(store, crawl.chain, i64::MIN, now_us, out)?
            }
        };
        Ok(())
    }

    fn write_list(&self, form: Form, out: &mut impl Write) -> anyhow::Result<u64> {
        let Export { store, crawl, .. } = self;
        let atlas = &*self.atlas;
        let n_rows = listed::write_crawl(
            store,
            crawl.id,
            form,
            self.is_harmless,
            atlas,
            &*self.reckon,
            out,
        )?;
        Ok(n_rows)
    }

    fn write_snapshot(&self, out: &mut impl Write) -> anyhow::Result<u64> {
        let mut builder = SnapshotBuilder::default();
        self.store.read_last_visits(self.crawl.id, &mut |visit| {
            builder.add(&visit, self.atlas.place(&visit.addr));
            Ok(())
        })?;
        let taken_at_us = self.store.ended_at_us(&self.crawl)?;
        let snapshot = builder.finish(taken_at_us.div_euclid(1_000_000));
        snapshot.write(out)?;
        Ok(snapshot.total_nodes as u64)
    }
}
