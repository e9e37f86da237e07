//! What there is to look addresses up in: files that flags name, else those in the user's data directory.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, bail};
use clap::Args;
use crawl::reverse_dns::{self, Bounds};
use crawl::visit::unix_now;
use proto::PeerAddr;
use record::figures::Census;
use record::places::{Asmap, Databases, Known, MAX_MMDB_BYTES, Mmdb, Names, public_ip};
use record::text::grouped;
use record::{Crawl, SqliteStore, Store};

use crate::console::Console;
use crate::{output, paths};

/// The name of the asmap in the data directory.
pub(crate) const ASMAP_FILE: &str = "asmap.dat";

/// How the files end that are taken from the data directory.
pub(crate) const MMDB_ENDING: &str = "mmdb";

/// Where the names of hosts are kept there.
const NAMES_FILE: &str = "names.tsv";

/// The largest file of names that is read, in bytes: as many as are kept, each as long as can be.
const MAX_NAMES_BYTES: u64 = 32 << 20;

/// The most files that are taken from there; nobody makes more than three kinds of them.
const MAX_MMDBS: usize = 16;

/// What stands before the description in a file of MaxMind's format, which is at its end.
const MMDB_MARKER: &[u8] = b"\xab\xcd\xefMaxMind.com";

/// Flags of everything that says where nodes are.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Where nodes are")]
pub(crate) struct AtlasArgs {
    /// Look AS numbers up in this file of Bitcoin Core's asmap format [default: asmap.dat in the user's data directory,
    /// which `data update` fetches].
    #[arg(long, value_name = "FILE")]
    asmap: Option<PathBuf>,
    /// Look countries, cities, positions and AS numbers up in this file of MaxMind's format; can be given again, and the
    /// first goes first [default: every .mmdb in the user's data directory].
    #[arg(long, value_name = "FILE")]
    mmdb: Vec<PathBuf>,
}

/// The flag of everything that shows the names of hosts.
#[derive(Clone, Copy, Debug, Default, Args)]
#[command(next_help_heading = "Where nodes are")]
pub(crate) struct NamesArgs {
    /// Ask this machine's resolver for the names of hosts, which tells it and its name servers the addresses; answers are
    /// kept for a day.
    #[arg(long)]
    rdns: bool,
}

/// A file that addresses can be looked up in.
#[derive(Debug)]
pub(crate) struct DataFile {
    pub(crate) path: PathBuf,
    pub(crate) modified: Option<SystemTime>,
    pub(crate) database: Database,
}

/// What is in such a file.
#[derive(Debug)]
pub(crate) enum Database {
    Asmap(Asmap),
    Mmdb(Mmdb),
}

impl AtlasArgs {
    /// Opens what is there.
    pub(crate) fn open(&self) -> anyhow::Result<Databases> {
        Ok(databases(self.files()?))
    }

    /// Reads the files that flags name, each of which must be sound, and where they name none those that are found.
    pub(crate) fn files(&self) -> anyhow::Result<Vec<DataFile>> {
        let asmap = self.asmap.iter().map(|it| (it, true));
        let mmdbs = self.mmdb.iter().map(|it| (it, false));
        let mut files = Vec::new();
        for (path, wants_asmap) in asmap.chain(mmdbs) {
            let file = DataFile::read(path)?;
            let path = path.display();
            match (&file.database, wants_asmap) {
                (Database::Asmap(_), false) => bail!("{path} is an asmap: say --asmap {path}"),
                (Database::Mmdb(_), true) => {
                    bail!("{path} is of MaxMind's format: say --mmdb {path}")
                }
                (Database::Asmap(_), true) | (Database::Mmdb(_), false) => files.push(file),
            }
        }
        let found = find(self.asmap.is_none(), self.mmdb.is_empty());
        files.extend(found.iter().filter_map(|path| match DataFile::read(path) {
            Ok(file) => Some(file),
            Err(error) => {
                tracing::warn!("{error:#}; it is left out");
                None
            }
        }));
        Ok(files)
    }
}

/// What is wanted of a census besides the figures of its crawl.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    /// How the network changed up to it.
    pub(crate) history: bool,
    /// Where nodes are: who has nothing to look that up in is told so.
    pub(crate) places: bool,
}

/// Reads a crawl with all its figures.
pub(crate) fn read_census(
    args: &AtlasArgs,
    store: &SqliteStore,
    crawl: Crawl,
    wanted: Wanted,
    console: Console,
) -> anyhow::Result<Census> {
    let databases = args.open()?;
    if let Some(hint) = databases.hint().filter(|_| wanted.places) {
        console.say(&format!("note: {hint}"));
    }
    let atlas = Known::new(store.places_of(crawl.id)?, &databases);
    let census = Census::read(store, crawl, &atlas)?;
    match wanted.history {
        true => Ok(census.with_history(store, &databases)?),
        false => Ok(census),
    }
}

