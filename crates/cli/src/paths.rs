//! Where the store and the files that addresses are looked up in are unless told otherwise.

use std::path::PathBuf;

use anyhow::Context;

/// Returns the path of the default store, in the user's data directory.
pub(crate) fn default_db() -> anyhow::Result<PathBuf> {
    in_data_dir("census.db")
}

/// Returns the path of the store that `demo` fills.
pub(crate) fn demo_db() -> anyhow::Result<PathBuf> {
    in_data_dir("demo.db")
}

/// Returns the user's data directory for this program, which need not be there.
pub(crate) fn data_dir() -> anyhow::Result<PathBuf> {
    let dirs = directories::ProjectDirs::from("", "", "bitcensus")
        .context("this user has no home directory; name files with flags, as --db FILE")?;
    Ok(dirs.data_dir().to_owned())
}

fn in_data_dir(file: &str) -> anyhow::Result<PathBuf> {
    Ok(data_dir()?.join(file))
}
