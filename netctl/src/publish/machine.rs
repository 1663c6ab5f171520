//! What publishing has to know of this machine, besides its rules.

use std::fs::{self, File};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};
use std::os::unix::fs::MetadataExt as _;

use serde::{Deserialize, Serialize};

use crate::firewall::{Family, Firewall, FirewallError, Transport};
use crate::netlink::Nftables;

/// This machine. [`LocalMachine`] is the real one.
pub trait Machine {
    /// Its rules.
    type Firewall: Firewall;
    /// The rules of this network namespace.
    ///
    /// # Errors
    /// If the kernel gives no socket.
    fn firewall(&self) -> Result<Self::Firewall, FirewallError>;
    /// The rules of a container's network namespace; none if that is gone.
    ///
    /// # Errors
    /// If it may not be entered.
    fn firewall_within(&self, namespace: &Namespace) -> Result<Option<Self::Firewall>, FirewallError>;
    /// The network namespace of a process; none if there is no such process here.
    fn namespace(&self, pid: u32) -> Option<Namespace>;
    /// Whether a process's network namespace has this address.
    fn has_address(&self, pid: u32, address: IpAddr) -> bool;
    /// Where a process's IPv4 default route leads.
    fn gateway(&self, pid: u32) -> Option<Ipv4Addr>;
    /// The address of this host that faces its default route.
    fn facing(&self, family: Family) -> Option<IpAddr>;
    /// Whether an address is this host's own.
    fn is_own(&self, address: IpAddr) -> bool;
    /// Whether there is an interface of this name.
    fn has_interface(&self, name: &str) -> bool;
    /// What waits for packets on this host: protocol, address (none for all) and port.
    fn listeners(&self) -> Vec<(Transport, Option<IpAddr>, u16)>;
    /// Whether the old iptables is in use, whose tables nftables does not see.
    fn legacy_iptables(&self) -> bool;
}

/// A container's network namespace: what to find it by, and what to know it by.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Namespace {
    /// A process in it.
    pub pid: u32,
    /// Its number, for a process id may come to mean another process.
    pub inode: u64,
}

/// The machine this runs on.
pub struct LocalMachine;

impl Machine for LocalMachine {
    type Firewall = Nftables;

    fn firewall(&self) -> Result<Nftables, FirewallError> {
        Nftables::open()
    }

    fn firewall_within(&self, namespace: &Namespace) -> Result<Option<Nftables>, FirewallError> {
        let file = match File::open(format!("/proc/{}/ns/net", namespace.pid)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(FirewallError::Socket(error)),
        };
        if file.metadata().map_err(FirewallError::Socket)?.ino() != namespace.inode {
            return Ok(None);
        }
        Nftables::within(&file).map(Some)
    }

    fn namespace(&self, pid: u32) -> Option<Namespace> {
        let metadata = fs::metadata(format!("/proc/{pid}/ns/net")).ok()?;
        Some(Namespace { pid, inode: metadata.ino() })
    }

    fn has_address(&self, pid: u32, address: IpAddr) -> bool {
        let read = |name: &str| fs::read_to_string(format!("/proc/{pid}/net/{name}")).unwrap_or_default();
        match address {
            IpAddr::V4(address) => {
                let leaf = format!("|-- {address}");
                // The line below says what for.
                let trie = read("fib_trie");
                let lines: Vec<&str> = trie.lines().map(str::trim).collect();
                lines.windows(2).any(|pair| pair[0] == leaf && pair[1].contains("host LOCAL"))
            }
            IpAddr::V6(address) => {
                let digits: String = address.octets().iter().map(|octet| format!("{octet:02x}")).collect();
                read("if_inet6").lines().any(|line| line.starts_with(&digits))
            }
        }
    }

    fn gateway(&self, pid: u32) -> Option<Ipv4Addr> {
        let routes = fs::read_to_string(format!("/proc/{pid}/net/route")).ok()?;
        routes.lines().skip(1).find_map(|line| {
            let mut fields = line.split_whitespace().skip(1);
            let (destination, gateway) = (fields.next()?, fields.next()?);
            let gateway = u32::from_str_radix(gateway, 16).ok()?;
            // Written as a number of this machine's byte order.
            (destination == "00000000").then(|| Ipv4Addr::from(gateway.to_ne_bytes()))
        })
    }

