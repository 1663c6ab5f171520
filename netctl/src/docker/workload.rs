//! What publishing needs of Docker, and no more: the narrow trait it is tested behind.

use std::future::Future;
use std::net::IpAddr;

use ipnet::IpNet;

use super::error::DockerError;

/// The daemon, as far as running containers and their networks go. [`super::Client`] is the real one.
pub trait Workloads {
    /// Whether the daemon runs without root.
    fn rootless(&self) -> impl Future<Output = Result<bool, DockerError>>;
    /// One container, by its name or id.
    fn workload(&self, name: &str) -> impl Future<Output = Result<Workload, DockerError>>;
    /// All networks of driver bridge.
    fn bridge_networks(&self) -> impl Future<Output = Result<Vec<BridgeNetwork>, DockerError>>;
}

/// A container.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Workload {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its first process, if it runs.
    pub pid: Option<u32>,
    /// Docker's network mode: host, none, container:ID or a network.
    pub mode: String,
    /// Where it is attached.
    pub attachments: Vec<Attachment>,
}

/// A container's place in a network.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Attachment {
    /// The network's id.
    pub network: String,
    /// Its addresses there.
    pub addresses: Vec<IpAddr>,
}

/// A network of driver bridge.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BridgeNetwork {
    /// Its id.
    pub id: String,
    /// The interface of its bridge.
    pub bridge: String,
    /// Its subnets.
    pub subnets: Vec<IpNet>,
}
