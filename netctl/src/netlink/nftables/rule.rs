//! Rules: from statements to the kernel's expressions.

use std::net::IpAddr;

use ipnet::IpNet;

use super::attribute::Attributes;
use super::expression::{self as kernel, Base, Checksums, Compare, Field};
use super::set::octets;
use crate::firewall::{Bit, Family, FlowKey, Rule, Side, Statement, TRACED, Test, Way};
use crate::ports::Protocol;

pub(super) fn expressions(rule: &Rule, list: &mut Attributes) {
    let mut writer = Writer { list, family: None, transport: None };
    rule.0.iter().for_each(|statement| writer.statement(statement));
}

/// What the rule has asked for already need not be asked again.
struct Writer<'a> {
    list: &'a mut Attributes,
    family: Option<Family>,
    transport: Option<Protocol>,
}

impl Writer<'_> {
    fn statement(&mut self, statement: &Statement) {
        match statement {
            Statement::Address(side, test) => self.address(*side, test),
            Statement::Port(transport, side, set) => {
                self.transport(*transport);
                kernel::load(self.list, port(*side), kernel::VALUE);
                kernel::lookup(self.list, set);
            }
            Statement::Interface(way, same, name) => {
                kernel::meta(self.list, if *way == Way::In { kernel::IIFNAME } else { kernel::OIFNAME });
                let how = if *same { Compare::Equal } else { Compare::Different };
                let mut whole = name.clone().into_bytes();
                whole.resize(INTERFACE, 0);
                kernel::compare(self.list, how, &whole);
            }
            Statement::KnownFlow(family, key, set) => {
                self.flow(*family, *key);
                kernel::lookup(self.list, set);
            }
            Statement::RememberFlow(family, key, set) => {
                self.flow(*family, *key);
                kernel::update(self.list, set);
            }
            Statement::OwnSocket => {
                kernel::socket_wildcard(self.list);
                kernel::compare(self.list, Compare::AtMost, &[1]);
            }
            Statement::Tracked(Bit::Untracked) => {
                kernel::ct(self.list, kernel::CT_STATE);
                kernel::any_bit(self.list, UNTRACKED);
            }
            Statement::Tracked(Bit::Dnat) => self.status(DESTINATION_NAT),
            Statement::Tracked(Bit::Snat) => self.status(SOURCE_NAT),
            Statement::Counter => kernel::counter(self.list),
            Statement::Trace => {
                kernel::limit(self.list, u64::from(TRACED));
                kernel::trace(self.list);
            }
            Statement::Notrack => kernel::plain(self.list, "notrack"),
            Statement::Rewrite(side, to) => self.rewrite(*side, *to),
            Statement::Dnat(to) => {
                kernel::immediate(self.list, &octets(*to));
                kernel::dnat(self.list, protocol(Family::of(*to)));
            }
            Statement::Masquerade => kernel::plain(self.list, "masq"),
            Statement::Goto(chain) => kernel::verdict(self.list, GOTO, Some(chain)),
            Statement::Return => kernel::verdict(self.list, RETURN, None),
        }
    }

    fn family(&mut self, family: Family) {
        if self.family.replace(family) != Some(family) {
            kernel::meta(self.list, kernel::NFPROTO);
            kernel::compare(self.list, Compare::Equal, &[protocol(family)]);
        }
    }

    fn transport(&mut self, transport: Protocol) {
        if self.transport.replace(transport) != Some(transport) {
            let number = match transport {
                Protocol::Tcp => 6,
                Protocol::Udp => 17,
            };
            kernel::meta(self.list, kernel::L4PROTO);
            kernel::compare(self.list, Compare::Equal, &[number]);
        }
    }

    fn address(&mut self, side: Side, test: &Test) {
        let family = match test {
            Test::Is(address) => Family::of(*address),
            Test::Outside(network) => Family::of(network.addr()),
            Test::In(family, _) => *family,
        };
        self.family(family);
        kernel::load(self.list, address(family, side), kernel::VALUE);
        match test {
            Test::Is(address) => kernel::compare(self.list, Compare::Equal, &octets(*address)),
            Test::Outside(network) => {
                kernel::mask(self.list, &netmask(network));
                kernel::compare(self.list, Compare::Different, &octets(network.network()));
            }
            Test::In(_, set) => kernel::lookup(self.list, set),
        }
    }

    /// Far address, far port and near port, each from a register's beginning.
    fn flow(&mut self, family: Family, key: FlowKey) {
        self.family(family);
        self.transport(Protocol::Udp);
        let (far, near) = match key {
            FlowKey::From => (Side::Source, Side::Destination),
            FlowKey::To => (Side::Destination, Side::Source),
        };
        // Behind the four or sixteen bytes of the address, which start at register 1, whose quarters are 8 to 11.
        let next = match family {
            Family::V4 => 9,
            Family::V6 => 12,
        };
        kernel::load(self.list, address(family, far), kernel::VALUE);
        kernel::load(self.list, port(far), next);
        kernel::load(self.list, port(near), next + 1);
    }

    fn status(&mut self, bit: u32) {
        kernel::ct(self.list, kernel::CT_STATUS);
        kernel::any_bit(self.list, bit);
    }

    fn rewrite(&mut self, side: Side, to: IpAddr) {
        let family = Family::of(to);
        self.family(family);
        let checksums = match family {
            Family::V4 => Checksums::Inet,
            Family::V6 => Checksums::Transport,
        };
        kernel::immediate(self.list, &octets(to));
        kernel::write(self.list, address(family, side), &checksums);
    }
}

/// Bytes of an interface's name, the final zeros included.
const INTERFACE: usize = 16;
/// NF_CT_STATE_UNTRACKED_BIT.
pub(super) const UNTRACKED: u32 = 1 << 6;
/// IPS_SRC_NAT and IPS_DST_NAT.
const SOURCE_NAT: u32 = 1 << 4;
pub(super) const DESTINATION_NAT: u32 = 1 << 5;
/// NFT_GOTO and NFT_RETURN.
const GOTO: i32 = -4;
const RETURN: i32 = -5;

/// The NFPROTO_ number.
fn protocol(family: Family) -> u8 {
    match family {
        Family::V4 => 2,
        Family::V6 => 10,
    }
}

/// RFC 791 and RFC 8200, section 3 in both.
pub(super) fn address(family: Family, side: Side) -> Field {
    let (offset, length) = match (family, side) {
        (Family::V4, Side::Source) => (12, 4),
        (Family::V4, Side::Destination) => (16, 4),
        (Family::V6, Side::Source) => (8, 16),
        (Family::V6, Side::Destination) => (24, 16),
    };
    Field { base: Base::Network, offset, length }
}

/// UDP (RFC 768) and TCP (RFC 9293, section 3.1) begin alike.
fn port(side: Side) -> Field {
    let offset = match side {
        Side::Source => 0,
        Side::Destination => 2,
    };
    Field { base: Base::Transport, offset, length: 2 }
}

fn netmask(network: &IpNet) -> Vec<u8> {
    octets(network.netmask())
}
