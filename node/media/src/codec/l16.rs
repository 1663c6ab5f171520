//! L16: linear samples in network byte order (RFC 3551 §4.5.11).

use super::{Codec, CodecError, Decoder, Encoder};

/// One row of the table: the rate is part of the format's name.
#[derive(Debug)]
pub(super) struct L16 {
    pub(super) rate: u32,
    pub(super) channels: u8,
    pub(super) payload_type: Option<u8>,
}

impl Codec for L16 {
    fn name(&self) -> &'static str {
        "L16"
    }

    fn clock_rate(&self) -> u32 {
        self.rate
    }

    fn sample_rate(&self) -> u32 {
        self.rate
    }

    fn channels(&self) -> u8 {
        self.channels
    }

    fn payload_type(&self) -> Option<u8> {
        self.payload_type
    }

    fn encoder(&self) -> Box<dyn Encoder> {
        Box::new(Linear)
    }

    fn decoder(&self) -> Box<dyn Decoder> {
        Box::new(Linear)
    }

    fn payload_len(&self, samples: usize) -> usize {
        samples * 2
    }

    fn sample_len(&self, payload: usize) -> usize {
        payload / 2
    }
}

#[derive(Debug)]
struct Linear;

impl Encoder for Linear {
    fn encode(&mut self, pcm: &[i16], payload: &mut [u8]) -> Result<usize, CodecError> {
        let bytes = pcm.len() * 2;
        CodecError::check(pcm.len(), 1, bytes, payload.len())?;
        for (pair, sample) in payload.chunks_exact_mut(2).zip(pcm) {
            pair.copy_from_slice(&sample.to_be_bytes());
        }
        Ok(bytes)
    }
}

impl Decoder for Linear {
    fn decode(&mut self, payload: &[u8], pcm: &mut [i16]) -> Result<usize, CodecError> {
        let samples = payload.len() / 2;
        CodecError::check(payload.len(), 2, samples, pcm.len())?;
        for (sample, pair) in pcm.iter_mut().zip(payload.chunks_exact(2)) {
            *sample = i16::from_be_bytes([pair[0], pair[1]]);
        }
        Ok(samples)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_high_byte_goes_first() {
        let mut payload = [0; 4];
        Linear.encode(&[0x1234, -2], &mut payload).unwrap();
        assert_eq!(payload, [0x12, 0x34, 0xff, 0xfe]);
        let mut pcm = [0; 2];
        Linear.decode(&payload, &mut pcm).unwrap();
        assert_eq!(pcm, [0x1234, -2]);
    }

    #[test]
    fn half_a_sample_is_refused() {
        let mut pcm = [0; 2];
        assert_eq!(Linear.decode(&[1, 2, 3], &mut pcm), Err(CodecError::Truncated { length: 3, unit: 2 }));
    }
}
