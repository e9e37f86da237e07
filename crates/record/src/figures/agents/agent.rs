//! What a user agent says (BIP 14): which program, which release of it, what was added, what its operator remarks.

use std::cmp::Ordering;

use proto::limits::MAX_USER_AGENT;

use super::names::{self, CORE, CORE_NAME, Implementation, Kind};
use super::releases::Number;

/// A user agent taken apart; all texts in it are a peer's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Agent {
    /// The program, where its name is a known one.
    pub implementation: Option<Implementation>,
    /// Its release: that of Bitcoin Core for forks that name theirs behind it.
    pub release: Option<Version>,
    /// The release of Bitcoin Core that it is, or descends from.
    pub core_release: Option<Number>,
    /// What names itself behind the release of a known program: `Knots:20240801`, several with `/` between.
    pub fork: Option<String>,
    /// The remarks in brackets, in their order.
    pub comments: Vec<String>,
    /// Whether it has the form of BIP 14: `/Name:Version(Comment; Comment)/Name:Version/`.
    pub is_bip14: bool,
}

/// A release as it was written, and its number; in the order of the numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// As it was written: `0.11.0F`, `v1.0.0-beta.14`.
    pub text: String,
    /// The numbers at its start.
    pub number: Number,
}

/// One part of a user agent: `Name:Version(Comment; Comment)`.
#[derive(Debug, PartialEq, Eq)]
struct Part<'a> {
    name: &'a str,
    version: Option<&'a str>,
    comments: Vec<&'a str>,
    is_bip14: bool,
}

impl Agent {
    /// Takes the first 256 bytes of a user agent apart ([`MAX_USER_AGENT`]); what has not the form of BIP 14 as far as
    /// that goes.
    pub fn parse(user_agent: &[u8]) -> Agent {
        let start = &user_agent[..user_agent.len().min(MAX_USER_AGENT)];
        let text = String::from_utf8_lossy(start);
        let inner = text.strip_prefix('/').and_then(|it| it.strip_suffix('/'));
        let parts: Vec<Part<'_>> = split(inner.unwrap_or(text.trim_matches('/')), '/')
            .map(Part::read)
            .collect();
        let known = parts.iter().enumerate().rev();
        let known = known.filter_map(|(i, it)| Some((i, names::by_name(it.name)?)));
        let decisive = known.clone().next();
        // A fork of Bitcoin Core that is named behind it has the release of Bitcoin Core, and an edition of its own.
        let base = match decisive {
            Some((i, it)) if it.kind == Kind::CoreFork => {
                let core = parts[..i].iter().position(|it| it.name == CORE_NAME);
                core.unwrap_or(i)
            }
            Some((i, _)) => i,
            None => 0,
        };
        let comments = || parts.iter().flat_map(|it| it.comments.iter().copied());
        let by_comment = || comments().find_map(|it| names::by_comment(stem(it)));
        let implementation = match decisive {
            Some((_, CORE)) => by_comment().or(Some(CORE)),
            Some((_, it)) => Some(it),
            None => None,
        };
        let core = parts.iter().find(|it| it.name == CORE_NAME);
        let core_release = core.and_then(|it| Version::read(it.version?));
        let behind = match decisive {
            Some(_) => &parts[base + 1..],
            None => &[],
        };
        let fork = behind.iter().filter(|it| !it.name.is_empty());
        let fork: Vec<String> = fork.map(Part::title).collect();
        Agent {
            implementation,
            release: parts.get(base).and_then(|it| Version::read(it.version?)),
            core_release: core_release.map(|it| it.number),
            fork: (!fork.is_empty()).then(|| fork.join("/")),
            comments: comments().map(str::to_owned).collect(),
            is_bip14: inner.is_some() && parts.iter().all(|it| it.is_bip14),
        }
    }
}

impl Version {
    fn read(text: &str) -> Option<Version> {
        let (number, _) = Number::parse(text.strip_prefix('v').unwrap_or(text))?;
        Some(Version {
            text: text.to_owned(),
            number,
        })
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Version) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Version) -> Ordering {
        let key = |it: &Version| (it.number, it.text.clone());
        key(self).cmp(&key(other))
    }
}

