//! Tones: the milliwatt of 9197, and sequences such as ringing and busy.
//!
//! Levels are in dBm0: 0 dBm0 is the sine whose µ-law coding is G.711's digital milliwatt (table 6).

use std::time::Duration;

use crate::voice::{phase_step, sine};

/// Peak of a sine of 0 dBm0, in 16-bit linear units: µ-law overloads at 3.17 dBm0 (G.711 §4).
const MILLIWATT_PEAK: f32 = 22_655.0;

/// Peak of a sine of `level` dBm0, in 16-bit linear units.
pub fn peak(level: f32) -> f32 {
    MILLIWATT_PEAK * 10f32.powf(level / 20.0)
}

/// One or two sines sounding together for a time; no sine is a pause.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Tone {
    /// Hertz; zero for none.
    pub frequencies: [f32; 2],
    /// dBm0 of each sine.
    pub level: f32,
    /// How long it sounds. None: for ever.
    pub duration: Option<Duration>,
}

impl Tone {
    /// Silence for a time.
    pub const fn pause(duration: Duration) -> Self {
        Self { frequencies: [0.0; 2], level: 0.0, duration: Some(duration) }
    }
}

/// Plays tones one after the other.
///
/// The sample rate must stay the same from frame to frame.
#[derive(Clone, Debug)]
pub struct ToneSequence {
    tones: Vec<Tone>,
    /// Rounds still to play, the present one included. None: for ever.
    rounds: Option<u32>,
    index: usize,
    /// Samples of the present tone already played.
    played: u64,
    phases: [u32; 2],
}

impl ToneSequence {
    /// Plays `tones` in turn, `rounds` times, or for ever with `None`.
    pub fn new(tones: Vec<Tone>, rounds: Option<u32>) -> Self {
        Self { tones, rounds, index: 0, played: 0, phases: [0; 2] }
    }

    /// 1004 Hz at 0 dBm0 without end: the test tone of North American practice, as 9197 plays it.
    pub fn milliwatt() -> Self {
        Self::new(vec![Tone { frequencies: [1004.0, 0.0], level: 0.0, duration: None }], None)
    }

    /// Fills `pcm` (mono) at `rate` hertz. False: this frame was the last; its rest is silence.
    pub fn fill(&mut self, rate: u32, pcm: &mut [i16]) -> bool {
        let mut rest = pcm;
        while !rest.is_empty() {
            let Some(tone) = self.present(rate) else {
                rest.fill(0);
                return false;
            };
            let left = samples(tone, rate).map_or(u64::MAX, |total| total - self.played);
            let (part, others) =
                rest.split_at_mut(rest.len().min(usize::try_from(left).unwrap_or(usize::MAX)));
            self.sound(tone, rate, part);
            self.played += part.len() as u64;
            rest = others;
        }
        self.present(rate).is_some()
    }

    /// The tone due now, stepping over those that are over. None when all rounds are.
    fn present(&mut self, rate: u32) -> Option<Tone> {
        // A round in which nothing sounds would never end.
        if self.tones.iter().all(|&tone| samples(tone, rate) == Some(0)) {
            return None;
        }
        loop {
            if self.rounds == Some(0) {
                return None;
            }
            let tone = self.tones[self.index];
            if samples(tone, rate).is_none_or(|total| self.played < total) {
                return Some(tone);
            }
            self.played = 0;
            self.phases = [0; 2];
            self.index += 1;
            if self.index == self.tones.len() {
                self.index = 0;
                self.rounds = self.rounds.map(|rounds| rounds - 1);
            }
        }
    }

    fn sound(&mut self, tone: Tone, rate: u32, pcm: &mut [i16]) {
        let peak = peak(tone.level);
        pcm.fill(0);
        for (frequency, phase) in tone.frequencies.into_iter().zip(&mut self.phases) {
            if frequency <= 0.0 {
                continue;
            }
            let step = phase_step(rate, frequency);
            for sample in pcm.iter_mut() {
                *sample = sample.saturating_add((peak * sine(*phase)).round() as i16);
                *phase = phase.wrapping_add(step);
            }
        }
    }
}

/// Samples a tone lasts. None: for ever.
fn samples(tone: Tone, rate: u32) -> Option<u64> {
    tone.duration.map(|duration| (duration.as_micros() * u128::from(rate) / 1_000_000) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec;
    use crate::detect;

    /// G.711 table 6: eight bytes that, repeated, are 1 kHz at 0 dBm0.
    #[test]
    fn the_milliwatt_is_as_loud_as_g711s() {
        let table = [0x1e, 0x0b, 0x0b, 0x1e, 0x9e, 0x8b, 0x8b, 0x9e];
        let mut reference = [0; 8000];
        let law = codec::find("PCMU", 8000, 1).unwrap();
        law.decoder().decode(&table.repeat(1000), &mut reference).unwrap();
        let mut tone = [0; 8000];
        assert!(ToneSequence::milliwatt().fill(8000, &mut tone));
        let difference = detect::level(&tone) - detect::level(&reference);
        assert!(difference.abs() < 0.01, "{difference} dB");
        assert!(detect::level_at(8000, 1004.0, &tone).abs() < 0.01);
        assert!(detect::level_at(8000, 1050.0, &tone) < -50.0);
    }

    #[test]
    fn a_sequence_keeps_its_times_and_ends() {
        let beep = |hertz| Tone {
            frequencies: [hertz, 0.0],
            level: -10.0,
            duration: Some(Duration::from_millis(50)),
        };
        let pause = Tone::pause(Duration::from_millis(30));
        let mut sequence = ToneSequence::new(vec![beep(500.0), pause, beep(700.0)], Some(2));
        // 2 * 130 ms at 8 kHz is 2080 samples: thirteen frames of 160.
        let mut pcm = vec![0; 2080];
        let more: Vec<bool> = pcm.chunks_mut(160).map(|frame| sequence.fill(8000, frame)).collect();
        assert_eq!(more.iter().filter(|more| **more).count(), 12);
        assert!(!more[12]);
        for round in pcm.chunks(1040) {
            assert!((detect::level_at(8000, 500.0, &round[..400]) + 10.0).abs() < 0.2);
            assert!(round[400..640].iter().all(|&sample| sample == 0));
            assert!((detect::level_at(8000, 700.0, &round[640..]) + 10.0).abs() < 0.2);
        }
        let mut after = [7; 160];
        assert!(!sequence.fill(8000, &mut after));
        assert_eq!(after, [0; 160]);
    }

    #[test]
    fn two_sines_sound_together() {
        let ringback = Tone { frequencies: [440.0, 480.0], level: -19.0, duration: None };
        let mut pcm = [0; 8000];
        ToneSequence::new(vec![ringback], None).fill(8000, &mut pcm);
        for frequency in ringback.frequencies {
            assert!((detect::level_at(8000, frequency, &pcm) + 19.0).abs() < 0.05);
        }
    }

    #[test]
    fn nothing_to_play_ends_at_once() {
        let mut pcm = [5; 160];
        assert!(!ToneSequence::new(vec![], None).fill(8000, &mut pcm));
        assert!(!ToneSequence::new(vec![Tone::pause(Duration::ZERO)], None).fill(8000, &mut pcm));
        assert_eq!(pcm, [0; 160]);
    }
}
