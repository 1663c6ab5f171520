//! Comma-separated header values (RFC 3261 §7.3.1): quotes and angle brackets hide commas.

/// The elements of a header value, trimmed, empty ones left out.
///
/// A quote that never closes hides the rest of the value: it stays one element.
pub fn split_list(value: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(value);
    std::iter::from_fn(move || {
        loop {
            let text = rest?;
            let (element, after) = match find_unquoted(text, b',') {
                Some(at) => (&text[..at], Some(&text[at + 1..])),
                None => (text, None),
            };
            rest = after;
            let element = element.trim();
            if !element.is_empty() {
                return Some(element);
            }
        }
    })
}

/// Where `byte` (ASCII) first stands outside of quotes and angle brackets.
pub(crate) fn find_unquoted(text: &str, byte: u8) -> Option<usize> {
    let bytes = text.as_bytes();
    // Most values hide nothing: what stands before the first quote or bracket needs no further look.
    let begin = bytes.iter().position(|&b| b == byte || matches!(b, b'"' | b'<' | b'>'))?;
    let mut quoted = false;
    let mut angle = false;
    let mut escaped = false;
    for (at, &b) in bytes.iter().enumerate().skip(begin) {
        if escaped {
            escaped = false;
            continue;
        }
        match b {
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'>' => {
                angle = false;
                if byte == b'>' {
                    return Some(at);
                }
            }
            _ if b == byte && !angle => return Some(at),
            b'<' => angle = true,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_brackets_hide_commas() {
        let value = r#""A, \", B" <sip:a,b@x;p=1,2>;tag=1 , , <sip:c@d>, sip:e@f"#;
        let parts: Vec<_> = split_list(value).collect();
        assert_eq!(parts, [r#""A, \", B" <sip:a,b@x;p=1,2>;tag=1"#, "<sip:c@d>", "sip:e@f"]);
    }

    #[test]
    fn an_open_quote_hides_the_rest() {
        assert_eq!(split_list("a, \"b, c").collect::<Vec<_>>(), ["a", "\"b, c"]);
    }
}
