//! Where the store is unless told otherwise.

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

fn in_data_dir(file: &str) -> anyhow::Result<PathBuf> {
    let dirs = directories::ProjectDirs::from("", "", "bitcensus")
        .context("this user has no home directory; say where the store is to be with --db FILE")?;
    Ok(dirs.data_dir().join(file))
}
