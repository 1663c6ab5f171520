//! The leg of a callee.

use std::sync::Arc;
use std::time::Duration;

use switch_core::audio::Audio;
use switch_core::channel::ProtocolStatus;
use switch_core::endpoint::{EndpointInterface, LegEvent, Originate, OriginateError};
use switch_core::media::{Consent, MediaCommand, OpenStream, StreamId};
use switch_core::{CallerProfile, Cause, Channel, Endpoint};
use switch_sip::dialog::Dialog;
use switch_sip::message::{Method, NameAddr, Request, Response, Uri};
use switch_sip::sdp::{CONTENT_TYPE, Description};
use switch_sip::transaction::{ClientId, Flow, Transport};

use super::{Leg, LegMessage, Path, Role};
use crate::agent::Agent;
use crate::cause;
use crate::counters::count;
use crate::description::{self, Local as LocalDescription};
use crate::directory::DialogKey;
use crate::identity;
use crate::transport::tcp;

/// Longest wait for the first response, beyond which the transaction gives up by itself (timer B).
const SETUP: Duration = Duration::from_secs(32);

/// The CSeq number of our INVITE.
const INVITE_NUMBER: u32 = 1;

/// A callee and how far it is.
pub(super) struct Outbound {
    target: Uri,
    profile: CallerProfile,
    offer: Audio,
    beside: Option<StreamId>,
    stage: Stage,
}

#[derive(Clone, Debug)]
enum Stage {
    /// Its name is being looked up.
    Reaching,
    /// The INVITE is out.
    Invited { client: ClientId, invite: Box<Request> },
    /// It answered: with this tag, for others may answer too.
    Confirmed { client: ClientId, invite: Box<Request>, tag: String },
    /// Nothing more to say.
    Over,
}

/// Places SIP legs for the core.
pub(crate) struct Caller(pub(crate) Arc<Agent>);

impl EndpointInterface for Caller {
    fn scheme(&self) -> &'static str {
        "sip"
    }

    fn outgoing(&self, request: &Originate) -> Result<Box<dyn Endpoint>, OriginateError> {
        let target = Uri::parse(&request.target).map_err(|error| OriginateError::Target {
            target: request.target.clone(),
            why: error.to_string(),
        })?;
        let offer = match &request.offer {
            Some(first) => description::relayable(first).ok_or(OriginateError::Incompatible)?,
            None => description::own(),
        };
        let key = DialogKey { call_id: identity::token(), local_tag: identity::token() };
        Ok(Box::new(Leg {
            agent: Arc::clone(&self.0),
            session: None,
            key,
            dialog: None,
            path: None,
            media: None,
            description: LocalDescription::new(),
            agreed: None,
            peer_audio: None,
            role: Role::Outbound(Outbound {
                target,
                profile: request.profile.clone(),
                offer,
                beside: request.beside,
                stage: Stage::Reaching,
            }),
        }))
    }
}

impl Leg {
    /// Looks the target up and opens the way to it, on a task of its own: nobody else waits.
    pub(super) fn reach(&mut self) {
        let (Role::Outbound(outbound), Some(session)) = (&self.role, self.session.clone()) else { return };
        let (agent, target) = (Arc::clone(&self.agent), outbound.target.clone());
        tokio::spawn(async move {
            let path = reach(&agent, &target).await;
            // A session that has ended needs no way.
            _ = session.send(LegMessage::Reached(path).into());
        });
    }

