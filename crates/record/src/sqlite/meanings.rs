//! What the tables and columns mean, for people who ask in SQL; `docs/data.md` says the same.

use rusqlite::Connection;

/// A table, and what is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableMeaning {
    /// Its name.
    pub name: String,
    /// What one row is.
    pub meaning: &'static str,
    /// Its columns, in their order.
    pub columns: Vec<ColumnMeaning>,
}

/// A column, and what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnMeaning {
    /// Its name.
    pub name: String,
    /// `INTEGER`, `TEXT`, `BLOB` or `ANY`.
    pub kind: String,
    /// What it holds.
    pub meaning: &'static str,
}

/// Reads which tables and columns there are.
pub(super) fn read(connection: &Connection) -> rusqlite::Result<Vec<TableMeaning>> {
    let mut statement = connection.prepare(
        "SELECT tables.name, columns.name, columns.type
        FROM sqlite_schema AS tables JOIN pragma_table_info(tables.name) AS columns
        WHERE tables.type = 'table' AND tables.name NOT LIKE 'sqlite_%' ORDER BY tables.rowid, cid",
    )?;
    let mut rows = statement.query([])?;
    let mut tables = Vec::<TableMeaning>::new();
    while let Some(row) = rows.next()? {
        let [table, name, kind]: [String; 3] = [row.get(0)?, row.get(1)?, row.get(2)?];
        if tables.last().is_none_or(|it| it.name != table) {
            tables.push(TableMeaning {
                meaning: meaning(TABLES, &table),
                name: table.clone(),
                columns: Vec::new(),
            });
        }
        let of_table = COLUMNS.iter().find(|(it, _)| *it == table);
        let meaning = of_table.map_or("", |(_, columns)| meaning(columns, &name));
        if let Some(table) = tables.last_mut() {
            table.columns.push(ColumnMeaning {
                name,
                kind,
                meaning,
            });
        }
    }
    Ok(tables)
}

