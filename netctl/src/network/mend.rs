//! What a container made by netctl lacks, by its labels, and the steps that give it back: after a stop, a restart, a flushed
//! firewall, a reboot, or a run that was killed.

use std::fmt;

use super::error::{RunError, StepError};
use super::labels;
use super::mode::none;
use super::publisher::Publisher as _;
use super::sockets::Sockets as _;
use super::step::Step;
use super::world::Worldly;
use crate::docker::{Container, Containers as _};

/// What is not as it was made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Lack {
    /// It does not run.
    Running,
    /// It is in a namespace that its owner has left: that one was started anew.
    Namespace,
    /// Its namespace is not furnished.
    Interface,
    /// Its ports are not published, or not all of the rules are there.
    Publication,
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Running => "it does not run",
            Self::Namespace => "it is in a network that its owner has left",
            Self::Interface => "its interface, addresses or routes are missing",
            Self::Publication => "its ports are not published as declared",
        })
    }
}

/// What a container lacks.
///
/// # Errors
/// Where Docker or the kernel does not tell.
pub(crate) async fn lacks(world: &impl Worldly, container: &Container) -> Result<Vec<Lack>, RunError> {
    let mut lacks = Vec::new();
    if container.pid.is_none() {
        lacks.push(Lack::Running);
    }
    if is_left(world, container).await? {
        lacks.push(Lack::Namespace);
    }
    if container.labels.contains_key(labels::INTERFACE) {
        let furnished = match container.pid {
            Some(pid) => none::is_furnished(world, container, pid).await?,
            None => false,
        };
        lacks.extend((!furnished).then_some(Lack::Interface));
    }
    if let Some(request) = labels::request(container) {
        let stands = match container.pid {
            Some(_) => world.publisher().stands(&request?).await.map_err(StepError::from),
            None => Ok(false),
        };
        let stands = stands.map_err(|source| RunError::Unseen { name: container.name.clone(), source })?;
        lacks.extend((!stands).then_some(Lack::Publication));
    }
    Ok(lacks)
}

/// Whether the owner of the namespace it shares runs in another one meanwhile.
async fn is_left(world: &impl Worldly, container: &Container) -> Result<bool, RunError> {
    let (Some(owner), Some(pid)) = (container.network_mode.strip_prefix("container:"), container.pid) else {
        return Ok(false);
    };
    let owner = world.docker().container(owner).await?;
    let its = owner.and_then(|owner| world.proc().namespace(owner.pid?));
    Ok(its.is_some_and(|its| world.proc().namespace(pid).is_some_and(|ours| ours != its)))
}

/// The steps that give it what it lacks; it listens at their end.
pub(crate) async fn steps(
    world: &impl Worldly,
    container: &Container,
    lacks: &[Lack],
) -> Result<Vec<Step>, RunError> {
    let name = || container.name.clone();
    let mut steps = Vec::new();
    for lack in lacks {
        match lack {
            Lack::Running => steps.push(Step::Resume { name: name() }),
            Lack::Namespace => steps.push(Step::Rejoin { name: name() }),
            Lack::Interface => steps.extend(none::again(world, container).await?),
            Lack::Publication => {
                if let Some(request) = labels::request(container) {
                    steps.push(Step::Publish(request?));
                }
            }
        }
    }
    if let Some(claims) = labels::read_claims(&container.labels) {
        steps.push(Step::Ready { name: name(), claims });
    }
    Ok(steps)
}
