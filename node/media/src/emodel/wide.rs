//! ITU-T G.107.1 (06/2019, corrigendum 1 of 01/2020): the E-model of wide-band telephony, as far as it differs from
//! G.107.

use super::{RLR, TELR, absolute, listener_echo, noise};

/// Ro,WB: what a call without any impairment has (7-2). Nothing disturbs at the same time as the voice (7-3).
pub(super) const BEST: f64 = 129.0;
/// The noise floor of table 1, dBm0p. The recommendation leaves open how the noises add up: as they do in G.107.
const NFOR: f64 = -96.0;
/// What delay by itself weighs more than in G.107 (7-13).
const WEIGHT: f64 = 1.29;

/// R but for the equipment, for a delay in milliseconds (7-1, 7-4).
pub(super) fn rating(delay: f64) -> f64 {
    BEST - talker_echo(delay) - listener_echo(BEST, delay) - WEIGHT * absolute(delay)
}

/// Idte,WB (7-5 to 7-10).
fn talker_echo(delay: f64) -> f64 {
    let roe = -1.5 * (noise(NFOR) - RLR);
    let k = if delay < 100.0 { 0.08 * delay + 10.0 } else { 18.0 };
    let terv = TELR + k - 40.0 * ((1.0 + delay / 10.0) / (1.0 + delay / 150.0)).log10()
        + 6.0 * (-0.3 * delay * delay).exp();
    let re = 80.0 + 3.0 * (terv - 14.0);
    let half = (roe - re) / 2.0;
    (half + (half * half + 100.0).sqrt() - 1.0) * (1.0 - (-delay).exp())
}

#[cfg(test)]
mod tests {
    use super::super::{Band, Impairment, rate};
    use super::*;

    fn near(value: f64, expected: f64, within: f64) {
        assert!((value - expected).abs() <= within, "{value} is not {expected}");
    }

    fn clean(name: &str, clock_rate: u32, delay: f64, loss: f64) -> f64 {
        rate(Impairment::of(name, clock_rate), delay, loss).mos
    }

    #[test]
    fn a_call_without_impairment_is_at_the_end_of_the_scale() {
        let best = rate(Impairment::of("L16", 16_000), 0.0, 0.0);
        // 0.154 is what listener echo leaves of it.
        near(best.r, 128.846, 0.001);
        near(best.mos, 4.4992, 0.0001);
        near(best.percent, 99.88, 0.01);
        assert_eq!(Impairment::of("L16", 8000), Impairment::G711);
    }

    #[test]
    fn a_codec_costs_its_ie_and_loss_its_part_of_95() {
        // 129 - 0.154 - 14; (R / 1.29) on the curve of G.107.
        near(rate(Impairment::of("g722", 8000), 0.0, 0.0).r, 114.846, 0.001);
        near(clean("G722", 8000, 0.0, 0.0), 4.314, 0.002);
        // 20 + 75 * 2 / (2 + 4.3) = 43.81
        near(rate(Impairment::of("AMR-WB", 16_000), 0.0, 0.02).r, 128.846 - 43.81, 0.002);
        near(clean("AMR-WB", 16_000, 0.0, 0.02), 3.40, 0.01);
        near(clean("opus", 48_000, 0.0, 0.0), 4.4992, 0.0001);
        // 95 * 10 / (10 + 25.1) = 27.07
        near(clean("opus", 48_000, 0.0, 0.1), 3.99, 0.01);
        assert_eq!(rate(Impairment::of("EVS", 16_000), 5000.0, 1.0).mos, 1.0);
        assert_eq!(Impairment::of("speex", 16_000).band, Band::Narrow);
    }

    #[test]
    fn delay_by_itself_weighs_more_than_in_narrow_band() {
        near(absolute(200.0) * WEIGHT, 3.9273, 0.0001);
        assert!(absolute(100.0) == 0.0 && talker_echo(0.0) == 0.0);
        let mut last = rating(0.0);
        for delay in 1..2000 {
            let next = rating(f64::from(delay));
            assert!(next <= last + 0.3, "{delay}: {next} after {last}");
            last = next;
        }
    }
}
