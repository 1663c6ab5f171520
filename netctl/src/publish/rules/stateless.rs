//! UDP without connection tracking: the destination is rewritten on the way in, the source on the way out.

use super::super::request::{Path, Publication};
use super::{S, allowed, is, names, rule, udp, within};
use crate::firewall::Side::{Destination, Source};
use crate::firewall::{Bit, FlowKey, Rule, Test, Way};

/// What comes to a published port, unless it is for one of the host's own sockets.
pub(super) fn prerouting(_: &Publication, path: &Path) -> Vec<Rule> {
    let Some(host) = path.stateless else { return Vec::new() };
    let names = names(path.family());
    vec![
        rule([is(Destination, host), udp(Destination), S::OwnSocket, S::Counter, S::Goto(names.outbound)]),
        rule([is(Destination, host), udp(Destination), S::Goto(names.inbound)]),
        rule([is(Source, path.container), udp(Source), S::Goto(names.outbound)]),
    ]
}

/// To the container.
pub(super) fn inbound(publication: &Publication, path: &Path) -> Vec<Rule> {
    let names = names(path.family());
    let mut pass = allowed(publication, path);
    pass.extend([S::Counter, S::Notrack, S::Rewrite(Destination, path.container)]);
    vec![
        // Connection tracking has to bring these, for their answers would not come by here.
        rule([within(Source, path, names.peers), S::Counter, S::Return]),
        // Not made young by this: a peer that goes on sending to somebody who is gone would keep it for ever.
        rule([S::KnownFlow(path.family(), FlowKey::From, names.flows), S::Counter, S::Return]),
        Rule(pass),
    ]
}

/// From the container, whatever has come to the host's own sockets aside.
pub(super) fn outbound(publication: &Publication, path: &Path) -> Vec<Rule> {
    let names = names(path.family());
    vec![
        rule([S::KnownFlow(path.family(), FlowKey::To, names.flows), S::Counter, S::Return]),
        // Within its network it is seen as it is, and connection tracking's answers go to the bridge's own address.
        rule([
            S::Interface(Way::In, true, publication.bridge.clone()),
            is(Source, path.container),
            udp(Source),
            S::Address(Destination, Test::Outside(path.network)),
            S::Counter,
            S::Notrack,
        ]),
    ]
}

pub(super) fn postrouting(publication: &Publication, path: &Path) -> Vec<Rule> {
    let Some(host) = path.stateless else { return Vec::new() };
    let names = names(path.family());
    vec![
        rule([
            is(Source, path.container),
            udp(Source),
            S::Interface(Way::Out, false, publication.bridge.clone()),
            S::Tracked(Bit::Untracked),
            S::Counter,
            S::Rewrite(Source, host),
        ]),
        rule([
            is(Source, host),
            udp(Source),
            S::Tracked(Bit::Snat),
            S::RememberFlow(path.family(), FlowKey::To, names.flows),
        ]),
        // Its answers: whoever only listens is not forgotten.
        rule([
            within(Destination, path, names.peers),
            udp(Destination),
            S::Tracked(Bit::Snat),
            S::RememberFlow(path.family(), FlowKey::From, names.flows),
        ]),
        rule([
            is(Destination, path.container),
            udp(Destination),
            S::Tracked(Bit::Dnat),
            S::RememberFlow(path.family(), FlowKey::From, names.flows),
        ]),
    ]
}

/// From the host itself.
pub(super) fn output(_: &Publication, path: &Path) -> Vec<Rule> {
    let Some(host) = path.stateless else { return Vec::new() };
    let names = names(path.family());
    vec![
        // A process of the host that sends from such a port to another one gets its answer.
        rule([
            is(Destination, host),
            udp(Destination),
            S::KnownFlow(path.family(), FlowKey::From, names.flows),
            S::Return,
        ]),
        rule([
            is(Destination, host),
            udp(Destination),
            S::Counter,
            S::Notrack,
            S::Rewrite(Destination, path.container),
        ]),
        rule([is(Source, host), udp(Source), S::RememberFlow(path.family(), FlowKey::To, names.flows)]),
    ]
}

/// The answer to the host itself.
pub(super) fn input(publication: &Publication, path: &Path) -> Vec<Rule> {
    let Some(host) = path.stateless else { return Vec::new() };
    vec![rule([
        S::Interface(Way::In, true, publication.bridge.clone()),
        is(Source, path.container),
        udp(Source),
        S::Tracked(Bit::Untracked),
        S::Counter,
        S::Rewrite(Source, host),
    ])]
}
