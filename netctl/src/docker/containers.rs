//! What running a switch needs of Docker, and no more: the narrow trait it is tested behind.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use super::error::DockerError;

/// The daemon, as far as containers go. [`super::Client`] is the real one.
pub trait Containers {
    /// Where the daemon runs.
    fn whereabouts(&self) -> impl Future<Output = Result<Whereabouts, DockerError>>;
    /// Whether there is an image of that name.
    fn has_image(&self, name: &str) -> impl Future<Output = Result<bool, DockerError>>;
    /// One container, by its name or id.
    fn container(&self, name: &str) -> impl Future<Output = Result<Option<Container>, DockerError>>;
    /// All containers, stopped ones included.
    fn containers(&self) -> impl Future<Output = Result<Vec<Container>, DockerError>>;
    /// Makes one, which is not started, and returns its id.
    fn create(&self, order: &ContainerOrder) -> impl Future<Output = Result<String, DockerError>>;
    /// Starts one.
    fn start(&self, name: &str) -> impl Future<Output = Result<(), DockerError>>;
    /// Asks one to end, and ends it when its time is over.
    fn stop(&self, name: &str) -> impl Future<Output = Result<(), DockerError>>;
    /// Removes one, running or not, with its anonymous volumes.
    fn remove(&self, name: &str) -> impl Future<Output = Result<(), DockerError>>;
    /// The last lines it wrote.
    fn last_words(&self, name: &str, lines: u32) -> impl Future<Output = Result<String, DockerError>>;
}

/// Where the daemon runs, seen from here: what touches the kernel works beside the daemon only.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Whereabouts {
    /// On this machine, with root's rights, in this network namespace.
    Here,
    /// On another machine or in another namespace; the text says how that was seen.
    Elsewhere(String),
    /// On this machine, but in a user namespace, whose containers are not in this network.
    Rootless,
}

/// A container, as the daemon tells of it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Container {
    /// 64 hexadecimal digits.
    pub id: String,
    /// Its name, without Docker's slash.
    pub name: String,
    /// Its first process, while it runs.
    pub pid: Option<u32>,
    /// running, exited and so on.
    pub status: String,
    /// What it ended with.
    pub exit_code: i64,
    /// host, none, container:ID, or a network's name.
    pub network_mode: String,
    /// NAME=VALUE, the image's own included.
    pub environment: Vec<String>,
    /// Its labels, the image's own included.
    pub labels: BTreeMap<String, String>,
    /// Its networks, by name.
    pub endpoints: BTreeMap<String, Endpoint>,
}

/// A container's place on a network.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Endpoint {
    /// What it has while it runs, or else what it was given for good.
    pub ipv4: Option<Ipv4Addr>,
    /// The same.
    pub ipv6: Option<Ipv6Addr>,
}

impl Endpoint {
    /// Its addresses, IPv4 first.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> + use<> {
        self.ipv4.map(IpAddr::V4).into_iter().chain(self.ipv6.map(IpAddr::V6))
    }
}

/// A container that is to be made.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ContainerOrder {
    /// Its name.
    pub name: String,
    /// Its image's name.
    pub image: String,
    /// Arguments for the image's entry point.
    pub arguments: Vec<String>,
    /// NAME=VALUE.
    pub environment: Vec<String>,
    /// Labels.
    pub labels: HashMap<String, String>,
    /// Host's path or volume, a colon, and the path inside.
    pub volumes: Vec<String>,
    /// When it is started again.
    pub restart: Restart,
    /// Limits of its processes.
    pub ulimits: Vec<Ulimit>,
    /// CPUs it may use, in Docker's words: 0-3 or 0,1.
    pub cpus: Option<String>,
    /// Options of the log driver.
    pub log_options: HashMap<String, String>,
    /// host, none, container:ID, or a network's name.
    pub network_mode: String,
    /// Addresses it has for good; only on a network.
    pub pinned: Endpoint,
    /// Settings of the kernel in its own namespaces.
    pub sysctls: HashMap<String, String>,
    /// How long it may take to end before it is killed.
    pub stop_timeout: Duration,
}

/// When a container is started again.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Restart {
    /// Never.
    #[default]
    No,
    /// Always, until it is stopped; with the daemon again in any case.
    Always,
    /// Always, until it is stopped; then not with the daemon either.
    UnlessStopped,
    /// When it ends with an error, at most so many times; without a number for ever.
    OnFailure(Option<u32>),
}

/// A limit of setrlimit(2); -1 is none.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Ulimit {
    /// For instance nofile.
    pub name: String,
    /// What counts.
    pub soft: i64,
    /// How far a process may raise it.
    pub hard: i64,
}
