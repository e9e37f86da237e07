//! Real nodes for the tests: Bitcoin Knots from Debian unstable, bcoin from npm.
//!
//! Both are unpacked below `target/nodes`, and nothing is installed on the system. Where one cannot be had, its tests
//! say that they were skipped.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

use crate::run::{run, say, works};

/// The version of bcoin, and of the one dependency that must be newer than it asks for.
const BCOIN: &str = r#"{
  "private": true,
  "dependencies": { "bcoin": "1.0.2" },
  "overrides": { "leveldown": "6.1.1" }
}
"#;

/// Where the real nodes are; `None` for one that cannot be had.
pub(crate) struct Nodes {
    bitcoind: Option<PathBuf>,
    bcoin_modules: Option<PathBuf>,
}

impl Nodes {
    /// Brings what is not there yet.
    pub(crate) fn bring() -> Nodes {
        Nodes {
            bitcoind: or_say("bitcoind", bring_bitcoind()),
            bcoin_modules: or_say("bcoin", bring_bcoin()),
        }
    }

    /// Tells `command` where they are.
    pub(crate) fn put_into(&self, command: &mut Command) {
        if let Some(path) = &self.bitcoind {
            command.env("BITCOIND_EXE", path);
        }
        if let Some(path) = &self.bcoin_modules {
            command.env("BCOIN_MODULES", path);
        }
    }
}

fn or_say(name: &str, brought: anyhow::Result<PathBuf>) -> Option<PathBuf> {
    match brought {
        Ok(path) => {
            say(&format!("tests talk to the {name} at {}", path.display()));
            Some(path)
        }
        Err(error) => {
            say(&format!(
                "no real {name} can be had, its tests are skipped: {error:#}"
            ));
            None
        }
    }
}

fn bring_bitcoind() -> anyhow::Result<PathBuf> {
    if let Some(path) = std::env::var_os("BITCOIND_EXE") {
        return Ok(path.into());
    }
    let dir = std::path::absolute("target/nodes/knots")?;
    let bitcoind = dir.join("bitcoind");
    if works(Command::new(&bitcoind).arg("-version")) {
        return Ok(bitcoind);
    }
    anyhow::ensure!(
        works(Command::new("apt-get").arg("--version")),
        "there is no apt-get; install a Bitcoin node yourself and name it with BITCOIND_EXE"
    );
    say("unpacking Bitcoin Knots of Debian unstable below target/nodes, about 20 MB");
    let _ = fs::remove_dir_all(&dir);
    unpack_knots(&dir)?;
    anyhow::ensure!(
        works(Command::new(&bitcoind).arg("-version")),
        "the unpacked bitcoind does not run"
    );
    Ok(bitcoind)
}

/// Has apt fetch the node with all its libraries, as if nothing at all were installed, and unpacks them.
fn unpack_knots(dir: &Path) -> anyhow::Result<()> {
    let apt = dir.join("apt");
    for sub in ["lists/partial", "cache/archives/partial"] {
        fs::create_dir_all(apt.join(sub))?;
    }
    let archive = debian_archive().context("no Debian archive is among apt's sources")?;
    let keys = "/usr/share/keyrings/debian-archive-keyring.gpg";
    fs::write(apt.join("status"), "")?;
    fs::write(
        apt.join("sources.list"),
        format!("deb [signed-by={keys}] {archive} sid main\n"),
    )?;
    let at = |sub: &str| apt.join(sub).display().to_string();
    let settings = [
        ("Dir::Etc::sourcelist", at("sources.list")),
        ("Dir::Etc::sourceparts", "/dev/null".to_owned()),
        ("Dir::State::lists", at("lists")),
        ("Dir::State::status", at("status")),
        ("Dir::Cache", at("cache")),
        ("APT::Sandbox::User", "root".to_owned()),
    ];
    let settings: String = settings
        .iter()
        .map(|(name, value)| format!("{name} \"{value}\";\n"))
        .collect();
    fs::write(apt.join("apt.conf"), settings)?;
    let apt_get = |args: &[&str]| {
        let mut command = Command::new("apt-get");
        command.env("APT_CONFIG", apt.join("apt.conf")).args(args);
        run(&mut command)
    };
    apt_get(&["update", "-qq"])?;
    apt_get(&[
        "install",
        "-qq",
        "--yes",
        "--no-install-recommends",
        "--download-only",
        "bitcoin-knots",
    ])?;
    let root = dir.join("root");
    for entry in fs::read_dir(apt.join("cache/archives"))? {
        let package = entry?.path();
        if package.extension().is_some_and(|it| it == "deb") {
            let mut unpack = Command::new("dpkg-deb");
            let unpacked = unpack.arg("--extract").arg(&package).arg(&root).status()?;
            anyhow::ensure!(
                unpacked.success(),
                "{} cannot be unpacked",
                package.display()
            );
        }
    }
    let loader = find(&root, &|name| name.starts_with("ld-linux-"))
        .context("the packages have no dynamic loader")?;
    let libc = find(&root.join("usr/lib"), &|name| name == "libc.so.6")
        .context("the packages have no C library")?;
    let libraries = libc.parent().context("a file is in a folder")?;
    for program in ["bitcoind", "bitcoin-cli"] {
        let path = dir.join(program);
        fs::write(
            &path,
            format!(
                "#!/bin/sh\nexec '{}' --library-path '{}' '{}' \"$@\"\n",
                loader.display(),
                libraries.display(),
                root.join("usr/bin").join(program).display()
            ),
        )?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    }
    fs::remove_dir_all(&apt)?;
    Ok(())
}

