//! The known signal: noise, a different piece in each frame, so that every frame that comes back says which
//! it is. Knows nothing of packets.

use std::collections::HashMap;

use switch_media::codec::Codec;

/// Samples of a frame: 20 ms at 8 kHz.
pub(crate) const FRAME: usize = 160;

/// Peak of the noise: about -15 dBm0, as loud as speech.
const PEAK: i64 = 7_000;

/// From this likeness on (1 is equal but for loudness) a frame is ours, changed on its way.
const LIKENESS: f64 = 0.8;

/// What a received payload turned out to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Recognised {
    /// Our frame of this number, every bit of it.
    Intact(u32),
    /// Our frame of this number, audibly, but not bit for bit.
    Altered(u32),
    /// None of our frames.
    Foreign,
}

/// One call's signal.
#[derive(Debug)]
pub(crate) struct Signal {
    frames: Vec<[i16; FRAME]>,
    payloads: Vec<Vec<u8>>,
    numbers: HashMap<Vec<u8>, u32>,
}

impl Signal {
    /// `count` frames coded by `codec` (one byte a sample); another `seed` is another signal.
    pub(crate) fn new(codec: &dyn Codec, count: u32, seed: u64) -> Self {
        let mut random = Random(seed);
        let (mut encoder, mut decoder) = (codec.encoder(), codec.decoder());
        let (mut frames, mut payloads) = (Vec::new(), Vec::new());
        for _ in 0..count {
            let mut pcm = [0; FRAME];
            pcm.fill_with(|| random.sample());
            let mut payload = vec![0; FRAME];
            encoder.encode(&pcm, &mut payload).expect("a frame fits a payload of a byte a sample");
            // What is compared later is what the peer can have heard.
            decoder.decode(&payload, &mut pcm).expect("a payload fits its frame");
            frames.push(pcm);
            payloads.push(payload);
        }
        let numbers = payloads.iter().cloned().zip(0..).collect();
        Self { frames, payloads, numbers }
    }

    /// Frames in all.
    pub(crate) fn len(&self) -> u32 {
        self.payloads.len() as u32
    }

    /// The payload of frame `number`, which is below [`len`](Self::len).
    pub(crate) fn payload(&self, number: u32) -> &[u8] {
        &self.payloads[number as usize]
    }

    /// Says which frame a payload of `codec` is.
    pub(crate) fn recognise(&self, codec: &dyn Codec, payload: &[u8]) -> Recognised {
        if let Some(&number) = self.numbers.get(payload) {
            return Recognised::Intact(number);
        }
        if payload.len() != FRAME {
            return Recognised::Foreign;
        }
        let mut pcm = [0; FRAME];
        if codec.decoder().decode(payload, &mut pcm).is_err() {
            return Recognised::Foreign;
        }
        let like = |frame: &[i16; FRAME]| likeness(frame, &pcm);
        let best = self.frames.iter().map(like).zip(0..).max_by(|a, b| a.0.total_cmp(&b.0));
        match best {
            Some((likeness, number)) if likeness >= LIKENESS => Recognised::Altered(number),
            _ => Recognised::Foreign,
        }
    }
}

/// Normalised correlation: 1 for the same shape at any loudness, about 0 for unrelated sound.
fn likeness(a: &[i16; FRAME], b: &[i16; FRAME]) -> f64 {
    let product = |a: &[i16; FRAME], b: &[i16; FRAME]| -> f64 {
        a.iter().zip(b).map(|(&a, &b)| i64::from(a) * i64::from(b)).sum::<i64>() as f64
    };
    let scale = (product(a, a) * product(b, b)).sqrt();
    if scale > 0.0 { product(a, b) / scale } else { 0.0 }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn sample(&mut self) -> i16 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed >> 33) as i64 % (2 * PEAK) - PEAK) as i16
    }
}

#[cfg(test)]
mod tests {
    use switch_media::codec;
    use switch_media::tone::ToneSequence;

    use super::*;

    fn law(name: &str) -> &'static dyn Codec {
        codec::find(name, 8000, 1).unwrap()
    }

    #[test]
    fn every_frame_knows_its_number() {
        let signal = Signal::new(law("PCMU"), 400, 1);
        assert_eq!(signal.numbers.len(), 400);
        for number in 0..400 {
            let payload = signal.payload(number).to_vec();
            assert_eq!(signal.recognise(law("PCMU"), &payload), Recognised::Intact(number));
        }
    }

    #[test]
    fn a_changed_frame_is_ours_and_changed() {
        let signal = Signal::new(law("PCMU"), 100, 2);
        let mut payload = signal.payload(7).to_vec();
        payload[80] ^= 1;
        assert_eq!(signal.recognise(law("PCMU"), &payload), Recognised::Altered(7));
        // Transcoded to the other law.
        let mut pcm = [0; FRAME];
        law("PCMU").decoder().decode(signal.payload(8), &mut pcm).unwrap();
        let mut payload = [0; FRAME];
        law("PCMA").encoder().encode(&pcm, &mut payload).unwrap();
        assert_eq!(signal.recognise(law("PCMA"), &payload), Recognised::Altered(8));
    }

    #[test]
    fn tones_silence_other_calls_and_other_lengths_are_foreign() {
        let codec = law("PCMU");
        let signal = Signal::new(codec, 200, 3);
        let mut pcm = [0; FRAME];
        let mut payload = [0; FRAME];
        ToneSequence::milliwatt().fill(8000, &mut pcm);
        codec.encoder().encode(&pcm, &mut payload).unwrap();
        assert_eq!(signal.recognise(codec, &payload), Recognised::Foreign);
        assert_eq!(signal.recognise(codec, &[0xff; FRAME]), Recognised::Foreign);
        assert_eq!(signal.recognise(codec, &signal.payload(0)[..80]), Recognised::Foreign);
        assert_eq!(signal.recognise(codec, &[]), Recognised::Foreign);
        let other = Signal::new(codec, 200, 4);
        for number in 0..200 {
            assert_eq!(signal.recognise(codec, other.payload(number)), Recognised::Foreign);
        }
    }

    #[test]
    fn it_is_as_loud_as_speech() {
        let signal = Signal::new(law("PCMA"), 50, 5);
        let level = switch_media::detect::level(signal.frames.as_flattened());
        assert!((-20.0..-10.0).contains(&level), "{level} dBm0");
    }
}
