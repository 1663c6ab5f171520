//! Bridge mode: a network of Docker's bridge driver, netctl's own or one that is there. The switch gets an address that
//! stays its own while it is stopped: one outside the range that Docker gives to anybody.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, Ipv4Net};

use crate::docker::{Container, Containers as _, Endpoint, Network, NetworkOrder, Networks as _, Pool};
use crate::firewall::Family;
use crate::network::aside::is_aside;
use crate::network::conflicts;
use crate::network::error::{CheckError, RunError};
use crate::network::labels;
use crate::network::order::Order;
use crate::network::plan::{self, Plan};
use crate::network::ports::{Claim, Ports, Purpose};
use crate::network::publisher::Publisher as _;
use crate::network::sockets::Place;
use crate::network::step::Step;
use crate::network::wiring::Wiring as _;
use crate::network::world::Worldly;
use crate::publish::{Request, Via};

/// The name of netctl's own network.
pub(crate) const OWN: &str = "netctl";
/// How many switches it has addresses for: the lower half of a /24, less the network's own and the gateway's.
pub(crate) const ROOM: usize = 126;
/// Its subnets are looked for in here.
const SUBNETS: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(10, 219, 0, 0), 16);
/// The addresses of the driver that has one for each container of its own choice.
const DRIVER: &str = "bridge";

/// On netctl's own network, which is made where it is not there.
pub(super) async fn plan_own(world: &impl Worldly, order: &Order) -> Result<Plan, RunError> {
    check(order)?;
    let run = labels::run_id();
    if let Some(network) = world.docker().network(OWN).await? {
        return steps(world, order, &network, Vec::new(), &run).await;
    }
    let subnet = free_subnet(world).await?;
    let [_, upper] = halves(subnet);
    let pool = Pool {
        subnet: Some(subnet.to_string()),
        ip_range: Some(upper.to_string()),
        gateway: Some(first(subnet).to_string()),
    };
    let made = NetworkOrder {
        name: OWN.to_owned(),
        driver: DRIVER.to_owned(),
        pools: vec![pool.clone()],
        labels: [(labels::RUN.to_owned(), run.clone()), (labels::FOR.to_owned(), order.name.clone())].into(),
        ..NetworkOrder::default()
    };
    let labels = made.labels.clone().into_iter().collect();
    let network = Network {
        name: made.name.clone(),
        driver: made.driver.clone(),
        pools: vec![pool],
        labels,
        ..Network::default()
    };
    steps(world, order, &network, vec![Step::Network(made)], &run).await
}

/// On a network that is there.
pub(super) async fn plan_named(world: &impl Worldly, order: &Order, name: &str) -> Result<Plan, RunError> {
    check(order)?;
    let network = world.docker().network(name).await?;
    let network = network.ok_or_else(|| CheckError::NoSuchNetwork(name.to_owned()))?;
    if network.driver != DRIVER {
        return Err(CheckError::Driver { network: network.name, driver: network.driver }.into());
    }
    steps(world, order, &network, Vec::new(), &labels::run_id()).await
}

fn check(order: &Order) -> Result<(), CheckError> {
    match order.ports.is_empty() {
        // Both are about published ports.
        true => plan::only(order, &["--advertise", "--address"]),
        false => plan::only(order, &["-p", "--host-ip", "--advertise", "--from", "--address"]),
    }
}

