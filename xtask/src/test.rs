//! All checks and all tests.

use crate::check::check;
use crate::nodes::Nodes;
use crate::run::{cargo, run, say, works};

pub(crate) fn test() -> anyhow::Result<()> {
    check()?;
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
