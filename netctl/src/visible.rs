//! What a terminal may be shown of texts that anybody wrote.

use std::borrow::Cow;

/// A text as a terminal may have it. Names, labels and words of other programs come from anybody: what would move the
/// cursor, colour or retitle is shown as it is written in Rust, `\u{1b}`.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    // The marks that turn the direction of a line, too (UAX #9, 2).
    let is_hidden = |c: char| {
        (c.is_control() && c != '\n' && c != '\t')
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
    };
    if !text.contains(is_hidden) {
        return text.into();
    }
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match is_hidden(c) {
            true => shown.extend(c.escape_unicode()),
            false => shown.push(c),
        }
    }
    shown.into()
}

#[cfg(test)]
mod tests {
    use super::visible;

    #[test]
    fn a_terminal_gets_no_orders_from_what_others_named() {
        for (text, shown) in [
            ("edge\tup\nnext: é 名\n", "edge\tup\nnext: é 名\n"),
            ("\x1b[31mred", "\\u{1b}[31mred"),
            ("\x1b]0;title\x07", "\\u{1b}]0;title\\u{7}"),
            ("all well\rBAD", "all well\\u{d}BAD"),
            // One character for ESC [, which JSON leaves alone.
            ("\u{9b}2J", "\\u{9b}2J"),
            ("a\u{202e}gpj.exe", "a\\u{202e}gpj.exe"),
        ] {
            assert_eq!(visible(text), shown);
        }
    }
}
