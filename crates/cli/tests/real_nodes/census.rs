//! The `bitcensus` command, as somebody types it.

use std::collections::BTreeMap;

use assert_cmd::Command;
use serde_json::Value;

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

/// Calls every address of a list, and returns what is then exported of each.
pub(crate) fn crawl(network: &str, addrs: &[String]) -> (Exit, BTreeMap<String, Value>) {
    let dir = tempfile::tempdir().expect("a folder can be made");
    let [list, db] = ["nodes.txt", "census.db"].map(|it| dir.path().join(it).display().to_string());
    std::fs::write(&list, addrs.join("\n")).expect("a file can be written");
    let chosen = ["--network", network, "--db", &db];
    let (exit, _) = run(&[&["crawl", &list, "--allow-private"], &chosen[..]].concat());
    let (_, exported) = run(&[&["export", "ndjson"], &chosen[..]].concat());
    let lines = exported.lines().map(|line| {
        let line: Value = serde_json::from_str(line).expect("each line is an object");
        let addr = line["address"].as_str().expect("each has an address");
        (addr.to_owned(), line)
    });
    (exit, lines.collect())
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
