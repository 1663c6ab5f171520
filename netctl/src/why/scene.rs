//! All that a cause is found by, and what is asked of it whatever is wrong.

use std::net::IpAddr;

use super::cause::{Cause, cause};
use super::hop::Hop;
use super::look::Seen;
use super::machine::Machine;
use super::mend::within;
use super::subject::{Reach, Subject};
use crate::firewall::Family;
use crate::network::{Interface, Place};

/// All that a cause is found by.
pub struct Scene<'a, M> {
    /// The kernel.
    pub machine: &'a M,
    /// Whose way it is.
    pub subject: &'a Subject,
    /// What was seen.
    pub seen: &'a Seen,
    /// By which family it goes.
    pub family: Family,
    /// The peer that was watched, where it was one.
    pub peer: Option<IpAddr>,
    /// What `port publish` needs to find its records, for instance ` --state-dir /tmp/x`.
    pub options: &'a str,
}

impl<M: Machine> Scene<'_, M> {
    pub(super) fn inside(&self) -> Place {
        self.subject.pid.map_or(Place::Here, Place::Process)
    }

    pub(super) fn at(&self, place: Place, command: String) -> String {
        match place {
            Place::Process(pid) if !matches!(self.subject.reach, Reach::Host) => within(Some(pid), &command),
            _ => command,
        }
    }

    /// The peer: the one that was asked for, or one whose packets were marked. A switch that calls itself, for its
    /// health, is nobody's peer.
    pub(super) fn far(&self) -> Option<IpAddr> {
        let own: Vec<IpAddr> = match &self.subject.reach {
            Reach::Published { publication, .. } => {
                publication.hosts().chain(publication.paths.iter().map(|path| path.container)).collect()
            }
            _ => Vec::new(),
        };
        let trails = [
            (&self.seen.on_host, [Hop::Arrived, Hop::Returned]),
            (&self.seen.inside, [Hop::Entered, Hop::Emitted]),
        ];
        let told = trails.iter().flat_map(|(trail, hops)| hops.iter().flat_map(|hop| trail.far(*hop)));
        let is_far =
            |far: &IpAddr| Family::of(*far) == self.family && !own.contains(far) && !far.is_loopback();
        self.peer.or_else(|| told.into_iter().find(is_far))
    }
}

pub(super) fn link_down(interface: &Interface, at: impl Fn(String) -> String) -> Cause {
    let name = &interface.name;
    cause("link", format!("the interface {name} is down"), at(format!("ip link set {name} up")))
}
