//! How a conversation over a path that was measured would be judged: the rating R of ITU-T G.107, for a wide-band codec
//! that of G.107.1, and the MOS it means.
//!
//! Both models are here with their default telephone (table 3 of G.107, table 1 of G.107.1); what is known goes in: the
//! codec, the delay of one direction and the loss. Letters are the recommendations'. Their scales differ: 4.4 is the
//! best of narrow-band telephony on the one, and not the best of wide-band telephony on the other.

mod codec;
mod wide;

pub use codec::Impairment;

/// What a codec carries of a voice, and so the scale it is judged on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Band {
    /// 300 to 3400 Hz: G.107, whose R ends at 100.
    Narrow,
    /// 50 to 7000 Hz and more: G.107.1, whose R ends at 129.
    Wide,
}

/// What becomes of a voice.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Rating {
    /// R, on the scale of its band: 0 is unusable, 93.2 the best that narrow-band telephony can be, 129 wide-band's.
    pub r: f64,
    /// R as a share of that scale, 0 to 100.
    pub percent: f64,
    /// Mean opinion score, 1 (bad) to 4.5.
    pub mos: f64,
}

/// Judges a call: `delay` is milliseconds from mouth to ear, `loss` the share of packets lost (0 to 1), at random.
pub fn rate(codec: Impairment, delay: f64, loss: f64) -> Rating {
    let equipment = codec.with_loss(loss * 100.0);
    let (r, percent) = match codec.band {
        Band::Narrow => {
            let r = (narrow(delay) - equipment).clamp(0.0, 100.0);
            (r, r)
        }
        Band::Wide => {
            let r = (wide::rating(delay) - equipment).clamp(0.0, wide::BEST);
            // G.107.1 Annex A: the opinion follows the same curve, on the scale of a hundred.
            (r, r / wide::BEST * 100.0)
        }
    };
    Rating { r, percent, mos: mos(percent) }
}

/// All but the equipment.
fn narrow(delay: f64) -> f64 {
    let noise = noise(NFOR);
    let ro = 15.0 - 1.5 * (SLR + noise);
    ro - simultaneous(ro, noise, delay) - delayed(ro, noise, delay)
}

/// The opinion that a rating means (G.107 Annex B).
fn mos(r: f64) -> f64 {
    match r {
        ..=0.0 => 1.0,
        100.0.. => 4.5,
        // Below 6.5 the polynomial dips under 1, which is the scale's end.
        _ => (1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6).max(1.0),
    }
}

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
fn noise(floor: f64) -> f64 {
    let power = |level: f64| 10f64.powf(level / 10.0);
    let nos = PS - SLR - DS - 100.0 + 0.004 * (PS - OLR - DS - 14.0).powi(2);
    let pre = PR + 10.0 * (1.0 + power(10.0 - LSTR)).log10();
    let nor = RLR - 121.0 + pre + 0.008 * (pre - 35.0).powi(2);
    10.0 * (power(NC) + power(nos) + power(nor) + power(floor + RLR)).log10()
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

    talker + listener_echo(ro, delay) + absolute(delay)
}

/// Idle: listener echo.
fn listener_echo(ro: f64, delay: f64) -> f64 {
    let rle = 10.5 * (WEPL + 7.0) * (2.0 * delay + 1.0).powf(-0.25);
    let half = (ro - rle) / 2.0;
    half + (half * half + 169.0).sqrt()
}

/// Idd: delay by itself.
fn absolute(delay: f64) -> f64 {
    if delay <= 100.0 {
        return 0.0;
    }
    let x = (delay / 100.0).log2();
    25.0 * ((1.0 + x.powi(6)).powf(1.0 / 6.0) - 3.0 * (1.0 + (x / 3.0).powi(6)).powf(1.0 / 6.0) + 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(value: f64, expected: f64, within: f64) {
        assert!((value - expected).abs() <= within, "{value} is not {expected}");
    }

    fn g711(delay: f64, loss: f64) -> f64 {
        rate(Impairment::of("pcmu", 8000), delay, loss).r
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
        let g729 = |loss| rate(Impairment::of("G729", 8000), 0.0, loss).r;
        near(g711(0.0, 0.0) - g729(0.0), 11.0, 0.001);
        // 11 + 84 * 2 / (2 + 19)
        near(g711(0.0, 0.0) - g729(0.02), 19.0, 0.001);
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
