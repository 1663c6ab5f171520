//! The SIP endpoint: transports, user agent and legs. The only room that knows both SIP and channels.
//!
//! A message's way in: a socket's task hands it to `intake`, which asks the transaction layer what is new; `dispatch`
//! finds the session; the session gives it to its `leg`. And out: a leg asks the `agent` to respond or to request,
//! and the agent sends. Calls go down alone: what is lost on the way out (a connection that is gone) and what was
//! opened there waits for a task of those above.
//!
//! From the bottom up: what we are and say (`settings`, `advertise`, `capabilities`, `identity`, `cause`, `reason`,
//! `refusal`, `description`); the sockets (`transport`), names (`resolve`), a request's `way` and who waits for what
//! (`directory`); the `agent`; what a leg is told (`mail`, `replacing`) and how a dialog's request finds its way
//! (`route`); the `leg`; `dispatch`, `intake` and what reads TCP (`connection`); the `start`.

pub mod advertise;
mod agent;
mod capabilities;
pub mod cause;
mod connection;
pub mod counters;
mod description;
mod directory;
mod dispatch;
mod identity;
mod intake;
mod leg;
mod legible;
mod mail;
mod reason;
mod refusal;
mod replacing;
mod resolve;
mod route;
mod settings;
mod start;
mod transport;
mod way;

pub use switch_sip::session_timer::Policy as SessionPolicy;
pub use switch_sip::transaction::Timers;

pub use settings::{EndpointConfig, Listen, Live, Settings};
pub use start::{MODULE, SipEndpoint, StartError};
