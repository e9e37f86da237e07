//! Text for people's eyes: what peers sent made harmless, numbers and lines made easy to read.

use std::fmt::Display;
use std::net::Ipv6Addr;

use proto::PeerAddr;
use proto::version::NetAddr;

/// Shows hostile text: what cannot be seen or turns the text around is written as `\u{202e}`, and what does not fit
/// into `max` characters is cut and ends with `…`.
pub fn escape(text: &str, max: usize) -> String {
    let mut shown = String::new();
    let mut n_shown = 0;
    // Where to cut, should the text turn out to be too long.
    let mut cut = 0;
    for char in text.chars() {
        let escaped = escape_char(char);
        n_shown += escaped.chars().count();
        if n_shown > max {
            shown.truncate(cut);
            shown.push('…');
            return shown;
        }
        shown.push_str(&escaped);
        if n_shown < max {
            cut = shown.len();
        }
    }
    shown
}

/// Quotes do no harm in a terminal; what takes them for more has its own escaping.
fn escape_char(char: char) -> String {
    match char {
        '\'' | '"' => char.to_string(),
        _ => char.escape_debug().to_string(),
    }
}

/// Writes a number as people read it: `12,345`, `-1,699.5`.
pub fn grouped(number: impl Display) -> String {
    let text = number.to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let n_digits = whole.trim_start_matches('-').len();
    let mut grouped = String::new();
    for (i, char) in whole.chars().enumerate() {
        let n_left = whole.len() - i;
        if n_left < n_digits && n_left.is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(char);
    }
    if !fraction.is_empty() {
        grouped.push('.');
        grouped.push_str(fraction);
    }
    grouped
}

/// Breaks `text` between words into lines of at most `width` columns; a longer word has a line of its own.
pub fn wrapped(text: &str, width: usize) -> Vec<String> {
    packed(text.split(' '), " ", width)
}

/// Puts `parts` into lines of at most `width` columns, with `between` between those of one line.
pub fn packed<'a>(
    parts: impl IntoIterator<Item = &'a str>,
    between: &str,
    width: usize,
) -> Vec<String> {
    let mut lines = vec![String::new()];
    for part in parts {
        let line = lines.last_mut().expect("there is a first line");
        let n_chars = line.chars().count() + between.chars().count() + part.chars().count();
        if line.is_empty() {
            line.push_str(part);
        } else if n_chars <= width {
            line.push_str(between);
            line.push_str(part);
        } else {
            lines.push(part.to_owned());
        }
    }
    lines
}

/// Writes an address from inside a `version` message as [`PeerAddr`] writes its own.
///
/// Bytes that are no host, as in `fc00::/8`, are written as the IPv6 address that they look like; zeros are `[::]:0`.
pub fn net_addr(addr: &NetAddr) -> String {
    match addr.host() {
        Ok(host) => PeerAddr::new(host, addr.port).to_string(),
        Err(_) => format!("[{}]:{}", Ipv6Addr::from(addr.ip), addr.port),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_peers_send_can_not_move_the_cursor_or_turn_the_text() {
        check("/Satoshi:27.1.0/", 80, "/Satoshi:27.1.0/");
        check("\x1b[2Jgone\r\n\0", 80, "\\u{1b}[2Jgone\\r\\n\\0");
        check(
            "\u{202e}evil\u{2066}\u{200b}",
            80,
            "\\u{202e}evil\\u{2066}\\u{200b}",
        );
        check(
            "a\u{301}\u{a0}\u{feff}\u{e000}",
            80,
            "a\\u{301}\\u{a0}\\u{feff}\\u{e000}",
        );
        check("\u{9b}31m\u{85}\u{2028}", 80, "\\u{9b}31m\\u{85}\\u{2028}");
        check("C:\\\"it's\"", 80, "C:\\\\\"it's\"");
        check("/é:鸡/", 80, "/é:鸡/");
    }

    #[test]
    fn what_is_too_long_is_cut_between_characters() {
        check("123456", 6, "123456");
        check("1234567", 6, "12345…");
        check("1234\u{202e}", 6, "1234…");
        check("12345\u{202e}", 6, "12345…");
        check("\u{202e}", 6, "…");
        check("", 0, "");
        check("1", 0, "…");
    }

    #[test]
    fn long_numbers_are_grouped() {
        let written = [0, 999, 1_000, -1, -999, -1_000, i32::MIN].map(grouped);
        let expected = [
            "0",
            "999",
            "1,000",
            "-1",
            "-999",
            "-1,000",
            "-2,147,483,648",
        ];
        assert_eq!(written, expected);
        assert_eq!(grouped(u64::MAX), "18,446,744,073,709,551,615");
        assert_eq!(grouped("1234.5678"), "1,234.5678");
    }

    #[test]
    fn lines_break_between_words() {
        assert_eq!(wrapped("", 5), [""]);
        assert_eq!(wrapped("ab cd ef", 5), ["ab cd", "ef"]);
        assert_eq!(wrapped("abcdefg h", 5), ["abcdefg", "h"]);
        let parts = ["a 1", "b 2", "c 3"];
        assert_eq!(packed(parts, " · ", 9), ["a 1 · b 2", "c 3"]);
    }

    #[test]
    fn addresses_inside_a_version_are_written_like_all_others() {
        check_addr([0; 16], 0, "[::]:0");
        let mapped = "::ffff:1.2.3.4".parse::<Ipv6Addr>().unwrap();
        check_addr(mapped.octets(), 8333, "1.2.3.4:8333");
        let tor_v2 = "fd87:d87e:eb43::1".parse::<Ipv6Addr>().unwrap();
        check_addr(tor_v2.octets(), 8333, "aaaaaaaaaaaaaaab.onion:8333");
        let private = "fc00::1".parse::<Ipv6Addr>().unwrap();
        check_addr(private.octets(), 8333, "[fc00::1]:8333");
    }

    #[track_caller]
    fn check(text: &str, max: usize, expected: &str) {
        assert_eq!(escape(text, max), expected, "{text:?}");
    }

    #[track_caller]
    fn check_addr(ip: [u8; 16], port: u16, expected: &str) {
        let addr = NetAddr {
            services: 0,
            ip,
            port,
        };
        assert_eq!(net_addr(&addr), expected);
    }
}
