//! Via (RFC 3261 §20.42, RFC 3581).

use std::fmt;
use std::net::IpAddr;

use thiserror::Error;

use super::params::Params;

/// One hop a request has passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Via {
    /// As written, for instance `UDP`.
    pub transport: String,
    /// Host, an IPv6 literal without brackets.
    pub host: String,
    /// Port, if written.
    pub port: Option<u16>,
    /// branch, received, rport and others.
    pub params: Params,
}

/// Why a text is no Via.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ViaError {
    /// Not `SIP/2.0/TRANSPORT`.
    #[error("a Via begins with protocol, version and transport")]
    Protocol,
    /// No host or no closing bracket.
    #[error("a Via needs a host")]
    Host,
    /// The port is no number below 65536.
    #[error("the port of a Via is not a number from 0 to 65535")]
    Port,
}

/// What a branch of RFC 3261 begins with (§8.1.1.7).
pub(crate) const MAGIC: &str = "z9hG4bK";

impl Via {
    /// A Via with rport asked for.
    pub fn new(transport: &str, host: &str, port: Option<u16>, branch: &str) -> Self {
        let mut params = Params::default();
        params.set("rport", None);
        params.set("branch", Some(branch));
        Self { transport: transport.to_owned(), host: host.to_owned(), port, params }
    }

    /// Reads one element; white space around slashes and colon passes.
    ///
    /// # Errors
    /// See [`ViaError`].
    pub fn parse(text: &str) -> Result<Self, ViaError> {
        let mut parts = text.splitn(3, '/');
        let protocol = parts.next().map(str::trim).ok_or(ViaError::Protocol)?;
        let version = parts.next().map(str::trim).ok_or(ViaError::Protocol)?;
        let rest = parts.next().map(str::trim_start).ok_or(ViaError::Protocol)?;
        if protocol.is_empty() || version.is_empty() {
            return Err(ViaError::Protocol);
        }
        let (transport, rest) = rest.split_once([' ', '\t']).ok_or(ViaError::Protocol)?;
        let (sent_by, params) = rest.split_at(rest.find(';').unwrap_or(rest.len()));
        let (host, port) = split_sent_by(sent_by.trim())?;
        if transport.is_empty() || host.is_empty() {
            return Err(ViaError::Host);
        }
        Ok(Self {
            transport: transport.to_owned(),
            host: host.to_owned(),
            port,
            params: Params::parse(params),
        })
    }

    /// The transport, if it is one rsip knows.
    pub fn known_transport(&self) -> Option<rsip::Transport> {
        rsip::Transport::all()
            .into_iter()
            .find(|known| known.to_string().eq_ignore_ascii_case(&self.transport))
    }

    /// The branch, if any.
    pub fn branch(&self) -> Option<&str> {
        self.params.value("branch").filter(|branch| !branch.is_empty())
    }

    /// Where the request came from, as the server that took it saw it (§18.2.1).
    pub fn received(&self) -> Option<IpAddr> {
        let text = self.params.value("received")?;
        text.trim_start_matches('[').trim_end_matches(']').parse().ok()
    }

    /// `None`: not asked for; `Some(None)`: asked for, not filled in; `Some(Some(port))`: filled in (RFC 3581).
    pub fn rport(&self) -> Option<Option<u16>> {
        self.params.contains("rport").then(|| self.params.value("rport").and_then(|port| port.parse().ok()))
    }

    /// As it stands in the header, written into room that suffices.
    pub(crate) fn value(&self) -> String {
        let mut text = String::with_capacity(128);
        // A String takes all that is written.
        let _ = fmt::Write::write_fmt(&mut text, format_args!("{self}"));
        text
    }

    /// host and port as they stand in the header.
    pub fn sent_by(&self) -> String {
        let mut text = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if let Some(port) = self.port {
            text.push(':');
            text.push_str(&port.to_string());
        }
        text
    }
}

fn split_sent_by(text: &str) -> Result<(&str, Option<u16>), ViaError> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']').ok_or(ViaError::Host)?;
            (host, after.trim_start().strip_prefix(':'))
        }
        // More than one colon: an IPv6 address that lost its brackets.
        None if text.bytes().filter(|b| *b == b':').count() > 1 => (text, None),
        None => match text.split_once(':') {
            Some((host, port)) => (host.trim_end(), Some(port)),
            None => (text, None),
        },
    };
    let port = match port.map(str::trim).filter(|port| !port.is_empty()) {
        Some(port) => Some(port.parse().map_err(|_| ViaError::Port)?),
        None => None,
    };
    Ok((host, port))
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (open, close) = if self.host.contains(':') { ("[", "]") } else { ("", "") };
        write!(f, "SIP/2.0/{} {open}{}{close}", self.transport, self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        self.params.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_spacing_is_read() {
        let via = Via::parse("SIP  / 2.0\t/ UDP  192.0.2.2 : 5061 ;branch = z9hG4bK1; rport").unwrap();
        assert_eq!((via.host.as_str(), via.port), ("192.0.2.2", Some(5061)));
        assert_eq!(via.branch(), Some("z9hG4bK1"));
        assert_eq!(via.rport(), Some(None));
        assert_eq!(via.to_string(), "SIP/2.0/UDP 192.0.2.2:5061;branch=z9hG4bK1;rport");
        assert_eq!(via.known_transport(), Some(rsip::Transport::Udp));
    }

    #[test]
    fn ipv6_sent_by() {
        let via = Via::parse("SIP/2.0/TCP [2001:db8::9:1]:5070;received=2001:db8::9:255").unwrap();
        assert_eq!((via.host.as_str(), via.port), ("2001:db8::9:1", Some(5070)));
        assert_eq!(via.received(), Some("2001:db8::9:255".parse().unwrap()));
        assert_eq!(via.sent_by(), "[2001:db8::9:1]:5070");
    }

    #[test]
    fn what_is_no_via() {
        for text in ["", "SIP/2.0", "SIP/2.0/UDP", "SIP/2.0/UDP ;x", "SIP/2.0/UDP h:70000"] {
            assert!(Via::parse(text).is_err(), "{text}");
        }
    }
}
