//! The kernel's settings (Documentation/networking/ip-sysctl.rst of Linux).

use std::net::IpAddr;

use super::facts::{Facts, Link, Question};
use super::finding::{Finding, Level};
use crate::firewall::PortRange;

/// What the kernel gives a socket by default on most machines: some 160 packets of 20 ms with all that goes with them.
const RECEIVE: u64 = 212_992;

pub(super) fn check(facts: &impl Facts, question: &Question) -> Vec<Finding> {
    let mut found = vec![forwarding(facts)];
    found.extend(forwarding_six(facts));
    found.extend(router_advertisements(facts));
    found.extend(reverse_path(facts));
    found.extend(bridges(facts));
    found.extend(local_ports(facts, question.media));
    found.extend(buffers(facts));
    found.extend(tracked(facts));
    found
}

fn set(name: &str, value: impl std::fmt::Display) -> String {
    format!("sysctl -w {name}={value}")
}

fn number(facts: &impl Facts, name: &str) -> Option<u64> {
    facts.setting(&name.replace('.', "/"))?.parse().ok()
}

fn forwarding(facts: &impl Facts) -> Finding {
    const NAME: &str = "net.ipv4.ip_forward";
    let value = number(facts, NAME).unwrap_or(0);
    let why = "with 0 the host passes nothing on to containers";
    Finding::new("ip_forward", format!("{NAME} is {value}"), "1", why)
        .unless(value == 1, Level::Bad)
        .mend(set(NAME, 1))
}

/// Global addresses of the host's own, not those of Docker's bridges.
fn six(link: &Link) -> bool {
    let global = |ip: &IpAddr| match ip {
        IpAddr::V6(ip) => !ip.is_loopback() && !ip.is_unicast_link_local(),
        IpAddr::V4(_) => false,
    };
    let dockers = link.kind.as_deref() == Some("bridge")
        && (link.name.starts_with("br-") || link.name.starts_with("docker"));
    !dockers && link.addresses.iter().any(global)
}

const FORWARDING_SIX: &str = "net.ipv6.conf.all.forwarding";

fn forwarding_six(facts: &impl Facts) -> Option<Finding> {
    let value = number(facts, FORWARDING_SIX)?;
    let has = facts.interfaces().iter().any(six);
    let is = match has {
        true => format!("{FORWARDING_SIX} is {value}"),
        false => format!("{FORWARDING_SIX} is {value}, and this host has no IPv6 address"),
    };
    let why = "with 0 the host passes no IPv6 on to containers";
    Some(
        Finding::new("ipv6_forwarding", is, "1", why)
            .unless(value == 1 || !has, Level::Warn)
            .mend(set(FORWARDING_SIX, 1)),
    )
}

fn router_advertisements(facts: &impl Facts) -> Vec<Finding> {
    if number(facts, FORWARDING_SIX) != Some(1) {
        return Vec::new();
    }
    let why = "a host that forwards IPv6 heeds a router's advertisements with 2 only: with 1 its default route and \
               address run out";
    let links = facts.interfaces();
    let own = links.iter().filter(|link| six(link) && link.name != "lo");
    own.filter_map(|link| {
        let name = format!("net.ipv6.conf.{}.accept_ra", link.name);
        let value = number(facts, &name)?;
        let finding =
            Finding::new("accept_ra", format!("{name} is {value}"), "2, or 0 without advertisements", why);
        Some(finding.unless(value != 1, Level::Warn).mend(set(&name, 2)))
    })
    .collect()
}

/// The stricter of `all` and the interface's own counts.
fn reverse_path(facts: &impl Facts) -> Vec<Finding> {
    let name = |interface: &str| format!("net.ipv4.conf.{interface}.rp_filter");
    let all = number(facts, &name("all")).unwrap_or(0);
    let why = "with 1 the kernel drops what comes in by another interface than answers would leave by: hosts with two \
               ways out, and peers behind the second";
    let links = facts.interfaces();
    let strict: Vec<&Link> = links
        .iter()
        .filter(|link| {
            let own = number(facts, &name(&link.name)).unwrap_or(0);
            link.name != "lo" && link.kind.as_deref() != Some("veth") && own.max(all) == 1
        })
        .collect();
    if strict.is_empty() {
        return vec![Finding::new(
            "rp_filter",
            format!("no interface is strict ({} is {all})", name("all")),
            "0 or 2",
            why,
        )];
    }
    let names: Vec<&str> = strict.iter().map(|link| link.name.as_str()).collect();
    let finding = Finding::new("rp_filter", format!("strict at {}", names.join(", ")), "0 or 2", why);
    // The larger one counts, so this is enough for all of them.
    vec![finding.unless(false, Level::Warn).mend(set(&name("all"), 2))]
}

