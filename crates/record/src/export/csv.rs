//! A table with the keys of [`super::ndjson`] as its columns: one row an address, what its last visit found.
//!
//! RFC 4180, with line ends as on Unix. Nothing is an empty cell; lists and objects (`addresses_told`, `features`, `tried`) are
//! JSON in a cell.

use std::io::{self, Write};

use listing::write::{CsvWriter, LineEnd};
use proto::outcome::NotTried;
use proto::visit::Dialect;
use proto::{Call, Host, PeerAddr, Visit};
use serde::Serialize;
use serde_json::Value;

use super::ExportError;
use super::ndjson::Line;
use crate::places::{Atlas, Place};
use crate::store::{CrawlId, Store};

/// Writes a crawl, and returns how many rows that took; `is_harmless` is that of [`CsvWriter::new`].
pub fn write_crawl(
    store: &impl Store,
    crawl: CrawlId,
    atlas: &dyn Atlas,
    is_harmless: bool,
    out: &mut impl Write,
) -> Result<u64, ExportError> {
    let columns = columns();
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    let mut table = CsvWriter::new(out, LineEnd::Lf, is_harmless, &columns)?;
    let mut n_rows = 0;
    store.read_last_visits(crawl, &mut |visit| {
        n_rows += 1;
        write_visit(&visit, &atlas.place(&visit.addr), &mut table)
    })?;
    table.flush()?;
    Ok(n_rows)
}

/// Writes a cell for each key, in their order.
fn write_visit<W: Write>(visit: &Visit, place: &Place, table: &mut CsvWriter<W>) -> io::Result<()> {
    let address = visit.addr.to_string();
    let line = Line::of(&address, visit, place);
    table.text(line.address)?;
    table.text(line.network)?;
    table.text(line.outcome)?;
    table.text_or_empty(line.reason)?;
    table.text_or_empty(line.transport)?;
    table.text_or_empty(line.dialect)?;
    table.value(line.protocol_version)?;
    table.value(line.services)?;
    table.text_or_empty(line.user_agent.as_deref())?;
    table.text_or_empty(line.user_agent_hex.as_deref())?;
    table.value(line.start_height)?;
    table.value(line.relay)?;
    table.value(line.timestamp)?;
    table.value(line.nonce)?;
    table.text_or_empty(line.addr_recv.as_deref())?;
    table.text_or_empty(line.addr_from.as_deref())?;
    table.text_or_empty(line.version_payload_hex.as_deref())?;
    table.text_or_empty(line.started_at.as_deref())?;
    table.value(line.connect_us)?;
    table.value(line.version_us)?;
    table.value(line.verack_us)?;
    table.value(line.addrs_us)?;
    table.value(Some(line.took_us))?;
    table.value(line.addresses_told.map(json))?;
    table.value(line.features.map(json))?;
    table.value(Some(json(&line.tried)))?;
    table.value(Some(line.bytes_in))?;
    table.value(Some(line.bytes_out))?;
    table.text_or_empty(place.country.as_deref())?;
    table.value(place.asn)?;
    table.text_or_empty(place.organisation.as_deref())?;
    table.text_or_empty(place.city.as_deref())?;
    table.value(place.latitude.as_ref().map(json))?;
    table.value(place.longitude.as_ref().map(json))?;
    table.text_or_empty(place.timezone.as_deref())?;
    table.text_or_empty(place.hostname.as_deref())?;
    table.end_row()
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("texts and numbers are JSON")
}

/// Every line has every key, so that of any visit names them all.
fn columns() -> Vec<String> {
    let any = Visit {
        addr: PeerAddr::new(Host::Ipv4([0; 4]), 0),
        source: 0,
        attempt: 1,
        dialect: Dialect::Modern,
        call: Call::not_tried(NotTried::NetworkOff, 0),
    };
    match serde_json::to_value(Line::of("", &any, &Place::default())) {
        Ok(Value::Object(line)) => line.into_iter().map(|(key, _)| key).collect(),
        other => unreachable!("a line is an object: {other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{Berlin, complete, not_tried};
    use crate::sqlite::SqliteStore;
    use crate::store::conformance::new_crawl;

    #[test]
    fn an_address_is_a_row_under_the_keys_of_ndjson() {
        let mut hostile = complete("[2a01::1]:8333", b"=1+\"1\n", -1);
        hostile.call.heard.version_payload = Some(vec![1]);
        hostile.call.reason = Some("-".to_owned());
        let visits = [hostile, not_tried("1.2.3.4:8333")];
        check(
            &visits,
            false,
            r#"address,network,outcome,reason,transport,dialect,protocol_version,services,user_agent,user_agent_hex,start_height,relay,timestamp,nonce,addr_recv,addr_from,version_payload_hex,started_at,connect_us,version_us,verack_us,addrs_us,took_us,addresses_told,features,tried,bytes_in,bytes_out,country,asn,organisation,city,latitude,longitude,timezone,hostname
[2a01::1]:8333,ipv6,complete,-,v1,,70016,3081,"=1+""1
",3d312b22310a,-1,1,1793491199,18446744073709551615,192.0.2.1:8333,[::]:0,01,2026-11-01T00:00:00.100000Z,20000,60000,61000,90000,90000,,"{""sendaddrv2"":true,""feefilter"":1000}","[""v2""]",300,200,DE,24940,,,52.5,,,
1.2.3.4:8333,ipv4,not_tried,network_off,,,,,,,,,,,,,,2026-11-01T00:00:00.100000Z,,,,,0,,,[],0,0,DE,24940,,,52.5,,,
"#,
        );
    }

    #[test]
    fn formulas_are_made_harmless_on_request() {
        let visits = [complete("1.2.3.4:8333", b"=1", -1)];
        let text = written(&visits, true);
        assert!(text.contains(",'=1,3d31,-1,"), "{text}");
    }

    fn written(visits: &[Visit], is_harmless: bool) -> String {
        let mut out = Vec::new();
        let columns = columns();
        let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
        let mut table = CsvWriter::new(&mut out, LineEnd::Lf, is_harmless, &columns).unwrap();
        for visit in visits {
            write_visit(visit, &Berlin.place(&visit.addr), &mut table).unwrap();
        }
        table.flush().unwrap();
        drop(table);
        String::from_utf8(out).unwrap()
    }

    #[track_caller]
    fn check(visits: &[Visit], is_harmless: bool, expected: &str) {
        assert_eq!(written(visits, is_harmless), expected);
    }

    #[test]
    fn a_crawl_without_visits_is_a_line_of_columns() {
        let dir = tempfile::TempDir::new().unwrap();
        let mut store = SqliteStore::open_for_crawl(&dir.path().join("a.db")).unwrap();
        let crawl = store
            .begin_crawl(&new_crawl(proto::Chain::Mainnet))
            .unwrap();
        let mut out = Vec::new();
        assert_eq!(
            write_crawl(&store, crawl, &Berlin, false, &mut out).unwrap(),
            0
        );
        assert_eq!(String::from_utf8(out).unwrap(), columns().join(",") + "\n");
    }
}
