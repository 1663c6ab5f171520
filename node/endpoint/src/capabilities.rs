//! What this switch can, as its messages say it (RFC 3261 §20.5, §20.37).

/// Methods this switch takes, as Allow says them.
pub(crate) const ALLOW: &str = "INVITE, ACK, BYE, CANCEL, OPTIONS, UPDATE";
/// Extensions this switch has, as Supported says them.
pub(crate) const SUPPORTED: &str = "timer, replaces";
/// Session timers alone (RFC 4028).
pub(crate) const TIMER: &str = "timer";

/// Whether this switch has the extension.
pub(crate) fn is_supported(option: &str) -> bool {
    SUPPORTED.split(", ").any(|ours| ours.eq_ignore_ascii_case(option))
}
