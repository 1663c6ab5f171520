//! What a leg's peer does, in terms that no signalling protocol owns: an endpoint tells its session, one session
//! tells the session that it is joined to.

use crate::audio::{Audio, LegAudio};
use crate::cause::Cause;
use crate::channel::ProtocolStatus;

/// What a leg's peer did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LegEvent {
    /// It rings.
    Ringing,
    /// It sends sound before it answers.
    EarlyMedia(LegAudio),
    /// It answered.
    Answered(LegAudio),
    /// Its sound was described anew, and it can receive this now. The other leg follows; see
    /// [`Endpoint::follow`](crate::Endpoint::follow).
    Described(Audio),
    /// It refused to send less than what was agreed on, and goes on with that. The other leg goes back to it; see
    /// [`Endpoint::restore`](crate::Endpoint::restore).
    Insists(Audio),
    /// It ended the call, or the call could not be placed.
    Ended {
        /// Why.
        cause: Cause,
        /// How its protocol put it.
        status: Option<ProtocolStatus>,
    },
}
