//! Lists in JSON, read one row at a time.
//!
//! A row is first cut out as raw text and then read by itself, so that a strange one costs only itself.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::row::{self, RowError};
use super::skipped::Skipped;
use super::{Format, ListError, ListReport, ListedNode};

/// Tells JSON from a plain list, which may also start with a bracket: `[2a01::1]:8333`.
pub(super) fn is_json(text: &[u8]) -> bool {
    let text = text.trim_ascii_start();
    match text.split_first() {
        Some((b'{', _)) => true,
        Some((b'[', rest)) => match rest.trim_ascii_start().first() {
            Some(byte) => !(byte.is_ascii_hexdigit() || *byte == b':'),
            None => true,
        },
        _ => false,
    }
}

/// Reads a whole JSON list, after a look at whether it is JSON to its end.
pub(super) fn read(
    text: &str,
    default_port: u16,
    each: impl FnMut(ListedNode),
) -> Result<ListReport, ListError> {
    let Err(error) = serde_json::from_str::<IgnoredAny>(text) else {
        let mut rows = Rows::new(text, default_port, each);
        // Whatever is well-formed is read to its end: odd values are skipped, not refused.
        let _ = rows.read_top();
        return Ok(rows.report());
    };
    let mut rows = Rows::new(text, default_port, |_| ());
    let _ = rows.read_top();
    Err(ListError::Json {
        line: error.line(),
        column: error.column(),
        n_read: rows.n_read,
        why: without_place(&error),
    })
}

/// `serde_json` ends its messages with the place, which our own message names already.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

/// The rows of one text, as far as they are read.
struct Rows<'t, F> {
    text: &'t str,
    default_port: u16,
    each: F,
    format: Option<Format>,
    n_read: usize,
    skipped: Skipped,
    lines: Lines<'t>,
}

impl<'t, F: FnMut(ListedNode)> Rows<'t, F> {
    fn new(text: &'t str, default_port: u16, each: F) -> Rows<'t, F> {
        Rows {
            text,
            default_port,
            each,
            format: None,
            n_read: 0,
            skipped: Skipped::default(),
            lines: Lines::new(text),
        }
    }

    /// Reads up to the end, or to the first thing that is malformed.
    fn read_top(&mut self) -> serde_json::Result<()> {
        serde_json::Deserializer::from_str(self.text).deserialize_any(Top(self))
    }

    fn report(self) -> ListReport {
        ListReport {
            format: self.format.unwrap_or(Format::BitnodesApi),
            n_read: self.n_read,
            skipped: self.skipped,
        }
    }

    fn read_pairs<A: MapAccess<'t>>(&mut self, mut pairs: A) -> Result<(), A::Error> {
        while let Some((key, row)) = pairs.next_entry::<&RawValue, &RawValue>()? {
            let node = row::read_pair(key, row, self.default_port);
            self.finish_row(node.map(|it| (Format::BitnodesApi, it)), || {
                (key, format!("{key}: {row}").into())
            });
        }
        Ok(())
    }

    fn read_elements<A: SeqAccess<'t>>(&mut self, mut elements: A) -> Result<(), A::Error> {
        while let Some(element) = elements.next_element::<&RawValue>()? {
            let node = row::read_element(element, self.default_port);
            self.finish_row(node, || (element, element.get().into()));
        }
        Ok(())
    }

    fn finish_row(
        &mut self,
        node: Result<(Format, ListedNode), RowError>,
        show: impl FnOnce() -> (&'t RawValue, Cow<'t, str>),
    ) {
        match node {
            Ok((format, node)) => {
                self.format.get_or_insert(format);
                self.n_read += 1;
                (self.each)(node);
            }
            Err(why) => self.skipped.push(why, || {
                let (start, text) = show();
                (self.lines.line_of(start), text)
            }),
        }
    }
}

/// The outermost value: an object with `nodes`, or an array.
struct Top<'r, 't, F>(&'r mut Rows<'t, F>);

impl<'t, F: FnMut(ListedNode)> Visitor<'t> for Top<'_, 't, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or an array")
    }

    fn visit_map<A: MapAccess<'t>>(self, mut answer: A) -> Result<(), A::Error> {
        while let Some(key) = answer.next_key::<&RawValue>()? {
            match key.get() {
                "\"nodes\"" => answer.next_value_seed(Nodes(&mut *self.0))?,
                _ => {
                    answer.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'t>>(self, rows: A) -> Result<(), A::Error> {
        self.0.read_elements(rows)
    }
}

/// The value of `nodes`: rows by their address, or an array.
struct Nodes<'r, 't, F>(&'r mut Rows<'t, F>);

impl<'t, F: FnMut(ListedNode)> DeserializeSeed<'t> for Nodes<'_, 't, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'t>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'t, F: FnMut(ListedNode)> Visitor<'t> for Nodes<'_, 't, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or an array")
    }

    fn visit_map<A: MapAccess<'t>>(self, rows: A) -> Result<(), A::Error> {
        self.0.read_pairs(rows)
    }

    fn visit_seq<A: SeqAccess<'t>>(self, rows: A) -> Result<(), A::Error> {
        self.0.read_elements(rows)
    }
}

/// Counts lines up to a value, starting where the last count ended.
struct Lines<'t> {
    text: &'t str,
    counted: usize,
    line: usize,
}

impl<'t> Lines<'t> {
    fn new(text: &'t str) -> Lines<'t> {
        Lines {
            text,
            counted: 0,
            line: 1,
        }
    }

    /// Returns the line on which `value` starts; values come in the order of the text.
    fn line_of(&mut self, value: &RawValue) -> usize {
        let text = self.text.as_bytes();
        let start = value.get().as_bytes().first();
        let offset = start.and_then(|it| text.element_offset(it));
        let skipped_over = offset.and_then(|it| text.get(self.counted..it));
        let newlines = skipped_over.unwrap_or_default().iter();
        self.line += newlines.filter(|&&it| it == b'\n').count();
        self.counted = offset.unwrap_or(self.counted);
        self.line
    }
}
