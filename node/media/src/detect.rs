//! How loud sound is, in all and at one frequency.

use std::f32::consts::TAU;

use crate::tone;

/// Level of `pcm` in dBm0; negative infinity for silence.
pub fn level(pcm: &[i16]) -> f32 {
    let energy: f64 = pcm.iter().map(|&sample| f64::from(sample) * f64::from(sample)).sum();
    let mean = energy / pcm.len().max(1) as f64;
    // A sine of peak p has the mean square p²/2.
    decibels((2.0 * mean).sqrt() as f32)
}

/// Level in dBm0 of what sounds at `hertz` in `pcm` sampled at `rate` hertz, by Goertzel's algorithm.
///
/// It tells frequencies apart that differ by `rate / pcm.len()` hertz or more. Negative infinity for silence.
pub fn level_at(rate: u32, hertz: f32, pcm: &[i16]) -> f32 {
    let mut filter = Goertzel::new(rate, hertz);
    filter.push(pcm);
    filter.level()
}

/// Listens for one frequency; samples may come in parts.
#[derive(Clone, Copy, Debug)]
pub struct Goertzel {
    coefficient: f32,
    last: f32,
    before: f32,
    samples: u32,
}

impl Goertzel {
    /// Listens for `hertz` in sound sampled at `rate` hertz.
    pub fn new(rate: u32, hertz: f32) -> Self {
        let coefficient = 2.0 * (TAU * hertz / rate.max(1) as f32).cos();
        Self { coefficient, last: 0.0, before: 0.0, samples: 0 }
    }

    /// Takes the next samples.
    pub fn push(&mut self, pcm: &[i16]) {
        for &sample in pcm {
            let next = f32::from(sample) + self.coefficient * self.last - self.before;
            self.before = self.last;
            self.last = next;
        }
        self.samples = self.samples.saturating_add(u32::try_from(pcm.len()).unwrap_or(u32::MAX));
    }

    /// Level in dBm0 of the frequency in all that was taken.
    pub fn level(&self) -> f32 {
        let power =
            self.last * self.last + self.before * self.before - self.coefficient * self.last * self.before;
        decibels(2.0 * power.max(0.0).sqrt() / self.samples.max(1) as f32)
    }
}

/// dBm0 of a sine of this peak.
fn decibels(peak: f32) -> f32 {
    20.0 * (peak / tone::peak(0.0)).log10()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tone::{Tone, ToneSequence};

    #[test]
    fn a_sine_is_heard_at_its_frequency_and_nowhere_else() {
        for (rate, hertz) in [(8000, 700.0), (16_000, 5000.0), (48_000, 1004.0)] {
            let sine = Tone { frequencies: [hertz, 0.0], level: -20.0, duration: None };
            let mut pcm = vec![0; rate as usize / 4];
            ToneSequence::new(vec![sine], None).fill(rate, &mut pcm);
            assert!((level_at(rate, hertz, &pcm) + 20.0).abs() < 0.1);
            assert!(level_at(rate, hertz + 200.0, &pcm) < -50.0);
            assert!((level(&pcm) + 20.0).abs() < 0.1);
        }
    }

    #[test]
    fn parts_are_the_whole_and_silence_is_silent() {
        let pcm: Vec<i16> = (0..400).map(|i| (i * 37 % 1000) as i16).collect();
        let mut parts = Goertzel::new(8000, 600.0);
        pcm.chunks(33).for_each(|part| parts.push(part));
        assert_eq!(parts.level(), level_at(8000, 600.0, &pcm));
        assert_eq!(level(&[0; 160]), f32::NEG_INFINITY);
        assert_eq!(level(&[]), f32::NEG_INFINITY);
        assert_eq!(level_at(8000, 600.0, &[0; 160]), f32::NEG_INFINITY);
    }
}
