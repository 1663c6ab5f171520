//! One band: quantiser, adaptive scale and adaptive predictor, the same in encoder and decoder (§3.2 to §3.6).

use super::qmf::saturate;

/// The lower band: 6 bits a sample, of which the predictor uses the upper 4 (§3.3).
#[derive(Debug)]
pub(super) struct Low {
    scale: Scale,
    predictor: Predictor,
}

/// The higher band: 2 bits a sample.
#[derive(Debug)]
pub(super) struct High {
    scale: Scale,
    predictor: Predictor,
}

impl Default for Low {
    fn default() -> Self {
        Self { scale: Scale { log: 0, factor: 32, limit: 18_432, shift: 8 }, predictor: Predictor::default() }
    }
}

impl Default for High {
    fn default() -> Self {
        Self { scale: Scale { log: 0, factor: 8, limit: 22_528, shift: 10 }, predictor: Predictor::default() }
    }
}

impl Low {
    /// QUANTL: the first decision level that the difference stays below; then what the decoder will do.
    pub(super) fn encode(&mut self, sample: i32) -> u8 {
        let error = saturate(sample - self.predictor.estimate);
        let magnitude = if error < 0 { !error } else { error };
        let level =
            LEVELS_6.iter().position(|level| magnitude < (level * self.scale.factor) >> 12).unwrap_or(29)
                as u8;
        // Codes fall as the magnitude grows; the two innermost negative ones stand at the top (table 5).
        let code = match (error < 0, level) {
            (true, 0 | 1) => 63 - level,
            (true, _) => 33 - level,
            (false, _) => 61 - level,
        };
        self.adapt(code);
        code
    }

    /// The sample that `code` (6 bits) stands for.
    pub(super) fn decode(&mut self, code: u8) -> i32 {
        let difference = self.scale.apply(VALUES_6[usize::from(code & 0x3f)]);
        let sample = (self.predictor.estimate + difference).clamp(-16_384, 16_383);
        self.adapt(code);
        sample
    }

    fn adapt(&mut self, code: u8) {
        let coarse = usize::from(code >> 2 & 15);
        let difference = self.scale.apply(VALUES_4[coarse]);
        self.scale.adapt(WEIGHTS_4[coarse]);
        self.predictor.update(difference);
    }
}

impl High {
    /// QUANTH: sign, and whether the magnitude is past the one decision level.
    pub(super) fn encode(&mut self, sample: i32) -> u8 {
        let error = saturate(sample - self.predictor.estimate);
        let magnitude = if error < 0 { !error } else { error };
        let outer = magnitude >= (LEVEL_2 * self.scale.factor) >> 12;
        let code = match (error < 0, outer) {
            (true, false) => 1,
            (true, true) => 0,
            (false, false) => 3,
            (false, true) => 2,
        };
        self.adapt(code);
        code
    }

    /// The sample that `code` (2 bits) stands for.
    pub(super) fn decode(&mut self, code: u8) -> i32 {
        let difference = self.scale.apply(VALUES_2[usize::from(code & 3)]);
        let sample = (self.predictor.estimate + difference).clamp(-16_384, 16_383);
        self.adapt(code);
        sample
    }

    fn adapt(&mut self, code: u8) {
        let code = usize::from(code & 3);
        let difference = self.scale.apply(VALUES_2[code]);
        self.scale.adapt(WEIGHTS_2[code]);
        self.predictor.update(difference);
    }
}

/// The quantiser's step: a leaky logarithm and the factor made of it (LOGSCL, SCALEL and their H twins).
#[derive(Debug)]
struct Scale {
    log: i32,
    factor: i32,
    limit: i32,
    shift: i32,
}

impl Scale {
    fn apply(&self, value: i32) -> i32 {
        (self.factor * value) >> 15
    }

    fn adapt(&mut self, weight: i32) {
        self.log = (((self.log * 127) >> 7) + weight).clamp(0, self.limit);
        let mantissa = POWERS[(self.log >> 6 & 31) as usize];
        let shift = self.shift - (self.log >> 11);
        let factor = if shift < 0 { mantissa << -shift } else { mantissa >> shift };
        self.factor = factor << 2;
    }
}

/// Two poles and six zeros, adapted by the signs of what they saw (§3.6). Newest first everywhere.
#[derive(Debug, Default)]
struct Predictor {
    /// What the next sample is expected to be.
    estimate: i32,
    /// The zeros' part of the estimate.
    zero_part: i32,
    reconstructed: [i32; 2],
    partial: [i32; 2],
    differences: [i32; 6],
    poles: [i32; 2],
    zeros: [i32; 6],
}

