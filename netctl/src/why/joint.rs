//! What joins a container of none mode to its bridge, as its labels say it.

use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;

use crate::docker::Container;
use crate::network::labels;

/// A pair of interfaces between a container and a bridge.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Joint {
    /// The end on the host.
    pub interface: String,
    /// What is written to it, so that `rm` knows it.
    pub alias: String,
    /// The bridge that it is a port of.
    pub bridge: String,
    /// The addresses of the other end.
    pub addresses: Vec<IpNet>,
    /// The ways out.
    pub gateways: Vec<IpAddr>,
}

impl Joint {
    pub(super) fn of(container: &Container) -> Option<Self> {
        fn list<T: FromStr>(text: Option<String>) -> Vec<T> {
            text.unwrap_or_default().split(", ").filter_map(|text| text.parse().ok()).collect()
        }
        let label = |name| container.labels.get(name).cloned();
        Some(Self {
            interface: label(labels::INTERFACE)?,
            alias: label(labels::RUN)?,
            bridge: label(labels::BRIDGE)?,
            addresses: list(label(labels::ADDRESSES)),
            gateways: list(label(labels::GATEWAYS)),
        })
    }
}
