//! Dialogs (RFC 3261 §12): who talks to whom, by which way, and which number comes next.
//!
//! A forked INVITE makes one dialog for each To-tag: a second 2xx gives a second [`Dialog::uac`], to be
//! acknowledged and ended with BYE. Refuses to know transactions and sessions.

use thiserror::Error;

use crate::message::{FieldError, Headers, Method, NameAddr, Request, Response, Uri};

/// What tells dialogs apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DialogId {
    /// Call-ID.
    pub call_id: String,
    /// Our tag.
    pub local_tag: String,
    /// The peer's tag; empty for one of RFC 2543.
    pub remote_tag: String,
}

impl DialogId {
    /// Of a request that came in.
    ///
    /// # Errors
    /// A header that cannot be read.
    pub fn of_request(request: &Request) -> Result<Self, FieldError> {
        Self::of(&request.headers, tag(request.headers.to_tag()?), tag(request.headers.from_tag()?))
    }

    /// Of a response to a request of ours.
    ///
    /// # Errors
    /// A header that cannot be read.
    pub fn of_response(response: &Response) -> Result<Self, FieldError> {
        Self::of(&response.headers, tag(response.headers.from_tag()?), tag(response.headers.to_tag()?))
    }

    fn of(headers: &Headers, local_tag: String, remote_tag: String) -> Result<Self, FieldError> {
        Ok(Self { call_id: headers.call_id()?.to_owned(), local_tag, remote_tag })
    }
}

/// Whether a 2xx was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DialogState {
    /// Made by a provisional response.
    Early,
    /// Made or confirmed by a 2xx.
    Confirmed,
}

/// One dialog, from our side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dialog {
    id: DialogId,
    state: DialogState,
    /// Our From, verbatim, tag included.
    local: String,
    /// The peer's To, verbatim.
    remote: String,
    local_number: u32,
    remote_number: Option<u32>,
    target: Uri,
    routes: Vec<NameAddr>,
}

/// Why there is no dialog, or a request does not belong into it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DialogError {
    /// A header cannot be read: 400.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// A request that makes a dialog says where to reach its sender: 400.
    #[error("no Contact")]
    NoContact,
    /// A response without To-tag, or one that is 100 or a failure, makes none.
    #[error("the response makes no dialog")]
    NoTag,
    /// CSeq is not above the last one: 500 (§12.2.2).
    #[error("CSeq {got} comes after {last}")]
    OutOfOrder {
        /// The request's.
        got: u32,
        /// The highest so far.
        last: u32,
    },
}

impl DialogError {
    /// What a request that met it is answered.
    pub fn status(&self) -> u16 {
        match self {
            Self::OutOfOrder { .. } => 500,
            Self::Field(_) | Self::NoContact | Self::NoTag => 400,
        }
    }
}

impl Dialog {
    /// The caller's: `invite` is ours, `response` (101–299, with a To-tag) the peer's (§12.1.2). Where a
    /// careless peer sends no Contact, the Request-URI serves.
    ///
    /// # Errors
    /// See [`DialogError`].
    pub fn uac(invite: &Request, response: &Response) -> Result<Self, DialogError> {
        let id = DialogId::of_response(response)?;
        if id.remote_tag.is_empty() || !(101..300).contains(&response.status) {
            return Err(DialogError::NoTag);
        }
        let mut dialog = Self {
            id,
            state: DialogState::Early,
            local: text(&invite.headers, "From")?,
            remote: text(&response.headers, "To")?,
            local_number: invite.headers.cseq()?.number,
            remote_number: None,
            target: invite.uri.as_request_uri(),
            routes: Vec::new(),
        };
        dialog.take_response(response)?;
        Ok(dialog)
    }

    /// The callee's: `invite` is the peer's, `response` our own with our To-tag (§12.1.1).
    ///
    /// # Errors
    /// See [`DialogError`].
    pub fn uas(invite: &Request, response: &Response) -> Result<Self, DialogError> {
        let local_tag = tag(response.headers.to_tag()?);
        if local_tag.is_empty() || !(101..300).contains(&response.status) {
            return Err(DialogError::NoTag);
        }
        let id = DialogId {
            call_id: invite.headers.call_id()?.to_owned(),
            local_tag,
            remote_tag: tag(invite.headers.from_tag()?),
        };
        Ok(Self {
            id,
            state: if response.is_success() { DialogState::Confirmed } else { DialogState::Early },
            local: text(&response.headers, "To")?,
            remote: text(&invite.headers, "From")?,
            local_number: 0,
            remote_number: Some(invite.headers.cseq()?.number),
            target: invite.headers.contact()?.ok_or(DialogError::NoContact)?.uri,
            routes: invite.headers.routes("Record-Route")?,
        })
    }

    /// Its id.
    pub fn id(&self) -> &DialogId {
        &self.id
    }

    /// Early or confirmed.
    pub fn state(&self) -> DialogState {
        self.state
    }

