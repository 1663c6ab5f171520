//! What the peer wants changed inside its dialog: hold, resume, a new address, or only a sign of life (RFC 3261
//! §14, RFC 3311, RFC 4028).

use switch_core::Cause;
use switch_core::endpoint::LegEvent;
use switch_sip::message::{Method, Request, Response};
use switch_sip::response;
use switch_sip::sdp::{CONTENT_TYPE, Description, NegotiationError};
use switch_sip::session_timer::TooBrief;
use switch_sip::transaction::ServerId;

use super::pending::{Purpose, Reinvited, push_agreed};
use super::role::Role;
use super::state::{Leg, Path};
use crate::capabilities::{ALLOW, SUPPORTED};

impl Leg {
    /// A request in a dialog that is not answered yet. The caller may end it with BYE (RFC 3261 §15); what would
    /// change it has to wait (§14.2, RFC 3311 §5.2).
    pub(super) fn on_early_request(&mut self, id: ServerId, request: &Request) -> Option<LegEvent> {
        let is_early = self.is_early();
        match request.method {
            Method::Bye if is_early && matches!(self.role, Role::Inbound(_)) => {
                self.agent.respond(id, response::to(request, 200, None));
                Some(LegEvent::Ended { cause: Cause::OriginatorCancel, status: None })
            }
            Method::Invite | Method::Update if is_early => {
                let mut later = response::to(request, 500, None);
                later.headers.push("Retry-After", "2");
                self.agent.respond(id, later);
                None
            }
            _ => {
                self.agent.respond(id, response::to(request, 481, None));
                None
            }
        }
    }

    pub(super) fn on_new_description(&mut self, id: ServerId, request: &Request) -> Option<LegEvent> {
        let before = self.peer_audio.clone();
        match self.answer_new_description(request) {
            Ok(answer) => {
                if request.method == Method::Invite {
                    self.await_ack(id, request);
                }
                self.agent.respond(id, answer);
                self.refused = None;
                self.described().filter(|_| self.peer_audio != before)
            }
            Err(refusal) => {
                self.agent.respond(id, refusal);
                None
            }
        }
    }

    /// The answer, or the refusal that leaves all as it was.
    fn answer_new_description(&mut self, request: &Request) -> Result<Response, Response> {
        let refuse = |status| response::to(request, status, None);
        let path = self.path.clone().ok_or_else(|| refuse(500))?;
        self.refresh.learn(&request.headers);
        // Both at once: neither is taken (RFC 3261 §14.2, RFC 3311 §5.2).
        let is_offer = request.method == Method::Invite || !request.body.is_empty();
        if is_offer && self.refresh.is_offering() {
            return Err(refuse(491));
        }
        request.headers.contact().map_err(|_| refuse(400))?;
        let agreed = self.agent.settings().session.answer(request).map_err(|TooBrief(least)| {
            let mut refusal = refuse(422);
            refusal.headers.push("Min-SE", least.as_secs().to_string());
            refusal
        })?;
        let body = self.new_body(request, &path).map_err(|error| {
            tracing::info!(%error, "new description refused; the old one goes on");
            refuse(error.status())
        })?;
        if let Some(dialog) = &mut self.dialog {
            dialog.refresh_target(&request.headers).map_err(|_| refuse(400))?;
        }
        let mut answer = response::to(request, 200, None);
        answer.headers.push("Contact", self.contact(&path));
        answer.headers.push("Allow", ALLOW);
        answer.headers.push("Supported", SUPPORTED);
        push_agreed(&mut answer, agreed.as_ref());
        if let Some(body) = body {
            answer.set_body(CONTENT_TYPE, body.into_bytes());
        }
        self.timer_answered(agreed.as_ref());
        Ok(answer)
    }

    /// The answer to its offer, or to an INVITE without one an offer of ours.
    fn new_body(&mut self, request: &Request, path: &Path) -> Result<Option<String>, NegotiationError> {
        if !request.body.is_empty() {
            let offer = Description::parse(&request.body)?;
            let other = self.other.clone();
            return self.negotiate(&offer, other.as_ref(), path).map(Some);
        }
        if request.method != Method::Invite {
            return Ok(None);
        }
        let port = self.media.as_ref().ok_or(NegotiationError::NoAudio)?.local().port();
        Ok(Some(self.description.offer(None, path.local.advertised.ip(), port)))
    }

    /// Our 2xx to an INVITE wants an ACK; without one the call ends (RFC 3261 §13.3.1.4).
    fn await_ack(&mut self, server: ServerId, request: &Request) {
        let Some(leg) = self.recipient.clone() else { return };
        self.forget_reinvite();
        self.agent.directory.add_server(server, leg);
        let number = request.headers.cseq().map_or(0, |cseq| cseq.number);
        self.reinvited = Some(Reinvited { server, number, is_ours: request.body.is_empty() });
    }

    /// The ACK of an INVITE inside the dialog, if it is that.
    pub(super) fn on_new_ack(&mut self, ack: &Request) -> Option<Vec<LegEvent>> {
        let number = ack.headers.cseq().ok()?.number;
        let is_ours = self.reinvited.as_ref().filter(|reinvited| reinvited.number == number)?.is_ours;
        self.forget_reinvite();
        let event = is_ours.then(|| self.take_new_answer(&ack.body, &Purpose::Refresh)).flatten();
        self.align();
        Some(event.into_iter().collect())
    }
}
