//! All else by connection tracking, before Docker's own NAT; only what is new comes here.

use super::super::request::{Path, Publication};
use super::{S, allowed, is, names, rule, tcp, udp, within};
use crate::firewall::Side::{Destination, Source};
use crate::firewall::{Bit, Rule, Way};

/// What is new, and comes from elsewhere.
pub(super) fn prerouting(publication: &Publication, path: &Path) -> Vec<Rule> {
    let names = names(path.family());
    let allowed = |mut statements: Vec<S>| {
        statements.extend(allowed(publication, path));
        statements.extend([S::Counter, S::Dnat(path.container)]);
        Rule(statements)
    };
    vec![
        rule([within(Destination, path, names.hosts), udp(Destination), S::OwnSocket, S::Return]),
        rule([within(Destination, path, names.hosts), tcp(), S::OwnSocket, S::Return]),
        // Other containers of this host: their answers cross the bridge itself, or Docker drops them.
        allowed(vec![
            within(Source, path, names.peers),
            within(Destination, path, names.hosts),
            udp(Destination),
        ]),
        allowed(vec![within(Destination, path, names.tracked), udp(Destination)]),
        allowed(vec![within(Destination, path, names.hosts), tcp()]),
    ]
}

/// What is new, and comes from the host itself.
pub(super) fn output(_: &Publication, path: &Path) -> Vec<Rule> {
    let names = names(path.family());
    vec![
        rule([
            within(Destination, path, names.tracked),
            udp(Destination),
            S::Counter,
            S::Dnat(path.container),
        ]),
        rule([within(Destination, path, names.hosts), tcp(), S::Counter, S::Dnat(path.container)]),
    ]
}

/// So that other containers' answers come back by the bridge's address.
pub(super) fn postrouting(publication: &Publication, path: &Path) -> Vec<Rule> {
    vec![rule([
        within(Source, path, names(path.family()).peers),
        is(Destination, path.container),
        S::Interface(Way::Out, true, publication.bridge.clone()),
        S::Tracked(Bit::Dnat),
        S::Counter,
        S::Masquerade,
    ])]
}
