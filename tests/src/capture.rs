//! Hears RTP that passes on this machine, between whoever: what peers of a kind we did not write say and hear.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use rustix::net::{AddressFamily, Protocol, RecvFlags, SocketFlags, SocketType, recv, socket_with, sockopt};

/// A stream of packets: source, then destination.
pub type Flow = (SocketAddrV4, SocketAddrV4);

/// Takes down RTP until it is asked for it.
pub struct Capture {
    over: Arc<AtomicBool>,
    taken: JoinHandle<BTreeMap<Flow, Vec<Packet>>>,
}

/// An RTP packet.
#[derive(Clone, Debug)]
pub struct Packet {
    /// Its sequence number.
    pub sequence: u16,
    /// Its source.
    pub ssrc: u32,
    /// What it carries.
    pub payload: Vec<u8>,
}

/// What the kernel calls IPv4 (`ETH_P_IP`), as it stands on the wire.
const IPV4: u32 = 0x0800_u16.to_be() as u32;

impl Capture {
    /// Begins. Takes down what has one of these addresses as source or destination.
    pub fn start(addresses: &[Ipv4Addr]) -> Self {
        let addresses = addresses.to_vec();
        let protocol = std::num::NonZeroU32::new(IPV4).map(Protocol::from_raw);
        let socket = socket_with(AddressFamily::PACKET, SocketType::DGRAM, SocketFlags::CLOEXEC, protocol)
            .unwrap_or_else(|error| panic!("a packet socket needs root (CAP_NET_RAW): {error}"));
        sockopt::set_socket_recv_buffer_size_force(&socket, 32 << 20).unwrap();
        sockopt::set_socket_timeout(
            &socket,
            sockopt::Timeout::Recv,
            Some(std::time::Duration::from_millis(50)),
        )
        .unwrap();
        let over = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&over);
        Self { over, taken: std::thread::spawn(move || take(&socket, &addresses, &told)) }
    }

    /// Ends. The packets of each flow, in the order they passed.
    pub fn finish(self) -> BTreeMap<Flow, Vec<Packet>> {
        self.over.store(true, Ordering::Relaxed);
        self.taken.join().unwrap()
    }
}

/// Until it is over and the queue is empty.
fn take(socket: &OwnedFd, addresses: &[Ipv4Addr], over: &AtomicBool) -> BTreeMap<Flow, Vec<Packet>> {
    let mut flows: BTreeMap<Flow, Vec<Packet>> = BTreeMap::new();
    let mut buffer = [0; 65_535];
    loop {
        let ending = over.load(Ordering::Relaxed);
        // Others' packets come on and on: at the end only what stands in the queue is taken.
        let flags = if ending { RecvFlags::DONTWAIT } else { RecvFlags::empty() };
        match recv(socket, &mut buffer[..], flags) {
            Ok((length, _)) => {
                if let Some((flow, packet)) = parse(&buffer[..length])
                    && (addresses.contains(flow.0.ip()) || addresses.contains(flow.1.ip()))
                {
                    flows.entry(flow).or_default().push(packet);
                }
            }
            Err(_) if ending => return flows,
            Err(_) => {}
        }
    }
}

/// IPv4 (RFC 791), UDP (RFC 768), and in it RTP (RFC 3550 §5.1) of the shape all peers here send: no list, no
/// extension. RTCP and SIP have another first or second byte.
fn parse(bytes: &[u8]) -> Option<(Flow, Packet)> {
    let header = usize::from(bytes.first()? & 0x0f) * 4;
    let (ip, udp) = bytes.split_at_checked(header)?;
    let port = |at: usize| Some(u16::from_be_bytes(udp.get(at..at + 2)?.try_into().ok()?));
    let address = |at: usize| Some(Ipv4Addr::from(<[u8; 4]>::try_from(ip.get(at..at + 4)?).ok()?));
    let rtp = udp.get(8..usize::from(port(4)?))?;
    if ip[9] != 17 || rtp.len() < 12 || rtp[0] != 0x80 || (192..=223).contains(&rtp[1]) {
        return None;
    }
    let flow = (SocketAddrV4::new(address(12)?, port(0)?), SocketAddrV4::new(address(16)?, port(2)?));
    let sequence = u16::from_be_bytes([rtp[2], rtp[3]]);
    let ssrc = u32::from_be_bytes(rtp[8..12].try_into().ok()?);
    Some((flow, Packet { sequence, ssrc, payload: rtp[12..].to_vec() }))
}
