//! The steps that changes are made of. Each can be looked through, done, and taken back; taking back what was not done, or
//! only half, is no failure, and never touches what another run made.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;

use super::aside;
use super::conflicts;
use super::error::{CheckError, StepError};
use super::labels;
use super::pair::{PREFIX, Pair};
use super::ports::Claim;
use super::publisher::Publisher as _;
use super::ready;
use super::sockets::{Capability, Place, Sockets as _};
use super::wiring::Wiring as _;
use super::world::Worldly;
use crate::bridge::InterfaceName;
use crate::docker::{Container, ContainerOrder, Containers as _, DockerError, NetworkOrder, Networks as _};
use crate::publish::Request;

/// What furnishing another namespace needs.
const LACKING: [Capability; 2] = [Capability::NetAdmin, Capability::SysAdmin];

/// One step.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    /// Ports are free in a namespace. Changes nothing.
    Free { place: Place, claims: Vec<Claim> },
    /// A network of netctl's own.
    Network(NetworkOrder),
    /// The container.
    Container(Box<ContainerOrder>),
    /// It runs.
    Start { name: String },
    /// It runs again, after it had ended.
    Resume { name: String },
    /// It joins the namespace that its owner has now. Calls it had are lost already.
    Rejoin { name: String },
    /// It makes room for another one of its name: it ends, and has another name.
    Aside(Box<Container>),
    /// An interface that belonged to a container of the name and was left over.
    Clear { interface: String, index: u32 },
    /// A pair of interfaces, one end in the container.
    Pair { name: String, pair: Pair },
    /// Addresses of the inner end.
    Addresses { name: String, interface: InterfaceName, addresses: Vec<IpNet> },
    /// A default route.
    Gateway { name: String, gateway: IpAddr },
    /// Packets from outside.
    Publish(Request),
    /// The switch listens.
    Ready { name: String, claims: Vec<Claim> },
}

impl Step {
    /// Whether it can be done, as far as that is seen before.
    pub(crate) async fn validate(&self, world: &impl Worldly) -> Result<(), CheckError> {
        match self {
            Self::Free { place, claims } => conflicts::free(world, *place, claims).await,
            Self::Pair { .. } => match LACKING.into_iter().find(|it| world.proc().lacks(*it)) {
                Some(capability) => Err(CheckError::Lacks(capability)),
                None => Ok(()),
            },
            // The name, the image and the network were looked at when the steps were made.
            _ => Ok(()),
        }
    }

    /// Whether anything is different once it is done.
    pub(crate) fn changes(&self) -> bool {
        !matches!(self, Self::Free { .. } | Self::Ready { .. })
    }

    /// Does it.
    pub(crate) async fn apply(&self, world: &impl Worldly) -> Result<(), StepError> {
        match self {
            Self::Free { .. } => {}
            Self::Network(order) => drop(world.docker().create_network(order).await?),
            Self::Container(order) => drop(world.docker().create(order).await?),
            Self::Start { name } | Self::Resume { name } => world.docker().start(name).await?,
            Self::Rejoin { name } => world.docker().restart(name).await?,
            Self::Aside(container) => aside::put(world, container).await?,
            Self::Clear { index, .. } => match world.kernel().delete(*index).await {
                // ENODEV: whoever held it has let it go meanwhile.
                Err(error) if error.errno() != Some(19) => return Err(error.into()),
                _ => {}
            },
            Self::Pair { name, pair } => {
                // Of a run that was killed between this step and the next.
                delete(world, pair).await?;
                let done = world.kernel().add_pair(pair, pid(world, name).await?).await;
                furnished(world, name, done).await?;
            }
            Self::Addresses { name, interface, addresses } => {
                let done = world
                    .kernel()
                    .add_addresses(Place::Process(pid(world, name).await?), interface, addresses)
                    .await;
                furnished(world, name, done).await?;
            }
            Self::Gateway { name, gateway } => {
                let done = world.kernel().add_gateway(pid(world, name).await?, *gateway).await;
                furnished(world, name, done).await?;
            }
            Self::Publish(request) => {
                let done = world.publisher().publish(request).await;
                furnished(world, &request.container, done).await?;
            }
            Self::Ready { name, claims } => ready::wait(world, name, claims).await?,
        }
        Ok(())
    }

    /// Takes it back, if this run did it.
    pub(crate) async fn undo(&self, world: &impl Worldly) -> Result<(), StepError> {
        match self {
            Self::Network(order) => {
                let found = world.docker().network(&order.name).await?;
                if let Some(network) =
                    found.filter(|it| it.labels.get(labels::RUN) == order.labels.get(labels::RUN))
                {
                    match world.docker().remove_network(&network.id).await {
                        // Another switch has joined it meanwhile; its rm takes it away.
                        Err(DockerError::Refused { status: 403 | 409, .. })
                            if !network.members.is_empty() => {}
                        done => done?,
                    }
                }
            }
            Self::Container(order) => {
                let found = world.docker().container(&order.name).await?;
                if let Some(container) =
                    found.filter(|it| it.labels.get(labels::RUN) == order.labels.get(labels::RUN))
                {
                    world.docker().remove(&container.id).await?;
                }
            }
            Self::Resume { name } => world.docker().stop(name).await?,
            Self::Aside(container) => aside::put_back(world, container).await?,
            Self::Pair { pair, .. } => delete(world, pair).await?,
            Self::Publish(request) => world.publisher().unpublish(&request.container).await?,
            // Nothing was changed, or it goes with the container or the pair.
            Self::Free { .. }
            | Self::Clear { .. }
            | Self::Start { .. }
            | Self::Rejoin { .. }
            | Self::Addresses { .. }
            | Self::Gateway { .. }
            | Self::Ready { .. } => {}
        }
        Ok(())
    }
}

/// Deletes a pair, if it is ours.
async fn delete(world: &impl Worldly, pair: &Pair) -> Result<(), StepError> {
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

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Free { .. } => write!(f, "see whether the ports are free"),
            Self::Network(order) => write!(f, "make the network {}", order.name),
            Self::Container(order) => write!(f, "make the container {}", order.name),
            Self::Start { name } | Self::Resume { name } => write!(f, "start {name}"),
            Self::Clear { interface, .. } => write!(f, "delete the interface {interface}, which nobody owns"),
            Self::Rejoin { name } => write!(f, "restart {name} in the network that its owner has now"),
            Self::Aside(container) => write!(f, "stop {} and put it aside", container.name),
            Self::Pair { name, pair } => {
                write!(f, "join {name} to its bridge by the interface {}", pair.outside)
            }
            Self::Addresses { interface, addresses, .. } => {
                let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
                write!(f, "give {interface} the address {}", addresses.join(" and "))
            }
            Self::Gateway { gateway, .. } => write!(f, "route by {gateway}"),
            Self::Publish(request) => write!(f, "publish the ports of {}", request.container),
            Self::Ready { name, .. } => write!(f, "bring {name} to listen"),
        }
    }
}
