//! What a session holds of a stream: its figures, and the way into its worker's queue.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use switch_core::media::{
    ENOUGH, Format, MediaCommand, MediaError, MediaPort, MediaSink, MediaStats, Source, StreamId,
};

use crate::heartbeat::Heartbeat;
use crate::ports::Pair;
use crate::quality::{Agreed, Agreement};
use crate::voice;

/// Commands that wait for one worker at most. Further ones are refused with [`MediaError::Busy`].
pub(crate) const QUEUE: usize = 4096;

/// What a worker is told.
#[derive(Debug)]
pub(crate) enum Command {
    Open(Arc<Shared>, Pair, Arc<dyn MediaSink>),
    Tell(StreamId, MediaCommand),
}

/// The way into a worker. What is not a command arrives although the queue is full.
#[derive(Debug)]
pub(crate) struct Mailbox {
    pub(crate) queue: SyncSender<Command>,
    pub(crate) wake: OwnedFd,
    /// It was woken and has not looked since: nobody need wake it again.
    pub(crate) woken: AtomicBool,
    /// Streams that were closed since it looked last: no more than there are.
    pub(crate) closed: Mutex<Vec<StreamId>>,
    /// The engine is gone.
    pub(crate) stop: AtomicBool,
    pub(crate) heartbeat: Arc<Heartbeat>,
    /// Streams on this worker, those being opened included.
    pub(crate) load: AtomicUsize,
}

impl Mailbox {
    pub(crate) fn send(&self, command: Command) -> Result<(), MediaError> {
        self.queue.try_send(command).map_err(|error| match error {
            TrySendError::Full(_) => MediaError::Busy,
            TrySendError::Disconnected(_) => MediaError::Gone,
        })?;
        self.wake();
        Ok(())
    }

    pub(crate) fn wake(&self) {
        if self.woken.swap(true, Ordering::AcqRel) {
            return;
        }
        // An eventfd refuses only when its count is at the brim: then the worker is awake already.
        let _ = rustix::io::write(&self.wake, &1u64.to_ne_bytes());
    }

    /// Whether there is something to look at.
    pub(crate) fn is_woken(&self) -> bool {
        self.woken.load(Ordering::Acquire)
    }

