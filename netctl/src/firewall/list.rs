//! What is read back, which may be anybody's.

use super::table::{Place, Point};

/// A table that is there.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SeenTable {
    /// Where.
    pub place: Place,
    /// Its name.
    pub name: String,
    /// Its comment, where it has one.
    pub comment: Option<String>,
}

/// A chain that is there.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SeenChain {
    /// Where.
    pub place: Place,
    /// Its table.
    pub table: String,
    /// Its name.
    pub name: String,
    /// Where packets enter it.
    pub point: Option<Point>,
    /// Whether it drops what no rule decides.
    pub drops: bool,
}

/// A rule that is there.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SeenRule {
    /// Its chain.
    pub chain: String,
    /// Its number.
    pub handle: u64,
    /// The comment that iptables wrote.
    pub comment: Option<String>,
    /// Whether it asks anything of a packet.
    pub asks: bool,
    /// Whether it asks for packets that connection tracking does not have.
    pub untracked: bool,
    /// Whether it asks for packets whose destination connection tracking changed.
    pub translated: bool,
    /// What becomes of the packet.
    pub verdict: Option<Verdict>,
    /// Packets it has counted, where it counts.
    pub packets: Option<u64>,
    /// Their bytes.
    pub bytes: Option<u64>,
}

/// What becomes of a packet.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(missing_docs, reason = "nftables' own words")]
pub enum Verdict {
    Accept,
    Drop,
    Reject,
    Return,
    Jump(String),
}
