//! What transactions are found by.

use std::sync::Arc;

use crate::message::{CSeq, FieldError, Method, Request, Via};

/// Shared by the table and the transaction that takes itself out of it.
pub(super) type Key = Arc<str>;

/// A client transaction: branch and method (RFC 3261 §17.1.3).
pub(super) fn client(branch: &str, method: &Method) -> Key {
    [branch, " ", method.as_str()].concat().into()
}

/// A server transaction; ACK and CANCEL find their INVITE (§17.2.3).
pub(super) fn server(request: &Request, via: &Via, cseq: &CSeq) -> Result<Key, FieldError> {
    let method = match &request.method {
        Method::Ack | Method::Cancel => Method::Invite.as_str(),
        other => other.as_str(),
    };
    if let Some(branch) = via.branch().filter(|branch| is_magic(branch)) {
        let sent_by = via.sent_by().to_ascii_lowercase();
        return Ok([branch, " ", &sent_by, " ", method].concat().into());
    }
    // RFC 2543. The tag of To is left out: the ACK has one where the INVITE had none.
    Ok(format!(
        "2543 {} {} {} {} {} {} {method}",
        request.uri,
        request.headers.from_tag()?.unwrap_or_default(),
        request.headers.call_id()?,
        cseq.number,
        via.sent_by(),
        via.branch().unwrap_or_default(),
    )
    .into())
}

/// The ACK of a 2xx: the dialog, and the INVITE's number (§13.2.2.4).
pub(super) fn ack(call_id: &str, from_tag: Option<&str>, to_tag: Option<&str>, number: u32) -> Key {
    let (from_tag, to_tag) = (from_tag.unwrap_or_default(), to_tag.unwrap_or_default());
    format!("{call_id} {from_tag} {to_tag} {number}").into()
}

/// A request outside of a dialog, by whatever way it came (§8.2.2.2).
pub(super) fn merge(request: &Request, cseq: &CSeq) -> Result<Key, FieldError> {
    let tag = request.headers.from_tag()?.unwrap_or_default();
    Ok(format!("{} {tag} {cseq}", request.headers.call_id()?).into())
}

/// A branch that follows RFC 3261. The bare cookie names nothing: such a peer is matched the old way.
fn is_magic(branch: &str) -> bool {
    let cookie = crate::message::MAGIC;
    branch.len() > cookie.len()
        && branch.get(..cookie.len()).is_some_and(|start| start.eq_ignore_ascii_case(cookie))
}
