//! The way to the target: one UDP socket or one TCP connection, and SIP messages on it.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use switch_sip::frame::{self, Framed, StreamFramer};
use switch_sip::message::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};
use tokio::time::timeout;

use crate::error::ProbeError;
use crate::options::ProbeOptions;
use crate::target::{ProbeTarget, Transport};

/// Where signalling goes: all of it where the first request went.
#[derive(Debug)]
pub(crate) struct Link {
    carrier: Carrier,
    pub(crate) local: SocketAddr,
    pub(crate) remote: SocketAddr,
}

#[derive(Debug)]
enum Carrier {
    /// Connected, so that ICMP errors reach us and the kernel chose our address.
    Udp {
        socket: UdpSocket,
        buffer: Box<[u8]>,
    },
    Tcp {
        stream: TcpStream,
        framer: StreamFramer,
        buffer: Box<[u8]>,
    },
}

impl Link {
    /// Resolves the target and makes the socket or connection to it.
    pub(crate) async fn open(target: &ProbeTarget, options: &ProbeOptions) -> Result<Self, ProbeError> {
        let remote = resolve(target, options).await?;
        let source = options.local.unwrap_or(unspecified(remote.ip()));
        let socket_error = |error| ProbeError::Socket { local: source, source: error };
        let transport = target.transport();
        let unreachable = |error| ProbeError::Unreachable { remote, transport, source: error };
        let buffer = vec![0; 65_536].into_boxed_slice();
        let carrier = match transport {
            Transport::Udp => {
                let socket = UdpSocket::bind((source, 0)).await.map_err(socket_error)?;
                socket.connect(remote).await.map_err(unreachable)?;
                Carrier::Udp { socket, buffer }
            }
            Transport::Tcp => {
                let socket = if remote.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() };
                let socket = socket.map_err(socket_error)?;
                socket.bind(SocketAddr::new(source, 0)).map_err(socket_error)?;
                let connected = timeout(options.connect_timeout, socket.connect(remote)).await;
                let stream =
                    connected.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())).map_err(unreachable)?;
                stream.set_nodelay(true).map_err(socket_error)?;
                Carrier::Tcp { stream, framer: StreamFramer::new(), buffer }
            }
        };
        let local = carrier.local().map_err(socket_error)?;
        Ok(Self { carrier, local, remote })
    }

    pub(crate) fn transport(&self) -> Transport {
        match self.carrier {
            Carrier::Udp { .. } => Transport::Udp,
            Carrier::Tcp { .. } => Transport::Tcp,
        }
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.carrier {
            Carrier::Udp { socket, .. } => socket.send(bytes).await.map(drop),
            Carrier::Tcp { stream, .. } => {
                let written = timeout(WRITE, stream.write_all(bytes)).await;
                written.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
            }
        }
    }

    /// Sends if that needs no waiting; for farewells when there is no time left.
    pub(crate) fn try_send(&self, bytes: &[u8]) {
        _ = match &self.carrier {
            Carrier::Udp { socket, .. } => socket.try_send(bytes),
            Carrier::Tcp { stream, .. } => stream.try_write(bytes),
        };
    }

    /// The next message. May be dropped and called again; nothing is lost by that.
    pub(crate) async fn receive(&mut self) -> io::Result<Message> {
        match &mut self.carrier {
            Carrier::Udp { socket, buffer } => loop {
                let length = socket.recv(buffer).await?;
                // What is no SIP is no concern of ours: a response to us will come again.
                if let Ok(message) = frame::parse_datagram(&buffer[..length]) {
                    return Ok(message);
                }
            },
            Carrier::Tcp { stream, framer, buffer } => loop {
                match framer.next() {
                    Ok(Some(Framed::Message(message))) => return Ok(message),
                    // A message that cannot be read, but whose end is known, is none of ours either.
                    Ok(Some(Framed::Ping | Framed::Invalid(_))) => {}
                    Ok(None) => match stream.read(buffer).await? {
                        0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                        length => framer.push(&buffer[..length]),
                    },
                    Err(error) => return Err(io::Error::new(io::ErrorKind::InvalidData, error.to_string())),
                }
            },
        }
    }
}

impl Carrier {
    fn local(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Udp { socket, .. } => socket.local_addr(),
            Self::Tcp { stream, .. } => stream.local_addr(),
        }
    }
}

/// Longest time a peer may leave its TCP window shut.
const WRITE: Duration = Duration::from_secs(5);

async fn resolve(target: &ProbeTarget, options: &ProbeOptions) -> Result<SocketAddr, ProbeError> {
    let host = || target.host().to_owned();
    let lookup = tokio::net::lookup_host((target.host(), target.port()));
    let addresses = match timeout(options.connect_timeout, lookup).await {
        Err(_) => return Err(ProbeError::ResolverSilent { host: host(), after: options.connect_timeout }),
        Ok(Err(source)) => return Err(ProbeError::HostNotFound { host: host(), source }),
        Ok(Ok(addresses)) => addresses,
    };
    let mut addresses = addresses.peekable();
    if addresses.peek().is_none() {
        let source = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        return Err(ProbeError::HostNotFound { host: host(), source });
    }
    match options.local {
        None => Ok(addresses.next().expect("peeked at above")),
        Some(local) => addresses
            .find(|address| address.is_ipv4() == local.is_ipv4())
            .ok_or_else(|| ProbeError::NoCommonFamily { host: host(), local }),
    }
}

fn unspecified(like: IpAddr) -> IpAddr {
    match like {
        IpAddr::V4(_) => std::net::Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => std::net::Ipv6Addr::UNSPECIFIED.into(),
    }
}
