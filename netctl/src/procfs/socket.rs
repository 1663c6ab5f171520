//! /proc/PID/net/{tcp,udp}{,6}: what listens, and what is bound without a peer.

use std::fs::File;
use std::io::{self, Read as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::network::{Place, Protocol, Socket};

/// TCP_LISTEN of Linux's include/net/tcp_states.h.
const LISTEN: u8 = 0x0a;
/// TCP_CLOSE: a UDP socket without a peer.
const UNCONNECTED: u8 = 0x07;

/// What waits for somebody, without its holder.
pub(crate) fn bound(place: Place) -> io::Result<Vec<Socket>> {
    bound_by(place, &[Protocol::Tcp, Protocol::Udp])
}

/// The same of some protocols.
pub(crate) fn bound_by(place: Place, protocols: &[Protocol]) -> io::Result<Vec<Socket>> {
    let process = match place {
        Place::Here => "self".to_owned(),
        Place::Process(pid) => pid.to_string(),
    };
    let mut sockets = Vec::new();
    let files = [
        ("tcp", Protocol::Tcp, LISTEN),
        ("tcp6", Protocol::Tcp, LISTEN),
        ("udp", Protocol::Udp, UNCONNECTED),
        ("udp6", Protocol::Udp, UNCONNECTED),
    ];
    for (file, protocol, state) in files.into_iter().filter(|(_, protocol, _)| protocols.contains(protocol)) {
        match read(&format!("/proc/{process}/net/{file}")) {
            Ok(table) => {
                let rows = table.lines().skip(1).filter_map(|line| parse(line, protocol));
                sockets.extend(rows.filter(|(_, its)| *its == state).map(|(socket, _)| socket));
            }
            // A kernel without IPv6.
            Err(error) if error.kind() == io::ErrorKind::NotFound && file.ends_with('6') => {}
            Err(error) => return Err(error),
        }
    }
    sockets.sort_by_key(|socket| (socket.protocol, socket.local.port(), socket.local.ip()));
    Ok(sockets)
}

/// In as few calls as it takes: for each of them the kernel may go through all its sockets.
fn read(path: &str) -> io::Result<String> {
    const ENOUGH: usize = 64 * 1024;
    let mut text = String::with_capacity(ENOUGH);
    File::open(path)?.read_to_string(&mut text)?;
    Ok(text)
}

/// `sl local remote st tx:rx tr:when retrnsmt uid timeout inode …`
fn parse(line: &str, protocol: Protocol) -> Option<(Socket, u8)> {
    let mut fields = line.split_whitespace().skip(1);
    let local = address(fields.next()?)?;
    let remote = address(fields.next()?)?;
    let state = u8::from_str_radix(fields.next()?, 16).ok()?;
    let (send, receive) = fields.next()?.split_once(':')?;
    let queue = |text| u32::from_str_radix(text, 16).ok();
    let inode = fields.nth(4)?.parse().ok()?;
    let socket = Socket {
        protocol,
        local,
        remote,
        receive_queue: queue(receive)?,
        send_queue: queue(send)?,
        inode,
        holder: None,
    };
    Some((socket, state))
}

/// Words of 32 bits in the machine's order, and the port.
fn address(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':')?;
    let word = |index: usize| u32::from_str_radix(address.get(index * 8..index * 8 + 8)?, 16).ok();
    let ip = match address.len() {
        8 => IpAddr::V4(Ipv4Addr::from(word(0)?.to_ne_bytes())),
        32 => {
            let mut bytes = [0; 16];
            for index in 0..4 {
                bytes[index * 4..index * 4 + 4].copy_from_slice(&word(index)?.to_ne_bytes());
            }
            IpAddr::V6(Ipv6Addr::from(bytes))
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, u16::from_str_radix(port, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_endian = "little")]
    fn the_kernels_lines() {
        let line = "   0: 0100007F:13C4 00000000:0000 0A 00000001:00000080 00:00000000 00000000     0        0 \
                    20881 1 0000000000000000 100 0 0 10 0";
        let (socket, state) = parse(line, Protocol::Tcp).unwrap();
        assert_eq!(
            (socket.local.to_string(), state, socket.inode),
            ("127.0.0.1:5060".to_owned(), LISTEN, 20881)
        );
        assert_eq!((socket.receive_queue, socket.send_queue), (128, 1));
        let local = address("B80D01200000000000000000010000000:0")
            .or(address("B80D0120000000000000000001000000:13C4"));
        assert_eq!(local.unwrap().to_string(), "[2001:db8::1]:5060");
    }

    #[test]
    fn a_socket_of_our_own_is_found_with_its_holder() {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut found = bound(Place::Here).unwrap();
        super::super::process::name_holders(&mut found);
        let found = found.iter().find(|found| Some(found.local) == socket.local_addr().ok()).unwrap();
        assert_eq!(found.holder.as_ref().unwrap().pid, std::process::id());
    }
}
