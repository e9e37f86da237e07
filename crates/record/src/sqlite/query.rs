//! Questions of a user's own, in SQL.
//!
//! The connection reads only, and is told so twice: the file is opened for reading, and `query_only` is set. What gives no rows
//! (`ATTACH`, `BEGIN`, `INSERT`, …) is refused before it is run.

use std::borrow::Cow;
use std::io;

use rusqlite::types::ValueRef;
use rusqlite::{Error, ErrorCode, InterruptHandle, Statement};

use super::SqliteStore;
use super::error::in_store;
use super::meanings::{self, TableMeaning};
use crate::store::StoreError;

/// A question that can be asked.
#[derive(Debug)]
pub struct Query<'s> {
    store: &'s SqliteStore,
    statement: Statement<'s>,
}

/// One value of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'r> {
    /// There is none.
    Null,
    /// A whole number.
    Integer(i64),
    /// A number with a fraction.
    Real(f64),
    /// Text, which may be a peer's: hostile, to be escaped; with U+FFFD for what is no UTF-8.
    Text(Cow<'r, str>),
    /// Bytes.
    Blob(&'r [u8]),
}

/// Takes the rows of an answer; an error ends it.
pub type TakeRow<'a> = &'a mut dyn FnMut(&[Value<'_>]) -> io::Result<()>;

/// Ends a query that runs on another thread.
pub struct Interrupt(InterruptHandle);

impl Interrupt {
    /// Ends the query that runs, which then fails with [`QueryError::Interrupted`].
    pub fn end_query(&self) {
        self.0.interrupt();
    }
}

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// There is nothing but white space and comments.
    #[error("there is no query: ask with SELECT")]
    Empty,
    /// More than one statement.
    #[error("one query at a time: there is another statement behind the first")]
    SeveralStatements,
    /// A statement that asks nothing, or would change something.
    #[error(
        "only queries are run, as with SELECT: this statement changes something or gives no rows"
    )]
    NoQuery,
    /// SQLite does not understand it.
    #[error("the query is wrong at line {line}, column {column}: {why}")]
    Wrong {
        /// Where, counted from 1.
        line: usize,
        /// Where in that line, in characters counted from 1.
        column: usize,
        /// What SQLite says.
        why: String,
    },
    /// It could not be run to its end.
    #[error("the query failed: {0}")]
    Failed(String),
    /// Somebody ended it.
    #[error("the query took too long and was ended")]
    Interrupted,
    /// Whoever took the rows could not go on.
    #[error("the answer could not be passed on")]
    Taker(#[source] io::Error),
    /// The store has trouble.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl SqliteStore {
    /// Reads a question: one statement that gives rows and changes nothing.
    pub fn query(&self, sql: &str) -> Result<Query<'_>, QueryError> {
        let here = in_store(&self.path);
        let wrong = |error| self.explain(error, sql);
        self.connection
            .pragma_update(None, "query_only", true)
            .map_err(here)?;
        let statement = self.connection.prepare(sql).map_err(wrong)?;
        if is_blank(&statement) {
            return Err(QueryError::Empty);
        }
        if statement.column_count() == 0 || !statement.readonly() {
            return Err(QueryError::NoQuery);
        }
        Ok(Query {
            store: self,
            statement,
        })
    }

    /// Returns what ends a query from another thread.
    pub fn interrupt(&self) -> Interrupt {
        Interrupt(self.connection.get_interrupt_handle())
    }

    /// Lists the tables and their columns, with what they mean.
    pub fn tables(&self) -> Result<Vec<TableMeaning>, StoreError> {
        meanings::read(&self.connection).map_err(in_store(&self.path))
    }

    fn explain(&self, error: Error, sql: &str) -> QueryError {
        match error {
            Error::MultipleStatement => QueryError::SeveralStatements,
            Error::SqlInputError {
                msg,
                sql: part,
                offset,
                ..
            } => match usize::try_from(offset) {
                Ok(offset) if part == sql => wrong_at(sql, offset, msg),
                _ => QueryError::Failed(msg),
            },
            Error::SqliteFailure(code, Some(why)) => match code.code {
                ErrorCode::OperationInterrupted => QueryError::Interrupted,
                ErrorCode::Unknown | ErrorCode::TypeMismatch | ErrorCode::TooBig => {
                    QueryError::Failed(why)
                }
                _ => in_store(&self.path)(Error::SqliteFailure(code, Some(why))).into(),
            },
            error @ Error::SqliteFailure(..) => in_store(&self.path)(error).into(),
            error => QueryError::Failed(error.to_string()),
        }
    }
}

