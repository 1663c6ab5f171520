//! The way to a callee: its name looked up, the next place tried where one leads nowhere, the INVITE sent.

use std::collections::VecDeque;
use std::sync::Arc;

use switch_core::Cause;
use switch_core::endpoint::LegEvent;
use switch_core::media::OpenStream;
use switch_sip::hop::Hop;
use switch_sip::message::{Headers, Method, NameAddr, Request, Uri};
use switch_sip::sdp::CONTENT_TYPE;
use switch_sip::transaction::ClientId;

use super::pending::push_timer;
use super::role::{OutboundStage as Stage, Role};
use super::state::{Leg, Path};
use crate::agent::{Agent, Local};
use crate::capabilities::ALLOW;
use crate::counters::count;
use crate::identity;
use crate::mail::LegMessage;
use crate::way::{Reached, RouteError};

/// A place that is not the last is given up when nothing has come for this many T1: 4 s. Timer B would be 32 s
/// (RFC 3263 §4.3), longer than callers wait.
const PATIENCE: u32 = 8;
/// Headers of our INVITE, Via and User-Agent among them.
const INVITE: usize = 13;

impl Leg {
    /// Looks the target up and opens the way to it; on a task of its own where there is something to wait for.
    pub(super) fn reach(&mut self) {
        let (Role::Outbound(outbound), Some(leg)) = (&self.role, self.recipient.clone()) else { return };
        let (agent, target) = (Arc::clone(&self.agent), outbound.target.clone());
        if let Some(flow) = Hop::of(&target).and_then(|hop| agent.udp_flow_at_once(&hop)) {
            // A session that has ended needs no way.
            _ = leg.send(LegMessage::Reached(Ok(Reached { flow, rest: VecDeque::new() })));
            return;
        }
        tokio::spawn(async move {
            let reached = look_up(&agent, &target).await;
            // As above.
            _ = leg.send(LegMessage::Reached(reached));
        });
    }

    /// This place did not take the INVITE; false when there is no other (RFC 3263 §4.3).
    pub(super) fn try_next(&mut self) -> bool {
        let (Role::Outbound(outbound), Some(leg)) = (&mut self.role, self.recipient.clone()) else {
            return false;
        };
        if outbound.rest.is_empty() {
            return false;
        }
        let (agent, mut rest) = (Arc::clone(&self.agent), std::mem::take(&mut outbound.rest));
        outbound.stage = Stage::Reaching;
        outbound.is_heard = false;
        tracing::info!(left = rest.len(), "the callee is tried at its next address");
        tokio::spawn(async move {
            let reached = agent.open_first(&mut rest).await.map(|flow| Reached { flow, rest });
            // As above.
            _ = leg.send(LegMessage::Reached(reached));
        });
        true
    }

    pub(super) fn on_reached(&mut self, reached: Result<Reached, RouteError>) -> Vec<LegEvent> {
        let Role::Outbound(outbound) = &mut self.role else { return Vec::new() };
        if !matches!(outbound.stage, Stage::Reaching) {
            return Vec::new();
        }
        let Reached { flow, rest } = match reached {
            Ok(reached) => reached,
            Err(error) => {
                count(&self.agent.counters().unresolved);
                tracing::warn!(%error, "the callee cannot be reached");
                return vec![LegEvent::Ended { cause: Cause::NetworkOutOfOrder, status: None }];
            }
        };
        outbound.rest = rest;
        let local = self.agent.local_toward(&flow);
        if let Err(cause) = self.open_stream(local) {
            return vec![LegEvent::Ended { cause, status: None }];
        }
        self.path = Some(Path { flow, local });
        self.send_invite()
    }

