//! What a handler says when it has handled a state, the endpoint's own handler like any other.

/// Whether the handlers behind this one run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flow {
    /// They do.
    Continue,
    /// They don't: see [`crate::task`] for who is stopped by whose veto.
    Veto,
}