impl Query<'_> {
    /// Returns the names of the columns.
    pub fn columns(&self) -> Vec<String> {
        let names = self.statement.column_names().into_iter();
        names.map(str::to_owned).collect()
    }

    /// Hands every row to `take`, as it is found.
    pub fn read(mut self, take: TakeRow<'_>) -> Result<(), QueryError> {
        let n_columns = self.statement.column_count();
        let wrong = |error| self.store.explain(error, "");
        let mut rows = self.statement.query([]).map_err(wrong)?;
        while let Some(row) = rows.next().map_err(wrong)? {
            let mut values = Vec::with_capacity(n_columns);
            for n in 0..n_columns {
                values.push(Value::from(row.get_ref(n).map_err(wrong)?));
            }
            take(&values).map_err(QueryError::Taker)?;
        }
        Ok(())
    }
}

impl<'r> From<ValueRef<'r>> for Value<'r> {
    fn from(value: ValueRef<'r>) -> Value<'r> {
        match value {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(it) => Value::Integer(it),
            ValueRef::Real(it) => Value::Real(it),
            ValueRef::Text(it) => Value::Text(String::from_utf8_lossy(it)),
            ValueRef::Blob(it) => Value::Blob(it),
        }
    }
}

/// SQLite makes a statement of nothing at all where there is nothing but white space and comments.
fn is_blank(statement: &Statement<'_>) -> bool {
    statement.expanded_sql().is_none()
}

