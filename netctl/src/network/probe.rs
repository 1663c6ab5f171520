//! `probe`: one real call to a switch, from where it can be placed here, and what that does not show.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::net::{IpAddr, Ipv4Addr};

use serde_json::{Value, json};
use switch_probe::{ProbeError, ProbeOptions, ProbeTarget, Report};

use super::error::{CheckError, RunError, StepError};
use super::labels;
use super::neighbour;
use super::ports::{Claim, Protocol, Purpose};
use super::publisher::Publisher as _;
use super::settings::{self, Settings, SettingsError};
use super::sockets::Place;
use super::wiring::{Interface, Wiring as _};
use super::world::Worldly;
use super::{host, plan};
use crate::bridge::KernelError;
use crate::docker::{Container, Containers as _};
use crate::firewall::Family;
use crate::netlink;
use crate::procfs::address;

/// What no call from this machine shows.
const BEYOND: &str = "anything beyond this host: firewalls and translation on the way, and rules of this host that are \
                      bound to its outer interface";
/// The number that echoes.
const ECHO: &str = "9196";

/// What a call showed, or why there was none.
#[derive(Debug)]
pub struct Heard {
    /// The call, where there was one.
    pub report: Option<Report>,
    /// Where it came from.
    from: &'static str,
    /// What it does not show.
    untested: Vec<String>,
    /// What shows that, run elsewhere.
    elsewhere: String,
}

/// From where a switch is called, and by which address.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Way {
    pub(super) target: String,
    /// Nothing where it cannot be reached from this machine.
    pub(super) from: Option<Origin>,
    pub(super) words: &'static str,
    pub(super) untested: Vec<String>,
}

/// Where a call comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Origin {
    /// This host's own namespace.
    Here,
    /// That of a process.
    Inside(u32),
    /// A neighbour of this host's, to this address of the host.
    Outside(IpAddr),
}

const HERE: &str = "this host itself";

/// Calls a switch by its container's name.
///
/// # Errors
/// Where the container is not there, does not run, or the call did not come about. A call that did is never an error.
pub async fn probe(world: &impl Worldly, name: &str) -> Result<Heard, RunError> {
    plan::beside(world).await?;
    let container = world.docker().container(name).await?;
    let container = container.ok_or_else(|| RunError::NoSuchContainer(name.to_owned()))?;
    let mut way = way(world, &container).await?;
    let report = match way.from {
        Some(origin) => {
            let called = from(world, origin, &mut way).await;
            let target = way.target.clone();
            Some(called.map_err(|source| RunError::NoCall { target, from: way.words, source })?)
        }
        None => None,
    };
    Ok(Heard {
        report,
        from: way.words,
        untested: way.untested,
        elsewhere: format!("switch-node probe '{}'", way.target),
    })
}

/// Whom a call goes to, from where, and the same in words; nothing where none can be placed here.
///
/// # Errors
/// Where the container does not run, or it is not known where it listens.
pub async fn place_of_call(
    world: &impl Worldly,
    name: &str,
) -> Result<Option<(String, Place, &'static str)>, RunError> {
    let container = world.docker().container(name).await?;
    let container = container.ok_or_else(|| RunError::NoSuchContainer(name.to_owned()))?;
    let Way { target, from, words, .. } = way(world, &container).await?;
    let place = |origin| match origin {
        Origin::Here => Some(Place::Here),
        Origin::Inside(pid) => Some(Place::Process(pid)),
        Origin::Outside(_) => None,
    };
    Ok(from.and_then(place).map(|place| (target, place, words)))
}

/// The call, from a neighbour that is there as long as it lasts.
async fn from(world: &impl Worldly, origin: Origin, way: &mut Way) -> Result<Report, CallError> {
    let host = match origin {
        Origin::Here => return call(&way.target, Place::Here).await,
        Origin::Inside(pid) => return call(&way.target, Place::Process(pid)).await,
        Origin::Outside(host) => host,
    };
    match neighbour::make(world, host).await {
        Ok(neighbour) => {
            let called = call(&way.target, Place::Process(neighbour.pid)).await;
            neighbour::part(world, neighbour).await?;
            called
        }
        Err(error) => {
            way.words = HERE;
            let why =
                std::error::Error::source(&error).map(|source| format!(": {source}")).unwrap_or_default();
            way.untested.insert(
                0,
                format!("the way from outside: no namespace could be made to call from ({error}{why})"),
            );
            call(&way.target, Place::Here).await
        }
    }
}

