//! SIP messages: a start line, headers in order with verbatim values, a body (RFC 3261 §7).
//!
//! Owns the types and the strict writer. Refuses to know how bytes are cut into messages ([`crate::frame`])
//! and what a message means ([`crate::transaction`], [`crate::dialog`]). Typed headers are parsed when they
//! are asked for: a header nobody reads passes unchanged, however broken.

mod fields;
mod headers;
mod list;
mod method;
mod name_addr;
mod params;
mod reason;
mod uri;
mod via;

pub use fields::{CSeq, FieldError, Replaces, SessionExpires};
pub use headers::{Header, Headers};
pub use list::split_list;
pub use method::Method;
pub use name_addr::{NameAddr, NameAddrError};
pub use params::Params;
pub use reason::reason_phrase;
pub use uri::{Scheme, Uri, UriError};
pub(crate) use via::MAGIC;
pub use via::{Via, ViaError};

/// A request or a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// A request.
    Request(Request),
    /// A response.
    Response(Response),
}

impl Message {
    /// The headers of either.
    pub fn headers(&self) -> &Headers {
        match self {
            Self::Request(request) => &request.headers,
            Self::Response(response) => &response.headers,
        }
    }

    /// The request, if it is one.
    pub fn as_request(&self) -> Option<&Request> {
        if let Self::Request(request) = self { Some(request) } else { None }
    }

    /// As it goes on the wire.
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Request(request) => request.to_bytes(),
            Self::Response(response) => response.to_bytes(),
        }
    }
}

impl From<Request> for Message {
    fn from(request: Request) -> Self {
        Self::Request(request)
    }
}

impl From<Response> for Message {
    fn from(response: Response) -> Self {
        Self::Response(response)
    }
}

/// The protocol version of a start line.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Version {
    /// `SIP/2.0`.
    #[default]
    Two,
    /// Anything else that looks like a version; a request with it is answered 505.
    Other(String),
}

impl Version {
    /// As written.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Two => "SIP/2.0",
            Self::Other(text) => text,
        }
    }
}

/// A request (RFC 3261 §7.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What is asked.
    pub method: Method,
    /// The Request-URI.
    pub uri: Uri,
    /// The version it came with.
    pub version: Version,
    /// Headers in order.
    pub headers: Headers,
    /// The body; its length is written by the writer.
    pub body: Vec<u8>,
}

impl Request {
    /// A request without headers or body.
    pub fn new(method: Method, uri: Uri) -> Self {
        Self { method, uri, version: Version::Two, headers: Headers::default(), body: Vec::new() }
    }

    /// Sets body and Content-Type.
    pub fn set_body(&mut self, content_type: &str, body: Vec<u8>) {
        self.headers.set("Content-Type", content_type);
        self.body = body;
    }

    /// As it goes on the wire: CRLF, Content-Length right.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(256 + self.headers.size() + self.body.len());
        out.extend_from_slice(self.method.as_str().as_bytes());
        out.push(b' ');
        out.extend_from_slice(self.uri.as_str().as_bytes());
        out.push(b' ');
        out.extend_from_slice(self.version.as_str().as_bytes());
        write_rest(&mut out, &self.headers, &self.body);
        out
    }
}

/// A response (RFC 3261 §7.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// 100 to 699.
    pub status: u16,
    /// The reason phrase, verbatim; may be empty.
    pub reason: String,
    /// Headers in order.
    pub headers: Headers,
    /// The body; its length is written by the writer.
    pub body: Vec<u8>,
}

impl Response {
    /// A response with the RFC's reason phrase, without headers or body. One that answers a request is made by
    /// [`crate::response::to`].
    pub fn new(status: u16) -> Self {
        Self { status, reason: reason_phrase(status), headers: Headers::default(), body: Vec::new() }
    }

    /// 1xx.
    pub fn is_provisional(&self) -> bool {
        self.status < 200
    }

    /// 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Sets body and Content-Type.
    pub fn set_body(&mut self, content_type: &str, body: Vec<u8>) {
        self.headers.set("Content-Type", content_type);
        self.body = body;
    }

    /// As it goes on the wire: CRLF, Content-Length right.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(256 + self.headers.size() + self.body.len());
        out.extend_from_slice(b"SIP/2.0 ");
        out.extend_from_slice(self.status.to_string().as_bytes());
        out.push(b' ');
        out.extend_from_slice(self.reason.as_bytes());
        write_rest(&mut out, &self.headers, &self.body);
        out
    }
}

/// Headers, one Content-Length with the true length, the empty line, the body.
fn write_rest(out: &mut Vec<u8>, headers: &Headers, body: &[u8]) {
    out.extend_from_slice(b"\r\n");
    for header in headers {
        if header.is("Content-Length") {
            continue;
        }
        out.extend_from_slice(header.name().as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(header.value().as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"Content-Length: ");
    out.extend_from_slice(body.len().to_string().as_bytes());
    out.extend_from_slice(b"\r\n\r\n");
    out.extend_from_slice(body);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_writer_counts_the_body_itself() {
        let mut request = Request::new(Method::Invite, Uri::parse("sip:b@example.com").unwrap());
        request.headers.push("Content-Length", "999");
        request.headers.push("Subject", "hi");
        request.body = b"four".to_vec();
        let text = String::from_utf8(request.to_bytes()).unwrap();
        assert_eq!(text, "INVITE sip:b@example.com SIP/2.0\r\nSubject: hi\r\nContent-Length: 4\r\n\r\nfour");
    }
}
