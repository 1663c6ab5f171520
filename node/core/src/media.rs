//! The vocabulary between a session and the media plane: what a leg may be told, what it tells back.
//!
//! The core names no socket and no thread: an engine hands out [`MediaHandle`]s, a session holds them, and
//! dropping the handle closes the stream. Commands and events are plain data, so that either side can be
//! tested against a recording of the other.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

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

/// What offer and answer agreed on, seen from our side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamConfig {
    /// Where the peer wants RTP.
    pub remote: SocketAddr,
    /// Where the peer wants RTCP (`a=rtcp`, else the port after RTP's, else the same with rtcp-mux).
    pub remote_rtcp: SocketAddr,
    /// Whether RTCP shares the RTP port (RFC 5761).
    pub rtcp_mux: bool,
    /// Ours: `SendOnly` means that we send and the peer does not.
    pub direction: Direction,
    /// Payload types the peer may send us: those we named.
    pub receive: Vec<PayloadType>,
    /// Payload types we may send to the peer: those it named, best first.
    pub send: Vec<PayloadType>,
    /// Packet time of what we generate.
    pub ptime: Duration,
    /// No packet for this long while the peer should be sending is [`MediaEvent::Silence`]. None: never.
    pub silence: Option<Duration>,
    /// The same while the direction has the peer not sending (held). None: never.
    pub silence_held: Option<Duration>,
}

/// The number a format goes by on the wire, one way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayloadType {
    /// 0 to 127.
    pub number: u8,
    /// What it stands for.
    pub format: Format,
}

/// An RTP payload format, as `a=rtpmap` names it. The name is upper case; formats are compared, not numbers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Format {
    name: Arc<str>,
    clock_rate: u32,
    channels: u8,
}

impl Format {
    /// `name` in any case; `clock_rate` in hertz of the RTP timestamp (8000 for G.722, RFC 3551 §4.5.2).
    pub fn new(name: &str, clock_rate: u32, channels: u8) -> Self {
        Self { name: name.to_ascii_uppercase().into(), clock_rate, channels }
    }

    /// Encoding name in upper case, for instance `PCMU`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Hertz of the RTP timestamp.
    pub fn clock_rate(&self) -> u32 {
        self.clock_rate
    }

    /// 1, or 2 for Opus.
    pub fn channels(&self) -> u8 {
        self.channels
    }

    /// Whether this carries RFC 4733 events rather than sound.
    pub fn is_telephone_event(&self) -> bool {
        &*self.name == "TELEPHONE-EVENT"
    }
}

/// Who sends, seen from our side (RFC 3264 §5.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Direction {
    /// Both.
    #[default]
    SendRecv,
    /// We do.
    SendOnly,
    /// The peer does.
    RecvOnly,
    /// Neither.
    Inactive,
}

impl Direction {
    /// Whether we send.
    pub fn sends(self) -> bool {
        matches!(self, Self::SendRecv | Self::SendOnly)
    }

    /// Whether the peer sends.
    pub fn receives(self) -> bool {
        matches!(self, Self::SendRecv | Self::RecvOnly)
    }
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

/// What a stream has counted: since it was opened, never reset.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct MediaStats {
    /// RTP packets taken from the peer.
    pub received_packets: u64,
    /// Their payload bytes, RTP headers excluded.
    pub received_bytes: u64,
    /// RTP packets sent to the peer.
    pub sent_packets: u64,
    /// Their payload bytes, RTP headers excluded.
    pub sent_bytes: u64,
    /// Packets the peer's sequence numbers say were lost on the way to us (RFC 3550 §A.3).
    pub lost_packets: u64,
    /// Interarrival jitter of what the peer sends (RFC 3550 §6.4.1).
    pub jitter: Duration,
    /// Loss of what we send, as the peer last reported it, 0.0 to 1.0.
    pub remote_loss: Option<f32>,
    /// Jitter of what we send, as the peer last reported it.
    pub remote_jitter: Option<Duration>,
    /// Round trip by RTCP (RFC 3550 §6.4.1).
    pub round_trip: Option<Duration>,
    /// Packets dropped: from a third party.
    pub dropped_foreign: u64,
    /// Packets dropped: not RTP, not agreed on, or malformed.
    pub dropped_invalid: u64,
    /// Packets not sent, for the peer's consent was missing.
    pub withheld_packets: u64,
    /// The source the stream locked to.
    pub latched: Option<SocketAddr>,
    /// How what the peer sends would be judged; none before enough of it came: see [`ENOUGH`].
    pub quality: Option<Quality>,
    /// Loss of all we sent, as the peer reported it, 0.0 to 1.0; none before it reported on [`ENOUGH`] packets.
    pub remote_loss_overall: Option<f64>,
    /// How long the peer was to send, by what offer and answer said.
    pub receiving: Duration,
    /// How long we were to send.
    pub sending: Duration,
}

/// Packets below which a stream is not judged: a second of speech. A single one lost of fewer is more than two
/// in a hundred.
pub const ENOUGH: u64 = 50;

impl MediaStats {
    /// Packets the peer sent, as far as its sequence numbers say.
    pub fn expected_packets(&self) -> u64 {
        self.received_packets + self.lost_packets
    }

    /// Of the packets the peer sent, those that did not arrive: 0.0 to 1.0.
    #[allow(clippy::cast_precision_loss, reason = "a ratio for people")]
    pub fn loss(&self) -> f64 {
        match self.expected_packets() {
            0 => 0.0,
            expected => self.lost_packets as f64 / expected as f64,
        }
    }
}

/// A judgement of what a peer sends, by the E-model: ITU-T G.107, or G.107.1 for a wide-band codec.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Quality {
    /// Mean of the interarrival jitter, looked at each time a report was due.
    pub jitter: Duration,
    /// Rating factor R as a share of its scale, 0 to 100.
    pub rating: f64,
    /// Mean opinion score that the rating means, 1 to 4.5.
    pub mos: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loss_is_told_of_what_was_sent() {
        let media = MediaStats { received_packets: 95, lost_packets: 5, ..MediaStats::default() };
        assert!((media.loss() - 0.05).abs() < 1e-9);
        assert!(MediaStats::default().loss().abs() < 1e-9);
    }
}
