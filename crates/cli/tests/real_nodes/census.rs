//! The `bitcensus` command, as somebody types it.

use std::collections::BTreeMap;

use assert_cmd::Command;
use serde_json::Value;
use tempfile::TempDir;

use crate::rim::PATIENCE;

/// Who we say we are where nothing else is asked for.
pub(crate) const USER_AGENT: &str = concat!(
    "/bitcensus:",
    env!("CARGO_PKG_VERSION"),
    "(github.com bitcensus bitcensus)/"
);

/// How a command ended that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Done,
    NobodyAnswered,
}

/// Runs `hello`, and returns what it printed.
pub(crate) fn hello(args: &[&str]) -> (Exit, String) {
    run(&[&["hello"], args].concat())
}

/// Runs `hello --json` for one address, and returns its line.
pub(crate) fn hello_json(args: &[&str]) -> (Exit, Value) {
    let (exit, line) = run(&[&["hello", "--json"], args].concat());
    let line = serde_json::from_str(&line).expect("one line is one object");
    (exit, line)
}

/// Calls every address of a list, asks nobody for others, and returns what is then exported of each.
pub(crate) fn crawl(network: &'static str, addrs: &[String]) -> (Exit, BTreeMap<String, Value>) {
    let census = Census::of(network);
    let (exit, _) = census.crawl(addrs, &["--no-gossip"]);
    (exit, census.nodes())
}

/// Everything but 127.0.0.0/8: the addresses that nodes tell of here are made up, and are not to be called.
const ELSEWHERE: &str = "\
0.0.0.0/2
64.0.0.0/3
96.0.0.0/4
112.0.0.0/5
120.0.0.0/6
124.0.0.0/7
126.0.0.0/8
128.0.0.0/1
::/0
";

/// A census with a store of its own.
pub(crate) struct Census {
    dir: TempDir,
    network: &'static str,
}

impl Census {
    /// Begins one of a chain.
    pub(crate) fn of(network: &'static str) -> Census {
        let dir = tempfile::tempdir().expect("a folder can be made");
        let written = std::fs::write(dir.path().join("elsewhere.txt"), ELSEWHERE);
        written.expect("a file can be written");
        Census { dir, network }
    }

    /// Crawls from these addresses, and returns the summary.
    pub(crate) fn crawl(&self, addrs: &[String], flags: &[&str]) -> (Exit, Value) {
        let list = self.path("nodes.txt");
        std::fs::write(&list, addrs.join("\n")).expect("a file can be written");
        self.crawl_from(&list, flags)
    }

    /// Calls whom the latest crawl found, and asks nobody for others.
    pub(crate) fn call_again(&self) -> Exit {
        self.crawl_from("store", &["--no-gossip"]).0
    }

    /// Returns what is exported of each address.
    pub(crate) fn nodes(&self) -> BTreeMap<String, Value> {
        let exported = self.export("ndjson");
        let lines = exported.lines().map(|line| {
            let line: Value = serde_json::from_str(line).expect("each line is an object");
            let addr = line["address"].as_str().expect("each has an address");
            (addr.to_owned(), line)
        });
        lines.collect()
    }

    /// Returns the lines of who told of whom.
    pub(crate) fn edges(&self) -> Vec<String> {
        let exported = self.export("edges");
        let lines = exported.lines().map(|line| {
            let line: Value = serde_json::from_str(line).expect("each line is an object");
            line.to_string()
        });
        lines.collect()
    }

    fn crawl_from(&self, source: &str, flags: &[&str]) -> (Exit, Value) {
        let (elsewhere, db) = (self.path("elsewhere.txt"), self.path("census.db"));
        let mut words = vec!["crawl", source, "--json", "--allow-private"];
        words.extend(["--opt-out", &elsewhere, "--retries", "0"]);
        words.extend(["--min-interval", "0", "--network", self.network]);
        words.extend(["--db", &db, "--addr-timeout", "3"]);
        words.extend(flags);
        let (exit, summary) = run(&words);
        let summary = serde_json::from_str(&summary).expect("the summary is an object");
        (exit, summary)
    }

    fn export(&self, format: &str) -> String {
        let db = self.path("census.db");
        run(&["export", format, "--network", self.network, "--db", &db]).1
    }

    fn path(&self, file: &str) -> String {
        self.dir.path().join(file).display().to_string()
    }
}

fn run(args: &[&str]) -> (Exit, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bitcensus"));
    let output = command.args(args).timeout(PATIENCE).output();
    let output = output.expect("the command can be started");
    let stdout = String::from_utf8(output.stdout).expect("results are UTF-8");
    let exit = match output.status.code() {
        Some(0) => Exit::Done,
        Some(3) => Exit::NobodyAnswered,
        code => panic!("{args:?} ended with {code:?}"),
    };
    (exit, stdout)
}
