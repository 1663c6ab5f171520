//! The leg of a caller.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use switch_core::audio::Audio;
use switch_core::endpoint::{EndpointError, LegEvent};
use switch_core::media::{Consent, MediaCommand, OpenError, OpenStream, StreamId};
use switch_core::{Cause, Channel};
use switch_sip::dialog::Dialog;
use switch_sip::message::{Request, Response};
use switch_sip::response;
use switch_sip::sdp::{CONTENT_TYPE, Description, NegotiationError};
use switch_sip::session_timer::TooBrief;
use switch_sip::transaction::{Flow, ServerId};

use super::pending::{Succession, push_agreed};
use super::role::{Inbound, InboundStage as Stage, Invite, Role};
use super::state::{Leg, Path};
use crate::agent::Agent;
use crate::capabilities::{ALLOW, SUPPORTED};
use crate::cause;
use crate::counters::count;
use crate::description;
use crate::directory::{DialogKey, Parting};
use crate::identity;
use crate::reason::reason;
use crate::refusal::{Refusal, Refused};
use crate::route::Outgoing;

/// How long media may go to an address other than the caller's own that has not sent anything yet.
const PROBATION: Duration = Duration::from_secs(1);

impl Leg {
    /// Takes an INVITE. Its stream is opened when the session begins.
    pub(crate) fn inbound(
        agent: &Arc<Agent>,
        server: ServerId,
        request: &Arc<Request>,
        flow: Flow,
    ) -> Result<Self, Refused> {
        if request.headers.contact().ok().flatten().is_none() {
            return Err(Refused::new(400, "an INVITE without a Contact"));
        }
        let offer = match request.body.as_slice() {
            [] => None,
            body => Some(Description::parse(body).map_err(|error| Refused::new(400, &error.to_string()))?),
        };
        let peer_audio = match &offer {
            Some(offer) => {
                Some(description::audio(offer).ok_or_else(|| Refused::new(488, "no audio is offered"))?)
            }
            None => None,
        };
        agent.settings().session.answer(request).map_err(|TooBrief(least)| Refused {
            refusal: Refusal { status: 422, header: Some(("Min-SE", least.as_secs().to_string())) },
            why: "too short a session interval".to_owned(),
        })?;
        let local_tag = identity::token();
        let call_id =
            request.headers.call_id().map_err(|error| Refused::new(400, &error.to_string()))?.to_owned();
        let local = agent.local_toward(&flow);
        let invite = Invite { request: Arc::clone(request), offer, described: None };
        let role = Role::Inbound(Inbound { server, stage: Stage::Early(Box::new(invite)) });
        let mut leg = Self::new(agent, DialogKey { call_id, local_tag }, role);
        leg.path = Some(Path { flow, local });
        leg.peer_audio = peer_audio;
        Ok(leg)
    }

    /// Opens the stream, so that a second leg can be placed beside it.
    pub(super) fn inbound_begin(&mut self, channel: &mut Channel) {
        if let Err(error) = self.open_inbound(None) {
            count(&self.agent.counters().no_media);
            tracing::warn!(%error, "no media stream; the call is refused");
            channel.hang_up(Cause::SwitchCongestion);
        }
    }

    /// Opens the stream, where it can be joined to `beside`.
    pub(super) fn open_inbound(&mut self, beside: Option<StreamId>) -> Result<(), OpenError> {
        let (Some(path), Some(leg)) = (&self.path, &self.recipient) else { return Ok(()) };
        let events = Arc::new(leg.session().clone());
        let open = OpenStream { local: path.local.source, beside, events };
        self.media = Some(self.agent.engine.open(open)?);
        Ok(())
    }

    pub(super) fn inbound_ring(&mut self, _channel: &mut Channel) -> Result<(), EndpointError> {
        let Role::Inbound(inbound) = &self.role else { return Err(EndpointError::Direction) };
        // Early media says more than ringing does; an answer more than both.
        if let Some(Invite { request, described: None, .. }) = inbound.invite() {
            let (server, ringing) = (inbound.server, self.reply(request, 180));
            self.agent.respond(server, ringing);
        }
        Ok(())
    }

