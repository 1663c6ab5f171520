//! What a leg asks of its peer inside the dialog, one request at a time, and the clock of its session timer
//! (RFC 4028).

use std::time::Instant;

use switch_sip::message::{Method, Response, SessionExpires};
use switch_sip::sdp::CONTENT_TYPE;

use super::pending::{Pending, Purpose, push_timer};
use super::state::Leg;
use crate::capabilities::ALLOW;
use crate::mail::LegMessage;
use crate::route::Outgoing;

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

    /// Has the session told when the timer is due.
    pub(super) fn set_alarm(&mut self) {
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
}