    /// Those that were closed, and whatever was sent before: from here on it has to be woken for more.
    pub(crate) fn look(&self) -> Vec<StreamId> {
        // A swap: what was sent by whoever found the bit set has to be seen.
        self.woken.swap(false, Ordering::AcqRel);
        std::mem::take(&mut *self.closed.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What session and worker both see of one stream.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Shared {
    // First, for it begins with what each packet moves.
    pub(crate) figures: Figures,
    pub(crate) id: StreamId,
    pub(crate) local: SocketAddr,
    pub(crate) closed: AtomicBool,
    /// The worker has it no more.
    pub(crate) gone: AtomicBool,
    /// Set by [`MediaCommand::Configure`]: one of the constants below.
    encodable: AtomicU8,
    /// What offer and answer said so far.
    agreed: Mutex<Agreed>,
}

const UNKNOWN: u8 = 0;
const ENCODABLE: u8 = 1;
const NOT_ENCODABLE: u8 = 2;

impl Shared {
    pub(crate) fn new(id: StreamId, local: SocketAddr) -> Self {
        Self {
            id,
            local,
            closed: AtomicBool::new(false),
            gone: AtomicBool::new(false),
            encodable: AtomicU8::new(UNKNOWN),
            agreed: Mutex::default(),
            figures: Figures::default(),
        }
    }
}

/// Written by the worker only. The three last figures of the peer are zero for "not known", else one more than their
/// value.
/// What each packet moves stands first, in one line of the cache.
#[derive(Debug, Default)]
#[repr(C, align(64))]
pub(crate) struct Figures {
    pub(crate) received_packets: AtomicU64,
    pub(crate) received_bytes: AtomicU64,
    pub(crate) sent_packets: AtomicU64,
    pub(crate) sent_bytes: AtomicU64,
    pub(crate) lost_packets: AtomicU64,
    pub(crate) jitter_micros: AtomicU64,
    pub(crate) dropped_foreign: AtomicU64,
    pub(crate) dropped_invalid: AtomicU64,
    pub(crate) withheld_packets: AtomicU64,
    pub(crate) remote_loss_256: AtomicU64,
    pub(crate) remote_jitter_micros: AtomicU64,
    pub(crate) round_trip_micros: AtomicU64,
    /// Of the jitter each time a report was due, and how often that was.
    pub(crate) jitter_sum_micros: AtomicU64,
    pub(crate) jitter_samples: AtomicU64,
    /// Packets of ours the peer has reported on, and those it has lost of them.
    pub(crate) remote_expected: AtomicU64,
    pub(crate) remote_lost: AtomicU64,
    /// Touched when the source changes, not for each packet.
    pub(crate) latched: Mutex<Option<SocketAddr>>,
    /// What the peer's first sound was in since the formats were agreed on.
    pub(crate) heard: Mutex<Option<Format>>,
}

impl Figures {
    fn read(&self, agreed: &Agreed) -> MediaStats {
        let value = |figure: &AtomicU64| figure.load(Ordering::Relaxed);
        let known = |figure: &AtomicU64| value(figure).checked_sub(1);
        let (receiving, sending) = agreed.durations(Instant::now());
        let mut stats = MediaStats {
            received_packets: value(&self.received_packets),
            received_bytes: value(&self.received_bytes),
            sent_packets: value(&self.sent_packets),
            sent_bytes: value(&self.sent_bytes),
            lost_packets: value(&self.lost_packets),
            jitter: Duration::from_micros(value(&self.jitter_micros)),
            remote_loss: known(&self.remote_loss_256).map(|loss| loss as f32 / 256.0),
            remote_jitter: known(&self.remote_jitter_micros).map(Duration::from_micros),
            round_trip: known(&self.round_trip_micros).map(Duration::from_micros),
            dropped_foreign: value(&self.dropped_foreign),
            dropped_invalid: value(&self.dropped_invalid),
            withheld_packets: value(&self.withheld_packets),
            latched: *self.latched.lock().unwrap_or_else(PoisonError::into_inner),
            quality: None,
            remote_loss_overall: None,
            receiving,
            sending,
        };
        let expected = value(&self.remote_expected);
        if expected >= ENOUGH {
            stats.remote_loss_overall = Some(value(&self.remote_lost) as f64 / expected as f64);
        }
        // The latest is one more sample, so that a short call has one too.
        let samples = u32::try_from(value(&self.jitter_samples)).unwrap_or(u32::MAX - 1) + 1;
        let jitter = (Duration::from_micros(value(&self.jitter_sum_micros)) + stats.jitter) / samples;
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        stats.quality = agreed.judge(&stats, heard.as_ref(), jitter);
        stats
    }
}

/// One stream, as the session sees it.
#[derive(Debug)]
pub(crate) struct Port {
    pub(crate) shared: Arc<Shared>,
    pub(crate) mailbox: Arc<Mailbox>,
    /// A stream's worker is its id modulo this.
    pub(crate) workers: u64,
}

impl MediaPort for Port {
    fn id(&self) -> StreamId {
        self.shared.id
    }

    fn local(&self) -> SocketAddr {
        self.shared.local
    }

    fn command(&self, command: MediaCommand) -> Result<(), MediaError> {
        let Shared { id, closed, gone, encodable, .. } = &*self.shared;
        if closed.load(Ordering::Acquire) || gone.load(Ordering::Acquire) {
            return Err(MediaError::Gone);
        }
        let (mut able, mut agreed) = (None, None);
        match &command {
            MediaCommand::Source(Source::Stream(other)) | MediaCommand::Succeed(other)
                if other.0 % self.workers != id.0 % self.workers =>
            {
                return Err(MediaError::NotTogether);
            }
            MediaCommand::Source(Source::Frames(_)) if encodable.load(Ordering::Relaxed) == NOT_ENCODABLE => {
                return Err(MediaError::NotEncodable);
            }
            MediaCommand::Configure(config) => {
                able = Some(if voice::codec(config).is_some() { ENCODABLE } else { NOT_ENCODABLE });
                agreed = Some(Agreement::of(config));
            }
            _ => {}
        }
        self.mailbox.send(Command::Tell(*id, command))?;
        if let Some(able) = able {
            encodable.store(able, Ordering::Relaxed);
        }
        if let Some(agreement) = agreed {
            let mut agreed = self.shared.agreed.lock().unwrap_or_else(PoisonError::into_inner);
            agreed.change(Instant::now(), agreement);
        }
        Ok(())
    }

    fn stats(&self) -> MediaStats {
        let agreed = self.shared.agreed.lock().unwrap_or_else(PoisonError::into_inner);
        self.shared.figures.read(&agreed)
    }

    fn close(&self) {
        if !self.shared.closed.swap(true, Ordering::AcqRel) {
            let mut closed = self.mailbox.closed.lock().unwrap_or_else(PoisonError::into_inner);
            closed.push(self.shared.id);
            drop(closed);
            self.mailbox.wake();
        }
    }
}
