//! Who else wants to know when a channel enters a state.

pub use crate::flow::Flow;
use crate::session::Session;
use crate::state::State;

/// Called when a channel enters a state: once for each entry, on the session's own task.
pub trait StateHandler: Send + Sync {
    /// May read and change the session; must not block.
    fn on_state(&self, session: &mut Session, state: State) -> Flow;
}
