//! Which side of a call a leg's peer is, and how far that is.

use std::collections::VecDeque;
use std::sync::Arc;

use switch_core::media::StreamId;
use switch_sip::message::{Request, Uri};
use switch_sip::sdp::Description;
use switch_sip::transaction::{ClientId, ServerId};

use crate::resolve::Candidate;

pub(super) enum Role {
    Inbound(Inbound),
    Outbound(Box<Outbound>),
}

/// A caller's INVITE and how far it was answered.
pub(super) struct Inbound {
    pub(super) server: ServerId,
    pub(super) stage: InboundStage,
}

pub(super) enum InboundStage {
    /// Not answered.
    Early(Box<Invite>),
    /// Answered, the ACK is due. `ours`: it brings the answer to an offer of ours.
    Answered { ours: bool },
    /// Acknowledged.
    Confirmed,
    /// Nothing more to say.
    Over,
}

/// What is answered, kept no longer than until it is.
pub(super) struct Invite {
    pub(super) request: Arc<Request>,
    /// None: the INVITE had no description, ours is the offer and the ACK brings the answer.
    pub(super) offer: Option<Description>,
    /// What a 183 carried is repeated in the 200 (RFC 3261 §13.2.1).
    pub(super) described: Option<String>,
}

impl Inbound {
    pub(super) fn is_early(&self) -> bool {
        self.invite().is_some()
    }

    pub(super) fn is_confirmed(&self) -> bool {
        matches!(self.stage, InboundStage::Confirmed)
    }

    pub(super) fn invite(&self) -> Option<&Invite> {
        if let InboundStage::Early(invite) = &self.stage { Some(invite) } else { None }
    }
}

/// A callee and how far it is.
pub(super) struct Outbound {
    pub(super) target: Uri,
    pub(super) caller: CallerId,
    pub(super) beside: Option<StreamId>,
    /// The CSeq of our INVITE.
    pub(super) number: u32,
    /// Where else the target may be, should this lead nowhere (RFC 3263 §4.3).
    pub(super) rest: VecDeque<Candidate>,
    /// This place has answered something.
    pub(super) is_heard: bool,
    /// The tags of those that answered provisionally: early dialogs (RFC 3261 §12.1.2).
    pub(super) early: Vec<Box<str>>,
    pub(super) stage: OutboundStage,
}

/// Who calls, as From says it.
pub(super) struct CallerId {
    pub(super) number: String,
    pub(super) name: String,
}

#[derive(Clone, Debug)]
pub(super) enum OutboundStage {
    /// Its name is being looked up.
    Reaching,
    /// The INVITE is out.
    Invited { client: ClientId },
    /// It answered: with this tag, for others may answer too.
    Confirmed { client: ClientId, tag: Box<str> },
    /// Nothing more to say.
    Over,
}

impl Outbound {
    pub(super) fn is_early(&self) -> bool {
        matches!(self.stage, OutboundStage::Invited { .. })
    }
}
