//! The simulated network, in a process of its own.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use anyhow::Context;

/// A simulated network, which ends with this value.
pub(super) struct Sim {
    child: Child,
    /// Where its proxy listens.
    pub(super) at: String,
}

impl Sim {
    /// Starts `bitcensus sim` with these words.
    pub(super) fn start(words: &[&str]) -> anyhow::Result<Sim> {
        let mut command = Command::new("target/release/bitcensus");
        command.args(["sim", "--listen", "127.0.0.1:0", "--seed", "1", "--quiet"]);
        command.args(words);
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let stdout = child.stdout.take().context("stdout is a pipe")?;
        let mut at = String::new();
        BufReader::new(stdout).read_line(&mut at)?;
        let at = at.trim().trim_start_matches("socks5://").to_owned();
        anyhow::ensure!(!at.is_empty(), "the simulated network did not start");
        Ok(Sim { child, at })
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
