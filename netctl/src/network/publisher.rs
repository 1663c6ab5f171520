//! Publishing, as far as `run` needs it: packets from outside reach a container on a bridge.
//!
//! Nobody does it for `run` yet, so it refuses `-p` on such networks ([`NotJoined`]).

use std::future::Future;
use std::net::IpAddr;

use ipnet::IpNet;

use super::ports::Ports;
use crate::error::Failure;

/// What shall reach a container.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Publication {
    /// The container's name.
    pub name: String,
    /// The same outside and inside.
    pub ports: Vec<Ports>,
    /// The host's addresses; the ones that face the default routes where none is given.
    pub host_ips: Vec<IpAddr>,
    /// Who may come; everybody where nobody is named.
    pub from: Vec<IpNet>,
}

/// Who publishes.
pub trait Publisher {
    /// Whether this is more than a promise.
    fn can_publish(&self) -> bool;
    /// Lets packets reach a container that runs.
    fn publish(&self, publication: &Publication) -> impl Future<Output = Result<(), PublishError>>;
    /// Whether just that is published, with all of its rules.
    fn stands(&self, publication: &Publication) -> impl Future<Output = Result<bool, PublishError>>;
    /// Takes all of a container's back; what is not there is no failure.
    fn unpublish(&self, name: &str) -> impl Future<Output = Result<(), PublishError>>;
}

/// Why ports were not published.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct PublishError(pub Failure);

/// Nobody.
#[derive(Clone, Copy, Debug, Default)]
pub struct NotJoined;

impl Publisher for NotJoined {
    fn can_publish(&self) -> bool {
        false
    }
    async fn publish(&self, _publication: &Publication) -> Result<(), PublishError> {
        Ok(())
    }
    async fn stands(&self, _publication: &Publication) -> Result<bool, PublishError> {
        Ok(false)
    }
    async fn unpublish(&self, _name: &str) -> Result<(), PublishError> {
        Ok(())
    }
}
