//! One SIP leg: its dialog, its description, its stream. What the core sees as an [`Endpoint`].
//!
//! A leg is plain state, run by its session's task. It hands requests and responses to the [`Agent`] and
//! gets what the peer did as [`LegMessage`]s through the session's mailbox. Dropped, it leaves nothing behind:
//! an unanswered INVITE is refused or cancelled, an answered one is ended, its stream is closed.

mod align;
mod inbound;
mod outbound;
mod reach;
mod refresh;
mod renegotiate;
mod replace;

pub(crate) use outbound::Caller;

use std::any::Any;
use std::sync::Arc;

use switch_core::audio::{Audio, LegAudio};
use switch_core::endpoint::{EndpointError, LegEvent};
use switch_core::media::{MediaCommand, MediaHandle, MediaPort, StreamConfig};
use switch_core::{Cause, Channel, Endpoint, Flow as Handling, SessionHandle, State};
use switch_sip::dialog::Dialog;
use switch_sip::message::{Method, Request};
use switch_sip::response;
use switch_sip::sdp::{Description, NegotiationError};
use switch_sip::transaction::{Flow, ServerId};

use crate::agent::{Agent, Local};
use crate::capabilities::ALLOW;
use crate::description::{self, Local as LocalDescription};
use crate::directory::{DialogKey, Recipient};
use crate::mail::{LegMessage, Mail};
use crate::reason::{cause_of_bye, reason};
use crate::route::Outgoing;
use crate::way::Way;
use inbound::Inbound;
use outbound::Outbound;
use refresh::Refresh;
use renegotiate::Reinvited;
use replace::Succession;

/// One SIP leg.
pub(crate) struct Leg {
    agent: Arc<Agent>,
    recipient: Option<Recipient>,
    key: Arc<DialogKey>,
    dialog: Option<Dialog>,
    /// None before the peer's name was looked up.
    path: Option<Path>,
    media: Option<MediaHandle>,
    description: LocalDescription,
    refresh: Refresh,
    reinvited: Option<Reinvited>,
    /// What the two sides agreed on last.
    agreed: Option<StreamConfig>,
    /// What the peer said it can receive.
    peer_audio: Option<Audio>,
    /// What the other leg's peer can; none where this leg is joined to none.
    other: Option<Audio>,
    /// What the peer refused, not to be offered again before it says something new.
    refused: Option<Box<Audio>>,
    /// What the peer is to be brought back to, though it has named something else since.
    restoring: Option<Box<Audio>>,
    /// It took another leg's place, and what is to be told of it is not known before the ACK.
    succeeds: Option<Succession>,
    role: Role,
}

/// Where the peer was seen last, and who we are there.
#[derive(Clone, Debug)]
struct Path {
    flow: Flow,
    local: Local,
}

enum Role {
    Inbound(Inbound),
    Outbound(Box<Outbound>),
}

impl Endpoint for Leg {
    fn attach(&mut self, session: SessionHandle) {
        let recipient = Recipient::new(session, Arc::clone(&self.key));
        self.agent.directory.add_dialog(recipient.clone());
        self.recipient = Some(recipient);
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
    /// What names its dialog, and itself.
    pub(crate) fn key(&self) -> Arc<DialogKey> {
        Arc::clone(&self.key)
    }

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

    /// Sends BYE in the dialog.
    fn say_goodbye(&mut self, cause: Cause) {
        if let Some((bye, way)) = self.goodbye(cause) {
            self.agent.deliver(Outgoing::Request { request: bye, leg: None }, way);
        }
    }

    fn goodbye(&mut self, cause: Cause) -> Option<(Request, Way)> {
        let mut bye = self.dialog.as_mut()?.request(Method::Bye);
        bye.headers.push("Reason", reason(cause));
        Some((bye, self.way()?))
    }

    /// Neither answered nor over.
    fn is_early(&self) -> bool {
        match &self.role {
            Role::Inbound(inbound) => inbound.is_early(),
            Role::Outbound(outbound) => outbound.is_early(),
        }
    }

    /// Where the dialog's next request goes.
    fn way(&self) -> Option<Way> {
        Some(Way::of(self.dialog.as_ref()?, self.path.as_ref()?.flow.clone()))
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

    /// Answers an offer and sets the stream to what was agreed.
    fn negotiate(
        &mut self,
        offer: &Description,
        choice: Option<&Audio>,
        path: &Path,
    ) -> Result<String, NegotiationError> {
        let Some(media) = &self.media else { return Err(NegotiationError::NoAudio) };
        let (ip, port) = (path.local.advertised.ip(), media.local().port());
        let (body, config) = self.description.answer(offer, choice, ip, port)?;
        self.configure(config);
        self.peer_audio = description::audio(offer);
        Ok(body)
    }

    fn configure(&mut self, mut config: StreamConfig) {
        // What a call began with, it keeps: a setting that changed since must not look like something new.
        (config.silence, config.silence_held) = match &self.agreed {
            Some(agreed) => (agreed.silence, agreed.silence_held),
            None => {
                let settings = self.agent.settings();
                (settings.silence, settings.silence_held)
            }
        };
        // What is said again changes nothing, least of all whom the stream listens to.
        if self.agreed.as_ref() == Some(&config) {
            return;
        }
        if let Some(media) = &self.media
            && let Err(error) = media.command(MediaCommand::Configure(config.clone()))
        {
            tracing::warn!(%error, "stream not configured");
        }
        self.agreed = Some(config);
    }

    fn contact(&self, path: &Path) -> String {
        let transport = match path.flow.transport {
            switch_sip::transaction::Transport::Udp => "",
            switch_sip::transaction::Transport::Tcp => ";transport=tcp",
        };
        format!("<sip:switch@{}{transport}>", path.local.advertised)
    }

    fn leg_audio(&self) -> Option<LegAudio> {
        Some(LegAudio { audio: self.peer_audio.clone()?, stream: self.media.as_ref()?.id() })
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
