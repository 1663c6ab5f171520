//! Ports, as they are typed (`16384-32767/udp`) and as they are laid claim to.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// What carries the packets.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Protocol {
    /// Streams.
    Tcp,
    /// Datagrams.
    Udp,
}

/// Ports with both ends, of one protocol.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
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
}

impl Ports {
    /// Whether one port is in both.
    pub fn meet(self, other: Self) -> bool {
        self.protocol == other.protocol && self.first <= other.last && other.first <= self.last
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

/// Ports that a switch will listen on, and where.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Claim {
    /// What for.
    pub purpose: Purpose,
    /// Which ones.
    pub ports: Ports,
    /// At one address; without one at every address of both families.
    pub address: Option<IpAddr>,
}

/// What a switch listens for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Purpose {
    /// Signalling.
    Sip,
    /// Health and metrics.
    Http,
    /// RTP and RTCP.
    Media,
}

impl Claim {
    /// Whether both cannot be had at once.
    pub fn meets(&self, ports: Ports, address: Option<IpAddr>) -> bool {
        self.ports.meet(ports) && same_place(self.address, address)
    }
}

/// One address, or at least one of them every address. `::` takes IPv4, too, unless it says otherwise.
fn same_place(a: Option<IpAddr>, b: Option<IpAddr>) -> bool {
    let (Some(a), Some(b)) = (a, b) else { return true };
    match (a.is_unspecified(), b.is_unspecified()) {
        (false, false) => a == b,
        (true, _) if a.is_ipv6() => true,
        (_, true) if b.is_ipv6() => true,
        _ => a.is_ipv4() == b.is_ipv4(),
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sip => "SIP",
            Self::Http => "HTTP",
            Self::Media => "media",
        })
    }
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address {
            Some(address) => write!(f, "{} {} at {address}", self.purpose, self.ports),
            None => write!(f, "{} {}", self.purpose, self.ports),
        }
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
    fn who_is_in_whose_way() {
        let ip = |text: &str| Some(text.parse::<IpAddr>().unwrap());
        for (a, b, same) in [
            (None, ip("127.0.0.1"), true),
            (ip("127.0.0.1"), ip("127.0.0.1"), true),
            (ip("127.0.0.1"), ip("127.0.0.2"), false),
            (ip("0.0.0.0"), ip("127.0.0.2"), true),
            (ip("0.0.0.0"), ip("::1"), false),
            (ip("::"), ip("127.0.0.1"), true),
            (ip("::"), ip("::1"), true),
        ] {
            assert_eq!(same_place(a, b), same, "{a:?} {b:?}");
            assert_eq!(same_place(b, a), same, "{b:?} {a:?}");
        }
    }
}
