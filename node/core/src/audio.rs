//! What one leg says about its sound, in terms that no signalling protocol owns.
//!
//! A bridge carries it from leg to leg: what the first can do becomes the second's offer, what the second
//! chose becomes the first's answer.

use std::time::Duration;

use crate::media::{Format, StreamId};

/// One format of a description, best first in its list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AudioFormat {
    /// RTP payload type, 0 to 127.
    pub number: u8,
    /// Encoding name, clock rate, channels.
    pub format: Format,
    /// Format parameters, verbatim (`a=fmtp`).
    pub parameters: Option<String>,
}

/// What a leg can receive.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Audio {
    /// Best first. Telephone-event is one of them.
    pub formats: Vec<AudioFormat>,
    /// Packet time, where the leg asked for one.
    pub ptime: Option<Duration>,
}

/// A leg's sound and the stream that carries it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LegAudio {
    /// What the leg can receive.
    pub audio: Audio,
    /// Its stream.
    pub stream: StreamId,
}
