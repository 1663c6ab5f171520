//! What the kernel has to have, and netctl to be allowed.

use super::facts::{Facts, Question};
use super::finding::{Finding, Level};
use crate::network::Capability;

pub(super) fn check(facts: &impl Facts, _: &Question) -> Vec<Finding> {
    let mut found = Vec::new();
    for (capability, why) in [
        (Capability::NetAdmin, "rules, interfaces and routes cannot be changed without it"),
        (Capability::SysAdmin, "a container's namespace cannot be entered without it"),
    ] {
        let lacks = facts.lacks(capability);
        let is = format!("netctl {} {capability}", if lacks { "has not" } else { "has" });
        found.push(
            Finding::new("capabilities", is, format!("{capability} is there"), why)
                .unless(!lacks, Level::Bad)
                .mend("sudo netctl doctor"),
        );
    }
    let refused = facts.refuses_rules();
    let is = match &refused {
        None => "the kernel takes the rules that publishing makes".to_owned(),
        Some(words) => format!("the kernel does not take the rules that publishing makes: {words}"),
    };
    let why = "ports are published by nftables rules with notrack, rewriting, sockets, NAT and sets of flows";
    found.push(
        Finding::new("nf_tables", is, "Linux 5.10 or newer with its nft modules", why)
            .unless(refused.is_none(), Level::Bad)
            .mend("modprobe -a nf_tables nft_ct nft_nat nft_masq nft_socket nft_limit"),
    );
    for (topic, kind, mend) in
        [("veth", "veth", "modprobe veth"), ("bridge", "bridge", "modprobe -a bridge br_netfilter")]
    {
        let refused = facts.refuses_link(kind);
        let is = match &refused {
            None => format!("the kernel makes interfaces of kind {kind}"),
            Some(words) => format!("the kernel makes no interface of kind {kind}: {words}"),
        };
        let why = "containers are connected by pairs of interfaces and bridges";
        found.push(
            Finding::new(topic, is, "it makes them", why).unless(refused.is_none(), Level::Bad).mend(mend),
        );
    }
    let legacy = facts.legacy_iptables();
    let is = if legacy { "iptables-legacy has rules" } else { "no rules of iptables-legacy" };
    let why = "netctl sees nftables only, and so would not see what drops there";
    found.push(
        Finding::new("iptables", is, "iptables speaks nftables", why)
            .unless(!legacy, Level::Bad)
            // The kernel keeps the old tables until then.
            .mend(
                "update-alternatives --set iptables /usr/sbin/iptables-nft && \
                 update-alternatives --set ip6tables /usr/sbin/ip6tables-nft && reboot",
            ),
    );
    let obstacles = facts.obstacles();
    let why = "what is published without connection tracking passes no rule that asks for established flows";
    if obstacles.is_empty() {
        found.push(Finding::new("firewall", "no foreign chain drops what is published", "none does", why));
    }
    for (is, mend) in obstacles {
        found.push(
            Finding::new("firewall", is, "it lets published packets pass", why)
                .unless(false, Level::Bad)
                .mend(mend),
        );
    }
    found
}
