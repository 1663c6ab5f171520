//! What can be changed, and who does it.

use super::error::FirewallError;
use super::list::{SeenChain, SeenRule, SeenTable};
use super::rule::DockerRule;
use super::table::{Place, Table};

/// One change of many that the kernel makes at once, or not at all.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Change {
    /// Makes a table with all that is in it.
    Add(Table),
    /// Takes a table away; it need not be there.
    Remove(String),
    /// Puts an accept into DOCKER-USER, before the rule with this handle or at the end.
    Accept(DockerRule, Option<u64>),
    /// Takes the rule with this handle out of DOCKER-USER.
    Withdraw(Place, u64),
}

/// The chain that Docker leaves to its users.
pub(crate) const DOCKER_USER: &str = "DOCKER-USER";

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
