//! The rules of a publication: always the same ones; what differs stands in sets and addresses.
//!
//! UDP from outside and from the host itself passes without connection tracking. The rules stand at -290: behind
//! iptables' raw (-300), where Docker from 28 on drops what comes from outside to a container's address, and before
//! connection tracking (-200). All else goes through connection tracking, with NAT before Docker's own.
//!
//! The sets `flows4` and `flows6` hold the UDP flows of others that have a published port at the near end: those that
//! connection tracking gave the host's address (other containers, virtual machines), those of the host's own
//! processes, and those that connection tracking brings to the container. Their packets are left alone.

mod stateless;
mod tracked;

use std::net::IpAddr;

use ipnet::IpNet;

use super::request::{Path, Publication};
use crate::firewall::{
    Chain, Content, DockerRule, Family, Hook, Kind, Point, PortRange, Rule, Set, Side, Statement, Table,
    Test, Way,
};
use crate::ports::Protocol;

use Side::{Destination, Source};
use Statement as S;

/// Behind iptables' raw, before connection tracking.
const EARLY: i32 = -290;
/// Before Docker's DNAT at -100.
const BEFORE_DNAT: i32 = -105;
/// Before Docker's masquerade at 100.
const BEFORE_SNAT: i32 = 95;
/// Behind Docker's masquerade.
const BEHIND_SNAT: i32 = 110;
/// A flow's silence, in milliseconds, after which it is forgotten: somewhat more than connection tracking's own.
const SILENCE: u64 = 200_000;

const UDP: &str = "udp-ports";
const TCP: &str = "tcp-ports";

/// The names of what each family has of its own.
struct Names {
    peers: &'static str,
    hosts: &'static str,
    tracked: &'static str,
    from: &'static str,
    flows: &'static str,
    inbound: &'static str,
    outbound: &'static str,
}

fn names(family: Family) -> Names {
    match family {
        Family::V4 => Names {
            peers: "peers4",
            hosts: "hosts4",
            tracked: "tracked4",
            from: "from4",
            flows: "flows4",
            inbound: "inbound4",
            outbound: "outbound4",
        },
        Family::V6 => Names {
            peers: "peers6",
            hosts: "hosts6",
            tracked: "tracked6",
            from: "from6",
            flows: "flows6",
            inbound: "inbound6",
            outbound: "outbound6",
        },
    }
}

/// The rules of one family in a chain.
type Rules = fn(&Publication, &Path) -> Vec<Rule>;

/// The name of a container's table, and the comment of its rules in DOCKER-USER.
pub fn table_name(container: &str) -> String {
    format!("netctl-{container}")
}

/// The table in the host's network namespace. The comment is for telling whether it is still the same.
pub fn host_table(publication: &Publication, comment: String) -> Table {
    let mut table = Table {
        name: table_name(&publication.name),
        comment,
        sets: port_sets(publication),
        chains: Vec::new(),
    };
    for path in publication.served() {
        table.sets.extend(sets(publication, path));
    }
    let each = |rules: Rules| publication.served().flat_map(|path| rules(publication, path)).collect();
    for path in publication.served().filter(|path| path.stateless.is_some()) {
        let names = names(path.family());
        table.chains.push(Chain {
            name: names.inbound,
            hook: None,
            rules: stateless::inbound(publication, path),
        });
        table.chains.push(Chain {
            name: names.outbound,
            hook: None,
            rules: stateless::outbound(publication, path),
        });
    }
    use Kind::{Filter, Nat, Route};
    use Point::{Input, Output, Postrouting, Prerouting};
    let chains: [(_, _, _, _, Rules); 7] = [
        ("prerouting", Filter, Prerouting, EARLY, stateless::prerouting),
        ("output", Route, Output, EARLY, stateless::output),
        ("input", Filter, Input, EARLY, stateless::input),
        ("postrouting", Filter, Postrouting, BEHIND_SNAT, stateless::postrouting),
        ("nat-prerouting", Nat, Prerouting, BEFORE_DNAT, tracked::prerouting),
        ("nat-output", Nat, Output, BEFORE_DNAT, tracked::output),
        ("nat-postrouting", Nat, Postrouting, BEFORE_SNAT, tracked::postrouting),
    ];
    for (name, kind, point, priority, rules) in chains {
        table.chains.push(Chain { name, hook: Some(Hook { kind, point, priority }), rules: each(rules) });
    }
    table
}

