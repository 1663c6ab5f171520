//! Does a step. One that was begun and not ended, by this run or by one that was killed, is in nobody's way.

use super::aside;
use super::error::StepError;
use super::pair::{PREFIX, Pair};
use super::publisher::Publisher as _;
use super::ready;
use super::sockets::Place;
use super::step::Step;
use super::wiring::Wiring as _;
use super::world::Worldly;
use crate::docker::{Containers as _, Networks as _};

/// Does it.
pub(crate) async fn step(world: &impl Worldly, step: &Step) -> Result<(), StepError> {
    match step {
        Step::Free { .. } => {}
        Step::Network(order) => drop(world.docker().create_network(order).await?),
        Step::Container(order) => drop(world.docker().create(order).await?),
        Step::Start { name } | Step::Resume { name } => world.docker().start(name).await?,
        Step::Rejoin { name } => world.docker().restart(name).await?,
        Step::Aside(container) => aside::put(world, container).await?,
        Step::Clear { index, .. } => match world.kernel().delete(*index).await {
            // ENODEV: whoever held it has let it go meanwhile.
            Err(error) if error.errno() != Some(19) => return Err(error.into()),
            _ => {}
        },
        Step::Pair { name, pair } => {
            // Of a run that was killed between this step and the next.
            delete(world, pair).await?;
            let done = world.kernel().add_pair(pair, pid(world, name).await?).await;
            furnished(world, name, done).await?;
        }
        Step::Addresses { name, interface, addresses } => {
            let done = world
                .kernel()
                .add_addresses(Place::Process(pid(world, name).await?), interface, addresses)
                .await;
            furnished(world, name, done).await?;
        }
        Step::Gateway { name, gateway } => {
            let done = world.kernel().add_gateway(pid(world, name).await?, *gateway).await;
            furnished(world, name, done).await?;
        }
        Step::Publish(request) => {
            let done = world.publisher().publish(request).await;
            furnished(world, &request.container, done).await?;
        }
        Step::Ready { name, claims } => ready::wait(world, name, claims).await?,
    }
    Ok(())
}

/// Deletes a pair, if it is ours.
pub(super) async fn delete(world: &impl Worldly, pair: &Pair) -> Result<(), StepError> {
    let interfaces = world.kernel().interfaces(Place::Here).await?;
    let ours = |name: &str, alias: Option<&str>| match alias {
        _ if name != pair.outside.as_str() => false,
        Some(alias) => alias == pair.alias,
        // Killed before it had one. Any other interface without an alias is somebody's, whatever a label says.
        None => name.starts_with(PREFIX),
    };
    for interface in interfaces.iter().filter(|it| ours(&it.name, it.alias.as_deref())) {
        world.kernel().delete(interface.index).await?;
    }
    Ok(())
}

async fn pid(world: &impl Worldly, name: &str) -> Result<u32, StepError> {
    let container = world.docker().container(name).await?;
    match container.as_ref().and_then(|container| container.pid) {
        Some(pid) => Ok(pid),
        None => Err(ready::ended(world, name, container).await),
    }
}

async fn furnished<E: Into<StepError>>(
    world: &impl Worldly,
    name: &str,
    done: Result<(), E>,
) -> Result<(), StepError> {
    match done {
        Ok(()) => Ok(()),
        Err(refusal) => Err(ready::or_ended(world, name, refusal.into()).await),
    }
}
