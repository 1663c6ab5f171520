//! What the bridge verbs need of the kernel, and no more: the narrow trait they are tested behind.

use std::future::Future;
use std::io;

use super::model::{Entry, Link, Stp};
use super::name::InterfaceName;
use super::time::Centiseconds;

/// The kernel, as far as bridges go. `crate::netlink::Netlink` is the real one.
pub trait Kernel {
    /// All interfaces of this network namespace.
    fn links(&self) -> impl Future<Output = Result<Vec<Link>, KernelError>>;
    /// The forwarding table of the bridge with this index, in the kernel's order, what is outdated included.
    fn forwarding(&self, bridge: u32) -> impl Future<Output = Result<Vec<Entry>, KernelError>>;
    /// Makes a bridge, which is down.
    fn add_bridge(&self, name: &InterfaceName) -> impl Future<Output = Result<(), KernelError>>;
    /// Deletes the interface with this index; the kernel releases its ports.
    fn delete_link(&self, index: u32) -> impl Future<Output = Result<(), KernelError>>;
    /// Enslaves an interface to a master, or releases it from the one it has.
    fn set_master(&self, index: u32, master: Option<u32>) -> impl Future<Output = Result<(), KernelError>>;
    /// Sets one value of a bridge.
    fn set_bridge(&self, index: u32, value: BridgeValue) -> impl Future<Output = Result<(), KernelError>>;
    /// Sets one value of a port.
    fn set_port(&self, index: u32, value: PortValue) -> impl Future<Output = Result<(), KernelError>>;
}

/// One thing that can be set of a bridge.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum BridgeValue {
    /// After what silence a learned address is forgotten.
    AgeingTime(Centiseconds),
    /// The upper half of its identifier.
    Priority(u16),
    /// How long a port listens, and then learns.
    ForwardDelay(Centiseconds),
    /// How often the root speaks.
    HelloTime(Centiseconds),
    /// After what silence a received configuration no longer holds.
    MaxAge(Centiseconds),
    /// Spanning tree on or off.
    Stp(Stp),
}

/// One thing that can be set of a port.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PortValue {
    /// What the way over it costs; Linux takes 1 to 65535.
    PathCost(u32),
    /// The upper part of its identifier; Linux takes 0 to 63.
    Priority(u16),
    /// Frames may leave by the port they came in.
    Hairpin(bool),
}

/// Why the kernel did not do it.
#[derive(Debug, thiserror::Error)]
pub enum KernelError {
    /// The socket to the kernel could not be had.
    #[error("the netlink socket does not open")]
    Socket(#[source] io::Error),
    /// The kernel said no; the text is errno's, as brctl's is.
    #[error("{}", errno_text(.0))]
    Refused(io::Error),
    /// What came back was no answer.
    #[error("netlink: {0}")]
    Protocol(String),
}

impl KernelError {
    /// The errno, where the kernel gave one.
    pub fn errno(&self) -> Option<i32> {
        match self {
            Self::Socket(error) | Self::Refused(error) => error.raw_os_error(),
            Self::Protocol(_) => None,
        }
    }

    /// Whether a capability is missing.
    pub fn denied(&self) -> bool {
        matches!(self, Self::Socket(error) | Self::Refused(error)
            if error.kind() == io::ErrorKind::PermissionDenied)
    }
}

/// The words of strerror(3), without the number that Rust adds.
fn errno_text(error: &io::Error) -> String {
    let text = error.to_string();
    text.split_once(" (os error").map_or(text.clone(), |(words, _)| words.to_owned())
}
