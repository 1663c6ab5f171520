//! What the kernel tells of a packet's way through the rules.

use std::fmt;
use std::net::IpAddr;

/// A packet met its end in a chain, or came into one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Step {
    /// The packet's number; another one may have the same later.
    pub packet: u32,
    /// The table's family, in nft's words.
    pub family: &'static str,
    /// The table.
    pub table: String,
    /// The chain.
    pub chain: String,
    /// What was decided there.
    pub end: End,
    /// Whether this message itself told interface and addresses. Those of a packet before it with the same number are told
    /// else, where the first message about this one was lost.
    pub fresh: bool,
    /// By which interface the packet came in, where that is told.
    pub interface: Option<u32>,
    /// From where to where, where that is told.
    pub addresses: Option<(IpAddr, IpAddr)>,
}

/// What a rule or a chain decided.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum End {
    /// The rule of this number dropped it.
    Rule(u64),
    /// No rule decided, and the chain drops then.
    Policy,
    /// A rule asked for it, and it goes on.
    Matched,
    /// Nothing: it goes on.
    None,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { family, table, chain, .. } = self;
        match self.end {
            End::Rule(handle) => {
                write!(f, "rule {handle} of the chain {chain} in the table {family} {table}")
            }
            End::Policy => write!(f, "the policy of the chain {chain} in the table {family} {table}"),
            End::Matched | End::None => write!(f, "the chain {chain} in the table {family} {table}"),
        }
    }
}
