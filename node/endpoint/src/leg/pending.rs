//! What is under way inside a leg's dialog, and what waits for its time: the session timer (RFC 4028) with the request
//! of ours that is out, the peer's INVITE that waits for its ACK, the place that was taken.

use std::time::Instant;

use switch_core::audio::Audio;
use switch_sip::message::{Headers, Request, Response, SessionExpires};
use switch_sip::session_timer::SessionTimer;
use switch_sip::transaction::ServerId;
use tokio::task::AbortHandle;

use crate::agent::Agent;
use crate::capabilities::{SUPPORTED, TIMER};

/// What keeps the session alive.
pub(super) struct Refresh {
    pub(super) timer: SessionTimer,
    /// The peer's Allow has UPDATE.
    pub(super) takes_update: bool,
    /// The refresh, or the offer, that waits for its answer.
    pub(super) pending: Option<Pending>,
    /// When the peer is offered what both legs can do once more.
    pub(super) offer_at: Option<Instant>,
    pub(super) wake: Option<AbortHandle>,
}

pub(super) struct Pending {
    pub(super) number: u32,
    pub(super) is_invite: bool,
    pub(super) purpose: Purpose,
}

/// What a request of ours inside the dialog is for.
pub(super) enum Purpose {
    /// A sign of life.
    Refresh,
    /// A new offer: what both legs can do.
    Common(Box<Audio>),
    /// A new offer: what the other leg keeps to.
    Restore(Box<Audio>),
}

impl Refresh {
    pub(super) fn new(agent: &Agent) -> Self {
        let timer = SessionTimer::new(agent.settings().session);
        Self { timer, takes_update: false, pending: None, offer_at: None, wake: None }
    }

    /// The peer's Allow, wherever it says one.
    pub(super) fn learn(&mut self, headers: &Headers) {
        if headers.contains("Allow") {
            self.takes_update = headers.lists("Allow", "UPDATE");
        }
    }

    /// Whether the peer owes an answer.
    pub(super) fn is_waiting(&self) -> bool {
        self.pending.is_some()
    }

    /// Whether a new description of the peer's would meet one of ours (RFC 3261 §14.2).
    pub(super) fn is_offering(&self) -> bool {
        self.pending.as_ref().is_some_and(|pending| pending.is_invite)
    }
}

impl Drop for Refresh {
    fn drop(&mut self) {
        if let Some(wake) = &self.wake {
            wake.abort();
        }
    }
}

/// An INVITE inside the dialog that was answered and not yet acknowledged.
pub(super) struct Reinvited {
    pub(super) server: ServerId,
    pub(super) number: u32,
    /// It brought no offer; ours is answered by the ACK.
    pub(super) is_ours: bool,
}

/// Of what the other leg has to be told.
#[derive(Clone, Copy, Debug)]
pub(super) enum Succession {
    /// The place was ringing: it is answered now.
    Early,
    /// It can do something else, perhaps.
    Confirmed,
}

/// Supported, Session-Expires and Min-SE of a request of ours.
pub(super) fn push_timer(request: &mut Request, timer: &SessionTimer) {
    request.headers.push("Supported", SUPPORTED);
    let Some((asked, least)) = timer.ask() else { return };
    request.headers.push("Session-Expires", asked.to_string());
    if let Some(least) = least {
        request.headers.push("Min-SE", least.as_secs().to_string());
    }
}

/// Session-Expires of a 2xx of ours, and what it asks of the peer (§9).
pub(super) fn push_agreed(answer: &mut Response, agreed: Option<&SessionExpires>) {
    let Some(agreed) = agreed else { return };
    answer.headers.push("Session-Expires", agreed.to_string());
    if agreed.refresher_is_uac == Some(true) {
        answer.headers.push("Require", TIMER);
    }
}
