//! A list as text, piece by piece: U+FFFD stands for what is no UTF-8, and no row takes more memory than it may.

use std::cell::Cell;
use std::io::{self, BufRead, Read};
use std::rc::Rc;

/// The most bytes of one row: a visit with the longest `version` that is kept, in hexadecimal digits and as text.
pub(crate) const MAX_ROW: usize = 1 << 20;

/// The most bytes that become text at once: what is in memory already is not copied as a whole.
const PIECE: usize = 16 * 1024;

/// Where in a text its reader is.
#[derive(Debug)]
pub(crate) struct Place {
    line: Cell<usize>,
    /// How many bytes may still be read.
    left: Cell<usize>,
    is_too_long: Cell<bool>,
}

impl Place {
    /// The line of what was read last, counted from 1.
    pub(crate) fn line(&self) -> usize {
        self.line.get()
    }

    /// Allows for one more row: up to [`MAX_ROW`] bytes, and what a reader takes in advance.
    pub(crate) fn begin_row(&self, in_advance: usize) {
        self.left.set(MAX_ROW + in_advance);
    }

    /// Allows for whatever comes behind a row.
    pub(crate) fn end_row(&self) {
        self.left.set(usize::MAX);
    }

    /// Whether reading ended because of a row that is longer than rows may be.
    pub(crate) fn is_too_long(&self) -> bool {
        self.is_too_long.get()
    }
}

/// Reads bytes as text.
#[derive(Debug)]
pub(crate) struct Text<R> {
    inner: R,
    /// Bytes that are not yet text: the beginning of a character whose end is to come.
    raw: Vec<u8>,
    text: Vec<u8>,
    /// How much of `text` is consumed.
    at: usize,
    place: Rc<Place>,
}

impl<R: BufRead> Text<R> {
    pub(crate) fn new(inner: R) -> Text<R> {
        let place = Place {
            line: Cell::new(1),
            left: Cell::new(usize::MAX),
            is_too_long: Cell::new(false),
        };
        Text {
            inner,
            raw: Vec::new(),
            text: Vec::new(),
            at: 0,
            place: Rc::new(place),
        }
    }

    pub(crate) fn place(&self) -> Rc<Place> {
        Rc::clone(&self.place)
    }

    /// Reads on until there is text, or an end.
    fn refill(&mut self) -> io::Result<()> {
        self.text.clear();
        self.at = 0;
        while self.text.is_empty() {
            let bytes = self.inner.fill_buf()?;
            let n_read = bytes.len().min(PIECE);
            self.raw.extend_from_slice(&bytes[..n_read]);
            self.inner.consume(n_read);
            let n_done = append_text(&mut self.text, &self.raw, n_read == 0);
            self.raw.drain(..n_done);
            if n_read == 0 {
                break;
            }
        }
        Ok(())
    }
}

/// Appends `bytes` as text, but for a last character whose end may be to come; returns how many bytes that took.
fn append_text(text: &mut Vec<u8>, bytes: &[u8], is_end: bool) -> usize {
    let mut rest = bytes;
    loop {
        let Err(error) = std::str::from_utf8(rest) else {
            text.extend_from_slice(rest);
            return bytes.len();
        };
        let (good, bad) = rest.split_at(error.valid_up_to());
        text.extend_from_slice(good);
        let n_bad = match error.error_len() {
            Some(n_bad) => n_bad,
            None if is_end => bad.len(),
            None => return bytes.len() - bad.len(),
        };
        text.extend_from_slice("\u{fffd}".as_bytes());
        rest = &bad[n_bad..];
    }
}

impl<R: BufRead> BufRead for Text<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.place.left.get() == 0 {
            self.place.is_too_long.set(true);
            return Err(io::Error::other("a row is too long"));
        }
        if self.at == self.text.len() {
            self.refill()?;
        }
        Ok(&self.text[self.at..])
    }

    fn consume(&mut self, n: usize) {
        let end = (self.at + n).min(self.text.len());
        let consumed = &self.text[self.at..end];
        let n_lines = consumed.iter().filter(|&&it| it == b'\n').count();
        self.place.line.set(self.place.line.get() + n_lines);
        let left = self.place.left.get();
        self.place.left.set(left.saturating_sub(consumed.len()));
        self.at = end;
    }
}

impl<R: BufRead> Read for Text<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        // JSON is read byte by byte.
        if let ([out], Some(&byte), left @ 1..) =
            (&mut *out, self.text.get(self.at), self.place.left.get())
        {
            *out = byte;
            self.at += 1;
            self.place.left.set(left - 1);
            if byte == b'\n' {
                self.place.line.set(self.place.line.get() + 1);
            }
            return Ok(1);
        }
        let text = self.fill_buf()?;
        let n = text.len().min(out.len());
        out[..n].copy_from_slice(&text[..n]);
        self.consume(n);
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::BufReader;

    proptest! {
        #[test]
        fn any_bytes_in_any_pieces_are_the_same_text(bytes: Vec<u8>, piece in 1usize..9) {
            let mut seen = Vec::new();
            let mut text = Text::new(BufReader::with_capacity(piece, &bytes[..]));
            text.read_to_end(&mut seen).unwrap();
            let seen = String::from_utf8(seen).unwrap();
            prop_assert_eq!(String::from_utf8_lossy(&bytes), seen);
            let n_lines = bytes.iter().filter(|&&it| it == b'\n').count();
            prop_assert_eq!(text.place().line(), n_lines + 1);
        }
    }

    #[test]
    fn a_row_has_a_bound() {
        let bytes = vec![b'x'; 3 * MAX_ROW];
        let mut text = Text::new(&bytes[..]);
        text.place().begin_row(0);
        let mut row = Vec::new();
        let read = (&mut text).take(MAX_ROW as u64).read_to_end(&mut row);
        assert_eq!(read.unwrap(), MAX_ROW);
        assert!(text.read(&mut [0]).is_err());
        assert!(text.place().is_too_long());
    }
}
