//! One UDP socket: datagrams in with the address they were sent to, datagrams out from the address the
//! peer knows (IP_PKTINFO), so that a wildcard socket answers from where it was asked.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, SocketAddr};

use quinn_udp::{RecvMeta, UdpSockRef, UdpSocketState};
use socket2::{Domain, MsgHdr, Protocol, SockAddr, SockRef, Socket, Type};
use tokio::io::Interest;
use tokio::net::UdpSocket;

/// Largest datagram IP can carry.
const DATAGRAM: usize = 65_535;
/// Received datagrams the kernel keeps for us: a burst of calls, not a second of media.
const RECEIVE_BUFFER: usize = 4 << 20;

/// A bound socket.
#[derive(Debug)]
pub(crate) struct Udp {
    socket: UdpSocket,
    state: UdpSocketState,
    local: SocketAddr,
}

impl Udp {
    pub(crate) fn bind(address: SocketAddr, dscp: u8) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        socket.set_nonblocking(true)?;
        super::mark(&socket, address, dscp)?;
        socket.bind(&address.into())?;
        let socket = UdpSocket::from_std(socket.into())?;
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        // What the kernel grants is enough to work with; doctor's business, not a reason to refuse.
        _ = SockRef::from(&socket).set_recv_buffer_size(RECEIVE_BUFFER);
        clear_dont_fragment(&socket, address)?;
        let local = socket.local_addr()?;
        Ok(Self { socket, state, local })
    }

    pub(crate) fn local(&self) -> SocketAddr {
        self.local
    }

    /// Waits for datagrams and gives each to `take` with its source and the address of ours it came to.
    pub(crate) async fn receive(
        &self,
        mut take: impl FnMut(&[u8], SocketAddr, SocketAddr),
    ) -> io::Result<()> {
        let mut buffer = vec![0; DATAGRAM];
        loop {
            self.socket.readable().await?;
            let mut meta = [RecvMeta::default()];
            let received = self.socket.try_io(Interest::READABLE, || {
                self.state.recv(
                    UdpSockRef::from(&self.socket),
                    &mut [IoSliceMut::new(&mut buffer)],
                    &mut meta,
                )
            });
            match received {
                Ok(_) => {
                    let meta = meta[0];
                    let local = SocketAddr::new(meta.dst_ip.unwrap_or(self.local.ip()), self.local.port());
                    for datagram in buffer[..meta.len].chunks(meta.stride.max(1)) {
                        take(datagram, meta.addr, local);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // What a peer's host refused (ICMP) is told to the next receive; it is not our failure.
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
                Err(error) => return Err(error),
            }
        }
    }

    pub(crate) fn send(&self, bytes: &[u8], to: SocketAddr, from: IpAddr) -> io::Result<()> {
        // Not by quinn: it names a traffic class of its own for each datagram, where the socket's shall hold.
        let (to, contents) = (SockAddr::from(to), [IoSlice::new(bytes)]);
        let mut message = MsgHdr::new().with_addr(&to).with_buffers(&contents);
        let source = (self.local.ip().is_unspecified() && !from.is_unspecified()).then(|| source(from));
        if let Some(source) = &source {
            message = message.with_control(source);
        }
        let send = || SockRef::from(&self.socket).sendmsg(&message, 0);
        self.socket.try_io(Interest::WRITABLE, send).map(drop)
    }
}

/// The control message that names the source of a datagram: IP_PKTINFO (ip(7)), IPV6_PKTINFO (RFC 3542 §6.2).
fn source(address: IpAddr) -> Vec<u8> {
    let (level, kind, data) = match address {
        IpAddr::V4(v4) => (libc::IPPROTO_IP, libc::IP_PKTINFO, [[0; 4], v4.octets(), [0; 4]].concat()),
        IpAddr::V6(v6) => (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, [&v6.octets()[..], &[0; 4]].concat()),
    };
    let length = size_of::<libc::cmsghdr>() + data.len();
    let mut message = length.to_ne_bytes().to_vec();
    message.extend(level.to_ne_bytes());
    message.extend(kind.to_ne_bytes());
    message.extend(data);
    // The next message, were there one, would begin at a multiple of this.
    message.resize(length.next_multiple_of(size_of::<usize>()), 0);
    message
}

/// A narrow link fragments rather than loses: long INVITEs are usual.
fn clear_dont_fragment(socket: &UdpSocket, address: SocketAddr) -> io::Result<()> {
    use std::os::fd::AsRawFd;
    let (level, option, value) = if address.is_ipv4() {
        (libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, libc::IP_PMTUDISC_DONT)
    } else {
        (libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER, libc::IPV6_PMTUDISC_DONT)
    };
    // SAFETY: the descriptor is open for as long as `socket` is borrowed, and the option's value is an int.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            option,
            (&raw const value).cast(),
            size_of_val(&value) as libc::socklen_t,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
