//! What peers sent, made fit for people's eyes.

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

    #[track_caller]
    fn check(text: &str, max: usize, expected: &str) {
        assert_eq!(escape(text, max), expected, "{text:?}");
    }
}
