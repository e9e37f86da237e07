//! The columns: what each is called, what it holds, and how it is read from a visit.

use std::borrow::Cow;
use std::time::Duration;

use parquet::data_type::ByteArray;
use proto::Visit;
use proto::gossip::ToldCounts;
use proto::version::Version;
use proto::visit::{Dialect, Transport};

use crate::places::Place;

/// A visit, and where its address is.
pub(super) struct Row<'a> {
    crawl: i64,
    visit: &'a Visit,
    version: Option<&'a Version>,
    place: &'a Place,
}

impl<'a> Row<'a> {
    pub(super) fn new(crawl: i64, visit: &'a Visit, place: &'a Place) -> Row<'a> {
        Row {
            crawl,
            visit,
            version: visit.call.heard.version.as_deref(),
            place,
        }
    }

    fn told(&self, n: fn(&ToldCounts) -> u32) -> Cell<'_> {
        let gossip = self.visit.call.heard.gossip.as_ref();
        gossip.map(|it| n(&it.told)).into()
    }
}

/// One column.
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// Whether every row has it.
    pub(super) is_always_there: bool,
    pub(super) read: for<'a> fn(&'a Row<'a>) -> Cell<'a>,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Json,
    Bytes,
    U8,
    U16,
    U32,
    U64,
    I32,
    I64,
    Double,
    /// Microseconds since 1970.
    Time,
}

impl Kind {
    /// Returns the words of Parquet for it, before and behind the name.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Kind::Text => ("BYTE_ARRAY", " (UTF8)"),
            Kind::Json => ("BYTE_ARRAY", " (JSON)"),
            Kind::Bytes => ("BYTE_ARRAY", ""),
            Kind::U8 => ("INT32", " (INTEGER(8,false))"),
            Kind::U16 => ("INT32", " (INTEGER(16,false))"),
            Kind::U32 => ("INT32", " (INTEGER(32,false))"),
            Kind::U64 => ("INT64", " (INTEGER(64,false))"),
            Kind::I32 => ("INT32", ""),
            Kind::I64 => ("INT64", ""),
            Kind::Double => ("DOUBLE", ""),
            Kind::Time => ("INT64", " (TIMESTAMP(MICROS,true))"),
        }
    }
}

/// Returns the schema in Parquet's own words.
pub(super) fn schema() -> String {
    let columns = COLUMNS.iter().map(|column| {
        let (kind, meaning) = column.kind.words();
        let how = if column.is_always_there {
            "REQUIRED"
        } else {
            "OPTIONAL"
        };
        format!("  {how} {kind} {}{meaning};\n", column.name)
    });
    format!("message visit {{\n{}}}\n", columns.collect::<String>())
}

const fn always(
    name: &'static str,
    kind: Kind,
    read: for<'a> fn(&'a Row<'a>) -> Cell<'a>,
) -> Column {
    Column {
        name,
        kind,
        is_always_there: true,
        read,
    }
}

const fn maybe(
    name: &'static str,
    kind: Kind,
    read: for<'a> fn(&'a Row<'a>) -> Cell<'a>,
) -> Column {
    Column {
        name,
        kind,
        is_always_there: false,
        read,
    }
}

