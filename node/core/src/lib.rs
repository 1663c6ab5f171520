//! Sessions, channels, their state machine, and the vocabulary every other room speaks.
//!
//! The core knows neither sockets nor files nor SIP. An endpoint hands it a leg, modules hand it
//! applications and dialplans, an engine hands the endpoint its media streams; what is between them, the
//! life of a call, is here.

pub mod application;
pub mod audio;
pub mod cause;
pub mod channel;
pub mod counters;
mod desk;
pub mod dialplan;
pub mod endpoint;
pub mod flow;
pub mod handle;
pub mod histogram;
pub mod id;
pub mod leg;
pub mod limits;
pub mod media;
pub mod module;
pub mod session;
pub mod state;
pub mod switch;
pub mod task;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use application::{Application, Call, Interrupted};
pub use cause::Cause;
pub use channel::{CallerProfile, Channel, ChannelDirection};
pub use endpoint::Endpoint;
pub use flow::Flow;
pub use handle::SessionHandle;
pub use id::SessionId;
pub use session::{Session, StateHandler};
pub use state::State;
pub use switch::Switch;
pub use task::SessionTask;

/// What a handler of states is made of.
pub mod handler {
    pub use crate::flow::Flow;
    pub use crate::session::StateHandler;
}
