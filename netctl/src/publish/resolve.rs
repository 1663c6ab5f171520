//! From a request to a publication: what Docker and the machine say about the container.

use std::net::IpAddr;

use ipnet::IpNet;

use super::astray::facing;
use super::error::PublishError;
use super::journal::{Journal, Record};
use super::machine::{Machine, Namespace};
use super::request::{MOST_RANGES, Path, Publication, Request, Via};
use crate::docker::{Container, Containers, DockerError, Network, Networks, Whereabouts};
use crate::firewall::Family;
use crate::ports::Ports;

/// How long a table's name may be, less what netctl puts before it and some room.
const LONGEST_NAME: usize = 200;

pub(super) async fn resolve(
    docker: &(impl Containers + Networks),
    machine: &impl Machine,
    journal: &impl Journal,
    request: &Request,
) -> Result<(Publication, Namespace), PublishError> {
    if request.ports.is_empty() {
        return Err(PublishError::NoPorts);
    }
    // Asked at once: what the daemon says of itself takes it some milliseconds.
    let (whereabouts, container, networks) =
        tokio::join!(docker.whereabouts(), docker.container(&request.container), docker.networks());
    match whereabouts? {
        Whereabouts::Here => {}
        Whereabouts::Elsewhere(why) => return Err(PublishError::Elsewhere(why)),
        Whereabouts::Rootless => return Err(PublishError::Rootless),
    }
    let container = container?.ok_or_else(|| DockerError::NoSuchContainer(request.container.clone()))?;
    let pid = running(&container)?;
    let networks: Vec<Bridged> = networks?.iter().filter_map(Bridged::of).collect();
    let (network, addresses) = attachment(&container, &networks, machine, pid)?;
    let namespace = here(machine, &network.bridge, pid, &addresses)?;
    let subnets: Vec<IpNet> = networks.iter().flat_map(|network| network.subnets.iter().copied()).collect();
    let record = journal.read(&container.name)?;
    let former = record.map(|Record { publication, .. }| publication);
    let former = former.filter(|former| former.follows && former.container == container.id);
    let paths = paths(request, machine, &addresses, &container.name, &subnets, former.as_ref())?;
    let publication = Publication {
        name: container.name,
        container: container.id,
        bridge: network.bridge.clone(),
        ports: ranges(request)?,
        from: IpNet::aggregate(&request.from),
        follows: request.host_ips.is_empty(),
        paths,
    };
    Ok((publication, namespace))
}

/// Sorted and joined.
pub(super) fn ranges(request: &Request) -> Result<Vec<Ports>, PublishError> {
    let ranges = Ports::joined(&request.ports);
    if ranges.len() > MOST_RANGES { Err(PublishError::Scattered(ranges.len())) } else { Ok(ranges) }
}

/// Each family's way from the host's addresses to the container's. Where `former` had one whose family has no default
/// route now, it is kept: a route that flaps cuts no call while something else is published anew.
pub(super) fn paths(
    request: &Request,
    machine: &impl Machine,
    addresses: &[(IpAddr, IpNet)],
    name: &str,
    subnets: &[IpNet],
    former: Option<&Publication>,
) -> Result<Vec<Path>, PublishError> {
    let follows = request.host_ips.is_empty();
    let hosts = if follows { Vec::new() } else { asked_for(request, machine, addresses, name)? };
    let mut paths = Vec::new();
    for (address, subnet) in addresses {
        let family = Family::of(*address);
        let peers = subnets.iter().copied().filter(|subnet| Family::of(subnet.addr()) == family).collect();
        let peers = IpNet::aggregate(&peers);
        let kept = || former?.served().find(|path| path.container == *address)?.hosts().next();
        let own: Vec<IpAddr> = match follows {
            true => facing(machine, family, &peers).or_else(kept).into_iter().collect(),
            false => hosts.iter().copied().filter(|host| Family::of(*host) == family).collect(),
        };
        if own.is_empty() && !follows {
            continue;
        }
        let mut own = own.into_iter();
        let stateless = if request.via == Via::Conntrack { None } else { own.next() };
        let tracked: Vec<IpAddr> = own.collect();
        if let (Via::Stateless, Some(second)) = (request.via, tracked.first()) {
            return Err(PublishError::SecondAddress(*second));
        }
        paths.push(Path { container: *address, network: *subnet, stateless, tracked, peers });
    }
    if paths.iter().all(|path| path.hosts().next().is_none()) {
        Err(PublishError::NoAddress)
    } else {
        Ok(paths)
    }
}

