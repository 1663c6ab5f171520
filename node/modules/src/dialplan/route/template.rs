//! A SIP URI with places for what a pattern matched.
//!
//! What was dialled comes from outside: it fills its place and can do nothing else. Whatever RFC 3261 §25.1
//! does not call unreserved is escaped as §19.1.2 says, so that no dialled `@`, `;`, `?`, `:` or `%` becomes
//! a host, a parameter, a header or a port; a blank or a control character is in no number at all.

use regex::Captures;
use thiserror::Error;

/// Longest URI it expands to, in bytes.
const MAX_LENGTH: usize = 1024;

/// Why a text is no template.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum TemplateError {
    /// A dollar sign that stands alone.
    #[error("{0:?}: after $ comes a group's number, {{number}} or another $")]
    Dollar(String),
    /// A group the pattern does not have.
    #[error("{template:?} names group {group}, the pattern has {has}")]
    Group {
        /// What was written.
        template: String,
        /// The group it names.
        group: usize,
        /// How many there are.
        has: usize,
    },
}

/// A text, parsed once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Template(Vec<Piece>);

#[derive(Clone, PartialEq, Eq, Debug)]
enum Piece {
    Text(String),
    Group(usize),
}

impl Template {
    /// Reads `$N`, `${N}` and `$$`; all digits behind a `$` are its number, so `$10` is the tenth group and
    /// `${1}0` the first and a zero.
    pub(super) fn parse(template: &str, groups: usize) -> Result<Self, TemplateError> {
        let alone = || TemplateError::Dollar(template.to_owned());
        let mut pieces = Vec::new();
        let mut rest = template;
        while let Some((text, tail)) = rest.split_once('$') {
            pieces.push(Piece::Text(text.to_owned()));
            if let Some(tail) = tail.strip_prefix('$') {
                pieces.push(Piece::Text("$".to_owned()));
                rest = tail;
                continue;
            }
            let (number, tail) = match tail.strip_prefix('{') {
                Some(tail) => tail.split_once('}').ok_or_else(alone)?,
                None => tail.split_at(tail.find(|c: char| !c.is_ascii_digit()).unwrap_or(tail.len())),
            };
            let group = number.parse().map_err(|_| alone())?;
            if group > groups {
                return Err(TemplateError::Group { template: template.to_owned(), group, has: groups });
            }
            pieces.push(Piece::Group(group));
            rest = tail;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        Ok(Self(pieces))
    }

    /// The URI; none where what was dialled cannot stand in one.
    pub(super) fn expand(&self, groups: &Captures<'_>) -> Option<String> {
        let mut uri = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => uri += text,
                // A group that took no part in the match is empty.
                Piece::Group(group) => escape(groups.get(*group).map_or("", |m| m.as_str()), &mut uri)?,
            }
        }
        (uri.len() <= MAX_LENGTH).then_some(uri)
    }
}

fn escape(text: &str, uri: &mut String) -> Option<()> {
    if text.contains(|c: char| c.is_control() || c.is_whitespace()) {
        return None;
    }
    for byte in text.bytes() {
        match byte {
            // RFC 3261 §25.1 unreserved, and the plus sign of RFC 3966 numbers, which a user part may have.
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'_' | b'.' | b'!' | b'~' | b'*' | b'\'' => {
                uri.push(byte.into());
            }
            b'(' | b')' | b'+' => uri.push(byte.into()),
            _ => *uri += &format!("%{byte:02X}"),
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use regex::Regex;

    use super::*;

    fn expand(pattern: &str, template: &str, number: &str) -> Option<String> {
        let pattern = Regex::new(pattern).unwrap();
        let template = Template::parse(template, pattern.captures_len() - 1).unwrap();
        template.expand(&pattern.captures(number).unwrap())
    }

    #[test]
    fn groups_take_their_places() {
        let expanded = |pattern, template, number| expand(pattern, template, number).unwrap();
        assert_eq!(expanded("^2(\\d{3})$", "sip:$1@127.0.0.1:5090", "2345"), "sip:345@127.0.0.1:5090");
        assert_eq!(expanded("^2(\\d{3})$", "sip:${1}0@h", "2345"), "sip:3450@h");
        assert_eq!(expanded("34", "sip:$0@h", "2345"), "sip:34@h");
        assert_eq!(expanded("x", "sip:a$$1@h", "x"), "sip:a$1@h");
        assert_eq!(expanded("^(a)|b$", "sip:x$1@h", "b"), "sip:x@h");
        let ten = "(.)".repeat(10);
        assert_eq!(expanded(&ten, "sip:$10-${1}0@h", "abcdefghij"), "sip:j-a0@h");
    }

    #[test]
    fn what_was_dialled_cannot_change_the_uri() {
        let expanded = |number| expand("^(.*)$", "sip:$1@127.0.0.1", number).unwrap();
        assert_eq!(expanded("a@evil.example"), "sip:a%40evil.example@127.0.0.1");
        assert_eq!(expanded("a;transport=tcp?X=y"), "sip:a%3Btransport%3Dtcp%3FX%3Dy@127.0.0.1");
        assert_eq!(expanded("a:b,c<d>\"{$0}%40/#"), "sip:a%3Ab%2Cc%3Cd%3E%22%7B%240%7D%2540%2F%23@127.0.0.1");
        assert_eq!(expanded("+49(0)30-1*"), "sip:+49(0)30-1*@127.0.0.1");
        assert_eq!(expanded("é"), "sip:%C3%A9@127.0.0.1");
        for number in ["1 2", "1\t", "1\0", "\u{a0}", "\u{2028}"] {
            assert_eq!(expand("^(.*)$", "sip:$1@h", number), None, "{number:?}");
        }
        assert_eq!(expand("(?s)^(.*)$", "sip:$1@h", "1\r\nVia: x"), None);
        assert_eq!(expand("^(.*)$", "sip:$1@h", &"1".repeat(2000)), None);
    }

    #[test]
    fn a_template_names_groups_that_exist() {
        let error = |template: &str| Template::parse(template, 1).unwrap_err();
        for template in ["sip:$@h", "sip:$x@h", "sip:${1@h", "sip:${x}@h", "$99999999999999999999999"] {
            assert_eq!(error(template), TemplateError::Dollar(template.into()));
        }
        let unknown = TemplateError::Group { template: "sip:$10@h".into(), group: 10, has: 1 };
        assert_eq!(error("sip:$10@h"), unknown);
    }
}
