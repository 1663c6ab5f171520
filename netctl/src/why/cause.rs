//! What is wrong, as whoever finds it says it and whoever reports it tells it.

/// What is wrong, and what mends it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Cause {
    /// One word for programs.
    pub kind: &'static str,
    /// A sentence.
    pub text: String,
    /// A command, where one is known.
    pub mend: Option<String>,
}

pub(super) fn cause(kind: &'static str, text: impl Into<String>, mend: impl Into<Option<String>>) -> Cause {
    Cause { kind, text: text.into(), mend: mend.into() }
}