fn meaning(of: &[(&str, &'static str)], name: &str) -> &'static str {
    of.iter()
        .find(|(it, _)| *it == name)
        .map_or("", |(_, meaning)| meaning)
}

const TABLES: &[(&str, &str)] = &[
    (
        "crawls",
        "one pass over a network, or what another observer saw at one time",
    ),
    ("visits", "one attempt to talk to one address, as seen"),
    (
        "edges",
        "what one peer told of others in one visit, of crawls with --edges",
    ),
    (
        "learned",
        "an address that a crawl which has not finished knows, so that it can go on",
    ),
    (
        "listed",
        "what another observer said of a node besides what a visit holds",
    ),
];

const COLUMNS: &[(&str, &[(&str, &str)])] = &[
    (
        "crawls",
        &[
            ("crawl_id", "its number; later crawls have higher ones"),
            ("chain", "mainnet, testnet3, testnet4, signet or regtest"),
            ("vantage", "where it looked from"),
            (
                "sources",
                "where its first addresses came from: a JSON list of texts",
            ),
            ("started_at_us", "when it began, microseconds since 1970"),
            (
                "finished_at_us",
                "when it ended in order, microseconds since 1970; else NULL",
            ),
            (
                "n_queued",
                "how many addresses it had to visit when it began",
            ),
            ("config", "how it was asked: a JSON object"),
            ("state", "running, finished, stopped or interrupted"),
            (
                "n_visits",
                "how many visits it made; a watch thins old ones",
            ),
            ("n_reachable", "how many of them brought a valid version"),
            ("first_visit_id", "its visits have numbers from this one"),
            (
                "last_visit_id",
                "to that one; both are NULL while there are none",
            ),
            (
                "left_out",
                "how many addresses it left out, by reason: a JSON object",
            ),
            (
                "series",
                "the same number for all rounds of a watch: when that began, microseconds since 1970; else NULL",
            ),
            (
                "problems",
                "what kept a round of a watch from seeing what is there: a JSON list of texts",
            ),
            (
                "snapshot",
                "how many nodes of which network are reachable by a round of a watch: a JSON object",
            ),
            (
                "observer",
                "who saw it, as in bitnodes or sipa; NULL for our own crawls",
            ),
        ],
    ),
    (
        "visits",
        &[
            (
                "visit_id",
                "its number; those of one crawl follow each other",
            ),
            ("crawl_id", "which crawl made it"),
            ("address", "host:port, IPv6 in brackets"),
            ("network", "ipv4, ipv6, onion, i2p or cjdns"),
            ("port", "the port again, 0 on I2P"),
            (
                "source",
                "who named the address: a place in crawls.sources, from 0",
            ),
            (
                "attempt",
                "1 for the first call of the crawl to this address",
            ),
            (
                "started_at_us",
                "when the dial began, microseconds since 1970",
            ),
            (
                "took_us",
                "microseconds from the dial to the end of the visit",
            ),
            (
                "connect_us",
                "microseconds from the dial to the connection; NULL where it came not so far",
            ),
            (
                "version_us",
                "microseconds from the dial to the peer's version; NULL where it came not so far",
            ),
            (
                "verack_us",
                "microseconds from the dial to the peer's verack; NULL where it came not so far",
            ),
            (
                "addrs_us",
                "microseconds from the dial until the questions were answered; NULL where it came not so far",
            ),
            ("transport", "v1, or v2 for the encrypted one (BIP 324)"),
            (
                "tried",
                "transports that failed before that one, with commas; NULL for none",
            ),
            (
                "outcome",
                "how it ended: `bitcensus tables outcomes` says what the words mean",
            ),
            (
                "reason",
                "why it ended so, for people; a fixed word where it was not tried",
            ),
            (
                "protocol_version",
                "from its version message, as are the columns up to addr_from; NULL where absent",
            ),
            (
                "services",
                "its service bits as a signed number: bit 63 makes it negative",
            ),
            ("timestamp", "its clock, seconds since 1970; may be absurd"),
            ("nonce", "64 bits as a signed number"),
            (
                "user_agent",
                "the name of its software: text where it is UTF-8, else bytes",
            ),
            ("start_height", "the height of its chain"),
            ("relay", "the relay byte (BIP 37)"),
            ("addr_recv", "the address that it thinks we have"),
            ("addr_from", "the address that it says it has"),
            (
                "version_payload",
                "the payload of its version message, from which those columns are read",
            ),
            (
                "features",
                "what else it announced: a JSON object; NULL for nothing",
            ),
            ("bytes_in", "bytes that we read"),
            ("bytes_out", "bytes that we wrote"),
            (
                "dialect",
                "in which manner we spoke: old or old_no_checksum; NULL for today's",
            ),
            (
                "addresses_told",
                "how many addresses it told, by network: a JSON object; NULL where it was not asked",
            ),
        ],
    ),
    (
        "edges",
        &[
            ("visit_id", "in which visit it was told"),
            (
                "claims",
                "addrv2 payloads (BIP 155), each behind its length as a CompactSize; `bitcensus export edges` reads them",
            ),
        ],
    ),
    (
        "learned",
        &[
            (
                "learned_id",
                "its number, in the order in which they were learned",
            ),
            ("crawl_id", "which crawl learned it"),
            ("address", "host:port, IPv6 in brackets"),
            ("source", "a place in crawls.sources, from 0"),
            ("teller", "the peer that told it; NULL where a source did"),
            (
                "time",
                "when it is said to have been seen, seconds since 1970",
            ),
            (
                "services",
                "service bits claimed for it, as a signed number",
            ),
        ],
    ),
    (
        "listed",
        &[
            ("visit_id", "about which visit it is"),
            (
                "said",
                "what was said: a JSON object, as in {\"country\": \"DE\", \"asn\": 24940, \"is_good\": true}",
            ),
        ],
    ),
];

#[cfg(test)]
mod tests {
    use std::fs;

    use crate::SqliteStore;

    #[test]
    fn every_column_has_a_meaning_here_and_in_the_document() {
        let dir = tempfile::TempDir::new().unwrap();
        let store = SqliteStore::open_for_crawl(&dir.path().join("a.db")).unwrap();
        let document = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/data.md");
        let document = fs::read_to_string(document).unwrap();
        let tables = store.tables().unwrap();
        assert!(tables.len() >= 4, "{tables:?}");
        for table in tables {
            assert_ne!(table.meaning, "", "{}", table.name);
            let heading = format!("### `{}`", table.name);
            let (_, section) = document.split_once(&heading).expect(&heading);
            let section = section.split("\n#").next().unwrap();
            for column in table.columns {
                assert_ne!(column.meaning, "", "{}.{}", table.name, column.name);
                let row = format!(
                    "| `{}` | {} | {} |",
                    column.name, column.kind, column.meaning
                );
                assert!(section.contains(&row), "{heading} lacks {row}");
            }
        }
    }
}
