//! Which of its own rules Docker has: they go when somebody flushes, and only a start of the daemon brings them back.
//!
//! They are in iptables, in ip6tables unless the daemon is told not to (20.10: if it is told to), or, from Docker 29 on
//! and where it is asked to, in nftables tables of its own. Where it never had any it lacks none.

use std::fmt;

use super::accept::{DOCKER_USER, FORWARD, TABLE, leads};
use super::foreign::DOCKERS_NFTABLES;
use crate::firewall::{Firewall, FirewallError, Place, Point, SeenChain};

/// Somewhere Docker keeps rules.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Keep {
    /// iptables' tables.
    Iptables,
    /// ip6tables' tables.
    Ip6tables,
    /// Docker's table for IPv4.
    Nftables,
    /// Docker's table for IPv6.
    Nftables6,
}

impl Keep {
    const ALL: [Self; 4] = [Self::Iptables, Self::Ip6tables, Self::Nftables, Self::Nftables6];

    fn place(self) -> Place {
        match self {
            Self::Iptables | Self::Nftables => Place::Ip,
            Self::Ip6tables | Self::Nftables6 => Place::Ip6,
        }
    }
}

impl fmt::Display for Keep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Iptables => f.write_str("iptables"),
            Self::Ip6tables => f.write_str("ip6tables"),
            Self::Nftables => write!(f, "table ip {DOCKERS_NFTABLES}"),
            Self::Nftables6 => write!(f, "table ip6 {DOCKERS_NFTABLES}"),
        }
    }
}

/// What Docker has at one of them.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Kept {
    /// What it lets pass between its bridges and the rest.
    pub forwards: bool,
    /// The ports that it publishes itself.
    pub translates: bool,
}

/// The same everywhere, in the order of [`Keep`].
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct DockersRules([Kept; Keep::ALL.len()]);

impl DockersRules {
    pub(super) fn look(host: &impl Firewall) -> Result<Self, FirewallError> {
        let chains = host.chains()?;
        let mut rules = Self::default();
        for (kept, keep) in rules.0.iter_mut().zip(Keep::ALL) {
            *kept = match keep {
                Keep::Iptables | Keep::Ip6tables => in_iptables(host, &chains, keep.place())?,
                Keep::Nftables | Keep::Nftables6 => in_nftables(host, &chains, keep.place())?,
            };
        }
        Ok(rules)
    }

    /// What is in either of them.
    pub fn and(self, other: Self) -> Self {
        let either = |(a, b): (Kept, Kept)| Kept {
            forwards: a.forwards || b.forwards,
            translates: a.translates || b.translates,
        };
        let mut both = self.0.into_iter().zip(other.0).map(either);
        Self(std::array::from_fn(|_| both.next().unwrap_or_default()))
    }

    /// Where some of these are missing in what is there now.
    pub fn missing(self, now: Self) -> Vec<Keep> {
        let lacks =
            |(had, has): (Kept, Kept)| had.forwards && !has.forwards || had.translates && !has.translates;
        let each = self.0.into_iter().zip(now.0).map(lacks).zip(Keep::ALL);
        each.filter_map(|(lacks, keep)| lacks.then_some(keep)).collect()
    }

    /// With what it has at one of them.
    #[cfg(test)]
    pub(crate) fn with(mut self, keep: Keep, kept: Kept) -> Self {
        self.0[Keep::ALL.iter().position(|it| *it == keep).unwrap()] = kept;
        self
    }
}

fn in_iptables(host: &impl Firewall, chains: &[SeenChain], place: Place) -> Result<Kept, FirewallError> {
    let asked = |table: &str| match chains.iter().any(|chain| chain.place == place && chain.table == table) {
        true => host.rules(place, table),
        false => Ok(Vec::new()),
    };
    let forward = asked(TABLE)?;
    // Docker 20.10 has no DOCKER-USER for IPv6.
    let first = match place {
        Place::Ip6 => &[DOCKER_USER, "DOCKER-ISOLATION-STAGE-1"][..],
        _ => &[DOCKER_USER],
    };
    Ok(Kept {
        forwards: first.iter().any(|chain| leads(&forward, FORWARD, chain)),
        translates: leads(&asked("nat")?, "PREROUTING", "DOCKER"),
    })
}

/// By where its chains hang in a packet's way, not by their names: Docker says that those may change.
fn in_nftables(host: &impl Firewall, chains: &[SeenChain], place: Place) -> Result<Kept, FirewallError> {
    let its: Vec<_> = chains.iter().filter(|it| it.place == place && it.table == DOCKERS_NFTABLES).collect();
    if its.is_empty() {
        return Ok(Kept::default());
    }
    let rules = host.rules(place, DOCKERS_NFTABLES)?;
    let decides = |point| {
        let mut there = its.iter().filter(|chain| chain.point == Some(point));
        there.any(|chain| rules.iter().any(|rule| rule.chain == chain.name))
    };
    Ok(Kept { forwards: decides(Point::Forward), translates: decides(Point::Prerouting) })
}
