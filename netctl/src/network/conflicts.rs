//! Whose a port is already: what stands in the way of a switch that is to listen, and of ports that are to be published. A
//! port that is published for a container is one more of the host's, and whoever of the host listens there keeps what comes
//! to it.

use std::net::IpAddr;

use super::error::{CheckError, Conflict};
use super::labels;
use super::order::HOST;
use super::ports::{Claim, Ports, Purpose};
use super::publisher::Publisher as _;
use super::settings::{self, Settings};
use super::sockets::{Place, Socket, Sockets as _};
use super::world::Worldly;
use crate::docker::{Container, Containers as _};

/// Refuses where somebody in a namespace has one of the ports, or a switch there has laid claim to it: a switch opens its
/// media ports only as calls need them, so its sockets alone do not tell.
pub(super) async fn free(world: &impl Worldly, place: Place, claims: &[Claim]) -> Result<(), CheckError> {
    let mut conflicts = own(claims);
    let bound = world.proc().bound(place).map_err(CheckError::Sockets)?;
    conflicts.extend(claims.iter().filter_map(|claim| held(claim, &bound)));
    let containers = world.docker().containers().await.unwrap_or_default();
    claimed(claims, place, &containers, &mut conflicts);
    or_taken(conflicts)
}

/// Refuses where a port is published for a container: the switch would take what comes there from it.
pub(super) async fn unpublished(world: &impl Worldly, claims: &[Claim]) -> Result<(), CheckError> {
    // Without the rights to read what is published the kernel's own answer is left, when it is bound.
    let published = world.publisher().all().await.unwrap_or_default();
    let conflict = |claim: &Claim| {
        published.iter().find_map(|its| {
            let at = |host| its.ports.iter().find(|ports| claim.meets(**ports, Some(host)));
            let (host, ports) = its.hosts().find_map(|host| Some((host, at(host)?)))?;
            let holder = format!("{ports} at {host} is published for the container {}", its.name);
            Some(Conflict { claim: *claim, holder })
        })
    };
    or_taken(claims.iter().filter_map(conflict).collect())
}

/// Refuses to publish a single port that a process of the host has, and any that a switch in host mode has laid claim to:
/// what comes there would reach those, not the container. One socket in a range keeps its own port alone, which is said,
/// and is no reason to refuse.
pub(super) async fn publishable(
    world: &impl Worldly,
    claims: &[Claim],
    ports: &[Ports],
    hosts: &[IpAddr],
    containers: &[Container],
) -> Result<(), CheckError> {
    let published = claims.iter().filter(|claim| ports.iter().any(|ports| ports.meet(claim.ports)));
    let claims: Vec<Claim> = published
        .flat_map(|claim| hosts.iter().map(move |host| Claim { address: Some(*host), ..*claim }))
        .collect();
    let bound = world.proc().bound(Place::Here).map_err(CheckError::Sockets)?;
    let single = claims.iter().filter(|claim| claim.ports.first == claim.ports.last);
    let mut conflicts: Vec<Conflict> = single.filter_map(|claim| held(claim, &bound)).collect();
    claimed(&claims, Place::Here, containers, &mut conflicts);
    or_taken(conflicts)
}

fn or_taken(conflicts: Vec<Conflict>) -> Result<(), CheckError> {
    match conflicts.is_empty() {
        true => Ok(()),
        false => Err(CheckError::PortsTaken(conflicts)),
    }
}

/// Who has a socket in the way.
pub(super) fn held(claim: &Claim, bound: &[Socket]) -> Option<Conflict> {
    let mut sockets = bound.iter().filter(|socket| claim.meets(socket.ports(), Some(socket.local.ip())));
    let socket = sockets.next()?;
    let holder = socket.holder.as_ref().map_or_else(
        || "a process that only root may see".to_owned(),
        |holder| format!("process {} ({})", holder.pid, holder.name),
    );
    let further = match sockets.count() {
        0 => String::new(),
        number => format!(", and {number} more"),
    };
    let holder = format!("{} {} is held by {holder}{further}", socket.local, socket.protocol);
    Some(Conflict { claim: *claim, holder })
}

/// Which containers there have laid claim to the same, each claim once.
fn claimed(claims: &[Claim], place: Place, containers: &[Container], conflicts: &mut Vec<Conflict>) {
    for other in containers.iter().filter(|other| is_in(other, place, containers)) {
        for (claim, its) in claims.iter().flat_map(|claim| of(other).into_iter().map(move |its| (claim, its)))
        {
            let told = conflicts.iter().any(|conflict| conflict.claim == *claim);
            if !told && claim.meets(its.ports, its.address) {
                let holder = format!("the container {} has {its}", other.name);
                conflicts.push(Conflict { claim: *claim, holder });
            }
        }
    }
}

/// What a switch would take from itself.
fn own(claims: &[Claim]) -> Vec<Conflict> {
    let media = claims.iter().find(|claim| claim.purpose == Purpose::Media);
    let others = claims.iter().filter(|claim| claim.purpose != Purpose::Media);
    let meets = others.filter_map(|claim| {
        let media = media.filter(|media| media.meets(claim.ports, claim.address))?;
        Some(Conflict { claim: *claim, holder: format!("the switch's own {media}") })
    });
    meets.collect()
}

/// Whether a running container is in the namespace.
fn is_in(container: &Container, place: Place, all: &[Container]) -> bool {
    let Some(pid) = container.pid else { return false };
    let shares = container.network_mode.strip_prefix("container:");
    let owner = shares.and_then(|owner| all.iter().find(|it| it.id == owner || it.name == owner));
    match (place, owner) {
        (Place::Process(of), _) if of == pid => true,
        (_, Some(owner)) => is_in(owner, place, &[]),
        (Place::Here, None) => container.network_mode == HOST,
        (Place::Process(_), None) => false,
    }
}

/// What a container says it listens on: netctl's label, or a switch's variables.
fn of(container: &Container) -> Vec<Claim> {
    labels::read_claims(&container.labels).unwrap_or_else(|| {
        let variables = settings::environment(&container.environment);
        match variables.keys().any(|name| name.starts_with("SWITCH__")) {
            true => Settings::read(&variables).map(|settings| settings.claims).unwrap_or_default(),
            false => Vec::new(),
        }
    })
}
