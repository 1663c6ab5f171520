//! How a conversation over a path that was measured would be judged: ITU-T G.107's rating R and the MOS it means.
//!
//! The whole model is here with its default telephone (table 3 of G.107); what is known goes in: the codec, the
//! delay of one direction and the loss. Letters are the recommendation's. Its scale is that of narrow-band
//! telephony: what a wide-band codec is better by is not on it.

/// Rating factor R of a call: 0 is unusable, 93.2 the best narrow-band telephony can be.
///
/// `delay` is milliseconds from mouth to ear, `loss` the share of packets lost (0 to 1), at random.
pub fn rating(codec: Impairment, delay: f64, loss: f64) -> f64 {
    let noise = noise();
    let ro = 15.0 - 1.5 * (SLR + noise);
    let r = ro - simultaneous(ro, noise, delay) - delayed(ro, noise, delay) - codec.with_loss(loss * 100.0);
    r.clamp(0.0, 100.0)
}

/// Mean opinion score, 1 (bad) to 4.5, that a rating means (G.107 Annex B).
pub fn mos(r: f64) -> f64 {
    match r {
        ..=0.0 => 1.0,
        100.0.. => 4.5,
        // Below 6.5 the polynomial dips under 1, which is the scale's end.
        _ => (1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6).max(1.0),
    }
}

/// What a codec costs by itself and how well it stands lost packets: planning values of ITU-T G.113 (11/2007),
/// Appendix I, tables I.1 and I.4.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Impairment {
    /// Ie: what it costs by itself.
    pub ie: f64,
    /// Bpl: the greater, the better it stands loss.
    pub bpl: f64,
}

impl Impairment {
    /// G.711 with loss concealment, as every telephone has it; without, Bpl would be 4.3.
    pub const G711: Self = Self { ie: 0.0, bpl: 25.1 };

    /// Of the format that SDP calls so, in any case.
    ///
    /// Where G.113 gives no values for this scale (G.722, Opus, AMR-WB, EVS, L16, iLBC, Speex) they are those of
    /// G.711: then the rating tells what loss and delay cost, and nothing of the codec.
    pub fn of(name: &str) -> Self {
        let row = TABLE.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        row.map_or(Self::G711, |&(_, values)| values)
    }

    /// Ie,eff: with `loss` in percent, at random, so that BurstR is 1 (G.107 §7.5).
    fn with_loss(self, loss: f64) -> f64 {
        self.ie + (95.0 - self.ie) * loss / (loss + self.bpl)
    }
}

static TABLE: &[(&str, Impairment)] = &[
    ("PCMU", Impairment::G711),
    ("PCMA", Impairment::G711),
    // Annex A with its silence suppression; without, Ie would be 10 and Bpl is not given.
    ("G729", Impairment { ie: 11.0, bpl: 19.0 }),
    // At 6.3 kbit/s.
    ("G723", Impairment { ie: 15.0, bpl: 16.1 }),
    // Full rate; Bpl is not given, and taken to be that of the enhanced one.
    ("GSM", Impairment { ie: 20.0, bpl: 10.0 }),
    // At 12.2 kbit/s it is the enhanced full rate codec of GSM.
    ("AMR", Impairment { ie: 5.0, bpl: 10.0 }),
];

/// Send and receive loudness rating, dB.
const SLR: f64 = 8.0;
const RLR: f64 = 2.0;
const OLR: f64 = SLR + RLR;
/// Sidetone masking rating and listener sidetone rating, dB.
const STMR: f64 = 15.0;
const LSTR: f64 = 18.0;
/// D-value of the telephone at the send side.
const DS: f64 = 3.0;
/// Echo losses toward talker and listener, dB.
const TELR: f64 = 65.0;
const WEPL: f64 = 110.0;
/// Room noise at both sides, dB(A).
const PS: f64 = 35.0;
const PR: f64 = 35.0;
/// Circuit noise and noise floor, dBm0p.
const NC: f64 = -70.0;
const NFOR: f64 = -64.0;
/// Quantisation distortion units.
const QDU: f64 = 1.0;

/// No: all noise, at the 0 dBr point (§7.2).
fn noise() -> f64 {
    let power = |level: f64| 10f64.powf(level / 10.0);
    let nos = PS - SLR - DS - 100.0 + 0.004 * (PS - OLR - DS - 14.0).powi(2);
    let pre = PR + 10.0 * (1.0 + power(10.0 - LSTR)).log10();
    let nor = RLR - 121.0 + pre + 0.008 * (pre - 35.0).powi(2);
    10.0 * (power(NC) + power(nos) + power(nor) + power(NFOR + RLR)).log10()
}

