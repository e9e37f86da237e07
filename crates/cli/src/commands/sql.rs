//! `sql`: questions of the user's own.

use std::collections::BTreeSet;
use std::io::{self, BufWriter, Write};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use anyhow::bail;
use clap::Args;
use data_encoding::HEXLOWER;
use listing::write::{CsvWriter, LineEnd};
use record::SqliteStore;
use record::sqlite::{Interrupt, Query, Value};
use record::text::{escape, grouped};
use serde_json::json;

use crate::config::DbArgs;
use crate::table::{table, table_of};
use crate::{Done, console};

/// The most rows of a table for people.
const MAX_ROWS: usize = 200;

/// The most characters of one of its cells, unless all are asked for: the longest address fits.
const MAX_CELL: usize = 72;

/// How long to wait between two attempts to end a query.
const AGAIN: Duration = Duration::from_millis(100);

/// What stands behind the list of tables.
const EXAMPLES: &str = "\
Three questions to begin with:

  How many nodes of which network did the latest crawl reach?
    bitcensus sql \"SELECT network, count(*) AS nodes FROM visits
      WHERE crawl_id = (SELECT max(crawl_id) FROM crawls) AND outcome IN ('complete', 'version_only')
      GROUP BY network ORDER BY nodes DESC\"

  Which software do they run?
    bitcensus sql \"SELECT user_agent, count(*) AS nodes FROM visits
      WHERE user_agent IS NOT NULL GROUP BY user_agent ORDER BY nodes DESC LIMIT 20\"

  Which nodes took longest to connect to, and how long, in milliseconds?
    bitcensus sql \"SELECT address, connect_us / 1000 AS ms, outcome FROM visits
      WHERE connect_us IS NOT NULL ORDER BY connect_us DESC LIMIT 10\"
";

#[derive(Debug, Args)]
pub(crate) struct SqlArgs {
    /// The question, one SELECT of SQLite's SQL; without one, the tables are listed.
    query: Option<String>,
    /// Print a JSON array with an object a row; bytes are hexadecimal digits.
    #[arg(long, requires = "query")]
    json: bool,
    /// Print CSV (RFC 4180); bytes are hexadecimal digits.
    #[arg(long, requires = "query", conflicts_with = "json")]
    csv: bool,
    /// Put a ' before texts in CSV that a spreadsheet would take for a formula.
    #[arg(long, requires = "csv")]
    harmless: bool,
    /// Do not cut wide cells.
    #[arg(long, requires = "query", conflicts_with_all = ["json", "csv"])]
    full: bool,
    /// Give up after so many seconds.
    #[arg(long, value_name = "SECONDS", requires = "query")]
    timeout: Option<u64>,
    #[command(flatten)]
    db: DbArgs,
}

pub(crate) fn run(args: SqlArgs) -> anyhow::Result<Done> {
    let store = SqliteStore::open_to_read(&args.db.path()?)?;
    let Some(sql) = &args.query else {
        console::print_result(&describe(&store)?)?;
        return Ok(Done::Well);
    };
    let query = store.query(sql)?;
    let _patience = args
        .timeout
        .map(|it| Patience::begin(store.interrupt(), Duration::from_secs(it)));
    let mut out = BufWriter::new(io::stdout().lock());
    match (args.json, args.csv) {
        (true, _) => print_json(query, &mut out)?,
        (_, true) => print_csv(query, args.harmless, &mut out)?,
        (false, false) => print_table(query, args.full, &mut out)?,
    }
    out.flush()?;
    Ok(Done::Well)
}

/// Ends the query of a store after a while, unless it is dropped before.
struct Patience {
    _done: mpsc::Sender<()>,
}

impl Patience {
    fn begin(interrupt: Interrupt, patience: Duration) -> Patience {
        let (done, is_done) = mpsc::channel();
        thread::spawn(move || {
            let mut wait = patience;
            while is_done.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
                interrupt.end_query();
                // Where the query had not yet begun, nothing was ended.
                wait = AGAIN;
            }
        });
        Patience { _done: done }
    }
}

