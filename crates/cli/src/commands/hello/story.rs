//! A call, told like a story: phases with their times, the verdict, every field.

use std::fmt::Write;
use std::time::Duration;

use data_encoding::HEXLOWER;
use proto::gossip::ToldCounts;
use proto::layout::version_fields;
use proto::outcome::NotTried;
use proto::routable::Unroutable;
use proto::version::{NetAddr, Version};
use proto::visit::{Dialect, Told, Transport};
use proto::{Call, Outcome, protocol_version, services};
use record::text::{escape, grouped, wrapped};

use super::Greeted;
use crate::console;

/// How much of a user agent is shown.
const SHOWN_USER_AGENT: usize = 300;
/// Words that would have less room than this are not broken into lines.
const MIN_ROOM: usize = 20;

/// Tells how a greeting went, from the dial to the end.
pub(super) fn tell(greeted: &Greeted, hex: bool) -> String {
    let Greeted {
        target,
        dialect,
        call,
    } = greeted;
    let mut story = Story {
        text: String::new(),
        width: console::terminal_width().unwrap_or(usize::MAX),
    };
    story.line(&format!(
        "{target}  ({}){}",
        target.network(),
        manner(*dialect)
    ));
    story.phases(call);
    story.verdict(call);
    if let Some(version) = &call.heard.version {
        story.version(version);
    }
    if call.outcome.is_reachable() {
        story.features(call);
    }
    if let Some(gossip) = &call.heard.gossip {
        story.others(&gossip.told);
    }
    if hex && let Some(payload) = &call.heard.version_payload {
        story.raw(payload);
    }
    story.text
}

/// What is told, in lines of at most `width` columns.
struct Story {
    text: String,
    width: usize,
}

impl Story {
    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// Tells `words` behind `start`; lines that follow stand below the first word.
    fn words(&mut self, start: &str, words: &str) {
        let indent = start.chars().count();
        let room = self.width.saturating_sub(indent);
        let lines = match room {
            MIN_ROOM.. => wrapped(words, room),
            _ => vec![words.to_owned()],
        };
        let below = format!("\n{:indent$}", "");
        self.line(&format!("{start}{}", lines.join(&below)));
    }

    fn field(&mut self, name: &str, value: &str) {
        self.words(&format!("    {name:<18}"), value);
    }

    fn phases(&mut self, call: &Call) {
        let Some(connect) = call.connect else {
            if !matches!(call.outcome, Outcome::NotTried(_)) {
                self.line(&format!("  {:>10}  no connection", millis(call.took)));
            }
            return;
        };
        self.line(&format!("  {:>10}  {}", millis(connect), connected(call)));
        for told in &call.heard.story {
            let Told {
                at,
                by_peer,
                command,
                len,
            } = told;
            let arrow = if *by_peer { "<-" } else { "->" };
            let meaning = proto::command::COMMANDS
                .iter()
                .find(|it| it.command == *command)
                .map_or("a command that no table knows", |it| it.meaning);
            let command = escape(command.name(), 12);
            let start = format!(
                "  {:>10}  {arrow} {command:<12} {len:>6} bytes   ",
                millis(*at)
            );
            self.words(&start, meaning);
        }
        let (bytes_in, bytes_out) = (call.heard.bytes_in, call.heard.bytes_out);
        let end = format!(
            "  {:>10}  the end: {} bytes sent, {} received",
            millis(call.took),
            grouped(bytes_out),
            grouped(bytes_in)
        );
        self.line(&end);
    }

    fn verdict(&mut self, call: &Call) {
        let (code, meaning) = (call.outcome, call.outcome.meaning());
        let reason = match &call.reason {
            Some(reason) => format!(" ({})", escape(without_os_error(reason), 200)),
            None => String::new(),
        };
        self.words("  ", &format!("{code}: {meaning}{reason}"));
        if let Some(advice) = advice(call) {
            self.words("  ", advice);
        }
    }

