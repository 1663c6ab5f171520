//! What offer and answer come to, as the media plane has to know it: where to, which formats by which numbers, who
//! sends. The words of RFC 3264 without its messages.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

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
    /// No packet for this long while the peer should be sending is
    /// [`MediaEvent::Silence`](super::MediaEvent::Silence). None: never.
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
