//! One SIP leg: its dialog, its description, its stream.
//!
//! A leg is plain state, run by its session's task. It hands requests and responses to the agent and
//! gets what the peer did as messages through the session's mailbox. Dropped, it leaves nothing behind:
//! an unanswered INVITE is refused or cancelled, an answered one is ended, its stream is closed.
//!
//! From the bottom up: whose leg it is and how far the call (`role`), what is under way in the dialog (`pending`), the
//! leg itself (`state`); what it asks inside the dialog (`inside`) and what for: the codecs of the other leg (`align`),
//! life (`refresh`); what its peer asks: a caller (`inbound`), a callee and the way there (`reach`, `outbound`), either
//! of them later (`renegotiate`), somebody in its place (`replace`). On top what the core sees (`endpoint`).

mod align;
mod endpoint;
mod inbound;
mod inside;
mod outbound;
mod pending;
mod reach;
mod refresh;
mod renegotiate;
mod replace;
mod role;
mod state;

pub(crate) use outbound::Caller;
pub(crate) use state::Leg;
