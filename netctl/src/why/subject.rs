//! Whose way is looked at: what Docker, its labels and what is published say of a container.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::docker::{Container, Containers};
use crate::firewall::PortRange;
use crate::network::{Claim, Place, Protocol, Purpose, claims_of};
use crate::publish::{Publication, Row, State};

use super::error::WhyError;

/// The variable that says which address stands in SDP.
pub(super) const ADVERTISE: &str = "SWITCH__SIP__ADVERTISE=";

/// What switches off the number that echoes.
const NO_NUMBERS: &str = "SWITCH__BUILTIN__NUMBERS=false";

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
    /// Whether the built-in numbers answer.
    pub numbers: bool,
    /// Whether its environment says by which address it is to be reached.
    pub advertises: bool,
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
    pub async fn find(docker: &impl Containers, name: &str, published: &[Row]) -> Result<Self, WhyError> {
        let container = docker.container(name).await?;
        let container = container.ok_or_else(|| WhyError::NoSuchContainer(name.to_owned()))?;
        let owner = match container.network_mode.strip_prefix("container:") {
            Some(owner) => docker.container(owner).await?,
            None => None,
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
        Self::new(&container, reach)
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
            numbers: !container.environment.iter().any(|text| text == NO_NUMBERS),
            advertises: container.environment.iter().any(|text| text.starts_with(ADVERTISE)),
            reach,
        })
    }

    /// Whom somebody outside calls, by the published address; IPv4, for the caller has no other.
    pub fn published_target(&self) -> Option<String> {
        let Reach::Published { publication, .. } = &self.reach else { return None };
        let host = publication.hosts().find(IpAddr::is_ipv4)?;
        // Datagrams where there is a choice: what telephones use.
        let (protocol, range) = self.sip.iter().min_by_key(|(protocol, _)| *protocol == Protocol::Tcp)?;
        let transport = if *protocol == Protocol::Tcp { ";transport=tcp" } else { "" };
        self.numbers.then(|| format!("sip:9196@{host}:{}{transport}", range.first))
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
