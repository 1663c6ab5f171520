//! Transactions (RFC 3261 §17, RFC 6026): the four machines, and the [`Layer`] that holds all of them.
//!
//! Tell the layer what happened (`receive`, `request`, `respond`, `cancel`, `acknowledge`, `handle_timeout`,
//! `transport_failed`), then take out what it has to say (`poll_output`) and when it wants to be woken
//! (`next_timeout`). It owns retransmissions, matching, CANCEL, the ACK of failures and the wait for the ACK
//! of a 2xx. It refuses to know dialogs, sockets and what a request means.

mod invite_client;
mod invite_server;
mod layer;
mod non_invite_client;
mod non_invite_server;
mod schedule;
mod timers;

use std::net::SocketAddr;
use std::sync::Arc;

use thiserror::Error;

pub use layer::{Counters, Layer};
pub use timers::Timers;

use crate::message::{FieldError, Message, Request, Response};

/// What carries messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// Datagrams: lost ones are sent again.
    Udp,
    /// A stream: reliable (RFC 3261 §17).
    Tcp,
}

impl Transport {
    /// As Via says it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
        }
    }

    /// Whether it delivers by itself.
    pub fn is_reliable(self) -> bool {
        self == Self::Tcp
    }
}

/// Where a message came from or goes to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Flow {
    /// What carries it.
    pub transport: Transport,
    /// Our address.
    pub local: SocketAddr,
    /// The peer's.
    pub remote: SocketAddr,
    /// Names the connection, or for UDP the socket; the layer only compares it.
    pub connection: u64,
}

/// Names a transaction we began. Never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientId(u64);

/// Names a transaction a peer began. Never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServerId(u64);

/// What the layer has to say.
#[derive(Clone, Debug)]
pub enum Output {
    /// Send this.
    Transmit {
        /// Where to.
        flow: Flow,
        /// What; shared with the transaction, which may send it again.
        message: Arc<Message>,
    },
    /// The user of the layer should know.
    Event(Event),
}

/// What the user of the layer should know.
#[derive(Clone, Debug)]
pub enum Event {
    /// A new request, never ACK or CANCEL. It waits for [`Layer::respond`].
    Request {
        /// To answer it.
        id: ServerId,
        /// `received` and `rport` filled in.
        request: Request,
        /// Where it came from.
        flow: Flow,
    },
    /// The ACK of our 2xx; told once.
    Ack {
        /// The INVITE's.
        id: ServerId,
        /// The ACK, which may carry an answer.
        request: Request,
        /// Where it came from.
        flow: Flow,
    },
    /// An INVITE that has no final response yet was cancelled. The CANCEL is answered; answer the INVITE 487.
    Cancelled {
        /// The INVITE's.
        id: ServerId,
    },
    /// No ACK came for our 2xx within 64·T1: the session should be ended with BYE (RFC 3261 §13.3.1.4).
    AckMissing {
        /// The INVITE's.
        id: ServerId,
    },
    /// A response to our request. The 2xx of an INVITE wants [`Layer::acknowledge`]; one with another To-tag
    /// is told again (a fork), a retransmitted one is not.
    Response {
        /// Whose.
        id: ClientId,
        /// As it came.
        response: Response,
        /// Where it came from.
        flow: Flow,
    },
    /// No final response came in time (timer B or F, or 64·T1 after CANCEL). The transaction is over.
    Timeout {
        /// Whose.
        id: ClientId,
    },
    /// The flow failed under a request that waits. The transaction is over.
    TransportFailed {
        /// Whose.
        id: ClientId,
    },
    /// The last word of every transaction that [`Layer::request`] began: nothing more comes of it.
    Over {
        /// Whose.
        id: ClientId,
    },
}

/// Why a request was not sent.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RequestError {
    /// As many transactions as [`Timers::max_transactions`] allows.
    #[error("too many transactions")]
    Full,
    /// ACK and CANCEL begin no transaction of their own here.
    #[error("{0} is sent with acknowledge or cancel")]
    NotARequest(crate::message::Method),
    /// From, To, Call-ID or CSeq.
    #[error("the request cannot be sent: {0}")]
    Field(#[from] FieldError),
    /// CSeq names another method.
    #[error("the method of CSeq is not the request's")]
    MethodMismatch,
}

/// Why a response was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RespondError {
    /// The transaction is over, or never was.
    #[error("the transaction is over")]
    Gone,
    /// It has its final response.
    #[error("the request has been answered")]
    Answered,
    /// Not from 100 to 699.
    #[error("{0} is no status")]
    Status(u16),
}
