//! The INVITE server transaction (RFC 3261 §17.2.1 with RFC 6026 §7.1), and the 2xx's wait for its ACK, which
//! the RFC gives to the user of the transaction (§13.3.1.4).
//!
//! ```text
//!              300-699               ACK               timer I
//! PROCEEDING ───────────▶ COMPLETED ─────▶ CONFIRMED ──────────▶ TERMINATED
//!     │ (100 by itself)       └── timer H ──────────────────────▶ ▲
//!     └── 2xx ──▶ ACCEPTED (2xx again until ACK) ── timer L ──────┘
//! ```

use std::time::Instant;

use super::timers::{Resend, Timers, earlier};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InviteServer {
    /// No final response yet. `trying`: when 100 is due.
    Proceeding {
        trying: Option<Instant>,
        cancelled: bool,
    },
    /// Refused; sent again until the ACK.
    Completed {
        resend: Option<Resend>,
        h: Instant,
    },
    /// Refused and acknowledged; absorbs ACKs.
    Confirmed {
        i: Instant,
    },
    /// Answered 2xx. `resend` until the ACK.
    Accepted {
        resend: Option<Resend>,
        l: Instant,
    },
    Terminated,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Input {
    /// The INVITE came again.
    Retransmission,
    Cancel,
    Ack,
    /// The user answers.
    Provisional,
    Success,
    Failure,
    Timer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Nothing,
    /// Send the response the user gave.
    Send,
    SendTrying,
    /// Send the last response again.
    Resend,
    Cancelled,
    /// Tell the ACK of a 2xx.
    Ack,
    AckMissing,
    /// The user answered twice.
    Answered,
}

impl InviteServer {
    pub(super) fn new(now: Instant, timers: &Timers) -> Self {
        Self::Proceeding { trying: Some(now + timers.trying), cancelled: false }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match *self {
            Self::Proceeding { trying, .. } => trying,
            Self::Completed { resend, h: end } | Self::Accepted { resend, l: end } => earlier(resend, end),
            Self::Confirmed { i } => Some(i),
            Self::Terminated => None,
        }
    }

    pub(super) fn step(self, input: Input, now: Instant, timers: &Timers, reliable: bool) -> (Self, Action) {
        use {Action as A, Input as I};
        match (self, input) {
            (Self::Proceeding { trying: Some(_), cancelled }, I::Retransmission) => {
                (Self::Proceeding { trying: None, cancelled }, A::SendTrying)
            }
            (Self::Proceeding { trying: Some(at), cancelled }, I::Timer) if now >= at => {
                (Self::Proceeding { trying: None, cancelled }, A::SendTrying)
            }
            (Self::Proceeding { .. } | Self::Completed { .. }, I::Retransmission) => (self, A::Resend),
            (Self::Proceeding { trying, cancelled: false }, I::Cancel) => {
                (Self::Proceeding { trying, cancelled: true }, A::Cancelled)
            }
            (Self::Proceeding { cancelled, .. }, I::Provisional) => {
                (Self::Proceeding { trying: None, cancelled }, A::Send)
            }
            (Self::Proceeding { .. }, I::Success) => {
                // Sent again on every transport: the ACK comes end to end (§13.3.1.4).
                (Self::Accepted { resend: Some(timers.g(now)), l: now + timers.long() }, A::Send)
            }
            (Self::Proceeding { .. }, I::Failure) => {
                let resend = (!reliable).then(|| timers.g(now));
                (Self::Completed { resend, h: now + timers.long() }, A::Send)
            }
            (Self::Completed { .. }, I::Ack) if reliable => (Self::Terminated, A::Nothing),
            (Self::Completed { .. }, I::Ack) => (Self::Confirmed { i: now + timers.t4 }, A::Nothing),
            (Self::Accepted { resend: Some(_), l }, I::Ack) => (Self::Accepted { resend: None, l }, A::Ack),
            (Self::Completed { h, .. }, I::Timer) if now >= h => (Self::Terminated, A::Nothing),
            (Self::Completed { resend: Some(resend), h }, I::Timer) if now >= resend.at => {
                (Self::Completed { resend: Some(resend.next(now)), h }, A::Resend)
            }
            (Self::Accepted { resend, l }, I::Timer) if now >= l => {
                (Self::Terminated, if resend.is_some() { A::AckMissing } else { A::Nothing })
            }
            (Self::Accepted { resend: Some(resend), l }, I::Timer) if now >= resend.at => {
                (Self::Accepted { resend: Some(resend.next(now)), l }, A::Resend)
            }
            (Self::Confirmed { i }, I::Timer) if now >= i => (Self::Terminated, A::Nothing),
            (_, I::Provisional | I::Success | I::Failure) => (self, A::Answered),
            _ => (self, A::Nothing),
        }
    }
}
