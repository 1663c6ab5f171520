//! The leg's session timer (RFC 4028): refreshes of ours, and new descriptions of the peer's that meet them.

use std::time::Instant;

use switch_core::Cause;
use switch_core::audio::Audio;
use switch_core::endpoint::LegEvent;
use switch_sip::message::{Headers, Method, Request, Response, SessionExpires};
use switch_sip::sdp::{CONTENT_TYPE, Description};
use switch_sip::session_timer::{Action, SessionTimer, glare_delay};
use switch_sip::transaction::ClientId;
use tokio::task::AbortHandle;

use super::{Leg, Role};
use crate::agent::Agent;
use crate::capabilities::{ALLOW, SUPPORTED, TIMER};
use crate::counters::count;
use crate::description;
use crate::mail::LegMessage;
use crate::route::Outgoing;

/// What keeps the session alive.
pub(super) struct Refresh {
    pub(super) timer: SessionTimer,
    /// The peer's Allow has UPDATE.
    takes_update: bool,
    /// The refresh, or the offer, that waits for its answer.
    pending: Option<Pending>,
    /// When the peer is offered what both legs can do once more.
    offer_at: Option<Instant>,
    wake: Option<AbortHandle>,
}

struct Pending {
    number: u32,
    is_invite: bool,
    purpose: Purpose,
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

impl Leg {
    /// The peer's INVITE or UPDATE was agreed to like this.
    pub(super) fn timer_answered(&mut self, agreed: Option<&SessionExpires>) {
        self.refresh.timer.answered(Instant::now(), agreed);
        self.set_alarm();
    }

    /// The peer answered our INVITE or UPDATE 2xx.
    pub(super) fn timer_refreshed(&mut self, response: &Response) {
        self.refresh.learn(&response.headers);
        self.refresh.timer.refreshed(Instant::now(), response);
        self.set_alarm();
    }

    pub(super) fn on_timer(&mut self) -> Vec<LegEvent> {
        if self.refresh.offer_at.take_if(|at| *at <= Instant::now()).is_some() {
            self.align();
        }
        let action = self.refresh.timer.handle_timeout(Instant::now());
        let events = self.act(action);
        self.set_alarm();
        events
    }

    fn act(&mut self, action: Option<Action>) -> Vec<LegEvent> {
        match action {
            Some(Action::Refresh) => self.send_refresh(),
            Some(Action::End) => {
                count(&self.agent.counters().expired);
                tracing::info!("the session was not refreshed in time");
                return vec![LegEvent::Ended { cause: Cause::RecoveryOnTimerExpire, status: None }];
            }
            None => {}
        }
        Vec::new()
    }

    /// Has the session told when the timer is due.
    fn set_alarm(&mut self) {
        if let Some(wake) = self.refresh.wake.take() {
            wake.abort();
        }
        let next = self.refresh.timer.next_timeout().into_iter().chain(self.refresh.offer_at).min();
        let (Some(at), Some(leg)) = (next, self.recipient.clone()) else {
            return;
        };
        let sleeper = tokio::spawn(async move {
            tokio::time::sleep_until(at.into()).await;
            // A session that has ended needs no refresh.
            _ = leg.send(LegMessage::Timer);
        });
        self.refresh.wake = Some(sleeper.abort_handle());
    }

    /// UPDATE where the peer takes it, else the INVITE with the description it has already (§7.4).
    fn send_refresh(&mut self) {
        if self.refresh.pending.is_some() {
            return;
        }
        let is_invite = !self.refresh.takes_update;
        let body = if is_invite { self.description.last() } else { None };
        count(&self.agent.counters().refreshes);
        self.send_inside(is_invite, body, Purpose::Refresh);
    }

    /// INVITE or UPDATE in the dialog.
    pub(super) fn send_inside(&mut self, is_invite: bool, body: Option<String>, purpose: Purpose) {
        let Some(path) = self.path.clone() else { return };
        let contact = self.contact(&path);
        let Some(dialog) = &mut self.dialog else { return };
        let mut request = dialog.request(if is_invite { Method::Invite } else { Method::Update });
        let number = dialog.local_number();
        request.headers.push("Contact", contact);
        request.headers.push("Allow", ALLOW);
        push_timer(&mut request, &self.refresh.timer);
        if let Some(body) = body {
            request.set_body(CONTENT_TYPE, body.into_bytes());
        }
        let Some(way) = self.way() else { return };
        self.refresh.pending = Some(Pending { number, is_invite, purpose });
        self.agent.deliver(Outgoing::Request { request, leg: self.recipient.clone() }, way);
    }

