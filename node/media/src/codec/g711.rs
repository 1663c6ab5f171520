//! ITU-T G.711: one byte a sample, by µ-law (PCMU) or A-law (PCMA).
//!
//! Both laws are eight segments of sixteen steps, each segment twice as coarse as the one below. Reading is
//! a table of 256 values computed at compile time; writing is arithmetic, which is smaller than a table.

use std::fmt;

use super::{Codec, CodecError, Decoder, Encoder};

/// A companding law. It remembers nothing, so a copy of it is encoder and decoder too.
#[derive(Clone, Copy)]
pub(super) struct Law {
    name: &'static str,
    payload_type: u8,
    expand: &'static [i16; 256],
    compress: fn(i16) -> u8,
}

pub(super) static PCMU: Law = Law { name: "PCMU", payload_type: 0, expand: &MU_LAW, compress: to_mu_law };
pub(super) static PCMA: Law = Law { name: "PCMA", payload_type: 8, expand: &A_LAW, compress: to_a_law };

impl fmt::Debug for Law {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl Codec for Law {
    fn name(&self) -> &'static str {
        self.name
    }

    fn clock_rate(&self) -> u32 {
        8_000
    }

    fn sample_rate(&self) -> u32 {
        8_000
    }

    fn channels(&self) -> u8 {
        1
    }

    fn payload_type(&self) -> Option<u8> {
        Some(self.payload_type)
    }

    fn encoder(&self) -> Box<dyn Encoder> {
        Box::new(*self)
    }

    fn decoder(&self) -> Box<dyn Decoder> {
        Box::new(*self)
    }

    fn payload_len(&self, samples: usize) -> usize {
        samples
    }

    fn sample_len(&self, payload: usize) -> usize {
        payload
    }
}

impl Encoder for Law {
    fn encode(&mut self, pcm: &[i16], payload: &mut [u8]) -> Result<usize, CodecError> {
        CodecError::check(pcm.len(), 1, pcm.len(), payload.len())?;
        for (code, &sample) in payload.iter_mut().zip(pcm) {
            *code = (self.compress)(sample);
        }
        Ok(pcm.len())
    }
}

impl Decoder for Law {
    fn decode(&mut self, payload: &[u8], pcm: &mut [i16]) -> Result<usize, CodecError> {
        CodecError::check(payload.len(), 1, payload.len(), pcm.len())?;
        for (sample, &code) in pcm.iter_mut().zip(payload) {
            *sample = self.expand[usize::from(code)];
        }
        Ok(payload.len())
    }
}

/// Moves the decision levels of µ-law onto powers of two: 33 of G.711's 14-bit units, in 16-bit ones.
const BIAS: i32 = 33 << 2;
/// Above this a sample is in the last step anyway (8159 of G.711's 14-bit units, in 16-bit ones).
const CLIP: i32 = (8159 << 2) - 1;

/// G.711 table 2: the inverted byte is sign, segment (3 bits), step (4 bits).
const fn from_mu_law(code: u8) -> i16 {
    let code = !code as i32;
    let segment = (code >> 4) & 7;
    let magnitude = ((((code & 15) << 3) + BIAS) << segment) - BIAS;
    (if code & 0x80 != 0 { -magnitude } else { magnitude }) as i16
}

fn to_mu_law(sample: i16) -> u8 {
    let sign = if sample < 0 { 0x80 } else { 0 };
    let biased = i32::from(sample).abs().min(CLIP) + BIAS;
    // BIAS has its highest bit at 7, so segment 0 starts there.
    let segment = biased.ilog2() - 7;
    let step = (biased >> (segment + 3)) & 15;
    !(sign | (segment << 4) as u8 | step as u8)
}

/// G.711 table 1: with every second bit inverted the byte is sign (1 is positive), segment, step.
const fn from_a_law(code: u8) -> i16 {
    let code = (code ^ 0x55) as i32;
    let step = ((code & 15) << 4) + 8;
    let magnitude = match (code >> 4) & 7 {
        0 => step,
        segment => (step + 0x100) << (segment - 1),
    };
    (if code & 0x80 != 0 { magnitude } else { -magnitude }) as i16
}

