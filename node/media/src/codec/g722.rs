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

#[cfg(test)]
mod tests {
    use super::*;

    /// The sums were taken from another implementation of the recommendation fed with the same samples.
    #[test]
    fn every_bit_is_what_another_implementation_makes() {
        let pcm = signal(32_000);
        let mut payload = vec![0; 16_000];
        G722.encoder().encode(&pcm, &mut payload).unwrap();
        assert_eq!(sum(&payload), 0x4ae8_7f74_cfa8_b185);
        let mut back = vec![0; 32_000];
        G722.decoder().decode(&payload, &mut back).unwrap();
        assert_eq!(sum_of_samples(&back), 0x4dcf_b20f_4408_cd46);
    }

    #[test]
    fn noise_for_a_payload_decodes_as_elsewhere() {
        let mut random = random(777);
        let payload: Vec<u8> = (0..16_000).map(|_| random() as u8).collect();
        let mut pcm = vec![0; 32_000];
        G722.decoder().decode(&payload, &mut pcm).unwrap();
        assert_eq!(sum_of_samples(&pcm), 0x3152_1d1d_abdf_aa6c);
    }

    #[test]
    fn frames_continue_each_other() {
        let pcm = signal(640);
        let (mut whole, mut halves) = ([0; 320], [0; 320]);
        G722.encoder().encode(&pcm, &mut whole).unwrap();
        let mut encoder = G722.encoder();
        encoder.encode(&pcm[..320], &mut halves[..160]).unwrap();
        encoder.encode(&pcm[320..], &mut halves[160..]).unwrap();
        assert_eq!(whole, halves);
    }

    #[test]
    fn half_a_pair_is_refused() {
        let refused = G722.encoder().encode(&[0; 3], &mut [0; 3]);
        assert_eq!(refused, Err(CodecError::Truncated { length: 3, unit: 2 }));
    }

    /// In turn coloured noise, a square wave at full scale, near silence, and white noise at full scale.
    fn signal(samples: usize) -> Vec<i16> {
        let mut random = random(12_345);
        let mut coloured = 0i32;
        let sample = |i: usize| {
            let noise = i32::from(random()) - 32_768;
            coloured += (noise - coloured) >> 2;
            (match i / 4000 % 4 {
                0 => coloured,
                1 if i / 37 % 2 == 1 => 32_767,
                1 => -32_768,
                2 => noise >> 11,
                _ => noise,
            }) as i16
        };
        (0..samples).map(sample).collect()
    }

    fn random(mut state: u32) -> impl FnMut() -> u16 {
        move || {
            state = state.wrapping_mul(1_103_515_245).wrapping_add(12_345);
            (state >> 16) as u16
        }
    }

    fn sum_of_samples(pcm: &[i16]) -> u64 {
        sum(&pcm.iter().flat_map(|sample| sample.to_be_bytes()).collect::<Vec<_>>())
    }

    /// FNV-1a.
    fn sum(bytes: &[u8]) -> u64 {
        bytes
            .iter()
            .fold(0xcbf2_9ce4_8422_2325, |sum, &byte| (sum ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
    }
}
