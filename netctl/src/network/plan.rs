//! A plan: the steps from what was asked for to a switch that runs, and the part of making one that all modes have in
//! common. Knows no mode by what is peculiar to it; those are in `mode`.

use super::error::{CheckError, RunError};
use super::labels;
use super::mount;
use super::order::{self, Mode, Order};
use super::ports::Claim;
use super::settings::Settings;
use super::step::Step;
use super::world::Worldly;
use crate::docker::{ContainerOrder, Containers as _, DockerError};

/// The steps, and what is known of the switch they make.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) steps: Vec<Step>,
    /// What has to be said and is no failure.
    pub(crate) notes: Vec<String>,
}

/// An image is not fetched, a path that is mounted is not made; both have to be there.
pub(super) async fn at_hand(world: &impl Worldly, order: &Order) -> Result<(), RunError> {
    if world.docker().image_id(&order.image).await?.is_none() {
        return Err(DockerError::NoSuchImage(order.image.clone()).into());
    }
    Ok(mount::look(&order.volumes)?)
}

/// What a switch will listen on, from its order alone.
pub(crate) fn claims(order: &Order) -> Result<Vec<Claim>, RunError> {
    let listen_at = match order.mode {
        Mode::Host => order.host_ips.as_slice(),
        _ => &[],
    };
    Ok(order::settings(&order.variables(listen_at, order.advertise.as_slice())?)?.claims)
}

/// Refuses options that would silently do nothing in a mode.
pub(super) fn only(order: &Order, allowed: &[&str]) -> Result<(), CheckError> {
    for (option, given) in [
        ("-p", !order.ports.is_empty()),
        ("--host-ip", !order.host_ips.is_empty()),
        ("--advertise", order.advertise.is_some()),
        ("--from", !order.from.is_empty()),
        ("--bridge", order.bridge.is_some()),
        ("--address", !order.addresses.is_empty()),
        ("--gateway", !order.gateways.is_empty()),
    ] {
        if given && !allowed.contains(&option) {
            return Err(CheckError::NoMeaning { option, mode: order.mode.clone() });
        }
    }
    for (what, list) in [("--host-ip", &order.host_ips), ("--gateway", &order.gateways)] {
        if [true, false].into_iter().any(|v4| list.iter().filter(|ip| ip.is_ipv4() == v4).count() > 1) {
            return Err(CheckError::Twice(what));
        }
    }
    Ok(())
}

/// The container of an order, on a network in Docker's words.
pub(super) fn container(
    order: &Order,
    variables: Vec<String>,
    network: &str,
    run: &str,
) -> Result<(ContainerOrder, Settings), RunError> {
    let settings = order::settings(&variables)?;
    let container = ContainerOrder {
        name: order.name.clone(),
        image: order.image.clone(),
        arguments: order.arguments.clone(),
        environment: variables,
        labels: labels::made(run, &settings.claims, &order.labels),
        volumes: order.volumes.clone(),
        restart: order.restart,
        ulimits: order.ulimits.clone(),
        cpus: order.cpus.clone(),
        log_options: order.log_options.clone(),
        network_mode: network.to_owned(),
        // Calls that drain may last to the deadline; then there is a moment for BYE and for the rest.
        stop_timeout: settings.drain + GRACE,
        ..ContainerOrder::default()
    };
    Ok((container, settings))
}

/// From the end of the drain to Docker's SIGKILL.
const GRACE: std::time::Duration = std::time::Duration::from_secs(4);

pub(super) fn start(order: &Order) -> Step {
    Step::Start { name: order.name.clone() }
}

pub(super) fn ready(order: &Order, settings: &Settings) -> Step {
    Step::Ready { name: order.name.clone(), claims: settings.claims.clone() }
}
