//! A worker's heartbeat: since when it is at work.
//!
//! A worker sleeps, or it works for a moment. One that works for seconds does not come back: a source of sound
//! that never returns, say. Its streams stand still, and nobody can end a thread from outside; so it is shown,
//! and whoever watches the process decides.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// One worker's. Written by it, read by anybody.
#[derive(Debug)]
pub(crate) struct Heartbeat {
    epoch: Instant,
    /// Microseconds from the epoch to the beginning of the turn, one at least; zero while the worker rests.
    turn: AtomicU64,
}

impl Heartbeat {
    pub(crate) fn new() -> Self {
        Self { epoch: Instant::now(), turn: AtomicU64::new(0) }
    }

    pub(crate) fn works(&self) {
        self.turn.store(self.elapsed().max(1), Ordering::Relaxed);
    }

    pub(crate) fn rests(&self) {
        self.turn.store(0, Ordering::Relaxed);
    }

    /// How long the turn has lasted; zero while the worker rests.
    pub(crate) fn turn(&self) -> Duration {
        match self.turn.load(Ordering::Relaxed) {
            0 => Duration::ZERO,
            began => Duration::from_micros(self.elapsed().saturating_sub(began)),
        }
    }

    fn elapsed(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}
