//! The Reason header (RFC 3326): the cause of an end, as the two sides tell each other.

use switch_core::Cause;
use switch_sip::message::Request;

use crate::cause;

/// RFC 3326, as FreeSWITCH writes it; where the switch itself ends the call, with the status that fits (§2).
pub(crate) fn reason(cause: Cause) -> String {
    if cause == Cause::SystemShutdown {
        return "SIP ;cause=503 ;text=\"the switch is drained\"".to_owned();
    }
    let number = if cause.number() <= 127 { cause.number() } else { Cause::NormalClearing.number() };
    format!("Q.850;cause={number};text=\"{cause}\"")
}

/// The cause a BYE names in its Reason header, else normal clearing.
pub(crate) fn cause_of_bye(bye: &Request) -> Cause {
    let named = bye.headers.list("Reason").find_map(|reason| {
        let (protocol, rest) = reason.split_once(';')?;
        let number = rest.split(';').find_map(|param| param.trim().strip_prefix("cause=")?.parse().ok())?;
        match protocol.trim() {
            "Q.850" => Cause::from_number(number),
            "SIP" => Some(cause::from_status(number)),
            _ => None,
        }
    });
    named.unwrap_or(Cause::NormalClearing)
}
