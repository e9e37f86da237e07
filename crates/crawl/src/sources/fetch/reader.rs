//! Files and standard input, read on a thread of their own.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::thread;

use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use super::FetchError;
use super::gather::Gathered;

/// Bytes read at a time.
const PIECE: usize = 64 << 10;

/// Pieces that may wait to be gathered.
const PIECES_WAITING: usize = 4;

/// Reads a file; its size is checked before its content is touched.
pub(super) async fn read_file(
    path: &Path,
    mut gathered: Gathered<'_>,
) -> Result<Vec<u8>, FetchError> {
    let path = path.to_owned();
    // Opening a named pipe waits for its writer.
    let opened = spawn_blocking(move || {
        let file = File::open(path)?;
        Ok((file.metadata()?, file))
    });
    let opened = opened
        .await
        .unwrap_or_else(|error| Err(io::Error::other(error)));
    let (metadata, file) = opened.map_err(|why| FetchError::Read {
        from: gathered.from.clone(),
        why,
    })?;
    // Pipes and devices say 0, whatever they hold.
    gathered.announce(metadata.is_file().then_some(metadata.len()))?;
    read_all(file, gathered).await
}

/// Reads to the end, or to the bound.
pub(super) async fn read_all(
    reader: impl Read + Send + 'static,
    mut gathered: Gathered<'_>,
) -> Result<Vec<u8>, FetchError> {
    let mut pieces = read_pieces(reader);
    while let Some(piece) = pieces.recv().await {
        match piece {
            Ok(piece) => gathered.push(&piece)?,
            Err(why) => {
                let from = gathered.from;
                return Err(FetchError::Read { from, why });
            }
        }
    }
    Ok(gathered.finish())
}

/// A plain thread, because a program may end while it still waits for standard input.
fn read_pieces(mut reader: impl Read + Send + 'static) -> mpsc::Receiver<io::Result<Vec<u8>>> {
    let (pieces, inbox) = mpsc::channel(PIECES_WAITING);
    thread::spawn(move || {
        let mut buffer = vec![0; PIECE];
        loop {
            let piece = match reader.read(&mut buffer) {
                Ok(0) => return,
                Ok(n) => Ok(buffer[..n].to_vec()),
                Err(why) if why.kind() == io::ErrorKind::Interrupted => continue,
                Err(why) => Err(why),
            };
            let failed = piece.is_err();
            // Nobody wants the rest: the bound is passed, or the command is over.
            if pieces.blocking_send(piece).is_err() || failed {
                return;
            }
        }
    });
    inbox
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::Source;
    use crate::sources::fetch::test_server::gzip;
    use crate::sources::fetch::{FetchConfig, load};
    use std::fs;

    #[tokio::test]
    async fn a_file_is_read_and_unpacked() {
        check("list.txt", b"1.2.3.4:8333\n", "13 of 13: 1.2.3.4:8333\n").await;
        check("empty.txt", b"", ": ").await;
        check(
            "list.txt.gz",
            &gzip(b"1.2.3.4:8333\n"),
            "33 of 33: 1.2.3.4:8333\n",
        )
        .await;
    }

    #[tokio::test]
    async fn a_file_beyond_the_bound_is_not_read() {
        check(
            "large",
            &[b'\n'; 101],
            ": DIR/large has more than 100 bytes; is it a node list?",
        )
        .await;
    }

    #[tokio::test]
    async fn what_cannot_be_read_says_so() {
        check("", b"", ": cannot read DIR/: Is a directory (os error 21)").await;
        let error = load(&Source::File("/no/such".into()), &config(), &mut |_| ()).await;
        assert_eq!(
            error.unwrap_err().to_string(),
            "cannot read /no/such: No such file or directory (os error 2); a source is `dns`, `-`, a file or a URL"
        );
    }

    #[tokio::test]
    async fn a_stream_without_an_end_is_stopped_at_the_bound() {
        let mut on_progress = |_| ();
        let gathered = Gathered::new(&Source::Stdin, 1_000_000, &mut on_progress);
        let error = read_all(io::repeat(b'\n'), gathered).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "standard input has more than 1000000 bytes; is it a node list?"
        );
    }

    fn config() -> FetchConfig {
        FetchConfig {
            max_bytes: 100,
            ..FetchConfig::default()
        }
    }

    async fn check(name: &str, content: &[u8], expected: &str) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        if !name.is_empty() {
            fs::write(&path, content).unwrap();
        }
        let mut progress = Vec::new();
        let loaded = load(&Source::File(path), &config(), &mut |it| {
            progress.push(format!("{} of {}", it.received, it.total.unwrap()));
        })
        .await;
        let seen = match loaded {
            Ok(bytes) => String::from_utf8(bytes).unwrap(),
            Err(error) => error.to_string(),
        };
        let seen = format!("{}: {seen}", progress.join(", "));
        assert_eq!(
            seen.replace(&dir.path().display().to_string(), "DIR"),
            expected
        );
    }
}
