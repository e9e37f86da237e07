//! Plain lists: the dumps of DNS seeders, and Bitcoin Core's fixed seeds, which `makeseeds.py` makes of them.
//!
//! `makeseeds.py` splits a line at white space and takes the quotes off the twelfth column. So that no user agent breaks a
//! line or ends its quotes, it is cut behind 256 characters, and `_` stands for everything but letters, digits and
//! ` .,;-_/:?@()`: what sipa's seeder and Bitcoin Core call safe. They leave such characters out, which would make an honest
//! name of a forged one.

use std::io::{self, Write};

use proto::PeerAddr;

use crate::{Listed, Uptime};

/// The most characters of a user agent in a dump: Bitcoin Core's `MAX_SUBVERSION_LENGTH`.
const MAX_USER_AGENT: usize = 256;

/// What may stand in a user agent besides letters and digits: Bitcoin Core's `SAFE_CHARS_DEFAULT`.
const SAFE_CHARS: &str = " .,;-_/:?@()";

pub(super) fn write_sipa_header(out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "{:<47}  {:>4}  {:>11}  {:>7} {:>7} {:>7} {:>7} {:>7}  {:>6}  {:>8}  version",
        "# address",
        "good",
        "lastSuccess",
        "%(2h)",
        "%(8h)",
        "%(1d)",
        "%(7d)",
        "%(30d)",
        "blocks",
        "svcs",
    )
}

pub(super) fn write_sipa_line(
    addr: &PeerAddr,
    said: &Listed,
    out: &mut impl Write,
) -> io::Result<()> {
    let line = Line::new(said);
    let Uptime {
        hours_2,
        hours_8,
        day,
        week,
        month,
    } = line.uptime;
    writeln!(
        out,
        "{:<47}  {:>4}  {:>11}  {hours_2:>6.2}% {hours_8:>6.2}% {day:>6.2}% {week:>6.2}% {month:>6.2}%  {:>6}  {:08x}  {:>5} \"{}\"",
        addr.to_string(),
        line.is_good,
        line.last_success,
        line.height,
        line.services,
        line.protocol_version,
        line.user_agent,
    )
}

pub(super) fn write_dnsseedrs_header(out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "{:<70}{:<6}{:<12}{:^8}{:^8}{:^8}{:^8}{:^8}{:^9}{:<18}{:<8}user_agent",
        "# address",
        "good",
        "last_seen",
        "%(2h)",
        "%(8h)",
        "%(1d)",
        "%(1w)",
        "%(1m)",
        "blocks",
        "services",
        "version",
    )
}

pub(super) fn write_dnsseedrs_line(
    addr: &PeerAddr,
    said: &Listed,
    out: &mut impl Write,
) -> io::Result<()> {
    let line = Line::new(said);
    let Uptime {
        hours_2,
        hours_8,
        day,
        week,
        month,
    } = line.uptime;
    writeln!(
        out,
        "{:<70}{:<6}{:<12}{hours_2:>6.2}% {hours_8:>6.2}% {day:>6.2}% {week:>6.2}% {month:>7.2}% {:<8}{:016x}  {:<8}\"{}\"",
        addr.to_string(),
        line.is_good,
        line.last_success,
        line.height,
        line.services,
        line.protocol_version,
        line.user_agent,
    )
}

/// `1.2.3.4:8333 # AS123`, and the address alone where its autonomous system is not known.
pub(super) fn write_seed(addr: &PeerAddr, said: &Listed, out: &mut impl Write) -> io::Result<()> {
    match said.asn.as_deref().filter(|it| is_number(it)) {
        Some(asn) => writeln!(out, "{addr} # {asn}"),
        None => writeln!(out, "{addr}"),
    }
}

fn is_number(asn: &str) -> bool {
    let digits = asn.strip_prefix("AS").unwrap_or_default();
    !digits.is_empty() && digits.bytes().all(|it| it.is_ascii_digit())
}

/// What both dumps say of a node; 0 where nobody knows.
struct Line {
    is_good: u8,
    last_success: i64,
    uptime: Uptime,
    height: i64,
    services: u64,
    protocol_version: i64,
    user_agent: String,
}

impl Line {
    fn new(said: &Listed) -> Line {
        let seen_up = said.seen_at.filter(|_| said.is_up != Some(false));
        Line {
            is_good: said.is_good.unwrap_or(false).into(),
            last_success: seen_up.unwrap_or(0),
            uptime: said.uptime.unwrap_or_default(),
            height: said.height.unwrap_or(0),
            services: said.services.unwrap_or(0),
            protocol_version: said.protocol_version.unwrap_or(0),
            user_agent: safe(said.user_agent.as_deref().unwrap_or_default()),
        }
    }
}

fn safe(user_agent: &str) -> String {
    let is_safe = |it: &char| it.is_ascii_alphanumeric() || SAFE_CHARS.contains(*it);
    let chars = user_agent.chars().take(MAX_USER_AGENT);
    chars
        .map(|it| if is_safe(&it) { it } else { '_' })
        .collect()
}