fn describe(store: &SqliteStore) -> anyhow::Result<String> {
    let mut text = String::new();
    for it in store.tables()? {
        let columns = it.columns.into_iter();
        let rows = columns.map(|it| [it.name, it.kind, it.meaning.to_owned()]);
        let table = table(["column", "type", "what it holds"], rows);
        text += &format!("{}: {}\n{table}\n\n", it.name, it.meaning);
    }
    Ok(text + EXAMPLES)
}

fn print_table(query: Query<'_>, is_full: bool, out: &mut impl Write) -> anyhow::Result<()> {
    let max_cell = if is_full { usize::MAX } else { MAX_CELL };
    let columns = query.columns();
    let columns: Vec<String> = columns.iter().map(|it| escape(it, max_cell)).collect();
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    let mut rows = Vec::new();
    let mut n_rows = 0;
    query.read(&mut |row| {
        if rows.len() < MAX_ROWS {
            let cells = row.iter().map(|it| escape(&shown(it), max_cell));
            rows.push(cells.collect());
        }
        n_rows += 1;
        Ok(())
    })?;
    writeln!(out, "{}", table_of(&columns, rows))?;
    match n_rows {
        0 => writeln!(out, "no rows")?,
        1 => writeln!(out, "1 row")?,
        n if n <= MAX_ROWS => writeln!(out, "{n} rows")?,
        n => writeln!(
            out,
            "{} rows, of which these are the first {MAX_ROWS}: {} more with --csv or --json",
            grouped(n),
            grouped(n - MAX_ROWS)
        )?,
    }
    Ok(())
}

fn shown(value: &Value<'_>) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Integer(it) => it.to_string(),
        // With its fraction, `1.0`, so that it is seen to be no whole number.
        Value::Real(it) => format!("{it:?}"),
        Value::Text(it) => it.clone().into_owned(),
        Value::Blob(it) => HEXLOWER.encode(it),
    }
}

fn print_json(query: Query<'_>, out: &mut impl Write) -> anyhow::Result<()> {
    let columns = query.columns();
    let mut seen = BTreeSet::new();
    if let Some(twice) = columns.iter().find(|it| !seen.insert(*it)) {
        bail!(
            "two columns are called {}; name them with AS",
            escape(twice, MAX_CELL)
        );
    }
    let mut is_first = true;
    out.write_all(b"[")?;
    query.read(&mut |row| {
        out.write_all(if is_first { b"\n" } else { b",\n" })?;
        is_first = false;
        let values = columns.iter().zip(row);
        let object: serde_json::Map<_, _> = values
            .map(|(column, value)| (column.clone(), as_json(value)))
            .collect();
        Ok(serde_json::to_writer(&mut *out, &object)?)
    })?;
    out.write_all(b"\n]\n")?;
    Ok(())
}

fn as_json(value: &Value<'_>) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Integer(it) => json!(it),
        Value::Real(it) => json!(it),
        Value::Text(it) => json!(it),
        Value::Blob(it) => json!(HEXLOWER.encode(it)),
    }
}

fn print_csv(query: Query<'_>, is_harmless: bool, out: &mut impl Write) -> anyhow::Result<()> {
    let columns = query.columns();
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    let mut csv = CsvWriter::new(out, LineEnd::Lf, is_harmless, &columns)?;
    query.read(&mut |row| {
        for value in row {
            match value {
                Value::Null => csv.value(None::<&str>)?,
                Value::Integer(it) => csv.value(Some(it))?,
                Value::Real(_) => csv.value(Some(shown(value)))?,
                Value::Text(it) => csv.text(it)?,
                Value::Blob(it) => csv.value(Some(HEXLOWER.encode_display(it)))?,
            }
        }
        csv.end_row()
    })?;
    csv.flush()?;
    Ok(())
}
