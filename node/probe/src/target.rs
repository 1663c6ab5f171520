//! Whom to call: the part of a SIP URI (RFC 3261 §19.1) that a probe needs.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use thiserror::Error;

/// Whom to call, parsed from for instance `sip:9196@switch.example:5080;transport=tcp`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProbeTarget {
    user: Option<String>,
    host: String,
    port: u16,
    transport: Transport,
}

/// What carries the signalling.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// Datagrams.
    #[default]
    Udp,
    /// One connection, framed by Content-Length (RFC 3261 §18.3).
    Tcp,
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
        })
    }
}

/// Why a text is no target.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum TargetError {
    /// Another scheme, or none.
    #[error("a target begins with sip:, as in sip:9196@127.0.0.1")]
    Scheme,
    /// No host, or one with characters no host has.
    #[error("'{0}' is no host name and no IP address (IPv6 stands in brackets)")]
    Host(String),
    /// Empty, or with characters a SIP user has to escape.
    #[error(
        "'{0}' is no SIP user; what is not a letter, digit or one of -_.!~*'()&=+$,;?/# is written as %XX"
    )]
    User(String),
    /// Not 1 to 65535.
    #[error("'{0}' is no port")]
    Port(String),
    /// Neither udp nor tcp.
    #[error("transport '{0}' is not one of udp, tcp")]
    Transport(String),
    /// A URI parameter other than transport.
    #[error("parameter '{0}' is not known; transport=udp and transport=tcp are")]
    Parameter(String),
}

impl ProbeTarget {
    /// The number or name dialled; a ping needs none.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// Host name or IP address, without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// 5060 unless written.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// UDP unless written.
    pub fn transport(&self) -> Transport {
        self.transport
    }
}

impl FromStr for ProbeTarget {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        let rest = match text.split_at_checked(4) {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("sip:") => rest,
            _ => return Err(TargetError::Scheme),
        };
        let (user, rest) = match rest.rsplit_once('@') {
            Some((user, rest)) => (Some(parse_user(user)?), rest),
            None => (None, rest),
        };
        let (address, parameters) = rest.split_once(';').unwrap_or((rest, ""));
        let (host, port) = split_port(address)?;
        let mut transport = Transport::default();
        for parameter in parameters.split(';').filter(|parameter| !parameter.is_empty()) {
            transport = parse_parameter(parameter)?;
        }
        Ok(Self { user, host, port, transport })
    }
}

impl fmt::Display for ProbeTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sip:")?;
        if let Some(user) = &self.user {
            write!(f, "{user}@")?;
        }
        match self.host.contains(':') {
            true => write!(f, "[{}]", self.host)?,
            false => f.write_str(&self.host)?,
        }
        if self.port != DEFAULT_PORT {
            write!(f, ":{}", self.port)?;
        }
        match self.transport {
            Transport::Udp => Ok(()),
            Transport::Tcp => f.write_str(";transport=tcp"),
        }
    }
}

const DEFAULT_PORT: u16 = 5060;

/// `user` of RFC 3261 §25.1: unreserved, user-unreserved and escapes, and `#`.
fn parse_user(user: &str) -> Result<String, TargetError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.!~*'()&=+$,;?/#%".contains(c);
    if user.is_empty() || user.len() > 128 || !user.chars().all(allowed) {
        return Err(TargetError::User(user.to_owned()));
    }
    // Telephones dial it, URIs do not allow it.
    Ok(user.replace('#', "%23"))
}

fn split_port(address: &str) -> Result<(String, u16), TargetError> {
    let bad_host = || TargetError::Host(address.to_owned());
    let (host, port) = if let Some(rest) = address.strip_prefix('[') {
        let (host, rest) = rest.split_once(']').ok_or_else(bad_host)?;
        host.parse::<std::net::Ipv6Addr>().map_err(|_| bad_host())?;
        let port = match rest {
            "" => None,
            _ => Some(rest.strip_prefix(':').ok_or_else(bad_host)?),
        };
        (host, port)
    } else {
        match address.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (address, None),
        }
    };
    let named = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    let literal = host.parse::<IpAddr>().is_ok();
    if !literal && (host.is_empty() || host.len() > 253 || !host.chars().all(named)) {
        return Err(bad_host());
    }
    let port = match port {
        None => DEFAULT_PORT,
        Some(text) => match text.parse() {
            Ok(port) if port != 0 => port,
            _ => return Err(TargetError::Port(text.to_owned())),
        },
    };
    Ok((host.to_owned(), port))
}

fn parse_parameter(parameter: &str) -> Result<Transport, TargetError> {
    let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
    if !name.eq_ignore_ascii_case("transport") {
        return Err(TargetError::Parameter(name.to_owned()));
    }
    match value.to_ascii_lowercase().as_str() {
        "udp" => Ok(Transport::Udp),
        "tcp" => Ok(Transport::Tcp),
        _ => Err(TargetError::Transport(value.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_type_is_understood_and_said_back() {
        for (text, user, host, port, transport) in [
            ("sip:9196@127.0.0.1", Some("9196"), "127.0.0.1", 5060, Transport::Udp),
            ("SIP:a@h:5080;transport=TCP", Some("a"), "h", 5080, Transport::Tcp),
            ("sip:[2001:db8::1]:5070", None, "2001:db8::1", 5070, Transport::Udp),
            ("sip:*9@[::1];transport=udp", Some("*9"), "::1", 5060, Transport::Udp),
            ("sip:switch.example", None, "switch.example", 5060, Transport::Udp),
        ] {
            let target: ProbeTarget = text.parse().unwrap();
            assert_eq!(
                (target.user(), target.host(), target.port(), target.transport()),
                (user, host, port, transport)
            );
            assert_eq!(target.to_string().parse::<ProbeTarget>().unwrap(), target);
        }
    }

    #[test]
    fn what_cannot_be_called_is_refused_with_its_reason() {
        let error = |text: &str| text.parse::<ProbeTarget>().unwrap_err();
        assert_eq!(error("9196@host"), TargetError::Scheme);
        assert_eq!(error("sips:9196@host"), TargetError::Scheme);
        assert_eq!(error(""), TargetError::Scheme);
        assert_eq!(error("sip:@host"), TargetError::User(String::new()));
        assert_eq!(error("sip:a b@host"), TargetError::User("a b".into()));
        assert!(matches!(error("sip:1@ho st"), TargetError::Host(_)));
        assert!(matches!(error("sip:1@"), TargetError::Host(_)));
        assert!(matches!(error("sip:1@2001:db8::1"), TargetError::Port(_)));
        assert!(matches!(error("sip:1@[::1"), TargetError::Host(_)));
        assert_eq!(error("sip:1@h:0"), TargetError::Port("0".into()));
        assert_eq!(error("sip:1@h:70000"), TargetError::Port("70000".into()));
        assert_eq!(error("sip:1@h;transport=tls"), TargetError::Transport("tls".into()));
        assert_eq!(error("sip:1@h;lr"), TargetError::Parameter("lr".into()));
        assert!(matches!(error("sip:1\r\nX: y@h"), TargetError::User(_)));
    }
}
