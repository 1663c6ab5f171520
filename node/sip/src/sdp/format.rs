//! Audio formats by payload type: `a=rtpmap`, `a=fmtp` and the static table (RFC 3551 §6).

/// What a payload type stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AudioFormat {
    /// 0 to 127.
    pub payload: u8,
    /// As written, for instance `PCMU`; compared without case.
    pub name: String,
    /// Hertz of the RTP timestamp.
    pub clock_rate: u32,
    /// 1 where none is written.
    pub channels: u8,
    /// Format parameters, verbatim.
    pub fmtp: Option<String>,
}

impl AudioFormat {
    /// A format without parameters.
    pub fn new(payload: u8, name: &str, clock_rate: u32, channels: u8) -> Self {
        Self { payload, name: name.to_owned(), clock_rate, channels, fmtp: None }
    }

    /// The same with parameters.
    #[must_use]
    pub fn with_fmtp(mut self, fmtp: &str) -> Self {
        self.fmtp = Some(fmtp.to_owned());
        self
    }

    /// Whether both name the same format, whatever their payload types and parameters.
    pub fn is_same(&self, other: &Self) -> bool {
        self.name.eq_ignore_ascii_case(&other.name)
            && self.clock_rate == other.clock_rate
            && self.channels == other.channels
    }

    /// RFC 4733 events rather than sound.
    pub fn is_telephone_event(&self) -> bool {
        self.name.eq_ignore_ascii_case("telephone-event")
    }

    /// Sound that is not silence: neither telephone-event nor comfort noise (RFC 3389), which alone make no call.
    pub fn is_codec(&self) -> bool {
        !self.is_telephone_event() && !self.name.eq_ignore_ascii_case("CN")
    }

    /// The value of `a=rtpmap`.
    pub(super) fn rtpmap(&self) -> String {
        let Self { payload, name, clock_rate, channels, .. } = self;
        match channels {
            1 => format!("rtpmap:{payload} {name}/{clock_rate}"),
            _ => format!("rtpmap:{payload} {name}/{clock_rate}/{channels}"),
        }
    }

    /// Reads `PCMU/8000` or `opus/48000/2`.
    pub(super) fn parse(payload: u8, encoding: &str) -> Option<Self> {
        let mut parts = encoding.trim().split('/');
        let name = parts.next().filter(|name| !name.is_empty())?;
        let clock_rate = parts.next()?.trim().parse().ok().filter(|rate| *rate > 0)?;
        let channels = parts.next().and_then(|channels| channels.trim().parse().ok()).unwrap_or(1).max(1);
        Some(Self::new(payload, name, clock_rate, channels))
    }
}

/// The audio format of a static payload type (RFC 3551 table 4). G722's clock is 8000 though it samples at
/// 16000 (§4.5.2).
pub fn static_format(payload: u8) -> Option<AudioFormat> {
    let (name, clock_rate, channels) = match payload {
        0 => ("PCMU", 8000, 1),
        3 => ("GSM", 8000, 1),
        4 => ("G723", 8000, 1),
        5 => ("DVI4", 8000, 1),
        6 => ("DVI4", 16_000, 1),
        7 => ("LPC", 8000, 1),
        8 => ("PCMA", 8000, 1),
        9 => ("G722", 8000, 1),
        10 => ("L16", 44_100, 2),
        11 => ("L16", 44_100, 1),
        12 => ("QCELP", 8000, 1),
        13 => ("CN", 8000, 1),
        14 => ("MPA", 90_000, 1),
        15 => ("G728", 8000, 1),
        16 => ("DVI4", 11_025, 1),
        17 => ("DVI4", 22_050, 1),
        18 => ("G729", 8000, 1),
        _ => return None,
    };
    Some(AudioFormat::new(payload, name, clock_rate, channels))
}