/// Returns the address of the Debian archive that this machine's apt uses.
fn debian_archive() -> Option<String> {
    let mut files = vec![PathBuf::from("/etc/apt/sources.list")];
    let parts = fs::read_dir("/etc/apt/sources.list.d").ok();
    files.extend(parts.into_iter().flatten().flatten().map(|it| it.path()));
    let texts = files.iter().filter_map(|it| fs::read_to_string(it).ok());
    texts.flat_map(|it| archives_in(&it)).next()
}

/// Finds words such as `http://HOST/debian` in lines that are no comments, in both forms of apt's sources.
fn archives_in(text: &str) -> Vec<String> {
    text.lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .flat_map(str::split_whitespace)
        .map(|word| word.trim_end_matches('/'))
        .filter(|word| word.starts_with("http") && word.ends_with("/debian"))
        .map(str::to_owned)
        .collect()
}

/// Finds a file by its name; symbolic links to folders are not followed.
fn find(dir: &Path, is_wanted: &dyn Fn(&str) -> bool) -> Option<PathBuf> {
    let mut entries: Vec<_> = fs::read_dir(dir).ok()?.flatten().collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let is_dir = entry.file_type().is_ok_and(|it| it.is_dir());
        if is_dir && let Some(found) = find(&entry.path(), is_wanted) {
            return Some(found);
        }
        if !is_dir && is_wanted(&entry.file_name().to_string_lossy()) {
            return Some(entry.path());
        }
    }
    None
}

fn bring_bcoin() -> anyhow::Result<PathBuf> {
    if let Some(path) = std::env::var_os("BCOIN_MODULES") {
        return Ok(path.into());
    }
    let dir = std::path::absolute("target/nodes/bcoin")?;
    let modules = dir.join("node_modules");
    if modules.join("bcoin/package.json").exists() {
        return Ok(modules);
    }
    anyhow::ensure!(
        works(Command::new("node").arg("--version")) && works(Command::new("npm").arg("--version")),
        "there is no node with npm"
    );
    say("installing bcoin from npm below target/nodes");
    fs::create_dir_all(&dir)?;
    fs::write(dir.join("package.json"), BCOIN)?;
    let mut npm = Command::new("npm");
    npm.current_dir(&dir);
    npm.args([
        "install",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--silent",
    ]);
    run(&mut npm)?;
    Ok(modules)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_apts_sources_are_read() {
        let one_line =
            "# deb http://no.example/debian x\ndeb https://a.example/debian/ bookworm main\n";
        assert_eq!(archives_in(one_line), ["https://a.example/debian"]);
        let deb822 = "Types: deb\nURIs: http://b.example/debian\nSuites: bookworm\n";
        assert_eq!(archives_in(deb822), ["http://b.example/debian"]);
        assert!(archives_in("deb http://c.example/debian-security x").is_empty());
    }
}
