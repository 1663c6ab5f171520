//! Publishing, as far as `run` needs it: packets from outside reach a container on a bridge.

use std::future::Future;
use std::net::IpAddr;

use crate::firewall::Family;
use crate::publish::{Astray, Counted, DockersRules, Foreseen, Publication, PublishError, Request};

/// Who publishes. [`Local`](crate::publish::Local) is the real one.
pub trait Publisher {
    /// Looks, before there is a container, at what publishing for one with addresses of these families will come to, and
    /// refuses what it would refuse then; as if nothing were published for those who will have gone.
    fn foresee(
        &self,
        request: &Request,
        families: &[Family],
        gone: &[&str],
    ) -> impl Future<Output = Result<Foreseen, PublishError>>;
    /// Lets packets reach a container that runs.
    fn publish(&self, request: &Request) -> impl Future<Output = Result<(), PublishError>>;
    /// Whether just that is published, with all of its rules.
    fn stands(&self, request: &Request) -> impl Future<Output = Result<bool, PublishError>>;
    /// What is published for a container, whoever did it.
    fn published(&self, name: &str) -> impl Future<Output = Result<Option<Publication>, PublishError>>;
    /// All that is published, whoever did it.
    fn all(&self) -> impl Future<Output = Result<Vec<Publication>, PublishError>>;
    /// Puts back rules that are missing, without asking the daemon; whose they were.
    fn restore(&self) -> impl Future<Output = Result<Vec<String>, PublishError>>;
    /// Whose addresses of this host are not what they should be any more.
    fn astray(&self) -> impl Future<Output = Result<Vec<(String, Astray)>, PublishError>>;
    /// The addresses of this host that face its default routes, one of a family.
    fn facing(&self) -> Vec<IpAddr>;
    /// Which of its own rules Docker has.
    fn dockers_rules(&self) -> impl Future<Output = Result<DockersRules, PublishError>>;
    /// What is published for a container, with what its rules have counted.
    fn counted(&self, name: &str) -> impl Future<Output = Result<Option<Counted>, PublishError>>;
    /// Takes all of a container's back; what is not there is no failure.
    fn unpublish(&self, name: &str) -> impl Future<Output = Result<(), PublishError>>;
}
