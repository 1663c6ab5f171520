//! Sockets: they move bytes and decide nothing.

use std::io;
use std::net::SocketAddr;

use socket2::SockRef;

pub(crate) mod tcp;
pub(crate) mod udp;

/// Has everything the socket sends carry this code point; it stands above the two bits of ECN (RFC 3168 §5).
pub(crate) fn mark<'s, S>(socket: &'s S, address: SocketAddr, dscp: u8) -> io::Result<()>
where
    SockRef<'s>: From<&'s S>,
{
    let (socket, class) = (SockRef::from(socket), u32::from(dscp) << 2);
    if address.is_ipv4() { socket.set_tos_v4(class) } else { socket.set_tclass_v6(class) }
}
