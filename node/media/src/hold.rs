//! Music on hold: broken chords over a bass, made here and so free of royalties.
//!
//! Eight bars that repeat, every second time with the chords broken in another order. Nothing is random:
//! two callers who wait equally long have heard the same.

use crate::tone;
use crate::voice::Voice;

/// Plays the music without end.
///
/// The sample rate must stay the same from frame to frame.
#[derive(Clone, Debug, Default)]
pub struct HoldMusic {
    /// The plucked notes in turn, so that each rings on under the next ones.
    plucked: [Voice; 4],
    bass: Voice,
    /// Eighths played.
    eighth: u32,
    /// Samples left of the present eighth.
    left: u32,
}

impl HoldMusic {
    /// From the first bar on.
    pub fn new() -> Self {
        Self::default()
    }

    /// Fills `pcm` (mono) at `rate` hertz. Always true: it does not end.
    pub fn fill(&mut self, rate: u32, pcm: &mut [i16]) -> bool {
        for sample in pcm.iter_mut() {
            if self.left == 0 {
                self.next_eighth(rate);
            }
            self.left -= 1;
            let sum: f32 = self.plucked.iter_mut().map(Voice::sample).sum();
            *sample = (sum + self.bass.sample()) as i16;
        }
        true
    }

    fn next_eighth(&mut self, rate: u32) {
        self.left = (rate * EIGHTH_MILLISECONDS / 1000).max(1);
        let place = self.eighth as usize % 8;
        let bar = self.eighth as usize / 8 % BARS.len();
        let round = self.eighth as usize / 8 / BARS.len();
        let (bass, chord) = BARS[bar];
        if place == 0 {
            self.bass.strike(rate, bass, tone::peak(-16.0), 0.9);
        }
        let (note, octave) = FIGURES[round % FIGURES.len()][place];
        self.plucked[place % 4].strike(rate, chord[note] + 12 * octave, tone::peak(-18.0), 0.45);
        self.eighth = self.eighth.wrapping_add(1) % (8 * BARS.len() * FIGURES.len()) as u32;
    }
}

/// 92 quarters a minute.
const EIGHTH_MILLISECONDS: u32 = 326;

/// Bass and chord of each bar, as MIDI keys.
const BARS: [(u8, [u8; 4]); 8] = [
    (48, [60, 64, 67, 71]), // C maj 7
    (45, [57, 60, 64, 67]), // A m 7
    (53, [57, 60, 65, 69]), // F
    (55, [59, 62, 65, 67]), // G 7
    (52, [59, 64, 67, 71]), // E m
    (57, [60, 64, 67, 69]), // A m 7
    (50, [57, 62, 65, 69]), // D m
    (55, [59, 62, 65, 67]), // G 7
];

/// In which order a bar breaks its chord: note of the chord, octaves above.
const FIGURES: [[(usize, u8); 8]; 2] = [
    [(0, 0), (1, 0), (2, 0), (3, 0), (0, 1), (3, 0), (2, 0), (1, 0)],
    [(0, 0), (2, 0), (1, 1), (3, 0), (2, 1), (3, 0), (1, 1), (2, 0)],
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect;

    #[test]
    fn it_repeats_exactly_never_clips_and_never_falls_silent() {
        let round = (EIGHTH_MILLISECONDS * 8 * 8 * 2 * 8) as usize;
        let mut pcm = vec![0; round * 2];
        assert!(HoldMusic::new().fill(8000, &mut pcm));
        // The second time begins on what the first left ringing; after two seconds that is gone.
        let ringing = 24_000;
        let differs = |(a, b): (&i16, &i16)| (a - b).abs() > 2;
        assert!(!pcm[ringing..round].iter().zip(&pcm[round + ringing..]).any(differs));
        for (second, sound) in pcm.chunks_exact(8000).enumerate() {
            let level = detect::level(sound);
            assert!((-30.0..-10.0).contains(&level), "second {second}: {level} dBm0");
            assert!(sound.iter().all(|sample| sample.unsigned_abs() < 20_000));
        }
    }

    #[test]
    fn frames_of_any_size_give_the_same_sound() {
        let (mut whole, mut parts) = ([0; 4800], [0; 4800]);
        HoldMusic::new().fill(16_000, &mut whole);
        let mut music = HoldMusic::new();
        for part in parts.chunks_mut(100) {
            music.fill(16_000, part);
        }
        assert_eq!(whole, parts);
    }
}
