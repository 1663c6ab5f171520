//! What is known of sockets and processes: the narrow trait that stands for /proc.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use super::ports::{Ports, Protocol};

/// A network namespace.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Place {
    /// Our own.
    Here,
    /// That of a process.
    Process(u32),
}

/// Sockets and processes. `crate::procfs::Proc` is the real one.
pub trait Sockets {
    /// TCP sockets that listen and UDP sockets without a peer, each with the process that holds it where that is told.
    ///
    /// # Errors
    /// Where the namespace's process is gone.
    fn bound(&self, place: Place) -> io::Result<Vec<Socket>>;
    /// The processes of the container whose first process this is.
    fn kin(&self, pid: u32) -> Vec<u32>;
    /// The number of a process's network namespace, while there is the process.
    fn namespace(&self, pid: u32) -> Option<u64>;
    /// In which PID namespace we are: elsewhere the same number is another process's.
    fn pid_namespace(&self) -> u64;
    /// Whether frames that only cross a bridge pass iptables, too (br_netfilter).
    fn filters_bridges(&self) -> bool;
    /// Whether this process is known not to have a capability.
    fn lacks(&self, capability: Capability) -> bool;
}

/// What root may, one by one (capabilities(7)).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Capability {
    /// Interfaces, addresses, routes.
    NetAdmin,
    /// Entering namespaces.
    SysAdmin,
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NetAdmin => "CAP_NET_ADMIN",
            Self::SysAdmin => "CAP_SYS_ADMIN",
        })
    }
}

/// A socket that waits for somebody.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Socket {
    /// Its protocol.
    pub protocol: Protocol,
    /// Where it is bound.
    pub local: SocketAddr,
    /// Its peer: none yet.
    pub remote: SocketAddr,
    /// Bytes not yet read; for TCP, connections not yet accepted.
    pub receive_queue: u32,
    /// Bytes not yet sent; for TCP, connections that may wait.
    pub send_queue: u32,
    /// The kernel's number for it.
    pub inode: u64,
    /// Who has it.
    pub holder: Option<Holder>,
}

/// A process.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Holder {
    /// Its number.
    pub pid: u32,
    /// Its name, at most 15 bytes.
    pub name: String,
}

impl Socket {
    /// Its port, as a range of one.
    pub(super) fn ports(&self) -> Ports {
        Ports::one(self.local.port(), self.protocol)
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.pid, self.name)
    }
}
