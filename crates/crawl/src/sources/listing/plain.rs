//! Plain lists: one address a line, whatever else the line holds.

use proto::PeerAddr;

use super::skipped::Skipped;
use super::{Format, ListReport, ListedNode};

/// Reads the first column of every line that is neither blank nor a comment.
pub(super) fn read(text: &[u8], default_port: u16, mut each: impl FnMut(ListedNode)) -> ListReport {
    let mut n_read = 0;
    let mut skipped = Skipped::default();
    for (n_before, line) in text.split(|&byte| byte == b'\n').enumerate() {
        let Some(column) = first_column(line) else {
            continue;
        };
        match PeerAddr::parse(&String::from_utf8_lossy(column), default_port) {
            Ok(addr) => {
                n_read += 1;
                each(ListedNode { addr, said: None });
            }
            Err(why) => skipped.push(why, || (n_before + 1, String::from_utf8_lossy(line))),
        }
    }
    ListReport {
        format: Format::Plain,
        n_read,
        skipped,
    }
}

/// Returns what stands before the first white space or `#`, if anything does.
fn first_column(line: &[u8]) -> Option<&[u8]> {
    let line = line.trim_ascii_start();
    let end = line
        .iter()
        .position(|byte| byte.is_ascii_whitespace() || *byte == b'#')
        .unwrap_or(line.len());
    (end > 0).then(|| &line[..end])
}
