//! What packets on this machine are marked with: the six bits above ECN in each IP header (RFC 2474 §3).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::net::{AddressFamily, Protocol, RecvFlags, SocketFlags, SocketType, recv, socket_with, sockopt};

/// Of a packet: the protocol (6 is TCP, 17 UDP), whether it is IPv6, the port it comes from, its code point.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Mark {
    /// IP's number.
    pub protocol: u8,
    /// Rather than IPv4.
    pub ipv6: bool,
    /// Source.
    pub port: u16,
    /// 0 to 63.
    pub dscp: u8,
}

/// Takes down marks until it is asked for them.
pub struct Marks {
    over: Arc<AtomicBool>,
    taken: JoinHandle<BTreeSet<Mark>>,
}

/// Every protocol (`ETH_P_ALL`), as it stands on the wire.
const ALL: u32 = 0x0003_u16.to_be() as u32;

impl Marks {
    /// Begins, in the namespace of the calling thread.
    pub fn start() -> Self {
        let protocol = std::num::NonZeroU32::new(ALL).map(Protocol::from_raw);
        let socket = socket_with(AddressFamily::PACKET, SocketType::DGRAM, SocketFlags::CLOEXEC, protocol)
            .unwrap_or_else(|error| panic!("a packet socket needs root (CAP_NET_RAW): {error}"));
        sockopt::set_socket_timeout(&socket, sockopt::Timeout::Recv, Some(Duration::from_millis(50)))
            .unwrap();
        let over = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&over);
        let take = move || {
            let mut marks = BTreeSet::new();
            let mut buffer = [0; 65_535];
            loop {
                let ending = told.load(Ordering::Relaxed);
                match recv(&socket, &mut buffer[..], RecvFlags::empty()) {
                    Ok((length, _)) => marks.extend(parse(&buffer[..length])),
                    Err(_) if ending => return marks,
                    Err(_) => {}
                }
            }
        };
        Self { over, taken: std::thread::spawn(take) }
    }

    /// Ends, once nothing more comes.
    pub fn finish(self) -> BTreeSet<Mark> {
        self.over.store(true, Ordering::Relaxed);
        self.taken.join().unwrap()
    }
}

/// IPv4 (RFC 791), or IPv6 without extension headers (RFC 8200), with TCP or UDP in it.
fn parse(bytes: &[u8]) -> Option<Mark> {
    let (ipv6, class, protocol, length) = match bytes.first()? >> 4 {
        4 => (false, *bytes.get(1)?, *bytes.get(9)?, usize::from(bytes[0] & 0x0f) * 4),
        6 => (true, (bytes[0] << 4) | (bytes.get(1)? >> 4), *bytes.get(6)?, 40),
        _ => return None,
    };
    let port = u16::from_be_bytes(bytes.get(length..length + 2)?.try_into().ok()?);
    matches!(protocol, 6 | 17).then_some(Mark { protocol, ipv6, port, dscp: class >> 2 })
}
