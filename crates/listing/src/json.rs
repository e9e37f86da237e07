//! Lists that are one JSON value, read one row at a time.
//!
//! A row is first cut out as raw text and then read by itself, so that a strange one costs only itself.

use std::fmt;
use std::io::BufRead;
use std::rc::Rc;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::cell::{Cell, unquote};
use crate::error::{ListError, without_place};
use crate::named::Object;
use crate::row::{self, RowError};
use crate::sink::Sink;
use crate::text::{Place, Text};
use crate::{Format, ListedNode, blockchair};

/// How many characters the names of a dossier have at least, whatever hash they are.
const MIN_HASH: usize = 16;

/// Reads a list up to its end, or to the first thing that is malformed.
pub(crate) fn read(
    text: Text<impl BufRead>,
    default_port: u16,
    sink: &mut Sink<'_>,
) -> Result<(), ListError> {
    let place = text.place();
    let mut rows = Rows {
        place: Rc::clone(&place),
        default_port,
        pairs: Format::BitnodesApi,
        has_hashes: false,
        failure: None,
        sink,
    };
    let mut json = serde_json::Deserializer::from_reader(text);
    let read = rows.part(Role::Answer).deserialize(&mut json);
    let Err(error) = read.and_then(|()| json.end()) else {
        return match rows.has_hashes && rows.sink.n_read() == 0 {
            true => Err(ListError::Hashes),
            false => Ok(()),
        };
    };
    if let Some(failure) = rows.failure {
        return Err(failure);
    }
    if place.is_too_long() {
        return Err(ListError::TooLong { line: place.line() });
    }
    if error.is_io() {
        return Err(ListError::Read(error.into()));
    }
    Err(ListError::Json {
        line: error.line(),
        column: error.column(),
        n_read: rows.sink.n_read(),
        why: without_place(&error),
    })
}

/// The rows of one text, as far as they are read.
struct Rows<'r, 's> {
    place: Rc<Place>,
    default_port: u16,
    /// What `nodes` holds, if its rows have their addresses for names.
    pairs: Format,
    has_hashes: bool,
    failure: Option<ListError>,
    sink: &'r mut Sink<'s>,
}

impl<'r, 's> Rows<'r, 's> {
    /// Reads an object of which some pairs have a meaning.
    fn read_answer<'d, A: MapAccess<'d>>(&mut self, mut answer: A) -> Result<(), A::Error> {
        while let Some((_, key)) = answer.next_key_seed(Raw(&self.place))? {
            match key.get() {
                "\"nodes\"" => answer.next_value_seed(self.part(Role::Nodes))?,
                "\"data\"" => {
                    self.pairs = Format::Blockchair;
                    answer.next_value_seed(self.part(Role::Answer))?;
                    self.pairs = Format::BitnodesApi;
                }
                "\"timestamp\"" => {
                    let (_, value) = answer.next_value_seed(Raw(&self.place))?;
                    if let Ok(Some(at)) = Cell::of_json(value.get()).time("timestamp") {
                        self.sink.note_taken_at(at);
                    }
                }
                "\"total_nodes\"" => {
                    let (_, value) = answer.next_value_seed(Raw(&self.place))?;
                    if let Ok(n) = value.get().parse() {
                        self.sink.note_total(n);
                    }
                }
                key => {
                    self.has_hashes |= is_hash(key.trim_matches('"'));
                    answer.next_value_seed(self.part(Role::Other))?;
                }
            }
        }
        Ok(())
    }

    /// Reads over an object.
    fn pass_pairs<'d, A: MapAccess<'d>>(&mut self, mut pairs: A) -> Result<(), A::Error> {
        while pairs.next_key_seed(Raw(&self.place))?.is_some() {
            pairs.next_value_seed(self.part(Role::Other))?;
        }
        Ok(())
    }

    /// Reads over an array.
    fn pass_elements<'d, A: SeqAccess<'d>>(&mut self, mut elements: A) -> Result<(), A::Error> {
        while elements
            .next_element_seed(self.part(Role::Other))?
            .is_some()
        {}
        Ok(())
    }

