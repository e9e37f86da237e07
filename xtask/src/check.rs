//! The gate: short, and the same everywhere.

use crate::run::{cargo, read, run, say, works};

/// What `proto` must not depend on: it is pure.
const IMPURE: [&str; 9] = [
    "tokio",
    "async-std",
    "smol",
    "mio",
    "rand",
    "fastrand",
    "getrandom",
    "chrono",
    "time",
];

pub(crate) fn check() -> anyhow::Result<()> {
    run(&mut cargo(&["fmt", "--all", "--check"]))?;
    run(&mut cargo(&[
        "clippy",
        "--workspace",
        "--all-targets",
        "--locked",
        "--quiet",
        "--",
        "-D",
        "warnings",
    ]))?;
    let mut doc = cargo(&[
        "doc",
        "--workspace",
        "--no-deps",
        "--document-private-items",
        "--locked",
        "--quiet",
    ]);
    run(doc.env("RUSTDOCFLAGS", "-D warnings"))?;
    check_that_proto_is_pure()?;
    check_dependencies()
}

/// Builds `proto` alone, and looks at its dependencies and its source.
fn check_that_proto_is_pure() -> anyhow::Result<()> {
    run(&mut cargo(&[
        "build",
        "--package",
        "proto",
        "--locked",
        "--quiet",
    ]))?;
    let tree = read(&mut cargo(&[
        "tree",
        "--package",
        "proto",
        "--edges",
        "normal",
        "--prefix",
        "none",
        "--format",
        "{p}",
        "--locked",
    ]))?;
    for line in tree.lines() {
        let name = line.split(' ').next().unwrap_or_default();
        anyhow::ensure!(
            !IMPURE.contains(&name),
            "proto is to be pure, but depends on {name}"
        );
    }
    for path in rust_files("crates/proto/src".as_ref())? {
        let text = std::fs::read_to_string(&path)?;
        for clock in [
            "Instant",
            "SystemTime",
            "std::net::Tcp",
            "std::thread",
            "std::fs",
        ] {
            anyhow::ensure!(
                !text.contains(clock),
                "proto is to be pure, but {} mentions {clock}",
                path.display()
            );
        }
    }
    say("proto is pure: no runtime, no chance, no clock, no socket");
    Ok(())
}

/// Licences, sources and duplicates; known vulnerabilities where their list can be had.
fn check_dependencies() -> anyhow::Result<()> {
    if !works(&mut cargo(&["deny", "--version"])) {
        say("cargo-deny is not installed; installing it, which takes some minutes once");
        run(&mut cargo(&[
            "install",
            "cargo-deny",
            "--locked",
            "--quiet",
        ]))?;
    }
    run(&mut cargo(&[
        "deny",
        "--workspace",
        "--log-level",
        "error",
        "check",
        "bans",
        "licenses",
        "sources",
    ]))
}

fn rust_files(dir: &std::path::Path) -> anyhow::Result<Vec<std::path::PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(rust_files(&path)?);
        } else if path.extension().is_some_and(|it| it == "rs") {
            files.push(path);
        }
    }
    Ok(files)
}
