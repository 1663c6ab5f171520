//! Latching: whose packets a stream takes, and where it sends.
//!
//! The signalled address wins while it sends. Otherwise the first plausible source after a short wait is
//! locked; a third party is refused. The lock moves to the signalled address when that begins to send, by a
//! new offer or answer, or when the locked source fell silent and the same SSRC goes on in sequence elsewhere.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// How long the signalled address has before another source is locked.
pub const WAIT: Duration = Duration::from_millis(250);
/// How long a locked source must be silent before its SSRC may go on elsewhere.
pub const SILENT: Duration = Duration::from_millis(500);
/// How far ahead a sequence number may be and still go on. 1,000 packets are 20 s at 20 ms.
const IN_SEQUENCE: u16 = 1000;
/// How far ahead the next packet of a source still on trial may be.
const PLAUSIBLE: u16 = 16;

/// What to do with a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It is the peer's.
    Take,
    /// It is the peer's, and the peer is (now) there.
    Locked,
    /// It may turn out to be the peer's; drop it.
    Wait,
    /// It is a third party's; drop it.
    Foreign,
}

/// Where a packet came from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Seen {
    from: SocketAddr,
    ssrc: u32,
    sequence: u16,
    first: Instant,
    last: Instant,
}

/// Whose packets are taken.
#[derive(Debug)]
// What every packet touches stands first.
#[repr(C)]
pub struct Latch {
    locked: Option<Seen>,
    signalled: SocketAddr,
    candidate: Option<Seen>,
    /// A new offer or answer: whoever is plausible may follow a locked source that fell silent.
    reopened: bool,
}

impl Latch {
    /// Nothing came yet; `signalled` is what the peer's SDP says.
    pub fn new(signalled: SocketAddr) -> Self {
        Self { signalled, locked: None, candidate: None, reopened: false }
    }

    /// Takes what a new offer or answer says. The lock is dropped if the address is another one.
    pub fn signal(&mut self, signalled: SocketAddr) {
        if same(self.signalled, signalled) {
            self.reopened = self.locked.is_some();
        } else {
            *self = Self::new(signalled);
        }
    }

    /// What the peer's SDP says.
    pub fn signalled(&self) -> SocketAddr {
        self.signalled
    }

    /// The locked source.
    pub fn locked(&self) -> Option<SocketAddr> {
        self.locked.map(|seen| seen.from)
    }

    /// Where to send: to the locked source, else to the signalled address.
    pub fn target(&self) -> SocketAddr {
        self.locked().unwrap_or(self.signalled)
    }

    /// Judges a well-formed packet of an agreed payload type.
    pub fn judge(&mut self, now: Instant, from: SocketAddr, ssrc: u32, sequence: u16) -> Verdict {
        let seen = Seen { from, ssrc, sequence, first: now, last: now };
        let Some(locked) = &mut self.locked else {
            return if same(from, self.signalled) || self.tried(now, seen) {
                self.lock(seen)
            } else {
                Verdict::Wait
            };
        };
        if same(from, locked.from) {
            (locked.ssrc, locked.last) = (ssrc, now);
            locked.sequence = sequence;
            return Verdict::Take;
        }
        if same(from, self.signalled) {
            return self.lock(seen);
        }
        let silent = now.saturating_duration_since(locked.last) >= SILENT;
        let ahead = sequence.wrapping_sub(locked.sequence);
        let goes_on = ssrc == locked.ssrc && (1..=IN_SEQUENCE).contains(&ahead);
        if silent && (goes_on || (self.reopened && self.tried(now, seen))) {
            return self.lock(seen);
        }
        Verdict::Foreign
    }

    fn lock(&mut self, seen: Seen) -> Verdict {
        self.locked = Some(seen);
        self.candidate = None;
        self.reopened = false;
        Verdict::Locked
    }

    /// Puts a source on trial; true once it has sent in sequence for as long as the signalled one had.
    fn tried(&mut self, now: Instant, seen: Seen) -> bool {
        match &mut self.candidate {
            Some(candidate) if same(candidate.from, seen.from) => {
                let ahead = seen.sequence.wrapping_sub(candidate.sequence);
                let plausible = candidate.ssrc == seen.ssrc && (1..=PLAUSIBLE).contains(&ahead);
                (candidate.ssrc, candidate.sequence, candidate.last) = (seen.ssrc, seen.sequence, now);
                plausible && now.saturating_duration_since(candidate.first) >= WAIT
            }
            Some(candidate) if now.saturating_duration_since(candidate.last) < WAIT => false,
            _ => {
                self.candidate = Some(seen);
                false
            }
        }
    }
}

/// Whether two addresses are the same host and port; flow label and scope do not matter.
pub fn same(a: SocketAddr, b: SocketAddr) -> bool {
    a.ip() == b.ip() && a.port() == b.port()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Rig {
        latch: Latch,
        t0: Instant,
    }

    impl Rig {
        #[allow(clippy::disallowed_methods)]
        fn new() -> Self {
            Self { latch: Latch::new(addr(1)), t0: Instant::now() }
        }

        fn at(&mut self, ms: u64, port: u16, ssrc: u32, sequence: u16) -> Verdict {
            self.latch.judge(self.t0 + Duration::from_millis(ms), addr(port), ssrc, sequence)
        }
    }

    fn addr(port: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], port))
    }

    #[test]
    fn the_signalled_address_is_taken_at_once_and_keeps_third_parties_out() {
        let mut rig = Rig::new();
        assert_eq!(rig.at(0, 1, 7, 1), Verdict::Locked);
        assert_eq!(rig.at(20, 1, 7, 2), Verdict::Take);
        assert_eq!(rig.at(21, 9, 7, 3), Verdict::Foreign);
        assert_eq!(rig.at(2000, 9, 8, 3), Verdict::Foreign, "silent, but another SSRC");
        assert_eq!(rig.at(2000, 9, 7, 100), Verdict::Locked, "silent, and the same SSRC goes on");
        assert_eq!(rig.at(2020, 1, 7, 101), Verdict::Locked, "the signalled address wins");
    }

    #[test]
    fn another_source_is_locked_after_the_wait() {
        let mut rig = Rig::new();
        assert_eq!(rig.at(0, 5, 7, 1), Verdict::Wait);
        assert_eq!(rig.at(100, 6, 8, 900), Verdict::Wait);
        assert_eq!(rig.at(240, 5, 7, 12), Verdict::Wait);
        assert_eq!(rig.at(260, 5, 7, 13), Verdict::Locked);
        assert_eq!(rig.at(261, 6, 8, 901), Verdict::Foreign);
        assert_eq!(rig.at(280, 5, 99, 1), Verdict::Take, "a new SSRC of the locked source is fine");
        assert_eq!(rig.latch.target(), addr(5));
    }

    #[test]
    fn a_new_answer_opens_the_lock() {
        let mut rig = Rig::new();
        rig.at(0, 1, 7, 1);
        rig.latch.signal(addr(1));
        assert_eq!(rig.latch.target(), addr(1));
        assert_eq!(rig.at(600, 5, 8, 1), Verdict::Foreign);
        assert_eq!(rig.at(900, 5, 8, 2), Verdict::Locked);
        rig.latch.signal(addr(2));
        assert_eq!(rig.latch.target(), addr(2));
    }
}
