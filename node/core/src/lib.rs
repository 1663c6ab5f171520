//! Sessions, channels, their state machine, and the vocabulary every other room speaks.
//!
//! The core knows neither sockets nor files nor SIP. An endpoint hands it a leg, modules hand it
//! applications and dialplans, an engine hands the endpoint its media streams; what is between them, the
//! life of a call, is here.
//!
//! Its floors, from the ground up. Each knows those below it and none above:
//!
//! 1. Words: [`cause`], [`state`], [`id`], [`flow`], [`media`], [`audio`], [`limits`], [`histogram`].
//! 2. A leg's facts: its [`channel`], what its peer did ([`leg`]), what is counted ([`counters`]).
//! 3. A session's address: [`handle`]. Whoever holds it posts a message or hangs up; nobody waits.
//! 4. What others implement: [`dialplan`], [`endpoint`].
//! 5. The [`session`]: channel, endpoint and peer, and what handlers of states may do with them.
//! 6. The [`application`] on its call, and the desk between the two.
//! 7. What all sessions share: the table of what each [`module`] brought, in the [`switch`].
//! 8. The session's [`task`], which decides: it reads the messages, enters the states, runs the extension.

pub mod audio;
pub mod cause;
pub mod flow;
pub mod histogram;
pub mod id;
pub mod limits;
pub mod media;
pub mod state;
mod variables;

pub mod channel;
pub mod counters;
pub mod leg;

pub mod handle;

pub mod dialplan;
pub mod endpoint;

pub mod session;

pub mod application;
mod desk;

pub mod module;
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
