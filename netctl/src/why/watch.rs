//! A table of nothing but counters, before and behind every rule on the way, for the seconds of a look.
//!
//! It decides nothing: its chains accept, and a packet's way is the same with it. Rules of foreign tables count
//! only where their makers wanted it, and netctl's own only where they change something; between two of these
//! chains a packet is either counted or gone. Some packets a second are marked, so that the kernel tells which rule
//! dropped them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::counts::ByFamily;
use super::hop::{Hop, Stream};
use super::subject::{Reach, Subject};
use crate::firewall::{
    Chain, Content, Family, Hook, Kind, Point, Rule, SeenRule, Set, Side, Statement as S, Table, Test,
};
use crate::ports::Protocol;

/// Whose packets are counted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Scope {
    /// Of these families.
    pub families: Vec<Family>,
    /// Only of this peer.
    pub peer: Option<IpAddr>,
}

/// Before and behind all others; nobody writes such priorities by hand.
const FIRST: i32 = -1_000_000;
const LAST: i32 = 1_000_000;

/// Which address a packet has at a station.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Whose {
    Host,
    Container,
    Anybody,
}

struct Station {
    hop: Hop,
    point: Point,
    priority: i32,
    whose: Whose,
}

const fn station(hop: Hop, point: Point, priority: i32, whose: Whose) -> Station {
    Station { hop, point, priority, whose }
}

const ON_HOST: [Station; 9] = [
    station(Hop::Arrived, Point::Prerouting, FIRST, Whose::Host),
    station(Hop::Rewritten, Point::Prerouting, LAST, Whose::Container),
    station(Hop::Routed, Point::Forward, FIRST, Whose::Container),
    station(Hop::Forwarded, Point::Forward, LAST, Whose::Container),
    station(Hop::Handed, Point::Postrouting, LAST, Whose::Container),
    station(Hop::Returned, Point::Prerouting, FIRST, Whose::Container),
    station(Hop::RoutedBack, Point::Forward, FIRST, Whose::Container),
    station(Hop::ForwardedBack, Point::Forward, LAST, Whose::Container),
    station(Hop::Departed, Point::Postrouting, LAST, Whose::Host),
];

/// The address there may be a wrong one, which is to be seen.
const INSIDE: [Station; 4] = [
    station(Hop::Entered, Point::Prerouting, FIRST, Whose::Anybody),
    station(Hop::Admitted, Point::Input, LAST, Whose::Anybody),
    station(Hop::Emitted, Point::Output, FIRST, Whose::Anybody),
    station(Hop::Left, Point::Postrouting, LAST, Whose::Anybody),
];

const SIP_UDP: &str = "sip-udp";
const SIP_TCP: &str = "sip-tcp";
const MEDIA: &str = "media";
const CLASSES: [(Stream, Protocol, &str); 3] = [
    (Stream::Signalling, Protocol::Udp, SIP_UDP),
    (Stream::Signalling, Protocol::Tcp, SIP_TCP),
    (Stream::Media, Protocol::Udp, MEDIA),
];

/// The name of the tables: no container has a slash in its name, so nobody's published ports are meant.
pub fn table_name(container: &str) -> String {
    format!("netctl-why/{container}")
}

/// The table for the host's namespace, where packets pass through it.
pub fn host_table(subject: &Subject, scope: &Scope) -> Option<Table> {
    let Reach::Published { publication, .. } = &subject.reach else { return None };
    let addresses = |whose| -> Vec<IpAddr> {
        match whose {
            Whose::Host => publication.hosts().collect(),
            _ => publication.paths.iter().map(|path| path.container).collect(),
        }
    };
    let near = |whose| {
        let its = addresses(whose).into_iter().filter(|ip| scope.families.contains(&Family::of(*ip)));
        its.map(|ip| (Family::of(ip), Test::Is(ip))).collect()
    };
    Some(table(subject, &ON_HOST, scope, near))
}

/// The table for the namespace that the switch is in.
pub fn inside_table(subject: &Subject, scope: &Scope) -> Table {
    table(subject, &INSIDE, scope, |_| scope.families.iter().map(|family| (*family, any(*family))).collect())
}

/// Any address of a family: no packet has the unspecified one.
fn any(family: Family) -> Test {
    Test::Outside(match family {
        Family::V4 => IpAddr::from(Ipv4Addr::UNSPECIFIED).into(),
        Family::V6 => IpAddr::from(Ipv6Addr::UNSPECIFIED).into(),
    })
}

/// Which near addresses are counted, and of which family they are.
type Near = Vec<(Family, Test)>;

fn table(subject: &Subject, stations: &[Station], scope: &Scope, near: impl Fn(Whose) -> Near) -> Table {
    let ports = |name, ranges| Set { name, content: Content::Ports(ranges) };
    let sets = vec![
        ports(SIP_UDP, subject.signalling(Protocol::Udp)),
        ports(SIP_TCP, subject.signalling(Protocol::Tcp)),
        ports(MEDIA, vec![subject.media]),
    ];
    let chains = stations.iter().map(|station| Chain {
        name: station.hop.word(),
        hook: Some(Hook { kind: Kind::Filter, point: station.point, priority: station.priority }),
        rules: rules(station, scope.peer, &near(station.whose)),
    });
    Table {
        name: table_name(&subject.name),
        comment: "netctl why: counters, for some seconds".to_owned(),
        sets,
        chains: chains.collect(),
    }
}

fn rules(station: &Station, peer: Option<IpAddr>, addresses: &Near) -> Vec<Rule> {
    let (near, far) = match station.hop.is_back() {
        true => (Side::Source, Side::Destination),
        false => (Side::Destination, Side::Source),
    };
    let mut rules = Vec::new();
    for (_, transport, set) in CLASSES {
        for (family, test) in addresses {
            if peer.is_some_and(|peer| Family::of(peer) != *family) {
                continue;
            }
            let mut asks = vec![S::Address(near, test.clone())];
            asks.extend(peer.map(|peer| S::Address(far, Test::Is(peer))));
            asks.push(S::Port(transport, near, set));
            if station.hop.marks() {
                rules.push(Rule([&asks[..], &[S::Trace]].concat()));
            }
            rules.push(Rule([&asks[..], &[S::Counter]].concat()));
        }
    }
    rules
}

/// What the rules of a table have counted; none if they are not the ones that were made.
pub(super) fn counts(table: &Table, seen: &[SeenRule]) -> Option<ByFamily> {
    let mut counts = ByFamily::new();
    for chain in &table.chains {
        let hop = Hop::ALL.into_iter().find(|hop| hop.word() == chain.name)?;
        let mut rules = seen.iter().filter(|rule| rule.chain == chain.name);
        for made in &chain.rules {
            let packets = rules.next()?.packets;
            if made.0.last() == Some(&S::Counter) {
                let its = counts.entry(family(made)?).or_default();
                *its.entry((hop, stream(made)?)).or_default() += packets?;
            }
        }
    }
    Some(counts)
}

fn family(rule: &Rule) -> Option<Family> {
    rule.0.iter().find_map(|statement| match statement {
        S::Address(_, Test::Is(address)) => Some(Family::of(*address)),
        S::Address(_, Test::Outside(network)) => Some(Family::of(network.addr())),
        _ => None,
    })
}

fn stream(rule: &Rule) -> Option<Stream> {
    let of = |name: &str| CLASSES.iter().find(|(_, _, set)| *set == name).map(|(stream, _, _)| *stream);
    rule.0.iter().find_map(|statement| match statement {
        S::Port(_, _, set) => of(set),
        _ => None,
    })
}
