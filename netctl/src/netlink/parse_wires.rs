//! From the kernel's attributes to the words of `crate::network`.

use std::net::IpAddr;

use ipnet::IpNet;
use netlink_packet_route::AddressFamily;
use netlink_packet_route::address::{AddressAttribute, AddressMessage};
use netlink_packet_route::link::{LinkAttribute, LinkFlags, LinkInfo, LinkMessage};
use netlink_packet_route::route::{RouteAddress, RouteAttribute, RouteMessage};

use crate::network::{Counters, Interface, Route};

/// In ifconfig's words and order.
const FLAGS: [(LinkFlags, &str); 6] = [
    (LinkFlags::Up, "UP"),
    (LinkFlags::Broadcast, "BROADCAST"),
    (LinkFlags::Loopback, "LOOPBACK"),
    (LinkFlags::Pointopoint, "POINTOPOINT"),
    (LinkFlags::Running, "RUNNING"),
    (LinkFlags::Multicast, "MULTICAST"),
];

pub(super) fn interfaces(links: &[LinkMessage], addresses: &[AddressMessage]) -> Vec<Interface> {
    links.iter().map(|link| interface(link, addresses)).collect()
}

fn interface(link: &LinkMessage, addresses: &[AddressMessage]) -> Interface {
    let index = link.header.index;
    let flags = FLAGS.iter().filter(|(flag, _)| link.header.flags.contains(*flag)).map(|(_, name)| *name);
    let mut interface = Interface { index, flags: flags.collect(), ..Interface::default() };
    for attribute in &link.attributes {
        match attribute {
            LinkAttribute::IfName(name) => interface.name.clone_from(name),
            LinkAttribute::Controller(index) => interface.master = Some(*index),
            LinkAttribute::Mtu(mtu) => interface.mtu = *mtu,
            LinkAttribute::IfAlias(alias) => interface.alias = Some(alias.clone()),
            LinkAttribute::Address(bytes) if bytes.iter().any(|byte| *byte != 0) => {
                let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                interface.mac = Some(digits.join(":"));
            }
            LinkAttribute::LinkInfo(infos) => {
                interface.kind = infos.iter().find_map(|info| match info {
                    LinkInfo::Kind(kind) => Some(kind.to_string()),
                    _ => None,
                });
            }
            LinkAttribute::Stats64(stats) => {
                interface.counters = Counters {
                    rx_packets: stats.rx_packets,
                    rx_bytes: stats.rx_bytes,
                    rx_errors: stats.rx_errors,
                    rx_dropped: stats.rx_dropped,
                    tx_packets: stats.tx_packets,
                    tx_bytes: stats.tx_bytes,
                    tx_errors: stats.tx_errors,
                    tx_dropped: stats.tx_dropped,
                };
            }
            _ => {}
        }
    }
    let own = addresses.iter().filter(|address| address.header.index == index);
    interface.addresses = own.filter_map(address).collect();
    interface
}

fn address(message: &AddressMessage) -> Option<IpNet> {
    // On a link between two, the local address is our end.
    let pick = |local: bool| {
        message.attributes.iter().find_map(|attribute| match attribute {
            AddressAttribute::Local(ip) if local => Some(*ip),
            AddressAttribute::Address(ip) if !local => Some(*ip),
            _ => None,
        })
    };
    IpNet::new(pick(true).or_else(|| pick(false))?, message.header.prefix_len).ok()
}

pub(super) fn route(message: &RouteMessage, links: &[LinkMessage]) -> Option<Route> {
    let (mut destination, mut gateway, mut metric, mut interface) = (None, None, 0, None);
    for attribute in &message.attributes {
        match attribute {
            RouteAttribute::Destination(address) => destination = ip(address),
            RouteAttribute::Gateway(address) => gateway = ip(address),
            RouteAttribute::Priority(priority) => metric = *priority,
            RouteAttribute::Oif(index) => interface = links.iter().find(|link| link.header.index == *index),
            _ => {}
        }
    }
    let everywhere: IpAddr = match message.header.address_family {
        AddressFamily::Inet => [0; 4].into(),
        AddressFamily::Inet6 => [0; 16].into(),
        _ => return None,
    };
    let length = message.header.destination_prefix_length;
    Some(Route {
        destination: IpNet::new(destination.unwrap_or(everywhere), length).ok()?,
        gateway,
        metric,
        interface: name(&interface?.attributes)?.to_owned(),
    })
}

fn ip(address: &RouteAddress) -> Option<IpAddr> {
    match address {
        RouteAddress::Inet(ip) => Some((*ip).into()),
        RouteAddress::Inet6(ip) => Some((*ip).into()),
        _ => None,
    }
}

/// The name among a link's attributes.
pub(super) fn name(attributes: &[LinkAttribute]) -> Option<&str> {
    attributes.iter().find_map(|attribute| match attribute {
        LinkAttribute::IfName(name) => Some(name.as_str()),
        _ => None,
    })
}