/// A network of the bridge driver.
struct Bridged {
    name: String,
    bridge: String,
    subnets: Vec<IpNet>,
}

impl Bridged {
    fn of(network: &Network) -> Option<Self> {
        let (name, subnets) = (network.name.clone(), network.subnets());
        network.bridge().map(|bridge| Self { name, bridge, subnets })
    }
}

fn running(container: &Container) -> Result<u32, PublishError> {
    let name = || container.name.clone();
    if container.name.len() > LONGEST_NAME {
        return Err(PublishError::Name(name()));
    }
    if container.network_mode == "host" {
        return Err(PublishError::HostNetwork(name()));
    }
    if let Some(owner) = container.network_mode.strip_prefix("container:") {
        return Err(PublishError::Shared { name: name(), owner: owner.to_owned() });
    }
    container.pid.ok_or_else(|| PublishError::Stopped(name()))
}

/// A network, and a container's addresses there with their subnets.
type Place<'a> = (&'a Bridged, Vec<(IpAddr, IpNet)>);

/// The bridge network by which the container answers, with its addresses there and their subnets.
fn attachment<'a>(
    container: &Container,
    networks: &'a [Bridged],
    machine: &impl Machine,
    pid: u32,
) -> Result<Place<'a>, PublishError> {
    let with_subnet = |network: &Bridged, address: &IpAddr| {
        let subnet = network.subnets.iter().find(|subnet| subnet.contains(address))?;
        Some((*address, *subnet))
    };
    let mut found: Vec<_> = container
        .endpoints
        .iter()
        .filter_map(|(name, endpoint)| {
            let network = networks.iter().find(|network| network.name == *name)?;
            let addresses = endpoint.addresses().filter_map(|address| with_subnet(network, &address));
            let addresses: Vec<_> = addresses.collect();
            (!addresses.is_empty()).then_some((network, addresses))
        })
        .collect();
    if found.len() > 1
        && let Some(gateway) = machine.gateway(pid)
    {
        // Answers leave by the default route.
        let gateway = IpAddr::V4(gateway);
        found.retain(|(network, _)| network.subnets.iter().any(|subnet| subnet.contains(&gateway)));
    }
    found.into_iter().next().ok_or_else(|| PublishError::NoBridge(container.name.clone()))
}

/// A daemon elsewhere tells of process ids and bridges that mean nothing here, or worse, something else.
fn here(
    machine: &impl Machine,
    bridge: &str,
    pid: u32,
    addresses: &[(IpAddr, IpNet)],
) -> Result<Namespace, PublishError> {
    if !machine.has_interface(bridge) {
        return Err(PublishError::Elsewhere(format!("there is no interface {bridge} here")));
    }
    let namespace = machine.namespace(pid);
    let namespace =
        namespace.ok_or_else(|| PublishError::Elsewhere(format!("there is no process {pid} here")))?;
    match addresses.iter().find(|(address, _)| !machine.has_address(pid, *address)) {
        Some((address, _)) => {
            Err(PublishError::Elsewhere(format!("process {pid} here has no address {address}")))
        }
        None => Ok(namespace),
    }
}

/// The host's addresses that are named.
fn asked_for(
    request: &Request,
    machine: &impl Machine,
    addresses: &[(IpAddr, IpNet)],
    name: &str,
) -> Result<Vec<IpAddr>, PublishError> {
    let has = |family| addresses.iter().any(|(address, _)| Family::of(*address) == family);
    let mut hosts: Vec<IpAddr> = Vec::new();
    for host in &request.host_ips {
        if !machine.is_own(*host) {
            return Err(PublishError::NotOwn(*host));
        }
        if !has(Family::of(*host)) {
            return Err(PublishError::NoSuchFamily { name: name.to_owned(), address: *host });
        }
        if host.is_loopback() {
            return Err(PublishError::Loopback(*host));
        }
        if !hosts.contains(host) {
            hosts.push(*host);
        }
    }
    Ok(hosts)
}
