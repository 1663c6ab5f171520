//! What the core counts: plain atomics, read by whoever shows them.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::cause::{CAUSES, Cause};

/// Counts since the start. Gauges are named as such.
#[derive(Debug)]
pub struct Counters {
    /// Sessions that exist now (gauge).
    pub sessions: AtomicU64,
    /// Inbound sessions made.
    pub inbound: AtomicU64,
    /// Outbound sessions made.
    pub outbound: AtomicU64,
    /// Sessions that were answered.
    pub answered: AtomicU64,
    /// Sessions hung up because their mailbox was full.
    pub mailbox_overflows: AtomicU64,
    /// Applications that panicked.
    pub application_panics: AtomicU64,
    /// Events an application did not fetch in time.
    pub events_dropped: AtomicU64,
    ended: Box<[AtomicU64]>,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            sessions: AtomicU64::default(),
            inbound: AtomicU64::default(),
            outbound: AtomicU64::default(),
            answered: AtomicU64::default(),
            mailbox_overflows: AtomicU64::default(),
            application_panics: AtomicU64::default(),
            events_dropped: AtomicU64::default(),
            ended: CAUSES.iter().map(|_| AtomicU64::default()).collect(),
        }
    }
}

impl Counters {
    pub(crate) fn count_end(&self, cause: Cause) {
        if let Some(index) = CAUSES.iter().position(|&known| known == cause) {
            self.ended[index].fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Sessions ended, by cause; causes that ended none are left out.
    pub fn ended(&self) -> impl Iterator<Item = (Cause, u64)> {
        CAUSES
            .iter()
            .zip(&self.ended)
            .map(|(&cause, count)| (cause, count.load(Ordering::Relaxed)))
            .filter(|&(_, count)| count > 0)
    }
}
