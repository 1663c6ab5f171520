//! Ports, as they are typed and shown: `16384-32767/udp`. The port inside is the port outside.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::firewall::PortRange;

/// What carries the packets.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Protocol {
    /// Streams.
    Tcp,
    /// Datagrams.
    Udp,
}

/// Ports with both ends, of one protocol.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Ports {
    /// The first, not 0.
    pub first: u16,
    /// The last, at least the first.
    pub last: u16,
    /// Theirs.
    pub protocol: Protocol,
}

/// Why a text names no ports.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[expect(missing_docs, reason = "each message says it")]
pub enum PortsError {
    #[error("'{0}' is no port (1 to 65535)")]
    Number(String),
    #[error("the range ends before it begins")]
    Backwards,
    #[error("'{0}' is not one of udp, tcp")]
    Protocol(String),
    #[error(
        "the port inside is the port outside here, and addresses have options of their own; give PORT/udp or FIRST-LAST/udp"
    )]
    Mapping,
    #[error("write {0}/udp or {0}/tcp")]
    NoProtocol(String),
}

impl Ports {
    /// Whether one port is in both.
    pub fn meet(self, other: Self) -> bool {
        self.protocol == other.protocol && self.first <= other.last && other.first <= self.last
    }
}

impl Ports {
    /// One port.
    pub fn one(port: u16, protocol: Protocol) -> Self {
        Self { first: port, last: port, protocol }
    }

    /// For where a protocol has to be named: whoever leaves it out may not mean TCP.
    ///
    /// # Errors
    /// Also where none is named.
    pub fn named(text: &str) -> Result<Self, PortsError> {
        let ports = text.parse()?;
        if text.contains('/') { Ok(ports) } else { Err(PortsError::NoProtocol(text.to_owned())) }
    }

    /// Sorted, UDP first, and joined where they overlap or touch.
    pub fn joined(ports: &[Self]) -> Vec<Self> {
        let of = |protocol| {
            let its = ports.iter().filter(move |ports| ports.protocol == protocol);
            let ranges = its.map(|ports| PortRange { first: ports.first, last: ports.last });
            let joined = PortRange::join(ranges.collect());
            joined.into_iter().map(move |PortRange { first, last }| Self { first, last, protocol })
        };
        of(Protocol::Udp).chain(of(Protocol::Tcp)).collect()
    }
}

impl FromStr for Ports {
    type Err = PortsError;

    /// Docker's words: without a protocol it is TCP.
    fn from_str(text: &str) -> Result<Self, PortsError> {
        let (ports, protocol) = match text.split_once('/') {
            None => (text, Protocol::Tcp),
            Some((ports, "tcp")) => (ports, Protocol::Tcp),
            Some((ports, "udp")) => (ports, Protocol::Udp),
            Some((_, other)) => return Err(PortsError::Protocol(other.to_owned())),
        };
        let ports = match ports.split_once(':') {
            None => ports,
            // Docker's way to say it; the same on both sides is what is done here.
            Some((outside, inside)) if outside == inside => outside,
            Some(_) => return Err(PortsError::Mapping),
        };
        let number = |text: &str| match text.parse() {
            Ok(port) if port != 0 => Ok(port),
            _ => Err(PortsError::Number(text.to_owned())),
        };
        let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
        let (first, last) = (number(first)?, number(last)?);
        if last < first {
            return Err(PortsError::Backwards);
        }
        Ok(Self { first, last, protocol })
    }
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { first, last, protocol } = self;
        match first == last {
            true => write!(f, "{first}/{protocol}"),
            false => write!(f, "{first}-{last}/{protocol}"),
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        })
    }
}

impl Serialize for Ports {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Ports {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_as_docker_reads_them() {
        for (text, shown) in [
            ("5060", "5060/tcp"),
            ("5060/udp", "5060/udp"),
            ("16384-32767/udp", "16384-32767/udp"),
            ("80:80", "80/tcp"),
            ("100-200:100-200/udp", "100-200/udp"),
        ] {
            assert_eq!(text.parse::<Ports>().unwrap().to_string(), shown);
        }
        for (text, error) in [
            ("0/udp", PortsError::Number("0".to_owned())),
            ("65536", PortsError::Number("65536".to_owned())),
            ("", PortsError::Number(String::new())),
            ("2-1/udp", PortsError::Backwards),
            ("1/sctp", PortsError::Protocol("sctp".to_owned())),
            ("5060:5061/udp", PortsError::Mapping),
            ("127.0.0.1:5060:5060", PortsError::Mapping),
        ] {
            assert_eq!(text.parse::<Ports>(), Err(error), "{text}");
        }
    }

    #[test]
    fn where_a_protocol_has_to_be_named() {
        assert_eq!(Ports::named("5060/udp"), "5060/udp".parse());
        let said = Ports::named("5060").unwrap_err().to_string();
        assert_eq!(said, "write 5060/udp or 5060/tcp");
    }

    #[test]
    fn ports_are_joined() {
        let ports = ["30-40/udp", "5060/tcp", "10-20/udp", "21-29/udp", "35-36/udp"]
            .map(|text| text.parse().unwrap());
        let joined: Vec<String> = Ports::joined(&ports).iter().map(ToString::to_string).collect();
        assert_eq!(joined, ["10-40/udp", "5060/tcp"]);
    }
}
