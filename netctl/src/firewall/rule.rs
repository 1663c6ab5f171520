//! What a rule asks and does.

use std::net::IpAddr;

use ipnet::IpNet;

use super::family::Family;
use crate::ports::Protocol;

/// One statement of a rule.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Statement {
    /// Asks for an address.
    Address(Side, Test),
    /// Asks for a port that is in the set of this name.
    Port(Protocol, Side, &'static str),
    /// Asks for the interface; `false` for any other one.
    Interface(Way, bool, String),
    /// Asks whether the set of this name has the packet's UDP flow.
    KnownFlow(Family, FlowKey, &'static str),
    /// Puts the packet's UDP flow into the set of this name, or makes it young again.
    RememberFlow(Family, FlowKey, &'static str),
    /// Asks whether a socket of this network namespace waits for the packet, bound to an address or to none.
    OwnSocket,
    /// Asks connection tracking.
    Tracked(Bit),
    /// Counts packets and bytes.
    Counter,
    /// Has the kernel tell the further way of some packets: [`TRACED`] a second.
    Trace,
    /// Keeps the packet from connection tracking.
    Notrack,
    /// Writes an address, and mends the checksums.
    Rewrite(Side, IpAddr),
    /// Has connection tracking send the flow to this address.
    Dnat(IpAddr),
    /// Has connection tracking give the flow the address of the interface it leaves by.
    Masquerade,
    /// Goes on in another chain for good.
    Goto(&'static str),
    /// Leaves the chain.
    Return,
}

/// How many packets a second a rule has the kernel tell of: each is some dozens of messages.
pub const TRACED: u8 = 4;

/// Which end of a packet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(missing_docs, reason = "the field's words")]
pub enum Side {
    Source,
    Destination,
}

/// What is asked of an address.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Test {
    /// It is this one.
    Is(IpAddr),
    /// It is outside of this network.
    Outside(IpNet),
    /// It is in the set of this name.
    In(Family, &'static str),
}

/// Into which direction a packet passes an interface.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(missing_docs, reason = "plain words")]
pub enum Way {
    In,
    Out,
}

/// A flow is known by the far address, the far port and the near port. Which end of the packet is far?
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FlowKey {
    /// The packet comes from there.
    From,
    /// The packet goes there.
    To,
}

/// What connection tracking can say.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Bit {
    /// It was kept from it.
    Untracked,
    /// It changed where the flow goes.
    Dnat,
    /// It changed where the flow comes from.
    Snat,
}

/// An accept in Docker's chain DOCKER-USER, written as iptables writes it, so that iptables can read it:
/// `-d CONTAINER -o BRIDGE` (or `-s CONTAINER -i BRIDGE`) `-m conntrack --ctstate DNAT,UNTRACKED -m comment …`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DockerRule {
    /// The container's address.
    pub container: IpAddr,
    /// The bridge it is behind.
    pub bridge: String,
    /// To the container, or from it.
    pub way: Way,
    /// By what it is known again.
    pub comment: String,
}
