//! The vocabulary between a session and the media plane: what a leg may be told, what it tells back.
//!
//! The core names no socket and no thread: an engine hands out [`MediaHandle`]s, a session holds them, and
//! dropping the handle closes the stream. Commands and events are plain data, so that either side can be
//! tested against a recording of the other.

mod config;
mod stats;

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

pub use self::config::{Direction, Format, PayloadType, StreamConfig};
pub use self::stats::{ENOUGH, MediaStats, Quality};

/// Names one stream of the media plane for as long as it lives. Never reused within a process.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct StreamId(pub u64);

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// One stream, as the engine shows it to a session. Implemented by the engine, and by fakes in tests.
pub trait MediaPort: Send + Sync + fmt::Debug {
    /// The stream's name.
    fn id(&self) -> StreamId;
    /// The bound RTP address; RTCP is the odd port after it.
    fn local(&self) -> SocketAddr;
    /// Queues a command for the stream's worker. Never blocks.
    ///
    /// # Errors
    /// [`MediaError::Busy`] when the worker's queue is full, [`MediaError::Gone`] when the stream or its
    /// worker no longer exists; others as each command says.
    fn command(&self, command: MediaCommand) -> Result<(), MediaError>;
    /// What the stream has counted so far.
    fn stats(&self) -> MediaStats;
    /// Ends the stream and releases its ports. Always finds its place in the queue; twice is once.
    fn close(&self);
}

/// Owns one stream: dropped, the stream is closed.
#[derive(Debug)]
pub struct MediaHandle(Arc<dyn MediaPort>);

impl MediaHandle {
    /// Wraps what an engine opened.
    pub fn new(port: Arc<dyn MediaPort>) -> Self {
        Self(port)
    }

    /// A view for those who report or compose on the stream but do not own it.
    pub fn port(&self) -> Arc<dyn MediaPort> {
        Arc::clone(&self.0)
    }
}

impl std::ops::Deref for MediaHandle {
    type Target = dyn MediaPort;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

impl Drop for MediaHandle {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// What a session asks the engine for when it opens a stream.
#[derive(Clone, Debug)]
pub struct OpenStream {
    /// The address to bind: the one the SDP will name.
    pub local: IpAddr,
    /// Place the new stream on the worker that owns this one, so that both can be joined.
    pub beside: Option<StreamId>,
    /// Where the stream's events go.
    pub events: Arc<dyn MediaSink>,
}

/// Takes a stream's events. Called on a media worker: must neither block nor allocate without bound.
pub trait MediaSink: Send + Sync + fmt::Debug {
    /// Takes one event. A terminal event ([`MediaEvent::is_terminal`]) must not be lost, whatever else is.
    fn deliver(&self, stream: StreamId, event: MediaEvent);
}

/// A command to one stream.
#[derive(Debug)]
pub enum MediaCommand {
    /// Takes what offer and answer agreed on. A new one replaces the old; what the peer hears (SSRC,
    /// sequence, timestamps) goes on.
    Configure(StreamConfig),
    /// Changes what the peer hears. The outgoing SSRC, sequence and timestamp go on without a break.
    Source(Source),
    /// Takes another stream's place: its peer hears what that one's heard, and whoever heard that one hears it. The
    /// other falls silent.
    Succeed(StreamId),
    /// How far the peer has proven that it wants media at the configured address.
    Consent(Consent),
    /// Sends a telephone-event digit (RFC 4733) to the peer; queued behind those being sent.
    SendDtmf {
        /// One of `0-9 A-D * #`.
        digit: char,
        /// How long the event lasts.
        duration: Duration,
    },
}

/// What the peer of a stream hears.
#[derive(Debug)]
pub enum Source {
    /// Nothing is sent.
    Silence,
    /// Its own packets, `delay` later. The payload is not decoded.
    Echo {
        /// Zero echoes at once.
        delay: Duration,
    },
    /// Sound made frame by frame, encoded with the first codec the peer takes.
    Frames(Box<dyn FrameSource>),
    /// What arrives at another stream of the same worker, payload types mapped by format.
    Stream(StreamId),
}

/// Makes sound. Called on a media worker once a frame.
pub trait FrameSource: Send + fmt::Debug {
    /// Fills `pcm` (mono, 16-bit linear) at `rate` hertz.
    fn fill(&mut self, rate: u32, pcm: &mut [i16]) -> Fill;
}

/// Whether a source goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fill {
    /// There will be another frame.
    More,
    /// This frame was the last; the stream reports [`MediaEvent::PlaybackEnded`] and falls silent.
    Last,
}

/// How far the peer has proven that it wants media where its SDP says.
///
/// A packet from the configured address grants consent whatever was set before.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Consent {
    /// Nothing is sent until a packet comes from the peer.
    #[default]
    Withheld,
    /// Media is sent for this long; then only if a packet came from the peer.
    Probation(Duration),
    /// Media is sent.
    Granted,
}

/// What a stream reports.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MediaEvent {
    /// The first packet was taken, from this source.
    FirstPacket(SocketAddr),
    /// A telephone-event ended; told once an event.
    Dtmf {
        /// One of `0-9 A-D * #`.
        digit: char,
        /// How long it lasted.
        duration: Duration,
    },
    /// A [`Source::Frames`] gave its last frame.
    PlaybackEnded,
    /// The peer should be sending and has not for the configured time. Terminal.
    Silence,
    /// The worker that ran the stream is gone. Terminal.
    WorkerLost,
}

impl MediaEvent {
    /// Whether the call cannot go on after it.
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Silence | Self::WorkerLost)
    }
}

/// Why a stream did not take a command.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum MediaError {
    /// The worker's command queue is full.
    #[error("the media worker's queue is full")]
    Busy,
    /// The stream was closed or its worker died.
    #[error("the media stream is gone")]
    Gone,
    /// The two streams run on different workers and cannot be joined.
    #[error("the two media streams run on different workers")]
    NotTogether,
    /// The peer takes no codec this switch can encode.
    #[error("the peer takes no codec that sound can be generated for")]
    NotEncodable,
}

/// Why no stream could be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// Every port of the range is in use, resting or held by another process.
    #[error("no free port in the media range {first}-{last}")]
    PortsExhausted {
        /// First port of the range.
        first: u16,
        /// Last port of the range.
        last: u16,
    },
    /// The kernel refused the socket.
    #[error("cannot open a media socket on {local}")]
    Socket {
        /// The address asked for.
        local: IpAddr,
        /// What the kernel said.
        source: std::io::Error,
    },
    /// The worker's queue is full or no worker runs.
    #[error("no media worker can take a stream")]
    NoWorker,
}
