//! What publishing has to know of this machine, besides its rules.

use std::fs::{self, File};
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::MetadataExt as _;

use serde::{Deserialize, Serialize};

use crate::firewall::{Family, Firewall, FirewallError};
use crate::netlink::Nftables;
use crate::ports::{Ports, Protocol};
use crate::procfs::{self, address, namespace};

/// This machine. [`LocalMachine`] is the real one.
pub trait Machine {
    /// Its rules.
    type Firewall: Firewall;
    /// The rules of this network namespace.
    ///
    /// # Errors
    /// If the kernel gives no socket.
    fn firewall(&self) -> Result<Self::Firewall, FirewallError>;
    /// The rules of a container's network namespace; none if that is gone.
    ///
    /// # Errors
    /// If it may not be entered.
    fn firewall_within(&self, namespace: &Namespace) -> Result<Option<Self::Firewall>, FirewallError>;
    /// The network namespace of a process; none if there is no such process here.
    fn namespace(&self, pid: u32) -> Option<Namespace>;
    /// Whether a process's network namespace has this address.
    fn has_address(&self, pid: u32, address: IpAddr) -> bool;
    /// Where a process's IPv4 default route leads.
    fn gateway(&self, pid: u32) -> Option<Ipv4Addr>;
    /// The address of this host that faces its default route.
    fn facing(&self, family: Family) -> Option<IpAddr>;
    /// Whether an address is this host's own.
    fn is_own(&self, address: IpAddr) -> bool;
    /// Whether there is an interface of this name.
    fn has_interface(&self, name: &str) -> bool;
    /// What waits for packets of some protocols on this host: the port, and the address (none for all).
    fn listeners(&self, protocols: &[Protocol]) -> Vec<(Ports, Option<IpAddr>)>;
    /// Whether the old iptables is in use, whose tables nftables does not see.
    fn legacy_iptables(&self) -> bool;
}

/// A container's network namespace: what to find it by, and what to know it by.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Namespace {
    /// A process in it.
    pub pid: u32,
    /// Its number, for a process id may come to mean another process.
    pub inode: u64,
}

/// The machine this runs on.
pub struct LocalMachine;

impl Machine for LocalMachine {
    type Firewall = Nftables;

    fn firewall(&self) -> Result<Nftables, FirewallError> {
        Nftables::open()
    }

    fn firewall_within(&self, namespace: &Namespace) -> Result<Option<Nftables>, FirewallError> {
        let file = match File::open(format!("/proc/{}/ns/net", namespace.pid)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(FirewallError::Socket(error)),
        };
        if file.metadata().map_err(FirewallError::Socket)?.ino() != namespace.inode {
            return Ok(None);
        }
        Nftables::within(&file).map(Some)
    }

    fn namespace(&self, pid: u32) -> Option<Namespace> {
        let metadata = fs::metadata(format!("/proc/{pid}/ns/net")).ok()?;
        Some(Namespace { pid, inode: metadata.ino() })
    }

    fn has_address(&self, pid: u32, address: IpAddr) -> bool {
        namespace::has_address(pid, address)
    }

    fn gateway(&self, pid: u32) -> Option<Ipv4Addr> {
        namespace::gateway(pid)
    }

    fn facing(&self, family: Family) -> Option<IpAddr> {
        address::facing(family)
    }

    fn is_own(&self, address: IpAddr) -> bool {
        address::is_own(address)
    }

    fn has_interface(&self, name: &str) -> bool {
        namespace::has_interface(name)
    }

    fn listeners(&self, protocols: &[Protocol]) -> Vec<(Ports, Option<IpAddr>)> {
        // Told only as a help: who has a port is said, and nothing hangs on it.
        let bound = procfs::bound_by(crate::network::Place::Here, protocols).unwrap_or_default();
        let listener = |socket: crate::network::Socket| {
            let address = socket.local.ip().to_canonical();
            let ports = Ports::one(socket.local.port(), socket.protocol);
            (ports, Some(address).filter(|address| !address.is_unspecified()))
        };
        bound.into_iter().map(listener).collect()
    }

    fn legacy_iptables(&self) -> bool {
        namespace::legacy_iptables()
    }
}
