//! The leg of a callee.

use std::collections::VecDeque;
use std::sync::Arc;

use switch_core::channel::ProtocolStatus;
use switch_core::endpoint::{EndpointInterface, LegEvent, Originate, OriginateError};
use switch_core::media::{Consent, MediaCommand};
use switch_core::{CallerProfile, Cause, Endpoint};
use switch_sip::dialog::Dialog;
use switch_sip::message::{Request, Response, Uri};
use switch_sip::sdp::Description;
use switch_sip::transaction::{ClientId, Flow};

use super::role::{CallerId, Outbound, OutboundStage as Stage, Role};
use super::state::Leg;
use crate::agent::Agent;
use crate::cause;
use crate::description;
use crate::directory::DialogKey;
use crate::identity;
use crate::reason::reason;
use crate::route::Outgoing;
use crate::way::Way;

/// Early dialogs of one INVITE that are remembered.
const FORKS: usize = 16;

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
            Some(first) => Some(description::relayable(first).ok_or(OriginateError::Incompatible)?),
            None => None,
        };
        let agent = &self.0;
        let key = DialogKey { call_id: identity::token(), local_tag: identity::token() };
        let CallerProfile { caller_id_number, caller_id_name, .. } = request.profile.clone();
        let role = Role::Outbound(Box::new(Outbound {
            target,
            caller: CallerId { number: caller_id_number, name: caller_id_name },
            beside: request.beside,
            number: 1,
            rest: VecDeque::new(),
            is_heard: false,
            early: Vec::new(),
            stage: Stage::Reaching,
        }));
        let mut leg = Leg::new(agent, key, role);
        leg.other = offer;
        Ok(Box::new(leg))
    }
}

impl Leg {
    /// A response to `invite`, if that is the one that is out.
    pub(super) fn on_response(
        &mut self,
        id: ClientId,
        invite: &Request,
        response: &Response,
        flow: &Flow,
    ) -> Vec<LegEvent> {
        let Role::Outbound(outbound) = &mut self.role else { return Vec::new() };
        match &outbound.stage {
            Stage::Invited { client } if *client == id => {
                outbound.is_heard = true;
                self.on_invite_response(id, invite, response, flow)
            }
            Stage::Confirmed { client, tag } if *client == id && response.is_success() => {
                let given = response.headers.to_tag().ok().flatten();
                if given != Some(&**tag) {
                    // A second callee picked up: it is told that it was too late.
                    self.agent.end_orphan(id, invite, response, flow.clone());
                }
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    fn on_invite_response(
        &mut self,
        id: ClientId,
        invite: &Request,
        response: &Response,
        flow: &Flow,
    ) -> Vec<LegEvent> {
        let status = response.status;
        if status == 100 {
            return Vec::new();
        }
        let description = Description::parse(&response.body).ok();
        if response.is_provisional() {
            self.remember_early(response);
            if let Some(description) = description
                && self.take_answer(&description)
                && let Some(audio) = self.leg_audio()
            {
                return vec![LegEvent::EarlyMedia(audio)];
            }
            return vec![LegEvent::Ringing];
        }
        if !response.is_success() {
            if status == 503 && self.try_next() {
                return Vec::new();
            }
            if status == 422 && self.refresh.timer.too_brief(response) {
                return self.invite_again();
            }
            self.set_outbound_stage(Stage::Over);
            let status = ProtocolStatus { code: status, phrase: response.reason.clone() };
            return vec![LegEvent::Ended { cause: cause::from_status(status.code), status: Some(status) }];
        }
        let number = invite.headers.cseq().map_or(1, |cseq| cseq.number);
        let Ok(dialog) = Dialog::uac(invite, response) else {
            self.agent.end_orphan(id, invite, response, flow.clone());
            return vec![LegEvent::Ended { cause: Cause::ProtocolError, status: None }];
        };
        let way = Way::of(&dialog, flow.clone());
        self.agent.deliver(Outgoing::Ack { id, ack: dialog.ack(number) }, way);
        let tag = response.headers.to_tag().ok().flatten().unwrap_or_default().into();
        self.dialog = Some(dialog);
        if let Role::Outbound(outbound) = &mut self.role {
            outbound.early = Vec::new();
        }
        self.timer_refreshed(response);
        self.set_outbound_stage(Stage::Confirmed { client: id, tag });
        let answered =
            description.is_some_and(|description| self.take_answer(&description)) || self.agreed.is_some();
        // The caller may have been described anew since it was invited.
        self.align();
        match self.leg_audio() {
            Some(audio) if answered => vec![LegEvent::Answered(audio)],
            _ => {
                tracing::info!("the callee's answer holds nothing that was offered");
                vec![LegEvent::Ended { cause: Cause::IncompatibleDestination, status: None }]
            }
        }
    }

    fn remember_early(&mut self, response: &Response) {
        let Role::Outbound(outbound) = &mut self.role else { return };
        let tag = response.headers.to_tag().ok().flatten().map(Box::<str>::from);
        if let Some(tag) = tag
            && outbound.early.len() < FORKS
            && !outbound.early.contains(&tag)
        {
            outbound.early.push(tag);
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

    pub(super) fn on_failed(&mut self, number: u32, status: u16) -> Vec<LegEvent> {
        let Role::Outbound(outbound) = &self.role else { return Vec::new() };
        match &outbound.stage {
            Stage::Invited { .. } if number == outbound.number => {
                if self.try_next() {
                    return Vec::new();
                }
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
                self.agent.cancel(client, Some(&reason(cause)));
            }
            Stage::Confirmed { client, .. } => {
                self.agent.directory.orphan_client(client);
                self.say_goodbye(cause);
            }
            Stage::Reaching | Stage::Over => {}
        }
        self.set_outbound_stage(Stage::Over);
    }
}
