//! What is asked of this machine and of Docker, and no more: the narrow trait that checks are tested behind.

use std::net::IpAddr;

use crate::docker::{Daemon, DockerEndpoint};
use crate::firewall::PortRange;
use crate::network::{Capability, Socket};
use crate::ports::Ports;

/// This machine. [`super::Local`] is the real one.
pub trait Facts {
    /// A setting by its path below /proc/sys; none if there is no such.
    fn setting(&self, path: &str) -> Option<String>;
    /// Interfaces, with whether they have an address by which IPv6 reaches further than the link.
    fn interfaces(&self) -> Vec<Link>;
    /// Whether a capability is known to be missing.
    fn lacks(&self, capability: Capability) -> bool;
    /// Why the kernel would not take the rules of a publication, if it would not; nothing is changed by asking.
    fn refuses_rules(&self) -> Option<String>;
    /// Why the kernel makes no interface of this kind, if it does not; it is made in a namespace that goes at once.
    fn refuses_link(&self, kind: &'static str) -> Option<String>;
    /// Sockets that wait for somebody on this host.
    fn sockets(&self) -> Vec<Socket>;
    /// What drops packets of a switch: each with the command that lets them pass.
    fn obstacles(&self) -> Vec<(String, String)>;
    /// Whether a chain at forward drops what no rule decides, so that what only crosses a bridge is dropped, too.
    fn forward_drops(&self) -> bool;
    /// Whether the old iptables has rules.
    fn legacy_iptables(&self) -> bool;
    /// What is published by netctl: for whom, and which ports.
    fn published(&self) -> Vec<(String, Vec<Ports>)>;
    /// How many files a process may have open, at most.
    fn file_limit(&self, pid: u32) -> Option<u64>;
    /// Whether a process's system calls are filtered; none if that is not told.
    fn is_filtered(&self, pid: u32) -> Option<bool>;
}

/// An interface.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Link {
    /// Its name.
    pub name: String,
    /// bridge, veth and so on; none for hardware.
    pub kind: Option<String>,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
}

/// The container that is asked about.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Patient {
    /// Its name.
    pub name: String,
    /// Its first process, while it runs.
    pub pid: Option<u32>,
    /// Whether it has the host's own network.
    pub is_host: bool,
}

/// What is looked at.
#[derive(Clone, Debug)]
pub struct Question {
    /// The ports of the switch's media.
    pub media: PortRange,
    /// The ports of its signalling.
    pub sip: Vec<Ports>,
    /// Which daemon is meant, and who says so.
    pub endpoint: DockerEndpoint,
    /// What `port` needs to find the same records, for instance ` --state-dir /tmp/x`.
    pub options: String,
    /// What the daemon says; or why it says nothing.
    pub daemon: Result<Daemon, String>,
    /// The container, where one is named.
    pub patient: Option<Patient>,
}