    pub(super) fn inbound_pre_answer(
        &mut self,
        _channel: &mut Channel,
        choice: Option<&Audio>,
    ) -> Result<(), EndpointError> {
        let Role::Inbound(inbound) = &self.role else { return Err(EndpointError::Direction) };
        if !matches!(inbound.invite(), Some(Invite { described: None, .. })) {
            return Ok(());
        }
        let Some(body) = self.describe(choice)? else {
            // The caller made no offer: ours in a 183 would need a PRACK to be answered (RFC 3262 §5).
            return Ok(());
        };
        // Before the ACK only the caller's own address gets media, unless it has sent a packet itself.
        self.consent(if self.is_callers_own() { Consent::Granted } else { Consent::Withheld });
        let Role::Inbound(Inbound { server, stage: Stage::Early(invite) }) = &mut self.role else {
            return Ok(());
        };
        let server = *server;
        invite.described = Some(body.clone());
        let request = Arc::clone(&invite.request);
        let mut progress = self.reply(&request, 183);
        progress.set_body(CONTENT_TYPE, body.into_bytes());
        self.agent.respond(server, progress);
        Ok(())
    }

    pub(super) fn inbound_answer(
        &mut self,
        channel: &mut Channel,
        choice: Option<&Audio>,
    ) -> Result<(), EndpointError> {
        let Role::Inbound(inbound) = &self.role else { return Err(EndpointError::Direction) };
        let (server, request, ours, described) = match &inbound.stage {
            Stage::Early(invite) => {
                let Invite { request, offer, described } = &**invite;
                (inbound.server, Arc::clone(request), offer.is_none(), described.clone())
            }
            Stage::Answered { .. } | Stage::Confirmed => return Ok(()),
            Stage::Over => return Err(EndpointError::Over),
        };
        let body = match described {
            Some(body) => body,
            None => match self.describe(choice)? {
                Some(body) => body,
                None => self.offer_instead(choice)?,
            },
        };
        let mut answer = self.reply(&request, 200);
        answer.headers.push("Allow", ALLOW);
        answer.headers.push("Supported", SUPPORTED);
        // Too short an interval was refused when the INVITE came.
        let timed = self.agent.settings().session.answer(&request).ok().flatten();
        push_agreed(&mut answer, timed.as_ref());
        answer.set_body(CONTENT_TYPE, body.into_bytes());
        self.refresh.learn(&request.headers);
        self.dialog = Dialog::uas(&request, &answer).ok();
        if self.is_callers_own() || is_trusted(channel) {
            self.consent(Consent::Granted);
        }
        self.set_stage(Stage::Answered { ours });
        self.timer_answered(timed.as_ref());
        self.agent.respond(server, answer);
        Ok(())
    }

    pub(super) fn on_ack(&mut self, channel: &mut Channel, ack: &Request) -> Vec<LegEvent> {
        let Role::Inbound(Inbound { stage: Stage::Answered { ours }, .. }) = self.role else {
            return Vec::new();
        };
        self.set_stage(Stage::Confirmed);
        if ours {
            // Ours was the offer; this is the answer.
            let accepted = Description::parse(&ack.body)
                .map_err(NegotiationError::from)
                .and_then(|answer| Ok((self.description.accept(&answer)?, description::audio(&answer))));
            match accepted {
                Ok((config, audio)) => {
                    self.peer_audio = audio;
                    self.configure(config);
                }
                Err(error) => {
                    tracing::info!(%error, "the ACK brings no usable answer to our offer");
                    return vec![LegEvent::Ended { cause: Cause::IncompatibleDestination, status: None }];
                }
            }
        }
        // The ACK came from where our answer went: the caller wants the call. Media to a third address has one
        // second to be wanted there too.
        let consent = if self.is_callers_own() || is_trusted(channel) {
            Consent::Granted
        } else {
            Consent::Probation(PROBATION)
        };
        self.consent(consent);
        self.align();
        self.announce()
    }

    /// Tells of the place that was taken, once the new party's sound is known.
    pub(super) fn announce(&mut self) -> Vec<LegEvent> {
        let Some(audio) = self.leg_audio() else { return Vec::new() };
        match self.succeeds.take() {
            Some(Succession::Early) => vec![LegEvent::Answered(audio)],
            Some(Succession::Confirmed) => vec![LegEvent::Described(audio.audio)],
            None => Vec::new(),
        }
    }

