//! The leg's session timer (RFC 4028): refreshes of ours, and new descriptions of the peer's that meet them.

use std::time::Instant;

use switch_core::Cause;
use switch_core::endpoint::LegEvent;
use switch_sip::message::Response;
use switch_sip::session_timer::{Action, glare_delay};
use switch_sip::transaction::ClientId;

use super::pending::{Pending, Purpose};
use super::role::Role;
use super::state::Leg;
use crate::counters::count;
use crate::route::Outgoing;

impl Leg {
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
}

fn rand() -> u64 {
    switch_core::SessionId::random().as_u128() as u64
}
