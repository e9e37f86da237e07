//! A bcoin node in regtest mode that stays on loopback: another implementation, in JavaScript.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};

use proto::PeerAddr;
use serde_json::{Value, json};

use crate::rim::{PATIENCE, free_ports, named_by};

/// A running node; ends when dropped.
pub(crate) struct Bcoin {
    process: Child,
    port: u16,
    lines: Receiver<Value>,
    /// What it says of itself.
    pub(crate) said: Value,
}

impl Bcoin {
    /// Starts a node that knows nobody; says so where there is none to start.
    pub(crate) fn start() -> Option<Bcoin> {
        Bcoin::start_with(&[])
    }

    /// Starts a node that knows these hosts, and dials none of them.
    pub(crate) fn start_with(hosts: &[PeerAddr]) -> Option<Bcoin> {
        let modules = named_by("BCOIN_MODULES")?;
        // The port above is for its own HTTP.
        let port = free_ports(2);
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/real_nodes/bcoin.cjs");
        let mut process = Command::new("node")
            .arg(script)
            .arg(modules)
            .arg(port.to_string())
            .args(hosts.iter().map(PeerAddr::to_string))
            .env("NODE_BACKEND", "js")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node can be started");
        let stdout = process.stdout.take().expect("it is a pipe");
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let line = serde_json::from_str(&line).expect("it prints JSON");
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let mut node = Bcoin {
            process,
            port,
            lines,
            said: Value::Null,
        };
        node.said = node.next_line();
        Some(node)
    }

    /// Returns host and port, as one calls them.
    pub(crate) fn addr(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Returns whom it knows as `export edges` would write it, sorted.
    pub(crate) fn book(&self) -> Vec<String> {
        let book = self.said["book"].as_array().expect("it says whom it knows");
        let edge = |entry: &Value| {
            let mut edge = json!({ "from": self.addr() });
            for key in ["to", "time", "services"] {
                edge[key] = entry[key].clone();
            }
            edge.to_string()
        };
        let mut book: Vec<_> = book.iter().map(edge).collect();
        book.sort();
        book
    }

    /// Returns what it knew of the next peer that has gone.
    pub(crate) fn next_gone(&self) -> Value {
        self.next_line()
    }

    fn next_line(&self) -> Value {
        let line = self.lines.recv_timeout(PATIENCE);
        line.expect("it prints a line")
    }
}

impl Drop for Bcoin {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
