//! Formats that cross a relay as they are, for which this switch neither makes nor reads sound.

/// A payload format that is only passed on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RelayFormat {
    /// Encoding name, upper case.
    pub name: &'static str,
    /// Hertz of the RTP timestamp.
    pub clock_rate: u32,
    /// 1, or 2 for Opus (RFC 7587 §4.1).
    pub channels: u8,
    /// The number RFC 3551 §6 gave it for good, if it did.
    pub payload_type: Option<u8>,
}

/// Every format that can be passed on beside those of [`all`](super::all).
pub fn relayable() -> &'static [RelayFormat] {
    TABLE
}

const fn row(name: &'static str, clock_rate: u32, channels: u8, payload_type: Option<u8>) -> RelayFormat {
    RelayFormat { name, clock_rate, channels, payload_type }
}

static TABLE: &[RelayFormat] = &[
    row("OPUS", 48_000, 2, None),
    row("G729", 8_000, 1, Some(18)),
    row("AMR-WB", 16_000, 1, None),
    row("AMR", 8_000, 1, None),
    row("EVS", 16_000, 1, None),
    row("G723", 8_000, 1, Some(4)),
    row("GSM", 8_000, 1, Some(3)),
    row("ILBC", 8_000, 1, None),
    row("SPEEX", 8_000, 1, None),
    row("SPEEX", 16_000, 1, None),
    // RFC 4733 §2.1: an event runs on the clock of the sound it stands beside.
    row("TELEPHONE-EVENT", 8_000, 1, None),
    row("TELEPHONE-EVENT", 16_000, 1, None),
    row("TELEPHONE-EVENT", 48_000, 1, None),
    row("CN", 8_000, 1, Some(13)),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_only_passed_on_has_no_codec() {
        for format in relayable() {
            assert!(crate::codec::find(format.name, format.clock_rate, format.channels).is_none());
            assert_eq!(format.name, format.name.to_ascii_uppercase());
        }
    }
}