async fn steps(
    world: &impl Worldly,
    order: &Order,
    network: &Network,
    mut steps: Vec<Step>,
    run: &str,
) -> Result<Plan, RunError> {
    let containers = world.docker().containers().await?;
    let mut notes = Vec::new();
    let pinned = pin(order, network, &containers, &mut notes)?;
    let request = request(order);
    let mut advertise: Vec<IpAddr> = order.advertise.into_iter().collect();
    let mut hosts = Vec::new();
    if let Some(request) = &request {
        let foreseen = world.publisher().foresee(request, &families(network, &pinned), &[]).await;
        let foreseen = foreseen.map_err(CheckError::Publish)?;
        notes.extend(foreseen.findings.told().iter().map(ToString::to_string));
        hosts = foreseen.host_ips;
        if advertise.is_empty() {
            advertise = once_a_family(&hosts);
        }
    }
    let variables = order.variables(&[], &advertise)?;
    let (mut container, settings) = plan::container(order, variables, &network.name, run)?;
    if let Some(request) = &request {
        conflicts::publishable(world, &settings.claims, &request.ports, &hosts, &containers).await?;
        notes.extend(unpublished(&settings.claims, &request.ports));
    }
    container.pinned = pinned;
    if network.labels.contains_key(labels::RUN) {
        container.labels.insert(labels::NETWORK.to_owned(), network.name.clone());
    }
    if !order.ports.is_empty() {
        container.labels.extend(labels::published(order));
    }
    steps.extend([Step::Container(Box::new(container)), plan::start(order)]);
    steps.extend(request.map(Step::Publish));
    steps.push(plan::ready(order, &settings));
    Ok(Plan { steps, notes })
}

fn request(order: &Order) -> Option<Request> {
    (!order.ports.is_empty()).then(|| Request {
        container: order.name.clone(),
        ports: order.ports.clone(),
        host_ips: order.host_ips.clone(),
        from: order.from.clone(),
        via: Via::Auto,
    })
}

/// Which addresses the container will have.
fn families(network: &Network, pinned: &Endpoint) -> Vec<Family> {
    let six = network.ipv6 || pinned.ipv6.is_some();
    [Family::V4].into_iter().chain(six.then_some(Family::V6)).collect()
}

/// What a call needs, and is left out: nothing else tells before somebody hears nothing.
fn unpublished(claims: &[Claim], ports: &[Ports]) -> Option<String> {
    let ports = Ports::joined(ports);
    let is_out = |claim: &&Claim| {
        let holds = |its: &Ports| its.first <= claim.ports.first && claim.ports.last <= its.last;
        !ports.iter().any(|its| its.protocol == claim.ports.protocol && holds(its))
    };
    let media = claims.iter().filter(|claim| claim.purpose == Purpose::Media).find(is_out);
    let mut sip = claims.iter().filter(|claim| claim.purpose == Purpose::Sip);
    match (media, sip.clone().all(|claim| is_out(&claim)), sip.next()) {
        (Some(media), _, _) => Some(format!(
            "{media} is not published, so calls from outside are without audio: -p {} publishes it",
            media.ports
        )),
        (None, true, Some(sip)) => {
            Some(format!("{sip} is not published, so nobody outside can call: -p {} publishes it", sip.ports))
        }
        _ => None,
    }
}

fn once_a_family(addresses: &[IpAddr]) -> Vec<IpAddr> {
    let of = |family| addresses.iter().copied().find(move |address| Family::of(*address) == family);
    Family::ALL.into_iter().filter_map(of).collect()
}

/// The addresses that the container keeps: those asked for, or the lowest outside Docker's range.
fn pin(
    order: &Order,
    network: &Network,
    containers: &[Container],
    notes: &mut Vec<String>,
) -> Result<Endpoint, CheckError> {
    let mut pinned = Endpoint::default();
    for address in &order.addresses {
        let pool = pool_of(network, address.ip)
            .ok_or_else(|| CheckError::NotInNetwork { address: address.ip, network: network.name.clone() })?;
        if let Some(holder) = holder(network, &pool, containers, address.ip) {
            return Err(CheckError::AddressTaken { address: address.ip, holder });
        }
        match &pool.ip_range {
            Some(range) if holds(range, address.ip) => {
                return Err(CheckError::InPool { address: address.ip, range: range.clone() });
            }
            Some(_) => {}
            None => notes.push(format!(
                "Docker gives from all of {}: while {} is stopped, {} can become another container's",
                network.name, order.name, address.ip
            )),
        }
        let again = match address.ip {
            IpAddr::V4(ip) => pinned.ipv4.replace(ip).is_some(),
            IpAddr::V6(ip) => pinned.ipv6.replace(ip).is_some(),
        };
        if again {
            return Err(CheckError::Twice("--address"));
        }
    }
    if pinned == Endpoint::default() {
        pinned.ipv4 = lowest(network, containers)?;
        if pinned.ipv4.is_none() {
            notes.push(format!(
                "the network {} has no --ip-range, so Docker chooses the address, and gives it to others while {} is \
                 stopped",
                network.name, order.name
            ));
        }
    }
    Ok(pinned)
}

