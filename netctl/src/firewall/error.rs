//! How changing the rules fails.

use std::io;

/// Why the kernel did not do it.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says it")]
pub enum FirewallError {
    #[error("the netlink socket of nftables does not open")]
    Socket(#[source] io::Error),
    #[error("nftables refuses to {what}: {}{}", errno_text(.source), hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default())]
    Refused {
        /// For instance "add the rule prerouting 3".
        what: String,
        /// The kernel's own words, where it has some.
        hint: Option<String>,
        source: io::Error,
    },
    #[error("nftables answers what was not asked: {0}")]
    Protocol(&'static str),
    #[error("the rules changed while they were read")]
    Changed,
}

impl FirewallError {
    /// Whether a capability is missing.
    pub fn denied(&self) -> bool {
        matches!(self, Self::Socket(error) | Self::Refused { source: error, .. }
            if error.kind() == io::ErrorKind::PermissionDenied)
    }
}

/// The words of strerror(3), without the number that Rust adds.
fn errno_text(error: &io::Error) -> String {
    let text = error.to_string();
    text.split_once(" (os error").map_or(text.clone(), |(words, _)| words.to_owned())
}
