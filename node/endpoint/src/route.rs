//! The way of a request: from a hop to an open flow (RFC 3263), and inside a dialog to wherever its route set
//! and remote target say (RFC 3261 §12.2.1.1, §8.1.2).
//!
//! What needs no look-up and no new connection is sent at once; all else waits on a task of its own, and
//! nobody waits for that.
//!
//! A peer behind a NAT gives a target that cannot be reached. As FreeSWITCH does by default (`apply-nat-acl`
//! `nat.auto`), a private address of a peer that was seen somewhere else is not believed: requests go where
//! its last message came from.

use std::collections::VecDeque;
use std::sync::Arc;

use switch_sip::dialog::Dialog;
use switch_sip::hop::{Hop, is_hidden};
use switch_sip::message::{Method, Request, Response};
use switch_sip::transaction::{ClientId, Flow, Transport};

use crate::agent::Agent;
use crate::counters::count;
use crate::directory::Recipient;
use crate::mail::LegMessage;
use crate::resolve::Candidate;
use crate::way::{RouteError, Way};

/// A request inside a dialog.
#[derive(Clone, Debug)]
pub(crate) enum Outgoing {
    /// Any but ACK. What comes of it is told to `leg`.
    Request { request: Request, leg: Option<Recipient> },
    /// The ACK of the 2xx to this INVITE of ours.
    Ack { id: ClientId, ack: Request },
}

impl Agent {
    /// Sends a request inside a dialog. Where its way cannot be found, it goes where the peer was seen last.
    pub(crate) fn deliver(self: &Arc<Self>, outgoing: Outgoing, way: Way) {
        let Way { hop: Some(hop), seen } = way else { return self.emit(outgoing, way.seen) };
        if let Some(flow) = self.flow_at_once(&hop, &seen) {
            return self.emit(outgoing, flow);
        }
        let agent = Arc::clone(self);
        tokio::spawn(async move {
            let flow = match agent.find_flow(&hop).await {
                Ok(flow) => flow,
                Err(error) => {
                    count(&agent.counters().unresolved);
                    tracing::warn!(host = hop.host, %error, "sent where the peer was seen last");
                    seen
                }
            };
            agent.emit(outgoing, flow);
        });
    }

    /// Somebody answered whom nobody waits for any more: acknowledged, then ended (RFC 3261 §13.2.2.4).
    pub(crate) fn end_orphan(
        self: &Arc<Self>,
        id: ClientId,
        invite: &Request,
        response: &Response,
        flow: Flow,
    ) {
        let Ok(mut dialog) = Dialog::uac(invite, response) else { return };
        let number = invite.headers.cseq().map_or(1, |cseq| cseq.number);
        let way = Way::of(&dialog, flow);
        self.deliver(Outgoing::Ack { id, ack: dialog.ack(number) }, way.clone());
        self.deliver(Outgoing::Request { request: dialog.request(Method::Bye), leg: None }, way);
    }

    fn emit(self: &Arc<Self>, outgoing: Outgoing, flow: Flow) {
        match outgoing {
            Outgoing::Ack { id, ack } => self.acknowledge(id, ack, flow),
            Outgoing::Request { request, leg } => {
                let number = request.headers.cseq().map_or(0, |cseq| cseq.number);
                if self.request(request, flow, leg.clone()).is_none()
                    && let Some(leg) = leg
                {
                    // A session that has ended needs to know nothing.
                    _ = leg.send(LegMessage::Failed { number, status: 503 });
                }
            }
        }
    }

    /// The flow to a numeric hop, if it is open already.
    fn flow_at_once(&self, hop: &Hop, seen: &Flow) -> Option<Flow> {
        let address = hop.address()?;
        if is_hidden(address.ip(), seen.remote.ip()) {
            return Some(seen.clone());
        }
        let is_same_host = address.ip().to_canonical() == seen.remote.ip().to_canonical();
        // A peer that connected to us, or that we did, is spoken to on that connection.
        let stays = is_same_host && seen.transport == Transport::Tcp && hop.transport != Some(Transport::Udp);
        match hop.transport.unwrap_or(Transport::Udp) {
            _ if stays && self.connections().is_open(seen) => Some(seen.clone()),
            // Seen there: from where it was spoken to, and without asking the kernel for the way once more.
            Transport::Udp if address == seen.remote && seen.transport == Transport::Udp => {
                Some(seen.clone())
            }
            Transport::Udp => self.udp_flow(address),
            Transport::Tcp => self.connections().to(address),
        }
    }

    /// The flow to a callee that is spoken to by UDP and has a numeric address.
    pub(crate) fn udp_flow_at_once(&self, hop: &Hop) -> Option<Flow> {
        let is_udp = hop.transport.unwrap_or(Transport::Udp) == Transport::Udp;
        hop.address().filter(|_| is_udp).and_then(|address| self.udp_flow(address))
    }

    async fn find_flow(self: &Arc<Self>, hop: &Hop) -> Result<Flow, RouteError> {
        self.open_first(&mut self.candidates(hop).await?).await
    }

    /// Every place the hop may be at, best first.
    pub(crate) async fn candidates(&self, hop: &Hop) -> Result<VecDeque<Candidate>, RouteError> {
        Ok(self.resolver.resolve(hop).await?.into())
    }

    /// Opens the first of the candidates that can be; those tried are taken off.
    pub(crate) async fn open_first(
        self: &Arc<Self>,
        candidates: &mut VecDeque<Candidate>,
    ) -> Result<Flow, RouteError> {
        let mut last = RouteError::Exhausted;
        while let Some((transport, address)) = candidates.pop_front() {
            let opened = match transport {
                Transport::Udp => self.udp_flow(address).ok_or(RouteError::NoSocket(address)),
                Transport::Tcp => self
                    .connections()
                    .connect(address)
                    .await
                    .map_err(|error| RouteError::Connect(address, error)),
            };
            match opened {
                Ok(flow) => return Ok(flow),
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}
