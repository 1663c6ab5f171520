//! Publishing, as far as `run` needs it: packets from outside reach a container on a bridge.

use std::future::Future;
use std::net::IpAddr;

use ipnet::IpNet;

use super::ports::Ports;
use crate::firewall::Family;
use crate::publish::{self, PublishError};

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

/// What publishing will come to.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Foreseen {
    /// The host's addresses, at least one.
    pub host_ips: Vec<IpAddr>,
    /// What has to be said and is no failure.
    pub notes: Vec<String>,
}

/// Who publishes. [`publish::Local`] is the real one.
pub trait Publisher {
    /// Looks, before there is a container, at what publishing for one with addresses of these families will come to, and
    /// refuses what it would refuse then; as if nothing were published for those who will have gone.
    fn foresee(
        &self,
        publication: &Publication,
        families: &[Family],
        gone: &[&str],
    ) -> impl Future<Output = Result<Foreseen, PublishError>>;
    /// Lets packets reach a container that runs.
    fn publish(&self, publication: &Publication) -> impl Future<Output = Result<(), PublishError>>;
    /// Whether just that is published, with all of its rules.
    fn stands(&self, publication: &Publication) -> impl Future<Output = Result<bool, PublishError>>;
    /// What is published for a container, whoever did it.
    fn published(
        &self,
        name: &str,
    ) -> impl Future<Output = Result<Option<publish::Publication>, PublishError>>;
    /// All that is published, whoever did it.
    fn all(&self) -> impl Future<Output = Result<Vec<publish::Publication>, PublishError>>;
    /// Puts back rules that are missing, without asking the daemon; whose they were.
    fn restore(&self) -> impl Future<Output = Result<Vec<String>, PublishError>>;
    /// Whose addresses of this host are not what they should be any more.
    fn astray(&self) -> impl Future<Output = Result<Vec<(String, publish::Astray)>, PublishError>>;
    /// Which of its own rules Docker has.
    fn dockers_rules(&self) -> impl Future<Output = Result<publish::DockersRules, PublishError>>;
    /// What is published for a container, with what its rules have counted.
    fn counted(&self, name: &str) -> impl Future<Output = Result<Option<publish::Counted>, PublishError>>;
    /// Takes all of a container's back; what is not there is no failure.
    fn unpublish(&self, name: &str) -> impl Future<Output = Result<(), PublishError>>;
}
