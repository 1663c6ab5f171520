//! What a look comes to, in words for people and for programs.

use std::fmt::{self, Display, Formatter};

use super::cause::Cause;
use super::hop::{Hop, Stream};

/// What a look comes to.
#[derive(Clone, Debug, PartialEq)]
pub enum Conclusion {
    /// Audio passes.
    Passes,
    /// Packets end before a station.
    Broken(Hop, Stream, Cause),
    /// Some do.
    Lossy(Hop, Stream, Cause),
    /// The switch takes no calls.
    Refused(Cause),
    /// All stations pass what came, and yet there was no call.
    NoCall(String),
    /// There was a call, and what was heard is not what was said.
    BadAudio(String),
    /// Nobody called, or this keeps it away.
    Nothing(Option<Cause>),
    /// The container does not run.
    Stopped(Cause),
}

impl Conclusion {
    /// Whether audio passes.
    pub fn passes(&self) -> bool {
        matches!(self, Self::Passes)
    }

    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Passes => "passes",
            Self::Broken(..) => "broken",
            Self::Lossy(..) => "lossy",
            Self::Refused(_) => "refused",
            Self::NoCall(_) => "no_call",
            Self::BadAudio(_) => "bad_audio",
            Self::Nothing(_) => "nothing_seen",
            Self::Stopped(_) => "stopped",
        }
    }

    pub(super) fn place(&self) -> Option<(Hop, Stream)> {
        match self {
            Self::Broken(hop, stream, _) | Self::Lossy(hop, stream, _) => Some((*hop, *stream)),
            _ => None,
        }
    }

    pub(super) fn cause(&self) -> Option<&Cause> {
        match self {
            Self::Broken(_, _, cause)
            | Self::Lossy(_, _, cause)
            | Self::Refused(cause)
            | Self::Stopped(cause) => Some(cause),
            Self::Nothing(cause) => cause.as_ref(),
            _ => None,
        }
    }
}

impl Display for Conclusion {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passes => f.write_str("audio passes"),
            Self::Broken(hop, stream, _) => {
                write!(f, "{} ends before '{}'", stream.word(), hop.sentence())
            }
            Self::Lossy(hop, stream, _) => {
                write!(f, "some of {} is lost before '{}'", stream.word(), hop.sentence())
            }
            Self::Refused(_) => f.write_str("the switch takes no calls"),
            Self::NoCall(why) => write!(f, "the network passes what came, and yet there was no call: {why}"),
            Self::BadAudio(why) => write!(f, "the network passes what came, and yet the call was not good: {why}"),
            Self::Nothing(Some(_)) => f.write_str("no media came in that time, and it cannot"),
            Self::Nothing(None) => f.write_str(
                "no media came in that time: nobody called, or what stops it is in front of this host; look longer \
                 (--seconds) while somebody calls",
            ),
            Self::Stopped(_) => f.write_str("the container does not run"),
        }
    }
}
