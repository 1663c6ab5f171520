//! What Docker's daemon says of itself.

use crate::ports::Ports;

/// What Docker's daemon says of itself.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Daemon {
    /// Its version, for instance 28.5.2.
    pub version: String,
    /// What it writes its rules with, where it says so: iptables, nftables.
    pub firewall: Option<String>,
    /// Whether containers outlive it.
    pub live_restore: bool,
    /// name=seccomp,profile=default and so on.
    pub security: Vec<String>,
    /// 1 or 2.
    pub cgroup: String,
    /// Its process, where the socket tells it.
    pub pid: Option<u32>,
    /// Ports that Docker itself publishes (`-p`): for whom, and which on the host.
    pub published: Vec<(String, Ports)>,
    /// How many of its proxies run.
    pub proxies: usize,
}
