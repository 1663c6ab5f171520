//! The leg's own technology, seen from the core.
//!
//! An endpoint is a leg's signalling and its media stream. It is plain synchronous code run by the
//! session's task: what takes time (a look-up, an answer from the peer) comes back as a message.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use crate::audio::Audio;
use crate::cause::Cause;
use crate::channel::{CallerProfile, Channel};
use crate::flow::Flow;
use crate::handle::SessionHandle;
pub use crate::leg::LegEvent;
use crate::media::{MediaPort, StreamId};
use crate::state::State;

/// One leg of one technology. Dropped, it releases what it holds, its media stream too.
pub trait Endpoint: Send {
    /// Told once, before anything else: where the leg's messages go.
    fn attach(&mut self, session: SessionHandle);

    /// The channel entered `state`: told before any handler.
    fn state_run(&mut self, _channel: &Channel, _state: State) {}

    /// The endpoint's own handler for a state, first of all handlers. Its veto stops all the rest.
    fn on_state(&mut self, channel: &mut Channel, state: State) -> Flow;

    /// Takes a message the endpoint's own room posted with [`crate::handle::Message::Endpoint`]. What the
    /// leg's peer did is told to the session through the returned events, in order.
    fn receive(&mut self, channel: &mut Channel, message: Box<dyn Any + Send>) -> Vec<LegEvent>;

    /// Tells an inbound peer that somebody is being alerted.
    ///
    /// # Errors
    /// [`EndpointError::Direction`] on an outbound leg.
    fn ring(&mut self, channel: &mut Channel) -> Result<(), EndpointError>;

    /// Opens early media. `choice` is what the other leg chose; none: whatever this switch can do itself.
    ///
    /// # Errors
    /// [`EndpointError`]; the leg is as before.
    fn pre_answer(&mut self, channel: &mut Channel, choice: Option<&Audio>) -> Result<(), EndpointError>;

    /// Answers an inbound leg; answering an answered one changes nothing. `choice` as for `pre_answer`.
    ///
    /// # Errors
    /// [`EndpointError`]; the leg is as before.
    fn answer(&mut self, channel: &mut Channel, choice: Option<&Audio>) -> Result<(), EndpointError>;

    /// What the other leg's peer can receive from now on; none: the leg is joined to none any more. Where this
    /// leg's peer may send something else, it is asked to send what both can.
    fn follow(&mut self, _other: Option<&Audio>) {}

    /// The other leg's peer keeps to this, for it refused to do with less: this leg's peer is asked to go back to it,
    /// so that all is as if nothing had been asked (RFC 3261 §14.1).
    fn restore(&mut self, _other: &Audio) {}

    /// What the peer said it can receive, once it did.
    fn peer_audio(&self) -> Option<&Audio>;

    /// The leg's stream, once it has one.
    fn media(&self) -> Option<Arc<dyn MediaPort>>;
}

/// Why an endpoint did not do what it was asked for. Each has its hang-up cause.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum EndpointError {
    /// Only an inbound leg can be rung or answered.
    #[error("an outbound leg is answered by its peer")]
    Direction,
    /// The two sides have no format in common.
    #[error("no format in common with the peer")]
    Incompatible,
    /// No media stream could be had.
    #[error("no media stream: {0}")]
    Media(String),
    /// The call is over.
    #[error("the call is over")]
    Over,
}

impl EndpointError {
    /// The cause a call that stumbles over it ends with.
    pub fn cause(&self) -> Cause {
        match self {
            Self::Direction => Cause::WrongCallState,
            Self::Incompatible => Cause::IncompatibleDestination,
            Self::Media(_) => Cause::SwitchCongestion,
            Self::Over => Cause::NormalClearing,
        }
    }
}

/// A leg to be placed.
#[derive(Clone, Debug)]
pub struct Originate {
    /// In the endpoint's own form, for instance `sip:1000@10.0.0.5`.
    pub target: String,
    /// Who calls whom.
    pub profile: CallerProfile,
    /// What the second leg is offered: what the first can do. None: whatever this switch can do itself.
    pub offer: Option<Audio>,
    /// Place the stream where it can be joined to this one.
    pub beside: Option<StreamId>,
    /// How long the peer may ring.
    pub timeout: Duration,
}

/// Why a leg could not be placed.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum OriginateError {
    /// No loaded endpoint takes this kind of target.
    #[error("no endpoint takes the target {0:?}; it should look like sip:USER@HOST")]
    NoEndpoint(String),
    /// The target cannot be read.
    #[error("the target {target:?} cannot be called: {why}")]
    Target {
        /// What was asked for.
        target: String,
        /// What is wrong with it.
        why: String,
    },
    /// Nothing of what the first leg can do can be relayed.
    #[error("the caller offers no format that can be relayed")]
    Incompatible,
    /// No media stream could be had.
    #[error("no media stream for the second leg: {0}")]
    Media(String),
    /// A limit was reached.
    #[error("the switch takes no further calls")]
    Limit,
}

impl OriginateError {
    /// The cause the first leg ends with.
    pub fn cause(&self) -> Cause {
        match self {
            Self::NoEndpoint(_) => Cause::ChanNotImplemented,
            Self::Target { .. } => Cause::InvalidUrl,
            Self::Incompatible => Cause::IncompatibleDestination,
            Self::Media(_) | Self::Limit => Cause::SwitchCongestion,
        }
    }
}

/// Places legs of one technology.
pub trait EndpointInterface: Send + Sync {
    /// The scheme its targets begin with, without the colon.
    fn scheme(&self) -> &'static str;

    /// Makes the leg. Nothing is sent before its session enters [`State::Init`].
    ///
    /// # Errors
    /// [`OriginateError`].
    fn outgoing(&self, request: &Originate) -> Result<Box<dyn Endpoint>, OriginateError>;
}
