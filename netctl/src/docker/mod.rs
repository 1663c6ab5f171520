//! Docker's daemon, behind a narrow trait; bollard speaks to the real one.
//!
//! `host` reads its address, `endpoint` finds which one is meant, `transport` opens the way there.
//!
//! Says nothing of what images mean or of how anything is shown.

mod client;
mod containers;
mod daemon;
mod endpoint;
mod engine;
mod error;
mod events;
mod host;
mod networks;
mod transport;

pub use client::Client;
pub use containers::{Container, ContainerOrder, Containers, Endpoint, Restart, Ulimit, Whereabouts};
pub use daemon::Daemon;
pub use endpoint::{
    By, Endpoint as DockerEndpoint, EndpointError, Flags, Found, Process, Source, Surroundings, Tls,
};
pub use engine::{BuildEvent, BuildOrder, Chunks, Engine, Image, Platform};
pub use error::DockerError;
pub use events::Events;
pub use host::{Host, HostError, Ssh};
pub use networks::{Member, Network, NetworkOrder, Networks, Pool};
pub use transport::TransportError;