    /// The transaction has given the ACK up, so this leg need not wait for it.
    pub(super) fn ack_is_missing(&mut self) {
        if let Role::Inbound(Inbound { stage: stage @ Stage::Answered { .. }, .. }) = &mut self.role {
            *stage = Stage::Confirmed;
        }
    }

    pub(super) fn inbound_end(&mut self, cause: Cause, status: Option<(u16, &str)>) {
        let Role::Inbound(inbound) = &self.role else { return };
        let server = inbound.server;
        match &inbound.stage {
            Stage::Early(invite) => {
                let code = match status {
                    // What concerned our own request or asks for something of us is not the caller's business.
                    Some((code, _)) if code >= 400 && !matches!(code, 401 | 407) => code,
                    _ => cause::to_status(cause),
                };
                let mut refusal = self.reply(&invite.request, code);
                if let Some((given, phrase)) = status
                    && given == code
                {
                    refusal.reason = phrase.to_owned();
                }
                refusal.headers.push("Reason", reason(cause));
                if matches!(cause, Cause::SystemShutdown | Cause::SwitchCongestion) && code == 503 {
                    refusal.headers.push("Retry-After", self.agent.settings().retry_after());
                }
                self.agent.respond(server, refusal);
            }
            Stage::Answered { .. } => {
                if let Some((bye, way)) = self.goodbye(cause) {
                    // RFC 3261 §15: not before the ACK, which may have come without our having read of it.
                    if let Some(Parting { bye, way }) =
                        self.agent.directory.part(server, Parting { bye, way })
                    {
                        self.agent.deliver(Outgoing::Request { request: bye, leg: None }, way);
                    }
                }
            }
            Stage::Confirmed => self.say_goodbye(cause),
            Stage::Over => {}
        }
        self.agent.directory.remove_server(server);
        self.set_stage(Stage::Over);
    }

    /// It never was: whoever made it answers its INVITE.
    pub(super) fn forsake(&mut self) {
        self.set_stage(Stage::Over);
    }

    fn set_stage(&mut self, next: Stage) {
        if let Role::Inbound(inbound) = &mut self.role {
            inbound.stage = next;
        }
    }

    /// The answer to the caller's offer; none where it made none.
    fn describe(&mut self, choice: Option<&Audio>) -> Result<Option<String>, EndpointError> {
        let Role::Inbound(inbound) = &self.role else { return Err(EndpointError::Direction) };
        let offer = inbound.invite().and_then(|invite| invite.offer.clone());
        let (Some(offer), Some(path)) = (offer, self.path.clone()) else { return Ok(None) };
        self.negotiate(&offer, choice, &path).map(Some).map_err(|_| EndpointError::Incompatible)
    }

    /// An INVITE without a description is answered with an offer: the other leg's choice, or what we can do.
    fn offer_instead(&mut self, choice: Option<&Audio>) -> Result<String, EndpointError> {
        let path = self.path.clone().ok_or(EndpointError::Over)?;
        let media = self.media.as_ref().ok_or_else(|| EndpointError::Media("it was not opened".into()))?;
        let port = media.local().port();
        Ok(self.description.offer(choice, path.local.advertised.ip(), port))
    }

    fn reply(&self, request: &Request, status: u16) -> Response {
        let mut reply = response::to(request, status, Some(&self.key.local_tag));
        if let Some(path) = &self.path
            && status < 300
        {
            reply.headers.push("Contact", self.contact(path));
        }
        reply
    }

    fn consent(&self, consent: Consent) {
        if let Some(media) = &self.media
            && let Err(error) = media.command(MediaCommand::Consent(consent))
        {
            tracing::warn!(%error, "consent not set");
        }
    }

    /// Whether media goes where the signalling comes from.
    fn is_callers_own(&self) -> bool {
        let media: Option<IpAddr> = self.agreed.as_ref().map(|config| config.remote.ip().to_canonical());
        let signalling = self.path.as_ref().map(|path| path.flow.remote.ip().to_canonical());
        media.is_some() && media == signalling
    }
}

/// The route that took the call trusts its source.
fn is_trusted(channel: &Channel) -> bool {
    channel.variable("media_trusted") == Some("true")
}
