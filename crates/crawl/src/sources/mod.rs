//! Where addresses come from: DNS seeds, and node lists in files, at URLs or on standard input.
//!
//! [`fetch::load`] brings the bytes of a list, which the crate `listing` reads, and [`dns::resolve_seeds`] asks the seeds.

pub mod dns;
pub mod fetch;

use std::fmt;
use std::path::PathBuf;

/// Where to take addresses from, as named on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The DNS seeds of the chain.
    Dns,
    /// What the store knows.
    Store,
    /// A list on standard input.
    Stdin,
    /// A list at a URL, as typed.
    Url(String),
    /// A list in a file.
    File(PathBuf),
}

impl Source {
    /// Reads `dns`, `store`, `-`, anything with `://` in it, or else a path.
    pub fn parse(text: &str) -> Source {
        match text {
            "dns" => Source::Dns,
            "store" => Source::Store,
            "-" => Source::Stdin,
            url if url.contains("://") => Source::Url(url.to_owned()),
            path => Source::File(PathBuf::from(path)),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Dns => f.write_str("dns"),
            Source::Store => f.write_str("store"),
            Source::Stdin => f.write_str("standard input"),
            Source::Url(url) => f.write_str(&fetch::without_password(url)),
            Source::File(path) => path.display().fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_a_dash_a_url_and_a_path_are_told_apart() {
        check("dns", "Dns: dns");
        check("store", "Store: store");
        check("-", r#"Stdin: standard input"#);
        check(
            "https://example.org/nodes.json",
            r#"Url("https://example.org/nodes.json"): https://example.org/nodes.json"#,
        );
        check(
            "https://me:secret@example.org/",
            r#"Url("https://me:secret@example.org/"): https://example.org/"#,
        );
        check(
            "ftp://example.org",
            r#"Url("ftp://example.org"): ftp://example.org/"#,
        );
        check("./dns", r#"File("./dns"): ./dns"#);
        check("seeds.txt.gz", r#"File("seeds.txt.gz"): seeds.txt.gz"#);
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let source = Source::parse(text);
        assert_eq!(format!("{source:?}: {source}"), expected);
    }
}
