//! A container that makes room for another one of its name: what it is called meanwhile, and how it goes. `undo` has it come
//! back where the other one does not come about.

use super::error::StepError;
use super::labels;
use super::publisher::Publisher as _;
use super::world::Worldly;
use crate::docker::{Container, Containers as _};

/// Behind the name of a container that another one takes the place of, until that one runs.
const ASIDE: &str = ".netctl-before";

/// The name it has meanwhile.
pub(crate) fn name_of(name: &str) -> String {
    format!("{name}{ASIDE}")
}

/// The name it had, of a container that has been put aside.
pub(crate) fn name_before(container: &Container) -> Option<&str> {
    is_aside(container).then(|| container.name.strip_suffix(ASIDE)).flatten()
}

/// Whether another container takes its place at this moment, its addresses included.
pub(crate) fn is_aside(container: &Container) -> bool {
    container.name.ends_with(ASIDE) && container.labels.contains_key(labels::RUN)
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