    fn version(&mut self, version: &Version) {
        self.line("  what its version message says");
        let known = protocol_version::latest_change(version.protocol_version);
        let since = known.map_or_else(String::new, |it| {
            format!(
                "  since {} ({}): {}",
                it.version, it.first_release, it.meaning
            )
        });
        self.field(
            "protocol version",
            &format!("{}{since}", version.protocol_version),
        );
        self.field("services", &services_line(version.services));
        self.field("timestamp", &date(version.timestamp));
        self.field(
            "addr_recv",
            &format!(
                "{}  (whom it thinks it talks to)",
                addr_line(&version.addr_recv)
            ),
        );
        let absent = || "absent".to_owned();
        let addr_from = version.addr_from.as_ref().map_or_else(absent, addr_line);
        self.field("addr_from", &addr_from);
        let nonce = version
            .nonce
            .map_or_else(absent, |it| format!("{it:#018x}"));
        self.field("nonce", &nonce);
        let user_agent = version.user_agent.as_ref().map_or_else(absent, |bytes| {
            let mut line = escape(&String::from_utf8_lossy(bytes), SHOWN_USER_AGENT);
            if bytes.len() > proto::limits::MAX_USER_AGENT {
                let _ = write!(line, "  ({} bytes, nodes take at most 256)", bytes.len());
            }
            if std::str::from_utf8(bytes).is_err() {
                let _ = write!(
                    line,
                    "  (no UTF-8: {})",
                    escape(&HEXLOWER.encode(bytes), 128)
                );
            }
            line
        });
        self.field("user agent", &user_agent);
        let height = version
            .start_height
            .map_or_else(absent, |it| it.to_string());
        self.field("start height", &height);
        let relay = match version.relay {
            None => "absent".to_owned(),
            Some(0) => "0  (do not announce transactions to me)".to_owned(),
            Some(1) => "1  (announce transactions to me)".to_owned(),
            Some(odd) => format!("{odd}  (neither 0 nor 1)"),
        };
        self.field("relay", &relay);
        if !version.trailing.is_empty() {
            self.field(
                "trailing",
                &escape(&HEXLOWER.encode(&version.trailing), 128),
            );
        }
    }

    fn features(&mut self, call: &Call) {
        let features = &call.heard.features;
        let mut told = Vec::new();
        let mut tell = |name: &str, meaning: String| told.push((escape(name, 12), meaning));
        let flags = [
            (
                features.sendaddrv2,
                "sendaddrv2",
                "understands addresses of all networks (BIP 155)",
            ),
            (
                features.wtxidrelay,
                "wtxidrelay",
                "announces transactions by wtxid (BIP 339)",
            ),
            (
                features.sendheaders,
                "sendheaders",
                "wants blocks announced by their headers (BIP 130)",
            ),
            (
                features.getaddr,
                "getaddr",
                "asked us for addresses, though we called it",
            ),
        ];
        for (_, name, meaning) in flags.iter().filter(|(is_set, ..)| *is_set) {
            tell(name, (*meaning).to_owned());
        }
        for version in &features.sendcmpct {
            let meaning = format!("understands compact blocks of version {version} (BIP 152)");
            tell("sendcmpct", meaning);
        }
        if let Some(rate) = features.feefilter {
            let rate = grouped(rate);
            let meaning =
                format!("wants no transaction below {rate} satoshis per 1,000 vbytes (BIP 133)");
            tell("feefilter", meaning);
        }
        if let Some(version) = features.sendtxrcncl {
            let meaning = format!("reconciles transactions, version {version} (BIP 330)");
            tell("sendtxrcncl", meaning);
        }
        for (id, data) in &features.feature {
            let meaning = format!("{} {} (BIP 434)", escape(id, 80), escape(data, 64));
            tell("feature", meaning);
        }
        for name in &features.unknown {
            tell(name, "a command that no table knows".to_owned());
        }
        if !told.is_empty() {
            self.line("  what else it showed");
        }
        for (name, meaning) in told {
            self.words(&format!("    {name:<13} "), &meaning);
        }
    }

    fn others(&mut self, told: &ToldCounts) {
        self.line(&match told.total() {
            0 => "  it told no address".to_owned(),
            1 => "  it told 1 address".to_owned(),
            n => format!("  it told {} addresses", grouped(n)),
        });
        for (network, n) in told.by_network() {
            if n > 0 {
                self.field(network, &grouped(n));
            }
        }
    }

