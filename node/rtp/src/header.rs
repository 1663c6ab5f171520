//! The RTP header (RFC 3550 §5.1): a bounds-checked view, and rewriting in place.

use std::ops::Range;

use thiserror::Error;

/// Bytes of a header without CSRC and extension.
pub const FIXED: usize = 12;

/// What a datagram on a media port is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Media.
    Rtp,
    /// Its control protocol.
    Rtcp,
}

/// Tells RTP and RTCP apart on one port (RFC 5761 §4); `None` for what is neither (RFC 7983 §7).
pub fn kind(datagram: &[u8]) -> Option<Kind> {
    match *datagram {
        [128..=191, 192..=223, ..] => Some(Kind::Rtcp),
        [128..=191, _, ..] => Some(Kind::Rtp),
        _ => None,
    }
}

/// Why a datagram is no RTP packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum HeaderError {
    /// Shorter than its own header says.
    #[error("{given} bytes where the header needs {needed}")]
    Short {
        /// Bytes the header takes.
        needed: usize,
        /// Bytes there are.
        given: usize,
    },
    /// Not version 2.
    #[error("RTP version {0}")]
    Version(u8),
    /// The padding is longer than what it pads, or zero.
    #[error("padding of {0} bytes")]
    Padding(u8),
}

/// What stands in a header, and where the payload is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Header {
    /// The marker bit.
    pub marker: bool,
    /// 0 to 127.
    pub payload_type: u8,
    /// Sequence number.
    pub sequence: u16,
    /// In units of the payload format's clock.
    pub timestamp: u32,
    /// Synchronisation source.
    pub ssrc: u32,
    /// Where the payload is: behind CSRCs and extension, before the padding.
    pub payload: Range<usize>,
}

impl Header {
    /// Reads the header of `datagram`.
    ///
    /// # Errors
    /// [`HeaderError`] for anything that is not a whole RTP packet.
    pub fn parse(datagram: &[u8]) -> Result<Self, HeaderError> {
        let given = datagram.len();
        let [first, second, s0, s1, t0, t1, t2, t3, c0, c1, c2, c3, ..] = *datagram else {
            return Err(HeaderError::Short { needed: FIXED, given });
        };
        if first >> 6 != 2 {
            return Err(HeaderError::Version(first >> 6));
        }
        let mut start = FIXED + 4 * usize::from(first & 0x0f);
        if first & 0x10 != 0 {
            // §5.3.1: sixteen bits of profile, then the length in 32-bit words without these four bytes.
            let Some(&[high, low]) = datagram.get(start + 2..start + 4) else {
                return Err(HeaderError::Short { needed: start + 4, given });
            };
            start += 4 + 4 * usize::from(u16::from_be_bytes([high, low]));
        }
        let room = given.checked_sub(start).ok_or(HeaderError::Short { needed: start, given })?;
        let padding = match datagram.last() {
            Some(&count) if first & 0x20 != 0 => {
                if count == 0 || usize::from(count) > room {
                    return Err(HeaderError::Padding(count));
                }
                usize::from(count)
            }
            _ => 0,
        };
        Ok(Self {
            marker: second & 0x80 != 0,
            payload_type: second & 0x7f,
            sequence: u16::from_be_bytes([s0, s1]),
            timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
            ssrc: u32::from_be_bytes([c0, c1, c2, c3]),
            payload: start..given - padding,
        })
    }
}

/// The fields of a header that a relay changes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fields {
    /// The marker bit.
    pub marker: bool,
    /// 0 to 127; a higher bit is dropped.
    pub payload_type: u8,
    /// Sequence number.
    pub sequence: u16,
    /// In units of the payload format's clock.
    pub timestamp: u32,
    /// Synchronisation source.
    pub ssrc: u32,
}

impl Fields {
    /// Writes the fields over those of `packet`; the first byte, and with it CSRCs, extension and padding,
    /// stays. Gives whether there was room.
    pub fn rewrite(&self, packet: &mut [u8]) -> bool {
        let Some(header) = packet.first_chunk_mut::<FIXED>() else { return false };
        header[1] = (u8::from(self.marker) << 7) | (self.payload_type & 0x7f);
        header[2..4].copy_from_slice(&self.sequence.to_be_bytes());
        header[4..8].copy_from_slice(&self.timestamp.to_be_bytes());
        header[8..12].copy_from_slice(&self.ssrc.to_be_bytes());
        true
    }

    /// Makes `packet` begin with a header of version 2 without CSRCs, extension and padding.
    pub fn write(&self, packet: &mut [u8]) -> bool {
        let written = self.rewrite(packet);
        if let (true, Some(first)) = (written, packet.first_mut()) {
            *first = 0x80;
        }
        written
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn csrcs_extension_and_padding_are_stepped_over() {
        let mut packet = vec![0xb1, 0x80, 0, 7, 0, 0, 0, 9, 1, 2, 3, 4, 0, 0, 0, 1];
        packet.extend([0xbe, 0xde, 0, 1, 1, 2, 3, 4, b'p', b'a', 0, 2]);
        let header = Header::parse(&packet).unwrap();
        assert_eq!((header.marker, header.payload_type, header.sequence), (true, 0, 7));
        assert_eq!((header.timestamp, header.ssrc), (9, 0x0102_0304));
        assert_eq!(&packet[header.payload], b"pa");
    }

    #[test]
    fn a_length_beyond_the_end_is_refused() {
        assert!(Header::parse(&[0x80; 11]).is_err());
        assert!(Header::parse(&[0x8f; 20]).is_err());
        assert!(Header::parse(&[0x90, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]).is_err());
        assert!(Header::parse(&[0xa0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9]).is_err());
    }

    #[test]
    fn rtcp_is_told_apart() {
        assert_eq!(kind(&[0x80, 200]), Some(Kind::Rtcp));
        assert_eq!(kind(&[0x80, 0x80]), Some(Kind::Rtp));
        assert_eq!(kind(&[0, 1]), None);
        assert_eq!(kind(&[0x80]), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            if let Ok(header) = Header::parse(&bytes) {
                prop_assert!(bytes.get(header.payload).is_some());
            }
        }

        #[test]
        fn what_is_written_is_read(payload_type in 0u8..128, sequence: u16, timestamp: u32, ssrc: u32) {
            let mut packet = [0u8; 20];
            let fields = Fields { marker: true, payload_type, sequence, timestamp, ssrc };
            prop_assert!(fields.write(&mut packet));
            let read = Header::parse(&packet).unwrap();
            prop_assert_eq!((read.payload_type, read.sequence, read.timestamp), (payload_type, sequence, timestamp));
            prop_assert_eq!((read.ssrc, read.payload), (ssrc, 12..20));
        }
    }
}
