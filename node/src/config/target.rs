//! Where a route leads: a SIP URI with places for what its pattern matched.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::values::text_form;

/// A SIP URI in which `$1` or `${1}` stands for the pattern's first group, `$0` for all it matched and `$$`
/// for a dollar sign.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Target {
    text: String,
    groups: Vec<usize>,
}

text_form!(Target, "SIP URI");

impl Target {
    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The highest group it names.
    pub fn highest_group(&self) -> usize {
        self.groups.iter().copied().max().unwrap_or(0)
    }
}

/// Why a text is no target.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum TargetError {
    /// Another scheme, or none.
    #[error("\"{0}\" does not begin with sip:")]
    Scheme(String),
    /// Nothing behind `sip:` or `@`, or a blank in it.
    #[error("\"{0}\" names no host")]
    Host(String),
    /// A dollar sign with neither digit, group in braces nor another dollar sign behind it.
    #[error("\"{0}\": after $ comes a group's number, {{number}} or another $")]
    Dollar(String),
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        let rest = text.strip_prefix("sip:").ok_or_else(|| TargetError::Scheme(text.to_owned()))?;
        let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
        let host = host.split([';', '?']).next().unwrap_or_default();
        let blank = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | '"' | ',');
        if host.is_empty() || host.starts_with(':') || rest.contains(blank) {
            return Err(TargetError::Host(text.to_owned()));
        }
        let groups = groups(rest).ok_or_else(|| TargetError::Dollar(text.to_owned()))?;
        Ok(Self { text: text.to_owned(), groups })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The groups a template names; None where a dollar sign stands alone.
fn groups(template: &str) -> Option<Vec<usize>> {
    let mut groups = Vec::new();
    let mut rest = template;
    while let Some((_, tail)) = rest.split_once('$') {
        rest = if let Some(tail) = tail.strip_prefix('$') {
            tail
        } else if let Some(tail) = tail.strip_prefix('{') {
            let (number, tail) = tail.split_once('}')?;
            groups.push(number.parse().ok()?);
            tail
        } else {
            let digits = tail.find(|c: char| !c.is_ascii_digit()).unwrap_or(tail.len());
            let (number, tail) = tail.split_at(digits);
            groups.push(number.parse().ok()?);
            tail
        };
    }
    Some(groups)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_its_groups() {
        let highest = |text: &str| text.parse::<Target>().unwrap().highest_group();
        assert_eq!(highest("sip:$1@127.0.0.1:5090"), 1);
        assert_eq!(highest("sip:${12}@pbx.example;transport=tcp"), 12);
        assert_eq!(highest("sip:$0@[::1]:5090"), 0);
        assert_eq!(highest("sip:a$$9@host"), 0);
        assert_eq!(highest("sip:host"), 0);
    }

    #[test]
    fn refuses_what_cannot_be_called() {
        let error = |text: &str| text.parse::<Target>().unwrap_err();
        assert_eq!(error("$1@host"), TargetError::Scheme("$1@host".into()));
        assert_eq!(error("tel:+1"), TargetError::Scheme("tel:+1".into()));
        for text in ["sip:", "sip:1@", "sip:1@:5060", "sip:a b@host", "sip:1@;x", "sip:1@h\r\nX: y"] {
            assert_eq!(error(text), TargetError::Host(text.into()), "{text}");
        }
        for text in ["sip:$@host", "sip:$x@host", "sip:${1@host", "sip:${x}@host"] {
            assert_eq!(error(text), TargetError::Dollar(text.into()), "{text}");
        }
    }
}
