//! Why there was nothing to measure.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use thiserror::Error;

use crate::target::Transport;

/// Why a call or a ping came to nothing. A call that was answered is never an error but a
/// [`Report`](crate::Report), whatever became of its audio.
#[derive(Debug, Error)]
pub enum ProbeError {
    /// A call needs somebody to call.
    #[error("the target names nobody to call; write for instance sip:9196@{host}")]
    NoUser {
        /// The target's host.
        host: String,
    },
    /// The name does not resolve.
    #[error("host {host} not found")]
    HostNotFound {
        /// The name asked for.
        host: String,
        /// What the resolver said.
        source: io::Error,
    },
    /// The name resolves, but not to an address of the local address' family.
    #[error("host {host} has no address that {local} can talk to")]
    NoCommonFamily {
        /// The name asked for.
        host: String,
        /// The address to come from.
        local: IpAddr,
    },
    /// The resolver said nothing.
    #[error("the resolver gave no answer for {host} within {} ms", after.as_millis())]
    ResolverSilent {
        /// The name asked for.
        host: String,
        /// How long was waited.
        after: Duration,
    },
    /// No socket could be made here.
    #[error("cannot open a socket on {local}")]
    Socket {
        /// The address to come from.
        local: IpAddr,
        /// What the kernel said.
        source: io::Error,
    },
    /// The target cannot be reached, or refuses connections.
    #[error("cannot reach {remote} by {transport}")]
    Unreachable {
        /// Whom we tried.
        remote: SocketAddr,
        /// How.
        transport: Transport,
        /// What the kernel said.
        source: io::Error,
    },
    /// Not one response came.
    #[error("no response from {remote} by {transport} within {} ms", after.as_millis())]
    NoResponse {
        /// Whom we asked.
        remote: SocketAddr,
        /// How.
        transport: Transport,
        /// How long was waited.
        after: Duration,
    },
    /// It rang, or was tried, but nobody answered; the call was cancelled.
    #[error("no answer within {} s (last heard: {status}); the call was cancelled", after.as_secs())]
    NoAnswer {
        /// How long was waited.
        after: Duration,
        /// Status of the last provisional response.
        status: u16,
    },
    /// A final response that is no success.
    #[error("refused with {status} {reason}")]
    Refused {
        /// 300 to 699.
        status: u16,
        /// Its reason phrase, as received.
        reason: String,
    },
    /// The call was answered with SDP that cannot be used; it was ended.
    #[error("the answer cannot be used: {0}")]
    BadAnswer(#[from] AnswerError),
    /// The connection broke before the call was answered.
    #[error("{remote} closed the connection before it answered")]
    ConnectionLost {
        /// Whom we were talking to.
        remote: SocketAddr,
    },
}

/// What is wrong with an SDP answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum AnswerError {
    /// The 200 had no body.
    #[error("it has no SDP")]
    Missing,
    /// The body is no SDP.
    #[error("its SDP cannot be read")]
    Malformed,
    /// The audio stream was refused (port 0) or is not there.
    #[error("it refuses the audio stream")]
    NoAudio,
    /// None of the codecs offered.
    #[error("it takes neither PCMU nor PCMA")]
    NoCodec,
    /// Media cannot be sent to the address, or the other side does not want any.
    #[error("it names no address that media can be sent to")]
    NoAddress,
}
