//! Host mode: the switch shares the host's stack, without an address of its own and without translation. Nothing is to be
//! furnished; what can go wrong is that somebody has a port already, so that is looked at first.

use super::error::{CheckError, Conflict, RunError};
use super::labels;
use super::order::Order;
use super::plan::{self, Plan};
use super::ports::{Claim, Purpose};
use super::settings::{self, Settings};
use super::sockets::{Capability, Place, Sockets as _};
use super::step::Step;
use super::world::Worldly;
use crate::docker::{Container, Containers as _};

/// What furnishing another namespace needs.
pub(super) const LACKING: [Capability; 2] = [Capability::NetAdmin, Capability::SysAdmin];

/// Docker's name for the mode.
pub(super) const NETWORK: &str = "host";

pub(super) fn plan(order: &Order) -> Result<Plan, RunError> {
    plan::only(order, &["-p", "--host-ip", "--advertise"])?;
    // Each peer is told the address that faces it, unless one was chosen.
    let advertise = order.advertise.or(match order.host_ips.as_slice() {
        [one] => Some(*one),
        _ => None,
    });
    let variables = order.variables(&order.host_ips, advertise.as_slice())?;
    let (container, settings) = plan::container(order, variables, NETWORK, &labels::run_id())?;
    let steps = vec![
        Step::Free { place: Place::Here, claims: settings.claims.clone() },
        Step::Container(Box::new(container)),
        plan::start(order),
        plan::ready(order, &settings),
    ];
    Ok(Plan { steps, notes: Vec::new() })
}

/// Refuses where somebody in a namespace has one of the ports, or a switch there has laid claim to it: a switch opens its
/// media ports only as calls need them, so its sockets alone do not tell.
pub(super) async fn free(world: &impl Worldly, place: Place, claims: &[Claim]) -> Result<(), CheckError> {
    let mut conflicts = own(claims);
    let bound = world.proc().bound(place).map_err(CheckError::Sockets)?;
    for claim in claims {
        let mut sockets = bound.iter().filter(|socket| claim.meets(socket.ports(), Some(socket.local.ip())));
        if let Some(socket) = sockets.next() {
            let holder = socket.holder.as_ref().map_or_else(
                || "a process that only root may see".to_owned(),
                |holder| format!("process {} ({})", holder.pid, holder.name),
            );
            let further = match sockets.count() {
                0 => String::new(),
                number => format!(", and {number} more in the range"),
            };
            let holder = format!("{} {} is held by {holder}{further}", socket.local, socket.protocol);
            conflicts.push(Conflict { claim: *claim, holder });
        }
    }
    let containers = world.docker().containers().await.unwrap_or_default();
    for other in containers.iter().filter(|other| is_in(other, place, &containers)) {
        for (claim, its) in claims.iter().flat_map(|claim| of(other).into_iter().map(move |its| (claim, its)))
        {
            let told = conflicts.iter().any(|conflict| conflict.claim == *claim);
            if !told && claim.meets(its.ports, its.address) {
                let holder = format!("the container {} has {its}", other.name);
                conflicts.push(Conflict { claim: *claim, holder });
            }
        }
    }
    match conflicts.is_empty() {
        true => Ok(()),
        false => Err(CheckError::PortsTaken(conflicts)),
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
        (Place::Here, None) => container.network_mode == NETWORK,
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
