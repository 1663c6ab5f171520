//! What the network verbs need of Docker, and no more: the narrow trait they are tested behind.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;

use ipnet::IpNet;
use serde::Serialize;

use super::error::DockerError;

/// The daemon, as far as networks go. [`super::Client`] is the real one.
pub trait Networks {
    /// All networks.
    fn networks(&self) -> impl Future<Output = Result<Vec<Network>, DockerError>>;
    /// One network, by its name or id, with the containers that run on it.
    fn network(&self, name: &str) -> impl Future<Output = Result<Option<Network>, DockerError>>;
    /// Makes one and returns its id.
    fn create_network(&self, order: &NetworkOrder) -> impl Future<Output = Result<String, DockerError>>;
    /// Removes one.
    fn remove_network(&self, name: &str) -> impl Future<Output = Result<(), DockerError>>;
}

/// A network, as the daemon tells of it.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Network {
    /// 64 hexadecimal digits.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Who carries it: bridge, host, null, overlay, macvlan and so on.
    pub driver: String,
    /// How far it reaches: local, global or swarm.
    pub scope: String,
    /// Whether it has IPv6.
    pub ipv6: bool,
    /// Whether nothing outside it is reached.
    pub internal: bool,
    /// Where addresses come from.
    pub pools: Vec<Pool>,
    /// What the driver was told.
    pub options: BTreeMap<String, String>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// The containers that run on it; only told of where one network is asked for.
    pub members: Vec<Member>,
}

impl Network {
    /// The interface of its bridge, where the bridge driver carries it.
    pub fn bridge(&self) -> Option<String> {
        if self.driver != "bridge" {
            return None;
        }
        let named = self.options.get("com.docker.network.bridge.name").filter(|name| !name.is_empty());
        // Docker's own name for it has the beginning of the id.
        let own = || format!("br-{}", self.id.get(..12).unwrap_or(&self.id));
        Some(named.cloned().unwrap_or_else(own))
    }

    /// Its subnets; what cannot be read as one is left out.
    pub fn subnets(&self) -> Vec<IpNet> {
        self.pools.iter().filter_map(|pool| pool.subnet.as_deref()?.parse().ok()).collect()
    }
}

/// A subnet of a network. Texts, because they are the daemon's.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Pool {
    /// For instance 172.18.0.0/16.
    pub subnet: Option<String>,
    /// The part of it that Docker gives addresses from; all of it where nothing is said.
    pub ip_range: Option<String>,
    /// The bridge's own address.
    pub gateway: Option<String>,
}

/// A container that runs on a network.
#[derive(Clone, Debug, Default, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// 64 hexadecimal digits.
    pub id: String,
    /// Address and prefix, or nothing.
    pub ipv4: String,
    /// Address and prefix, or nothing.
    pub ipv6: String,
    /// The interface's hardware address.
    pub mac: String,
}

/// A network that is to be made.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct NetworkOrder {
    /// Its name.
    pub name: String,
    /// Who carries it.
    pub driver: String,
    /// Where addresses come from; Docker chooses where nothing is said.
    pub pools: Vec<Pool>,
    /// Whether it has IPv6.
    pub ipv6: bool,
    /// Whether nothing outside it shall be reached.
    pub internal: bool,
    /// What the driver is told.
    pub options: HashMap<String, String>,
    /// Its labels.
    pub labels: HashMap<String, String>,
}
