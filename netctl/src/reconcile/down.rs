//! `down`: takes back all that a file's switches are and were made of, past every failure.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use super::declaration::PROJECT;
use super::error::UpError;
use super::file::File;
use crate::docker::{Container, Containers as _};
use crate::network::{RunError, Worldly, remove_switch, sweep, world};

/// What was taken back.
#[derive(Debug)]
pub struct Downed {
    /// Each thing, as `rm` says it.
    pub taken: Vec<String>,
}

/// Takes them back, whether they are declared still or were once. One that was killed goes on with the next.
///
/// # Errors
/// Everything that could not be taken back.
pub async fn down(
    world: &impl Worldly,
    file: &File,
    interrupted: impl Future<Output = ()>,
    say: &mut impl FnMut(&str),
) -> Result<Downed, Vec<UpError>> {
    let one = |error: RunError| vec![UpError::from(error)];
    world::beside(world).await.map_err(one)?;
    let containers = world.docker().containers().await.map_err(|error| one(error.into()))?;
    let its = containers.into_iter().filter(|it| it.labels.get(PROJECT) == Some(&file.project));
    let mut its: Vec<Container> = its.collect();
    let (mut taken, mut errors) = (Vec::new(), Vec::new());
    let mut interrupted = pin!(interrupted);
    while !its.is_empty() {
        let signal = poll_fn(|context| Poll::Ready(interrupted.as_mut().poll(context).is_ready()));
        if signal.await {
            errors.insert(0, UpError::DownInterrupted);
            return Err(errors);
        }
        let container = its.remove(last(&its));
        say(&format!("{}: take it back; calls in progress have its stop time-out to end", container.name));
        match remove_switch(world, &container.name).await {
            Ok(removed) => taken.extend(removed.taken),
            Err(failures) => errors.extend(failures.into_iter().map(UpError::from)),
        }
    }
    // A network that was made for one of them by an `up` that was killed before it had made the container.
    for name in file.switches.keys() {
        match sweep(world, name).await {
            Ok(removed) => taken.extend(removed.taken),
            Err(RunError::NoSuchContainer(_)) => {}
            Err(error) => errors.push(error.into()),
        }
    }
    if errors.is_empty() { Ok(Downed { taken }) } else { Err(errors) }
}

/// One whose namespace no other one shares.
fn last(containers: &[Container]) -> usize {
    let shared = |owner: &Container| {
        let modes = [&owner.id, &owner.name].map(|owner| format!("container:{owner}"));
        containers.iter().any(|it| modes.contains(&it.network_mode))
    };
    containers.iter().position(|it| !shared(it)).unwrap_or(0)
}
