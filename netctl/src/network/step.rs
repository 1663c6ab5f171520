//! The steps that changes are made of, as plain data: each can be looked through (`validate`), done (`apply`) and taken back
//! (`undo`).

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;

use super::pair::Pair;
use super::ports::Claim;
use super::sockets::Place;
use crate::bridge::InterfaceName;
use crate::docker::{Container, ContainerOrder, NetworkOrder};
use crate::publish::Request;

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
    /// Whether anything is different once it is done.
    pub(crate) fn changes(&self) -> bool {
        !matches!(self, Self::Free { .. } | Self::Ready { .. })
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