/// All columns, in their order in the file.
pub(super) const COLUMNS: &[Column] = &[
    always("crawl_id", Kind::I64, |it| it.crawl.into()),
    always("address", Kind::Text, |it| it.visit.addr.to_string().into()),
    always("network", Kind::Text, |it| {
        it.visit.addr.network().name().into()
    }),
    always("port", Kind::U16, |it| it.visit.addr.port.into()),
    always("source", Kind::U16, |it| it.visit.source.into()),
    always("attempt", Kind::U16, |it| it.visit.attempt.into()),
    always("outcome", Kind::Text, |it| {
        it.visit.call.outcome.code().into()
    }),
    maybe("reason", Kind::Text, |it| {
        it.visit.call.reason.as_deref().into()
    }),
    maybe("transport", Kind::Text, |it| {
        it.visit.call.transport.map(Transport::name).into()
    }),
    maybe("tried", Kind::Text, |it| tried(&it.visit.call.tried).into()),
    maybe("dialect", Kind::Text, |it| dialect(it.visit.dialect).into()),
    always("started_at_us", Kind::Time, |it| {
        it.visit.call.started_at_us.into()
    }),
    always("took_us", Kind::I64, |it| micros(it.visit.call.took).into()),
    maybe("connect_us", Kind::I64, |it| {
        it.visit.call.connect.map(micros).into()
    }),
    maybe("version_us", Kind::I64, |it| {
        it.visit.call.heard.version_at.map(micros).into()
    }),
    maybe("verack_us", Kind::I64, |it| {
        it.visit.call.heard.verack_at.map(micros).into()
    }),
    maybe("addrs_us", Kind::I64, |it| {
        it.visit.call.heard.answered_at.map(micros).into()
    }),
    maybe("protocol_version", Kind::I32, |it| {
        it.version.map(|it| it.protocol_version).into()
    }),
    maybe("services", Kind::U64, |it| {
        it.version.map(|it| it.services).into()
    }),
    maybe("timestamp_s", Kind::I64, |it| {
        it.version.map(|it| it.timestamp).into()
    }),
    maybe("nonce", Kind::U64, |it| {
        it.version.and_then(|it| it.nonce).into()
    }),
    maybe("user_agent", Kind::Text, |it| {
        it.version.and_then(Version::user_agent_lossy).into()
    }),
    maybe("user_agent_bytes", Kind::Bytes, |it| {
        it.version.and_then(|it| it.user_agent.as_deref()).into()
    }),
    maybe("start_height", Kind::I32, |it| {
        it.version.and_then(|it| it.start_height).into()
    }),
    maybe("relay", Kind::U8, |it| {
        it.version.and_then(|it| it.relay).into()
    }),
    maybe("addr_recv", Kind::Text, |it| {
        it.version.map(|it| it.addr_recv.to_string()).into()
    }),
    maybe("addr_from", Kind::Text, |it| {
        it.version
            .and_then(|it| Some(it.addr_from?.to_string()))
            .into()
    }),
    maybe("version_payload", Kind::Bytes, |it| {
        it.visit.call.heard.version_payload.as_deref().into()
    }),
    maybe("features", Kind::Json, |it| features(it.visit).into()),
    maybe("told_ipv4", Kind::U32, |it| it.told(|it| it.ipv4)),
    maybe("told_ipv6", Kind::U32, |it| it.told(|it| it.ipv6)),
    maybe("told_onion", Kind::U32, |it| it.told(|it| it.onion)),
    maybe("told_i2p", Kind::U32, |it| it.told(|it| it.i2p)),
    maybe("told_cjdns", Kind::U32, |it| it.told(|it| it.cjdns)),
    maybe("told_onion_v2", Kind::U32, |it| it.told(|it| it.onion_v2)),
    maybe("told_other", Kind::U32, |it| it.told(|it| it.other)),
    always("bytes_in", Kind::U64, |it| {
        it.visit.call.heard.bytes_in.into()
    }),
    always("bytes_out", Kind::U64, |it| {
        it.visit.call.heard.bytes_out.into()
    }),
    maybe("country", Kind::Text, |it| {
        it.place.country.as_deref().into()
    }),
    maybe("asn", Kind::U32, |it| it.place.asn.into()),
    maybe("organisation", Kind::Text, |it| {
        it.place.organisation.as_deref().into()
    }),
    maybe("city", Kind::Text, |it| it.place.city.as_deref().into()),
    maybe("latitude", Kind::Double, |it| it.place.latitude.into()),
    maybe("longitude", Kind::Double, |it| it.place.longitude.into()),
    maybe("timezone", Kind::Text, |it| {
        it.place.timezone.as_deref().into()
    }),
    maybe("hostname", Kind::Text, |it| {
        it.place.hostname.as_deref().into()
    }),
];

fn tried(tried: &[Transport]) -> Option<String> {
    let names: Vec<&str> = tried.iter().map(|it| it.name()).collect();
    (!names.is_empty()).then(|| names.join(","))
}

fn dialect(dialect: Dialect) -> Option<&'static str> {
    (dialect != Dialect::Modern).then(|| dialect.name())
}

fn features(visit: &Visit) -> Option<String> {
    let heard = &visit.call.heard;
    let was_heard = heard.version_payload.is_some() || heard.features != Default::default();
    was_heard
        .then(|| serde_json::to_string(&heard.features).expect("features are texts and numbers"))
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// One value.
pub(super) enum Cell<'a> {
    Nothing,
    /// A whole number; 64 bits without a sign are those of the signed number.
    Int(i64),
    Double(f64),
    Bytes(Cow<'a, [u8]>),
}

impl<'a, T: Into<Cell<'a>>> From<Option<T>> for Cell<'a> {
    fn from(it: Option<T>) -> Cell<'a> {
        it.map_or(Cell::Nothing, Into::into)
    }
}

