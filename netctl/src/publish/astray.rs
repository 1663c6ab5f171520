//! What becomes of a publication when the host's addresses change: one that follows the default route goes to the new
//! address, one that was asked for waits until it is back.

use std::net::IpAddr;

use super::machine::Machine;
use super::request::{Path, Publication};

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
    /// It was asked for, and the host does not have it now. Its rules may stay: nobody else's packets have that address.
    Lost(IpAddr),
}

/// The first one of a publication. While nothing faces a default route, as between two leases, nothing moves.
pub(super) fn astray(machine: &impl Machine, publication: &Publication) -> Option<Astray> {
    if !publication.follows {
        let lost = publication.paths.iter().flat_map(Path::hosts).find(|host| !machine.is_own(*host));
        return lost.map(Astray::Lost);
    }
    publication.paths.iter().find_map(|path| {
        let to = machine.facing(path.family())?;
        let from = path.hosts().next()?;
        path.hosts().all(|host| host != to).then_some(Astray::Moved { from, to })
    })
}
