//! The publisher that `run` is given: this machine, its daemon, and the directory where it is kept what is published.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use ipnet::IpNet;

use super::astray::{Astray, astray};
use super::count::{Counted, counted};
use super::dockers::DockersRules;
use super::error::{PublishError, cannot};
use super::foresee::{Foreseen, foresee};
use super::journal::{Record, StateDirectory};
use super::machine::{LocalMachine, Machine as _};
use super::request::{Publication, Request};
use super::steps::{is_damaged, publish, restore, stands_as, unpublish};
use crate::docker::{Client, Containers as _, Network, Networks as _};
use crate::firewall::Family;
use crate::network::Publisher;

/// Publishes on this machine.
#[derive(Clone)]
pub struct Local {
    docker: Client,
    state: PathBuf,
}

impl Local {
    /// For the containers of a daemon, its records in a directory.
    pub fn new(docker: Client, state: &Path) -> Self {
        Self { docker, state: state.to_owned() }
    }

    /// Had for as long as one change takes, for whoever has it has it alone.
    async fn journal(&self) -> Result<StateDirectory, PublishError> {
        let directory = self.state.clone();
        // Another netctl may have it; a signal need not wait for that.
        let opened = tokio::task::spawn_blocking(move || StateDirectory::open(&directory)).await;
        opened.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
    }
}

impl Publisher for Local {
    async fn foresee(
        &self,
        request: &Request,
        families: &[Family],
        gone: &[&str],
    ) -> Result<Foreseen, PublishError> {
        let networks = self.docker.networks().await?;
        let subnets: Vec<IpNet> = networks.iter().flat_map(Network::subnets).collect();
        foresee(&LocalMachine, &self.journal().await?, request, families, gone, &subnets)
    }

    async fn publish(&self, request: &Request) -> Result<(), PublishError> {
        publish(&self.docker, &LocalMachine, &self.journal().await?, request).await.map(drop)
    }

    async fn stands(&self, request: &Request) -> Result<bool, PublishError> {
        let Some(record) = StateDirectory::look(&self.state, &request.container)? else { return Ok(false) };
        let container = self.docker.container(&request.container).await?;
        stands_as(&LocalMachine, &record, request, container.as_ref())
    }

    async fn published(&self, name: &str) -> Result<Option<Publication>, PublishError> {
        let record = StateDirectory::look(&self.state, name)?;
        Ok(record.map(|Record { publication, .. }| publication))
    }

    async fn all(&self) -> Result<Vec<Publication>, PublishError> {
        let records = StateDirectory::look_all(&self.state)?;
        Ok(records.into_iter().map(|record| record.publication).collect())
    }

    async fn restore(&self) -> Result<Vec<String>, PublishError> {
        let records = StateDirectory::look_all(&self.state)?;
        if records.is_empty() {
            return Ok(Vec::new());
        }
        let host = LocalMachine.firewall().map_err(cannot("open the host's rules"))?;
        let mut restored = Vec::new();
        for record in records.iter().filter(|record| is_damaged(&host, &LocalMachine, record)) {
            let name = &record.publication.name;
            // Seen again, now that nobody else changes it.
            if restore(&LocalMachine, &self.journal().await?, name)? {
                restored.push(name.clone());
            }
        }
        Ok(restored)
    }

    async fn astray(&self) -> Result<Vec<(String, Astray)>, PublishError> {
        let records = StateDirectory::look_all(&self.state)?;
        let its = |Record { publication, .. }: Record| {
            let found = astray(&LocalMachine, &publication);
            found.into_iter().map(move |found| (publication.name.clone(), found))
        };
        Ok(records.into_iter().flat_map(its).collect())
    }

    fn facing(&self) -> Vec<IpAddr> {
        Family::ALL.into_iter().filter_map(|family| LocalMachine.facing(family)).collect()
    }

    async fn dockers_rules(&self) -> Result<DockersRules, PublishError> {
        let host = LocalMachine.firewall().map_err(cannot("open the host's rules"))?;
        DockersRules::look(&host).map_err(cannot("read the host's rules"))
    }

    async fn counted(&self, name: &str) -> Result<Option<Counted>, PublishError> {
        let record = StateDirectory::look(&self.state, name)?;
        record.map(|record| counted(&LocalMachine, &record)).transpose()
    }

    async fn unpublish(&self, name: &str) -> Result<(), PublishError> {
        match unpublish(&LocalMachine, &self.journal().await?, name) {
            Err(PublishError::Nothing(_)) => Ok(()),
            done => done,
        }
    }
}