    pub(super) fn on_reached(&mut self, _channel: &mut Channel, path: Result<Flow, String>) -> Vec<LegEvent> {
        let flow = match path {
            Ok(flow) => flow,
            Err(why) => {
                count(&self.agent.counters().unresolved);
                tracing::warn!(%why, "the callee cannot be reached");
                return vec![LegEvent::Ended { cause: Cause::NetworkOutOfOrder, status: None }];
            }
        };
        let local = self.agent.local_toward(&flow);
        let Role::Outbound(outbound) = &self.role else { return Vec::new() };
        let Some(session) = self.session.clone() else { return Vec::new() };
        let open =
            OpenStream { local: local.source, beside: outbound.beside, events: Arc::new(session.clone()) };
        match self.agent.engine.open(open) {
            Ok(media) => self.media = Some(media),
            Err(error) => {
                count(&self.agent.counters().no_media);
                tracing::warn!(%error, "no media stream for the callee");
                return vec![LegEvent::Ended { cause: Cause::SwitchCongestion, status: None }];
            }
        }
        let path = Path { flow, local };
        let Some(invite) = self.build_invite(&path) else { return Vec::new() };
        let client = self.agent.request(invite.clone(), path.flow.clone(), Some(session));
        self.path = Some(path);
        match client {
            Some(client) => {
                self.set_outbound_stage(Stage::Invited { client, invite: Box::new(invite) });
                Vec::new()
            }
            None => vec![LegEvent::Ended { cause: Cause::SwitchCongestion, status: None }],
        }
    }

    fn build_invite(&mut self, path: &Path) -> Option<Request> {
        let port = self.media.as_ref()?.local().port();
        let host = path.local.advertised.ip();
        let contact = self.contact(path);
        let Role::Outbound(outbound) = &self.role else { return None };
        let number = &outbound.profile.caller_id_number;
        let user = if number.is_empty() { "anonymous" } else { number };
        let from = identity::address(Some(user), host);
        let mut from = NameAddr::new(from).with_tag(&self.key.local_tag);
        if !outbound.profile.caller_id_name.is_empty() {
            from.display = Some(outbound.profile.caller_id_name.clone());
        }
        let mut invite = Request::new(Method::Invite, outbound.target.as_request_uri());
        invite.headers.push("Max-Forwards", "70");
        invite.headers.push("From", from.to_string());
        invite.headers.push("To", NameAddr::new(outbound.target.clone()).to_string());
        invite.headers.push("Call-ID", self.key.call_id.as_str());
        invite.headers.push("CSeq", format!("{INVITE_NUMBER} INVITE"));
        invite.headers.push("Contact", contact);
        invite.headers.push("Allow", crate::dispatch::ALLOW);
        invite.headers.push("Supported", crate::dispatch::SUPPORTED);
        let body = self.description.offer(Some(&outbound.offer), host, port);
        invite.set_body(CONTENT_TYPE, body.into_bytes());
        Some(invite)
    }

