//! What the engine counts over all streams: read by metrics, written by the workers.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[doc = $doc:literal])+ $name:ident,)+) => {
        /// Figures of the whole engine. Gauges say so; everything else only grows.
        #[derive(Debug, Default)]
        pub struct Counters {
            $($(#[doc = $doc])+ pub $name: AtomicU64,)+
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

/// Adds to a counter.
pub(crate) fn add(counter: &AtomicU64, value: u64) {
    counter.fetch_add(value, Ordering::Relaxed);
}

/// Takes from a gauge.
pub(crate) fn sub(gauge: &AtomicU64, value: u64) {
    gauge.fetch_sub(value, Ordering::Relaxed);
}
