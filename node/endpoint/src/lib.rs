//! The SIP endpoint: transports, user agent and legs. The only room that knows both SIP and channels.
//!
//! A message's way: a socket's task (`transport`) hands it to the `agent`, whose transaction layer says
//! what is new; `dispatch` finds the session; the session gives it to its `leg`. Back: a leg asks the
//! agent to respond or to request, and the agent sends.

pub mod advertise;
mod agent;
mod capabilities;
pub mod cause;
pub mod counters;
mod description;
mod directory;
mod dispatch;
mod identity;
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