fn bridges(facts: &impl Facts) -> Vec<Finding> {
    let why = "with 1 frames that only cross a bridge pass iptables, too: switches with --net none are cut off where \
               forward drops, and a switch cannot call its own published address";
    let names = ["net.bridge.bridge-nf-call-iptables", "net.bridge.bridge-nf-call-ip6tables"];
    let values = names.iter().filter_map(|name| {
        let value = facts.setting(&name.replace('.', "/"))?;
        Some((name, value))
    });
    values
        .map(|(name, value)| {
            let drops = facts.forward_drops();
            let and = if drops { ", and forward drops" } else { ", and forward drops nothing" };
            let finding = Finding::new("bridge_nf", format!("{name} is {value}{and}"), "0", why);
            finding.unless(value == "0" || !drops, Level::Warn).mend(set(name, 0))
        })
        .collect()
}

fn local_ports(facts: &impl Facts, media: PortRange) -> Option<Finding> {
    const RANGE: &str = "net/ipv4/ip_local_port_range";
    const RESERVED: &str = "net.ipv4.ip_local_reserved_ports";
    let range = facts.setting(RANGE)?;
    let mut ends = range.split_whitespace().filter_map(|end| end.parse().ok());
    let own = PortRange { first: ends.next()?, last: ends.next()? };
    let reserved = facts.setting(&RESERVED.replace('.', "/")).unwrap_or_default();
    let kept: Vec<PortRange> = reserved.split(',').filter_map(|range| one_or_two(range.trim())).collect();
    // Where both overlap.
    let wanted = PortRange { first: own.first.max(media.first), last: own.last.min(media.last) };
    let free = wanted.first > wanted.last
        || PortRange::join(kept.clone())
            .iter()
            .any(|range| range.first <= wanted.first && wanted.last <= range.last);
    let is = format!(
        "sockets of this host take ports from {own}, media has {media}, kept free are: {}",
        if reserved.is_empty() { "none" } else { &reserved }
    );
    let why =
        "the kernel gives a process any port of its range, and the switch or a published port is without it";
    let all: Vec<String> =
        PortRange::join([kept, vec![media]].concat()).iter().map(ToString::to_string).collect();
    Some(
        Finding::new("local_ports", is, format!("{RESERVED} has {media}"), why)
            .unless(free, Level::Warn)
            .mend(set(RESERVED, all.join(","))),
    )
}

/// `9000` or `9000-9010`.
fn one_or_two(text: &str) -> Option<PortRange> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    Some(PortRange { first: first.parse().ok()?, last: last.parse().ok()? })
}

fn buffers(facts: &impl Facts) -> Vec<Finding> {
    let why = "what comes in a burst and finds the queue full is lost";
    // They are the machine's; other namespaces than the first do not have them all.
    ["net.core.rmem_default", "net.core.rmem_max", "net.core.wmem_default", "net.core.wmem_max"]
        .into_iter()
        .filter_map(|name| {
            let value = number(facts, name)?;
            let finding = Finding::new(
                "socket_buffers",
                format!("{name} is {value}"),
                format!("{RECEIVE} or more"),
                why,
            );
            Some(finding.unless(value >= RECEIVE, Level::Warn).mend(set(name, RECEIVE)))
        })
        .collect()
}

fn tracked(facts: &impl Facts) -> Option<Finding> {
    const MOST: &str = "net.netfilter.nf_conntrack_max";
    let most = number(facts, MOST)?;
    let now = number(facts, "net.netfilter.nf_conntrack_count")?;
    let why = "when the table is full, what needs an entry is dropped: TCP, other containers, other services";
    Some(
        Finding::new("conntrack", format!("{now} of {most} entries"), "less than 80 %", why)
            .unless(now.saturating_mul(10) < most.saturating_mul(8), Level::Bad)
            .mend(set(MOST, most.saturating_mul(2))),
    )
}
