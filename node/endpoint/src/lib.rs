//! The SIP endpoint: transports, user agent and legs. The only room that knows both SIP and channels.
//!
//! A message's way: a socket's task (`transport`) hands it to the `agent`, whose transaction layer says
//! what is new; `dispatch` finds the session; the session gives it to its `leg`. Back: a leg asks the
//! agent to respond or to request, and the agent sends.

pub mod advertise;
mod agent;
pub mod cause;
pub mod counters;
mod description;
mod directory;
mod dispatch;
mod leg;
mod legible;
mod resolve;
mod start;
mod transport;

pub use start::{EndpointConfig, Listen, MODULE, SipEndpoint, StartError};
