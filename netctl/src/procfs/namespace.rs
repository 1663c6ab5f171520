//! What a process's network namespace has: /proc/PID/net.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};

/// Whether it has this address.
pub(crate) fn has_address(pid: u32, address: IpAddr) -> bool {
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

/// Where its IPv4 default route leads.
pub(crate) fn gateway(pid: u32) -> Option<Ipv4Addr> {
    let routes = fs::read_to_string(format!("/proc/{pid}/net/route")).ok()?;
    routes.lines().skip(1).find_map(|line| {
        let mut fields = line.split_whitespace().skip(1);
        let (destination, gateway) = (fields.next()?, fields.next()?);
        let gateway = u32::from_str_radix(gateway, 16).ok()?;
        // Written as a number of this machine's byte order.
        (destination == "00000000").then(|| Ipv4Addr::from(gateway.to_ne_bytes()))
    })
}

/// Whether our own has an interface of this name.
pub(crate) fn has_interface(name: &str) -> bool {
    let interfaces = fs::read_to_string("/proc/thread-self/net/dev").unwrap_or_default();
    interfaces.lines().any(|line| line.trim_start().split_once(':').is_some_and(|(found, _)| found == name))
}

/// Whether our own has rules of the old iptables, which nftables does not see.
pub(crate) fn legacy_iptables() -> bool {
    let tables = fs::read_to_string("/proc/thread-self/net/ip_tables_names").unwrap_or_default();
    tables.lines().any(|table| table == "filter")
}
