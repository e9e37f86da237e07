//! Files that commands write: there whole, or not at all.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use anyhow::Context;
use tempfile::NamedTempFile;

/// Writes a file; one that is there already is replaced once the new one is whole, and a device or a pipe is written to.
pub(crate) fn write_file<T>(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<&File>) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let cannot = || format!("{} cannot be written", path.display());
    if path.metadata().is_ok_and(|it| !it.is_file()) {
        let file = File::options()
            .write(true)
            .open(path)
            .with_context(cannot)?;
        return through(&file, write);
    }
    let unfinished = begin_beside(path).with_context(cannot)?;
    let written = through(unfinished.as_file(), write)?;
    unfinished.persist(path).with_context(cannot)?;
    Ok(written)
}

/// Writes a file that is in memory.
pub(crate) fn write_bytes(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    write_file(path, |out| {
        let written = out.write_all(bytes);
        written.with_context(|| format!("{} cannot be written", path.display()))
    })
}

/// Fails where a file could not be written; one that is there already stays as it is.
pub(crate) fn check(path: &Path) -> anyhow::Result<()> {
    if !path.metadata().is_ok_and(|it| !it.is_file()) {
        let begun = begin_beside(path);
        begun.with_context(|| format!("{} cannot be written", path.display()))?;
    }
    Ok(())
}

fn through<T>(
    file: &File,
    write: impl FnOnce(&mut BufWriter<&File>) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let mut out = BufWriter::new(file);
    let written = write(&mut out)?;
    out.flush()?;
    Ok(written)
}

/// Makes a file beside `path` that those may read who may read any new file: the umask decides.
fn begin_beside(path: &Path) -> io::Result<NamedTempFile> {
    let dir = path.parent().filter(|it| !it.as_os_str().is_empty());
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(dir.unwrap_or(".".as_ref()))
}
