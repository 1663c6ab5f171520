//! The start line and the headers, in one pass.

use super::{MAX_HEADERS, ParseError, ParseReason};
use crate::message::{Headers, Method, Request, Uri, Version};

/// Everything before the body. The first fault is remembered and reading goes on: a refusal needs the Via,
/// wherever it stands.
pub(super) struct Head {
    pub(super) start: Start,
    pub(super) headers: Headers,
    pub(super) fault: Option<ParseReason>,
}

pub(super) enum Start {
    Request { method: Method, uri: Uri, version: Version },
    Response { status: u16, reason: String },
}

impl Head {
    pub(super) fn refuse(self, reason: ParseReason) -> ParseError {
        let headers = self.headers;
        let partial = match self.start {
            Start::Request { method, uri, version } => {
                Some(Box::new(Request { method, uri, version, headers, body: Vec::new() }))
            }
            Start::Response { .. } => None,
        };
        ParseError { reason, partial }
    }
}

/// Where the head ends, its empty line included, looking from `from` on (which may lie inside a line end).
pub(super) fn end(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from.saturating_sub(3);
    while let Some(found) = bytes[at..].iter().position(|b| *b == b'\n') {
        at += found + 1;
        match bytes[at..] {
            [b'\n', ..] => return Some(at + 1),
            [b'\r', b'\n', ..] => return Some(at + 2),
            _ => {}
        }
    }
    None
}

/// Reads a head; `Err` only when the start line tells nothing.
pub(super) fn parse(bytes: &[u8]) -> Result<Head, ParseError> {
    let mut lines = bytes.split(|b| *b == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let first = String::from_utf8_lossy(lines.next().unwrap_or_default());
    let (start, mut fault) =
        start_line(first.trim()).ok_or(ParseError { reason: ParseReason::StartLine, partial: None })?;
    let mut headers = Headers::with_room(lines.clone().count().min(MAX_HEADERS));
    let mut pending: Option<(&str, String)> = None;
    for line in lines {
        if let Some(b' ' | b'\t') = line.first() {
            // A fold is white space of the value (RFC 3261 §7.3.1).
            match &mut pending {
                Some((_, value)) => {
                    value.push(' ');
                    value.push_str(String::from_utf8_lossy(line).trim());
                }
                None if line.trim_ascii().is_empty() => {}
                None => fault = fault.or(Some(ParseReason::HeaderLine)),
            }
            continue;
        }
        if let Some((name, value)) = pending.take() {
            headers.push_parsed(name, trimmed(value));
        }
        if line.is_empty() {
            continue;
        }
        if headers.len() >= MAX_HEADERS {
            fault = fault.or(Some(ParseReason::TooManyHeaders));
            break;
        }
        match header_line(line) {
            Some(found) => pending = Some(found),
            None => fault = fault.or(Some(ParseReason::HeaderLine)),
        }
    }
    if let Some((name, value)) = pending {
        headers.push_parsed(name, trimmed(value));
    }
    Ok(Head { start, headers, fault })
}

/// A stray CR or NUL inside a value would not survive being written: it becomes a space.
fn trimmed(value: String) -> String {
    let is_plain = value.bytes().all(|b| b == b'\t' || (b' '..0x7f).contains(&b));
    if is_plain && !value.starts_with(' ') && !value.ends_with(' ') {
        // As nearly all are: it came trimmed.
        return value;
    }
    value.replace(['\r', '\0'], " ").trim().to_owned()
}

fn header_line(line: &[u8]) -> Option<(&str, String)> {
    let colon = line.iter().position(|b| *b == b':')?;
    let name = line[..colon].trim_ascii();
    if name.is_empty() || !name.iter().copied().all(is_token) {
        return None;
    }
    let name = std::str::from_utf8(name).ok()?;
    let value = line[colon + 1..].trim_ascii();
    let value = match std::str::from_utf8(value) {
        Ok(value) => value.to_owned(),
        Err(_) => String::from_utf8_lossy(value).into_owned(),
    };
    Some((name, value))
}

fn start_line(line: &str) -> Option<(Start, Option<ParseReason>)> {
    let (first, rest) = line.split_once([' ', '\t'])?;
    if is_version(first) {
        return status_line(first, rest.trim_start()).map(|start| (start, None));
    }
    if first.is_empty() || !first.bytes().all(is_token) {
        return None;
    }
    let (target, version) = rest.trim_start().rsplit_once([' ', '\t'])?;
    if !is_version(version) {
        return None;
    }
    let version = if version.eq_ignore_ascii_case("SIP/2.0") {
        Version::Two
    } else {
        Version::Other(version.to_owned())
    };
    let method = Method::from_token(first);
    let target = target.trim();
    let (uri, fault) = match Uri::parse(target) {
        Ok(uri) => (uri, None),
        Err(error) => (Uri::opaque(target), Some(ParseReason::RequestUri(error))),
    };
    Some((Start::Request { method, uri, version }, fault))
}

fn status_line(version: &str, rest: &str) -> Option<Start> {
    if !version.eq_ignore_ascii_case("SIP/2.0") {
        return None;
    }
    let (digits, reason) = rest.split_once([' ', '\t']).unwrap_or((rest, ""));
    let status: u16 = (digits.len() == 3).then(|| digits.parse().ok()).flatten()?;
    (100..700).contains(&status).then(|| Start::Response { status, reason: reason.trim().to_owned() })
}

fn is_version(text: &str) -> bool {
    text.len() > 4 && text.as_bytes()[..4].eq_ignore_ascii_case(b"SIP/")
}

/// RFC 3261 §25.1 `token`.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&byte)
}
