//! Many calls at once: signalling for them, packets on every leg, and what became of each packet.
//!
//! One thread does all of it, so that it can be pinned to a core and what it measures is the other core's.

mod generator;
mod process;
mod signalling;

pub use generator::{Generator, Report};
pub use process::{Kernel, Process};
pub use signalling::{Call, Leg, Signalling};
