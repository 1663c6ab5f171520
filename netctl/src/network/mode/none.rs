//! None mode: Docker gives an empty namespace, and netctl furnishes it: a pair of interfaces, one end on a bridge of the
//! user's, the other in the container with addresses and a default route. The switch has an address of its own on the
//! bridge's network, and nothing is translated.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::bridge::InterfaceName;
use crate::docker::{Container, Containers as _, Restart};
use crate::network::aside::is_aside;
use crate::network::error::{CheckError, RunError};
use crate::network::labels;
use crate::network::order::{NONE, Order};
use crate::network::pair::{PREFIX, free_name, joined};
use crate::network::plan::{self, Plan};
use crate::network::sockets::{Place, Sockets as _};
use crate::network::step::Step;
use crate::network::wiring::{Interface, Wiring as _};
use crate::network::world::Worldly;

/// Lets a socket be bound to an address that is still to come (ip-sysctl of the kernel's documentation).
const NONLOCAL: [&str; 2] = ["net.ipv4.ip_nonlocal_bind", "net.ipv6.ip_nonlocal_bind"];

pub(super) async fn plan(world: &impl Worldly, order: &Order) -> Result<Plan, RunError> {
    plan::only(order, &["-p", "--advertise", "--bridge", "--address", "--gateway"])?;
    let bridge = order.bridge.as_ref().ok_or(CheckError::Needs("--bridge NAME"))?;
    let addresses = addresses(order)?;
    let interfaces = world.kernel().interfaces(Place::Here).await.map_err(CheckError::Kernel)?;
    let master = interfaces.iter().find(|interface| interface.name == bridge.as_str());
    let master = master.ok_or_else(|| CheckError::NoBridge(bridge.to_string()))?;
    if master.kind.as_deref() != Some("bridge") {
        return Err(CheckError::NotABridge(bridge.to_string()).into());
    }
    for address in &addresses {
        let holder = interfaces.iter().find(|it| it.addresses.iter().any(|its| its.addr() == address.addr()));
        let holder = match holder {
            Some(interface) => Some(format!("this host's interface {}", interface.name)),
            None => other_switch(world, address.addr()).await?,
        };
        if let Some(holder) = holder {
            return Err(CheckError::AddressTaken { address: address.addr(), holder }.into());
        }
    }
    let run = labels::run_id();
    let orphan = orphan(world, &order.name, &interfaces).await?;
    let taken = |name: &str| interfaces.iter().any(|it| it.name == name && orphan.as_ref() != Some(it));
    let outside = free_name(&order.name, taken);
    let variables = order.variables(&[], order.advertise.as_slice())?;
    let (mut container, settings) = plan::container(order, variables, NONE, &run)?;
    let texts: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    container.labels.insert(labels::INTERFACE.to_owned(), outside.to_string());
    container.labels.insert(labels::ADDRESSES.to_owned(), texts.join(", "));
    container.labels.insert(labels::BRIDGE.to_owned(), bridge.to_string());
    if !order.gateways.is_empty() {
        let texts: Vec<String> = order.gateways.iter().map(ToString::to_string).collect();
        container.labels.insert(labels::GATEWAYS.to_owned(), texts.join(", "));
    }
    // The switch starts before its address is there, and may be told to listen at it.
    if settings.claims.iter().any(|claim| addresses.iter().any(|net| Some(net.addr()) == claim.address)) {
        container.sysctls = NONLOCAL.map(|name| (name.to_owned(), "1".to_owned())).into();
    }
    let pair = joined(outside, master.index, &addresses, run);
    let inside = pair.inside.clone();
    let name = || order.name.clone();
    let mut steps = vec![Step::Container(Box::new(container)), plan::start(order)];
    steps.extend(orphan.map(|it| Step::Clear { interface: it.name, index: it.index }));
    steps.extend([
        Step::Pair { name: name(), pair },
        Step::Addresses { name: name(), interface: inside, addresses },
    ]);
    steps.extend(order.gateways.iter().map(|gateway| Step::Gateway { name: name(), gateway: *gateway }));
    steps.push(plan::ready(order, &settings));
    Ok(Plan { steps, notes: notes(order, bridge, master.is_up(), world.proc().filters_bridges()) })
}

fn notes(order: &Order, bridge: &InterfaceName, is_up: bool, filtered: bool) -> Vec<String> {
    let (name, mut notes) = (&order.name, Vec::new());
    if order.restart != Restart::No {
        notes.push(format!(
            "Docker makes a new, empty namespace when {name} restarts, and only netctl watch furnishes it again"
        ));
    }
    if !is_up {
        notes.push(format!("the bridge {bridge} is down: ip link set {bridge} up"));
    }
    if filtered {
        notes.push(format!(
            "frames from port to port of {bridge} pass this host's iptables (net.bridge.bridge-nf-call-iptables is 1), \
             and Docker often lets its FORWARD chain drop them; to let them through: \
             iptables -I DOCKER-USER -i {bridge} -o {bridge} -j ACCEPT"
        ));
    }
    notes
}

