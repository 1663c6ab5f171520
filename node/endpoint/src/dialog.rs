//! Dialogs (RFC 3261 §12).

use thiserror::Error;

use switch_sip::message::{CSeq, FieldError, Method, NameAddr, Request, Response, Uri};

/// One dialog, from our side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dialog {
    call_id: String,
    local: NameAddr,
    remote: NameAddr,
    local_seq: u32,
    remote_seq: Option<u32>,
    target: Uri,
    routes: Vec<NameAddr>,
}

/// Why no dialog came of a response.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum DialogError {
    /// A header cannot be read.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// Without a Contact the peer cannot be reached again.
    #[error("no Contact")]
    NoContact,
}

impl Dialog {
    /// The callee's (§12.1.1): `response` is our own.
    ///
    /// # Errors
    /// [`DialogError`].
    pub(crate) fn uas(request: &Request, response: &Response) -> Result<Self, DialogError> {
        Ok(Self {
            call_id: request.headers.call_id()?.to_owned(),
            local: response.headers.to()?,
            remote: request.headers.from()?,
            local_seq: 0,
            remote_seq: Some(request.headers.cseq()?.number),
            target: request.headers.contact()?.ok_or(DialogError::NoContact)?.uri,
            routes: request.headers.routes("Record-Route")?,
        })
    }

    /// The caller's (§12.1.2): `request` is our own.
    ///
    /// # Errors
    /// [`DialogError`].
    pub(crate) fn uac(request: &Request, response: &Response) -> Result<Self, DialogError> {
        let mut routes = response.headers.routes("Record-Route")?;
        routes.reverse();
        Ok(Self {
            call_id: request.headers.call_id()?.to_owned(),
            local: request.headers.from()?,
            remote: response.headers.to()?,
            local_seq: request.headers.cseq()?.number,
            remote_seq: None,
            target: response.headers.contact()?.ok_or(DialogError::NoContact)?.uri,
            routes,
        })
    }

    /// A request of ours inside the dialog (§12.2.1.1).
    pub(crate) fn request(&mut self, method: Method) -> Request {
        self.local_seq = self.local_seq.wrapping_add(1).max(1);
        self.build(method, self.local_seq)
    }

    /// The ACK of a 2xx to `invite` (§13.2.2.4).
    pub(crate) fn ack(&self, invite: &Request) -> Request {
        let number = invite.headers.cseq().map_or(self.local_seq, |cseq| cseq.number);
        self.build(Method::Ack, number)
    }

    /// Checks a request of the peer's and takes over its Contact.
    ///
    /// # Errors
    /// 500 where its CSeq is lower than one before (§12.2.2).
    pub(crate) fn accept(&mut self, request: &Request) -> Result<(), u16> {
        let number = request.headers.cseq().map_err(|_| 400_u16)?.number;
        if self.remote_seq.is_some_and(|last| number < last) {
            return Err(500);
        }
        self.remote_seq = Some(number);
        if matches!(request.method, Method::Invite | Method::Update)
            && let Ok(Some(contact)) = request.headers.contact()
        {
            self.target = contact.uri;
        }
        Ok(())
    }

    fn build(&self, method: Method, number: u32) -> Request {
        let strict = self.routes.first().filter(|first| !first.uri.has_param("lr"));
        let uri = strict.map_or(&self.target, |first| &first.uri).as_request_uri();
        let mut request = Request::new(method.clone(), uri);
        request.headers.push("Max-Forwards", "70");
        let skip = usize::from(strict.is_some());
        for route in &self.routes[skip..] {
            request.headers.push("Route", route.to_string());
        }
        if strict.is_some() {
            request.headers.push("Route", NameAddr::new(self.target.clone()).to_string());
        }
        request.headers.push("From", self.local.to_string());
        request.headers.push("To", self.remote.to_string());
        request.headers.push("Call-ID", self.call_id.as_str());
        request.headers.push("CSeq", CSeq { number, method }.to_string());
        request
    }
}
