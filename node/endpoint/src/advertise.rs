//! Which of our addresses a peer is told: in Via, Contact and SDP the same.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use ipnet::IpNet;

/// What a peer in `network` is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Advertisement {
    /// Peers it is for.
    pub network: IpNet,
    /// The address they can reach us at.
    pub address: IpAddr,
}

/// The longest network that holds the peer decides; without one, the kernel's source address toward it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Advertise(pub Vec<Advertisement>);

impl Advertise {
    /// The address `peer` is told, where `source` is ours toward it.
    pub fn toward(&self, peer: IpAddr, source: IpAddr) -> IpAddr {
        let peer = peer.to_canonical();
        let entries = self
            .0
            .iter()
            .filter(|entry| entry.network.contains(&peer) && entry.address.is_ipv4() == peer.is_ipv4());
        entries.max_by_key(|entry| entry.network.prefix_len()).map_or(source, |entry| entry.address)
    }
}

/// The address the kernel would send from toward `peer`: a connected UDP socket knows, and sends nothing.
pub fn source_toward(peer: SocketAddr) -> std::io::Result<IpAddr> {
    let any: IpAddr = match peer.ip() {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0))?;
    socket.connect(peer)?;
    Ok(socket.local_addr()?.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_network_that_holds_the_peer_decides() {
        let entry = |network: &str, address: &str| Advertisement {
            network: network.parse().unwrap(),
            address: address.parse().unwrap(),
        };
        let advertise = Advertise(vec![entry("0.0.0.0/0", "203.0.113.9"), entry("10.0.0.0/8", "10.1.2.3")]);
        let source = "192.0.2.1".parse().unwrap();
        let toward = |peer: &str| advertise.toward(peer.parse().unwrap(), source).to_string();
        assert_eq!(toward("10.9.9.9"), "10.1.2.3");
        assert_eq!(toward("::ffff:10.9.9.9"), "10.1.2.3");
        assert_eq!(toward("198.51.100.7"), "203.0.113.9");
        assert_eq!(toward("2001:db8::1"), "192.0.2.1");
    }

    #[test]
    fn the_kernel_knows_the_way_to_loopback() {
        let source = source_toward("127.0.0.1:5060".parse().unwrap()).unwrap();
        assert_eq!(source, IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
}
