//! One note that is struck and fades: what [`tune`](crate::tune) and [`hold`](crate::hold) are played on.

use std::f32::consts::PI;

/// The sine of a phase counted in 2^32 parts of a turn, which wraps by itself and never drifts.
pub(crate) fn sine(phase: u32) -> f32 {
    (phase.cast_signed() as f32 * (PI / 2_147_483_648.0)).sin()
}

/// How far the phase moves in one sample.
pub(crate) fn phase_step(rate: u32, hertz: f32) -> u32 {
    (f64::from(hertz) / f64::from(rate.max(1)) * 4_294_967_296.0).round() as u32
}

/// Hertz of a MIDI key: 69 is the A of 440 Hz.
pub(crate) fn pitch(key: u8) -> f32 {
    440.0 * ((f32::from(key) - 69.0) / 12.0).exp2()
}

/// A struck string: a short rise, then an exponential decay. Silent until struck.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Voice {
    phase: u32,
    step: u32,
    gain: f32,
    decay: f32,
    /// How much of the gain is let through, growing to 1.
    opening: f32,
    opening_step: f32,
}

impl Voice {
    /// Strikes the note; after `fade` seconds about a third is left. What still sounded is cut.
    pub(crate) fn strike(&mut self, rate: u32, key: u8, peak: f32, fade: f32) {
        let rate_f = rate.max(1) as f32;
        self.phase = 0;
        self.step = phase_step(rate, pitch(key));
        self.gain = peak;
        self.decay = (-1.0 / (fade * rate_f)).exp();
        self.opening = 0.0;
        self.opening_step = 1.0 / (0.006 * rate_f);
    }

    /// The next sample.
    pub(crate) fn sample(&mut self) -> f32 {
        if self.gain < 1.0 {
            return 0.0;
        }
        self.phase = self.phase.wrapping_add(self.step);
        self.gain *= self.decay;
        self.opening = (self.opening + self.opening_step).min(1.0);
        // The octave above gives it some colour.
        self.gain * self.opening * (sine(self.phase) + 0.25 * sine(self.phase.wrapping_mul(2)))
    }
}
