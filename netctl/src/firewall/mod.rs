//! nftables, as far as publishing needs it: tables, chains, sets and rules as types, and the kernel that has them
//! behind a narrow trait.
//!
//! Knows neither netlink nor what a rule is for. [`std::fmt::Display`] writes what `nft list` writes.

mod change;
mod error;
#[cfg(test)]
pub(crate) mod fake;
mod family;
mod list;
mod rule;
mod show;
mod table;
mod trace;

pub use change::{Change, Firewall, forward_drops};
pub use error::FirewallError;
pub use family::Family;
pub use list::{SeenChain, SeenRule, SeenTable, Verdict};
pub use rule::{Bit, DockerRule, FlowKey, Side, Statement, TRACED, Test, Way};
pub(crate) use table::MOST_FLOWS;
pub use table::{Chain, Content, Hook, Kind, Place, Point, PortRange, Rule, Set, Table};
pub use trace::{End, Step};