    fn facing(&self, family: Family) -> Option<IpAddr> {
        // Nothing is sent: connecting only chooses the route. The addresses are for documentation (RFC 5737, RFC 3849).
        let (any, far): (IpAddr, IpAddr) = match family {
            Family::V4 => (Ipv4Addr::UNSPECIFIED.into(), Ipv4Addr::new(192, 0, 2, 1).into()),
            Family::V6 => {
                (Ipv6Addr::UNSPECIFIED.into(), Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into())
            }
        };
        let socket = UdpSocket::bind((any, 0)).ok()?;
        socket.connect((far, 9)).ok()?;
        Some(socket.local_addr().ok()?.ip())
    }

    fn is_own(&self, address: IpAddr) -> bool {
        !address.is_unspecified() && !address.is_multicast() && UdpSocket::bind((address, 0)).is_ok()
    }

    fn has_interface(&self, name: &str) -> bool {
        let interfaces = fs::read_to_string("/proc/thread-self/net/dev").unwrap_or_default();
        interfaces
            .lines()
            .any(|line| line.trim_start().split_once(':').is_some_and(|(found, _)| found == name))
    }

    fn listeners(&self) -> Vec<(Transport, Option<IpAddr>, u16)> {
        // A TCP socket that listens; a UDP socket that is not connected.
        let tables = [
            ("tcp", Transport::Tcp, "0A"),
            ("tcp6", Transport::Tcp, "0A"),
            ("udp", Transport::Udp, "07"),
            ("udp6", Transport::Udp, "07"),
        ];
        let mut found = Vec::new();
        for (name, transport, state) in tables {
            let table = fs::read_to_string(format!("/proc/thread-self/net/{name}")).unwrap_or_default();
            let waiting = table.lines().skip(1).filter_map(|line| listener(line, state));
            found.extend(waiting.map(|(address, port)| (transport, address, port)));
        }
        found
    }

    fn legacy_iptables(&self) -> bool {
        let tables = fs::read_to_string("/proc/thread-self/net/ip_tables_names").unwrap_or_default();
        tables.lines().any(|table| table == "filter")
    }
}

/// A line of /proc/net/udp and its like (proc(5)): number, local and remote address, state.
fn listener(line: &str, state: &str) -> Option<(Option<IpAddr>, u16)> {
    let mut fields = line.split_whitespace().skip(1);
    let (local, _, found) = (fields.next()?, fields.next()?, fields.next()?);
    let (address, port) = local.split_once(':')?;
    if found != state {
        return None;
    }
    // Words of four bytes, each a number of this machine's byte order.
    let words = (0..address.len() / 8).map(|word| u32::from_str_radix(&address[word * 8..][..8], 16));
    let octets: Vec<u8> = words.flatten().flat_map(u32::to_ne_bytes).collect();
    let address = match octets.len() {
        4 => IpAddr::from(<[u8; 4]>::try_from(octets).ok()?),
        _ => IpAddr::from(<[u8; 16]>::try_from(octets).ok()?).to_canonical(),
    };
    let port = u16::from_str_radix(port, 16).ok()?;
    Some((Some(address).filter(|address| !address.is_unspecified()), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_waits() {
        let udp = "  462: 0100007F:13C4 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 1 2 3 0";
        let six =
            "  462: 00000000000000000000000000000000:13C4 00000000000000000000000000000000:0000 0A 0:0 0:0 0";
        if cfg!(target_endian = "little") {
            assert_eq!(listener(udp, "07"), Some((Some([127, 0, 0, 1].into()), 5060)));
        }
        assert_eq!(listener(six, "0A"), Some((None, 5060)));
        assert_eq!(
            (listener(udp, "01"), listener("", "07"), listener("1: x 0 07", "07")),
            (None, None, None)
        );
    }
}
