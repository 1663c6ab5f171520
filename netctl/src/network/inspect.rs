//! `inspect`: a container's network from inside, as ifconfig, route and netstat would show it there, and the rules that
//! publish its ports, with their counters. Nothing has to be installed in the image for it.

use std::fmt::{self, Display, Formatter};

use serde_json::{Value, json};

use super::error::{CheckError, RunError, StepError};
use super::listeners::Listeners;
use super::publisher::Publisher as _;
use super::sockets::{Place, Sockets as _};
use super::wiring::{Interface, Route, Wiring as _};
use super::world::{self, Worldly};
use crate::columns;
use crate::docker::{Container, Containers as _};
use crate::publish::Counted;

/// What there is inside.
#[derive(Debug)]
pub struct Inside {
    container: Container,
    interfaces: Vec<Interface>,
    routes: Vec<Route>,
    published: Option<Counted>,
    listeners: Listeners,
}

/// Looks into a container that runs.
///
/// # Errors
/// Where it is not there, does not run, or cannot be looked into.
pub async fn inspect(world: &impl Worldly, name: &str) -> Result<Inside, RunError> {
    world::beside(world).await?;
    let container = world.docker().container(name).await?;
    let container = container.ok_or_else(|| RunError::NoSuchContainer(name.to_owned()))?;
    let place = Place::Process(container.pid.ok_or_else(|| RunError::NotRunning(container.name.clone()))?);
    let published = world.publisher().counted(&container.name).await;
    let unseen = |error| RunError::Unseen { name: container.name.clone(), source: StepError::from(error) };
    let published = published.map_err(unseen)?;
    let closed = |source| CheckError::Namespace { name: name.to_owned(), source };
    Ok(Inside {
        interfaces: world.kernel().interfaces(place).await.map_err(closed)?,
        routes: world.kernel().routes(place).await.map_err(closed)?,
        listeners: Listeners(world.proc().bound(place).map_err(CheckError::Sockets)?),
        published,
        container,
    })
}

impl Display for Inside {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { container, interfaces, routes, published, listeners } = self;
        let id = container.id.get(..12).unwrap_or(&container.id);
        writeln!(f, "{} ({id}), {}, --net {}\n", container.name, container.status, container.network_mode)?;
        for interface in interfaces {
            write_interface(f, interface)?;
        }
        let head = ["Destination", "Gateway", "Metric", "Iface"].map(str::to_owned);
        let rows = routes.iter().map(|route| {
            let gateway = route.gateway.map_or_else(|| "*".to_owned(), |gateway| gateway.to_string());
            let destination = match route.destination.prefix_len() {
                0 => "default".to_owned(),
                _ => route.destination.to_string(),
            };
            [destination, gateway, route.metric.to_string(), route.interface.clone()]
        });
        columns::write(f, "  ", &std::iter::once(head).chain(rows).collect::<Vec<_>>())?;
        if let Some(published) = published {
            write_rules(f, published)?;
        }
        write!(f, "\n{listeners}")
    }
}

/// What is published, and each rule with its counters.
fn write_rules(f: &mut Formatter<'_>, published: &Counted) -> fmt::Result {
    let list = |texts: &mut dyn Iterator<Item = String>| texts.collect::<Vec<_>>().join(",");
    let publication = &published.publication;
    let ports = list(&mut publication.ports.iter().map(ToString::to_string));
    let hosts = list(&mut publication.hosts().map(|host| host.to_string()));
    writeln!(f, "\n{ports} at {hosts}: {}", published.state)?;
    let head = ["Rules of", "Chain", "Packets", "Bytes", "Rule"].map(str::to_owned);
    let rows = published.rules.iter().map(|rule| {
        let (packets, bytes) = (rule.packets.to_string(), rule.bytes.to_string());
        [rule.place.to_owned(), rule.chain.clone(), packets, bytes, rule.rule.clone()]
    });
    columns::write(f, "  ", &std::iter::once(head).chain(rows).collect::<Vec<_>>())
}

/// ifconfig's layout.
fn write_interface(f: &mut Formatter<'_>, interface: &Interface) -> fmt::Result {
    writeln!(f, "{}: flags=<{}>  mtu {}", interface.name, interface.flags.join(","), interface.mtu)?;
    for address in &interface.addresses {
        match address {
            ipnet::IpNet::V4(net) => writeln!(f, "        inet {}  netmask {}", net.addr(), net.netmask())?,
            ipnet::IpNet::V6(net) => {
                writeln!(f, "        inet6 {}  prefixlen {}", net.addr(), net.prefix_len())?
            }
        }
    }
    if let Some(mac) = &interface.mac {
        writeln!(f, "        ether {mac}")?;
    }
    let its = interface.counters;
    for (way, packets, bytes, errors, dropped) in [
        ("RX", its.rx_packets, its.rx_bytes, its.rx_errors, its.rx_dropped),
        ("TX", its.tx_packets, its.tx_bytes, its.tx_errors, its.tx_dropped),
    ] {
        writeln!(f, "        {way} packets {packets}  bytes {bytes}  errors {errors}  dropped {dropped}")?;
    }
    writeln!(f)
}

impl Inside {
    /// One object.
    pub fn json(&self) -> Value {
        json!({
            "id": self.container.id,
            "name": self.container.name,
            "mode": self.container.network_mode,
            "interfaces": self.interfaces,
            "routes": self.routes,
            "published": self.published,
            "listeners": self.listeners.json(),
        })
    }
}