/// The interface of a container of this name that somebody removed, and whose namespace somebody holds open: it has the
/// address still.
async fn orphan(
    world: &impl Worldly,
    name: &str,
    interfaces: &[Interface],
) -> Result<Option<Interface>, RunError> {
    let name = format!("{PREFIX}{name}");
    let Some(found) = interfaces.iter().find(|it| it.name == name) else { return Ok(None) };
    let Some(run) = found.alias.as_ref().filter(|alias| labels::is_run_id(alias)) else { return Ok(None) };
    let containers = world.docker().containers().await?;
    let is_owned = containers.iter().any(|it| it.labels.get(labels::RUN) == Some(run));
    Ok((!is_owned).then(|| found.clone()))
}

/// How a container is furnished that was made so before: its namespace is new and empty since it was started again.
pub(crate) async fn again(world: &impl Worldly, container: &Container) -> Result<Vec<Step>, RunError> {
    let label = |name| container.labels.get(name).map_or("", String::as_str);
    let unknown = |label| RunError::Unfurnishable { name: container.name.clone(), label };
    let addresses: Vec<IpNet> =
        label(labels::ADDRESSES).split(", ").filter_map(|it| it.parse().ok()).collect();
    let gateways = label(labels::GATEWAYS).split(", ").filter_map(|text| text.parse().ok());
    let outside: InterfaceName = label(labels::INTERFACE).parse().map_err(|_| unknown(labels::INTERFACE))?;
    if !outside.as_str().starts_with(PREFIX) {
        return Err(unknown(labels::INTERFACE));
    }
    let bridge: InterfaceName = label(labels::BRIDGE).parse().map_err(|_| unknown(labels::BRIDGE))?;
    let interfaces = world.kernel().interfaces(Place::Here).await.map_err(CheckError::Kernel)?;
    let master = interfaces.iter().find(|interface| interface.name == bridge.as_str());
    let master = master.ok_or_else(|| CheckError::NoBridge(bridge.to_string()))?;
    let pair = joined(outside, master.index, &addresses, label(labels::RUN).to_owned());
    let inside = pair.inside.clone();
    let name = || container.name.clone();
    let steps =
        [Step::Pair { name: name(), pair }, Step::Addresses { name: name(), interface: inside, addresses }];
    Ok(steps.into_iter().chain(gateways.map(|gateway| Step::Gateway { name: name(), gateway })).collect())
}

/// Whether a container that runs has all that [`again`] would give it.
pub(crate) async fn is_furnished(
    world: &impl Worldly,
    container: &Container,
    pid: u32,
) -> Result<bool, RunError> {
    let label = |name| container.labels.get(name).map_or("", String::as_str);
    let closed = |source| CheckError::Namespace { name: container.name.clone(), source };
    let here = world.kernel().interfaces(Place::Here).await.map_err(CheckError::Kernel)?;
    let outside = here
        .iter()
        .any(|it| it.name == label(labels::INTERFACE) && it.alias.as_deref() == Some(label(labels::RUN)));
    let place = Place::Process(pid);
    let its = world.kernel().interfaces(place).await.map_err(closed)?;
    let routes = world.kernel().routes(place).await.map_err(closed)?;
    let has = |address: IpNet| its.iter().any(|interface| interface.addresses.contains(&address));
    let leads = |gateway: IpAddr| routes.iter().any(|route| route.gateway == Some(gateway));
    let mut addresses = label(labels::ADDRESSES).split(", ").filter_map(|text| text.parse().ok());
    let mut gateways = label(labels::GATEWAYS).split(", ").filter_map(|text| text.parse().ok());
    Ok(outside && addresses.all(has) && gateways.all(leads))
}

/// With prefix lengths, and gateways that they reach.
fn addresses(order: &Order) -> Result<Vec<IpNet>, CheckError> {
    if order.addresses.is_empty() {
        return Err(CheckError::Needs("--address IP/PREFIX"));
    }
    let mut addresses = Vec::new();
    for address in &order.addresses {
        let prefix = address.prefix.ok_or(CheckError::NoPrefix(address.ip))?;
        addresses.push(IpNet::new(address.ip, prefix).map_err(|_| CheckError::NoPrefix(address.ip))?);
    }
    for gateway in &order.gateways {
        if !addresses.iter().any(|address| address.contains(gateway)) {
            return Err(CheckError::GatewayOutside(*gateway));
        }
        if addresses.iter().any(|address| address.addr() == *gateway) {
            return Err(CheckError::GatewayItself(*gateway));
        }
    }
    Ok(addresses)
}

/// A stopped one keeps its address.
async fn other_switch(world: &impl Worldly, address: IpAddr) -> Result<Option<String>, RunError> {
    let containers = world.docker().containers().await?;
    let has =
        |text: &String| text.split(", ").any(|its| its.parse().is_ok_and(|its: IpNet| its.addr() == address));
    let holder = containers
        .iter()
        .filter(|container| !is_aside(container))
        .find(|container| container.labels.get(labels::ADDRESSES).is_some_and(has));
    Ok(holder.map(|container| format!("the container {}", container.name)))
}
