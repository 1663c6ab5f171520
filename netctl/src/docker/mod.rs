//! Docker's daemon, behind a narrow trait; bollard speaks to the real one.
//!
//! Says nothing of what images mean or of how anything is shown.

mod client;
mod containers;
mod daemon;
mod engine;
mod error;
mod events;
mod host;
mod networks;

pub use client::Client;
pub use containers::{Container, ContainerOrder, Containers, Endpoint, Restart, Ulimit, Whereabouts};
pub use daemon::Daemon;
pub use engine::{BuildEvent, BuildOrder, Chunks, Engine, Image, Platform};
pub use error::DockerError;
pub use events::Events;
pub use host::{Host, HostError};
pub use networks::{Member, Network, NetworkOrder, Networks, Pool};
