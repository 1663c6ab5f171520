//! What UDP lost: of a whole namespace in net/snmp and net/snmp6, of each socket in net/udp and net/udp6.

use std::fs;
use std::io;

use crate::network::Place;
use crate::why::UdpLosses;

/// What UDP has lost in a namespace since it was made.
///
/// # Errors
/// Where the namespace's process is gone.
pub fn udp_losses(place: Place) -> io::Result<UdpLosses> {
    let read = |file: &str| match fs::read_to_string(format!("/proc/{}/net/{file}", super::process_of(place)))
    {
        // A kernel without IPv6.
        Err(error) if error.kind() == io::ErrorKind::NotFound && file.ends_with('6') => Ok(String::new()),
        read => read,
    };
    let (four, six) = (read("snmp")?, read("snmp6")?);
    let sum = |name: &str| snmp(&four, name).unwrap_or(0) + snmp6(&six, name).unwrap_or(0);
    let mut sockets: Vec<(u16, u64)> = Vec::new();
    for table in [read("udp")?, read("udp6")?] {
        sockets.extend(table.lines().skip(1).filter_map(dropped));
    }
    Ok(UdpLosses {
        no_port: sum("NoPorts"),
        full: sum("RcvbufErrors"),
        damaged: sum("InCsumErrors"),
        sockets,
    })
}

/// Two lines that begin with `Udp:`, the names and the numbers.
fn snmp(table: &str, name: &str) -> Option<u64> {
    let mut lines = table.lines().filter_map(|line| line.strip_prefix("Udp: "));
    let at = lines.next()?.split(' ').position(|its| its == name)?;
    lines.next()?.split(' ').nth(at)?.parse().ok()
}

/// A name and a number a line.
fn snmp6(table: &str, name: &str) -> Option<u64> {
    let value = |line: &str| line.strip_prefix("Udp6")?.strip_prefix(name)?.trim().parse().ok();
    table.lines().find_map(value)
}

/// The last field of a socket's line.
fn dropped(line: &str) -> Option<(u16, u64)> {
    let mut fields = line.split_whitespace();
    let (_, port) = fields.nth(1)?.rsplit_once(':')?;
    Some((u16::from_str_radix(port, 16).ok()?, fields.next_back()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_tables() {
        let table = "Ip: Forwarding\nIp: 1\nUdp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors\nUdp: 9 4 1 9 3\n";
        assert_eq!(
            (snmp(table, "NoPorts"), snmp(table, "RcvbufErrors"), snmp(table, "x")),
            (Some(4), Some(3), None)
        );
        let six = "Udp6InDatagrams                \t8\nUdp6NoPorts                    \t5\n";
        assert_eq!(snmp6(six, "NoPorts"), Some(5));
        let line = "  462: 0100007F:13C4 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 1 2 0 17";
        assert_eq!(dropped(line), Some((5060, 17)));
    }

    #[test]
    fn what_nobody_waits_for_is_counted() {
        let before = udp_losses(Place::Here).unwrap();
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        // tcpmux, which nobody has by UDP (and a port that was free is somebody's a moment later).
        socket.send_to(b"x", ("127.0.0.1", 1)).unwrap();
        assert!(udp_losses(Place::Here).unwrap().no_port > before.no_port);
    }
}
