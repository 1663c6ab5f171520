//! Where a request goes (RFC 3261 §8.1.2, RFC 3263 §4), as far as a URI alone says it, and whether that place
//! can be where its peer is. Refuses to know sockets and name servers.

use std::net::{IpAddr, SocketAddr};

use crate::message::{Scheme, Uri};
use crate::transaction::Transport;

/// The port of a URI that names none (RFC 3261 §19.1.2).
const PORT: u16 = 5060;

/// The next element on a request's way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop {
    /// A name or a numeric address, brackets taken off: the `maddr` parameter where there is one.
    pub host: String,
    /// None: SRV may be asked (RFC 3263 §4.2), else 5060.
    pub port: Option<u16>,
    /// None: nothing is said, which means UDP unless the peer is known to be elsewhere.
    pub transport: Option<Transport>,
}

impl Hop {
    /// Of a Route or a Request-URI; none for one that names no host, or asks for what this switch has not.
    pub fn of(uri: &Uri) -> Option<Self> {
        if uri.scheme() != Scheme::Sip || uri.host().is_empty() {
            return None;
        }
        let transport = match uri.param("transport") {
            None => None,
            Some(name) if name.eq_ignore_ascii_case("udp") => Some(Transport::Udp),
            Some(name) if name.eq_ignore_ascii_case("tcp") => Some(Transport::Tcp),
            Some(_) => return None,
        };
        let host = uri.param("maddr").unwrap_or_else(|| uri.host().to_owned());
        Some(Self { host: host.trim_matches(['[', ']']).to_owned(), port: uri.port(), transport })
    }

    /// The address, where no name has to be looked up.
    pub fn address(&self) -> Option<SocketAddr> {
        Some(SocketAddr::new(self.host.parse().ok()?, self.port.unwrap_or(PORT)))
    }
}

/// Whether a peer that calls itself `target` but was seen at `seen` is behind a NAT: it gave a private address,
/// and what comes from it does not.
pub fn is_hidden(target: IpAddr, seen: IpAddr) -> bool {
    let (target, seen) = (target.to_canonical(), seen.to_canonical());
    target != seen && !is_global(target) && (!is_private(seen) || !is_private(target))
}

/// May be anywhere: neither private nor good for this host only.
fn is_global(ip: IpAddr) -> bool {
    !is_private(ip) && !ip.is_loopback() && !ip.is_unspecified()
}

/// RFC 1918, RFC 6598, RFC 3927, RFC 4193, RFC 4291 §2.5.6.
fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let [a, b, ..] = ip.octets();
            ip.is_private() || ip.is_link_local() || (a == 100 && (64..128).contains(&b))
        }
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hop(uri: &str) -> Option<Hop> {
        Hop::of(&Uri::parse(uri).unwrap())
    }

    #[test]
    fn a_uri_says_where_to() {
        let tcp = hop("sip:a@[2001:db8::1]:5070;transport=TCP").unwrap();
        assert_eq!(tcp.address(), Some("[2001:db8::1]:5070".parse().unwrap()));
        assert_eq!(tcp.transport, Some(Transport::Tcp));
        let plain = hop("sip:a@192.0.2.1").unwrap();
        assert_eq!((plain.address(), plain.transport), (Some("192.0.2.1:5060".parse().unwrap()), None));
        let named = hop("sip:p.example.com;lr").unwrap();
        assert_eq!((named.host.as_str(), named.port, named.address()), ("p.example.com", None, None));
        let elsewhere = hop("sip:a@example.com:5062;maddr=192.0.2.9").unwrap();
        assert_eq!(elsewhere.address(), Some("192.0.2.9:5062".parse().unwrap()));
        for not in ["tel:+1555", "sips:a@192.0.2.1", "sip:a@192.0.2.1;transport=ws"] {
            assert_eq!(hop(not), None, "{not}");
        }
    }

    #[test]
    fn a_private_address_is_believed_where_it_can_be_seen() {
        for (target, seen, hidden) in [
            ("192.168.1.20", "203.0.113.7", true),
            ("100.64.9.9", "203.0.113.7", true),
            ("169.254.0.9", "203.0.113.7", true),
            ("fd00::1", "2001:db8::1", true),
            ("10.0.0.5", "127.0.0.1", true),
            ("127.0.0.1", "203.0.113.7", true),
            ("127.0.0.1", "192.168.1.1", true),
            ("0.0.0.0", "203.0.113.7", true),
            // On the same side: a peer behind a proxy that does not stay in the way.
            ("192.168.1.20", "192.168.1.2", false),
            ("10.0.0.5", "192.168.1.2", false),
            ("198.51.100.1", "203.0.113.7", false),
            ("198.51.100.1", "192.168.1.2", false),
            ("192.168.1.20", "::ffff:192.168.1.20", false),
            ("127.0.0.1", "127.0.0.1", false),
        ] {
            assert_eq!(is_hidden(target.parse().unwrap(), seen.parse().unwrap()), hidden, "{target} {seen}");
        }
    }
}