impl<'a> Part<'a> {
    fn read(text: &'a str) -> Part<'a> {
        let (head, comments, tail) = match text.split_once('(') {
            Some((head, rest)) => match rest.rsplit_once(')') {
                Some((comments, tail)) => (head, Some(comments), tail),
                None => (head, Some(rest), "("),
            },
            None => (text, None, ""),
        };
        let (name, version) = match head.split_once(':') {
            Some((name, version)) => (name, Some(version.trim()).filter(|it| !it.is_empty())),
            None => (head, None),
        };
        let comments = comments.map(|it| split(it, ';').map(str::trim));
        Part {
            name: name.trim(),
            version,
            comments: comments
                .into_iter()
                .flatten()
                .filter(|it| !it.is_empty())
                .collect(),
            is_bip14: !name.is_empty() && version.is_some() && tail.is_empty(),
        }
    }

    /// Returns it without its comments.
    fn title(&self) -> String {
        match self.version {
            Some(version) => format!("{}:{version}", self.name),
            None => self.name.to_owned(),
        }
    }
}

/// Returns what a remark is about: what stands in front of the number in `RoninDojo 1.14.1` and `Omni:0.11.0`.
pub(super) fn stem(comment: &str) -> &str {
    let is_release = |word: &str| {
        let digits = word.strip_prefix('v').unwrap_or(word);
        digits.starts_with(|it: char| it.is_ascii_digit()) && digits.contains('.')
    };
    match comment.rsplit_once([' ', ':', '/', '-']) {
        Some((stem, word)) if is_release(word) && !stem.trim().is_empty() => stem.trim(),
        _ => comment,
    }
}

/// Splits at `separator` where it is not in brackets.
fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut depth = 0u32;
    text.split(move |it| {
        match it {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => (),
        }
        it == separator && depth == 0
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_of_bitcoin_core_are_read() {
        check("/Satoshi:27.1.0/", "Bitcoin Core 27.1.0");
        check("/Satoshi:0.19.0.1/", "Bitcoin Core 0.19.0.1");
        check(
            "/Satoshi:22.0.0(Samourai Dojo 1.16.1; no comment)/",
            "Bitcoin Core 22.0.0 (Samourai Dojo 1.16.1; no comment)",
        );
        check("/Satoshi:0.16.0()/", "Bitcoin Core 0.16.0");
    }

    #[test]
    fn forks_name_themselves_behind_what_they_descend_from() {
        check(
            "/Satoshi:27.1.0/Knots:20240801/",
            "Bitcoin Knots 27.1.0 + Knots:20240801",
        );
        check(
            "/Satoshi:29.2.0/Knots:20251110/UASF-BIP110:0.3/",
            "Bitcoin Knots 29.2.0 + Knots:20251110/UASF-BIP110:0.3",
        );
        check(
            "/Satoshi:0.14.2(bitcore)/UASF-Segwit:1.0(!BIP148)/",
            "Bitcore's Bitcoin Core 0.14.2 + UASF-Segwit:1.0 (bitcore; !BIP148)",
        );
        check(
            "/Satoshi:0.12.1/btc.com/",
            "Bitcoin Core 0.12.1 + btc.com, no BIP 14",
        );
        check("/Statoshi:23.99.0/", "Statoshi 23.99.0");
    }

    #[test]
    fn some_forks_are_told_by_their_remarks_alone() {
        check("/Satoshi:1.14.5(2x)/", "btc1 1.14.5 (2x)");
        check(
            "/Satoshi:0.20.1(Omni:0.11.0)/",
            "Omni Core 0.20.1 (Omni:0.11.0)",
        );
        check(
            "/Bitcoin ABC:0.16.1(EB8.0; bitcore)/",
            "Bitcoin ABC 0.16.1 (EB8.0; bitcore)",
        );
    }

    #[test]
    fn other_programs_are_known_by_their_names() {
        check("/btcwire:0.5.0/btcd:0.24.2/", "btcd 0.24.2");
        check("/btcwire:0.5.0/mine:0.1/", "btcsuite 0.5.0 + mine:0.1");
        check("/bcoin:v1.0.0-beta.14/", "bcoin v1.0.0-beta.14");
        check("/Gocoin:1.10.2pre/", "Gocoin 1.10.2pre");
        check(
            "/bitcoinj:0.14.3/Bitcoin Wallet:5.35/",
            "bitcoinj 0.14.3 + Bitcoin Wallet:5.35",
        );
        check(
            "/Bitcoin XT:0.11.0G(Compact or xthin? I'm serving both!; Linux; x86_64)/",
            "Bitcoin XT 0.11.0G (Compact or xthin? I'm serving both!; Linux; x86_64)",
        );
        check("pbtc", "Parity Bitcoin -, no BIP 14");
    }

    #[test]
    fn unknown_stays_unknown() {
        check("/Satushi:0.13.69/", "- 0.13.69");
        check("/FBI:22.1.2(a/b; c)/", "- 22.1.2 (a/b; c)");
        check("/TestClient.0.0.1/", "- -, no BIP 14");
        check("", "- -, no BIP 14");
        check("///", "- -, no BIP 14");
    }

    #[test]
    fn broken_forms_are_read_as_far_as_they_go() {
        check(
            "/Satoshi:0.16.99/[B.A.N.]",
            "Bitcoin Core 0.16.99 + [B.A.N.], no BIP 14",
        );
        check(
            "/BitcoinUnlimited:v1.0.3(EB16; AD12) template/",
            "Bitcoin Unlimited v1.0.3 (EB16; AD12), no BIP 14",
        );
        check(
            "/Satoshi:0.16.0(no end/",
            "Bitcoin Core 0.16.0 (no end), no BIP 14",
        );
        check("/Satoshi:/", "Bitcoin Core -, no BIP 14");
        check("Satoshi:1", "Bitcoin Core 1, no BIP 14");
        check(
            "/Satoshi:0.9)))/((((:",
            "Bitcoin Core 0.9))) ((((:), no BIP 14",
        );
    }

    #[test]
    fn an_endless_name_is_read_to_its_bound() {
        let agent = Agent::parse(&[b'('; 100_000]);
        assert_eq!(agent.comments, ["(".repeat(MAX_USER_AGENT - 1)]);
    }

    #[test]
    fn releases_are_in_their_order_and_not_in_that_of_their_letters() {
        let mut versions =
            ["0.9.1", "0.11.0F", "22.0.0", "0.11.0"].map(|it| Version::read(it).unwrap());
        versions.sort();
        assert_eq!(
            versions.map(|it| it.text),
            ["0.9.1", "0.11.0", "0.11.0F", "22.0.0"]
        );
    }

    #[test]
    fn the_stem_of_a_remark_has_no_number() {
        assert_eq!(stem("RoninDojo 1.14.1"), "RoninDojo");
        assert_eq!(stem("Omni:0.11.0"), "Omni");
        assert_eq!(stem("UASF-SegWit-BIP148"), "UASF-SegWit-BIP148");
        assert_eq!(stem("EB8.0"), "EB8.0");
        assert_eq!(stem("1.2"), "1.2");
    }

    #[track_caller]
    fn check(user_agent: &str, expected: &str) {
        let it = Agent::parse(user_agent.as_bytes());
        let mut seen = format!(
            "{} {}",
            it.implementation.map_or("-", |it| it.name),
            it.release.as_ref().map_or("-", |it| &it.text),
        );
        if let Some(fork) = &it.fork {
            seen += &format!(" + {fork}");
        }
        if !it.comments.is_empty() {
            seen += &format!(" ({})", it.comments.join("; "));
        }
        if !it.is_bip14 {
            seen += ", no BIP 14";
        }
        assert_eq!(seen, expected, "{user_agent}");
    }
}
