//! The INVITE client transaction (RFC 3261 §17.1.1 with RFC 6026 §7.2).
//!
//! ```text
//!            1xx                 300-699              timer D
//! CALLING ────────▶ PROCEEDING ──────────▶ COMPLETED ─────────▶ TERMINATED
//!    │ timer B, transport ▲│2xx             (ACKs again)   ▲
//!    │                     │                               │ timer M
//!    └── 2xx ──────────────┴──────────▶ ACCEPTED ──────────┘
//! ```

use std::time::Instant;

use super::timers::{Resend, Timers, earlier};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InviteClient {
    /// Sent, nothing heard. `cancel`: to be cancelled as soon as something is heard (§9.1).
    Calling {
        resend: Option<Resend>,
        b: Instant,
        cancel: bool,
    },
    /// A provisional response came. Once CANCEL is sent, the wait for the final one has an end.
    Proceeding {
        cancelled: Option<Instant>,
    },
    /// Refused, and acknowledged by us.
    Completed {
        d: Instant,
    },
    /// Answered 2xx; further ones are forks or retransmissions.
    Accepted {
        m: Instant,
    },
    Terminated,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Input {
    Provisional,
    Success,
    Failure,
    Cancel,
    Timer,
    TransportFailed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Nothing,
    /// Send the INVITE again.
    Resend,
    /// Tell the response.
    Deliver,
    /// Tell the response and send CANCEL.
    DeliverAndCancel,
    Cancel,
    /// Tell the response and acknowledge it.
    DeliverAndAck,
    /// Acknowledge a retransmitted failure again.
    Ack,
    Timeout,
    TransportFailed,
}

impl InviteClient {
    pub(super) fn new(now: Instant, timers: &Timers, reliable: bool) -> Self {
        let resend = (!reliable).then(|| timers.a(now));
        Self::Calling { resend, b: now + timers.long(), cancel: false }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match *self {
            Self::Calling { resend, b, .. } => earlier(resend, b),
            Self::Proceeding { cancelled } => cancelled,
            Self::Completed { d: at } | Self::Accepted { m: at } => Some(at),
            Self::Terminated => None,
        }
    }

    pub(super) fn step(self, input: Input, now: Instant, timers: &Timers, reliable: bool) -> (Self, Action) {
        use {Action as A, Input as I};
        match (self, input) {
            (Self::Calling { cancel: true, .. }, I::Provisional) => {
                (Self::Proceeding { cancelled: Some(now + timers.long()) }, A::DeliverAndCancel)
            }
            (Self::Calling { .. }, I::Provisional) => (Self::Proceeding { cancelled: None }, A::Deliver),
            (Self::Proceeding { .. }, I::Provisional) => (self, A::Deliver),
            (Self::Calling { .. } | Self::Proceeding { .. }, I::Success) => {
                (Self::Accepted { m: now + timers.long() }, A::Deliver)
            }
            (Self::Accepted { .. }, I::Success) => (self, A::Deliver),
            (Self::Calling { .. } | Self::Proceeding { .. }, I::Failure) if reliable => {
                (Self::Terminated, A::DeliverAndAck)
            }
            (Self::Calling { .. } | Self::Proceeding { .. }, I::Failure) => {
                (Self::Completed { d: now + timers.d() }, A::DeliverAndAck)
            }
            (Self::Completed { .. }, I::Failure) => (self, A::Ack),
            (Self::Calling { resend, b, .. }, I::Cancel) => {
                (Self::Calling { resend, b, cancel: true }, A::Nothing)
            }
            (Self::Proceeding { cancelled: None }, I::Cancel) => {
                (Self::Proceeding { cancelled: Some(now + timers.long()) }, A::Cancel)
            }
            (Self::Calling { b, .. }, I::Timer) if now >= b => (Self::Terminated, A::Timeout),
            (Self::Calling { resend: Some(resend), b, cancel }, I::Timer) if now >= resend.at => {
                (Self::Calling { resend: Some(resend.next(now)), b, cancel }, A::Resend)
            }
            (Self::Proceeding { cancelled: Some(at) }, I::Timer) if now >= at => {
                (Self::Terminated, A::Timeout)
            }
            (Self::Completed { d: at } | Self::Accepted { m: at }, I::Timer) if now >= at => {
                (Self::Terminated, A::Nothing)
            }
            (Self::Calling { .. } | Self::Proceeding { .. }, I::TransportFailed) => {
                (Self::Terminated, A::TransportFailed)
            }
            _ => (self, A::Nothing),
        }
    }
}
