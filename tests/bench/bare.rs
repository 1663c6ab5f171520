//! The peer that everything is measured against: epoll, recvfrom, sendto and nothing else.
//!
//! Frozen: a change here changes every figure in docs/performance.md. It runs as a process of its own, reads
//! the two addresses of each call from standard input (`CALLER CALLEE` a line), binds a socket for each side
//! and one beside it for RTCP, as the switch does, and prints their ports.

use std::io::{BufRead as _, Write as _};
use std::net::{SocketAddr, UdpSocket};

use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::net::{RecvFlags, SendFlags, recvfrom, sendto};

/// Sockets taken from epoll at once.
const READY: usize = 256;

struct Side {
    rtp: UdpSocket,
    _rtcp: UdpSocket,
    /// Where the other side's packets go.
    peer: SocketAddr,
}

/// Relays until it is killed.
pub(crate) fn run() -> ! {
    let mut sides: Vec<Side> = Vec::new();
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let line = line.unwrap();
        let (caller, callee) = line.split_once(' ').unwrap();
        let call =
            [caller, callee].map(|peer| Side { rtp: socket(), _rtcp: socket(), peer: peer.parse().unwrap() });
        let [caller, callee] = call.each_ref().map(|side| side.rtp.local_addr().unwrap());
        writeln!(out, "{caller} {callee}").unwrap();
        sides.extend(call);
    }
    out.flush().unwrap();
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).unwrap();
    for (index, side) in sides.iter().enumerate() {
        epoll::add(&epoll, &side.rtp, EventData::new_u64(index as u64), EventFlags::IN).unwrap();
    }
    let mut ready = Vec::with_capacity(READY);
    let mut buffer = [0; 2048];
    loop {
        ready.clear();
        epoll::wait(&epoll, rustix::buffer::spare_capacity(&mut ready), None).unwrap();
        for event in &ready {
            let index = event.data.u64() as usize;
            let received = recvfrom(&sides[index].rtp, &mut buffer[..], RecvFlags::DONTWAIT);
            let Ok((length, _, Some(from))) = received else { continue };
            if SocketAddr::try_from(from).unwrap() != sides[index].peer {
                continue;
            }
            let other = &sides[index ^ 1];
            sendto(&other.rtp, &buffer[..length], SendFlags::empty(), &other.peer).unwrap();
        }
    }
}

fn socket() -> UdpSocket {
    UdpSocket::bind("127.0.0.1:0").unwrap()
}
