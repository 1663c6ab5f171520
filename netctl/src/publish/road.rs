//! What is looked at before anything is changed: by which road packets can go, and who else has a claim.

use super::accept::{chain_for, place};
use super::error::{PublishError, cannot};
use super::foreign::{self, Obstacle};
use super::journal::Journal;
use super::machine::Machine;
use super::request::{Path, Ports, Publication, Via};
use crate::firewall::{Firewall, Place, Point, PortRange};

/// Docker's own chains have to be in nftables, if it has any.
pub(super) fn reachable<M: Machine>(host: &M::Firewall, machine: &M) -> Result<(), PublishError> {
    let chains = host.chains().map_err(cannot("read the host's rules"))?;
    // Both kinds may be loaded; Docker's are in one.
    let here = chain_for(&chains, Place::Ip).is_some();
    if !here && machine.legacy_iptables() { Err(PublishError::Legacy) } else { Ok(()) }
}

/// Chooses the road, and says what stands in the stateless one.
pub(super) fn road(
    host: &impl Firewall,
    via: Via,
    publication: &mut Publication,
) -> Result<Option<Obstacle>, PublishError> {
    let obstacle = foreign::obstacle(host, Point::Forward, &places(&publication.paths));
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
pub(super) fn deaf(
    host: &impl Firewall,
    publication: &Publication,
) -> Result<Option<Obstacle>, PublishError> {
    let stateless: Vec<Path> =
        publication.paths.iter().filter(|path| path.stateless.is_some()).cloned().collect();
    if stateless.is_empty() {
        return Ok(None);
    }
    foreign::obstacle(host, Point::Input, &places(&stateless)).map_err(cannot("read the host's rules"))
}

/// Says which ports the host itself keeps.
pub(super) fn held(machine: &impl Machine, publication: &Publication) -> Vec<Ports> {
    let hosts: Vec<_> = publication.paths.iter().flat_map(Path::hosts).collect();
    let kept = machine.listeners().into_iter().filter_map(|(transport, address, port)| {
        let range = PortRange { first: port, last: port };
        let ours = address.is_none_or(|address| hosts.contains(&address))
            && publication.ranges(transport).iter().any(|published| published.overlaps(range));
        ours.then_some(Ports { transport, range })
    });
    Publication::joined(&kept.collect::<Vec<_>>())
}

/// Where there may be rules for such addresses.
fn places(paths: &[Path]) -> Vec<Place> {
    let of = |path: &Path| place(path.family());
    [Place::Inet].into_iter().chain(paths.iter().map(of)).collect()
}

/// Nobody else may have any of the ports at the same address.
pub(super) fn taken(journal: &impl Journal, wanted: &Publication) -> Result<(), PublishError> {
    for record in journal.all()? {
        let other = record.publication;
        if other.name == wanted.name {
            continue;
        }
        let others: Vec<_> = other.paths.iter().flat_map(Path::hosts).collect();
        let address = wanted.paths.iter().flat_map(Path::hosts).find(|host| others.contains(host));
        let ports = wanted.ports.iter().find(|mine| {
            let same =
                |theirs: &&Ports| theirs.transport == mine.transport && theirs.range.overlaps(mine.range);
            other.ports.iter().any(|theirs| same(&theirs))
        });
        if let (Some(address), Some(ports)) = (address, ports) {
            return Err(PublishError::Taken { ports: ports.to_string(), address, other: other.name });
        }
    }
    Ok(())
}
