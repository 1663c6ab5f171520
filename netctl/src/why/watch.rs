//! A table of nothing but counters, before and behind every rule on the way, for the seconds of a look.
//!
//! It decides nothing: its chains accept, and a packet's way is the same with it. Rules of foreign tables count
//! only where their makers wanted it, and netctl's own only where they change something; between two of these
//! chains a packet is either counted or gone. Some packets a second are marked, so that the kernel tells which rule
//! dropped them.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::hop::{Hop, Stream};
use super::subject::{Reach, Subject};
use crate::firewall::{
    Chain, Content, Family, Hook, Kind, Point, Rule, SeenRule, Set, Side, Statement as S, Table, Test,
};
use crate::ports::Protocol;

/// What was counted, at each station that counts.
pub type Counts = BTreeMap<(Hop, Stream), u64>;

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
pub fn host_table(subject: &Subject, peer: Option<IpAddr>) -> Option<Table> {
    let Reach::Published { publication, .. } = &subject.reach else { return None };
    let addresses = |whose| match whose {
        Whose::Host => publication.hosts().map(Some).collect(),
        _ => publication.paths.iter().map(|path| Some(path.container)).collect::<Vec<_>>(),
    };
    Some(table(subject, &ON_HOST, peer, addresses))
}

/// The table for the namespace that the switch is in.
pub fn inside_table(subject: &Subject, peer: Option<IpAddr>) -> Table {
    table(subject, &INSIDE, peer, |_| vec![None])
}

fn table(
    subject: &Subject,
    stations: &[Station],
    peer: Option<IpAddr>,
    addresses: impl Fn(Whose) -> Vec<Option<IpAddr>>,
) -> Table {
    let ports = |name, ranges| Set { name, content: Content::Ports(ranges) };
    let sets = vec![
        ports(SIP_UDP, subject.signalling(Protocol::Udp)),
        ports(SIP_TCP, subject.signalling(Protocol::Tcp)),
        ports(MEDIA, vec![subject.media]),
    ];
    let chains = stations.iter().map(|station| Chain {
        name: station.hop.word(),
        hook: Some(Hook { kind: Kind::Filter, point: station.point, priority: station.priority }),
        rules: rules(station, peer, &addresses(station.whose)),
    });
    Table {
        name: table_name(&subject.name),
        comment: "netctl why: counters, for some seconds".to_owned(),
        sets,
        chains: chains.collect(),
    }
}

fn rules(station: &Station, peer: Option<IpAddr>, addresses: &[Option<IpAddr>]) -> Vec<Rule> {
    let (near, far) = match station.hop.is_back() {
        true => (Side::Source, Side::Destination),
        false => (Side::Destination, Side::Source),
    };
    let mut rules = Vec::new();
    for (_, transport, set) in CLASSES {
        for address in addresses {
            let same = |peer: &IpAddr| address.is_none_or(|own| Family::of(own) == Family::of(*peer));
            if peer.is_some_and(|peer| !same(&peer)) {
                continue;
            }
            let mut asks: Vec<S> = peer.map(|peer| S::Address(far, Test::Is(peer))).into_iter().collect();
            asks.extend(address.map(|own| S::Address(near, Test::Is(own))));
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
pub(super) fn counts(table: &Table, seen: &[SeenRule]) -> Option<Counts> {
    let mut counts = Counts::new();
    for chain in &table.chains {
        let hop = Hop::ALL.into_iter().find(|hop| hop.word() == chain.name)?;
        let mut rules = seen.iter().filter(|rule| rule.chain == chain.name);
        for made in &chain.rules {
            let packets = rules.next()?.packets;
            if made.0.last() == Some(&S::Counter) {
                *counts.entry((hop, stream(made)?)).or_default() += packets?;
            }
        }
    }
    Some(counts)
}

fn stream(rule: &Rule) -> Option<Stream> {
    let of = |name: &str| CLASSES.iter().find(|(_, _, set)| *set == name).map(|(stream, _, _)| *stream);
    rule.0.iter().find_map(|statement| match statement {
        S::Port(_, _, set) => of(set),
        _ => None,
    })
}