    /// Whether this response is to a refresh of ours.
    pub(super) fn is_refresh(&self, response: &Response) -> bool {
        let number = response.headers.cseq().map_or(0, |cseq| cseq.number);
        self.refresh.pending.as_ref().is_some_and(|pending| pending.number == number)
    }

    pub(super) fn on_refresh_response(&mut self, id: ClientId, response: &Response) -> Vec<LegEvent> {
        let Some(pending) = self.refresh.pending.take_if(|_| !response.is_provisional()) else {
            return Vec::new();
        };
        if response.is_success() {
            let event = self.take_refreshed(id, &pending, response);
            self.align();
            return event.into_iter().collect();
        }
        tracing::info!(status = response.status, "a refresh of the session, or a new offer, was refused");
        let at_once = Some(std::time::Duration::ZERO);
        let again = match response.status {
            491 => Some(glare_delay(matches!(self.role, Role::Outbound(_)), rand())),
            422 if self.refresh.timer.too_brief(response) => at_once,
            405 | 501 if !pending.is_invite => {
                self.refresh.takes_update = false;
                at_once
            }
            _ => None,
        };
        self.failed(pending.purpose, response.status, again)
    }

    /// A refresh had no answer, if this was one.
    pub(super) fn on_refresh_unanswered(&mut self, number: u32, status: u16) -> Option<Vec<LegEvent>> {
        let pending = self.refresh.pending.take_if(|pending| pending.number == number)?;
        Some(self.failed(pending.purpose, status, None))
    }

    fn failed(&mut self, purpose: Purpose, status: u16, again: Option<std::time::Duration>) -> Vec<LegEvent> {
        match purpose {
            Purpose::Refresh => self.refresh_failed(status, again),
            offer => self.offer_failed(offer, status, again),
        }
    }

    fn refresh_failed(&mut self, status: u16, again: Option<std::time::Duration>) -> Vec<LegEvent> {
        let action = self.refresh.timer.failed(Instant::now(), status, again);
        let events = self.act(action);
        self.set_alarm();
        events
    }

    /// The peer did not take a new offer: asked once more where that may help, left as it was, or ended where the
    /// dialog is gone (RFC 3261 §12.2.1.2).
    fn offer_failed(
        &mut self,
        offer: Purpose,
        status: u16,
        again: Option<std::time::Duration>,
    ) -> Vec<LegEvent> {
        self.description.take_back();
        if matches!(status, 408 | 481) {
            return vec![LegEvent::Ended { cause: Cause::RecoveryOnTimerExpire, status: None }];
        }
        let Some(wait) = again else { return self.offer_refused(offer, status).into_iter().collect() };
        if let Purpose::Restore(audio) = offer {
            self.restoring = Some(audio);
        }
        self.refresh.offer_at = Some(Instant::now() + wait);
        self.set_alarm();
        Vec::new()
    }

    fn take_refreshed(&mut self, id: ClientId, pending: &Pending, response: &Response) -> Option<LegEvent> {
        if let Some(dialog) = &mut self.dialog
            && let Err(error) = dialog.refresh_target(&response.headers)
        {
            tracing::info!(%error, "the Contact of a refresh's answer is left aside");
        }
        if pending.is_invite
            && let (Some(way), Some(dialog)) = (self.way(), &self.dialog)
        {
            self.agent.deliver(Outgoing::Ack { id, ack: dialog.ack(pending.number) }, way);
        }
        let event =
            pending.is_invite.then(|| self.take_new_answer(&response.body, &pending.purpose)).flatten();
        self.timer_refreshed(response);
        event
    }

    /// The peer's answer to an offer of ours inside the dialog; what cannot be taken leaves all as it was. Told
    /// when it can do less than was offered; an offer that named less than it can says nothing about the rest.
    pub(super) fn take_new_answer(&mut self, body: &[u8], purpose: &Purpose) -> Option<LegEvent> {
        let answer = Description::parse(body).ok()?;
        match self.description.accept(&answer) {
            Ok(config) => self.configure(config),
            Err(error) => {
                tracing::info!(%error, "the answer to our offer is left aside");
                return None;
            }
        }
        // What it was brought back to, it had said it cannot do.
        if self.description.took_all() && !matches!(purpose, Purpose::Restore(_)) {
            return None;
        }
        self.peer_audio = description::audio(&answer);
        self.described()
    }
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

fn rand() -> u64 {
    switch_core::SessionId::random().as_u128() as u64
}
