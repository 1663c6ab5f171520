//! The quadrature mirror filter: 24 taps, symmetric, so twelve coefficients serve both phases (§3.1, §4.4).

/// Table 4 of the recommendation, every second coefficient; the others are the same ones backwards.
const TAPS: [i32; 12] = [3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11];

/// Splits 16 kHz into two bands of 8 kHz, or joins them. One direction's delay line.
#[derive(Debug, Default)]
pub(super) struct Qmf {
    /// Twelve pairs, oldest first.
    line: [(i32, i32); 12],
}

impl Qmf {
    /// Takes two samples in time order, gives one of the lower and one of the higher band.
    pub(super) fn split(&mut self, first: i16, second: i16) -> (i32, i32) {
        let (odd, even) = self.turn(i32::from(first), i32::from(second));
        ((even + odd) >> 14, (even - odd) >> 14)
    }

    /// Takes one sample of each band, gives two in time order.
    pub(super) fn join(&mut self, low: i32, high: i32) -> (i16, i16) {
        let (second, first) = self.turn(low + high, low - high);
        (saturate(first >> 11) as i16, saturate(second >> 11) as i16)
    }

    /// Puts a pair into the line; sums the first members by the taps and the second ones by them backwards.
    fn turn(&mut self, first: i32, second: i32) -> (i32, i32) {
        self.line.rotate_left(1);
        self.line[11] = (first, second);
        let (mut forward, mut backward) = (0, 0);
        for (i, &(a, b)) in self.line.iter().enumerate() {
            forward += a * TAPS[i];
            backward += b * TAPS[11 - i];
        }
        (forward, backward)
    }
}

/// Limits to 16 bits, as every sum of the recommendation is.
pub(super) fn saturate(value: i32) -> i32 {
    value.clamp(i32::from(i16::MIN), i32::from(i16::MAX))
}
