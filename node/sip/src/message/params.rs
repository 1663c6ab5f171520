//! `;name=value` parameters, verbatim and in order (RFC 3261 §25.1 `generic-param`).

use std::fmt;

use super::list::find_unquoted;

/// Parameters of a header or URI. Names compare without case; values are kept as written, quotes included.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Params(Vec<(String, Option<String>)>);

impl Params {
    /// Reads `;a=b;c`; whatever precedes the first semicolon is ignored. Empty ones are dropped.
    pub fn parse(text: &str) -> Self {
        Self::split(text, find_unquoted)
    }

    /// The same of a URI, where a quote is a character like any other (RFC 3261 §25.1 `uri-parameter`).
    pub(super) fn of_uri(text: &str) -> Self {
        Self::split(text, |text, byte| text.bytes().position(|b| b == byte))
    }

    fn split(text: &str, find: impl Fn(&str, u8) -> Option<usize>) -> Self {
        Self(pairs(text, find).map(|(name, value)| (name.to_owned(), value.map(str::to_owned))).collect())
    }

    /// The value of one parameter of a text that [`Self::parse`] reads, where no other is asked for.
    pub(super) fn value_in<'a>(text: &'a str, name: &str) -> Option<&'a str> {
        pairs(text, find_unquoted)
            .find(|(have, _)| have.eq_ignore_ascii_case(name))
            .and_then(|(_, value)| value)
    }

    /// Whether the parameter is there, with or without a value.
    pub fn contains(&self, name: &str) -> bool {
        self.0.iter().any(|(have, _)| have.eq_ignore_ascii_case(name))
    }

    /// The value of the first parameter of that name, if it has one, quotes included.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(have, _)| have.eq_ignore_ascii_case(name))
            .and_then(|(_, value)| value.as_deref())
    }

    /// Replaces the parameter where it stands, or appends it.
    pub fn set(&mut self, name: &str, value: Option<&str>) {
        let value = value.map(str::to_owned);
        match self.0.iter_mut().find(|(have, _)| have.eq_ignore_ascii_case(name)) {
            Some(param) => param.1 = value,
            None => self.0.push((name.to_owned(), value)),
        }
    }

    /// Takes every parameter of that name out.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|(have, _)| !have.eq_ignore_ascii_case(name));
    }

    /// Name and value in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_deref()))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Name and value of each.
fn pairs(text: &str, find: impl Fn(&str, u8) -> Option<usize>) -> impl Iterator<Item = (&str, Option<&str>)> {
    let mut rest = find(text, b';').map(|at| &text[at + 1..]);
    let next = move || {
        let text = rest?;
        let (one, after) = match find(text, b';') {
            Some(at) => (&text[..at], Some(&text[at + 1..])),
            None => (text, None),
        };
        rest = after;
        Some(match find(one, b'=') {
            Some(at) => (one[..at].trim(), Some(one[at + 1..].trim())),
            None => (one.trim(), None),
        })
    };
    std::iter::from_fn(next).filter(|(name, value)| !name.is_empty() || value.is_some())
}

impl fmt::Display for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.0 {
            match value {
                Some(value) => write!(f, ";{name}={value}")?,
                None => write!(f, ";{name}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_and_values_stay() {
        let params = Params::parse("x ; lr ; Tag = a1 ;q=\"a;b\";=odd");
        assert_eq!(params.to_string(), ";lr;Tag=a1;q=\"a;b\";=odd");
        assert!(params.contains("LR"));
        assert_eq!(params.value("tag"), Some("a1"));
        assert_eq!(params.value("lr"), None);
    }
}
