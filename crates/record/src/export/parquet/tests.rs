use std::fs::File;

use parquet::file::metadata::RowGroupMetaData;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use proto::gossip::{Gossip, ToldCounts};
use proto::visit::Dialect;

use super::column::Kind;
use super::*;
use crate::samples::{Berlin, complete, not_tried};
use crate::sqlite::SqliteStore;
use crate::store::conformance::new_crawl;

#[test]
fn every_value_comes_back() {
    let mut odd = complete("[2a01::1]:65535", b"/\xffSat\"oshi/\n", -1);
    odd.call.heard.version_payload = Some(vec![0, 255]);
    odd.dialect = Dialect::Old;
    odd.attempt = u16::MAX;
    odd.call.heard.gossip = Some(Gossip {
        claims: Vec::new(),
        told: ToldCounts {
            ipv4: 990,
            other: u32::MAX,
            ..ToldCounts::default()
        },
    });
    let version = odd.call.heard.version.as_mut().unwrap();
    version.services = u64::MAX;
    version.timestamp = i64::MIN;
    version.relay = Some(255);
    check(
        &[odd, not_tried("1.2.3.4:8333")],
        "\
crawl_id: 1 | 1
address: \"[2a01::1]:65535\" | \"1.2.3.4:8333\"
network: \"ipv6\" | \"ipv4\"
port: 65535 | 8333
source: 0 | 0
attempt: 65535 | 1
outcome: \"complete\" | \"not_tried\"
reason: null | \"network_off\"
transport: \"v1\" | null
tried: \"v2\" | null
dialect: \"old\" | null
started_at_us: 1793491200100000 | 1793491200100000
took_us: 90000 | 0
connect_us: 20000 | null
version_us: 60000 | null
verack_us: 61000 | null
addrs_us: 90000 | null
protocol_version: 70016 | null
services: 18446744073709551615 | null
timestamp_s: -9223372036854775808 | null
nonce: 18446744073709551615 | null
user_agent: \"/�Sat\\\"oshi/\\n\" | null
user_agent_bytes: 2fff536174226f7368692f0a | null
start_height: -1 | null
relay: 255 | null
addr_recv: \"192.0.2.1:8333\" | null
addr_from: \"[::]:0\" | null
version_payload: 00ff | null
features: \"{\\\"sendaddrv2\\\":true,\\\"feefilter\\\":1000}\" | null
told_ipv4: 990 | null
told_ipv6: 0 | null
told_onion: 0 | null
told_i2p: 0 | null
told_cjdns: 0 | null
told_onion_v2: 0 | null
told_other: 4294967295 | null
bytes_in: 300 | 0
bytes_out: 200 | 0
country: \"DE\" | \"DE\"
asn: 24940 | 24940
organisation: null | null
city: null | null
latitude: 52.5 | 52.5
longitude: null | null
timezone: null | null
hostname: null | null
",
    );
}

#[test]
fn a_crawl_without_visits_is_a_table_without_rows() {
    let file = read(written(&[]));
    assert_eq!(file.metadata().num_row_groups(), 0);
    assert_eq!(file.get_row_iter(None).unwrap().count(), 0);
}

#[test]
fn the_file_says_what_it_is() {
    let file = read(written(&[]));
    let about = file.metadata().file_metadata();
    let notes = about.key_value_metadata().unwrap().iter();
    let notes = notes.map(|it| format!("{}={}", it.key, it.value.as_deref().unwrap()));
    assert_eq!(
        notes.collect::<Vec<_>>(),
        [
            "bitcensus.schema=1",
            "bitcensus.crawl=1",
            "bitcensus.chain=mainnet",
            "bitcensus.vantage=a \"desk\"",
            "bitcensus.started_at=1969-12-31T23:59:59.999995Z",
        ]
    );
    assert_eq!(about.created_by(), Some("bitcensus 0.1.0"));
}

#[test]
fn the_document_has_every_column_with_its_type() {
    let document = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/data.md");
    let document = std::fs::read_to_string(document).unwrap();
    let (_, section) = document.split_once("## Parquet\n").unwrap();
    let rows = section.lines().filter(|it| it.starts_with("| `"));
    let documented = rows.map(|it| it.split('|').take(3).collect::<String>());
    let columns = COLUMNS.iter().map(|it| {
        let kind = match it.kind {
            Kind::Text => "text",
            Kind::Json => "JSON",
            Kind::Bytes => "bytes",
            Kind::U8 => "uint8",
            Kind::U16 => "uint16",
            Kind::U32 => "uint32",
            Kind::U64 => "uint64",
            Kind::I32 => "int32",
            Kind::I64 => "int64",
            Kind::Double => "double",
            Kind::Time => "timestamp",
        };
        let always = if it.is_always_there { ", always" } else { "" };
        format!(" `{}`  {kind}{always} ", it.name)
    });
    assert_eq!(documented.collect::<Vec<_>>(), columns.collect::<Vec<_>>());
}