/// The table in the container's own namespace: Docker's DNS has NAT rules there, and with them every stream would
/// have an entry.
pub fn container_table(publication: &Publication, comment: String) -> Table {
    let chain = |name, point, way, side| Chain {
        name,
        hook: Some(Hook { kind: Kind::Filter, point, priority: EARLY }),
        // Docker's DNS itself is asked by way of lo.
        rules: vec![Rule(vec![
            S::Interface(way, false, "lo".to_owned()),
            S::Port(Protocol::Udp, side, UDP),
            S::Counter,
            S::Notrack,
        ])],
    };
    Table {
        name: table_name(&publication.name),
        comment,
        sets: vec![port_set(publication, UDP, Protocol::Udp)],
        chains: vec![
            chain("prerouting", Point::Prerouting, Way::In, Destination),
            chain("output", Point::Output, Way::Out, Source),
        ],
    }
}

/// The accepts in DOCKER-USER.
pub fn docker_rules(publication: &Publication) -> Vec<DockerRule> {
    let rule = |path: &Path, way| DockerRule {
        container: path.container,
        bridge: publication.bridge.clone(),
        way,
        comment: table_name(&publication.name),
    };
    publication.served().flat_map(|path| [rule(path, Way::Out), rule(path, Way::In)]).collect()
}

fn port_sets(publication: &Publication) -> Vec<Set> {
    vec![port_set(publication, UDP, Protocol::Udp), port_set(publication, TCP, Protocol::Tcp)]
}

fn port_set(publication: &Publication, name: &'static str, protocol: Protocol) -> Set {
    Set { name, content: Content::Ports(PortRange::join(publication.ranges(protocol))) }
}

fn sets(publication: &Publication, path: &Path) -> Vec<Set> {
    let (family, names) = (path.family(), names(path.family()));
    let networks = |name, networks: Vec<IpNet>| Set {
        name,
        content: Content::Networks(family, IpNet::aggregate(&networks)),
    };
    let mut sets = vec![
        networks(names.peers, path.peers.clone()),
        networks(names.hosts, path.hosts().map(IpNet::from).collect()),
        networks(names.tracked, path.tracked.iter().copied().map(IpNet::from).collect()),
    ];
    if !publication.from.is_empty() {
        let from = publication.from.iter().filter(|network| Family::of(network.addr()) == family);
        sets.push(networks(names.from, from.copied().collect()));
    }
    if path.stateless.is_some() {
        sets.push(Set { name: names.flows, content: Content::Flows { family, timeout: SILENCE } });
    }
    sets
}

/// `--from`, where it was given.
fn allowed(publication: &Publication, path: &Path) -> Vec<S> {
    if publication.from.is_empty() {
        return Vec::new();
    }
    vec![within(Source, path, names(path.family()).from)]
}

fn rule<const N: usize>(statements: [S; N]) -> Rule {
    Rule(statements.into())
}

fn is(side: Side, address: IpAddr) -> S {
    S::Address(side, Test::Is(address))
}

fn within(side: Side, path: &Path, set: &'static str) -> S {
    S::Address(side, Test::In(path.family(), set))
}

fn udp(side: Side) -> S {
    S::Port(Protocol::Udp, side, UDP)
}

fn tcp() -> S {
    S::Port(Protocol::Tcp, Destination, TCP)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn publication(ports: &[&str]) -> Publication {
        Publication {
            name: "switch".to_owned(),
            container: "c0ffee".to_owned(),
            bridge: "br-voice".to_owned(),
            ports: ports.iter().map(|text| text.parse().unwrap()).collect(),
            from: vec!["198.51.100.0/24".parse().unwrap()],
            follows: true,
            paths: vec![Path {
                container: [172, 29, 0, 2].into(),
                network: "172.29.0.0/24".parse().unwrap(),
                stateless: Some([192, 0, 2, 1].into()),
                tracked: vec![[192, 0, 2, 9].into()],
                peers: vec!["172.17.0.0/16".parse().unwrap(), "172.29.0.0/24".parse().unwrap()],
            }],
        }
    }

    #[test]
    fn as_nft_writes_them() {
        let publication = publication(&["5060/udp", "16384-32767/udp", "5060/tcp"]);
        let both = [
            host_table(&publication, "netctl".to_owned()),
            container_table(&publication, "netctl".to_owned()),
        ];
        assert_eq!(both.map(|table| table.to_string()).concat(), include_str!("rules.snapshot"));
    }

    #[test]
    fn as_many_for_two_ports_as_for_16384() {
        let tables = [&["16384-16385/udp"][..], &["16384-32767/udp", "5060/udp", "5060/tcp"]]
            .map(|ports| [host_table, container_table].map(|make| make(&publication(ports), String::new())));
        let [few, many] = tables.map(|tables| tables.map(|table| table.chains));
        assert_eq!(few, many);
    }
}
