//! Takes a step back, if this run did it. Taking back what was not done, or only half, is no failure, and never touches what
//! another run made.

use super::apply::{self, delete};
use super::error::StepError;
use super::labels;
use super::mend::{self, Lack};
use super::publisher::Publisher as _;
use super::step::Step;
use super::world::Worldly;
use crate::docker::{Container, Containers as _, DockerError, Networks as _};

/// Takes it back, if this run did it.
pub(super) async fn step(world: &impl Worldly, step: &Step) -> Result<(), StepError> {
    match step {
        Step::Network(order) => {
            let found = world.docker().network(&order.name).await?;
            if let Some(network) =
                found.filter(|it| it.labels.get(labels::RUN) == order.labels.get(labels::RUN))
            {
                match world.docker().remove_network(&network.id).await {
                    // Another switch has joined it meanwhile; its rm takes it away.
                    Err(DockerError::Refused { status: 403 | 409, .. }) if !network.members.is_empty() => {}
                    done => done?,
                }
            }
        }
        Step::Container(order) => {
            let found = world.docker().container(&order.name).await?;
            if let Some(container) =
                found.filter(|it| it.labels.get(labels::RUN) == order.labels.get(labels::RUN))
            {
                world.docker().remove(&container.id).await?;
            }
        }
        Step::Resume { name } => world.docker().stop(name).await?,
        Step::Aside(container) => put_back(world, container).await?,
        Step::Pair { pair, .. } => delete(world, pair).await?,
        Step::Publish(request) => world.publisher().unpublish(&request.container).await?,
        // Nothing was changed, or it goes with the container or the pair.
        Step::Free { .. }
        | Step::Clear { .. }
        | Step::Start { .. }
        | Step::Rejoin { .. }
        | Step::Addresses { .. }
        | Step::Gateway { .. }
        | Step::Ready { .. } => {}
    }
    Ok(())
}

/// As it was before, wherever putting it aside ended: by its name, running if it ran, furnished and published.
async fn put_back(world: &impl Worldly, before: &Container) -> Result<(), StepError> {
    let Some(container) = world.docker().container(&before.id).await? else { return Ok(()) };
    if container.name != before.name {
        world.docker().rename(&before.id, &before.name).await?;
    }
    if before.pid.is_none() {
        return Ok(());
    }
    if container.pid.is_none() {
        world.docker().start(&before.name).await?;
    }
    furnish(world, before).await
}

/// Furnishes and publishes a container that has been started again, whatever of it is there.
async fn furnish(world: &impl Worldly, container: &Container) -> Result<(), StepError> {
    let all = [Lack::Interface, Lack::Publication];
    let its = all.into_iter().filter(|lack| match lack {
        Lack::Interface => container.labels.contains_key(labels::INTERFACE),
        _ => container.labels.contains_key(labels::PUBLISH),
    });
    let steps = mend::steps(world, container, &its.collect::<Vec<_>>()).await;
    let steps = steps.map_err(|error| StepError::Again(Box::new(error)))?;
    for step in steps.iter().filter(|step| step.changes()) {
        apply::step(world, step).await?;
    }
    Ok(())
}
