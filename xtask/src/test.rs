//! All checks and all tests.

use std::process::Command;

use crate::check::check;
use crate::nodes::Nodes;
use crate::run::{cargo, run, say, works};

pub(crate) fn test() -> anyhow::Result<()> {
    check()?;
    check_fuzz_targets()?;
    let nodes = Nodes::bring();
    // Tests run the commands that are built here; building them first keeps the time of the tests theirs.
    run(&mut cargo(&[
        "build",
        "--workspace",
        "--all-targets",
        "--locked",
        "--quiet",
    ]))?;
    let mut tests = if works(&mut cargo(&["nextest", "--version"])) {
        cargo(&[
            "nextest",
            "run",
            "--workspace",
            "--locked",
            "--no-fail-fast",
        ])
    } else {
        say("cargo-nextest is not installed; cargo test does the same, slower");
        cargo(&["test", "--workspace", "--locked", "--no-fail-fast"])
    };
    nodes.put_into(&mut tests);
    run(&mut tests)?;
    say("all checks and tests passed");
    Ok(())
}

/// Fuzzing needs a nightly compiler, building its targets does not.
fn check_fuzz_targets() -> anyhow::Result<()> {
    if !works(Command::new("c++").arg("--version")) {
        say("skipped: the fuzz targets, which need a C++ compiler to be built");
        return Ok(());
    }
    run(&mut cargo(&[
        "check",
        "--manifest-path",
        "fuzz/Cargo.toml",
        "--target-dir",
        "target/fuzz",
        "--locked",
        "--quiet",
    ]))
}
