//! What each codec costs.
//!
//! Narrow band: the planning values of ITU-T G.113 (11/2007), Appendix I, tables I.1 and I.4. Wide band: those of G.113
//! (09/2024), Appendix IV, where it has them; it has few. What is taken in their stead is said beside it.

use super::Band;

/// What a codec costs by itself and how well it stands lost packets.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Impairment {
    /// The scale that both are on.
    pub band: Band,
    /// Ie, or Ie,WB: what it costs by itself.
    pub ie: f64,
    /// Bpl: the greater, the better it stands loss.
    pub bpl: f64,
}

impl Impairment {
    /// G.711 with loss concealment, as every telephone has it; without, Bpl would be 4.3.
    pub const G711: Self = narrow(0.0, 25.1);

    /// Of the format that SDP calls so, in any case, at this clock rate in Hz.
    ///
    /// A codec for which there are no values (iLBC, Speex) counts as G.711: then the rating tells what loss and delay
    /// cost, and nothing of the codec.
    pub fn of(name: &str, clock_rate: u32) -> Self {
        if name.eq_ignore_ascii_case("L16") && clock_rate >= 16_000 {
            // Nothing is taken from it.
            return UNCODED;
        }
        let row = TABLE.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        row.map_or(Self::G711, |&(_, values)| values)
    }

    /// Ie,eff: with `loss` in percent, at random, so that BurstR is 1 (G.107 §7.5). G.107.1 (7-15) is the same, with
    /// the same 95.
    pub(super) fn with_loss(self, loss: f64) -> f64 {
        self.ie + (95.0 - self.ie) * loss / (loss + self.bpl)
    }
}

const fn narrow(ie: f64, bpl: f64) -> Impairment {
    Impairment { band: Band::Narrow, ie, bpl }
}

const fn wide(ie: f64, bpl: f64) -> Impairment {
    Impairment { band: Band::Wide, ie, bpl }
}

/// Wide-band sound as it is. No Bpl is published for it: it is taken to stand loss as G.711 does.
const UNCODED: Impairment = wide(0.0, Impairment::G711.bpl);

static TABLE: &[(&str, Impairment)] = &[
    ("PCMU", Impairment::G711),
    ("PCMA", Impairment::G711),
    // Annex A with its silence suppression; without, Ie would be 10 and Bpl is not given.
    ("G729", narrow(11.0, 19.0)),
    // At 6.3 kbit/s.
    ("G723", narrow(15.0, 16.1)),
    // Full rate; Bpl is not given, and taken to be that of the enhanced one.
    ("GSM", narrow(20.0, 10.0)),
    // G.113 does not name it. At 12.2 kbit/s it is the enhanced full rate codec of GSM.
    ("AMR", narrow(5.0, 10.0)),
    // At 64 kbit/s: Ie,WB as planning guides of telephone systems have it (Mitel, MX-ONE: 14). No Bpl is published: it
    // is taken to stand loss as G.711 does.
    ("G722", wide(14.0, Impairment::G711.bpl)),
    // At 12.65 kbit/s, heard with both ears: for that alone both values are given (tables IV.3 and IV.4).
    ("AMR-WB", wide(20.0, 4.3)),
    // The ITU has no values for them. At the rates in use hardly anything is lost of the wide band: they count as
    // uncoded, so that loss and delay alone are told.
    ("OPUS", UNCODED),
    ("EVS", UNCODED),
];
