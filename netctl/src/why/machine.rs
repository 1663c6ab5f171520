//! What a look needs of this machine, and no more: the narrow trait it is tested behind.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};

use super::counts::ByFamily;
use crate::bridge::KernelError;
use crate::firewall::{Family, FirewallError, Step, Table};
use crate::network::{Interface, Place, Socket};

/// This machine. [`super::Local`] is the real one.
pub trait Machine {
    /// Counters that stand.
    type Watch: Watch;

    /// Sets up a table of counters; it goes when what is returned does.
    ///
    /// # Errors
    /// Where the kernel does not take it.
    fn watch(&self, place: Place, table: Table) -> Result<Self::Watch, FirewallError>;
    /// What UDP has lost since the namespace was made.
    ///
    /// # Errors
    /// Where the namespace's process is gone.
    fn udp(&self, place: Place) -> io::Result<UdpLosses>;
    /// Sockets that wait for somebody.
    ///
    /// # Errors
    /// Where the namespace's process is gone.
    fn sockets(&self, place: Place) -> io::Result<Vec<Socket>>;
    /// A setting of the kernel by its path below /proc/sys; none if there is no such.
    fn setting(&self, place: Place, path: &str) -> Option<String>;
    /// Whether a chain of this host drops what is forwarded and nobody lets through.
    fn forward_drops(&self, family: Family) -> bool;
    /// The interfaces of a namespace.
    fn interfaces(&self, place: Place) -> impl Future<Output = Result<Vec<Interface>, KernelError>>;
    /// Where the kernel would send a packet.
    fn routing(&self, question: &Question) -> impl Future<Output = Result<Routing, KernelError>>;
    /// The switch's metrics; none if it does not tell them within a second.
    fn metrics(&self, place: Place, at: SocketAddr) -> impl Future<Output = Option<String>>;
}

/// Counters that stand.
pub trait Watch {
    /// What they have counted.
    ///
    /// # Errors
    /// Where they are not there any more.
    fn counts(&self) -> Result<ByFamily, FirewallError>;
    /// What the kernel has told of marked packets since it was last asked.
    fn steps(&mut self) -> Vec<Step>;
}

/// What UDP lost in a namespace.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct UdpLosses {
    /// Packets for ports where nobody listens.
    pub no_port: u64,
    /// Packets for sockets whose queue was full.
    pub full: u64,
    /// Packets with a wrong checksum.
    pub damaged: u64,
    /// For each local port, what its sockets have lost.
    pub sockets: Vec<(u16, u64)>,
}

impl UdpLosses {
    /// What was lost since an earlier look.
    pub fn since(&self, before: &Self) -> Self {
        let at =
            |port| before.sockets.iter().filter(|(its, _)| *its == port).map(|(_, lost)| lost).sum::<u64>();
        Self {
            no_port: self.no_port.saturating_sub(before.no_port),
            full: self.full.saturating_sub(before.full),
            damaged: self.damaged.saturating_sub(before.damaged),
            sockets: self
                .sockets
                .iter()
                .map(|(port, lost)| (*port, lost.saturating_sub(at(*port))))
                .collect(),
        }
    }
}

/// Where would this go?
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Question {
    /// In which namespace.
    pub place: Place,
    /// From where, if that matters.
    pub from: Option<IpAddr>,
    /// To where.
    pub to: IpAddr,
    /// The number of the interface it came in by; none if it is sent from there.
    pub by: Option<u32>,
}

/// Where it would go.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Routing {
    /// Out by this interface.
    Leads(u32),
    /// Nowhere.
    Refused {
        /// The route that says so in as many words, for instance `blackhole 192.0.2.0/24`.
        by: Option<String>,
    },
}