/// Puts files together, the first first.
pub(crate) fn databases(files: Vec<DataFile>) -> Databases {
    let add = |databases: Databases, file: DataFile| match file.database {
        Database::Asmap(asmap) => databases.with_asmap(asmap),
        Database::Mmdb(mmdb) => databases.with_mmdb(mmdb),
    };
    files.into_iter().fold(Databases::default(), add)
}

/// Returns the files in the data directory, in the order of their names.
fn find(asmap: bool, mmdbs: bool) -> Vec<PathBuf> {
    let Ok(dir) = paths::data_dir() else {
        return Vec::new();
    };
    let mut found = Vec::new();
    if asmap && dir.join(ASMAP_FILE).exists() {
        found.push(dir.join(ASMAP_FILE));
    }
    if mmdbs && let Ok(entries) = fs::read_dir(&dir) {
        let paths = entries.filter_map(|it| Some(it.ok()?.path()));
        let is_mmdb = |it: &PathBuf| it.extension().is_some_and(|it| it == MMDB_ENDING);
        let sorted: BTreeSet<_> = paths.filter(is_mmdb).collect();
        found.extend(sorted.into_iter().take(MAX_MMDBS));
    }
    found
}

impl DataFile {
    fn read(path: &Path) -> anyhow::Result<DataFile> {
        let read = || {
            let bytes = read_bounded(path, MAX_MMDB_BYTES)?;
            let database = Database::parse(bytes)?;
            let modified = path.metadata().and_then(|it| it.modified()).ok();
            anyhow::Ok((database, modified))
        };
        let (database, modified) = read().with_context(|| path.display().to_string())?;
        Ok(DataFile {
            path: path.to_owned(),
            modified,
            database,
        })
    }
}

impl Database {
    /// Takes a file for what it says that it is.
    pub(crate) fn parse(bytes: Vec<u8>) -> anyhow::Result<Database> {
        let mut windows = bytes.windows(MMDB_MARKER.len());
        // From its end, where it is.
        let is_mmdb = windows.rfind(|it| *it == MMDB_MARKER).is_some();
        if is_mmdb {
            return Ok(Database::Mmdb(Mmdb::parse(bytes)?));
        }
        let asmap = Asmap::parse(bytes);
        Ok(Database::Asmap(asmap.map_err(|error| {
            anyhow::anyhow!("no file of MaxMind's format, and {error}")
        })?))
    }
}

impl NamesArgs {
    /// Whether names are asked for.
    pub(crate) fn are_wanted(self) -> bool {
        self.rdns
    }

    /// Adds the names of hosts to the databases, if that is asked for.
    pub(crate) fn add_names<'a>(
        self,
        databases: Databases,
        addrs: impl IntoIterator<Item = &'a PeerAddr>,
        console: Console,
    ) -> anyhow::Result<Databases> {
        if !self.rdns {
            return Ok(databases);
        }
        let path = paths::data_dir()?.join(NAMES_FILE);
        let now_s = i64::try_from(unix_now().as_secs())?;
        let mut names = read_names(&path, now_s);
        let ips = addrs.into_iter().filter_map(public_ip);
        let unknown: BTreeSet<_> = ips.filter(|it| !names.knows(*it)).collect();
        if !unknown.is_empty() {
            let n_unknown = grouped(unknown.len());
            console.say(&format!("names to ask the resolver for: {n_unknown}"));
            let answers = reverse_dns::ask_system(unknown, &Bounds::default())
                .context("the resolver cannot be asked")?;
            for (ip, name) in answers.names {
                names.learn(ip, name, now_s);
            }
            let n_without = answers.n_failed + answers.n_left;
            if n_without > 0 {
                let n_without = grouped(n_without);
                console.say(&format!("names that it did not tell: {n_without}"));
            }
            if let Err(error) = replace(&path, names.to_text().as_bytes()) {
                tracing::warn!("{error:#}; the names are not kept");
            }
        }
        Ok(databases.with_names(names))
    }
}

/// Reads the names that were told before: none where they cannot be read.
fn read_names(path: &Path, now_s: i64) -> Names {
    match read_bounded(path, MAX_NAMES_BYTES) {
        Ok(bytes) => Names::parse(&String::from_utf8_lossy(&bytes), now_s),
        Err(error) => {
            if error.kind() != ErrorKind::NotFound {
                tracing::warn!("{}: {error}", path.display());
            }
            Names::default()
        }
    }
}

fn read_bounded(path: &Path, max_bytes: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(max_bytes + 1)
        .read_to_end(&mut bytes)?;
    match bytes.len() as u64 > max_bytes {
        true => Err(std::io::Error::other(format!(
            "it has more than {max_bytes} bytes"
        ))),
        false => Ok(bytes),
    }
}

/// Writes a file of the data directory, and makes that directory where it is not there.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    if let Some(dir) = path.parent() {
        let made = fs::create_dir_all(dir);
        made.with_context(|| format!("{} cannot be made", dir.display()))?;
    }
    output::write_bytes(path, bytes)
}
