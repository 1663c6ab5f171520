//! The harness that scenarios of whole calls stand on.
//!
//! It knows the switch as its users do: a binary with a configuration, SIP, RTP and HTTP. It shares no code
//! with what it tests.

// An unwrap here is an assertion: the harness fails as its tests do.
#![allow(clippy::unwrap_used)]

mod binary;
mod namespace;
mod phone;
mod switch;

pub use binary::binary;
pub use namespace::Namespace;
pub use phone::{Phone, bridged, header, media};
pub use switch::Switch;
