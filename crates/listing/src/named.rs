//! Rows whose values have names: lines of a table under their header, and JSON objects.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use csv::StringRecord;
use jiff::Timestamp;
use proto::PeerAddr;
use serde_json::value::RawValue;

use crate::cell::Cell;
use crate::error::without_place;
use crate::row::RowError;

/// A row whose values have names.
pub(crate) trait Named {
    /// Returns the value of that name.
    fn cell(&self, name: &str) -> Cell<'_>;
}

/// Each of these reads the value of that name.
impl dyn Named + '_ {
    pub(crate) fn text(&self, name: &'static str) -> Result<Option<String>, RowError> {
        self.cell(name).text(name)
    }

    pub(crate) fn integer<T: TryFrom<i128>>(
        &self,
        name: &'static str,
    ) -> Result<Option<T>, RowError> {
        self.cell(name).integer(name)
    }

    pub(crate) fn number(&self, name: &'static str) -> Result<Option<f64>, RowError> {
        self.cell(name).number(name)
    }

    pub(crate) fn wrapped(&self, name: &'static str) -> Result<Option<i64>, RowError> {
        self.cell(name).wrapped(name)
    }

    pub(crate) fn time(&self, name: &'static str) -> Result<Option<i64>, RowError> {
        self.cell(name).time(name)
    }

    pub(crate) fn moment(&self, name: &'static str) -> Result<Option<Timestamp>, RowError> {
        self.cell(name).moment(name)
    }

    pub(crate) fn duration(
        &self,
        name: &'static str,
        unit_us: u64,
    ) -> Result<Option<Duration>, RowError> {
        self.cell(name).duration(name, unit_us)
    }

    pub(crate) fn flag(&self, name: &'static str) -> Result<Option<bool>, RowError> {
        self.cell(name).flag(name)
    }

    pub(crate) fn addr(
        &self,
        name: &'static str,
        default_port: u16,
    ) -> Result<Option<PeerAddr>, RowError> {
        self.cell(name).addr(name, default_port)
    }

    /// Reads what `parse` understands.
    pub(crate) fn read<T>(
        &self,
        name: &'static str,
        wanted: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, RowError> {
        self.cell(name).read(name, wanted, parse)
    }

    /// Says that the value of that name is no such thing.
    pub(crate) fn wrong(&self, name: &'static str, wanted: &'static str) -> RowError {
        self.cell(name).wrong(name, wanted)
    }
}

/// A JSON object, its values as they are written.
#[derive(Debug)]
pub(crate) struct Object<'t>(BTreeMap<Cow<'t, str>, &'t RawValue>);

impl<'t> Object<'t> {
    pub(crate) fn read(text: &'t str) -> Result<Object<'t>, RowError> {
        match serde_json::from_str(text) {
            Ok(pairs) => Ok(Object(pairs)),
            Err(error) => Err(RowError::NoObject {
                column: error.column(),
                why: without_place(&error),
            }),
        }
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }
}

impl Named for Object<'_> {
    fn cell(&self, name: &str) -> Cell<'_> {
        let value = self.0.get(name);
        value.map_or(Cell::Absent, |it| Cell::of_json(it.get()))
    }
}

/// The names of a table's columns.
#[derive(Debug)]
pub(crate) struct Header {
    places: BTreeMap<String, usize>,
    len: usize,
}

impl Header {
    pub(crate) fn read(names: &StringRecord) -> Header {
        let named = names.iter().enumerate();
        let places = named.map(|(place, name)| (name.trim().to_ascii_lowercase(), place));
        Header {
            places: places.collect(),
            len: names.len(),
        }
    }

    pub(crate) fn has(&self, names: &[&str]) -> bool {
        names.iter().all(|it| self.places.contains_key(*it))
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn row<'t>(&'t self, fields: &'t StringRecord) -> TableRow<'t> {
        TableRow {
            header: self,
            fields,
        }
    }
}

/// A line of a table.
#[derive(Debug)]
pub(crate) struct TableRow<'t> {
    header: &'t Header,
    fields: &'t StringRecord,
}

impl Named for TableRow<'_> {
    fn cell(&self, name: &str) -> Cell<'_> {
        let field = self
            .header
            .places
            .get(name)
            .and_then(|it| self.fields.get(*it));
        field.map_or(Cell::Absent, Cell::of_field)
    }
}
