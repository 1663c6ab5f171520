//! Who publishes.

use std::net::IpAddr;

use super::{Fake, State};
use crate::firewall::Family;
use crate::network::Publisher;
use crate::publish::{self, Findings, Foreseen, Publication, PublishError, Request};

impl State {
    /// Which process of which container has a name now.
    fn identity(&self, name: &str) -> Option<(String, Option<u32>)> {
        let containers = self.containers.borrow();
        containers.iter().find(|it| it.name == name).map(|it| (it.id.clone(), it.pid))
    }
}

impl Publisher for Fake {
    async fn foresee(&self, wanted: &Request, _: &[Family], _: &[&str]) -> Result<Foreseen, PublishError> {
        if self.0.cannot_publish.get() {
            return Err(PublishError::NoAddress);
        }
        let facing = || vec![self.0.facing.get()];
        let host_ips = if wanted.host_ips.is_empty() { facing() } else { wanted.host_ips.clone() };
        Ok(Foreseen { host_ips, findings: Findings::default() })
    }
    async fn stands(&self, wanted: &Request) -> Result<bool, PublishError> {
        let its = self.0.identity(&wanted.container);
        let same = self.0.published_for.borrow().get(&wanted.container) == its.as_ref();
        Ok(same
            && self.0.published.borrow().contains(wanted)
            && (!wanted.host_ips.is_empty()
                || self.0.published_at.borrow().get(&wanted.container) == Some(&self.0.facing.get()))
            && !self.0.flushed.borrow().contains(&wanted.container))
    }
    async fn published(&self, name: &str) -> Result<Option<Publication>, PublishError> {
        Ok(self.all().await?.into_iter().find(|it| it.name == name))
    }
    async fn all(&self) -> Result<Vec<Publication>, PublishError> {
        let published = self.0.published.borrow();
        let records = published.iter().map(|it| Publication {
            name: it.container.clone(),
            container: self.0.published_for.borrow()[&it.container].0.clone(),
            bridge: "br-voice".to_owned(),
            ports: it.ports.clone(),
            from: it.from.clone(),
            follows: it.host_ips.is_empty(),
            paths: vec![publish::Path {
                container: "10.9.0.3".parse().unwrap(),
                network: "10.9.0.0/29".parse().unwrap(),
                stateless: self.0.published_at.borrow().get(&it.container).copied(),
                tracked: Vec::new(),
                peers: Vec::new(),
            }],
        });
        Ok(records.collect())
    }
    async fn restore(&self) -> Result<Vec<String>, PublishError> {
        let same = |name: &String| self.0.published_for.borrow().get(name) == self.0.identity(name).as_ref();
        let (restored, kept) = self.0.flushed.take().into_iter().partition(same);
        self.0.flushed.replace(kept);
        Ok(restored)
    }
    async fn astray(&self) -> Result<Vec<(String, publish::Astray)>, PublishError> {
        if self.0.between_leases.take() {
            return Ok(Vec::new());
        }
        let published = self.0.published.borrow();
        let its = |it: &Request| {
            let (from, to) = (self.0.published_at.borrow()[&it.container], self.0.facing.get());
            let astray = match it.host_ips.first() {
                None if from != to => publish::Astray::Moved { from, to },
                Some(lost) if self.0.lost.borrow().contains(lost) => publish::Astray::Lost(*lost),
                _ => return None,
            };
            Some((it.container.clone(), astray))
        };
        Ok(published.iter().filter_map(its).collect())
    }
    fn facing(&self) -> Vec<IpAddr> {
        vec![self.0.facing.get()]
    }
    async fn dockers_rules(&self) -> Result<publish::DockersRules, PublishError> {
        Ok(self.0.dockers.get())
    }
    async fn counted(&self, name: &str) -> Result<Option<publish::Counted>, PublishError> {
        let counted = |publication| publish::Counted {
            publication,
            state: publish::State::Published,
            rules: Vec::new(),
        };
        Ok(self.published(name).await?.map(counted))
    }
    async fn publish(&self, request: &Request) -> Result<(), PublishError> {
        let done = self.docker(format!("publish {}", request.container), |state| {
            let mut published = state.published.borrow_mut();
            published.retain(|it| it.container != request.container);
            published.push(request.clone());
            state.flushed.borrow_mut().retain(|it| *it != request.container);
            let at = request.host_ips.first().copied().unwrap_or(state.facing.get());
            state.published_at.borrow_mut().insert(request.container.clone(), at);
            let its = state.identity(&request.container).unwrap_or_default();
            state.published_for.borrow_mut().insert(request.container.clone(), its);
        });
        done.await.map_err(PublishError::from)
    }
    async fn unpublish(&self, name: &str) -> Result<(), PublishError> {
        if !self.0.published.borrow().iter().any(|it| it.container == name) {
            return Ok(());
        }
        let done = self.docker(format!("unpublish {name}"), |state| {
            state.published.borrow_mut().retain(|it| it.container != name);
        });
        done.await.map_err(PublishError::from)
    }
}
