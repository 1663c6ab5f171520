//! A worker's heartbeat: since when it is at work, and for how long it was in all.
//!
//! A worker sleeps, or it works for a moment. One that works for seconds does not come back: a source of sound
//! that never returns, say. Its streams stand still, and nobody can end a thread from outside; so it is shown,
//! and whoever watches the process decides.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Set while the worker is at work.
const WORKS: u64 = 1 << 63;

/// One worker's. Written by it, read by anybody.
#[derive(Debug)]
pub(crate) struct Heartbeat {
    epoch: Instant,
    /// Nanoseconds. While the worker rests: how long it was at work so far. While it works, with [`WORKS`]: when it
    /// would have begun had it never rested, from the epoch. One number, so that no reader sees half of a change and
    /// takes a turn twice.
    busy: AtomicU64,
    /// Nanoseconds from the epoch to the beginning of the turn, one at least; zero while the worker rests.
    turn: AtomicU64,
}

impl Heartbeat {
    pub(crate) fn new() -> Self {
        Self { epoch: Instant::now(), busy: AtomicU64::new(0), turn: AtomicU64::new(0) }
    }

    /// A turn begins at `now`.
    pub(crate) fn works(&self, now: Instant) {
        let now = self.at(now);
        let busy = self.busy.load(Ordering::Relaxed);
        if busy & WORKS == 0 {
            self.busy.store(WORKS | now.saturating_sub(busy), Ordering::Relaxed);
        }
        self.turn.store(now.max(1), Ordering::Relaxed);
    }

    /// The turn ended at `now`.
    pub(crate) fn rests(&self, now: Instant) {
        self.busy.store(self.busy_at(now), Ordering::Relaxed);
        self.turn.store(0, Ordering::Relaxed);
    }

    /// How long the turn has lasted; zero while the worker rests.
    pub(crate) fn turn(&self) -> Duration {
        match self.turn.load(Ordering::Relaxed) {
            0 => Duration::ZERO,
            began => Duration::from_nanos(self.at(Instant::now()).saturating_sub(began)),
        }
    }

    /// How long the worker was at work in all, this turn included.
    pub(crate) fn busy(&self) -> Duration {
        Duration::from_nanos(self.busy_at(Instant::now()))
    }

    fn busy_at(&self, now: Instant) -> u64 {
        match self.busy.load(Ordering::Relaxed) {
            busy if busy & WORKS == 0 => busy,
            began => self.at(now).saturating_sub(began & !WORKS),
        }
    }

    fn at(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.epoch).as_nanos()).unwrap_or(u64::MAX) & !WORKS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_worked_adds_up_and_rest_does_not() {
        let beat = Heartbeat::new();
        let at = |millis| beat.epoch + Duration::from_millis(millis);
        // Three turns of 7 ms, with rests between them.
        for turn in 0..3 {
            beat.works(at(100 * turn));
            assert_eq!(beat.busy_at(at(100 * turn + 3)), (turn * 7 + 3) * 1_000_000);
            beat.rests(at(100 * turn + 7));
        }
        assert_eq!(beat.busy(), Duration::from_millis(21));
        assert_eq!(beat.turn(), Duration::ZERO);
    }

    #[test]
    fn a_turn_that_lasts_is_seen_and_counted() {
        let beat = Heartbeat::new();
        beat.works(Instant::now());
        std::thread::sleep(Duration::from_millis(20));
        assert!(beat.turn() >= Duration::from_millis(20) && beat.busy() >= Duration::from_millis(20));
        // A panic begins anew without a rest.
        beat.works(Instant::now());
        assert!(beat.busy() >= Duration::from_millis(20));
    }
}
