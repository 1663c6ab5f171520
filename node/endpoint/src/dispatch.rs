//! What the transaction layer has to tell, and to whom: a session that is up, a new one, or the peer at once.

use std::sync::Arc;

use switch_core::switch::NewSession;
use switch_core::{CallerProfile, ChannelDirection};
use switch_sip::message::{Method, Replaces, Request, Response};
use switch_sip::response;
use switch_sip::transaction::{ClientId, Event, Flow, ServerId};

use crate::agent::Agent;
use crate::capabilities::{ALLOW, SUPPORTED, is_supported};
use crate::counters::count;
use crate::directory::{DialogKey, Parting, Recipient};
use crate::leg::Leg;
use crate::mail::LegMessage;
use crate::refusal::{Refusal, Refused};
use crate::replacing::Replacing;
use crate::route::Outgoing;

impl Agent {
    pub(crate) fn dispatch(self: &Arc<Self>, event: Event) {
        match event {
            Event::Request { id, request, flow } => self.on_request(id, request, flow),
            Event::Ack { id, request, .. } => self.on_ack(id, request),
            Event::Cancelled { id } => self.tell_server(id, LegMessage::Cancelled),
            Event::AckMissing { id } => {
                count(&self.counters().missing_acks);
                self.settle(id);
                self.tell_server(id, LegMessage::AckMissing);
            }
            Event::Response { id, response, flow } => self.on_response(id, response, flow),
            Event::Timeout { id } => self.on_client_failed(id, 408),
            Event::TransportFailed { id } => self.on_client_failed(id, 503),
            Event::Over { id } => self.directory.remove_client(id),
        }
    }

    fn on_request(self: &Arc<Self>, id: ServerId, request: Request, flow: Flow) {
        if request.method != Method::Invite && request.headers.contains("Replaces") {
            // RFC 3891 §3.
            return self.respond(id, response::to(&request, 400, None));
        }
        if let Err(refusal) = acceptable(&request) {
            return self.respond(id, refusal.to(&request));
        }
        match request.headers.to_tag().ok().flatten().map(str::to_owned) {
            Some(tag) => self.in_dialog(id, request, flow, tag),
            None => match request.method {
                Method::Invite => self.invite(id, request, flow),
                Method::Options => self.options(id, &request),
                // Outside a dialog these have nothing to speak of (RFC 3261 §12.2.2, §15.1.2; RFC 3311 §5.2).
                _ => self.respond(id, response::to(&request, 481, None)),
            },
        }
    }

    fn in_dialog(self: &Arc<Self>, id: ServerId, request: Request, flow: Flow, local_tag: String) {
        let call_id = request.headers.call_id().unwrap_or_default().to_owned();
        let request = Arc::new(request);
        let told = self.directory.dialog(&DialogKey { call_id, local_tag }).is_some_and(|leg| {
            leg.send(LegMessage::Request { id, request: Arc::clone(&request), flow }).is_ok()
        });
        if !told {
            self.respond(id, response::to(&request, 481, None));
        }
    }

    fn options(self: &Arc<Self>, id: ServerId, request: &Request) {
        let draining = self.switch.gate().is_draining();
        let mut answer = response::to(request, if draining { 503 } else { 200 }, None);
        if draining {
            answer.headers.push("Retry-After", self.settings().retry_after());
        }
        answer.headers.push("Allow", ALLOW);
        answer.headers.push("Supported", SUPPORTED);
        answer.headers.push("Accept", "application/sdp");
        self.respond(id, answer);
    }

    /// An INVITE outside a dialog: a new call, or another party for one that is up.
    fn invite(self: &Arc<Self>, id: ServerId, request: Request, flow: Flow) {
        match request.headers.replaces() {
            Ok(None) => self.call(id, request, flow),
            // To join and to replace contradict one another (RFC 3891 §3).
            Ok(Some(replaces)) if !request.headers.contains("Join") => {
                self.replace(id, request, flow, replaces);
            }
            Ok(Some(_)) | Err(_) => self.respond(id, response::to(&request, 400, None)),
        }
    }

    /// Somebody wants the place of a party of a call that is up. No limit refuses that, nor does the switch's way
    /// out: a transfer that is under way survives.
    fn replace(self: &Arc<Self>, id: ServerId, request: Request, flow: Flow, replaces: Replaces) {
        let key = DialogKey { call_id: replaces.call_id.clone(), local_tag: replaces.to_tag.clone() };
        match self.directory.dialog(&key) {
            Some(leg) => {
                let replacing = Replacing::new(self, id, request, flow, replaces);
                // Whoever drops it, has it answered.
                _ = leg.send(LegMessage::Replace(Box::new(replacing)));
            }
            None => {
                let status = if self.directory.has_ended(&key) { 603 } else { 481 };
                self.respond(id, response::to(&request, status, None));
            }
        }
    }

