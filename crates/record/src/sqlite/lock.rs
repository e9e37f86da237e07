//! Who may crawl into a store: the process that holds the file beside it.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use crate::store::StoreError;

/// The right to crawl into a store; the system takes it back when the process ends, however it ends.
#[derive(Debug)]
pub struct CrawlLock {
    _file: File,
}

/// How often to ask for the lock: a reader that looks whether a crawl runs holds it for a moment.
const ATTEMPTS: u32 = 5;
/// How long to wait between two attempts.
const PAUSE: Duration = Duration::from_millis(20);

/// Takes the right to crawl into the store at `path`, or says who has it.
pub fn lock_for_crawl(path: &Path) -> Result<CrawlLock, StoreError> {
    let lock_path = lock_path(path);
    let in_lock = |error| in_file(&lock_path, error);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(|error| in_file(parent, error))?;
    }
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&lock_path)
        .map_err(in_lock)?;
    for attempt in 1..=ATTEMPTS {
        match file.try_lock() {
            Ok(()) => {
                sign(&mut file).map_err(in_lock)?;
                return Ok(CrawlLock { _file: file });
            }
            Err(TryLockError::WouldBlock) if attempt < ATTEMPTS => sleep(PAUSE),
            Err(TryLockError::WouldBlock) => break,
            Err(TryLockError::Error(error)) => return Err(in_lock(error)),
        }
    }
    Err(StoreError::Locked {
        store: path.display().to_string(),
        holder: holder(&mut file, &lock_path),
    })
}

/// Returns whether some process holds the right to crawl into the store at `path`.
pub(super) fn is_held(path: &Path) -> bool {
    let Ok(file) = File::open(lock_path(path)) else {
        return false; // No crawl ever held it.
    };
    matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
}

fn lock_path(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".lock");
    PathBuf::from(name)
}

/// Writes down who holds the lock, for whoever finds it taken.
fn sign(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    write!(file, "{}", std::process::id())
}

fn holder(file: &mut File, lock_path: &Path) -> String {
    let mut text = String::new();
    let by = match file.read_to_string(&mut text) {
        Ok(_) => text.trim().parse::<u32>().ok(),
        Err(_) => None,
    };
    match by {
        Some(process) => format!("process {process}"),
        None => format!("it holds {}", lock_path.display()),
    }
}

fn in_file(path: &Path, why: io::Error) -> StoreError {
    let store = path.display().to_string();
    match why.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            StoreError::ReadOnly { store }
        }
        io::ErrorKind::StorageFull => StoreError::Full { store },
        _ => StoreError::Io { store, why },
    }
}
