//! What the core counts: plain atomics, read by whoever shows them.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::cause::{CAUSES, Cause};
use crate::channel::ChannelDirection;
use crate::histogram::Histogram;

const MOS: &[f64] = &[1.5, 2.0, 2.5, 3.0, 3.2, 3.4, 3.6, 3.8, 4.0, 4.1, 4.2, 4.3, 4.4];
const LOSS: &[f64] = &[0.0, 0.001, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5];
const JITTER: &[f64] = &[0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2];
const DURATION: &[f64] = &[1.0, 10.0, 30.0, 60.0, 180.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0];
const SETUP: &[f64] = &[0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

/// Counts since the start. Gauges are named as such.
#[derive(Debug)]
pub struct Counters {
    /// Sessions that exist now (gauge).
    pub sessions: AtomicU64,
    /// Inbound sessions made.
    pub inbound: AtomicU64,
    /// Outbound sessions made.
    pub outbound: AtomicU64,
    /// Inbound sessions that were answered.
    pub answered_inbound: AtomicU64,
    /// Outbound sessions that were answered.
    pub answered_outbound: AtomicU64,
    /// Sessions hung up because their mailbox was full.
    pub mailbox_overflows: AtomicU64,
    /// Applications that panicked.
    pub application_panics: AtomicU64,
    /// Events an application did not fetch in time.
    pub events_dropped: AtomicU64,
    /// Streams ended that were to carry sound: of an answered call, and for longer than it takes to begin.
    pub streams: AtomicU64,
    /// Those of them to which nothing came although it was to.
    pub nothing_received: AtomicU64,
    /// Those of them that sent nothing although they were to.
    pub nothing_sent: AtomicU64,
    /// Mean opinion score of what was received, one a stream.
    pub mos: Histogram,
    /// Loss of what was received, 0.0 to 1.0, one a stream.
    pub loss: Histogram,
    /// Mean jitter of what was received, seconds, one a stream.
    pub jitter: Histogram,
    /// Loss of what was sent, as the peer reported it, one a stream.
    pub remote_loss: Histogram,
    /// From the answer to the end, seconds, one an answered call.
    pub duration: Histogram,
    /// From the call's being taken or sent to its answer, seconds, one an answered leg.
    pub setup: Histogram,
    /// From the call's being sent to the first sign of the callee, seconds, one an outbound leg.
    pub ringing_delay: Histogram,
    /// One a cause: of inbound sessions, of outbound ones.
    ended: Box<[[AtomicU64; 2]]>,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            sessions: AtomicU64::default(),
            inbound: AtomicU64::default(),
            outbound: AtomicU64::default(),
            answered_inbound: AtomicU64::default(),
            answered_outbound: AtomicU64::default(),
            mailbox_overflows: AtomicU64::default(),
            application_panics: AtomicU64::default(),
            events_dropped: AtomicU64::default(),
            streams: AtomicU64::default(),
            nothing_received: AtomicU64::default(),
            nothing_sent: AtomicU64::default(),
            mos: Histogram::new(MOS),
            loss: Histogram::new(LOSS),
            jitter: Histogram::new(JITTER),
            remote_loss: Histogram::new(LOSS),
            duration: Histogram::new(DURATION),
            setup: Histogram::new(SETUP),
            ringing_delay: Histogram::new(SETUP),
            ended: CAUSES.iter().map(|_| Default::default()).collect(),
        }
    }
}

impl Counters {
    pub(crate) fn count_answer(&self, direction: ChannelDirection) {
        let answered = match direction {
            ChannelDirection::Inbound => &self.answered_inbound,
            ChannelDirection::Outbound => &self.answered_outbound,
        };
        answered.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_end(&self, direction: ChannelDirection, cause: Cause) {
        if let Some(index) = CAUSES.iter().position(|&known| known == cause) {
            let [inbound, outbound] = &self.ended[index];
            let ended = if direction == ChannelDirection::Inbound { inbound } else { outbound };
            ended.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Sessions ended, by cause and by who began the leg; what ended none is left out.
    pub fn ended(&self) -> impl Iterator<Item = (ChannelDirection, Cause, u64)> {
        let both = |(&cause, [inbound, outbound]): (&Cause, &[AtomicU64; 2])| {
            let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
            [
                (ChannelDirection::Inbound, cause, read(inbound)),
                (ChannelDirection::Outbound, cause, read(outbound)),
            ]
        };
        CAUSES.iter().zip(&self.ended).flat_map(both).filter(|&(_, _, count)| count > 0)
    }
}
