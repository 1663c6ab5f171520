//! The harness that scenarios of whole calls stand on.
//!
//! It knows the switch as its users do: a binary with a configuration, SIP, RTP and HTTP. It shares no code
//! with what it tests.

// An unwrap here is an assertion: the harness fails as its tests do.
#![allow(clippy::unwrap_used)]

mod binary;
mod capture;
pub mod load;
mod marks;
mod namespace;
mod phone;
pub mod relay;
mod sipp;
mod switch;

pub use binary::binary;
pub use capture::{Capture, Flow, Packet};
pub use marks::{Mark, Marks};
pub use namespace::Namespace;
pub use phone::{PATIENCE, Phone, bridged, header, media};
pub use sipp::{Sipp, loopback};
pub use switch::Switch;
