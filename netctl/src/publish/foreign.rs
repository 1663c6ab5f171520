//! Other firewalls: a packet that connection tracking does not have passes no rule that asks for established flows.
//!
//! Only what is certain is found: a chain at the hook forward (or input, for the host itself) whose rules, those that ask for something aside, end in
//! a drop. An accept in another table does not overrule it.

use std::fmt;

use super::accept::is_dockers;
use crate::firewall::{Firewall, FirewallError, Place, Point, SeenChain, SeenRule, Verdict};

/// A chain that would drop what is published.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Obstacle {
    /// Where.
    pub place: Place,
    /// Its table.
    pub table: String,
    /// Its name.
    pub chain: String,
    /// Where packets enter it: on their way through the host, or into it.
    pub point: Point,
    /// Whether it lets pass what goes through connection tracking.
    pub passes_tracked: bool,
}

impl Obstacle {
    /// The command that lets it pass.
    pub fn mend(&self) -> String {
        let Self { table, chain, .. } = self;
        if self.is_dockers_nftables() {
            return "set \"firewall-backend\": \"iptables\" in /etc/docker/daemon.json and start Docker again: an accept \
                in another table does not overrule its drop"
                .to_owned();
        }
        let family = match self.place {
            Place::Inet => "inet",
            Place::Ip if table == "filter" => {
                return format!("iptables -I {chain} -m conntrack --ctstate UNTRACKED,DNAT -j ACCEPT");
            }
            Place::Ip6 if table == "filter" => {
                return format!("ip6tables -I {chain} -m conntrack --ctstate UNTRACKED,DNAT -j ACCEPT");
            }
            Place::Ip => "ip",
            Place::Ip6 => "ip6",
        };
        let mut mend = format!("nft insert rule {family} {table} {chain} ct state untracked accept");
        if self.passes_tracked {
            mend.push_str(" (and in its own configuration, to last), or --via conntrack");
        } else {
            mend.push_str(&format!("; nft insert rule {family} {table} {chain} ct status dnat accept"));
        }
        mend
    }

    /// The same, as it can be typed; none where a file has to be changed.
    pub fn command(&self) -> Option<String> {
        let mend = self.mend();
        (!self.is_dockers_nftables()).then(|| mend.split(" (and in").next().unwrap_or(&mend).to_owned())
    }

    fn is_dockers_nftables(&self) -> bool {
        self.table == DOCKERS_NFTABLES
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { table, chain, .. } = self;
        if self.is_dockers_nftables() {
            return write!(
                f,
                "Docker speaks nftables itself and drops what it did not publish (table {table})"
            );
        }
        let what = "drops packets that connection tracking does not have";
        write!(f, "the firewall's chain {chain} of the table {table} {what}")?;
        match self.point {
            Point::Input => f.write_str(": the host itself gets no answers by UDP"),
            _ => Ok(()),
        }
    }
}

/// The table of Docker 29 where it speaks nftables itself.
pub(super) const DOCKERS_NFTABLES: &str = "docker-bridges";

/// What becomes of a packet that no rule asks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Fate {
    Passes,
    Dropped,
    Undecided,
}

/// All that is in the way of what is published statelessly: of packets that are passed on, and of answers to the host
/// itself.
///
/// # Errors
/// Where the rules cannot be read.
pub fn obstacles(firewall: &impl Firewall) -> Result<Vec<Obstacle>, FirewallError> {
    let places = [Place::Inet, Place::Ip, Place::Ip6];
    let found = [Point::Forward, Point::Input].map(|point| obstacle(firewall, point, &places));
    Ok(found.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

/// Finds the first such chain at a point; `places` are the families that matter.
pub(super) fn obstacle(
    firewall: &impl Firewall,
    point: Point,
    places: &[Place],
) -> Result<Option<Obstacle>, FirewallError> {
    let chains = firewall.chains()?;
    let foreign = chains.iter().filter(|chain| {
        let own = chain.table.starts_with("netctl-");
        let here = chain.point == Some(point) && places.contains(&chain.place);
        here && !own && !is_dockers(chain, &chains)
    });
    for chain in foreign {
        let rules = firewall.rules(chain.place, &chain.table)?;
        let found = |passes_tracked| Obstacle {
            place: chain.place,
            table: chain.table.clone(),
            chain: chain.name.clone(),
            point,
            passes_tracked,
        };
        // What its maps decide is not seen from here, but that it drops what Docker did not publish is known.
        if chain.table == DOCKERS_NFTABLES && point == Point::Forward {
            return Ok(Some(found(false)));
        }
        if drops(chain, &rules, |rule| rule.untracked) {
            return Ok(Some(found(!drops(chain, &rules, |rule| rule.translated))));
        }
    }
    Ok(None)
}

fn drops(chain: &SeenChain, rules: &[SeenRule], fits: impl Fn(&SeenRule) -> bool + Copy) -> bool {
    /// The kernel's own bound on jumps.
    const JUMPS: usize = 16;
    match fate(&chain.name, rules, fits, JUMPS) {
        Fate::Passes => false,
        Fate::Dropped => true,
        Fate::Undecided => chain.drops,
    }
}

fn fate(chain: &str, rules: &[SeenRule], fits: impl Fn(&SeenRule) -> bool + Copy, jumps: usize) -> Fate {
    for rule in rules.iter().filter(|rule| rule.chain == chain) {
        if rule.asks && !fits(rule) {
            continue;
        }
        match &rule.verdict {
            Some(Verdict::Accept) => return Fate::Passes,
            Some(Verdict::Drop | Verdict::Reject) => return Fate::Dropped,
            Some(Verdict::Return) => return Fate::Undecided,
            Some(Verdict::Jump(to)) if jumps > 0 => {
                let fate = fate(to, rules, fits, jumps - 1);
                if fate != Fate::Undecided {
                    return fate;
                }
            }
            _ => {}
        }
    }
    Fate::Undecided
}
