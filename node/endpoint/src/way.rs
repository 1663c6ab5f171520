//! The way of a request, as far as it is known: what a dialog says of it, what was found, why nothing was.

use std::collections::VecDeque;
use std::net::SocketAddr;

use switch_sip::dialog::Dialog;
use switch_sip::hop::Hop;
use switch_sip::transaction::Flow;
use thiserror::Error;

use crate::resolve::{Candidate, ResolveError};

/// Where the next request of a dialog goes.
#[derive(Clone, Debug)]
pub(crate) struct Way {
    /// What the dialog says; none where it names nothing this switch can send to.
    pub(crate) hop: Option<Hop>,
    /// Where the peer's last message came from, or our INVITE went.
    pub(crate) seen: Flow,
}

impl Way {
    pub(crate) fn of(dialog: &Dialog, seen: Flow) -> Self {
        Self { hop: Hop::of(dialog.next_hop()), seen }
    }
}

/// The way to the callee, and others should it lead nowhere.
pub(crate) struct Reached {
    pub(crate) flow: Flow,
    pub(crate) rest: VecDeque<Candidate>,
}

/// Why a hop cannot be reached.
#[derive(Debug, Error)]
pub(crate) enum RouteError {
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    #[error("no socket to send from to {0}")]
    NoSocket(SocketAddr),
    #[error("no TCP connection to {0}: {1}")]
    Connect(SocketAddr, std::io::Error),
    #[error("{0} cannot be sent to")]
    Target(String),
    #[error("nothing is left to try")]
    Exhausted,
}
