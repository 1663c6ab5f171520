//! Docker's daemon, behind a narrow trait; bollard speaks to the real one.
//!
//! Says nothing of what images mean or of how anything is shown.

mod client;
mod engine;
mod error;
mod host;
mod workload;
mod workloads;

pub use client::Client;
pub use engine::{BuildEvent, BuildOrder, Chunks, Engine, Image, Platform};
pub use error::DockerError;
pub use host::{Host, HostError};
pub use workload::{Attachment, BridgeNetwork, Workload, Workloads};