impl Predictor {
    fn update(&mut self, difference: i32) {
        let reconstructed = saturate(self.estimate + difference);
        let partial = saturate(self.zero_part + difference);
        self.adapt_poles(partial);
        self.adapt_zeros(difference);
        self.reconstructed = [reconstructed, self.reconstructed[0]];
        self.partial = [partial, self.partial[0]];
        self.differences.rotate_right(1);
        self.differences[0] = difference;
        self.predict();
    }

    /// UPPOL2 and UPPOL1; the bounds keep the filter stable.
    fn adapt_poles(&mut self, partial: i32) {
        let [a1, a2] = self.poles;
        let steep = saturate(a1 << 2);
        let steep = if same_sign(partial, self.partial[0]) { -steep } else { steep }.min(32_767);
        let drift = if same_sign(partial, self.partial[1]) { 128 } else { -128 };
        let a2 = (drift + (steep >> 7) + ((a2 * 32_512) >> 15)).clamp(-12_288, 12_288);
        let drift = if same_sign(partial, self.partial[0]) { 192 } else { -192 };
        let bound = 15_360 - a2;
        let a1 = saturate(drift + ((a1 * 32_640) >> 15)).clamp(-bound, bound);
        self.poles = [a1, a2];
    }

    /// UPZERO.
    fn adapt_zeros(&mut self, difference: i32) {
        let step = if difference == 0 { 0 } else { 128 };
        for (zero, &past) in self.zeros.iter_mut().zip(&self.differences) {
            let step = if same_sign(past, difference) { step } else { -step };
            *zero = saturate(step + ((*zero * 32_640) >> 15));
        }
    }

    /// FILTEP, FILTEZ and PREDIC.
    fn predict(&mut self) {
        let product = |(&weight, &value): (&i32, &i32)| (weight * saturate(value * 2)) >> 15;
        let pole_part = saturate(self.poles.iter().zip(&self.reconstructed).map(product).sum());
        self.zero_part = saturate(self.zeros.iter().zip(&self.differences).map(product).sum());
        self.estimate = saturate(pole_part + self.zero_part);
    }
}

/// Zero counts as positive.
fn same_sign(a: i32, b: i32) -> bool {
    (a < 0) == (b < 0)
}

/// Decision levels of the 6-bit quantiser (table 5), in units of the scale.
const LEVELS_6: [i32; 29] = [
    35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714, 786, 858, 940, 1023, 1121, 1219,
    1339, 1458, 1612, 1765, 1980, 2195, 2557, 2919,
];

/// The decision level of the 2-bit quantiser (table 8).
const LEVEL_2: i32 = 564;

/// Values of the 6-bit codes (QQ6 by RIL). The first four never leave an encoder at 64 kbit/s.
const VALUES_6: [i32; 64] = [
    -136, -136, -136, -136, -24808, -21904, -19008, -16704, -14984, -13512, -12280, -11192, -10232, -9360,
    -8576, -7856, -7192, -6576, -6000, -5456, -4944, -4464, -4008, -3576, -3168, -2776, -2400, -2032, -1688,
    -1360, -1040, -728, 24808, 21904, 19008, 16704, 14984, 13512, 12280, 11192, 10232, 9360, 8576, 7856,
    7192, 6576, 6000, 5456, 4944, 4464, 4008, 3576, 3168, 2776, 2400, 2032, 1688, 1360, 1040, 728, 432, 136,
    -432, -136,
];

/// Values of the codes' upper four bits (QQ4 by RIL).
const VALUES_4: [i32; 16] =
    [0, -20456, -12896, -8968, -6288, -4240, -2584, -1200, 20456, 12896, 8968, 6288, 4240, 2584, 1200, 0];

/// Values of the 2-bit codes (QQ2 by IH).
const VALUES_2: [i32; 4] = [-7408, -1616, 7408, 1616];

/// What each 4-bit code adds to the logarithm of the lower band's scale (WL by RL42).
const WEIGHTS_4: [i32; 16] =
    [-60, 3042, 1198, 538, 334, 172, 58, -30, 3042, 1198, 538, 334, 172, 58, -30, -60];

/// The same for the higher band (WH by RH2).
const WEIGHTS_2: [i32; 4] = [798, -214, 798, -214];

/// 2048 times 2 to the power of n/32 (table 11, ILB).
const POWERS: [i32; 32] = [
    2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834, 2896,
    2960, 3025, 3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
];
