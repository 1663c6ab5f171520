//! What the engine counts: each worker for itself, so that no packet waits for another core; read as a sum.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::heartbeat::Heartbeat;

macro_rules! counters {
    ($($(#[doc = $doc:literal])+ $name:ident,)+) => {
        /// The share of one writer: a worker, or the port allocator behind its lock.
        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            $(pub(crate) $name: AtomicU64,)+
        }

        /// Figures of the whole engine at one moment. Gauges say so; everything else only grows.
        #[derive(Clone, Debug, Default)]
        pub struct Totals {
            $($(#[doc = $doc])+ pub $name: u64,)+
            /// How long each worker was at work, in the order of the workers.
            pub workers_busy: Vec<Duration>,
        }

        impl Board {
            /// The sum of all shares.
            pub fn totals(&self) -> Totals {
                let mut totals = Totals::default();
                for share in &self.shares {
                    $(totals.$name += share.$name.load(Ordering::Relaxed);)+
                }
                totals.workers_busy = self.workers.iter().map(|worker| worker.busy()).collect();
                totals
            }
        }
    };
}

counters! {
    /// Gauge: open streams.
    streams,
    /// RTP packets taken.
    received_packets,
    /// Payload bytes of the RTP packets taken.
    received_bytes,
    /// RTP packets sent.
    sent_packets,
    /// Payload bytes of the RTP packets sent.
    sent_bytes,
    /// Datagrams dropped: from a third party, or from a source still on trial.
    dropped_foreign,
    /// Datagrams dropped: neither RTP nor RTCP, malformed, or of a payload type not agreed on.
    dropped_invalid,
    /// Packets dropped: the peer they should have gone to takes no such format.
    dropped_unmapped,
    /// Packets and digits dropped: a bounded store of the stream was full, or the peer takes no such digit.
    dropped_full,
    /// Packets not sent: the peer's consent was missing.
    withheld_packets,
    /// Packets the kernel refused to send.
    send_errors,
    /// Gauge: port pairs the range holds, in whatever state.
    ports_limit,
    /// Gauge: port pairs bound by streams.
    ports_in_use,
    /// Gauge: port pairs that rest before they are used again.
    ports_resting,
    /// Times a port pair was found held by another process, and skipped.
    ports_taken,
    /// Streams refused because no port pair was free.
    ports_exhausted,
    /// Times a worker failed and was started again.
    worker_restarts,
}

/// All shares of an engine, and what its workers show of themselves.
#[derive(Debug, Default)]
pub struct Board {
    pub(crate) shares: Vec<Arc<Counters>>,
    pub(crate) workers: Vec<Arc<Heartbeat>>,
}

/// Adds to a figure that only the calling thread writes, or that a lock guards: no bus is locked for it.
pub(crate) fn add(figure: &AtomicU64, value: u64) {
    figure.store(figure.load(Ordering::Relaxed).wrapping_add(value), Ordering::Relaxed);
}

/// Takes from such a gauge.
pub(crate) fn sub(gauge: &AtomicU64, value: u64) {
    gauge.store(gauge.load(Ordering::Relaxed).wrapping_sub(value), Ordering::Relaxed);
}