fn to_a_law(sample: i16) -> u8 {
    // A-law has no zero: -1 belongs to the first negative step, so the ones' complement is the magnitude.
    let (sign, magnitude) = if sample < 0 { (0, !sample) } else { (0x80, sample) };
    let magnitude = u32::from(magnitude.unsigned_abs());
    let code = match magnitude {
        0..=255 => magnitude >> 4,
        _ => {
            let segment = magnitude.ilog2() - 7;
            (segment << 4) | ((magnitude >> (segment + 3)) & 15)
        }
    };
    (sign | code as u8) ^ 0x55
}

static MU_LAW: [i16; 256] = {
    let mut table = [0; 256];
    let mut code = 0;
    while code < 256 {
        table[code] = from_mu_law(code as u8);
        code += 1;
    }
    table
};

static A_LAW: [i16; 256] = {
    let mut table = [0; 256];
    let mut code = 0;
    while code < 256 {
        table[code] = from_a_law(code as u8);
        code += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    /// G.711 tables 1 and 2 name these values, in units of 1/4096 and 1/8159 of the overload point.
    #[test]
    fn the_values_are_those_of_the_recommendation() {
        let mu = |code: u8| i32::from(MU_LAW[usize::from(code)]) / 4;
        assert_eq!([0x80, 0x8f, 0x90, 0xef, 0xf0, 0xfe, 0xff].map(mu), [8031, 4191, 3999, 33, 30, 2, 0]);
        assert_eq!([0x00, 0x7e, 0x7f].map(mu), [-8031, -2, 0]);
        let a = |code: u8| i32::from(A_LAW[usize::from(code ^ 0x55)]) / 8;
        assert_eq!([0xff, 0xf0, 0xef, 0x90, 0x8f, 0x80].map(a), [4032, 2112, 2016, 33, 31, 1]);
        assert_eq!(a(0x7f), -4032);
    }

    /// The definition, tables 1 and 2 column by column: (intervals, size) from zero on, in units of the
    /// table; a sample becomes the middle of its interval. µ-law's first interval alone has zero for value.
    #[test]
    fn every_sample_becomes_the_middle_of_its_interval() {
        let mu = [(1, 1), (15, 2), (16, 4), (16, 8), (16, 16), (16, 32), (16, 64), (16, 128), (16, 256)];
        let a = [(32, 2), (16, 4), (16, 8), (16, 16), (16, 32), (16, 64), (16, 128)];
        for (law, unit, segments) in [(PCMU, 4, &mu[..]), (PCMA, 8, &a[..])] {
            let mut intervals = Vec::new();
            let mut start = 0;
            for &(count, size) in segments {
                for _ in 0..count {
                    let middle = if size == 1 { 0 } else { start + size * unit / 2 };
                    intervals.push((start..start + size * unit, middle));
                    start += size * unit;
                }
            }
            for sample in i16::MIN..=i16::MAX {
                let negative = sample < 0;
                // A-law has no zero: there the negative half starts one below it.
                let magnitude = i32::from(sample).abs() - i32::from(negative && law.payload_type == 8);
                let interval = intervals.iter().find(|(range, _)| range.contains(&magnitude));
                let middle = interval.or(intervals.last()).unwrap().1;
                let expected = if negative { -middle } else { middle };
                assert_eq!(
                    i32::from(law.expand[usize::from((law.compress)(sample))]),
                    expected,
                    "{law:?} {sample}"
                );
            }
        }
    }

    #[test]
    fn every_code_survives_decoding_and_encoding() {
        for law in [PCMU, PCMA] {
            for code in 0..=255u8 {
                let again = (law.compress)(law.expand[usize::from(code)]);
                // µ-law has two zeros; the negative one becomes the positive.
                let expected = if law.payload_type == 0 && code == 0x7f { 0xff } else { code };
                assert_eq!(again, expected, "{law:?}");
            }
        }
    }
}
