//! Interfaces, addresses and routes: the narrow trait that stands for the kernel.

use std::future::Future;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::Serialize;

use super::pair::Pair;
use super::sockets::Place;
use crate::bridge::{InterfaceName, KernelError};

/// The kernel, as far as furnishing a namespace goes. `crate::netlink::Wires` is the real one.
pub trait Wiring {
    /// All interfaces of a namespace, with their addresses.
    fn interfaces(&self, place: Place) -> impl Future<Output = Result<Vec<Interface>, KernelError>>;
    /// The routes of a namespace's main table.
    fn routes(&self, place: Place) -> impl Future<Output = Result<Vec<Route>, KernelError>>;
    /// Makes a pair of interfaces, one here and up, the other in a process's namespace.
    fn add_pair(&self, pair: &Pair, pid: u32) -> impl Future<Output = Result<(), KernelError>>;
    /// Deletes an interface of our own namespace, and the other end of its pair with it.
    fn delete(&self, index: u32) -> impl Future<Output = Result<(), KernelError>>;
    /// Gives an interface of ours its addresses, and sets it up.
    fn add_addresses(
        &self,
        place: Place,
        name: &InterfaceName,
        addresses: &[IpNet],
    ) -> impl Future<Output = Result<(), KernelError>>;
    /// Adds the default route by a gateway, in a process's namespace.
    fn add_gateway(&self, pid: u32, gateway: IpAddr) -> impl Future<Output = Result<(), KernelError>>;
    /// Makes a namespace of our own, with nothing in it.
    fn add_namespace(&self) -> impl Future<Output = Result<Vacant, KernelError>>;
}

/// A namespace of our own. It is there as long as this is kept, and goes with this process however that ends.
pub struct Vacant {
    /// The thread that is in it.
    pub pid: u32,
    /// Whatever keeps it.
    pub keeper: Box<dyn Send>,
}

/// An interface with its addresses.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Interface {
    /// The kernel's number for it.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// The number of the bridge that it is a port of.
    pub master: Option<u32>,
    /// veth, bridge and so on; nothing for what has no such kind.
    pub kind: Option<String>,
    /// UP, RUNNING and so on, in ifconfig's words.
    pub flags: Vec<&'static str>,
    /// The longest packet, in bytes.
    pub mtu: u32,
    /// Its hardware address.
    pub mac: Option<String>,
    /// What somebody wrote to it.
    pub alias: Option<String>,
    /// Addresses with their subnet's length.
    pub addresses: Vec<IpNet>,
    /// What went through.
    pub counters: Counters,
}

impl Interface {
    /// Whether it is set up.
    pub fn is_up(&self) -> bool {
        self.flags.contains(&"UP")
    }
}

/// What went through an interface.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
#[expect(missing_docs, reason = "packets and bytes in each direction")]
pub struct Counters {
    pub rx_packets: u64,
    pub rx_bytes: u64,
    pub rx_errors: u64,
    pub rx_dropped: u64,
    pub tx_packets: u64,
    pub tx_bytes: u64,
    pub tx_errors: u64,
    pub tx_dropped: u64,
}

/// A way to somewhere.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Route {
    /// Where to; a length of 0 is everywhere.
    pub destination: IpNet,
    /// By whom; nothing for neighbours.
    pub gateway: Option<IpAddr>,
    /// Which way is taken if there are several: the lowest.
    pub metric: u32,
    /// The interface's name.
    pub interface: String,
}
