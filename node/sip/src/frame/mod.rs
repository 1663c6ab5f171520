//! From bytes to messages: one datagram (RFC 3261 §18.3), or a stream cut by Content-Length.
//!
//! Lenient in what it takes (RFC 4475): bare LF, folded lines, compact names, unknown methods, odd white
//! space. What it refuses it still tells as far as it was read, so that the sender can be answered. Refuses
//! to know what a message means, and where it came from.

mod head;
mod stream;

use thiserror::Error;

use crate::message::{FieldError, Message, Request, Response, UriError};
use head::{Head, Start};
pub use stream::{Framed, StreamFramer};

/// Longest message, head and body, in bytes.
pub const MAX_MESSAGE: usize = 64 * 1024;
/// Most header lines of a message.
pub const MAX_HEADERS: usize = 256;

/// Why bytes are no message, and what of it could be read.
#[derive(Clone, Debug, Error)]
#[error("{reason}")]
pub struct ParseError {
    /// What was wrong first.
    #[source]
    pub reason: ParseReason,
    /// The request as far as it was read, to build the refusal from. None for responses and for what does
    /// not look like SIP: neither is answered.
    pub partial: Option<Box<Request>>,
}

impl ParseError {
    /// What the sender is told: 400, or 513 for too much.
    pub fn status(&self) -> u16 {
        match self.reason {
            ParseReason::TooLarge | ParseReason::TooManyHeaders => 513,
            _ => 400,
        }
    }
}

/// What was wrong.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ParseReason {
    /// No start line.
    #[error("the message is empty")]
    Empty,
    /// Neither a request line nor a status line.
    #[error("the start line is neither a request's nor a response's")]
    StartLine,
    /// The Request-URI.
    #[error("the Request-URI is malformed: {0}")]
    RequestUri(#[source] UriError),
    /// A line without colon, or whose name is no token.
    #[error("a header line has no name")]
    HeaderLine,
    /// A header no message can do without.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// The method of CSeq is not that of the request line.
    #[error("the method of CSeq is not the request's")]
    MethodMismatch,
    /// The head or the body ends too early.
    #[error("the message ends before its length")]
    Truncated,
    /// More than [`MAX_MESSAGE`] bytes.
    #[error("the message is longer than {MAX_MESSAGE} bytes")]
    TooLarge,
    /// More than [`MAX_HEADERS`] lines.
    #[error("the message has more than {MAX_HEADERS} headers")]
    TooManyHeaders,
    /// A message with a body but no length, on a stream.
    #[error("a body on a stream needs a Content-Length")]
    NoLength,
}

/// Reads one datagram. Empty lines before the start line and bytes after the body are ignored.
///
/// # Errors
/// See [`ParseReason`].
pub fn parse_datagram(bytes: &[u8]) -> Result<Message, ParseError> {
    let bytes = skip_empty_lines(bytes);
    if bytes.is_empty() {
        return Err(ParseError { reason: ParseReason::Empty, partial: None });
    }
    let (head_end, ended) = match head::end(bytes, 0) {
        Some(end) => (end, true),
        None => (bytes.len(), false),
    };
    let head = head::parse(&bytes[..head_end])?;
    if bytes.len() > MAX_MESSAGE {
        return Err(head.refuse(ParseReason::TooLarge));
    }
    if !ended {
        return Err(head.refuse(ParseReason::Truncated));
    }
    let rest = &bytes[head_end..];
    let body = match head.headers.content_length() {
        Ok(Some(length)) => rest.get(..length),
        Ok(None) => Some(rest),
        // Validation names it.
        Err(_) => Some(&rest[..0]),
    };
    match body {
        Some(body) => finish(head, body),
        None => Err(head.refuse(ParseReason::Truncated)),
    }
}

/// Checks what every message must have (RFC 3261 §8.1.1), then puts it together.
fn finish(mut head: Head, body: &[u8]) -> Result<Message, ParseError> {
    if let Some(reason) = head.fault.take() {
        return Err(head.refuse(reason));
    }
    if let Err(reason) = validate(&head) {
        return Err(head.refuse(reason));
    }
    let body = body.to_vec();
    Ok(match head.start {
        Start::Request { method, uri, version } => {
            Message::Request(Request { method, uri, version, headers: head.headers, body })
        }
        Start::Response { status, reason } => {
            Message::Response(Response { status, reason, headers: head.headers, body })
        }
    })
}

fn validate(head: &Head) -> Result<(), ParseReason> {
    let headers = &head.headers;
    headers.top_via()?;
    headers.check_address("From")?;
    headers.check_address("To")?;
    headers.call_id()?;
    headers.content_length()?;
    let cseq = headers.cseq()?;
    for name in ["Call-ID", "CSeq"] {
        if headers.all(name).nth(1).is_some() {
            return Err(FieldError::Repeated(name).into());
        }
    }
    match &head.start {
        Start::Request { method, .. } if *method != cseq.method => Err(ParseReason::MethodMismatch),
        _ => Ok(()),
    }
}

fn skip_empty_lines(bytes: &[u8]) -> &[u8] {
    let start = bytes.iter().position(|b| !matches!(b, b'\r' | b'\n')).unwrap_or(bytes.len());
    &bytes[start..]
}
