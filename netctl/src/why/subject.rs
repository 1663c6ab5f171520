//! Whose way is looked at: what Docker, its labels and what is published say of a container.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::error::WhyError;
use super::joint::Joint;
use crate::docker::{Container, Containers};
use crate::firewall::{Family, PortRange};
use crate::network::{Claim, Place, Protocol, Purpose, Sockets, claims_of, labels};
use crate::publish::{Path, Publication, Row, State};

/// A switch in a container, and how it is reached.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The container's name.
    pub name: String,
    /// Docker's word: running, paused, exited …
    pub status: String,
    /// Its first process, while there is one.
    pub pid: Option<u32>,
    /// How it is reached.
    pub reach: Reach,
    /// Where it listens for signalling.
    pub sip: Vec<(Protocol, PortRange)>,
    /// Its media ports.
    pub media: PortRange,
    /// Where it tells its metrics.
    pub http: Option<SocketAddr>,
    /// By which addresses it is to be reached, as its environment says; nothing where that says nothing.
    pub advertises: Option<Vec<IpAddr>>,
    /// What netctl joined it to a bridge by, if it did.
    pub joint: Option<Joint>,
    /// Whose network it shares, where that one is in another namespace by now, or in none.
    pub left_by: Option<Owner>,
}

/// A container whose network is shared.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Owner {
    /// Its name.
    pub name: String,
    /// Whether it runs.
    pub runs: bool,
}

/// How a switch is reached.
#[derive(Clone, Debug)]
pub enum Reach {
    /// It has the host's own network.
    Host,
    /// By an address of its own, or of a container whose network it shares.
    Own,
    /// By ports that netctl published.
    Published {
        /// What.
        publication: Publication,
        /// Whether all its rules are there.
        stands: bool,
        /// Who has them: the container itself, or the one whose network it shares.
        owner: String,
    },
}

impl Subject {
    /// Finds it.
    ///
    /// # Errors
    /// Where there is no such container, or its environment is not understood.
    pub async fn find(
        docker: &impl Containers,
        proc: &impl Sockets,
        name: &str,
        published: &[Row],
    ) -> Result<Self, WhyError> {
        let container = docker.container(name).await?;
        let container = container.ok_or_else(|| WhyError::NoSuchContainer(name.to_owned()))?;
        let shared = container.network_mode.strip_prefix("container:");
        let owner = match shared {
            Some(owner) => docker.container(owner).await?,
            None => None,
        };
        let namespace = |of: &Container| of.pid.and_then(|pid| proc.namespace(pid));
        let is_left =
            |owner: &Container| namespace(owner).is_none_or(|its| namespace(&container) != Some(its));
        let left_by = match (&owner, shared) {
            (Some(owner), _) => {
                is_left(owner).then(|| Owner { name: owner.name.clone(), runs: owner.pid.is_some() })
            }
            (None, Some(gone)) => Some(Owner { name: gone.to_owned(), runs: false }),
            (None, None) => None,
        };
        let owner = owner.as_ref().unwrap_or(&container);
        let reach = match published.iter().find(|row| row.record.publication.name == owner.name) {
            _ if owner.network_mode == "host" => Reach::Host,
            Some(row) => Reach::Published {
                publication: row.record.publication.clone(),
                stands: row.state == State::Published,
                owner: owner.name.clone(),
            },
            None => Reach::Own,
        };
        Ok(Self { joint: Joint::of(owner), left_by, ..Self::new(&container, reach)? })
    }

    fn new(container: &Container, reach: Reach) -> Result<Self, WhyError> {
        let claims = claims_of(container)?;
        let range = |claim: &Claim| PortRange { first: claim.ports.first, last: claim.ports.last };
        let of = |purpose| claims.iter().filter(move |claim| claim.purpose == purpose);
        let sip = of(Purpose::Sip).map(|claim| (claim.ports.protocol, range(claim)));
        let http = of(Purpose::Http).next().map(|claim| {
            SocketAddr::new(claim.address.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)), claim.ports.first)
        });
        Ok(Self {
            name: container.name.clone(),
            status: container.status.clone(),
            pid: container.pid,
            sip: sip.collect(),
            media: of(Purpose::Media).map(range).next().ok_or(WhyError::NoMedia)?,
            http,
            advertises: container
                .environment
                .iter()
                .find_map(|text| text.strip_prefix(labels::ADVERTISE))
                .map(addresses),
            reach,
            joint: None,
            left_by: None,
        })
    }

    /// The families by which it can be reached.
    pub fn families(&self) -> Vec<Family> {
        Family::ALL
            .into_iter()
            .filter(|family| !self.is_published() || self.path(*family).is_some())
            .collect()
    }

    /// The way of a family's packets to it, where it is published.
    pub fn path(&self, family: Family) -> Option<&Path> {
        let Reach::Published { publication, .. } = &self.reach else { return None };
        publication.served().find(|path| path.family() == family)
    }

    /// The address that it tells the peers of a family, where its environment says which.
    pub fn advertised(&self, family: Family) -> Option<IpAddr> {
        self.advertises.iter().flatten().copied().find(|ip| Family::of(*ip) == family)
    }

    fn is_published(&self) -> bool {
        matches!(self.reach, Reach::Published { .. })
    }

    /// Its network namespace.
    ///
    /// # Errors
    /// Where it does not run.
    pub fn inside(&self) -> Result<Place, WhyError> {
        self.pid.map(Place::Process).ok_or_else(|| WhyError::NotRunning(self.name.clone()))
    }

    /// Signalling's ports of one protocol.
    pub fn signalling(&self, protocol: Protocol) -> Vec<PortRange> {
        let own = self.sip.iter().filter(|(its, _)| *its == protocol);
        PortRange::join(own.map(|(_, range)| *range).collect())
    }

    /// All ports of one protocol.
    pub fn ports(&self, protocol: Protocol) -> Vec<PortRange> {
        let mut all = self.signalling(protocol);
        all.extend((protocol == Protocol::Udp).then_some(self.media));
        PortRange::join(all)
    }
}

/// Those of `192.0.2.1`, and of `0.0.0.0/0=192.0.2.1,::/0=2001:db8::1`; `auto` has none.
fn addresses(advertise: &str) -> Vec<IpAddr> {
    let address = |part: &str| part.rsplit('=').next()?.trim().parse().ok();
    advertise.split(',').filter_map(address).collect()
}
