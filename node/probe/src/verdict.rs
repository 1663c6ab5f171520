//! What the counts mean, in one word and one sentence, and what to look at next.

use serde::Serialize;

/// What became of the audio. Only [`Verdict::AudioBothWays`] is good.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The signal came back bit for bit, with no more lost than is tolerated.
    AudioBothWays,
    /// The signal came back, with more lost than is tolerated.
    Lossy,
    /// The signal came back audibly the same, but not bit for bit.
    Altered,
    /// One direction is known to work and the other brought nothing.
    OneWay,
    /// Nothing came back.
    NoAudio,
    /// Packets came, and there was only silence in them.
    Silence,
    /// Sound came, but not ours.
    NotOurSignal,
    /// The other side ended the call while it was being measured.
    CutShort,
}

/// What a verdict is drawn from.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Facts {
    /// Counted frames: sent, back in any shape, back but altered.
    pub(crate) expected: u32,
    pub(crate) returned: u32,
    pub(crate) altered: u32,
    /// RTP packets received, ours or not.
    pub(crate) packets: u64,
    /// How loud those were that are not ours, dBm0.
    pub(crate) foreign_level: f32,
    /// Whether the peer's RTCP says that our packets reach it. None: it sent no RTCP.
    pub(crate) heard_by_peer: Option<bool>,
    /// The peer ended the call before all was sent and awaited.
    pub(crate) cut_short: bool,
    /// Share of frames that may be lost or altered.
    pub(crate) tolerance: f64,
}

impl Facts {
    pub(crate) fn verdict(&self) -> Verdict {
        let expected = f64::from(self.expected.max(1));
        let lost = f64::from(self.expected - self.returned) / expected;
        let altered = f64::from(self.altered) / expected;
        if self.cut_short {
            return Verdict::CutShort;
        }
        if self.returned == 0 {
            return match (self.packets, self.heard_by_peer) {
                (0, Some(true)) => Verdict::OneWay,
                (0, _) => Verdict::NoAudio,
                (_, Some(false)) => Verdict::OneWay,
                _ if self.foreign_level < SILENCE => Verdict::Silence,
                _ => Verdict::NotOurSignal,
            };
        }
        match () {
            () if altered > self.tolerance => Verdict::Altered,
            () if lost > self.tolerance => Verdict::Lossy,
            () => Verdict::AudioBothWays,
        }
    }

    /// The verdict in one sentence.
    pub(crate) fn sentence(&self) -> String {
        let Self { expected, returned, altered, packets, .. } = *self;
        match self.verdict() {
            Verdict::AudioBothWays if returned == expected => {
                format!("Audio both ways: all {expected} frames came back.")
            }
            Verdict::AudioBothWays => format!("Audio both ways: {returned} of {expected} frames came back."),
            Verdict::Lossy => format!(
                "Audio both ways, but {} of {expected} frames were lost on the way.",
                expected - returned
            ),
            Verdict::Altered => format!("Audio came back changed: {altered} of {expected} frames differ."),
            Verdict::OneWay if packets == 0 => {
                "One way: the other side reports that it hears us, but sent nothing back.".into()
            }
            Verdict::OneWay => {
                format!(
                    "One way: {packets} packets came, but the other side reports that it hears nothing of us."
                )
            }
            Verdict::NoAudio => "No audio: the call was answered, and not one RTP packet came.".into(),
            Verdict::Silence => format!("Silence: {packets} packets came, and there is no sound in them."),
            Verdict::NotOurSignal => {
                format!("Not our signal: {packets} packets came with sound, but not the one we sent.")
            }
            Verdict::CutShort => {
                format!(
                    "Cut short: the other side ended the call when {returned} of {expected} frames were back."
                )
            }
        }
    }

    /// What to look at next; empty when all is well.
    pub(crate) fn next_step(&self) -> &'static str {
        match self.verdict() {
            Verdict::AudioBothWays => "",
            Verdict::Lossy => {
                "See which direction loses below; look at the drop counters of interfaces and sockets on that way."
            }
            Verdict::Altered => {
                "Something on the path decodes the audio (transcoding, volume, an echo canceller); a pure echo does not."
            }
            Verdict::OneWay if self.packets == 0 => {
                "Packets to us are lost: look for a firewall or NAT before this host; try --local with an address the other side can reach."
            }
            Verdict::OneWay => {
                "Packets to the other side are lost: are its RTP ports open, and is the address in its SDP one that reaches it?"
            }
            Verdict::NoAudio => {
                "Are the RTP ports (UDP) open both ways, and is the address in each side's SDP one the other reaches?"
            }
            Verdict::Silence => {
                "Does this number echo? With our switch 9196 does; else our packets may not arrive there."
            }
            Verdict::NotOurSignal => {
                "This number plays something instead of echoing; dial an echo such as 9196."
            }
            Verdict::CutShort => "Look in the other side's log for why it ended the call.",
        }
    }
}

/// Quieter is silence, dBm0: two steps of G.711 are about -66.
const SILENCE: f32 = -60.0;

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: Facts = Facts {
        expected: 160,
        returned: 160,
        altered: 0,
        packets: 170,
        foreign_level: f32::NEG_INFINITY,
        heard_by_peer: None,
        cut_short: false,
        tolerance: 0.01,
    };

    #[test]
    fn each_combination_has_its_verdict() {
        let none = Facts { returned: 0, ..GOOD };
        for (facts, expected) in [
            (GOOD, Verdict::AudioBothWays),
            (Facts { returned: 159, ..GOOD }, Verdict::AudioBothWays),
            (Facts { returned: 158, ..GOOD }, Verdict::Lossy),
            (Facts { returned: 159, tolerance: 0.0, ..GOOD }, Verdict::Lossy),
            (Facts { altered: 160, ..GOOD }, Verdict::Altered),
            (Facts { packets: 0, ..none }, Verdict::NoAudio),
            (Facts { packets: 0, heard_by_peer: Some(false), ..none }, Verdict::NoAudio),
            (Facts { packets: 0, heard_by_peer: Some(true), ..none }, Verdict::OneWay),
            (Facts { heard_by_peer: Some(false), ..none }, Verdict::OneWay),
            (Facts { heard_by_peer: Some(true), ..none }, Verdict::Silence),
            (Facts { foreign_level: 0.0, ..none }, Verdict::NotOurSignal),
            (Facts { cut_short: true, ..GOOD }, Verdict::CutShort),
        ] {
            assert_eq!(facts.verdict(), expected, "{facts:?}");
            assert!(facts.sentence().ends_with('.'));
            assert_eq!(facts.next_step().is_empty(), expected == Verdict::AudioBothWays);
        }
    }
}
