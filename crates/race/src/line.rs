//! What processes of this program say to each other: a line each, JSON, never longer than a bound.

use std::io::{self, BufRead, Read, Write};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::RaceError;
use crate::measure::Usage;
use crate::times::CallTimes;

/// The longest line, in bytes: a result with 256 escaped characters of user agent takes less than a tenth of it.
pub const MAX_LINE: usize = 32 * 1024;
/// How much of a wrong line is shown.
const SHOWN: usize = 100;

/// What a process says that calls.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// How a call went.
    Call(Box<CallTimes>),
    /// All are over, and what they took.
    End(Usage),
    /// It cannot go on, and why.
    Failed(String),
}

/// Reads a line; `None` at the end.
pub fn read(from: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = String::new();
    let mut bounded = from.take(MAX_LINE as u64);
    match bounded.read_line(&mut line)? {
        0 => Ok(None),
        MAX_LINE if !line.ends_with('\n') => {
            let why = format!("a line of more than {MAX_LINE} bytes");
            Err(io::Error::new(io::ErrorKind::InvalidData, why))
        }
        _ => Ok(Some(line.trim_end().to_owned())),
    }
}

/// Reads what a line says.
pub fn parse<T: DeserializeOwned>(line: &str) -> Result<T, RaceError> {
    serde_json::from_str(line).map_err(|_| RaceError::Line(line.chars().take(SHOWN).collect()))
}

/// Writes a value as a line, at once.
pub fn write(to: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    to.write_all(&line)?;
    to.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_understood() {
        let said = Said::End(Usage {
            wall_us: 7,
            ..Usage::default()
        });
        let mut bytes = Vec::new();
        write(&mut bytes, &said).unwrap();
        write(&mut bytes, &Said::Failed("no\nroom".to_owned())).unwrap();
        let mut from = &bytes[..];
        let mut next = || read(&mut from).unwrap();
        assert_eq!(parse::<Said>(&next().unwrap()).unwrap(), said);
        assert_eq!(next().as_deref(), Some(r#"{"failed":"no\nroom"}"#));
        assert_eq!(next(), None);
    }

    #[test]
    fn a_line_without_end_takes_no_memory_without_end() {
        let error = read(&mut io::BufReader::new(io::repeat(b'x'))).unwrap_err();
        assert_eq!(error.to_string(), "a line of more than 32768 bytes");
    }

    #[test]
    fn a_wrong_line_is_named_by_its_beginning() {
        let error = parse::<Said>(&"x".repeat(1_000)).unwrap_err().to_string();
        let shown = "x".repeat(100);
        assert_eq!(
            error,
            format!("{shown:?} is not what a process of this program says to another")
        );
    }
}