fn wrong_at(sql: &str, offset: usize, why: String) -> QueryError {
    let before = sql.get(..offset).unwrap_or(sql);
    let line = before.rsplit('\n').next().unwrap_or(before);
    QueryError::Wrong {
        line: before.matches('\n').count() + 1,
        column: line.chars().count() + 1,
        why,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{complete, not_tried};
    use crate::store::Store;
    use crate::store::conformance::new_crawl;

    #[test]
    fn rows_are_values() {
        check(
            "SELECT address, services, took_us / 2.0, reason, version_payload IS NULL AS none, x'00ff' AS bytes FROM visits",
            "address services took_us / 2.0 reason none bytes
Text(\"[2a01::1]:8333\") Integer(3081) Real(45000.0) Null Integer(0) Blob([0, 255])
Text(\"1.2.3.4:8333\") Null Real(0.0) Text(\"network_off\") Integer(1) Blob([0, 255])
",
        );
        check("VALUES (1); -- that is all\n", "column1\nInteger(1)\n");
        check(
            "WITH a AS (SELECT 1 AS b) SELECT * FROM a WHERE b > 1",
            "b\n",
        );
        check(
            "SELECT CAST(x'61ff' AS TEXT) AS text",
            "text\nText(\"a\u{fffd}\")\n",
        );
    }

    #[test]
    fn what_is_no_query_is_refused() {
        let refused = "only queries are run, as with SELECT: this statement changes something or gives no rows";
        for sql in [
            "DELETE FROM visits",
            "DELETE FROM visits RETURNING *",
            "INSERT INTO crawls DEFAULT VALUES",
            "UPDATE crawls SET chain = 'x' RETURNING chain",
            "DROP TABLE visits",
            "CREATE TABLE a (b)",
            "CREATE TEMP TABLE a (b)",
            "ATTACH 'other.db' AS other",
            "DETACH main",
            "BEGIN",
            "VACUUM",
            "VACUUM INTO 'other.db'",
            "PRAGMA query_only = 0",
            "PRAGMA user_version = 7",
            "PRAGMA journal_mode = delete",
            "REINDEX",
        ] {
            assert_eq!(asked(sql), format!("error: {refused}\n"), "{sql}");
        }
    }

    #[test]
    fn one_question_is_asked_at_a_time() {
        let several = "error: one query at a time: there is another statement behind the first\n";
        check("SELECT 1; SELECT 2", several);
        check("SELECT 1; DELETE FROM visits", several);
        let none = "error: there is no query: ask with SELECT\n";
        check("", none);
        check(" -- nothing\n;", none);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        check(
            "SELECT nope FROM visits",
            "error: the query is wrong at line 1, column 8: no such column: nope\n",
        );
        check(
            "SELECT 'é',\n  1 FORM visits",
            "error: the query is wrong at line 2, column 10: near \"visits\": syntax error\n",
        );
        check(
            "SELECT * FROM nodes",
            "error: the query failed: no such table: nodes\n",
        );
        check(
            "SELECT 1; nope",
            "error: the query failed: near \"nope\": syntax error\n",
        );
        check(
            "SELECT json_extract('{', '$')",
            "error: the query failed: malformed JSON\n",
        );
        check(
            "SELECT ?1",
            "error: the query failed: Wrong number of parameters passed to query. Got 0, needed 1\n",
        );
        check(
            "SELECT load_extension('a')",
            "error: the query failed: not authorized\n",
        );
    }

    #[test]
    fn a_query_can_be_ended() {
        let (_dir, store) = store();
        let endless =
            "WITH RECURSIVE a(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM a) SELECT n FROM a";
        let interrupt = store.interrupt();
        let ended = store.query(endless).unwrap().read(&mut |row| {
            if row == [Value::Integer(1_000)] {
                interrupt.end_query();
            }
            Ok(())
        });
        assert_eq!(
            ended.unwrap_err().to_string(),
            "the query took too long and was ended"
        );
    }

    #[test]
    fn whoever_takes_rows_may_stop() {
        let (_dir, store) = store();
        let mut n_rows = 0;
        let query = store.query("SELECT * FROM visits").unwrap();
        let ended = query.read(&mut |_| {
            n_rows += 1;
            Err(io::ErrorKind::BrokenPipe.into())
        });
        assert!(matches!(ended, Err(QueryError::Taker(_))));
        assert_eq!(n_rows, 1);
    }

    fn store() -> (tempfile::TempDir, SqliteStore) {
        let dir = tempfile::TempDir::new().unwrap();
        let path = dir.path().join("a.db");
        let mut store = SqliteStore::open_for_crawl(&path).unwrap();
        let crawl = store
            .begin_crawl(&new_crawl(proto::Chain::Mainnet))
            .unwrap();
        let visits = [
            complete("[2a01::1]:8333", b"//", 1),
            not_tried("1.2.3.4:8333"),
        ];
        store.append_visits(crawl, &visits).unwrap();
        drop(store);
        (dir, SqliteStore::open_to_read(&path).unwrap())
    }

    fn asked(sql: &str) -> String {
        let (_dir, store) = store();
        let query = match store.query(sql) {
            Ok(query) => query,
            Err(error) => return format!("error: {error}\n"),
        };
        let mut answer = query.columns().join(" ") + "\n";
        let read = query.read(&mut |row| {
            let row: Vec<_> = row.iter().map(|it| format!("{it:?}")).collect();
            answer += &format!("{}\n", row.join(" "));
            Ok(())
        });
        match read {
            Ok(()) => answer,
            Err(error) => format!("error: {error}\n"),
        }
    }

    #[track_caller]
    fn check(sql: &str, expected: &str) {
        assert_eq!(asked(sql), expected, "{sql}");
    }
}
