//! Where a route leads: a SIP URI with places for what its pattern matched.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::values::text_form;

/// A SIP URI with `$1`, `${1}`, `$0` and `$$` in it. What they stand for, the dialplan knows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Target(String);

text_form!(Target, "SIP URI");

impl Target {
    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a text is no target.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum TargetError {
    /// Another scheme, or none.
    #[error("\"{0}\" does not begin with sip:")]
    Scheme(String),
    /// Nothing behind `sip:` or `@`, or a character in it that no URI has.
    #[error("\"{0}\" names no host")]
    Host(String),
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        let rest = text.strip_prefix("sip:").ok_or_else(|| TargetError::Scheme(text.to_owned()))?;
        let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
        let host = host.split([';', '?']).next().unwrap_or_default();
        let stray = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | '"' | ',');
        if host.is_empty() || host.starts_with(':') || rest.contains(stray) {
            return Err(TargetError::Host(text.to_owned()));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_called() {
        for text in
            ["sip:$1@127.0.0.1:5090", "sip:${12}@pbx.example;transport=tcp", "sip:$0@[::1]:5090", "sip:host"]
        {
            assert_eq!(text.parse::<Target>().unwrap().as_str(), text);
        }
    }

    #[test]
    fn refuses_what_cannot_be_called() {
        let error = |text: &str| text.parse::<Target>().unwrap_err();
        assert_eq!(error("$1@host"), TargetError::Scheme("$1@host".into()));
        assert_eq!(error("tel:+1"), TargetError::Scheme("tel:+1".into()));
        for text in ["sip:", "sip:1@", "sip:1@:5060", "sip:a b@host", "sip:1@;x", "sip:1@h\r\nX: y"] {
            assert_eq!(error(text), TargetError::Host(text.into()), "{text}");
        }
    }
}
