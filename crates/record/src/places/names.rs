//! The names that addresses resolve to, kept for a day.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::IpAddr;

/// The most addresses whose names are kept, which is 6 MB of text with the longest names of practice.
pub const MAX_NAMES: usize = 100_000;

/// How long an answer is good, in seconds: what bitnodes takes too.
const TTL_S: i64 = 86_400;

/// The longest name in text form (RFC 1035, section 2.3.4).
const MAX_NAME_CHARS: usize = 253;

/// The longest part of a name between two dots (the same).
const MAX_LABEL_CHARS: usize = 63;

/// What a resolver said of addresses, and when.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    answers: BTreeMap<IpAddr, Answer>,
}

/// That an address has a name, or has none.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Answer {
    asked_at_s: i64,
    name: Option<String>,
}

impl Names {
    /// Reads what [`Names::to_text`] wrote; lines that are none of it, or not good at `now_s` any more, are left out.
    pub fn parse(text: &str, now_s: i64) -> Names {
        let mut names = Names::default();
        for line in text.lines() {
            if let Some((ip, answer)) = parse_line(line)
                && (0..TTL_S).contains(&now_s.saturating_sub(answer.asked_at_s))
            {
                names.insert(ip, answer);
            }
        }
        names
    }

    /// Writes an address a line, when it was asked for in seconds since 1970, and its name where it has one.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for (ip, answer) in &self.answers {
            let name = answer.name.as_deref().unwrap_or_default();
            writeln!(text, "{ip}\t{}\t{name}", answer.asked_at_s)
                .expect("a string takes everything");
        }
        text
    }

    /// Takes note of an answer; a name that no host can have is none.
    pub fn learn(&mut self, ip: IpAddr, name: Option<String>, asked_at_s: i64) {
        let name = name.filter(|it| is_host_name(it));
        self.insert(ip, Answer { asked_at_s, name });
    }

    /// Whether it was asked for this address.
    pub fn knows(&self, ip: IpAddr) -> bool {
        self.answers.contains_key(&ip)
    }

    /// Returns the name of an address.
    pub fn name(&self, ip: IpAddr) -> Option<&str> {
        self.answers.get(&ip)?.name.as_deref()
    }

    fn insert(&mut self, ip: IpAddr, answer: Answer) {
        if self.answers.len() < MAX_NAMES || self.knows(ip) {
            self.answers.insert(ip, answer);
        }
    }
}

fn parse_line(line: &str) -> Option<(IpAddr, Answer)> {
    let mut fields = line.split('\t');
    let ip = fields.next()?.parse().ok()?;
    let asked_at_s = fields.next()?.parse().ok()?;
    let name = match fields.next()? {
        "" => None,
        name => Some(name.to_owned()),
    };
    let is_sound = name.as_deref().is_none_or(is_host_name) && fields.next().is_none();
    is_sound.then_some((ip, Answer { asked_at_s, name }))
}

/// Whether a text can be the name of a host: letters, digits, `-` and `_` between dots, no longer than the DNS allows.
///
/// Whoever runs an address writes its name, so it is as hostile as what peers send.
pub fn is_host_name(name: &str) -> bool {
    let is_label = |label: &str| {
        let mut chars = label.bytes();
        (1..=MAX_LABEL_CHARS).contains(&label.len())
            && chars.all(|it| it.is_ascii_alphanumeric() || b"-_".contains(&it))
    };
    name.len() <= MAX_NAME_CHARS && name.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_S: i64 = 1_700_000_000;

    #[test]
    fn names_are_kept_for_a_day() {
        let mut names = Names::default();
        names.learn(ip("8.8.8.8"), Some("dns.google".to_owned()), NOW_S);
        names.learn(ip("2a01:4f8::1"), None, NOW_S);
        let text = names.to_text();
        let expected = "8.8.8.8\t1700000000\tdns.google\n2a01:4f8::1\t1700000000\t\n";
        assert_eq!(text, expected);
        assert_eq!(Names::parse(&text, NOW_S + TTL_S - 1), names);
        assert_eq!(Names::parse(&text, NOW_S + TTL_S), Names::default());
        assert_eq!(Names::parse(&text, NOW_S - 1), Names::default());
        assert_eq!(names.name(ip("8.8.8.8")), Some("dns.google"));
        assert_eq!(names.name(ip("2a01:4f8::1")), None);
        assert!(names.knows(ip("2a01:4f8::1")) && !names.knows(ip("8.8.4.4")));
    }

    #[test]
    fn a_damaged_cache_keeps_what_is_sound() {
        let text = "8.8.8.8\t1700000000\tdns.google\n\
            8.8.4.4\t1700000000\t<script>\n\
            8.8.4.5\t1700000000\n\
            8.8.4.6\tyesterday\tdns.google\n\
            8.8.4.7\t1700000000\tdns.google\tmore\n\
            \0\n\
            9.9.9.9\t17000";
        let names = Names::parse(text, NOW_S);
        assert_eq!(names.to_text(), "8.8.8.8\t1700000000\tdns.google\n");
    }

    #[test]
    fn no_more_is_kept_than_the_bound() {
        let mut names = Names::default();
        for n in 0..=u32::try_from(MAX_NAMES).unwrap() {
            names.learn(IpAddr::from(n.to_be_bytes()), None, NOW_S);
        }
        assert_eq!(names.answers.len(), MAX_NAMES);
        names.learn(ip("0.0.0.0"), Some("a".to_owned()), NOW_S);
        assert_eq!(names.name(ip("0.0.0.0")), Some("a"));
    }

    #[test]
    fn only_names_that_hosts_can_have_are_names() {
        for name in [
            "dns.google",
            "a",
            "_dmarc.example-1.org",
            "1.2.3.4.in-addr.arpa",
        ] {
            assert!(is_host_name(name), "{name}");
        }
        let long = "a.".repeat(126) + "ab";
        assert!(!is_host_name(&long), "254 characters");
        assert!(is_host_name(&long[1..].replacen('.', "", 1)));
        for name in [
            "",
            ".",
            "a..b",
            "a.",
            "a b",
            "a\u{1b}[31m",
            "ä",
            "=cmd()",
            &"a".repeat(64),
        ] {
            assert!(!is_host_name(name), "{name:?}");
        }
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }
}
