//! ITU-T G.722 at 64 kbit/s: 16,000 samples a second, two of them to a byte.
//!
//! A quadrature mirror filter splits the sound into two bands; each is coded as the difference from what an
//! adaptive predictor expects, six bits a sample below and two above. Section and block names in comments
//! are the recommendation's (§3, §6.2). Arithmetic is its 16-bit saturating one, carried in `i32`.

mod band;
mod qmf;

use band::{High, Low};
use qmf::Qmf;

use super::{Codec, CodecError, Decoder, Encoder};

/// The row of the table.
#[derive(Debug)]
pub(super) struct G722;

impl Codec for G722 {
    fn name(&self) -> &'static str {
        "G722"
    }

    fn clock_rate(&self) -> u32 {
        8_000
    }

    fn sample_rate(&self) -> u32 {
        16_000
    }

    fn channels(&self) -> u8 {
        1
    }

    fn payload_type(&self) -> Option<u8> {
        Some(9)
    }

    fn encoder(&self) -> Box<dyn Encoder> {
        Box::new(G722Encoder::default())
    }

    fn decoder(&self) -> Box<dyn Decoder> {
        Box::new(G722Decoder::default())
    }

    fn payload_len(&self, samples: usize) -> usize {
        samples / 2
    }

    fn sample_len(&self, payload: usize) -> usize {
        payload * 2
    }
}

#[derive(Debug, Default)]
struct G722Encoder {
    filter: Qmf,
    low: Low,
    high: High,
}

impl Encoder for G722Encoder {
    fn encode(&mut self, pcm: &[i16], payload: &mut [u8]) -> Result<usize, CodecError> {
        let bytes = pcm.len() / 2;
        CodecError::check(pcm.len(), 2, bytes, payload.len())?;
        for (code, pair) in payload.iter_mut().zip(pcm.chunks_exact(2)) {
            let (low, high) = self.filter.split(pair[0], pair[1]);
            *code = self.high.encode(high) << 6 | self.low.encode(low);
        }
        Ok(bytes)
    }
}

#[derive(Debug, Default)]
struct G722Decoder {
    filter: Qmf,
    low: Low,
    high: High,
}

impl Decoder for G722Decoder {
    fn decode(&mut self, payload: &[u8], pcm: &mut [i16]) -> Result<usize, CodecError> {
        let samples = payload.len() * 2;
        CodecError::check(payload.len(), 1, samples, pcm.len())?;
        for (&code, pair) in payload.iter().zip(pcm.chunks_exact_mut(2)) {
            let low = self.low.decode(code & 0x3f);
            let high = self.high.decode(code >> 6);
            (pair[0], pair[1]) = self.filter.join(low, high);
        }
        Ok(samples)
    }
}