    pub(super) fn on_response(&mut self, id: ClientId, response: &Response, flow: &Flow) -> Vec<LegEvent> {
        let Role::Outbound(outbound) = &self.role else { return Vec::new() };
        match outbound.stage.clone() {
            Stage::Invited { client, invite } if client == id => {
                self.on_invite_response(id, invite, response, flow)
            }
            Stage::Confirmed { client, invite, tag } if client == id && response.is_success() => {
                let given = response.headers.to().ok().and_then(|to| to.tag().map(str::to_owned));
                if given.as_deref() != Some(tag.as_str()) {
                    // A second callee picked up: it is told that it was too late.
                    self.agent.end_orphan(id, &invite, response, flow.clone());
                }
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    fn on_invite_response(
        &mut self,
        id: ClientId,
        invite: Box<Request>,
        response: &Response,
        flow: &Flow,
    ) -> Vec<LegEvent> {
        let status = response.status;
        if status == 100 {
            return Vec::new();
        }
        let description = Description::parse(&response.body).ok();
        if response.is_provisional() {
            if let Some(description) = description
                && self.take_answer(&description)
                && let Some(audio) = self.leg_audio()
            {
                return vec![LegEvent::EarlyMedia(audio)];
            }
            return vec![LegEvent::Ringing];
        }
        if !response.is_success() {
            self.set_outbound_stage(Stage::Over);
            let status = ProtocolStatus { code: status, phrase: response.reason.clone() };
            return vec![LegEvent::Ended { cause: cause::from_status(status.code), status: Some(status) }];
        }
        let Ok(dialog) = Dialog::uac(&invite, response) else {
            self.agent.end_orphan(id, &invite, response, flow.clone());
            return vec![LegEvent::Ended { cause: Cause::ProtocolError, status: None }];
        };
        self.agent.acknowledge(id, dialog.ack(INVITE_NUMBER), flow.clone());
        let tag = response.headers.to().ok().and_then(|to| to.tag().map(str::to_owned)).unwrap_or_default();
        self.dialog = Some(dialog);
        self.set_outbound_stage(Stage::Confirmed { client: id, invite, tag });
        let answered =
            description.is_some_and(|description| self.take_answer(&description)) || self.agreed.is_some();
        match self.leg_audio() {
            Some(audio) if answered => vec![LegEvent::Answered(audio)],
            _ => {
                tracing::info!("the callee's answer holds nothing that was offered");
                vec![LegEvent::Ended { cause: Cause::IncompatibleDestination, status: None }]
            }
        }
    }

    /// Sets the stream to the callee's answer; false when it has nothing that was offered.
    fn take_answer(&mut self, answer: &Description) -> bool {
        let config = match self.description.accept(answer) {
            Ok(config) => config,
            Err(error) => {
                tracing::info!(%error, "the callee's answer cannot be taken");
                return false;
            }
        };
        self.peer_audio = description::audio(answer);
        self.configure(config);
        // It answered our own INVITE, to a target of our own choosing.
        if let Some(media) = &self.media
            && let Err(error) = media.command(MediaCommand::Consent(Consent::Granted))
        {
            tracing::warn!(%error, "consent not set");
        }
        true
    }

    pub(super) fn on_failed(&mut self, id: ClientId, status: u16) -> Vec<LegEvent> {
        let Role::Outbound(outbound) = &self.role else { return Vec::new() };
        match &outbound.stage {
            Stage::Invited { client, .. } if *client == id => {
                self.set_outbound_stage(Stage::Over);
                vec![LegEvent::Ended { cause: cause::from_status(status), status: None }]
            }
            _ => Vec::new(),
        }
    }

    pub(super) fn outbound_end(&mut self, cause: Cause) {
        let Role::Outbound(outbound) = &self.role else { return };
        match outbound.stage.clone() {
            Stage::Invited { client, .. } => {
                self.agent.directory.orphan_client(client);
                self.agent.cancel(client);
            }
            Stage::Confirmed { client, .. } => {
                self.agent.directory.orphan_client(client);
                self.say_goodbye(cause);
            }
            Stage::Reaching | Stage::Over => {}
        }
        self.set_outbound_stage(Stage::Over);
    }

    fn set_outbound_stage(&mut self, next: Stage) {
        if let Role::Outbound(outbound) = &mut self.role {
            outbound.stage = next;
        }
    }
}

async fn reach(agent: &Arc<Agent>, target: &Uri) -> Result<Flow, String> {
    let is_tcp = target.param("transport").is_some_and(|transport| transport.eq_ignore_ascii_case("tcp"));
    let service = if is_tcp { "_sip._tcp" } else { "_sip._udp" };
    let addresses = agent
        .resolver
        .resolve(target.host(), target.port(), service)
        .await
        .map_err(|error| error.to_string())?;
    let mut last = format!("no way to {}", target.host());
    for address in addresses {
        if is_tcp {
            match tokio::time::timeout(SETUP, tcp::connect(agent, address)).await {
                Ok(Ok(flow)) => return Ok(flow),
                Ok(Err(error)) => last = format!("no TCP connection to {address}: {error}"),
                Err(_) => last = format!("no TCP connection to {address} in time"),
            }
        } else if let Some(flow) = agent.udp_flow(address) {
            debug_assert_eq!(flow.transport, Transport::Udp);
            return Ok(flow);
        }
    }
    Err(last)
}
