//! What `why` is asked for: how to look, and who calls meanwhile.

use std::net::IpAddr;
use std::time::Duration;

use super::call::Caller;

/// How to look.
#[derive(Clone, Debug)]
pub struct Options {
    /// How long to wait where no call is placed, and how long the call's signal is.
    pub seconds: Duration,
    /// Only packets of this peer.
    pub peer: Option<IpAddr>,
    /// What the command needs that publishes again, for instance ` --state-dir /tmp/x`.
    pub publish: String,
}

/// Who calls, while it is looked.
#[derive(Debug, Default)]
pub struct Asked {
    /// One after the other; nobody where somebody else is to.
    pub callers: Vec<Caller>,
    /// Why some others do not.
    pub not_called: Vec<String>,
}
