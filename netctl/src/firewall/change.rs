//! What can be changed, and who does it.

use super::error::FirewallError;
use super::family::Family;
use super::list::{SeenChain, SeenRule, SeenTable};
use super::rule::DockerRule;
use super::table::{Place, Point, Table};

/// One change of many that the kernel makes at once, or not at all.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Change {
    /// Makes a table with all that is in it.
    Add(Table),
    /// Takes a table away; it need not be there.
    Remove(String),
    /// Puts an accept into a chain of iptables' table filter.
    Accept {
        /// What is accepted.
        rule: DockerRule,
        /// Which chain.
        chain: &'static str,
        /// Before the rule with this handle, or at the end.
        before: Option<u64>,
    },
    /// Takes an accept out again.
    Withdraw {
        /// iptables' or ip6tables'.
        place: Place,
        /// Which chain.
        chain: String,
        /// The rule's.
        handle: u64,
    },
}

/// nftables in one network namespace. `crate::netlink::Nftables` is the real one.
pub trait Firewall {
    /// Makes all changes in one transaction.
    ///
    /// # Errors
    /// Then nothing was changed.
    fn apply(&self, changes: &[Change]) -> Result<(), FirewallError>;
    /// The tables there are.
    ///
    /// # Errors
    /// If the kernel does not tell.
    fn tables(&self) -> Result<Vec<SeenTable>, FirewallError>;
    /// The chains there are.
    ///
    /// # Errors
    /// If the kernel does not tell.
    fn chains(&self) -> Result<Vec<SeenChain>, FirewallError>;
    /// The rules of a table.
    ///
    /// # Errors
    /// If the kernel does not tell.
    fn rules(&self, place: Place, table: &str) -> Result<Vec<SeenRule>, FirewallError>;
}

/// Whether a chain drops what is forwarded and no rule decides; where that cannot be read it is not known to.
pub fn forward_drops(firewall: &impl Firewall, family: Family) -> bool {
    let own = if family == Family::V4 { Place::Ip } else { Place::Ip6 };
    let chains = firewall.chains().unwrap_or_default();
    chains.iter().any(|chain| {
        chain.point == Some(Point::Forward) && chain.drops && [Place::Inet, own].contains(&chain.place)
    })
}
