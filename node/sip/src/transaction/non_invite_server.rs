//! The non-INVITE server transaction (RFC 3261 §17.2.2).
//!
//! ```text
//!          1xx                200-699             timer J
//! TRYING ───────▶ PROCEEDING ──────────▶ COMPLETED ─────────▶ TERMINATED
//!    └── 200-699 ─────────────────────────▲
//! ```
//! A user that never answers would keep its transaction for ever: after 64·T1, when the client has long given
//! up (timer F), it is dropped.

use std::time::Instant;

use super::timers::Timers;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NonInviteServer {
    Trying { stale: Instant },
    Proceeding { stale: Instant },
    Completed { j: Instant },
    Terminated,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Input {
    Retransmission,
    Provisional,
    Final,
    Timer,
    TransportFailed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Nothing,
    Send,
    Resend,
    Answered,
}

impl NonInviteServer {
    pub(super) fn new(now: Instant, timers: &Timers) -> Self {
        Self::Trying { stale: now + timers.long() }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match *self {
            Self::Trying { stale: at } | Self::Proceeding { stale: at } | Self::Completed { j: at } => {
                Some(at)
            }
            Self::Terminated => None,
        }
    }

    pub(super) fn step(self, input: Input, now: Instant, timers: &Timers, reliable: bool) -> (Self, Action) {
        use {Action as A, Input as I};
        match (self, input) {
            (Self::Proceeding { .. } | Self::Completed { .. }, I::Retransmission) => (self, A::Resend),
            (Self::Trying { stale } | Self::Proceeding { stale }, I::Provisional) => {
                (Self::Proceeding { stale }, A::Send)
            }
            (Self::Trying { .. } | Self::Proceeding { .. }, I::Final) if reliable => {
                (Self::Terminated, A::Send)
            }
            (Self::Trying { .. } | Self::Proceeding { .. }, I::Final) => {
                (Self::Completed { j: now + timers.long() }, A::Send)
            }
            (_, I::Provisional | I::Final) => (self, A::Answered),
            (
                Self::Trying { stale: at } | Self::Proceeding { stale: at } | Self::Completed { j: at },
                I::Timer,
            ) if now >= at => (Self::Terminated, A::Nothing),
            (_, I::TransportFailed) => (Self::Terminated, A::Nothing),
            _ => (self, A::Nothing),
        }
    }
}
