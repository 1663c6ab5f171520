//! Session descriptions (RFC 8866) and their negotiation (RFC 3264).
//!
//! A description is its lines, in order and verbatim; what is understood is read from them when asked for, so
//! that what is not passes unchanged. Owns offer and answer for one audio stream; refuses to know sockets,
//! dialogs and codecs beyond their names.

mod author;
mod format;
mod media;
mod negotiate;
mod offer;

use std::fmt;
use std::net::IpAddr;

use thiserror::Error;

pub use author::Author;
pub use format::{AudioFormat, static_format};
pub use media::{Direction, Media};
pub use negotiate::{
    Answered, Local, Negotiated, NegotiationError, accept, answer, answer_alone, answer_with_choice,
};
pub use offer::{offer, offer_again, relayable};

/// The media type of a description.
pub const CONTENT_TYPE: &str = "application/sdp";
/// Most media sections of a description.
const MAX_MEDIA: usize = 64;
/// Most formats of a media section.
const MAX_FORMATS: usize = 128;

/// One line: `a=ptime:20` is `('a', "ptime:20")`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The letter before `=`.
    pub kind: char,
    /// What follows, verbatim.
    pub value: String,
}

impl Line {
    /// A line.
    pub fn new(kind: char, value: impl Into<String>) -> Self {
        Self { kind, value: value.into() }
    }

    /// An attribute's value if this is that attribute; empty for one without.
    fn attribute(&self, name: &str) -> Option<&str> {
        let rest = (self.kind == 'a').then_some(self.value.as_str())?.strip_prefix(name)?;
        if rest.is_empty() { Some(rest) } else { rest.strip_prefix(':').map(str::trim) }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}\r\n", self.kind, self.value)
    }
}

/// A session description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// The session's lines, `v=` first.
    pub lines: Vec<Line>,
    /// The media sections.
    pub media: Vec<Media>,
}

/// Why a body is no description.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SdpError {
    /// It does not begin with `v=`.
    #[error("a session description begins with v=")]
    Version,
    /// An `m=` line that cannot be read.
    #[error("a media line is malformed")]
    Media,
    /// More than 64 media sections, or 128 formats in one.
    #[error("too many media sections or formats")]
    TooMany,
}

impl Description {
    /// Reads a body. Bare LF and lines without `=` (which are left out) pass.
    ///
    /// # Errors
    /// See [`SdpError`].
    pub fn parse(body: &[u8]) -> Result<Self, SdpError> {
        let text = String::from_utf8_lossy(body);
        let mut lines = text.lines().filter_map(|line| {
            let (kind, value) = line.split_once('=')?;
            let mut letters = kind.trim().chars();
            let kind = letters.next().filter(char::is_ascii_alphabetic)?;
            // A stray CR would not survive being written.
            let value = value.replace(['\r', '\0'], " ");
            letters.next().is_none().then(|| Line::new(kind, value.trim()))
        });
        let first = lines.next().filter(|line| line.kind == 'v').ok_or(SdpError::Version)?;
        let mut description = Self { lines: vec![first], media: Vec::new() };
        for line in lines {
            if line.kind == 'm' {
                if description.media.len() >= MAX_MEDIA {
                    return Err(SdpError::TooMany);
                }
                description.media.push(Media::parse(&line.value)?);
            } else {
                match description.media.last_mut() {
                    Some(media) => media.lines.push(line),
                    None => description.lines.push(line),
                }
            }
        }
        Ok(description)
    }

    /// As it goes on the wire.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.to_string().into_bytes()
    }

    /// The `o=` line.
    pub fn origin(&self) -> Option<&str> {
        self.lines.iter().find(|line| line.kind == 'o').map(|line| line.value.as_str())
    }

    /// The address of the session's `c=` line.
    pub fn connection(&self) -> Option<&str> {
        connection(&self.lines)
    }

    /// The address of a media section: its own `c=` line, else the session's. None if it is no IP address.
    pub fn address(&self, media: &Media) -> Option<IpAddr> {
        connection(&media.lines).or(self.connection())?.parse().ok()
    }

    /// The direction of a media section: its own, else the session's, else both ways.
    pub fn direction(&self, media: &Media) -> Direction {
        direction(&media.lines).or_else(|| direction(&self.lines)).unwrap_or_default()
    }

    /// The first audio section that can be taken, and its place: over plain RTP, not turned down.
    pub fn audio(&self) -> Option<(usize, &Media)> {
        self.media.iter().enumerate().find(|(_, media)| media.is_usable_audio())
    }
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines.iter().try_for_each(|line| write!(f, "{line}"))?;
        self.media.iter().try_for_each(|media| write!(f, "{media}"))
    }
}

/// `IN IP4 192.0.2.1/127` names 192.0.2.1.
fn connection(lines: &[Line]) -> Option<&str> {
    let value = &lines.iter().find(|line| line.kind == 'c')?.value;
    let address = value.split_whitespace().nth(2)?;
    Some(address.split('/').next().unwrap_or(address))
}

fn direction(lines: &[Line]) -> Option<Direction> {
    lines.iter().find_map(|line| if line.kind == 'a' { Direction::parse(&line.value) } else { None })
}

/// `IP4 192.0.2.1` or `IP6 2001:db8::1`.
fn net_address(address: IpAddr) -> String {
    let address = address.to_canonical();
    format!("IN {} {address}", if address.is_ipv4() { "IP4" } else { "IP6" })
}