    /// A new call.
    fn call(self: &Arc<Self>, id: ServerId, request: Request, flow: Flow) {
        let source = flow.remote.ip();
        let permit = match self.switch.gate().admit(source) {
            Ok(permit) => permit,
            Err(refusal) => {
                tracing::info!(%source, reason = %refusal, "call refused");
                let later = self.settings().retry_after();
                let refusal = Refusal { status: 503, header: Some(("Retry-After", later)) };
                return self.respond(id, refusal.to(&request));
            }
        };
        let profile = caller(&request, &flow, &self.settings().dialplans);
        let request = Arc::new(request);
        let leg = match Leg::inbound(self, id, &request, flow) {
            Ok(leg) => leg,
            Err(Refused { refusal, why }) => {
                tracing::info!(%source, status = refusal.status, %why, "call refused");
                return self.respond(id, refusal.to(&request));
            }
        };
        let key = leg.key();
        let session = self.switch.session(NewSession {
            name: format!("sofia/internal/{}@{source}", profile.caller_id_number),
            direction: ChannelDirection::Inbound,
            profile,
            endpoint: Box::new(leg),
            permit: Some(permit),
        });
        self.directory.add_server(id, Recipient::new(session.handle().clone(), key));
        tokio::spawn(session.run());
    }

    fn on_ack(self: &Arc<Self>, id: ServerId, ack: Request) {
        self.settle(id);
        let (Ok(call_id), Ok(Some(tag))) = (ack.headers.call_id(), ack.headers.to_tag()) else { return };
        let key = DialogKey { call_id: call_id.into(), local_tag: tag.into() };
        if let Some(leg) = self.directory.dialog(&key) {
            // A session that has ended needs no ACK; one that does not keep up is being hung up.
            _ = leg.send(LegMessage::Ack(Box::new(ack)));
        }
    }

    fn tell_server(self: &Arc<Self>, id: ServerId, message: LegMessage) {
        if let Some(leg) = self.directory.server(id) {
            // As above.
            _ = leg.send(message);
        }
    }

    /// Nothing waits for this INVITE's ACK any more, a BYE least of all (RFC 3261 §15).
    fn settle(self: &Arc<Self>, id: ServerId) {
        if let Some(Parting { bye, way }) = self.directory.settle(id) {
            self.deliver(Outgoing::Request { request: bye, leg: None }, way);
        }
    }

    fn on_response(self: &Arc<Self>, id: ClientId, response: Response, flow: Flow) {
        let Some(client) = self.directory.client(id) else { return };
        let response = Arc::new(response);
        let told = client.leg.as_ref().is_some_and(|leg| {
            let (request, response) = (Arc::clone(&client.request), Arc::clone(&response));
            leg.send(LegMessage::Response { id, request, response, flow: flow.clone() }).is_ok()
        });
        let invite = client.request.as_request().filter(|request| request.method == Method::Invite);
        if let Some(invite) = invite
            && !told
            && response.is_success()
        {
            self.end_orphan(id, invite, &response, flow);
        }
    }

    fn on_client_failed(self: &Arc<Self>, id: ClientId, status: u16) {
        let Some(client) = self.directory.client(id) else { return };
        if let Some(leg) = client.leg {
            let number = client.request.headers().cseq().map_or(0, |cseq| cseq.number);
            // As above.
            _ = leg.send(LegMessage::Failed { number, status });
        }
    }
}

/// What every request must be, in the order of RFC 3261 §8.2. Without what §8.1.1 asks for it would not have been
/// framed.
fn acceptable(request: &Request) -> Result<(), Refusal> {
    let refuse = |status, header| Err(Refusal { status, header });
    let headers = &request.headers;
    if request.version != switch_sip::message::Version::Two {
        return refuse(505, None);
    }
    match request.method {
        Method::Invite | Method::Bye | Method::Options | Method::Update | Method::Cancel | Method::Ack => {}
        Method::Other(_) => return refuse(501, Some(("Allow", ALLOW.into()))),
        _ => return refuse(405, Some(("Allow", ALLOW.into()))),
    }
    if !matches!(request.uri.scheme(), switch_sip::message::Scheme::Sip | switch_sip::message::Scheme::Tel) {
        return refuse(416, None);
    }
    match headers.max_forwards() {
        Ok(Some(0)) if request.method != Method::Options => return refuse(483, None),
        Ok(_) => {}
        Err(_) => return refuse(400, None),
    }
    let unknown: Vec<&str> = headers.list("Require").filter(|option| !is_supported(option)).collect();
    if !unknown.is_empty() && request.method != Method::Cancel {
        return refuse(420, Some(("Unsupported", unknown.join(", "))));
    }
    if !request.body.is_empty()
        && matches!(request.method, Method::Invite | Method::Update)
        && headers.content_type().is_none_or(|kind| kind != "application/sdp")
    {
        return refuse(415, Some(("Accept", "application/sdp".into())));
    }
    Ok(())
}

fn caller(request: &Request, flow: &Flow, dialplans: &[String]) -> CallerProfile {
    let from = request.headers.from().ok();
    CallerProfile {
        caller_id_number: from.as_ref().and_then(|from| from.uri.user_unescaped()).unwrap_or_default(),
        caller_id_name: from.and_then(|from| from.display).unwrap_or_default(),
        destination_number: request.uri.user_unescaped().unwrap_or_default(),
        network_addr: Some(flow.remote.ip().to_canonical()),
        dialplan: dialplans.to_vec(),
        context: "public".into(),
    }
}
