//! What every failure has to tell: what failed and why (its message), the next step, and the exit code.

use std::process::ExitCode;

/// The exit codes; they are part of the interface and stand in `netctl --help`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub enum Exit {
    /// It was tried and did not succeed.
    Failed = 1,
    /// The command line was not understood; clap's own code.
    Usage = 2,
    /// The kernel or the daemon does not let this user do it.
    Denied = 3,
    /// What was named does not exist.
    Missing = 4,
    /// The Docker daemon does not answer.
    Unreachable = 5,
    /// A file is damaged, incomplete or made for another machine, and was refused.
    Refused = 6,
    /// Something differs from what is declared, and it was asked to say so by its exit code.
    Differs = 7,
    /// SIGINT or SIGTERM came first; the shells' number for the former.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

/// An error that can be shown to a person as it is.
pub trait Explain: std::error::Error {
    /// What to do about it, where there is something to do: a sentence or a command.
    fn next_step(&self) -> Option<String>;
    /// What the process ends with.
    fn exit(&self) -> Exit;
}

/// Everything `main` has to know of a failure.
pub type Failure = Box<dyn Explain>;

impl<E: Explain + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        Box::new(error)
    }
}

/// The lines for standard error: the message with its causes, then the next step.
pub fn report(failure: &dyn Explain) -> String {
    let mut text = format!("netctl: {failure}");
    let mut cause = failure.source();
    while let Some(error) = cause {
        let said = error.to_string();
        // Messages of foreign crates often repeat their source.
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = error.source();
    }
    text.push('\n');
    if let Some(step) = failure.next_step() {
        text.push_str("  next: ");
        text.push_str(&step);
        text.push('\n');
    }
    crate::visible::visible(&text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot do it")]
    struct Outer(#[source] std::io::Error);

    impl Explain for Outer {
        fn next_step(&self) -> Option<String> {
            Some("try again".to_owned())
        }
        fn exit(&self) -> Exit {
            Exit::Failed
        }
    }

    #[test]
    fn message_cause_and_next_step() {
        let failure = Outer(std::io::Error::other("it is closed"));
        assert_eq!(report(&failure), "netctl: cannot do it: it is closed\n  next: try again\n");
        // A foreign program's words are in it.
        let failure = Outer(std::io::Error::other("\x1b[2J"));
        assert_eq!(report(&failure), "netctl: cannot do it: \\u{1b}[2J\n  next: try again\n");
    }
}
