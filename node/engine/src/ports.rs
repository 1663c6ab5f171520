//! The port allocator: an even port for RTP, the odd one after it for RTCP (RFC 3550 §11).
//!
//! A pair is bound when it is chosen and stays bound until its stream ends; then it rests, so that late
//! packets of the call before do not reach the next one.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::sockopt::{
    Ipv4PathMtuDiscovery, Ipv6PathMtuDiscovery, set_ip_mtu_discover, set_ip_tos, set_ipv6_mtu_discover,
    set_ipv6_tclass, set_ipv6_v6only,
};
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, socket_with};
use switch_core::media::OpenError;

use crate::counters::{Counters, add, sub};

/// Every pair of the range, and what state it is in.
#[derive(Debug)]
pub(crate) struct Ports {
    range: RangeInclusive<u16>,
    pairs: usize,
    rest: Duration,
    dscp: u8,
    counters: Arc<Counters>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    free: VecDeque<u16>,
    resting: VecDeque<(Instant, u16)>,
}

/// Two bound sockets. Dropped, they are closed first and their ports rest from then on.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) rtp: OwnedFd,
    pub(crate) rtcp: OwnedFd,
    pub(crate) local: SocketAddr,
    _lease: Lease,
}

#[derive(Debug)]
struct Lease {
    ports: Arc<Ports>,
    port: u16,
}

impl Ports {
    pub(crate) fn new(
        range: RangeInclusive<u16>,
        rest: Duration,
        dscp: u8,
        counters: Arc<Counters>,
    ) -> Arc<Self> {
        let last = *range.end();
        let free: VecDeque<u16> =
            range.clone().filter(|&port| port != 0 && port.is_multiple_of(2) && port < last).collect();
        let pairs = free.len();
        let resting = VecDeque::with_capacity(pairs);
        add(&counters.ports_limit, pairs as u64);
        Arc::new(Self { range, pairs, rest, dscp, counters, state: Mutex::new(State { free, resting }) })
    }

    /// How many pairs the range holds.
    pub(crate) fn capacity(&self) -> usize {
        self.pairs
    }

    /// Binds the next free pair. Pairs that another process holds are skipped and rest like used ones.
    pub(crate) fn bind(self: &Arc<Self>, local: IpAddr) -> Result<Pair, OpenError> {
        let mut state = self.lock();
        let now = Instant::now();
        while let Some(&(until, port)) = state.resting.front() {
            if until > now {
                break;
            }
            state.resting.pop_front();
            state.free.push_back(port);
            sub(&self.counters.ports_resting, 1);
        }
        for _ in 0..state.free.len() {
            let Some(port) = state.free.pop_front() else { break };
            match bind_pair(local, port, self.dscp) {
                Ok((rtp, rtcp)) => {
                    add(&self.counters.ports_in_use, 1);
                    let lease = Lease { ports: Arc::clone(self), port };
                    return Ok(Pair { rtp, rtcp, local: SocketAddr::new(local, port), _lease: lease });
                }
                Err(Errno::ADDRINUSE) => {
                    add(&self.counters.ports_taken, 1);
                    self.put_to_rest(&mut state, port);
                }
                Err(error) => {
                    state.free.push_front(port);
                    return Err(OpenError::Socket { local, source: error.into() });
                }
            }
        }
        add(&self.counters.ports_exhausted, 1);
        Err(OpenError::PortsExhausted { first: *self.range.start(), last: *self.range.end() })
    }

    fn put_to_rest(&self, state: &mut State, port: u16) {
        state.resting.push_back((Instant::now() + self.rest, port));
        add(&self.counters.ports_resting, 1);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change is one push or pop: a panic cannot leave it half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut state = self.ports.lock();
        self.ports.put_to_rest(&mut state, self.port);
        sub(&self.ports.counters.ports_in_use, 1);
    }
}

fn bind_pair(local: IpAddr, port: u16, dscp: u8) -> Result<(OwnedFd, OwnedFd), Errno> {
    Ok((bind_one(local, port, dscp)?, bind_one(local, port + 1, dscp)?))
}

/// A socket that neither blocks nor sets DF: a narrow link fragments rather than loses.
fn bind_one(local: IpAddr, port: u16, dscp: u8) -> Result<OwnedFd, Errno> {
    let family = if local.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = socket_with(family, SocketType::DGRAM, flags, None)?;
    // The code point stands above the two bits of ECN.
    if local.is_ipv4() {
        set_ip_tos(&socket, dscp << 2)?;
        set_ip_mtu_discover(&socket, Ipv4PathMtuDiscovery::DONT)?;
    } else {
        set_ipv6_v6only(&socket, true)?;
        set_ipv6_tclass(&socket, u32::from(dscp << 2))?;
        set_ipv6_mtu_discover(&socket, Ipv6PathMtuDiscovery::DONT)?;
    }
    bind(&socket, &SocketAddr::new(local, port))?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, UdpSocket};
    use std::sync::atomic::Ordering;

    use super::*;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    #[test]
    fn a_pair_is_skipped_when_taken_and_rests_when_released() {
        let counters = Arc::new(Counters::default());
        let _other = UdpSocket::bind((HERE, 21_003)).unwrap();
        let ports = Ports::new(21_001..=21_006, Duration::from_millis(60), 46, Arc::clone(&counters));
        assert_eq!(ports.capacity(), 2, "21002 and 21004; 21006 has no odd port after it");
        assert_eq!(counters.ports_limit.load(Ordering::Relaxed), 2);
        let pair = ports.bind(HERE).unwrap();
        assert_eq!(pair.local.port(), 21_004);
        assert_eq!(counters.ports_taken.load(Ordering::Relaxed), 1);
        assert!(matches!(ports.bind(HERE), Err(OpenError::PortsExhausted { first: 21_001, last: 21_006 })));
        let released = Instant::now();
        drop(pair);
        let again = loop {
            match ports.bind(HERE) {
                Ok(pair) => break pair,
                Err(_) => std::thread::sleep(Duration::from_millis(1)),
            }
            assert!(released.elapsed() < Duration::from_secs(30), "it rests for ever");
        };
        assert!(released.elapsed() >= Duration::from_millis(60), "it rests: {:?}", released.elapsed());
        assert_eq!(again.local.port(), 21_004);
    }
}