    /// Where the peer said it is.
    pub fn target(&self) -> &Uri {
        &self.target
    }

    /// Our side sent a 2xx to the INVITE that made this dialog.
    pub fn confirm(&mut self) {
        self.state = DialogState::Confirmed;
    }

    /// Takes a further response (101–299) to the INVITE that made this dialog: until it is confirmed the way
    /// may still change (§13.2.2.4).
    ///
    /// # Errors
    /// A header that cannot be read; nothing has changed then.
    pub fn take_response(&mut self, response: &Response) -> Result<(), DialogError> {
        let contact = response.headers.contact()?;
        if self.state == DialogState::Early {
            let mut routes = response.headers.routes("Record-Route")?;
            routes.reverse();
            if response.is_success() {
                self.state = DialogState::Confirmed;
                self.routes = routes;
            } else if !routes.is_empty() {
                self.routes = routes;
            }
        }
        if let Some(contact) = contact {
            self.target = contact.uri;
        }
        Ok(())
    }

    /// Takes a request of the peer's: its CSeq must be above the last. ACK and CANCEL carry a number already
    /// seen and always pass (§12.2.2).
    ///
    /// # Errors
    /// [`DialogError::OutOfOrder`], or a header that cannot be read.
    pub fn take_request(&mut self, request: &Request) -> Result<(), DialogError> {
        let got = request.headers.cseq()?.number;
        if matches!(request.method, Method::Ack | Method::Cancel) {
            return Ok(());
        }
        match self.remote_number {
            Some(last) if got <= last => Err(DialogError::OutOfOrder { got, last }),
            _ => {
                self.remote_number = Some(got);
                Ok(())
            }
        }
    }

    /// The peer's INVITE or UPDATE was accepted, or ours was: its Contact is the target from now on (§12.2).
    ///
    /// # Errors
    /// A Contact that cannot be read.
    pub fn refresh_target(&mut self, headers: &Headers) -> Result<(), DialogError> {
        if let Some(contact) = headers.contact()? {
            self.target = contact.uri;
        }
        Ok(())
    }

    /// The next request of ours, not ACK or CANCEL: URI, Route, From, To, Call-ID, CSeq (§12.2.1.1). Contact and
    /// body are the caller's to add.
    pub fn request(&mut self, method: Method) -> Request {
        self.local_number = self.local_number.saturating_add(1);
        self.build(method, self.local_number)
    }

    /// The ACK of the 2xx to the INVITE with this number (§13.2.2.4).
    pub fn ack(&self, invite_number: u32) -> Request {
        self.build(Method::Ack, invite_number)
    }

    /// The number of our latest request.
    pub fn local_number(&self) -> u32 {
        self.local_number
    }

    /// A request was sent again with a higher number (after 401, 407 or 422): ours go on from there.
    pub fn raise_local_number(&mut self, number: u32) {
        self.local_number = self.local_number.max(number);
    }

    /// The URI whose [`Hop`](crate::hop::Hop) requests are sent to: the first Route's, or the target's.
    pub fn next_hop(&self) -> &Uri {
        self.routes.first().map_or(&self.target, |route| &route.uri)
    }

    fn build(&self, method: Method, number: u32) -> Request {
        let strict = self.routes.first().filter(|route| !route.uri.has_param("lr"));
        let uri = strict.map_or(&self.target, |route| &route.uri).as_request_uri();
        let mut request = Request::new(method, uri);
        request.headers = Headers::with_room(USUAL);
        request.headers.push("Max-Forwards", "70");
        for route in self.routes.iter().skip(usize::from(strict.is_some())) {
            request.headers.push("Route", route.to_string());
        }
        if strict.is_some() {
            request.headers.push("Route", format!("<{}>", self.target));
        }
        request.headers.push("From", self.local.as_str());
        request.headers.push("To", self.remote.as_str());
        request.headers.push("Call-ID", self.id.call_id.as_str());
        request.headers.push("CSeq", format!("{number} {}", request.method));
        request
    }
}

/// Headers most of its requests have: Via, Max-Forwards, From, To, Call-ID, CSeq, User-Agent, Reason.
const USUAL: usize = 8;

fn tag(given: Option<&str>) -> String {
    given.unwrap_or_default().to_owned()
}

