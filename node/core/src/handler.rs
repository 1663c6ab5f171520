//! Who else wants to know when a channel enters a state.

use crate::session::Session;
use crate::state::State;

/// Whether the handlers behind this one run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flow {
    /// They do.
    Continue,
    /// They don't: see [`crate::session`] for who is stopped by whose veto.
    Veto,
}

/// Called when a channel enters a state: once for each entry, on the session's own task.
pub trait StateHandler: Send + Sync {
    /// May read and change the session; must not block.
    fn on_state(&self, session: &mut Session, state: State) -> Flow;
}
