//! Unpacking gzip, recognised by its first two bytes.

use std::io::{self, Read};

use flate2::read::MultiGzDecoder;
use tokio::task::spawn_blocking;

use super::FetchError;
use crate::sources::Source;

/// The first two bytes of every gzip member (RFC 1952).
const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// The most times that a list may be packed: `seeds.txt.gz`, packed once more by the server that sends it.
const MAX_LAYERS: usize = 2;

/// Unpacks what is gzip, beside the runtime, and returns anything else as it is.
pub(super) async fn unpack(
    bytes: Vec<u8>,
    max_bytes: u64,
    source: &Source,
) -> Result<Vec<u8>, FetchError> {
    if !bytes.starts_with(&MAGIC) {
        return Ok(bytes);
    }
    let unpacked = spawn_blocking(move || unpack_layers(bytes, max_bytes)).await;
    let from = source.to_string();
    match unpacked.unwrap_or_else(|error| Err(io::Error::other(error))) {
        Ok(Some(bytes)) => Ok(bytes),
        Ok(None) => Err(FetchError::TooLarge { from, max_bytes }),
        Err(why) => Err(FetchError::Gzip { from, why }),
    }
}

/// Returns `None` where more than `max_bytes` come out.
fn unpack_layers(mut bytes: Vec<u8>, max_bytes: u64) -> io::Result<Option<Vec<u8>>> {
    for _ in 0..MAX_LAYERS {
        if !bytes.starts_with(&MAGIC) {
            break;
        }
        let mut unpacked = Vec::new();
        MultiGzDecoder::new(&bytes[..])
            .take(max_bytes.saturating_add(1))
            .read_to_end(&mut unpacked)?;
        if unpacked.len() as u64 > max_bytes {
            return Ok(None);
        }
        bytes = unpacked;
    }
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::fetch::test_server::gzip;
    use proptest::prelude::*;

    #[tokio::test]
    async fn gzip_is_unpacked_up_to_two_layers() {
        let list = b"1.2.3.4:8333\n";
        check(list, "1.2.3.4:8333\n").await;
        check(&gzip(list), "1.2.3.4:8333\n").await;
        check(&gzip(&gzip(list)), "1.2.3.4:8333\n").await;
        check(
            &[gzip(b"1.2.3.4\n"), gzip(b"5.6.7.8\n")].concat(),
            "1.2.3.4\n5.6.7.8\n",
        )
        .await;
    }

    #[tokio::test]
    async fn a_bomb_is_stopped_at_the_bound() {
        check(&gzip(&[b'\n'; 100]), &"\n".repeat(100)).await;
        let too_large = "standard input has more than 100 bytes; is it a node list?";
        check(&gzip(&[b'\n'; 101]), too_large).await;
        check(&gzip(&vec![b'\n'; 5_000_000]), too_large).await;
        check(&gzip(&gzip(&vec![b'\n'; 50_000])), too_large).await;
    }

    #[tokio::test]
    async fn damaged_gzip_says_so() {
        check(
            &gzip(b"1.2.3.4:8333\n")[..5],
            "standard input is damaged gzip: unexpected end of file; fetch it again",
        )
        .await;
        let mut changed = gzip(b"1.2.3.4:8333\n");
        *changed.last_mut().unwrap() ^= 1;
        check(
            &changed,
            "standard input is damaged gzip: corrupt gzip stream does not have a matching checksum; fetch it again",
        )
        .await;
    }

    proptest! {
        #[test]
        fn any_bytes_after_the_magic_are_unpacked_or_an_error(bytes: Vec<u8>) {
            let _ = unpack_layers([&MAGIC[..], &bytes].concat(), 1_000);
        }
    }

    async fn check(bytes: &[u8], expected: &str) {
        let seen = match unpack(bytes.to_vec(), 100, &Source::Stdin).await {
            Ok(bytes) => String::from_utf8(bytes).unwrap(),
            Err(error) => error.to_string(),
        };
        assert_eq!(seen, expected);
    }
}
