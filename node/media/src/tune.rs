//! The tune of 9198: the theme of "An die Freude" from Beethoven's ninth symphony (1824, public domain).

use crate::tone;
use crate::voice::Voice;

/// Plays the tune, a round of about half a minute.
///
/// The sample rate must stay the same from frame to frame.
#[derive(Clone, Debug)]
pub struct Tune {
    voice: Voice,
    /// Rounds still to play, the present one included. None: for ever.
    rounds: Option<u32>,
    index: usize,
    /// Samples left of the present note.
    left: u32,
}

impl Tune {
    /// Plays it `rounds` times, or for ever with `None`.
    pub fn new(rounds: Option<u32>) -> Self {
        Self { voice: Voice::default(), rounds, index: 0, left: 0 }
    }

    /// Fills `pcm` (mono) at `rate` hertz. False: this frame was the last; its rest is silence.
    pub fn fill(&mut self, rate: u32, pcm: &mut [i16]) -> bool {
        for sample in pcm.iter_mut() {
            if self.left == 0 && !self.next_note(rate) {
                *sample = 0;
                continue;
            }
            self.left -= 1;
            *sample = self.voice.sample() as i16;
        }
        self.left > 0 || self.rounds != Some(0)
    }

    fn next_note(&mut self, rate: u32) -> bool {
        if self.rounds == Some(0) {
            return false;
        }
        let (key, eighths) = NOTES[self.index];
        self.left = (rate * u32::from(eighths) / EIGHTHS_A_SECOND).max(1);
        self.voice.strike(rate, key, tone::peak(LEVEL), 0.12 * f32::from(eighths));
        self.index = (self.index + 1) % NOTES.len();
        if self.index == 0 {
            self.rounds = self.rounds.map(|rounds| rounds - 1);
        }
        true
    }
}

/// 120 quarters a minute.
const EIGHTHS_A_SECOND: u32 = 4;

/// dBm0 at the stroke: with the fading about -16 dBm0 on average, as loud as speech.
const LEVEL: f32 = -8.0;

const G: u8 = 67;
const C: u8 = 72;
const D: u8 = 74;
const E: u8 = 76;
const F: u8 = 77;
const H: u8 = 79; // the g above

/// MIDI key and length in eighths: sixteen bars of four quarters.
const NOTES: [(u8, u8); 62] = [
    (E, 2),
    (E, 2),
    (F, 2),
    (H, 2),
    (H, 2),
    (F, 2),
    (E, 2),
    (D, 2),
    (C, 2),
    (C, 2),
    (D, 2),
    (E, 2),
    (E, 3),
    (D, 1),
    (D, 4),
    (E, 2),
    (E, 2),
    (F, 2),
    (H, 2),
    (H, 2),
    (F, 2),
    (E, 2),
    (D, 2),
    (C, 2),
    (C, 2),
    (D, 2),
    (E, 2),
    (D, 3),
    (C, 1),
    (C, 4),
    (D, 2),
    (D, 2),
    (E, 2),
    (C, 2),
    (D, 2),
    (E, 1),
    (F, 1),
    (E, 2),
    (C, 2),
    (D, 2),
    (E, 1),
    (F, 1),
    (E, 2),
    (D, 2),
    (C, 2),
    (D, 2),
    (G, 4),
    (E, 2),
    (E, 2),
    (F, 2),
    (H, 2),
    (H, 2),
    (F, 2),
    (E, 2),
    (D, 2),
    (C, 2),
    (C, 2),
    (D, 2),
    (E, 2),
    (D, 3),
    (C, 1),
    (C, 4),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect;
    use crate::voice::pitch;

    #[test]
    fn it_is_sixteen_bars_and_ends_where_they_end() {
        assert_eq!(NOTES.iter().map(|&(_, eighths)| u32::from(eighths)).sum::<u32>(), 16 * 8);
        let mut tune = Tune::new(Some(1));
        // 128 eighths at four a second are 32 s: 1600 frames of 20 ms.
        let mut frame = [0; 160];
        for _ in 0..1599 {
            assert!(tune.fill(8000, &mut frame));
        }
        assert!(!tune.fill(8000, &mut frame));
        assert!(!tune.fill(8000, &mut frame));
        assert_eq!(frame, [0; 160]);
    }

    #[test]
    fn the_notes_are_heard_at_every_rate() {
        for rate in [8000, 16_000, 48_000] {
            let mut tune = Tune::new(None);
            let mut pcm = vec![0; rate as usize / 2];
            for (key, _) in NOTES.into_iter().take(8) {
                assert!(tune.fill(rate, &mut pcm));
                let heard = detect::level_at(rate, pitch(key), &pcm);
                assert!(heard > -25.0, "key {key} at {rate}: {heard} dBm0");
            }
        }
    }
}
