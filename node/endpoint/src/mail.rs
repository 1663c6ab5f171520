//! What a leg is told, and how it comes to it: through its session's mailbox.

use std::sync::Arc;

use switch_core::handle::{Message as ToSession, SendError};
use switch_sip::message::{Message, Request, Response};
use switch_sip::transaction::{ClientId, Flow, ServerId};

use crate::directory::{DialogKey, Recipient};
use crate::replacing::Replacing;
use crate::way::{Reached, RouteError};

/// What the agent tells a leg.
pub(crate) enum LegMessage {
    /// A request inside the dialog.
    Request {
        /// What to answer it by.
        id: ServerId,
        request: Arc<Request>,
        flow: Flow,
    },
    /// An INVITE wants the dialog's place (RFC 3891).
    Replace(Box<Replacing>),
    /// The ACK of our 2xx.
    Ack(Box<Request>),
    /// The INVITE was cancelled; its 487 is due.
    Cancelled,
    /// Nobody acknowledged our 2xx.
    AckMissing,
    /// A response to a request of ours.
    Response {
        id: ClientId,
        /// What it answers.
        request: Arc<Message>,
        response: Arc<Response>,
        flow: Flow,
    },
    /// A request of ours had no answer; `status` is what that counts as (RFC 3261 §8.1.3.1).
    Failed {
        /// Its CSeq.
        number: u32,
        status: u16,
    },
    /// The session timer is due.
    Timer,
    /// Our INVITE has been out for as long as a place is waited for that is not the last.
    Overdue(ClientId),
    /// The target's name was looked up and the way to it is open, or not.
    Reached(Result<Reached, RouteError>),
}

/// A message on its way through a session's mailbox. The session may go on with another leg before it is read.
pub(crate) struct Mail {
    pub(crate) leg: Arc<DialogKey>,
    pub(crate) message: LegMessage,
}

impl Recipient {
    pub(crate) fn send(&self, message: LegMessage) -> Result<(), SendError> {
        let mail = Mail { leg: Arc::clone(self.leg()), message };
        self.session().send(ToSession::Endpoint(Box::new(mail)))
    }
}
