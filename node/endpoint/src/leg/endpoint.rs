//! A leg as the core sees it: an [`Endpoint`]. What comes to it finds here whose it is, and its end is told in the way
//! that fits where it stands.

use std::any::Any;
use std::sync::Arc;

use switch_core::audio::Audio;
use switch_core::endpoint::{EndpointError, LegEvent};
use switch_core::media::{MediaHandle, MediaPort};
use switch_core::{Cause, Channel, Endpoint, Flow as Handling, SessionHandle, State};
use switch_sip::message::{Method, Request};
use switch_sip::response;
use switch_sip::transaction::{Flow, ServerId};

use super::pending::Refresh;
use super::role::Role;
use super::state::Leg;
use crate::capabilities::ALLOW;
use crate::description;
use crate::mail::{LegMessage, Mail};
use crate::reason::cause_of_bye;

impl Endpoint for Leg {
    fn attach(&mut self, session: SessionHandle) {
        self.enter(session);
    }

    fn on_state(&mut self, channel: &mut Channel, state: State) -> Handling {
        match state {
            State::Init => self.begin(channel),
            State::Hangup => self.end(channel),
            _ => {}
        }
        Handling::Continue
    }

    fn receive(&mut self, channel: &mut Channel, message: Box<dyn Any + Send>) -> Vec<LegEvent> {
        let Ok(mail) = message.downcast::<Mail>() else { return Vec::new() };
        if !Arc::ptr_eq(&mail.leg, &self.key) {
            self.on_stray(mail.message);
            return Vec::new();
        }
        match mail.message {
            LegMessage::Replace(replacing) => self.on_replace(channel, *replacing),
            LegMessage::Request { id, request, flow } => {
                self.on_request(id, &request, &flow).into_iter().collect()
            }
            LegMessage::Ack(ack) => match self.on_new_ack(&ack) {
                Some(events) => events,
                None => self.on_ack(channel, &ack),
            },
            LegMessage::Cancelled => vec![LegEvent::Ended { cause: Cause::OriginatorCancel, status: None }],
            LegMessage::AckMissing => {
                // Nothing is waited for any more: the BYE may go (RFC 3261 §13.3.1.4).
                self.ack_is_missing();
                vec![LegEvent::Ended { cause: Cause::RecoveryOnTimerExpire, status: None }]
            }
            LegMessage::Response { id, response, .. } if self.is_refresh(&response) => {
                self.on_refresh_response(id, &response)
            }
            LegMessage::Response { id, request, response, flow } => match request.as_request() {
                Some(request) => self.on_response(id, request, &response, &flow),
                None => Vec::new(),
            },
            LegMessage::Failed { number, status } => match self.on_refresh_unanswered(number, status) {
                Some(events) => events,
                None => self.on_failed(number, status),
            },
            LegMessage::Timer => self.on_timer(),
            LegMessage::Overdue(client) => {
                self.on_overdue(client);
                Vec::new()
            }
            LegMessage::Reached(path) => {
                if path.is_ok() {
                    // Before it is: a callee may answer sooner than this task goes on.
                    channel.mark_placed();
                }
                self.on_reached(path)
            }
        }
    }

    fn ring(&mut self, channel: &mut Channel) -> Result<(), EndpointError> {
        self.inbound_ring(channel)
    }

    fn pre_answer(&mut self, channel: &mut Channel, choice: Option<&Audio>) -> Result<(), EndpointError> {
        self.inbound_pre_answer(channel, choice)
    }

    fn answer(&mut self, channel: &mut Channel, choice: Option<&Audio>) -> Result<(), EndpointError> {
        self.inbound_answer(channel, choice)
    }

    fn follow(&mut self, other: Option<&Audio>) {
        self.other = other.and_then(description::relayable);
        if other.is_none() {
            (self.refused, self.restoring) = (None, None);
        }
        self.align();
    }

    fn restore(&mut self, other: &Audio) {
        self.restoring = description::relayable(other).map(Box::new);
        self.align();
    }

    fn peer_audio(&self) -> Option<&Audio> {
        self.peer_audio.as_ref()
    }

    fn media(&self) -> Option<Arc<dyn MediaPort>> {
        self.media.as_ref().map(MediaHandle::port)
    }
}

impl Leg {
    fn begin(&mut self, channel: &mut Channel) {
        match self.role {
            Role::Inbound(_) => self.inbound_begin(channel),
            Role::Outbound(_) => self.reach(),
        }
    }

    /// The call is over: the peer learns of it in the way that fits where it stands.
    fn end(&mut self, channel: &Channel) {
        let cause = channel.cause().unwrap_or(Cause::NormalClearing);
        self.refresh = Refresh::new(&self.agent);
        self.forget_reinvite();
        let status = channel.protocol_status().map(|status| (status.code, status.phrase.as_str()));
        match &self.role {
            Role::Inbound(_) => self.inbound_end(cause, status),
            Role::Outbound(_) => self.outbound_end(cause),
        }
    }

    /// For a leg whose place was taken before this was read. A request has its answer all the same.
    fn on_stray(&self, message: LegMessage) {
        if let LegMessage::Request { id, request, .. } = message {
            self.agent.respond(id, response::to(&request, 481, None));
        }
    }

    fn on_request(&mut self, id: ServerId, request: &Request, flow: &Flow) -> Option<LegEvent> {
        let Some(dialog) = &mut self.dialog else { return self.on_early_request(id, request) };
        if let Err(error) = dialog.take_request(request) {
            tracing::info!(%error, "request in the dialog refused");
            self.agent.respond(id, response::to(request, error.status(), None));
            return None;
        }
        if let Some(path) = &mut self.path {
            // A peer that moved (a new mapping in its NAT, a new connection) was seen where it is now.
            path.flow = flow.clone();
        }
        match request.method {
            Method::Bye => {
                self.agent.respond(id, response::to(request, 200, None));
                self.dialog = None;
                Some(LegEvent::Ended { cause: cause_of_bye(request), status: None })
            }
            Method::Invite | Method::Update => self.on_new_description(id, request),
            Method::Options => {
                let mut answer = response::to(request, 200, None);
                answer.headers.push("Allow", ALLOW);
                self.agent.respond(id, answer);
                None
            }
            _ => {
                self.agent.respond(id, response::to(request, 405, None));
                None
            }
        }
    }
}

impl Drop for Leg {
    fn drop(&mut self) {
        // After a regular end there is nothing left to do here; after a panic there is.
        match &self.role {
            Role::Inbound(_) => self.inbound_end(Cause::Crash, None),
            Role::Outbound(_) => self.outbound_end(Cause::Crash),
        }
        self.forget_reinvite();
        self.agent.directory.remove_dialog(&self.key);
    }
}