    fn raw(&mut self, payload: &[u8]) {
        self.line(&format!("  its version message, {} bytes", payload.len()));
        for field in version_fields(payload) {
            for (i, chunk) in payload[field.bytes.clone()].chunks(16).enumerate() {
                let at = field.bytes.start + 16 * i;
                let hex: Vec<_> = chunk.iter().map(|it| format!("{it:02x}")).collect();
                let name = if i == 0 { field.name } else { "" };
                self.line(&format!("    {at:>4}  {:<47}  {name}", hex.join(" ")));
            }
        }
    }
}

/// Says how we spoke, where that is not today's manner.
fn manner(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Modern => "",
        Dialect::Old => ", which answers to the manner of 2010",
        Dialect::OldNoChecksum => ", which answers to the manner of 2010 without checksums",
    }
}

/// Says which transport the connection was for, and whether another one had been tried.
fn connected(call: &Call) -> String {
    let again = if call.tried.is_empty() { "" } else { " again" };
    let transport = match call.transport {
        Some(Transport::V1) => ", to speak v1 (in plain)",
        Some(Transport::V2) => ", to speak v2 (encrypted)",
        None => "",
    };
    format!("connected{again}{transport}")
}

/// Systems number their errors, which says nothing to people: `Connection refused (os error 111)`.
fn without_os_error(reason: &str) -> &str {
    match reason.rsplit_once(" (os error ") {
        Some((words, number)) if number.ends_with(')') => words,
        _ => reason,
    }
}

/// What a node's operator can do about it.
fn advice(call: &Call) -> Option<&'static str> {
    match call.outcome {
        Outcome::ConnectRefused => {
            Some("Is the node running, and does it listen on that port (bind=, port=)?")
        }
        Outcome::ConnectTimeout => {
            Some("A firewall or a router without port forwarding looks like this from outside.")
        }
        Outcome::ClosedBeforeVersion => Some(
            "Full inbound slots (maxconnections=), a ban, or a node of another chain (--network) look like this.",
        ),
        Outcome::V2Failed => {
            Some("It may speak v1 alone, which is worth a call with --transport v1.")
        }
        Outcome::WrongNetwork => Some("Choose its chain with --network."),
        Outcome::ProxyError => {
            Some("Is the proxy of --proxy or --tor running, and can it reach that network?")
        }
        Outcome::SamError => {
            Some("Is the router of --i2p running, with SAM switched on, and for some minutes?")
        }
        Outcome::NotTried(NotTried::NetworkOff) => {
            Some("Give a way into that network, as --tor socks5://127.0.0.1:9050 for Tor.")
        }
        Outcome::NotTried(NotTried::Unroutable(Unroutable::TorV2)) => {
            Some("Tor dropped such short names in 2021; its operator has a longer one, if any.")
        }
        Outcome::NotTried(NotTried::Unroutable(_)) => {
            Some("No node can have such an address; is it typed right?")
        }
        Outcome::NotTried(NotTried::OptedOut) => {
            Some("It is on the list of --opt-out, or on the one that comes with this program.")
        }
        Outcome::NotTried(NotTried::TooSoon) => Some("Wait a minute, then call again."),
        Outcome::Complete
        | Outcome::VersionOnly
        | Outcome::ConnectUnreachable
        | Outcome::ConnectReset
        | Outcome::ConnectOther
        | Outcome::VersionTimeout
        | Outcome::MalformedVersion
        | Outcome::ProtocolViolation
        | Outcome::SelfConnection => None,
    }
}

fn services_line(bits: u64) -> String {
    let names = services::names(bits);
    match names.is_empty() {
        true => "0  (offers nothing)".to_owned(),
        false => format!("{bits:#x}  {}", names.join(" ")),
    }
}

fn addr_line(addr: &NetAddr) -> String {
    let names = services::names(addr.services);
    match names.is_empty() {
        true => addr.to_string(),
        false => format!("{addr}  {}", names.join(" ")),
    }
}

fn date(unix_time: i64) -> String {
    match jiff::Timestamp::from_second(unix_time) {
        Ok(date) => format!("{unix_time}  ({date})"),
        Err(_) => format!("{unix_time}  (no date)"),
    }
}

fn millis(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1_000.0)
}
