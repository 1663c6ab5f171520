//! An INVITE on its way to the dialog whose place it wants (RFC 3891).

use std::net::IpAddr;
use std::sync::Arc;

use switch_sip::message::{Replaces, Request};
use switch_sip::transaction::{Flow, ServerId};

use crate::agent::Agent;
use crate::refusal::Refused;

/// An INVITE that wants a dialog's place. Whatever becomes of the session it is sent to, it is answered.
pub(crate) struct Replacing {
    agent: Arc<Agent>,
    pub(crate) id: ServerId,
    pub(crate) request: Arc<Request>,
    pub(crate) flow: Flow,
    pub(crate) replaces: Replaces,
    pub(crate) is_answered: bool,
}

impl Replacing {
    pub(crate) fn new(
        agent: &Arc<Agent>,
        id: ServerId,
        request: Request,
        flow: Flow,
        replaces: Replaces,
    ) -> Self {
        let (agent, request) = (Arc::clone(agent), Arc::new(request));
        Self { agent, id, request, flow, replaces, is_answered: false }
    }

    /// Whether the dialog with this tag of the peer's is meant. One of RFC 2543 has none, and is asked for as `0`.
    pub(crate) fn names(&self, remote_tag: &str) -> bool {
        let named = &self.replaces.from_tag;
        named == remote_tag || (named == "0" && remote_tag.is_empty())
    }

    pub(crate) fn source(&self) -> IpAddr {
        self.flow.remote.ip().to_canonical()
    }

    pub(crate) fn refuse(&mut self, refused: &Refused) {
        self.is_answered = true;
        let Refused { refusal, why } = refused;
        tracing::info!(source = %self.source(), status = refusal.status, %why, "not replaced");
        self.agent.respond(self.id, refusal.to(&self.request));
    }
}

impl Drop for Replacing {
    fn drop(&mut self) {
        if !self.is_answered {
            // Nobody read it: the session has ended (RFC 3891 §3).
            self.refuse(&Refused::new(603, "the dialog has ended"));
        }
    }
}
