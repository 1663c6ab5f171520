//! The non-INVITE client transaction (RFC 3261 §17.1.2).
//!
//! ```text
//!          1xx                200-699             timer K
//! TRYING ───────▶ PROCEEDING ──────────▶ COMPLETED ─────────▶ TERMINATED
//!    └── 200-699 ──────────────────────────▲    timer F, transport ▲
//! ```

use std::time::Instant;

use super::timers::{Resend, Timers, earlier};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NonInviteClient {
    Trying { resend: Option<Resend>, f: Instant },
    Proceeding { resend: Option<Resend>, f: Instant },
    Completed { k: Instant },
    Terminated,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Input {
    Provisional,
    Final,
    Timer,
    TransportFailed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Nothing,
    Resend,
    Deliver,
    Timeout,
    TransportFailed,
}

impl NonInviteClient {
    pub(super) fn new(now: Instant, timers: &Timers, reliable: bool) -> Self {
        Self::Trying { resend: (!reliable).then(|| timers.g(now)), f: now + timers.long() }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match *self {
            Self::Trying { resend, f } | Self::Proceeding { resend, f } => earlier(resend, f),
            Self::Completed { k } => Some(k),
            Self::Terminated => None,
        }
    }

    pub(super) fn step(self, input: Input, now: Instant, timers: &Timers, reliable: bool) -> (Self, Action) {
        use {Action as A, Input as I};
        match (self, input) {
            (Self::Trying { resend, f }, I::Provisional) => {
                // Timer E goes on at T2 (§17.1.2.2).
                let resend = resend.map(|resend| Resend { interval: timers.t2, ..resend });
                (Self::Proceeding { resend, f }, A::Deliver)
            }
            (Self::Proceeding { .. }, I::Provisional) => (self, A::Deliver),
            (Self::Trying { .. } | Self::Proceeding { .. }, I::Final) if reliable => {
                (Self::Terminated, A::Deliver)
            }
            (Self::Trying { .. } | Self::Proceeding { .. }, I::Final) => {
                (Self::Completed { k: now + timers.t4 }, A::Deliver)
            }
            (Self::Trying { f, .. } | Self::Proceeding { f, .. }, I::Timer) if now >= f => {
                (Self::Terminated, A::Timeout)
            }
            (Self::Trying { resend: Some(resend), f }, I::Timer) if now >= resend.at => {
                (Self::Trying { resend: Some(resend.next(now)), f }, A::Resend)
            }
            (Self::Proceeding { resend: Some(resend), f }, I::Timer) if now >= resend.at => {
                (Self::Proceeding { resend: Some(resend.next(now)), f }, A::Resend)
            }
            (Self::Completed { k }, I::Timer) if now >= k => (Self::Terminated, A::Nothing),
            (Self::Trying { .. } | Self::Proceeding { .. }, I::TransportFailed) => {
                (Self::Terminated, A::TransportFailed)
            }
            _ => (self, A::Nothing),
        }
    }
}
