//! From where a switch is called, by which address, and what such a call does not show.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use super::error::{CheckError, RunError, StepError};
use super::labels;
use super::neighbour;
use super::order;
use super::ports::{Claim, Protocol, Purpose};
use super::publisher::Publisher as _;
use super::settings::{self, Settings, SettingsError};
use super::sockets::Place;
use super::wiring::{Interface, Wiring as _};
use super::world::Worldly;
use crate::docker::{Container, Containers as _};
use crate::firewall::Family;
use crate::procfs::address;
use crate::publish::Publication;

/// What no call from this machine shows.
const BEYOND: &str = "anything beyond this host: firewalls and translation on the way, and rules of this host that are \
                      bound to its outer interface";
/// The number that echoes.
const ECHO: &str = "9196";

/// From where a switch is called, and by which address.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Way {
    /// Whom, for instance `sip:9196@192.0.2.1:5060`.
    pub target: String,
    /// By which family.
    pub family: Family,
    /// Which of the host's ports it takes, where that is a published one.
    pub published: Option<Claim>,
    /// Nothing where it cannot be reached from this machine.
    pub from: Option<Origin>,
    /// The same in words.
    pub words: &'static str,
    /// What such a call does not show.
    pub untested: Vec<String>,
}

/// Where a call comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Origin {
    /// This host's own namespace.
    Here,
    /// That of a process.
    Inside(u32),
    /// A neighbour of this host's, to this address of the host.
    Outside(IpAddr),
}

/// What the host itself is called.
pub(super) const HERE: &str = "this host itself";

/// The ways to call a switch: one a family where it is published, or else one.
///
/// # Errors
/// Where it does not run, or it is not known where it listens.
pub async fn ways(world: &impl Worldly, container: &Container) -> Result<Vec<Way>, RunError> {
    let pid = container.pid.ok_or_else(|| RunError::NotRunning(container.name.clone()))?;
    let variables = settings::environment(&container.environment);
    let settings = Settings::read(&variables)?;
    let claims = labels::read_claims(&container.labels).unwrap_or_else(|| settings.claims.clone());
    let mut ways = published(world, container, &claims, &variables).await?;
    if ways.is_empty() {
        let sip = claims.iter().filter(|claim| claim.purpose == Purpose::Sip);
        ways.push(own(world, container, pid, datagrams(sip).ok_or(RunError::NoSip)?).await?);
    }
    if !settings.numbers {
        ways.iter_mut().for_each(mute);
    }
    Ok(ways)
}

/// Where a switch listens, as netctl knows it: by its container's label, or else by its environment.
///
/// # Errors
/// Where the environment is not understood.
pub fn claims_of(container: &Container) -> Result<Vec<Claim>, SettingsError> {
    match labels::read_claims(&container.labels) {
        Some(claims) => Ok(claims),
        None => Ok(Settings::read(&settings::environment(&container.environment))?.claims),
    }
}

/// The ways by which packets from outside come to a container whose SIP is published, or the SIP of the one whose
/// namespace it shares.
async fn published(
    world: &impl Worldly,
    container: &Container,
    claims: &[Claim],
    variables: &BTreeMap<String, String>,
) -> Result<Vec<Way>, RunError> {
    let owner = match container.network_mode.strip_prefix("container:") {
        Some(owner) => world.docker().container(owner).await?,
        None => None,
    };
    let name = owner.map_or_else(|| container.name.clone(), |owner| owner.name);
    let seen = world.publisher().published(&name).await;
    let seen = seen.map_err(|error| RunError::Unseen { name, source: StepError::from(error) })?;
    let Some(publication) = seen else { return Ok(Vec::new()) };
    let is_published = |claim: &&Claim| {
        claim.purpose == Purpose::Sip && publication.ports.iter().any(|ports| ports.meet(claim.ports))
    };
    let Some(sip) = datagrams(claims.iter().filter(is_published)) else { return Ok(Vec::new()) };
    let first = |family| publication.hosts().find(move |host| Family::of(*host) == family);
    let mut ways = Vec::new();
    for host in Family::ALL.into_iter().filter_map(first) {
        ways.push(by_address(world, &publication, host, sip, variables).await?);
    }
    Ok(ways)
}

