//! How a call is placed and how long is waited for what.

use std::net::IpAddr;
use std::time::Duration;

/// How a call is placed and how long is waited for what. Start from the default.
#[derive(Clone, PartialEq, Debug)]
pub struct ProbeOptions {
    /// The address signalling and audio come from. None: the kernel's choice toward the target.
    pub local: Option<IpAddr>,
    /// How long the signal is; rounded up to the next 400 ms (20 frames), at most 60 s.
    pub duration: Duration,
    /// How long the name may take to resolve, and a TCP connection to be made.
    pub connect_timeout: Duration,
    /// How long the other side may take to send its first response to a request.
    pub response_timeout: Duration,
    /// How long it may ring before the call is cancelled.
    pub ring_timeout: Duration,
    /// How much later than sent a frame may come back; more than 5 s, so that a delayed echo passes.
    pub delay: Duration,
    /// Share of frames (0.0 to 1.0) that may be lost or altered in a call that is still called good.
    pub tolerance: f64,
}

impl Default for ProbeOptions {
    fn default() -> Self {
        Self {
            local: None,
            duration: Duration::from_millis(3200),
            connect_timeout: Duration::from_secs(5),
            response_timeout: Duration::from_secs(5),
            ring_timeout: Duration::from_secs(30),
            delay: Duration::from_secs(6),
            tolerance: 0.01,
        }
    }
}

impl ProbeOptions {
    /// Frames of 20 ms to count: a multiple of twenty, so that one in twenty is exactly 5 %.
    pub(crate) fn frames(&self) -> u32 {
        let twenties = self.duration.as_millis().clamp(1, 60_000).div_ceil(400) as u32;
        twenties * 20
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_in_twenties() {
        let frames = |duration| ProbeOptions { duration, ..ProbeOptions::default() }.frames();
        assert_eq!(ProbeOptions::default().frames(), 160);
        assert_eq!(frames(Duration::ZERO), 20);
        assert_eq!(frames(Duration::from_millis(401)), 40);
        assert_eq!(frames(Duration::MAX), 3000);
    }
}
