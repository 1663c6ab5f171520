//! `rm`: takes back all that `run` made, by the labels on the container; past each failure, so that as little as possible is
//! left.

use std::fmt::{self, Display, Formatter};

use serde_json::{Value, json};

use super::error::{RunError, StepError};
use super::labels;
use super::publisher::Publisher as _;
use super::sockets::Place;
use super::wiring::Wiring as _;
use super::world::{self, Worldly};
use crate::docker::{Container, Containers as _, Networks as _};

/// What was taken away.
#[derive(Debug)]
pub struct Removed {
    /// Each thing.
    pub(crate) taken: Vec<String>,
}

/// Takes a switch away.
///
/// # Errors
/// Everything that could not be taken away.
pub async fn remove(world: &impl Worldly, name: &str) -> Result<Removed, Vec<RunError>> {
    let one = |error| vec![error];
    let container = world.docker().container(name).await.map_err(|error| one(error.into()))?;
    let Some(container) = container else { return sweep(world, name).await.map_err(one) };
    if !container.labels.contains_key(labels::RUN) {
        return Err(one(RunError::NotOurs(container.name)));
    }
    if let Some(by) = sharer(world, &container).await.map_err(one)? {
        return Err(one(RunError::Shared { name: container.name, by }));
    }
    // By run, or later by hand; where the records cannot be read the label is asked.
    let published = container.labels.contains_key(labels::PUBLISH)
        || world.publisher().published(&container.name).await.is_ok_and(|its| its.is_some());
    if container.labels.contains_key(labels::INTERFACE) || published {
        world::beside(world).await.map_err(one)?;
    }
    let (mut taken, mut failures) = (Vec::new(), Vec::new());
    let mut note = |step: String, done: Result<bool, StepError>| match done {
        Ok(true) => taken.push(step),
        Ok(false) => {}
        Err(source) => failures.push(RunError::Remove { step, source }),
    };
    if container.pid.is_some() {
        // Gives its calls the time that they have; removing it would not.
        let stopped = world.docker().stop(&container.id).await;
        note(
            format!("stop the container {}", container.name),
            stopped.map(|()| true).map_err(StepError::from),
        );
    }
    if published {
        let done = world.publisher().unpublish(&container.name).await;
        note(
            format!("unpublish the ports of {}", container.name),
            done.map(|()| true).map_err(StepError::from),
        );
    }
    let removed = world.docker().remove(&container.id).await;
    note(format!("remove the container {}", container.name), removed.map(|()| true).map_err(StepError::from));
    if let Some(interface) = container.labels.get(labels::INTERFACE) {
        note(format!("delete the interface {interface}"), delete(world, interface, &container).await);
    }
    if let Some(network) = container.labels.get(labels::NETWORK) {
        note(format!("remove the network {network}"), leave(world, network).await);
    }
    match failures.is_empty() {
        true => Ok(Removed { taken }),
        false => Err(failures),
    }
}

/// A container that runs in this one's namespace, and would lose its interfaces without a word.
async fn sharer(world: &impl Worldly, container: &Container) -> Result<Option<String>, RunError> {
    let modes = [&container.id, &container.name].map(|owner| format!("container:{owner}"));
    let containers = world.docker().containers().await?;
    let other = containers.into_iter().find(|it| it.pid.is_some() && modes.contains(&it.network_mode));
    Ok(other.map(|other| other.name))
}

/// Without a container: what is left of a run that was killed before it had made one, or of a container that somebody else
/// removed.
pub(crate) async fn sweep(world: &impl Worldly, name: &str) -> Result<Removed, RunError> {
    let mut taken = Vec::new();
    if world.publisher().published(name).await.is_ok_and(|its| its.is_some()) {
        // A daemon elsewhere has no container of this name, and this host may well have one.
        world::beside(world).await?;
        let step = format!("unpublish the ports of {name}");
        match world.publisher().unpublish(name).await {
            Ok(()) => taken.push(step),
            Err(error) => return Err(RunError::Remove { step, source: error.into() }),
        }
    }
    let networks = world.docker().networks().await?;
    for network in
        networks.iter().filter(|it| it.labels.get(labels::FOR).is_some_and(|made_for| made_for == name))
    {
        let step = format!("remove the network {}", network.name);
        match leave(world, &network.name).await {
            Ok(true) => taken.push(step),
            Ok(false) => {}
            Err(source) => return Err(RunError::Remove { step, source }),
        }
    }
    match taken.is_empty() {
        true => Err(RunError::NoSuchContainer(name.to_owned())),
        false => Ok(Removed { taken }),
    }
}

/// The kernel has deleted it with the container's namespace, unless that is held open.
async fn delete(world: &impl Worldly, name: &str, container: &Container) -> Result<bool, StepError> {
    let interfaces = world.kernel().interfaces(Place::Here).await?;
    let run = container.labels.get(labels::RUN);
    let ours = interfaces.iter().find(|interface| interface.name == name && interface.alias.as_ref() == run);
    let Some(interface) = ours else { return Ok(false) };
    match world.kernel().delete(interface.index).await {
        Ok(()) => Ok(true),
        // ENODEV: the kernel was quicker.
        Err(error) if error.errno() == Some(19) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// A network of netctl's own goes with its last container; one that is stopped counts.
async fn leave(world: &impl Worldly, name: &str) -> Result<bool, StepError> {
    let Some(network) = world.docker().network(name).await? else { return Ok(false) };
    let containers = world.docker().containers().await?;
    let used = containers.iter().any(|it| it.endpoints.contains_key(name) || it.network_mode == name);
    if used || !network.members.is_empty() || !network.labels.contains_key(labels::RUN) {
        return Ok(false);
    }
    world.docker().remove_network(&network.id).await?;
    Ok(true)
}

impl Display for Removed {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.taken.iter().try_for_each(|step| writeln!(f, "done: {step}"))
    }
}

impl Removed {
    /// One object.
    pub fn json(&self) -> Value {
        json!({ "done": self.taken })
    }
}
