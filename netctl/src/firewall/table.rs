//! What a table is made of.

use std::fmt;

use ipnet::IpNet;

use super::family::Family;
use super::rule::Statement;

/// Where a table is: each of these has names of its own.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Place {
    /// Both families of addresses.
    Inet,
    /// The tables of iptables.
    Ip,
    /// The tables of ip6tables.
    Ip6,
}

/// A table of family inet with all that is in it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// A word for whoever lists it; at most 120 bytes.
    pub comment: String,
    /// Its sets, which the rules name.
    pub sets: Vec<Set>,
    /// Its chains; one that is jumped to stands before the one that jumps.
    pub chains: Vec<Chain>,
}

impl Table {
    /// How many rules it has.
    pub fn rules(&self) -> usize {
        self.chains.iter().map(|chain| chain.rules.len()).sum()
    }
}

/// A named set.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Set {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub content: Content,
}

/// What a set holds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Content {
    /// Ports: sorted ranges that neither overlap nor touch.
    Ports(Vec<PortRange>),
    /// Networks of one family, sorted, none within another.
    Networks(Family, Vec<IpNet>),
    /// Flows, put in by rules and forgotten after this silence.
    Flows {
        /// Of which addresses.
        family: Family,
        /// Milliseconds without a packet.
        timeout: u64,
    },
}

/// How many flows a set may remember.
pub(crate) const MOST_FLOWS: u32 = 65_535;

/// Ports from the first to the last.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct PortRange {
    /// The lowest.
    pub first: u16,
    /// The highest.
    pub last: u16,
}

impl PortRange {
    /// Whether both have a port in common.
    pub fn overlaps(self, other: Self) -> bool {
        self.first <= other.last && other.first <= self.last
    }

    /// Sorts, and joins what overlaps or touches: the kernel's interval sets take neither.
    pub fn join(mut ranges: Vec<Self>) -> Vec<Self> {
        ranges.sort();
        let mut joined: Vec<Self> = Vec::new();
        for range in ranges {
            match joined.last_mut() {
                Some(before) if range.first <= before.last.saturating_add(1) => {
                    before.last = before.last.max(range.last);
                }
                _ => joined.push(range),
            }
        }
        joined
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last {
            write!(f, "{}", self.first)
        } else {
            write!(f, "{}-{}", self.first, self.last)
        }
    }
}

/// A chain and its rules.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Chain {
    /// Its name.
    pub name: &'static str,
    /// Where packets enter it; none if only rules lead there.
    pub hook: Option<Hook>,
    /// Its rules, in order.
    pub rules: Vec<Rule>,
}

/// Where a chain hangs in a packet's way.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Hook {
    /// What it may do.
    pub kind: Kind,
    /// Which part of the way.
    pub point: Point,
    /// The lower, the earlier; connection tracking stands at -200.
    pub priority: i32,
}

/// What a chain may do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(missing_docs, reason = "nftables' own words")]
pub enum Kind {
    Filter,
    Nat,
    Route,
}

/// A part of a packet's way, numbered as the kernel does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(missing_docs, reason = "nftables' own words")]
pub enum Point {
    Prerouting = 0,
    Input = 1,
    Forward = 2,
    Output = 3,
    Postrouting = 4,
}

/// A rule: what it asks and then does, in order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Rule(pub Vec<Statement>);
