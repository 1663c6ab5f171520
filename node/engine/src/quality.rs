//! How what a peer sends would be judged, and what it was to send: what is known of a stream, put together when
//! somebody asks, never for a packet.

use std::time::{Duration, Instant};

use switch_core::media::{Direction, ENOUGH, Format, MediaStats, Quality, StreamConfig};
use switch_media::emodel::{self, Impairment};

use crate::voice;

/// What offer and answer say, as far as it matters here.
#[derive(Debug)]
pub(crate) struct Agreement {
    direction: Direction,
    /// The first sound of those the peer may send.
    format: Option<Format>,
    ptime: Duration,
}

impl Agreement {
    pub(crate) fn of(config: &StreamConfig) -> Self {
        let mut formats = config.receive.iter().map(|payload| &payload.format);
        let format = formats.find(|format| is_sound(format)).cloned();
        Self { direction: config.direction, format, ptime: voice::ptime(config) }
    }
}

/// What offer and answer said so far.
#[derive(Debug, Default)]
pub(crate) struct Agreed {
    last: Option<(Instant, Agreement)>,
    /// Before the last.
    receiving: Duration,
    sending: Duration,
}

impl Agreed {
    pub(crate) fn change(&mut self, now: Instant, to: Agreement) {
        (self.receiving, self.sending) = self.durations(now);
        self.last = Some((now, to));
    }

    /// How long the peer was to send, and how long we were.
    pub(crate) fn durations(&self, now: Instant) -> (Duration, Duration) {
        let (mut receiving, mut sending) = (self.receiving, self.sending);
        if let Some((since, Agreement { direction, .. })) = &self.last {
            let time = now.saturating_duration_since(*since);
            receiving += if direction.receives() { time } else { Duration::ZERO };
            sending += if direction.sends() { time } else { Duration::ZERO };
        }
        (receiving, sending)
    }

    /// By the E-model. `heard` is what the peer was heard to send; the delay is what is known of it: half the round
    /// trip if the peer's RTCP tells of one, a packet, and a jitter buffer of twice the jitter.
    pub(crate) fn judge(
        &self,
        stats: &MediaStats,
        heard: Option<&Format>,
        jitter: Duration,
    ) -> Option<Quality> {
        if stats.expected_packets() < ENOUGH || stats.received_packets == 0 {
            return None;
        }
        let (_, agreement) = self.last.as_ref()?;
        let format = heard.or(agreement.format.as_ref())?;
        let delay = stats.round_trip.unwrap_or_default() / 2 + agreement.ptime + jitter * 2;
        let milliseconds = delay.as_secs_f64() * 1000.0;
        let codec = Impairment::of(format.name(), format.clock_rate());
        let rating = emodel::rate(codec, milliseconds, stats.loss());
        Some(Quality { jitter, rating: rating.percent, mos: rating.mos })
    }
}

/// Neither events nor noise that stands for silence.
pub(crate) fn is_sound(format: &Format) -> bool {
    !format.is_telephone_event() && format.name() != "CN"
}

#[cfg(test)]
mod tests {
    use switch_core::media::PayloadType;

    use super::*;

    fn agreement(direction: Direction, formats: &[&str]) -> Agreement {
        let receive = formats
            .iter()
            .map(|name| PayloadType { number: 0, format: Format::new(name, 8000, 1) })
            .collect();
        Agreement::of(&StreamConfig {
            remote: ([127, 0, 0, 1], 9).into(),
            remote_rtcp: ([127, 0, 0, 1], 9).into(),
            rtcp_mux: false,
            direction,
            receive,
            send: Vec::new(),
            ptime: Duration::from_millis(20),
            silence: None,
            silence_held: None,
        })
    }

    fn agreed(formats: &[&str]) -> Agreed {
        let mut agreed = Agreed::default();
        agreed.change(Instant::now(), agreement(Direction::SendRecv, formats));
        agreed
    }

    fn mos(formats: &[&str], heard: Option<&str>, stats: MediaStats) -> Option<f64> {
        let heard = heard.map(|name| Format::new(name, 8000, 1));
        agreed(formats).judge(&stats, heard.as_ref(), Duration::from_millis(1)).map(|quality| quality.mos)
    }

    #[test]
    fn each_direction_counts_while_it_is_agreed_on() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut agreed = Agreed::default();
        assert_eq!(agreed.durations(at(100)), (Duration::ZERO, Duration::ZERO));
        for (when, direction) in [
            (0, Direction::SendRecv),
            (3, Direction::SendOnly),
            (10, Direction::Inactive),
            (50, Direction::RecvOnly),
        ] {
            agreed.change(at(when), agreement(direction, &["PCMU"]));
        }
        assert_eq!(agreed.durations(at(51)), (Duration::from_secs(3 + 1), Duration::from_secs(3 + 7)));
    }

    #[test]
    fn a_stream_is_judged_when_enough_of_it_was_sent_and_any_of_it_came() {
        let stats = |received_packets, lost_packets| MediaStats {
            received_packets,
            lost_packets,
            ..MediaStats::default()
        };
        assert_eq!(mos(&["PCMU"], None, stats(49, 0)), None);
        assert_eq!(mos(&["PCMU"], None, stats(0, 60)), None);
        assert_eq!(mos(&[], None, stats(100, 0)), None);
        let clean = mos(&["PCMU"], None, stats(50, 0)).unwrap();
        assert!((4.35..4.42).contains(&clean), "{clean}");
        let heavy = mos(&["PCMU"], None, stats(40, 10)).unwrap();
        assert!((2.0..2.7).contains(&heavy), "{heavy}");
    }

    #[test]
    fn the_codec_that_is_heard_counts_before_the_one_agreed_on_first_and_a_long_way_costs() {
        let stats = MediaStats { received_packets: 100, ..MediaStats::default() };
        let [first, heard] =
            [None, Some("G729")].map(|heard| mos(&["CN", "PCMU", "G729"], heard, stats).unwrap());
        assert!(first - heard > 0.2, "{first} {heard}");
        // On its own scale.
        let wide = mos(&["PCMU"], Some("OPUS"), stats).unwrap();
        assert!(wide > 4.48, "{wide}");
        let far = MediaStats { round_trip: Some(Duration::from_millis(800)), ..stats };
        assert!(first - mos(&["PCMU"], None, far).unwrap() > 0.7);
    }
}