/// The way by one published address.
async fn by_address(
    world: &impl Worldly,
    publication: &Publication,
    host: IpAddr,
    sip: &Claim,
    variables: &BTreeMap<String, String>,
) -> Result<Way, RunError> {
    let mut way = Way {
        target: uri(host, sip),
        family: Family::of(host),
        published: Some(Claim { address: Some(host), ..*sip }),
        from: Some(Origin::Outside(host)),
        words: "a namespace outside, by the published address",
        untested: vec![BEYOND.to_owned()],
    };
    let told: Option<IpAddr> = variables.get(settings::ADVERTISE).and_then(|text| text.parse().ok());
    if let Some(told) = told.filter(|told| !publication.hosts().any(|host| host == *told)) {
        let interfaces = world.kernel().interfaces(Place::Here).await.map_err(CheckError::Kernel)?;
        if !interfaces.iter().any(|it| it.addresses.iter().any(|net| net.addr() == told)) {
            way.target = uri(told, sip);
            way.from = None;
            way.untested.insert(
                0,
                format!("the call: SIP and SDP tell {told}, which is translated to {host} elsewhere, not on this host"),
            );
        }
    }
    let range = neighbour::range(host);
    if !publication.from.is_empty() && !publication.from.iter().any(|net| net.contains(&range)) {
        // The host itself always may.
        way.from = way.from.map(|_| Origin::Here);
        way.words = HERE;
        way.untested.insert(0, "the way from outside: only those named by --from may come".to_owned());
    }
    Ok(way)
}

/// The way to a switch that is not published.
async fn own(world: &impl Worldly, container: &Container, pid: u32, sip: &Claim) -> Result<Way, RunError> {
    let beyond = BEYOND.to_owned();
    let (address, from, words, untested) = match container.network_mode.as_str() {
        order::HOST => (facing(sip), Some(Origin::Here), HERE, vec![beyond]),
        order::NONE => {
            let address = furnished(container).ok_or(RunError::NoAddress(container.name.clone()))?;
            match near(world, address).await? {
                true => (address, Some(Origin::Here), "this host, over the bridge", vec![beyond]),
                false => {
                    let untested = format!(
                        "the call: this host has no interface in the network of {address}, so it was not placed"
                    );
                    (address, None, "nowhere", vec![untested])
                }
            }
        }
        mode if mode.starts_with("container:") => {
            let interfaces = world.kernel().interfaces(Place::Process(pid)).await;
            let closed = |source| CheckError::Namespace { name: container.name.clone(), source };
            let interfaces = interfaces.map_err(closed)?;
            let untested = format!("the way into the namespace: the call stayed inside; {beyond}");
            (inner(&interfaces), Some(Origin::Inside(pid)), "inside the namespace", vec![untested])
        }
        _ => {
            let addresses = container.endpoints.values().flat_map(|endpoint| endpoint.addresses());
            let address = addresses.min_by_key(IpAddr::is_ipv6);
            let address = address.ok_or(RunError::NoAddress(container.name.clone()))?;
            let published =
                "the way from outside: no SIP is published, so the call went to the container's own address";
            let untested = vec![published.to_owned(), beyond];
            (address, Some(Origin::Here), "this host, over the bridge", untested)
        }
    };
    let address = sip.address.unwrap_or(address);
    Ok(Way { target: uri(address, sip), family: Family::of(address), published: None, from, words, untested })
}

/// Datagrams where there is a choice: what telephones use.
fn datagrams<'a>(claims: impl Iterator<Item = &'a Claim>) -> Option<&'a Claim> {
    claims.min_by_key(|claim| claim.ports.protocol == Protocol::Tcp)
}

/// Where nothing echoes there is nothing to call.
fn mute(way: &mut Way) {
    way.from = None;
    way.untested.insert(0, "the call: SWITCH__BUILTIN__NUMBERS is false, so nothing echoes".to_owned());
}

/// The address that faces the default route.
fn facing(sip: &Claim) -> IpAddr {
    sip.address.or_else(|| address::facing(Family::V4)).unwrap_or(Ipv4Addr::LOCALHOST.into())
}

fn furnished(container: &Container) -> Option<IpAddr> {
    let first = container.labels.get(labels::ADDRESSES)?.split(", ").next()?;
    first.parse::<ipnet::IpNet>().ok().map(|net| net.addr())
}

/// Whether an address is a neighbour's, or behind a route that was made for it.
async fn near(world: &impl Worldly, address: IpAddr) -> Result<bool, RunError> {
    let routes = world.kernel().routes(Place::Here).await.map_err(CheckError::Kernel)?;
    Ok(routes.iter().any(|route| route.destination.prefix_len() > 0 && route.destination.contains(&address)))
}

fn inner(interfaces: &[Interface]) -> IpAddr {
    let addresses =
        interfaces.iter().flat_map(|interface| interface.addresses.iter().map(ipnet::IpNet::addr));
    let outer = |ip: &IpAddr| match ip {
        IpAddr::V4(ip) => !ip.is_loopback() && !ip.is_link_local(),
        IpAddr::V6(ip) => !ip.is_loopback() && !ip.is_unicast_link_local(),
    };
    addresses.filter(outer).min_by_key(IpAddr::is_ipv6).unwrap_or(Ipv4Addr::LOCALHOST.into())
}

fn uri(address: IpAddr, sip: &Claim) -> String {
    let host = match address {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    };
    let transport = match sip.ports.protocol {
        Protocol::Udp => "",
        Protocol::Tcp => ";transport=tcp",
    };
    format!("sip:{ECHO}@{host}:{}{transport}", sip.ports.first)
}