macro_rules! whole_numbers {
    ($($number:ty),*) => {
        $(impl From<$number> for Cell<'_> {
            fn from(it: $number) -> Self {
                Cell::Int(it.into())
            }
        })*
    };
}

whole_numbers!(u8, u16, u32, i32, i64);

impl From<u64> for Cell<'_> {
    fn from(it: u64) -> Self {
        Cell::Int(it.cast_signed())
    }
}

impl From<f64> for Cell<'_> {
    fn from(it: f64) -> Self {
        Cell::Double(it)
    }
}

impl<'a> From<&'a [u8]> for Cell<'a> {
    fn from(it: &'a [u8]) -> Cell<'a> {
        Cell::Bytes(Cow::Borrowed(it))
    }
}

impl<'a> From<&'a str> for Cell<'a> {
    fn from(it: &'a str) -> Cell<'a> {
        it.as_bytes().into()
    }
}

impl From<String> for Cell<'_> {
    fn from(it: String) -> Self {
        Cell::Bytes(Cow::Owned(it.into_bytes()))
    }
}

impl<'a> From<Cow<'a, str>> for Cell<'a> {
    fn from(it: Cow<'a, str>) -> Cell<'a> {
        match it {
            Cow::Borrowed(it) => it.into(),
            Cow::Owned(it) => it.into(),
        }
    }
}

/// The values of a column that wait to be written.
pub(super) struct Gathered {
    pub(super) values: Values,
    /// For each row 1 where it has a value and 0 where not; absent where all have one.
    pub(super) is_there: Option<Vec<i16>>,
}

/// Values as Parquet stores them.
pub(super) enum Values {
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    Double(Vec<f64>),
    Bytes(Texts),
}

/// Texts one behind the other, for millions of small allocations cost more than what is in them.
#[derive(Default)]
pub(super) struct Texts {
    bytes: Vec<u8>,
    /// Where each of them ends.
    ends: Vec<usize>,
}

impl Texts {
    /// Returns each text, without copying it.
    pub(super) fn into_values(self) -> Vec<ByteArray> {
        let all = ByteArray::from(self.bytes);
        let starts = [0].into_iter().chain(self.ends.iter().copied());
        let texts = starts.zip(&self.ends);
        texts
            .map(|(start, end)| all.slice(start, end - start))
            .collect()
    }
}

impl Gathered {
    pub(super) fn new(column: &Column) -> Gathered {
        Gathered {
            values: match column.kind {
                Kind::Text | Kind::Json | Kind::Bytes => Values::Bytes(Texts::default()),
                Kind::U8 | Kind::U16 | Kind::U32 | Kind::I32 => Values::Int32(Vec::new()),
                Kind::U64 | Kind::I64 | Kind::Time => Values::Int64(Vec::new()),
                Kind::Double => Values::Double(Vec::new()),
            },
            is_there: (!column.is_always_there).then(Vec::new),
        }
    }

    /// Takes the value of the next row, and returns how many bytes of text that is.
    pub(super) fn push(&mut self, cell: Cell<'_>) -> usize {
        if let Some(is_there) = &mut self.is_there {
            is_there.push(i16::from(!matches!(cell, Cell::Nothing)));
        }
        match (&mut self.values, cell) {
            (_, Cell::Nothing) => 0,
            (Values::Int32(values), Cell::Int(it)) => {
                values.push(low_32_bits(it));
                0
            }
            (Values::Int64(values), Cell::Int(it)) => {
                values.push(it);
                0
            }
            (Values::Double(values), Cell::Double(it)) => {
                values.push(it);
                0
            }
            (Values::Bytes(texts), Cell::Bytes(it)) => {
                texts.bytes.extend_from_slice(&it);
                texts.ends.push(texts.bytes.len());
                it.len()
            }
            // The table of columns says both, so they cannot differ.
            (_, Cell::Int(_) | Cell::Double(_) | Cell::Bytes(_)) => {
                unreachable!("a column reads what it holds")
            }
        }
    }
}

/// Parquet keeps 32 bits without a sign as the signed number of the same bits.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the values have 32 bits, with a sign or without"
)]
fn low_32_bits(number: i64) -> i32 {
    number as i32
}
