//! What is looked at before anything is changed: by which road packets can go, and who else has a claim.

use std::fmt;

use super::accept::{chain_for, place};
use super::error::{PublishError, cannot};
use super::foreign::{self, Obstacle};
use super::journal::Journal;
use super::machine::Machine;
use super::request::{Path, Publication, Via};
use crate::firewall::{Firewall, Place, Point};
use crate::ports::{Ports, Protocol};

/// What has to be said of a publication and is no failure.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Findings {
    /// A firewall that keeps the stateless road shut, so that it was not taken.
    pub obstacle: Option<Obstacle>,
    /// A firewall that keeps answers by the stateless road from the host itself.
    pub deaf: Option<Obstacle>,
    /// Ports that a process of the host waits on: it has them, not the container.
    pub held: Vec<Ports>,
}

/// One of them, and what to do about it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Finding {
    /// What was found.
    pub text: String,
    /// A sentence or a command.
    pub next: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (next: {})", self.text, self.next)
    }
}

impl Findings {
    /// Chooses the road and looks to its sides.
    pub(super) fn look<M: Machine>(
        host: &M::Firewall,
        machine: &M,
        via: Via,
        publication: &mut Publication,
    ) -> Result<Self, PublishError> {
        reachable(host, machine)?;
        let obstacle = road(host, via, publication)?;
        Ok(Self { obstacle, deaf: deaf(host, publication)?, held: held(machine, publication) })
    }

    /// For people.
    pub fn told(&self) -> Vec<Finding> {
        let obstacle = self.obstacle.as_ref().map(|obstacle| Finding {
            text: format!("{obstacle}; so it goes through connection tracking"),
            next: obstacle.mend(),
        });
        let deaf = self.deaf.as_ref().map(|deaf| Finding { text: deaf.to_string(), next: deaf.mend() });
        let held = (!self.held.is_empty()).then(|| {
            let ports: Vec<String> = self.held.iter().map(ToString::to_string).collect();
            Finding {
                text: format!("processes of this host wait on {} and keep them", ports.join(" ")),
                next: "ss -lntup says which; end them, or publish other ports".to_owned(),
            }
        });
        obstacle.into_iter().chain(deaf).chain(held).collect()
    }
}

/// Docker's own chains have to be in nftables, if it has any.
fn reachable<M: Machine>(host: &M::Firewall, machine: &M) -> Result<(), PublishError> {
    let chains = host.chains().map_err(cannot("read the host's rules"))?;
    // Both kinds may be loaded; Docker's are in one.
    let here = chain_for(&chains, Place::Ip).is_some();
    if !here && machine.legacy_iptables() { Err(PublishError::Legacy) } else { Ok(()) }
}

/// Chooses the road, and says what stands in the stateless one.
fn road(
    host: &impl Firewall,
    via: Via,
    publication: &mut Publication,
) -> Result<Option<Obstacle>, PublishError> {
    let obstacle = foreign::obstacle(host, Point::Forward, &places(publication.served()));
    let obstacle = obstacle.map_err(cannot("read the host's rules"))?;
    let Some(obstacle) = obstacle else { return Ok(None) };
    match via {
        Via::Stateless => Err(PublishError::Blocked(obstacle)),
        _ if !obstacle.passes_tracked => Err(PublishError::Blocked(obstacle)),
        Via::Conntrack => Ok(None),
        Via::Auto => {
            for path in &mut publication.paths {
                if let Some(host) = path.stateless.take() {
                    path.tracked.insert(0, host);
                }
            }
            Ok(Some(obstacle))
        }
    }
}

/// Says what keeps answers from the host itself.
fn deaf(host: &impl Firewall, publication: &Publication) -> Result<Option<Obstacle>, PublishError> {
    let mut stateless = publication.served().filter(|path| path.stateless.is_some()).peekable();
    if stateless.peek().is_none() {
        return Ok(None);
    }
    foreign::obstacle(host, Point::Input, &places(stateless)).map_err(cannot("read the host's rules"))
}

/// Says which ports the host itself keeps.
fn held(machine: &impl Machine, publication: &Publication) -> Vec<Ports> {
    let hosts: Vec<_> = publication.hosts().collect();
    // Asking costs: the kernel goes through all sockets of a protocol, some milliseconds for TCP.
    let protocols = [Protocol::Udp, Protocol::Tcp];
    let published: Vec<Protocol> =
        protocols.into_iter().filter(|protocol| !publication.ranges(*protocol).is_empty()).collect();
    let kept = machine.listeners(&published).into_iter().filter_map(|(ports, address)| {
        let ours = address.is_none_or(|address| hosts.contains(&address))
            && publication.ports.iter().any(|published| published.meet(ports));
        ours.then_some(ports)
    });
    Ports::joined(&kept.collect::<Vec<_>>())
}

/// Where there may be rules for such addresses.
fn places<'a>(paths: impl Iterator<Item = &'a Path>) -> Vec<Place> {
    [Place::Inet].into_iter().chain(paths.map(|path| place(path.family()))).collect()
}

/// Nobody else who stays may have any of the ports at the same address.
pub(super) fn taken(journal: &impl Journal, wanted: &Publication, gone: &[&str]) -> Result<(), PublishError> {
    for record in journal.all()? {
        let other = record.publication;
        if other.name == wanted.name || gone.contains(&other.name.as_str()) {
            continue;
        }
        let others: Vec<_> = other.hosts().collect();
        let address = wanted.hosts().find(|host| others.contains(host));
        let ports = wanted.ports.iter().find(|mine| other.ports.iter().any(|theirs| mine.meet(*theirs)));
        if let (Some(address), Some(ports)) = (address, ports) {
            return Err(PublishError::Taken { ports: ports.to_string(), address, other: other.name });
        }
    }
    Ok(())
}