fn text(headers: &Headers, name: &'static str) -> Result<String, FieldError> {
    headers.first(name).map(str::to_owned).ok_or(FieldError::Missing(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::response;

    fn invite(record_routes: &str) -> Request {
        let mut invite = Request::new(Method::Invite, Uri::parse("sip:bob@example.com?x=y").unwrap());
        for (name, value) in [
            ("Via", "SIP/2.0/UDP a;branch=z9hG4bK1"),
            ("From", "\"Al ice\" <sip:alice@a>;tag=a1"),
            ("To", "<sip:bob@example.com>"),
            ("Call-ID", "c1"),
            ("CSeq", "7 INVITE"),
            ("Contact", "<sip:alice@192.0.2.1:5070>"),
        ] {
            invite.headers.push(name, value);
        }
        if !record_routes.is_empty() {
            invite.headers.push("Record-Route", record_routes);
        }
        invite
    }

    fn answer(invite: &Request, status: u16, tag: &str, contact: &str) -> Response {
        let mut response = response::to(invite, status, Some(tag));
        if !contact.is_empty() {
            response.headers.push("Contact", contact);
        }
        response
    }

    fn routes(request: &Request) -> Vec<&str> {
        request.headers.all("Route").collect()
    }

    #[test]
    fn caller_and_callee_see_the_proxies_in_opposite_order() {
        let invite = invite("<sip:p2;lr>, <sip:p1;lr>");
        let ok = answer(&invite, 200, "b1", "<sip:bob@192.0.2.2>");
        let mut caller = Dialog::uac(&invite, &ok).unwrap();
        let mut callee = Dialog::uas(&invite, &ok).unwrap();
        let bye = caller.request(Method::Bye);
        assert_eq!(bye.uri.as_str(), "sip:bob@192.0.2.2");
        assert_eq!(routes(&bye), ["<sip:p1;lr>", "<sip:p2;lr>"]);
        assert_eq!(bye.headers.first("CSeq"), Some("8 BYE"));
        assert_eq!(bye.headers.first("From"), Some("\"Al ice\" <sip:alice@a>;tag=a1"));
        assert_eq!(bye.headers.first("To"), Some("<sip:bob@example.com>;tag=b1"));
        assert_eq!(DialogId::of_request(&bye).unwrap(), *callee.id());
        let back = callee.request(Method::Bye);
        assert_eq!(routes(&back), ["<sip:p2;lr>", "<sip:p1;lr>"]);
        assert_eq!(back.uri.as_str(), "sip:alice@192.0.2.1:5070");
        assert_eq!(DialogId::of_request(&back).unwrap(), *caller.id());
        assert_eq!(callee.next_hop().host(), "p2");
        assert_eq!(caller.ack(7).headers.first("CSeq"), Some("7 ACK"));
    }

    #[test]
    fn a_strict_router_gets_the_request_uri_and_the_target_goes_last() {
        let invite = invite("<sip:strict:5066;x=1>, <sip:p2;lr>");
        let ok = answer(&invite, 200, "b1", "<sip:bob@192.0.2.2>");
        let bye = Dialog::uas(&invite, &ok).unwrap().request(Method::Bye);
        assert_eq!(bye.uri.as_str(), "sip:strict:5066;x=1");
        assert_eq!(routes(&bye), ["<sip:p2;lr>", "<sip:alice@192.0.2.1:5070>"]);
    }

    #[test]
    fn forks_are_dialogs_of_their_own_and_early_ones_may_change_their_way() {
        let invite = invite("<sip:p1;lr>");
        let ringing = answer(&invite, 180, "b1", "");
        let mut first = Dialog::uac(&invite, &ringing).unwrap();
        assert_eq!(first.state(), DialogState::Early);
        // No Contact yet: the Request-URI, without its headers.
        assert_eq!(first.target().as_str(), "sip:bob@example.com");
        let mut ok = answer(&invite, 200, "b1", "<sip:bob@192.0.2.2>");
        ok.headers.remove("Record-Route");
        first.take_response(&ok).unwrap();
        assert_eq!(first.state(), DialogState::Confirmed);
        assert_eq!(first.next_hop().host(), "192.0.2.2");
        let second = Dialog::uac(&invite, &answer(&invite, 200, "b2", "<sip:c@192.0.2.3>")).unwrap();
        assert_ne!(first.id(), second.id());
        assert_eq!(Dialog::uac(&invite, &answer(&invite, 100, "", "")), Err(DialogError::NoTag));
    }

    #[test]
    fn numbers_only_rise() {
        let invite = invite("");
        let mut dialog = Dialog::uas(&invite, &answer(&invite, 200, "b1", "")).unwrap();
        let mut bye = invite.clone();
        bye.method = Method::Bye;
        for (number, fits) in [(7, false), (6, false), (9, true), (8, false), (10, true)] {
            bye.headers.set("CSeq", format!("{number} BYE"));
            let result = dialog.take_request(&bye);
            assert_eq!(result.is_ok(), fits, "{number}");
            assert!(result.err().is_none_or(|error| error.status() == 500));
        }
        let mut ack = invite;
        ack.method = Method::Ack;
        ack.headers.set("CSeq", "7 ACK");
        dialog.take_request(&ack).unwrap();
    }

    #[test]
    fn an_invite_without_contact_makes_no_dialog() {
        let mut invite = invite("");
        invite.headers.remove("Contact");
        let error = Dialog::uas(&invite, &answer(&invite, 200, "b1", "")).unwrap_err();
        assert_eq!((error.status(), error), (400, DialogError::NoContact));
    }
}
