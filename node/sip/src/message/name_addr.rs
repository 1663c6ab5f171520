//! `"Display" <uri>;params` and bare `uri;params` (RFC 3261 §20.10).

use std::fmt;

use thiserror::Error;

use super::list::find_unquoted;
use super::params::Params;
use super::uri::{Uri, UriError};

/// What From, To, Contact, Route and Record-Route hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameAddr {
    /// The display name without its quotes, escapes undone.
    pub display: Option<String>,
    /// The URI.
    pub uri: Uri,
    /// Header parameters, such as `tag`. After a bare URI all parameters are the header's (§20).
    pub params: Params,
}

/// Why a text is no name-addr.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NameAddrError {
    /// A quote or angle bracket that does not close.
    #[error("a quote or angle bracket is not closed")]
    Unclosed,
    /// The URI inside.
    #[error("the address is no URI")]
    Uri(#[from] UriError),
}

impl NameAddr {
    /// An address without display name and parameters.
    pub fn new(uri: Uri) -> Self {
        Self { display: None, uri, params: Params::default() }
    }

    /// The same with a tag.
    #[must_use]
    pub fn with_tag(mut self, tag: &str) -> Self {
        self.params.set("tag", Some(tag));
        self
    }

    /// The tag, if any.
    pub fn tag(&self) -> Option<&str> {
        self.params.value("tag").filter(|tag| !tag.is_empty())
    }

    /// Reads one element. White space around the URI and an unquoted display name of any characters pass.
    ///
    /// # Errors
    /// See [`NameAddrError`].
    pub fn parse(text: &str) -> Result<Self, NameAddrError> {
        let (name, uri, params) = split(text)?;
        Ok(Self { display: display(name), uri: Uri::parse(uri)?, params: Params::parse(params) })
    }
}

/// Whether [`NameAddr::parse`] would read it.
pub(super) fn check(text: &str) -> Result<(), NameAddrError> {
    let (_, uri, _) = split(text)?;
    Ok(Uri::check(uri)?)
}

/// The tag of an element, if any, without a look at its URI.
pub(super) fn tag(text: &str) -> Result<Option<&str>, NameAddrError> {
    let (_, _, params) = split(text)?;
    Ok(Params::value_in(params, "tag").filter(|tag| !tag.is_empty()))
}

/// Display name, URI, parameters.
fn split(text: &str) -> Result<(&str, &str, &str), NameAddrError> {
    let text = text.trim();
    let Some(open) = find_unquoted(text, b'<') else {
        if text.bytes().filter(|b| *b == b'"').count() % 2 == 1 {
            return Err(NameAddrError::Unclosed);
        }
        let (uri, params) = text.split_at(text.find([';', ' ', '\t']).unwrap_or(text.len()));
        return Ok(("", uri, params));
    };
    let close = open + text[open..].find('>').ok_or(NameAddrError::Unclosed)?;
    Ok((&text[..open], text[open + 1..close].trim(), &text[close + 1..]))
}

fn display(text: &str) -> Option<String> {
    let text = text.trim();
    let Some(quoted) = text.strip_prefix('"').map(|rest| rest.strip_suffix('"').unwrap_or(rest)) else {
        return (!text.is_empty()).then(|| text.to_owned());
    };
    let mut name = String::with_capacity(quoted.len());
    let mut letters = quoted.chars();
    while let Some(letter) = letters.next() {
        name.extend(if letter == '\\' { letters.next() } else { Some(letter) });
    }
    Some(name)
}

impl fmt::Display for NameAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(name) = &self.display {
            f.write_str("\"")?;
            for letter in name.chars().filter(|letter| !matches!(letter, '\r' | '\n')) {
                if matches!(letter, '"' | '\\') {
                    f.write_str("\\")?;
                }
                write!(f, "{letter}")?;
            }
            f.write_str("\" ")?;
        }
        write!(f, "<{}>{}", self.uri, self.params)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_names_round_trip() {
        let text = r#""J Rosenberg \\\" <x>" <sip:j@example.com;a=b>;tag=98asjd8;x"#;
        let parsed = NameAddr::parse(text).unwrap();
        assert_eq!(parsed.display.as_deref(), Some(r#"J Rosenberg \" <x>"#));
        assert_eq!(parsed.tag(), Some("98asjd8"));
        assert_eq!(parsed.to_string(), text);
        assert_eq!(tag(text), Ok(Some("98asjd8")));
    }

    #[test]
    fn a_bare_uri_gives_its_parameters_to_the_header() {
        let parsed = NameAddr::parse("sip:u@h:5060;tag=1;x=y").unwrap();
        assert_eq!(parsed.uri.as_str(), "sip:u@h:5060");
        assert_eq!(parsed.tag(), Some("1"));
        assert_eq!(tag("sip:u@h:5060;x;tag=1"), Ok(Some("1")));
        assert_eq!((tag("<sip:a@b;tag=1>;tag="), tag("<sip:a@b")), (Ok(None), Err(NameAddrError::Unclosed)));
    }

    #[test]
    fn sloppy_ones_pass_and_open_ones_do_not() {
        let parsed = NameAddr::parse("Bell, Alexander<  sip:a@b >  ; tag = 7").unwrap();
        assert_eq!(parsed.display.as_deref(), Some("Bell, Alexander"));
        assert_eq!(parsed.tag(), Some("7"));
        assert_eq!(NameAddr::parse("\"Mr J <sip:a@b>"), Err(NameAddrError::Unclosed));
        assert_eq!(NameAddr::parse("<sip:a@b"), Err(NameAddrError::Unclosed));
        assert!(NameAddr::parse("").is_err());
    }
}