    /// Opens the callee's stream, unless an earlier try did so at the same address.
    fn open_stream(&mut self, local: Local) -> Result<(), Cause> {
        let (Role::Outbound(outbound), Some(leg)) = (&self.role, &self.recipient) else {
            return Err(Cause::WrongCallState);
        };
        if self.media.as_ref().is_some_and(|media| media.local().ip() == local.source) {
            return Ok(());
        }
        let open = OpenStream {
            local: local.source,
            beside: outbound.beside,
            events: Arc::new(leg.session().clone()),
        };
        let opened = self.agent.engine.open(open).map_err(|error| {
            count(&self.agent.counters().no_media);
            tracing::warn!(%error, "no media stream for the callee");
            Cause::SwitchCongestion
        });
        self.media = Some(opened?);
        Ok(())
    }

    pub(super) fn send_invite(&mut self) -> Vec<LegEvent> {
        let Some(path) = self.path.clone() else { return Vec::new() };
        let Some(invite) = self.build_invite(&path) else { return Vec::new() };
        match self.agent.request(invite, path.flow, self.recipient.clone()) {
            Some(client) => {
                self.set_outbound_stage(Stage::Invited { client });
                self.watch(client);
                Vec::new()
            }
            None => vec![LegEvent::Ended { cause: Cause::SwitchCongestion, status: None }],
        }
    }

    fn watch(&self, client: ClientId) {
        let (Role::Outbound(outbound), Some(leg)) = (&self.role, self.recipient.clone()) else { return };
        if outbound.rest.is_empty() {
            return;
        }
        let patience = self.agent.timers.t1 * PATIENCE;
        tokio::spawn(async move {
            tokio::time::sleep(patience).await;
            // A session that has ended waits for nothing.
            _ = leg.send(LegMessage::Overdue(client));
        });
    }

    /// Not a sign of this place: the next is tried. Should it speak after all, it is cancelled, or acknowledged
    /// and ended.
    pub(super) fn on_overdue(&mut self, waited_for: ClientId) {
        let Role::Outbound(outbound) = &self.role else { return };
        let is_silent = !outbound.is_heard
            && matches!(outbound.stage, Stage::Invited { client, .. } if client == waited_for);
        if is_silent && self.try_next() {
            self.agent.directory.orphan_client(waited_for);
            self.agent.cancel(waited_for, None);
        }
    }

    /// The same INVITE once more, with what the callee asked for (RFC 4028 §7.3).
    pub(super) fn invite_again(&mut self) -> Vec<LegEvent> {
        if let Role::Outbound(outbound) = &mut self.role {
            outbound.number += 1;
        }
        self.send_invite()
    }

    fn build_invite(&mut self, path: &Path) -> Option<Request> {
        let port = self.media.as_ref()?.local().port();
        let host = path.local.advertised.ip();
        let contact = self.contact(path);
        let Role::Outbound(outbound) = &self.role else { return None };
        let number = &outbound.caller.number;
        let user = if number.is_empty() { "anonymous" } else { number };
        let from = identity::address(Some(user), host);
        let mut from = NameAddr::new(from).with_tag(&self.key.local_tag);
        if !outbound.caller.name.is_empty() {
            from.display = Some(outbound.caller.name.clone());
        }
        let mut invite = Request::new(Method::Invite, outbound.target.as_request_uri());
        invite.headers = Headers::with_room(INVITE);
        invite.headers.push("Max-Forwards", "70");
        invite.headers.push("From", from.to_string());
        invite.headers.push("To", NameAddr::new(outbound.target.clone()).to_string());
        invite.headers.push("Call-ID", self.key.call_id.as_str());
        invite.headers.push("CSeq", format!("{} INVITE", outbound.number));
        invite.headers.push("Contact", contact);
        invite.headers.push("Allow", ALLOW);
        push_timer(&mut invite, &self.refresh.timer);
        let body = self.description.offer(self.other.as_ref(), host, port);
        invite.set_body(CONTENT_TYPE, body.into_bytes());
        Some(invite)
    }
}

async fn look_up(agent: &Arc<Agent>, target: &Uri) -> Result<Reached, RouteError> {
    let hop = Hop::of(target).ok_or_else(|| RouteError::Target(target.to_string()))?;
    let mut rest = agent.candidates(&hop).await?;
    let flow = agent.open_first(&mut rest).await?;
    Ok(Reached { flow, rest })
}
