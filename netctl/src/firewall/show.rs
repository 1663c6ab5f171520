//! Tables as text: what `nft list table` writes of them, less the counters' numbers.

use std::fmt::{self, Display, Formatter, Result, Write as _};

use ipnet::IpNet;

use super::family::Family;
use super::rule::{Bit, FlowKey, Side, Statement, TRACED, Test, Way};
use super::table::{Chain, Content, Hook, Kind, MOST_FLOWS, Point, Rule, Set, Table};

impl Display for Table {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        writeln!(f, "table inet {} {{", self.name)?;
        writeln!(f, "\tcomment \"{}\"", self.comment)?;
        for (index, set) in self.sets.iter().enumerate() {
            if index > 0 {
                f.write_char('\n')?;
            }
            set.fmt(f)?;
        }
        for chain in &self.chains {
            write!(f, "\n{chain}")?;
        }
        f.write_str("}\n")
    }
}

impl Display for Set {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        writeln!(f, "\tset {} {{", self.name)?;
        match &self.content {
            Content::Ports(ranges) => {
                f.write_str("\t\ttype inet_service\n\t\tflags interval\n")?;
                elements(f, ranges)?;
            }
            Content::Networks(family, networks) => {
                writeln!(f, "\t\ttype {}\n\t\tflags interval", address_type(*family))?;
                let plain = |network: &IpNet| match network {
                    // As nft does, one that is a single address is written as such.
                    network if network.prefix_len() == network.max_prefix_len() => network.addr().to_string(),
                    network => network.to_string(),
                };
                elements(f, &networks.iter().map(plain).collect::<Vec<_>>())?;
            }
            Content::Flows { family, timeout } => {
                writeln!(f, "\t\ttype {} . inet_service . inet_service", address_type(*family))?;
                writeln!(f, "\t\tsize {MOST_FLOWS}\n\t\tflags dynamic,timeout")?;
                writeln!(f, "\t\ttimeout {}m{}s", timeout / 60_000, timeout / 1000 % 60)?;
            }
        }
        f.write_str("\t}\n")
    }
}

fn elements<T: Display>(f: &mut Formatter<'_>, list: &[T]) -> Result {
    if list.is_empty() {
        return Ok(());
    }
    let list: Vec<String> = list.iter().map(ToString::to_string).collect();
    writeln!(f, "\t\telements = {{ {} }}", list.join(", "))
}

fn address_type(family: Family) -> &'static str {
    match family {
        Family::V4 => "ipv4_addr",
        Family::V6 => "ipv6_addr",
    }
}

impl Display for Chain {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        writeln!(f, "\tchain {} {{", self.name)?;
        if let Some(hook) = self.hook {
            writeln!(f, "\t\t{hook} policy accept;")?;
        }
        for rule in &self.rules {
            writeln!(f, "\t\t{rule}")?;
        }
        f.write_str("\t}\n")
    }
}

impl Display for Hook {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let kind = match self.kind {
            Kind::Filter => "filter",
            Kind::Nat => "nat",
            Kind::Route => "route",
        };
        let point = match self.point {
            Point::Prerouting => "prerouting",
            Point::Input => "input",
            Point::Forward => "forward",
            Point::Output => "output",
            Point::Postrouting => "postrouting",
        };
        write!(f, "type {kind} hook {point} priority {};", self.priority)
    }
}

impl Display for Rule {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        for (index, statement) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_char(' ')?;
            }
            statement.fmt(f)?;
        }
        Ok(())
    }
}

impl Display for Statement {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Address(side, test) => {
                let (family, operand) = match test {
                    Test::Is(address) => (Family::of(*address), address.to_string()),
                    Test::Outside(network) => (Family::of(network.addr()), format!("!= {network}")),
                    Test::In(family, set) => (*family, format!("@{set}")),
                };
                write!(f, "{} {} {operand}", ip(family), address(*side))
            }
            Self::Port(protocol, side, set) => write!(f, "{protocol} {} @{set}", port(*side)),
            Self::Interface(way, same, name) => {
                let way = if *way == Way::In { "iifname" } else { "oifname" };
                write!(f, "{way} {}\"{name}\"", if *same { "" } else { "!= " })
            }
            Self::KnownFlow(family, key, set) => write!(f, "{} @{set}", flow(*family, *key)),
            Self::RememberFlow(family, key, set) => {
                write!(f, "update @{set} {{ {} }}", flow(*family, *key))
            }
            Self::OwnSocket => f.write_str("socket wildcard <= 1"),
            Self::Tracked(Bit::Untracked) => f.write_str("ct state untracked"),
            Self::Tracked(Bit::Dnat) => f.write_str("ct status dnat"),
            Self::Tracked(Bit::Snat) => f.write_str("ct status snat"),
            Self::Counter => f.write_str("counter"),
            Self::Trace => {
                write!(f, "limit rate {TRACED}/second burst 1 packets meta nftrace set 1")
            }
            Self::Notrack => f.write_str("notrack"),
            Self::Rewrite(side, to) => write!(f, "{} {} set {to}", ip(Family::of(*to)), address(*side)),
            Self::Dnat(to) => write!(f, "dnat {} to {to}", ip(Family::of(*to))),
            Self::Masquerade => f.write_str("masquerade"),
            Self::Goto(chain) => write!(f, "goto {chain}"),
            Self::Return => f.write_str("return"),
        }
    }
}

fn ip(family: Family) -> &'static str {
    match family {
        Family::V4 => "ip",
        Family::V6 => "ip6",
    }
}

fn address(side: Side) -> &'static str {
    match side {
        Side::Source => "saddr",
        Side::Destination => "daddr",
    }
}

fn port(side: Side) -> &'static str {
    match side {
        Side::Source => "sport",
        Side::Destination => "dport",
    }
}

fn flow(family: Family, key: FlowKey) -> String {
    let (far, near) = match key {
        FlowKey::From => (Side::Source, Side::Destination),
        FlowKey::To => (Side::Destination, Side::Source),
    };
    fmt::format(format_args!("{} {} . udp {} . udp {}", ip(family), address(far), port(far), port(near)))
}