pub(super) async fn way(world: &impl Worldly, container: &Container) -> Result<Way, RunError> {
    let pid = container.pid.ok_or_else(|| RunError::NotRunning(container.name.clone()))?;
    let variables = settings::environment(&container.environment);
    let settings = Settings::read(&variables)?;
    let claims = labels::read_claims(&container.labels).unwrap_or_else(|| settings.claims.clone());
    if let Some(mut way) = published(world, container, &claims, &variables).await? {
        if !settings.numbers {
            mute(&mut way.from, &mut way.untested);
        }
        return Ok(way);
    }
    let sip = claims.iter().filter(|claim| claim.purpose == Purpose::Sip);
    // Datagrams where there is a choice: what telephones use.
    let sip = sip.min_by_key(|claim| claim.ports.protocol == Protocol::Tcp).ok_or(RunError::NoSip)?;
    let beyond = BEYOND;
    let (address, mut from, words, mut untested) = match container.network_mode.as_str() {
        host::NETWORK => (facing(sip), Some(Origin::Here), HERE, vec![beyond.to_owned()]),
        "none" => {
            let address = furnished(container).ok_or(RunError::NoAddress(container.name.clone()))?;
            match near(world, address).await? {
                true => (address, Some(Origin::Here), "this host, over the bridge", vec![beyond.to_owned()]),
                false => (
                    address,
                    None,
                    "nowhere",
                    vec![format!(
                        "the call: this host has no interface in the network of {address}, so it was not placed"
                    )],
                ),
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
            let address = container
                .endpoints
                .values()
                .find_map(|endpoint| endpoint.ipv4.map(IpAddr::V4).or(endpoint.ipv6.map(IpAddr::V6)));
            let address = address.ok_or(RunError::NoAddress(container.name.clone()))?;
            let published =
                "the way from outside: no SIP is published, so the call went to the container's own address";
            (
                address,
                Some(Origin::Here),
                "this host, over the bridge",
                vec![published.to_owned(), beyond.to_owned()],
            )
        }
    };
    if !settings.numbers {
        mute(&mut from, &mut untested);
    }
    let address = sip.address.unwrap_or(address);
    Ok(Way { target: uri(address, sip), from, words, untested })
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

/// The way by which packets from outside come to a container whose SIP is published.
async fn published(
    world: &impl Worldly,
    container: &Container,
    claims: &[Claim],
    variables: &BTreeMap<String, String>,
) -> Result<Option<Way>, RunError> {
    let seen = world.publisher().published(&container.name).await;
    let seen = seen
        .map_err(|error| RunError::Unseen { name: container.name.clone(), source: StepError::from(error) })?;
    let Some(publication) = seen else { return Ok(None) };
    let is_published = |claim: &&Claim| {
        claim.purpose == Purpose::Sip && publication.ports.iter().any(|ports| ports.meet(claim.ports))
    };
    let sip = claims.iter().filter(is_published).min_by_key(|claim| claim.ports.protocol == Protocol::Tcp);
    let hosts: Vec<IpAddr> = publication.hosts().collect();
    let (Some(sip), Some(host)) = (sip, hosts.first().copied()) else { return Ok(None) };
    let mut way = Way {
        target: uri(host, sip),
        from: Some(Origin::Outside(host)),
        words: "a namespace outside, by the published address",
        untested: vec![BEYOND.to_owned()],
    };
    let told: Option<IpAddr> = variables.get(settings::ADVERTISE).and_then(|text| text.parse().ok());
    if let Some(told) = told.filter(|told| !hosts.contains(told)) {
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
    Ok(Some(way))
}

/// Where nothing echoes there is nothing to call.
fn mute(from: &mut Option<Origin>, untested: &mut Vec<String>) {
    *from = None;
    untested.insert(0, "the call: SWITCH__BUILTIN__NUMBERS is false, so nothing echoes".to_owned());
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

/// Why no call was placed.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says it")]
pub enum CallError {
    #[error(transparent)]
    Target(#[from] switch_probe::TargetError),
    #[error(transparent)]
    Probe(#[from] ProbeError),
    #[error("the namespace cannot be entered")]
    Namespace(#[from] std::io::Error),
    #[error("the namespace that the call came from cannot be taken away")]
    Neighbour(#[from] KernelError),
}

async fn call(target: &str, place: Place) -> Result<Report, CallError> {
    let target: ProbeTarget = target.parse()?;
    match place {
        Place::Here => Ok(switch_probe::call(&target, ProbeOptions::default()).await?),
        Place::Process(pid) => {
            let inside = move || {
                netlink::inside(pid, || {
                    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                    Ok(runtime.block_on(switch_probe::call(&target, ProbeOptions::default()))?)
                })
            };
            tokio::task::spawn_blocking(inside).await.map_err(std::io::Error::other)??
        }
    }
}

impl Display for Heard {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if let Some(report) = &self.report {
            writeln!(f, "{}", report.table())?;
            writeln!(f, "from         {}", self.from)?;
        }
        for what in &self.untested {
            writeln!(f, "not tested: {what}")?;
        }
        writeln!(f, "to test that, run elsewhere: {}", self.elsewhere)
    }
}

impl Heard {
    /// One object.
    pub fn json(&self) -> Value {
        json!({
            "report": self.report,
            "from": self.report.as_ref().map(|_| self.from),
            "not_tested": self.untested,
            "elsewhere": self.elsewhere,
        })
    }
}
