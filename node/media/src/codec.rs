//! The codecs sound can be made and read with, and the formats that are only passed on.
//!
//! A codec is a row of a table: [`find`] by the names SDP uses (RFC 3551, RFC 4566 `a=rtpmap`). Payloads are
//! RTP's, without framing. What has no row here but stands in [`relayable`] crosses a relay undecoded.

mod g711;
mod g722;
mod l16;
mod relay;

use std::fmt;

use thiserror::Error;

pub use relay::{RelayFormat, relayable};

/// One codec: what it is called in SDP, and what codes and decodes it.
pub trait Codec: fmt::Debug + Send + Sync {
    /// Encoding name, upper case, for instance `PCMU`.
    fn name(&self) -> &'static str;
    /// Hertz of the RTP timestamp. 8000 for G.722 although it carries 16,000 samples (RFC 3551 §4.5.2).
    fn clock_rate(&self) -> u32;
    /// Hertz of the samples.
    fn sample_rate(&self) -> u32;
    /// Channels, interleaved in the samples.
    fn channels(&self) -> u8;
    /// The number RFC 3551 §6 gave it for good, if it did.
    fn payload_type(&self) -> Option<u8>;
    /// A fresh encoder.
    fn encoder(&self) -> Box<dyn Encoder>;
    /// A fresh decoder.
    fn decoder(&self) -> Box<dyn Decoder>;
    /// Payload bytes that `samples` samples (all channels counted) become.
    fn payload_len(&self, samples: usize) -> usize;
    /// Samples (all channels counted) that `payload` bytes become.
    fn sample_len(&self, payload: usize) -> usize;
}

/// Codes one direction of one stream; keeps what the codec remembers between frames.
pub trait Encoder: fmt::Debug + Send {
    /// Codes `pcm` into the front of `payload`, and gives the bytes written.
    ///
    /// # Errors
    /// When `payload` is too small or `pcm` is no whole number of the codec's units. Nothing is coded then.
    fn encode(&mut self, pcm: &[i16], payload: &mut [u8]) -> Result<usize, CodecError>;
}

/// Decodes one direction of one stream; keeps what the codec remembers between frames.
pub trait Decoder: fmt::Debug + Send {
    /// Decodes `payload` into the front of `pcm`, and gives the samples written.
    ///
    /// # Errors
    /// When `pcm` is too small or `payload` is no whole number of the codec's units. Nothing is decoded then.
    fn decode(&mut self, payload: &[u8], pcm: &mut [i16]) -> Result<usize, CodecError>;
}

/// Why a frame was neither coded nor decoded.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum CodecError {
    /// The caller's buffer does not hold the result.
    #[error("the buffer holds {given} units, {needed} are needed")]
    BufferTooSmall {
        /// Bytes or samples that the result takes.
        needed: usize,
        /// Bytes or samples there is room for.
        given: usize,
    },
    /// Half a sample, or half a pair of samples.
    #[error("{length} is not a multiple of {unit}")]
    Truncated {
        /// Bytes or samples given.
        length: usize,
        /// What it must be a multiple of.
        unit: usize,
    },
}

impl CodecError {
    /// Checks what every codec must: whole units in, room for what comes out.
    fn check(length: usize, unit: usize, needed: usize, given: usize) -> Result<(), Self> {
        if !length.is_multiple_of(unit) {
            return Err(Self::Truncated { length, unit });
        }
        if given < needed {
            return Err(Self::BufferTooSmall { needed, given });
        }
        Ok(())
    }
}

/// Every codec, in the order an offer of ours should name them.
pub fn all() -> &'static [&'static dyn Codec] {
    TABLE
}

/// The codec that `a=rtpmap:… name/clock_rate/channels` means; `name` in any case.
pub fn find(name: &str, clock_rate: u32, channels: u8) -> Option<&'static dyn Codec> {
    all().iter().copied().find(|codec| {
        codec.name().eq_ignore_ascii_case(name)
            && codec.clock_rate() == clock_rate
            && codec.channels() == channels
    })
}

/// The codec that a payload type means when SDP has no `a=rtpmap` for it (RFC 3551 §6).
pub fn by_payload_type(number: u8) -> Option<&'static dyn Codec> {
    all().iter().copied().find(|codec| codec.payload_type() == Some(number))
}

static TABLE: &[&dyn Codec] = &[
    &g711::PCMU,
    &g711::PCMA,
    &g722::G722,
    &l16::L16 { rate: 16_000, channels: 1, payload_type: None },
    &l16::L16 { rate: 8_000, channels: 1, payload_type: None },
    &l16::L16 { rate: 32_000, channels: 1, payload_type: None },
    &l16::L16 { rate: 48_000, channels: 1, payload_type: None },
    &l16::L16 { rate: 44_100, channels: 1, payload_type: Some(11) },
    &l16::L16 { rate: 44_100, channels: 2, payload_type: Some(10) },
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_codec_is_found_by_any_case_and_by_number_but_only_with_its_clock_and_channels() {
        assert_eq!(find("pcmU", 8000, 1).unwrap().payload_type(), Some(0));
        assert_eq!(find("g722", 8000, 1).unwrap().sample_rate(), 16_000);
        assert!(find("PCMU", 16_000, 1).is_none());
        assert!(find("PCMU", 8000, 2).is_none());
        assert!(find("G729", 8000, 1).is_none());
        assert_eq!(by_payload_type(8).unwrap().name(), "PCMA");
        assert!(by_payload_type(96).is_none());
    }

    #[test]
    fn no_two_rows_say_the_same() {
        for (i, a) in all().iter().enumerate() {
            assert_eq!(a.name(), a.name().to_ascii_uppercase());
            for b in &all()[i + 1..] {
                let key = |c: &dyn Codec| (c.name(), c.clock_rate(), c.channels());
                assert_ne!(key(*a), key(*b));
                assert!(a.payload_type().is_none() || a.payload_type() != b.payload_type());
            }
        }
    }

    #[test]
    fn a_buffer_one_too_small_is_refused_untouched() {
        for codec in all() {
            let pcm = vec![1234i16; 160];
            let bytes = codec.payload_len(pcm.len());
            let mut payload = vec![0u8; bytes];
            let short = codec.encoder().encode(&pcm, &mut payload[..bytes - 1]);
            assert_eq!(short, Err(CodecError::BufferTooSmall { needed: bytes, given: bytes - 1 }));
            assert_eq!(codec.encoder().encode(&pcm, &mut payload), Ok(bytes));
            let mut back = vec![0i16; codec.sample_len(bytes)];
            assert_eq!(back.len(), pcm.len());
            let room = back.len() - 1;
            assert!(codec.decoder().decode(&payload, &mut back[..room]).is_err());
            assert_eq!(codec.decoder().decode(&payload, &mut back), Ok(pcm.len()));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_decode_or_are_refused(payload in proptest::collection::vec(any::<u8>(), 0..600)) {
            for codec in all() {
                let mut pcm = vec![0i16; codec.sample_len(payload.len())];
                if let Ok(samples) = codec.decoder().decode(&payload, &mut pcm) {
                    prop_assert_eq!(samples, pcm.len());
                }
            }
        }
    }
}
