//! Commands that mend what was found, as they can be typed.

use std::net::IpAddr;

use ipnet::IpNet;

use super::hop::Hop;
use super::joint::Joint;
use crate::firewall::{End, PortRange, Step};
use crate::network::pair::{INSIDE, hardware_address};
use crate::publish::{Publication, Request, Via};

/// Publishes again what was published.
pub(super) fn publish_again(publication: &Publication, owner: &str, options: &str) -> String {
    let Request { ports, host_ips, from, via, .. } = publication.request();
    let mut command = format!("netctl port{options} publish {owner}");
    ports.iter().for_each(|ports| command.push_str(&format!(" {ports}")));
    host_ips.iter().for_each(|host| command.push_str(&format!(" --host-ip {host}")));
    from.iter().for_each(|network| command.push_str(&format!(" --from {network}")));
    if via == Via::Conntrack {
        command.push_str(" --via conntrack");
    }
    command
}

/// The same in a container's network namespace.
pub(super) fn within(pid: Option<u32>, command: &str) -> String {
    match pid {
        Some(pid) => format!("nsenter -t {pid} -n {command}"),
        None => command.to_owned(),
    }
}

/// Joins a container of none mode to its bridge again, as netctl did.
pub(super) fn furnish(joint: &Joint, pid: u32) -> String {
    let Joint { interface, alias, bridge, addresses, gateways } = joint;
    // The neighbours remember the hardware address that it had.
    let mac =
        hardware_address(addresses.first().map(IpNet::addr)).map(|byte| format!("{byte:02x}")).join(":");
    let mut commands = vec![
        format!(
            "ip link add {interface} master {bridge} type veth peer name {INSIDE} address {mac} netns {pid}"
        ),
        format!("ip link set {interface} alias {alias} up"),
    ];
    let address = |net: &IpNet| within(Some(pid), &format!("ip addr add {net} dev {INSIDE}"));
    commands.extend(addresses.iter().map(address));
    commands.push(within(Some(pid), &format!("ip link set {INSIDE} up")));
    let way = |gateway: &IpAddr| within(Some(pid), &format!("ip route add default via {gateway}"));
    commands.extend(gateways.iter().map(way));
    commands.join(" && ")
}

/// Lets through what a rule drops of these ports, before that rule.
pub(super) fn accept(step: &Step, ports: &[PortRange], hop: Hop) -> Option<String> {
    let (from, to) = step.addresses?;
    let address = if hop.is_back() { from } else { to };
    let Step { family, table, chain, .. } = step;
    if let "ip" | "ip6" = *family
        && ["raw", "mangle", "filter", "security"].contains(&table.as_str())
    {
        let (tool, side) =
            (if *family == "ip" { "iptables" } else { "ip6tables" }, if hop.is_back() { "s" } else { "d" });
        let ports = joined(ports, ":", ",");
        return Some(format!(
            "{tool} -t {table} -I {chain} -{side} {address} -p udp -m multiport --{side}ports {ports} -j ACCEPT"
        ));
    }
    let side = if hop.is_back() { 's' } else { 'd' };
    let before = match step.end {
        End::Rule(handle) => format!("handle {handle} "),
        _ => String::new(),
    };
    let word = if address.is_ipv4() { "ip" } else { "ip6" };
    let ports = joined(ports, "-", ", ");
    Some(format!(
        "nft insert rule {family} {table} {chain} {before}{word} {side}addr {address} udp {side}port '{{ {ports} }}' accept"
    ))
}

fn joined(ranges: &[PortRange], between: &str, apart: &str) -> String {
    let one = |range: &PortRange| range.to_string().replace('-', between);
    ranges.iter().map(one).collect::<Vec<_>>().join(apart)
}