/// Is: what disturbs at the same time as the voice (§7.3).
fn simultaneous(ro: f64, noise: f64, delay: f64) -> f64 {
    let norm = |x: f64, n: f64| (1.0 + x.powf(n)).powf(1.0 / n);
    let x = OLR + 0.2 * (64.0 + noise - RLR);
    let loud = 20.0 * (norm(x / 8.0, 8.0) - x / 8.0);

    let stmr = -10.0 * (10f64.powf(-STMR / 10.0) + (-delay / 4.0).exp() * 10f64.powf(-TELR / 10.0)).log10();
    let sidetone = 12.0 * norm((stmr - 13.0) / 6.0, 8.0)
        - 28.0 * norm((stmr + 1.0) / 19.4, 35.0)
        - 13.0 * norm((stmr - 3.0) / 33.0, 13.0)
        + 29.0;

    let q = 37.0 - 15.0 * QDU.log10();
    let g = 1.07 + 0.258 * q + 0.0602 * q * q;
    let y = (ro - 100.0) / 15.0 + 46.0 / 8.4 - g / 9.0;
    let z = 46.0 / 30.0 - g / 40.0;
    let quantising = 15.0 * (1.0 + 10f64.powf(y) + 10f64.powf(z)).log10();
    loud + sidetone + quantising
}

/// Id: talker echo, listener echo, and delay by itself (§7.4).
fn delayed(ro: f64, noise: f64, delay: f64) -> f64 {
    let roe = -1.5 * (noise - RLR);
    let terv = TELR - 40.0 * ((1.0 + delay / 10.0) / (1.0 + delay / 150.0)).log10()
        + 6.0 * (-0.3 * delay * delay).exp();
    let re = 80.0 + 2.5 * (terv - 14.0);
    let half = (roe - re) / 2.0;
    let talker = (half + (half * half + 100.0).sqrt() - 1.0) * (1.0 - (-delay).exp());

    let rle = 10.5 * (WEPL + 7.0) * (2.0 * delay + 1.0).powf(-0.25);
    let half = (ro - rle) / 2.0;
    let listener = half + (half * half + 169.0).sqrt();

    let pure = if delay <= 100.0 {
        0.0
    } else {
        let x = (delay / 100.0).log2();
        25.0 * ((1.0 + x.powi(6)).powf(1.0 / 6.0) - 3.0 * (1.0 + (x / 3.0).powi(6)).powf(1.0 / 6.0) + 2.0)
    };
    talker + listener + pure
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(value: f64, expected: f64, within: f64) {
        assert!((value - expected).abs() <= within, "{value} is not {expected}");
    }

    fn g711(delay: f64, loss: f64) -> f64 {
        rating(Impairment::of("pcmu"), delay, loss)
    }

    #[test]
    fn the_default_telephone_is_rated_as_published() {
        near(g711(0.0, 0.0), 93.2, 0.05);
        near(mos(g711(0.0, 0.0)), 4.41, 0.005);
    }

    /// G.107 Annex B, table B.1.
    #[test]
    fn mos_follows_the_published_table() {
        for (r, expected) in [(90.0, 4.34), (80.0, 4.03), (70.0, 3.60), (60.0, 3.10), (50.0, 2.58)] {
            near(mos(r), expected, 0.0065);
        }
        assert_eq!((mos(-3.0), mos(3.0), mos(100.0)), (1.0, 1.0, 4.5));
    }

    #[test]
    fn loss_costs_what_g113_says() {
        // 95 * 5 / (5 + 25.1) = 15.78
        near(g711(0.0, 0.0) - g711(0.0, 0.05), 15.78, 0.01);
        near(g711(0.0, 1.0), 93.2 - 95.0 * 100.0 / 125.1, 0.05);
    }

    #[test]
    fn a_codec_costs_its_ie_and_stands_loss_by_its_bpl() {
        let g729 = |loss| rating(Impairment::of("G729"), 0.0, loss);
        near(g711(0.0, 0.0) - g729(0.0), 11.0, 0.001);
        // 11 + 84 * 2 / (2 + 19)
        near(g711(0.0, 0.0) - g729(0.02), 19.0, 0.001);
        assert_eq!(Impairment::of("opus"), Impairment::G711);
    }

    #[test]
    fn delay_is_cheap_to_150_ms_and_dear_after() {
        // G.107 figure: with perfect echo control about 4 at 150 ms; this telephone's echo adds to it.
        let lost = |delay| g711(0.0, 0.0) - g711(delay, 0.0);
        assert!(lost(20.0) < 2.0, "{}", lost(20.0));
        assert!((2.0..12.0).contains(&lost(150.0)), "{}", lost(150.0));
        assert!(lost(400.0) > 20.0, "{}", lost(400.0));
        let mut last = 0.0;
        for delay in 1..2000 {
            assert!(lost(f64::from(delay)) >= last - 0.2, "{delay}");
            last = lost(f64::from(delay));
        }
    }
}