    fn read_pairs<'d, A: MapAccess<'d>>(&mut self, mut pairs: A) -> Result<(), A::Error> {
        while let Some((line, key)) = pairs.next_key_seed(Raw(&self.place))? {
            let (_, row) = pairs.next_value_seed(Raw(&self.place))?;
            let node = match self.pairs {
                Format::Blockchair => read_named_pair(&key, &row, self.default_port),
                _ => row::read_pair(&key, &row, self.default_port),
            };
            let show = || format!("{key}: {row}").into();
            let taken = self.sink.take(self.pairs, node, || (line, show()));
            self.go_on(taken)?;
        }
        Ok(())
    }

    fn read_elements<'d, A: SeqAccess<'d>>(&mut self, mut elements: A) -> Result<(), A::Error> {
        while let Some((line, element)) = elements.next_element_seed(Raw(&self.place))? {
            let (format, node) = match row::read_element(&element, self.default_port) {
                Ok((format, node)) => (format, Ok(node)),
                Err(why) => (Format::JsonAddrs, Err(why)),
            };
            let taken = self
                .sink
                .take(format, node, || (line, element.get().into()));
            self.go_on(taken)?;
        }
        Ok(())
    }

    fn part(&mut self, role: Role) -> Part<'_, 'r, 's> {
        Part { rows: self, role }
    }

    /// Ends the reading where a row was not taken.
    fn go_on<E: Error>(&mut self, taken: Result<(), ListError>) -> Result<(), E> {
        taken.map_err(|failure| {
            self.failure = Some(failure);
            E::custom("a row was not taken")
        })
    }
}

fn is_hash(name: &str) -> bool {
    name.len() >= MIN_HASH && name.bytes().all(|it| it.is_ascii_alphanumeric())
}

fn read_named_pair(
    key: &RawValue,
    row: &RawValue,
    default_port: u16,
) -> Result<ListedNode, RowError> {
    let addr = row::parse_key(&unquote(key.get()), default_port)?;
    blockchair::read(addr, &Object::read(row.get())?)
}

/// One value as raw text, with the line on which it starts.
struct Raw<'p>(&'p Place);

impl<'d> DeserializeSeed<'d> for Raw<'_> {
    type Value = (usize, Box<RawValue>);

    fn deserialize<D: Deserializer<'d>>(self, from: D) -> Result<Self::Value, D::Error> {
        // Nothing but its first character is read yet.
        let line = self.0.line();
        self.0.begin_row(1);
        let value = Box::deserialize(from)?;
        self.0.end_row();
        Ok((line, value))
    }
}

/// What a value is.
#[derive(Clone, Copy)]
enum Role {
    /// That of `nodes`: its pairs are rows.
    Nodes,
    /// What may have a pair `nodes`.
    Answer,
    /// Anything else, however large; how deep it may be is bounded by `serde_json`, which skips without a bound.
    Other,
}

/// A value that may hold rows.
struct Part<'v, 'r, 's> {
    rows: &'v mut Rows<'r, 's>,
    role: Role,
}

impl<'d> DeserializeSeed<'d> for Part<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'d>>(self, from: D) -> Result<(), D::Error> {
        let place = Rc::clone(&self.rows.place);
        // It may be a text without end.
        place.begin_row(1);
        from.deserialize_any(self)?;
        place.end_row();
        Ok(())
    }
}

impl<'d> Visitor<'d> for Part<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or an array")
    }

    fn visit_map<A: MapAccess<'d>>(self, pairs: A) -> Result<(), A::Error> {
        self.rows.place.end_row();
        match self.role {
            Role::Nodes => self.rows.read_pairs(pairs),
            Role::Answer => self.rows.read_answer(pairs),
            Role::Other => self.rows.pass_pairs(pairs),
        }
    }

    fn visit_seq<A: SeqAccess<'d>>(self, rows: A) -> Result<(), A::Error> {
        self.rows.place.end_row();
        match self.role {
            Role::Nodes | Role::Answer => self.rows.read_elements(rows),
            Role::Other => self.rows.pass_elements(rows),
        }
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }
}