#[test]
fn many_rows_and_long_texts_are_several_groups() {
    let long = vec![b'a'; 60_000];
    let n_long = MAX_GROUP_BYTES / (3 * long.len()) + 1;
    let mut visits = vec![complete("1.2.3.4:8333", &long, 1); n_long];
    visits.extend(vec![not_tried("1.2.3.4:8333"); MAX_GROUP_ROWS + 1]);
    let file = read(written(&visits));
    let groups = file.metadata().row_groups().iter();
    let groups: Vec<i64> = groups.map(RowGroupMetaData::num_rows).collect();
    let rows = i64::try_from(MAX_GROUP_ROWS).unwrap();
    assert_eq!(groups, [i64::try_from(n_long).unwrap(), rows, 1]);
}

#[test]
fn a_file_that_can_not_be_written_says_so() {
    let visits = vec![not_tried("1.2.3.4:8333"); MAX_GROUP_ROWS + 1];
    for room in [0, 1_000] {
        let mut out = vec![0; room];
        let mut out = &mut out[..];
        let written = write_table(&crawl(), &mut out, |table| fill(table, &visits));
        match written.unwrap_err() {
            ExportError::Write(error) => assert_eq!(error.kind(), io::ErrorKind::WriteZero),
            error => panic!("{error}"),
        }
    }
}

#[test]
fn a_crawl_is_written_with_its_places() {
    let dir = tempfile::TempDir::new().unwrap();
    let mut store = SqliteStore::open_for_crawl(&dir.path().join("a.db")).unwrap();
    let crawl = store
        .begin_crawl(&new_crawl(proto::Chain::Mainnet))
        .unwrap();
    let visits = [
        complete("1.2.3.4:8333", b"//", 1),
        not_tried("1.2.3.5:8333"),
    ];
    store.append_visits(crawl, &visits).unwrap();
    let crawl = store.crawl(crawl).unwrap();
    let mut out = Vec::new();
    assert_eq!(write_crawl(&store, &crawl, &Berlin, &mut out).unwrap(), 2);
    assert_eq!(out, written(&visits));
}

fn crawl() -> Crawl {
    let dir = tempfile::TempDir::new().unwrap();
    let mut store = SqliteStore::open_for_crawl(&dir.path().join("a.db")).unwrap();
    let crawl = store.begin_crawl(&new_crawl(proto::Chain::Mainnet));
    store.crawl(crawl.unwrap()).unwrap()
}

fn written(visits: &[Visit]) -> Vec<u8> {
    let mut out = Vec::new();
    write_table(&crawl(), &mut out, |table| fill(table, visits)).unwrap();
    out
}

fn fill(table: &mut Table, visits: &[Visit]) -> Result<(), StoreError> {
    let mut visits = visits.iter();
    let added = visits.try_for_each(|it| table.add(it, &Berlin.place(&it.addr)));
    added.map_err(StoreError::Taker)
}

fn read(bytes: Vec<u8>) -> SerializedFileReader<File> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&bytes).unwrap();
    SerializedFileReader::new(file).unwrap()
}

/// Compares every column, one a line, with what the crate's own reader finds in it.
#[track_caller]
fn check(visits: &[Visit], expected: &str) {
    let file = read(written(visits));
    let mut columns: Vec<String> = COLUMNS.iter().map(|it| format!("{}:", it.name)).collect();
    for (n, row) in file.get_row_iter(None).unwrap().enumerate() {
        for (column, (name, value)) in columns.iter_mut().zip(row.unwrap().get_column_iter()) {
            assert!(column.starts_with(&format!("{name}:")));
            let between = if n == 0 { " " } else { " | " };
            *column += &format!("{between}{}", shown(value));
        }
    }
    let columns: String = columns.iter().map(|it| format!("{it}\n")).collect();
    assert_eq!(columns, expected);
}

fn shown(value: &Field) -> String {
    match value {
        Field::TimestampMicros(it) => it.to_string(),
        Field::Bytes(it) => data_encoding::HEXLOWER.encode(it.data()),
        Field::Str(it) => format!("{it:?}"),
        other => other.to_string(),
    }
}
