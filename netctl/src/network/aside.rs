//! A container that makes room for another one of its name, and comes back where that one does not come about.

use super::error::StepError;
use super::labels::{self, ASIDE};
use super::mend;
use super::publisher::Publisher as _;
use super::world::Worldly;
use crate::docker::{Container, Containers as _};

/// The name it has meanwhile.
pub(crate) fn name_of(name: &str) -> String {
    format!("{name}{ASIDE}")
}

/// The name it had, of a container that has been put aside.
pub(crate) fn name_before(container: &Container) -> Option<&str> {
    labels::is_aside(container).then(|| container.name.strip_suffix(ASIDE)).flatten()
}

/// Calls in progress have the container's stop time-out to end in.
pub(super) async fn put(world: &impl Worldly, container: &Container) -> Result<(), StepError> {
    if container.pid.is_some() {
        world.docker().stop(&container.id).await?;
    }
    if container.labels.contains_key(labels::PUBLISH) {
        world.publisher().unpublish(&container.name).await?;
    }
    Ok(world.docker().rename(&container.id, &name_of(&container.name)).await?)
}

/// As it was before, wherever [`put`] ended: by its name, running if it ran, furnished and published.
pub(super) async fn put_back(world: &impl Worldly, before: &Container) -> Result<(), StepError> {
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
    mend::furnish(world, before).await
}
