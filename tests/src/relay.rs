//! A narrow place between two telephones: passes SIP, RTP and RTCP on, and loses what it is told to lose.

use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// Which RTP packets of one direction are lost: told their number, from 0 on.
pub type Loss = fn(u32) -> bool;

/// For one caller and one callee, until dropped.
pub struct Relay {
    /// Where the caller finds it.
    pub address: SocketAddr,
    over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

/// A place that takes RTP, its neighbour that takes RTCP, and whereto each passes on: known from the SDP.
struct Side {
    rtp: UdpSocket,
    rtcp: UdpSocket,
    peer: Mutex<Option<SocketAddr>>,
}

impl Side {
    fn new() -> Arc<Self> {
        loop {
            let rtp = socket(0);
            let port = rtp.local_addr().unwrap().port();
            if port.is_multiple_of(2)
                && let Ok(rtcp) = UdpSocket::bind(("127.0.0.1", port + 1))
            {
                rtcp.set_read_timeout(rtp.read_timeout().unwrap()).unwrap();
                return Arc::new(Self { rtp, rtcp, peer: Mutex::new(None) });
            }
        }
    }
}

fn socket(port: u16) -> UdpSocket {
    let socket = UdpSocket::bind(("127.0.0.1", port)).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    socket
}

impl Relay {
    /// Before the callee; `there` is lost on the way to it, `back` on the way from it.
    pub fn before(callee: SocketAddr, there: Loss, back: Loss) -> Self {
        let sip = socket(0);
        let address = sip.local_addr().unwrap();
        let over = Arc::new(AtomicBool::new(false));
        let (caller_side, callee_side) = (Side::new(), Side::new());
        let spawn = |work: Box<dyn FnMut() + Send>| {
            let (over, mut work) = (Arc::clone(&over), work);
            std::thread::spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    work();
                }
            })
        };
        let mut threads = Vec::new();
        for (from, to, loss) in [(&caller_side, &callee_side, there), (&callee_side, &caller_side, back)] {
            let (a, b, mut count) = (Arc::clone(from), Arc::clone(to), 0);
            threads.push(spawn(Box::new(move || {
                pass(&a.rtp, &b.rtp, &b, 0, || {
                    count += 1;
                    loss(count - 1)
                });
            })));
            let (a, b) = (Arc::clone(from), Arc::clone(to));
            threads.push(spawn(Box::new(move || pass(&a.rtcp, &b.rtcp, &b, 1, || false))));
        }
        let mut caller = None;
        threads.push(spawn(Box::new(move || {
            let mut buffer = [0; 65_535];
            let Ok((length, from)) = sip.recv_from(&mut buffer) else { return };
            let message = String::from_utf8(buffer[..length].to_vec()).unwrap();
            if from == callee {
                // What names the callee names this place instead, so that the caller goes on to speak to it.
                let message = message.replace(&callee.to_string(), &address.to_string());
                sip.send_to(described(&message, &callee_side, &caller_side).as_bytes(), caller.unwrap())
                    .unwrap();
            } else {
                caller = Some(from);
                sip.send_to(described(&message, &caller_side, &callee_side).as_bytes(), callee).unwrap();
            }
        })));
        Self { address, over, threads }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // One that failed has said why.
            let _ = thread.join();
        }
    }
}

/// One datagram on, or none within the time-out.
fn pass(from: &UdpSocket, by: &UdpSocket, to: &Side, offset: u16, mut lost: impl FnMut() -> bool) {
    let mut buffer = [0; 2048];
    let Ok((length, _)) = from.recv_from(&mut buffer) else { return };
    let Some(peer) = *to.peer.lock().unwrap() else { return };
    if !lost() {
        by.send_to(&buffer[..length], SocketAddr::new(peer.ip(), peer.port() + offset)).unwrap();
    }
}

/// The message with the port of this place where a description names its author's, which is noted.
fn described(message: &str, author: &Side, reader: &Side) -> String {
    let (head, body) = message.split_once("\r\n\r\n").unwrap();
    let Some(line) = body.lines().find(|line| line.starts_with("m=audio ")) else {
        return message.to_owned();
    };
    let port = line.split(' ').nth(1).unwrap();
    *author.peer.lock().unwrap() = Some(SocketAddr::from(([127, 0, 0, 1], port.parse().unwrap())));
    let own = reader.rtp.local_addr().unwrap().port();
    let body = body.replace(line, &line.replacen(port, &own.to_string(), 1));
    let head: Vec<String> = head
        .lines()
        .map(|line| match line.split_once(':') {
            Some(("Content-Length", _)) => format!("Content-Length: {}", body.len()),
            _ => line.to_owned(),
        })
        .collect();
    format!("{}\r\n\r\n{body}", head.join("\r\n"))
}
