//! What becomes of a publication when the host's addresses change: one that follows the default route goes to the new
//! address, one that was asked for waits until it is back.
//!
//! A family whose default route goes, for a moment or for good, keeps its rules: nobody sends to an address that is
//! nowhere, and calls go on when it is back. They go when another address faces the default route, and with the
//! container.

use std::net::IpAddr;

use ipnet::IpNet;

use super::machine::Machine;
use super::request::{Path, Publication};
use crate::firewall::Family;

/// An address of the host that is not what it should be any more.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Astray {
    /// It faced the default route, and another one does now.
    Moved {
        /// The former one.
        from: IpAddr,
        /// The one to publish at.
        to: IpAddr,
    },
    /// A family by which the container can be reached had no default route, and this one faces it now.
    Gained(IpAddr),
    /// It was asked for, and the host does not have it now. Its rules may stay: nobody else's packets have that address.
    Lost(IpAddr),
}

impl Astray {
    /// What it is that a family goes by one address now and went by these before; nothing where that is one of them.
    pub(crate) fn between(mut before: impl Iterator<Item = IpAddr>, now: IpAddr) -> Option<Self> {
        match before.next() {
            None => Some(Self::Gained(now)),
            Some(from) if from == now || before.any(|host| host == now) => None,
            Some(from) => Some(Self::Moved { from, to: now }),
        }
    }

    /// Whether publishing again sets it right.
    pub(super) fn is_mended(&self) -> bool {
        match self {
            Self::Moved { .. } | Self::Gained(_) => true,
            Self::Lost(_) => false,
        }
    }
}

/// Those of a publication, at most one of a family. While nothing faces a default route, as between two leases, nothing
/// moves.
pub(super) fn astray(machine: &impl Machine, publication: &Publication) -> Vec<Astray> {
    if !publication.follows {
        let mut hosts = publication.paths.iter().flat_map(Path::hosts);
        return hosts.find(|host| !machine.is_own(*host)).map(Astray::Lost).into_iter().collect();
    }
    let of = |path: &Path| Astray::between(path.hosts(), facing(machine, path.family(), &path.peers)?);
    publication.paths.iter().filter_map(of).collect()
}

/// The address that faces a family's default route. While the host's interface there has none, the kernel chooses one of
/// Docker's bridges, `peers`, or one of the link, which nobody reaches from outside.
pub(super) fn facing(machine: &impl Machine, family: Family, peers: &[IpNet]) -> Option<IpAddr> {
    machine.facing(family).filter(|address| {
        let is_of_link = matches!(address, IpAddr::V6(address) if address.is_unicast_link_local());
        !is_of_link && !peers.iter().any(|peers| peers.contains(address))
    })
}
