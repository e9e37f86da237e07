//! Running programs, and saying so.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Context;

/// Works from the workspace's folder, wherever it was called from.
pub(crate) fn go_to_workspace() -> anyhow::Result<()> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let workspace = here
        .parent()
        .context("xtask is a folder of the workspace")?;
    std::env::set_current_dir(workspace)?;
    Ok(())
}

#[expect(clippy::print_stderr, reason = "this is the one place that prints")]
pub(crate) fn say(text: &str) {
    eprintln!("xtask: {text}");
}

/// Returns a command of the cargo that runs us.
pub(crate) fn cargo(args: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args);
    command
}

/// Runs `command` with its output shown, and fails where it fails.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    let shown = shown(command);
    say(&shown);
    let status = command
        .status()
        .with_context(|| format!("{shown} could not be started"))?;
    anyhow::ensure!(status.success(), "{shown}: {status}");
    Ok(())
}

/// Runs `command`, and returns what it printed to stdout.
pub(crate) fn read(command: &mut Command) -> anyhow::Result<String> {
    let shown = shown(command);
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("{shown} could not be started"))?;
    anyhow::ensure!(output.status.success(), "{shown}: {}", output.status);
    Ok(String::from_utf8(output.stdout)?)
}

/// Whether `command` is there and ends well.
pub(crate) fn works(command: &mut Command) -> bool {
    let quiet = command.stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|it| it.success())
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> = words.map(|it| it.to_string_lossy().into_owned()).collect();
    let name = Path::new(&words[0]).file_name();
    let name = name.map_or(words[0].clone(), |it| it.to_string_lossy().into_owned());
    [vec![name], words[1..].to_vec()].concat().join(" ")
}
