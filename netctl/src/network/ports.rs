//! Ports, as a switch lays claim to them.

use std::fmt;
use std::net::IpAddr;

pub use crate::ports::{Ports, PortsError, Protocol};

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