/// The lowest address outside the range, where the network has one.
fn lowest(network: &Network, containers: &[Container]) -> Result<Option<Ipv4Addr>, CheckError> {
    let Some((pool, range, subnet)) = network.pools.iter().find_map(|pool| {
        let range: Ipv4Net = pool.ip_range.as_deref()?.parse().ok()?;
        let subnet: Ipv4Net = pool.subnet.as_deref()?.parse().ok()?;
        Some((pool, range, subnet))
    }) else {
        return Ok(None);
    };
    let free = subnet
        .hosts()
        .find(|ip| !range.contains(ip) && holder(network, pool, containers, (*ip).into()).is_none());
    free.map(Some).ok_or_else(|| CheckError::Full(network.name.clone()))
}

/// Whose an address is, stopped containers included.
fn holder(network: &Network, pool: &Pool, containers: &[Container], address: IpAddr) -> Option<String> {
    let told = pool.gateway.as_deref().and_then(|gateway| gateway.parse().ok());
    // Where none was chosen Docker takes the first address that it gives: of the range, or else of the subnet.
    let first =
        || pool.subnet.as_deref().filter(|_| pool.ip_range.is_none())?.parse::<IpNet>().ok()?.hosts().next();
    if told.or_else(first) == Some(address) {
        return Some(format!("the gateway of the network {}", network.name));
    }
    let has = |endpoint: &Endpoint| {
        endpoint.ipv4.map(IpAddr::V4) == Some(address) || endpoint.ipv6.map(IpAddr::V6) == Some(address)
    };
    let container = containers
        .iter()
        .filter(|container| !is_aside(container))
        .find(|container| container.endpoints.get(&network.name).is_some_and(has))?;
    Some(format!("the container {}", container.name))
}

fn pool_of(network: &Network, address: IpAddr) -> Option<Pool> {
    network
        .pools
        .iter()
        .find(|pool| pool.subnet.as_deref().is_some_and(|subnet| holds(subnet, address)))
        .cloned()
}

fn holds(net: &str, address: IpAddr) -> bool {
    net.parse::<IpNet>().is_ok_and(|net| net.contains(&address))
}

/// One that no network of Docker's has and no route leads to.
async fn free_subnet(world: &impl Worldly) -> Result<Ipv4Net, RunError> {
    let mut taken: Vec<IpNet> = Vec::new();
    for network in world.docker().networks().await? {
        taken.extend(network.pools.iter().filter_map(|pool| pool.subnet.as_deref()?.parse::<IpNet>().ok()));
    }
    let routes = world.kernel().routes(Place::Here).await.map_err(CheckError::Kernel)?;
    taken.extend(routes.iter().map(|route| route.destination).filter(|net| net.prefix_len() > 0));
    let meets = |subnet: &Ipv4Net| {
        let subnet = IpNet::V4(*subnet);
        taken.iter().any(|net| net.contains(&subnet) || subnet.contains(net))
    };
    let mut subnets = SUBNETS.subnets(24).map_err(|_| CheckError::NoSubnet)?;
    subnets.find(|subnet| !meets(subnet)).ok_or_else(|| CheckError::NoSubnet.into())
}

/// The lower half is for pinned addresses, the upper for Docker to give.
fn halves(subnet: Ipv4Net) -> [Ipv4Net; 2] {
    let length = subnet.prefix_len() + 1;
    let middle = u32::from(subnet.network()) | 1 << (32 - length);
    [subnet.network(), middle.into()].map(|first| Ipv4Net::new(first, length).unwrap_or(subnet))
}

fn first(subnet: Ipv4Net) -> Ipv4Addr {
    (u32::from(subnet.network()) + 1).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docker_gives_from_the_upper_half() {
        let [lower, upper] = halves("10.219.3.0/24".parse().unwrap());
        assert_eq!(
            (lower.to_string(), upper.to_string()),
            ("10.219.3.0/25".to_owned(), "10.219.3.128/25".to_owned())
        );
    }
}
