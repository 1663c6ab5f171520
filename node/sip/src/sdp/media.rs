//! One `m=` section.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use super::{AudioFormat, Line, MAX_FORMATS, SdpError, static_format};

/// Who sends, seen from whoever wrote it (RFC 3264 §5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Direction {
    /// Both.
    #[default]
    SendRecv,
    /// The writer.
    SendOnly,
    /// The reader.
    RecvOnly,
    /// Neither.
    Inactive,
}

impl Direction {
    /// From whether the writer sends and receives.
    pub fn new(sends: bool, receives: bool) -> Self {
        match (sends, receives) {
            (true, true) => Self::SendRecv,
            (true, false) => Self::SendOnly,
            (false, true) => Self::RecvOnly,
            (false, false) => Self::Inactive,
        }
    }

    /// The attribute's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SendRecv => "sendrecv",
            Self::SendOnly => "sendonly",
            Self::RecvOnly => "recvonly",
            Self::Inactive => "inactive",
        }
    }

    /// Whether the writer sends.
    pub fn sends(self) -> bool {
        matches!(self, Self::SendRecv | Self::SendOnly)
    }

    /// Whether the writer receives.
    pub fn receives(self) -> bool {
        matches!(self, Self::SendRecv | Self::RecvOnly)
    }

    /// The same seen from the other side.
    #[must_use]
    pub fn reversed(self) -> Self {
        Self::new(self.receives(), self.sends())
    }

    /// What both allow.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self::new(self.sends() && other.sends(), self.receives() && other.receives())
    }

    pub(super) fn parse(attribute: &str) -> Option<Self> {
        [Self::SendRecv, Self::SendOnly, Self::RecvOnly, Self::Inactive]
            .into_iter()
            .find(|direction| direction.as_str().eq_ignore_ascii_case(attribute.trim()))
    }
}

/// One media section: its `m=` line, and the lines that follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    /// `audio`, `video`, `image` …
    pub kind: String,
    /// Zero turns the section down.
    pub port: u16,
    /// How many ports, where it says so.
    pub port_count: Option<u16>,
    /// `RTP/AVP`, `RTP/SAVP`, `udptl` …
    pub protocol: String,
    /// Payload types, or what the protocol has instead.
    pub formats: Vec<String>,
    /// The section's other lines, in order.
    pub lines: Vec<Line>,
}

impl Media {
    pub(super) fn parse(value: &str) -> Result<Self, SdpError> {
        let mut words = value.split_whitespace();
        let kind = words.next().ok_or(SdpError::Media)?.to_owned();
        let ports = words.next().ok_or(SdpError::Media)?;
        let (port, count) = match ports.split_once('/') {
            Some((port, count)) => (port, Some(count.parse().map_err(|_| SdpError::Media)?)),
            None => (ports, None),
        };
        let port = port.parse().map_err(|_| SdpError::Media)?;
        let protocol = words.next().ok_or(SdpError::Media)?.to_owned();
        let formats: Vec<String> = words.take(MAX_FORMATS + 1).map(str::to_owned).collect();
        if formats.len() > MAX_FORMATS {
            return Err(SdpError::TooMany);
        }
        Ok(Self { kind, port, port_count: count, protocol, formats, lines: Vec::new() })
    }

    /// `m=audio`.
    pub fn is_audio(&self) -> bool {
        self.kind.eq_ignore_ascii_case("audio")
    }

    /// Port 0.
    pub fn is_rejected(&self) -> bool {
        self.port == 0
    }

    /// Plain RTP, with or without early feedback (RFC 3551, RFC 4585).
    pub fn is_plain_rtp(&self) -> bool {
        self.protocol.eq_ignore_ascii_case("RTP/AVP") || self.protocol.eq_ignore_ascii_case("RTP/AVPF")
    }

    /// Audio over plain RTP that is not turned down: what can be taken.
    pub fn is_usable_audio(&self) -> bool {
        self.is_audio() && !self.is_rejected() && self.is_plain_rtp()
    }

    /// The same turned down: port 0, nothing but the `m=` line (RFC 3264 §6).
    #[must_use]
    pub fn rejected(&self) -> Self {
        Self { port: 0, port_count: None, lines: Vec::new(), ..self.clone() }
    }

    /// The value of the section's first attribute of that name; empty for one without.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.lines.iter().find_map(|line| line.attribute(name))
    }

    /// What `a=rtpmap`, or else the static table, says of a payload type, with its `a=fmtp`.
    pub fn format(&self, payload: u8) -> Option<AudioFormat> {
        let mapped =
            self.numbered("rtpmap", payload).and_then(|encoding| AudioFormat::parse(payload, encoding));
        let mut format = mapped.or_else(|| static_format(payload))?;
        format.fmtp = self.numbered("fmtp", payload).map(str::to_owned);
        Some(format)
    }

    /// The formats of the `m=` line that are understood, in order, each payload type once.
    pub fn audio_formats(&self) -> Vec<AudioFormat> {
        let mut formats: Vec<AudioFormat> = Vec::with_capacity(self.formats.len());
        for text in &self.formats {
            if let Ok(payload @ 0..=127) = text.parse::<u8>()
                && !formats.iter().any(|have| have.payload == payload)
            {
                formats.extend(self.format(payload));
            }
        }
        formats
    }

    /// `a=ptime`, from 1 ms to 1 s.
    pub fn ptime(&self) -> Option<Duration> {
        let text = self.attribute("ptime")?;
        // Some write 20.0.
        let milliseconds: u64 = text.split('.').next()?.parse().ok()?;
        (1..=1000).contains(&milliseconds).then(|| Duration::from_millis(milliseconds))
    }

    /// `a=rtcp` (RFC 3605): the port, and the address if written.
    pub fn rtcp(&self) -> Option<(u16, Option<IpAddr>)> {
        let mut words = self.attribute("rtcp")?.split_whitespace();
        let port = words.next()?.parse().ok().filter(|port| *port != 0)?;
        Some((port, words.nth(2).and_then(|address| address.parse().ok())))
    }

    /// `a=rtcp-mux` (RFC 5761).
    pub fn has_rtcp_mux(&self) -> bool {
        self.attribute("rtcp-mux").is_some()
    }

    /// The value after the number in `a=NAME:NUMBER VALUE`.
    fn numbered(&self, name: &str, payload: u8) -> Option<&str> {
        self.lines.iter().filter_map(|line| line.attribute(name)).find_map(|value| {
            let (number, rest) = value.split_once([' ', '\t'])?;
            (number.parse() == Ok(payload)).then(|| rest.trim())
        })
    }
}

impl fmt::Display for Media {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "m={} {}", self.kind, self.port)?;
        if let Some(count) = self.port_count {
            write!(f, "/{count}")?;
        }
        write!(f, " {}", self.protocol)?;
        self.formats.iter().try_for_each(|format| write!(f, " {format}"))?;
        f.write_str("\r\n")?;
        self.lines.iter().try_for_each(|line| write!(f, "{line}"))
    }
}
