//! The pair of interfaces that joins a container to a bridge, as netctl makes it: what its ends are called and which hardware
//! address the inner one has. Whoever looks for one that is there knows it again by these.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::bridge::InterfaceName;

/// Two interfaces that are joined (veth(4)).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Pair {
    /// The end in our own namespace.
    pub outside: InterfaceName,
    /// The end in the container's.
    pub inside: InterfaceName,
    /// The bridge that the end outside is a port of, if it is one.
    pub master: Option<u32>,
    /// The inner end's hardware address.
    pub mac: [u8; 6],
    /// Written to the outer end, to know it again.
    pub alias: String,
}

/// The inner end's name, the one that Docker gives, too.
pub(crate) const INSIDE: &str = "eth0";
/// How the outer end's name begins.
pub(super) const PREFIX: &str = "sw-";

/// `sw-` and the container's name where that fits into 15 bytes, else a sum of it; the next one where that is taken.
pub(super) fn free_name(container: &str, taken: impl Fn(&str) -> bool) -> InterfaceName {
    let plain = format!("{PREFIX}{container}");
    if plain.parse::<InterfaceName>().is_ok() && !taken(&plain) {
        return interface_name(plain);
    }
    // FNV-1a, 32 bits.
    let sum = container
        .bytes()
        .fold(0x811c_9dc5_u32, |sum, byte| (sum ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    let mut names = (0..).map(|further: u32| format!("{PREFIX}{:08x}", sum.wrapping_add(further)));
    interface_name(names.find(|name| !taken(name)).unwrap_or(plain))
}

/// The pair that joins a container with these addresses to a bridge.
pub(super) fn joined(outside: InterfaceName, bridge: u32, addresses: &[IpNet], alias: String) -> Pair {
    Pair {
        outside,
        inside: interface_name(INSIDE.to_owned()),
        master: Some(bridge),
        mac: hardware_address(addresses.first().map(IpNet::addr)),
        alias,
    }
}

fn interface_name(text: String) -> InterfaceName {
    text.parse().expect("letters, digits and signs that stand in a container's name, at most 15 bytes")
}

/// Made of the address as Docker makes it, so that neighbours need not learn a new one when the switch comes again.
pub(crate) fn hardware_address(address: Option<IpAddr>) -> [u8; 6] {
    let last = match address {
        Some(IpAddr::V4(ip)) => ip.octets(),
        Some(IpAddr::V6(ip)) => {
            let octets = ip.octets();
            [octets[12], octets[13], octets[14], octets[15]]
        }
        None => [0; 4],
    };
    [0x02, 0x42, last[0], last[1], last[2], last[3]]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_and_are_free() {
        let free = |_: &str| false;
        assert_eq!(free_name("switch", free).as_str(), "sw-switch");
        let long = free_name("a-very-long-container-name", free);
        assert!(long.as_str().starts_with("sw-") && long.as_str().len() == 11, "{long}");
        let next = free_name("a-very-long-container-name", |name| name == long.as_str());
        assert_ne!(next, long);
    }

    #[test]
    fn the_hardware_address_follows_the_address() {
        assert_eq!(hardware_address("192.0.2.9".parse().ok()), [0x02, 0x42, 192, 0, 2, 9]);
        assert_eq!(hardware_address("2001:db8::1:2".parse().ok()), [0x02, 0x42, 0, 1, 0, 2]);
    }
}
