//! What a stream keeps for its reports: when the next one is due, to whom, and what the peer's said (RFC 3550 §6).
//! Part of each stream; who writes and reads reports is `rtcp`.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use switch_rtp::rtcp::Overall;

/// Between two reports, on average (§6.2).
const INTERVAL: Duration = Duration::from_secs(5);

/// When to report, to whom, and what the peer's last sender report was.
#[derive(Debug)]
pub(crate) struct Reports {
    /// For the spread of the interval (§6.3.1): xorshift, never zero.
    random: u64,
    due: Option<Instant>,
    /// Where the peer's RTCP came from.
    pub(crate) from: Option<SocketAddr>,
    /// SSRC, middle bits and arrival of its last sender report.
    pub(crate) last: Option<(u32, u32, Instant)>,
    /// Packets sent when the report before was made.
    pub(crate) sent_before: u64,
    /// Packets taken when the jitter was looked at last.
    pub(crate) taken_before: u64,
    /// What the peer says of all we sent.
    pub(crate) overall: Overall,
}

impl Reports {
    /// `first` is the sequence number of our first packet.
    pub(crate) fn new(random: u64, first: u16) -> Self {
        let overall = Overall::new(first);
        Self {
            random: random | 1,
            due: None,
            from: None,
            last: None,
            sent_before: 0,
            taken_before: 0,
            overall,
        }
    }

    /// The first report comes after half the time (§6.2), so that short calls have one.
    pub(crate) fn start(&mut self, now: Instant) {
        if self.due.is_none() {
            self.due = Some(now + self.interval() / 2);
        }
    }

    pub(crate) fn forget_peer(&mut self) {
        (self.from, self.last) = (None, None);
    }

    pub(crate) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Whether a report is to be made now; if so, the next one is put on the clock.
    pub(crate) fn take_due(&mut self, now: Instant) -> bool {
        if self.due.is_none_or(|due| due > now) {
            return false;
        }
        self.due = Some(now + self.interval());
        true
    }

    /// Half to one and a half times the interval.
    fn interval(&mut self) -> Duration {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        INTERVAL / 2 + INTERVAL.mul_f64((self.random >> 40) as f64 / f64::from(1 << 24))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_comes_after_half_the_time_of_the_others() {
        for seed in 0..1000 {
            let (mut reports, now) =
                (Reports::new(u64::wrapping_mul(seed, 0x9E37_79B9_7F4A_7C15), 0), Instant::now());
            reports.start(now);
            let first = reports.due().unwrap();
            assert!((INTERVAL / 4..=INTERVAL * 3 / 4).contains(&(first - now)), "{:?}", first - now);
            reports.start(now + INTERVAL);
            assert_eq!(reports.due(), Some(first), "it is on the clock");
            assert!(!reports.take_due(first - Duration::from_millis(1)));
            assert!(reports.take_due(first));
            let next = reports.due().unwrap();
            assert!((INTERVAL / 2..=INTERVAL * 3 / 2).contains(&(next - first)), "{:?}", next - first);
        }
    }
}
