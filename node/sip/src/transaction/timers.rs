//! The timer values (RFC 3261 table 4, RFC 6026 §7.1).

use std::time::{Duration, Instant};

/// Base values all timers come from, and the layer's bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timers {
    /// Estimated round trip: 500 ms.
    pub t1: Duration,
    /// Longest interval between retransmissions of non-INVITE requests and INVITE responses: 4 s.
    pub t2: Duration,
    /// Longest a message stays in the network: 5 s.
    pub t4: Duration,
    /// How long an INVITE waits for its user before the layer answers 100; below 200 ms (§17.2.1).
    pub trying: Duration,
    /// Transactions at once. Those inside of dialogs may go an eighth above it, so that calls can end.
    pub max_transactions: usize,
}

impl Default for Timers {
    fn default() -> Self {
        Self {
            t1: Duration::from_millis(500),
            t2: Duration::from_secs(4),
            t4: Duration::from_secs(5),
            trying: Duration::from_millis(100),
            max_transactions: 65_536,
        }
    }
}

impl Timers {
    /// 64·T1: timers B, F, H, J, L and M.
    pub(super) fn long(&self) -> Duration {
        self.t1 * 64
    }

    /// Timer D: at least 32 s on UDP.
    pub(super) fn d(&self) -> Duration {
        self.long().max(Duration::from_secs(32))
    }

    /// Timer A: from T1, doubling without end.
    pub(super) fn a(&self, now: Instant) -> Resend {
        Resend { at: now + self.t1, interval: self.t1, longest: Duration::MAX }
    }

    /// Timers E and G, and the 2xx of an INVITE: from T1, doubling to T2.
    pub(super) fn g(&self, now: Instant) -> Resend {
        Resend { at: now + self.t1, interval: self.t1, longest: self.t2 }
    }
}

/// When to send again, and how the interval grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Resend {
    pub(super) at: Instant,
    pub(super) interval: Duration,
    pub(super) longest: Duration,
}

impl Resend {
    /// After one was sent: on the beat if we are on time, from now on if we are late.
    pub(super) fn next(self, now: Instant) -> Self {
        let interval = self.interval.saturating_mul(2).min(self.longest);
        let on_beat = self.at + interval;
        Self { at: if on_beat > now { on_beat } else { now + interval }, interval, ..self }
    }
}

/// The earlier of a retransmission and an end.
pub(super) fn earlier(resend: Option<Resend>, end: Instant) -> Option<Instant> {
    Some(resend.map_or(end, |resend| resend.at.min(end)))
}
